"""An engine without a network: for trying and testing everything around one.

It is fast enough to be killed often and as touchy as a real one can be: its vectors depend on the size of the batch and
the place in it, so code that moves a picture to another place, or lets batches vary, shows in the last bits. The
command line does not offer it, because its vectors would stand under the key of a real network.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cache.key import Json
from featurize.engines.base import Engine
from featurize.networks.recipes import Formula

if TYPE_CHECKING:
    from featurize.engines import EngineChoice

DIMENSION = 16
BATCH = 4


class FakeEngine(Engine):
    """Sixteen means of parts of the pixels.

    Parameters
    ----------
    formulas : sequence of Formula
        Each gets the same sixteen numbers.
    batch_size : int
    pause : float
        Seconds that a batch takes.
    bias : float
        Added to every number: a machine that computes otherwise.

    Attributes
    ----------
    seen : int
        Batches so far.
    """

    parallel = True

    def __init__(self, formulas: Sequence[Formula], batch_size: int, pause: float = 0.0, bias: float = 0.0) -> None:
        super().__init__(formulas, batch_size)
        self.pause = pause
        self.bias = bias
        self.seen = 0

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        if pixels.shape[0] != self.batch_size:
            raise ValueError(f"a batch of {pixels.shape[0]} pictures: every batch has {self.batch_size}")
        self.seen += 1
        time.sleep(self.pause)
        columns = pixels.reshape(self.batch_size, DIMENSION, -1).mean(axis=2, dtype=np.float64) + self.bias
        touch = 1 + 1e-7 * (np.arange(self.batch_size)[:, None] + 1 / self.batch_size)
        return [(columns * touch).astype(np.float32) for _ in self.formulas]

    def environment(self) -> Mapping[str, Json]:
        return {"engine": "fake", "precision": "fp32", "device": "none", "batch_size": self.batch_size}


class FakeEngines:
    """Makes fakes where `make_engine` makes engines, and remembers them.

    Parameters
    ----------
    pause, bias : float
        See `FakeEngine`.

    Attributes
    ----------
    made : list of FakeEngine
    """

    def __init__(self, pause: float = 0.0, bias: float = 0.0) -> None:
        self.pause = pause
        self.bias = bias
        self.made: list[FakeEngine] = []

    def __call__(
        self, network: object, formulas: Sequence[Formula], choice: EngineChoice, artifacts: object
    ) -> FakeEngine:
        """A fake; neither the network nor its artifacts are looked at."""
        self.made.append(FakeEngine(formulas, choice.batch_size or BATCH, self.pause, self.bias))
        return self.made[-1]
