"""What needs no network as an engine: the recipes that read pixels alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cache.key import Json
from featurize.engines.base import Engine


class PixelEngine(Engine):
    """Statistics of pixels; no network is loaded."""

    parallel = True

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        return []

    def environment(self) -> Mapping[str, Json]:
        return {"engine": "numpy", "precision": "fp32", "device": "cpu", "batch_size": self.batch_size}
