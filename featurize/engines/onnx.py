"""ONNX Runtime as an engine: the fastest way on a CPU in float32, and eight-bit integers on any processor.

One processor works on one batch: several threads may run batches at once, which wastes nothing on waiting for each
other and makes the numbers independent of the number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cache.key import Json
from featurize.engines.base import Engine
from featurize.engines.exported import INPUT
from featurize.networks.recipes import Formula

if TYPE_CHECKING:
    import onnxruntime


class OnnxEngine(Engine):
    """An exported network in ONNX Runtime.

    Parameters
    ----------
    model : bytes
        From pixels to vectors; see `featurize.engines.exported.join`.
    formulas : sequence of Formula
    batch_size : int
    precision : str
        As recorded: "fp32", or "int8:<hash>" where the body is a calibrated one.
    """

    parallel = True

    def __init__(self, model: bytes, formulas: Sequence[Formula], *, batch_size: int, precision: str = "fp32") -> None:
        super().__init__(formulas, batch_size)
        self.precision = precision
        self._session = open_session(model)
        self._outputs = [o.name for o in self._session.get_outputs()]

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        return [np.asarray(v) for v in self._session.run(self._outputs, {INPUT: pixels})]

    def environment(self) -> Mapping[str, Json]:
        return {
            "engine": "onnx",
            "precision": self.precision,
            "onnxruntime": metadata.version("onnxruntime"),
            "device": "cpu",
            "batch_size": self.batch_size,
        }


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """An exported network, ready to run on one processor for each thread that asks it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
