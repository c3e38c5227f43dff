"""An engine without a network, fast enough to be killed often and as touchy as a real one can be.

Its vectors depend on the size of the batch and the place in it, so that whoever moves a picture to another
place, or lets batches vary, is found out by the last bits.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from cache.key import Json
from featurize.engines import Engine, EngineChoice
from featurize.networks.recipes import Formula
from featurize.pictures import decoder_processes
from featurize.run import extract, verify

DIMENSION = 16


class FakeEngine(Engine):
    """Sixteen projections of the pixels; `bias` stands for a machine that computes otherwise."""

    def __init__(self, formulas: Sequence[Formula], batch_size: int, pause: float = 0.0, bias: float = 0.0) -> None:
        super().__init__(formulas, batch_size)
        self.pause = pause
        self.bias = bias
        self.seen = 0

    parallel = True

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        assert pixels.shape[0] == self.batch_size, "every batch has the same shape"
        self.seen += 1
        time.sleep(self.pause)
        columns = pixels.reshape(self.batch_size, DIMENSION, -1).mean(axis=2, dtype=np.float64) + self.bias
        touch = 1 + 1e-7 * (np.arange(self.batch_size)[:, None] + 1 / self.batch_size)
        return [(columns * touch).astype(np.float32) for _ in self.formulas]

    def environment(self) -> Mapping[str, Json]:
        return {"engine": "fake", "precision": "fp32", "device": "none", "batch_size": self.batch_size}


def install(
    patch: pytest.MonkeyPatch | None = None, pause: float = 0.0, bias: float = 0.0, isolated_decoder: bool = False
) -> list[FakeEngine]:
    """Let every run use the fake; gives the engines that were made.

    Pictures are decoded in the same process, unless said otherwise: starting another takes longer than such a run.
    """
    made: list[FakeEngine] = []

    def make(network: object, formulas: Sequence[Formula], choice: EngineChoice, artifacts: object) -> FakeEngine:
        made.append(FakeEngine(formulas, choice.batch_size or 4, pause, bias))
        return made[-1]

    changes: list[tuple[object, str, object]] = [(extract, "make_engine", make), (verify, "make_engine", make)]
    if not isolated_decoder:
        changes += [
            (decoder_processes, "pixels_of", decoder_processes.pixels_here),
            (decoder_processes, "start", lambda count: None),
        ]
    for module, name, value in changes:
        if patch:
            patch.setattr(module, name, value)
        else:
            setattr(module, name, value)
    return made
