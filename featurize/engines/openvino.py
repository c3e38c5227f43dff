"""OpenVINO as an engine: the fastest way on an x86 processor in eight-bit integers, and in bfloat16 where it has it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from importlib import metadata, util
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cache.key import Json
from featurize.engines.base import Engine
from featurize.engines.exported import INPUT
from featurize.errors import BackboneError
from featurize.networks.recipes import Formula

if TYPE_CHECKING:
    import openvino


class OpenvinoEngine(Engine):
    """An exported network in OpenVINO, one request a thread, each on one processor.

    Parameters
    ----------
    model : bytes
        From pixels to vectors; see `featurize.engines.exported.join`.
    formulas : sequence of Formula
    batch_size : int
    precision : str
        As recorded: "fp32", "bf16", or "int8:<hash>" where the body is a calibrated one.
    workers : int
        Threads that will call.

    Raises
    ------
    BackboneError
        OpenVINO is not installed, or the processor has no bfloat16.
    """

    parallel = True
    in_caller = False  # OpenVINO has threads of its own

    def __init__(
        self, model: bytes, formulas: Sequence[Formula], *, batch_size: int, precision: str = "fp32", workers: int = 1
    ) -> None:
        if not installed():
            raise BackboneError("OpenVINO is not installed: `pip install openvino`, or use --engine onnx")
        if precision == "bf16" and not has_bf16():
            raise BackboneError("this processor has no bfloat16 for the openvino engine: use --engine torch")
        import openvino

        super().__init__(formulas, batch_size)
        self.precision = precision
        core = openvino.Core()
        network = core.read_model(model)
        network.reshape({INPUT: [batch_size, *list(network.input(INPUT).partial_shape)[1:]]})
        options = {
            # of its own accord it would compute in bfloat16 wherever the processor can
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "NUM_STREAMS": workers,
            "INFERENCE_NUM_THREADS": workers,
            "ENABLE_CPU_PINNING": False,  # other programs use the processors, too
        }
        self._compiled = core.compile_model(network, "CPU", options)
        self._mine = threading.local()

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        found = self._request().infer({INPUT: pixels}, share_inputs=True)
        return [np.asarray(found[n]) for n in range(len(self.formulas))]

    def _request(self) -> openvino.InferRequest:
        if not hasattr(self._mine, "request"):
            self._mine.request = self._compiled.create_infer_request()
        request: openvino.InferRequest = self._mine.request
        return request

    def environment(self) -> Mapping[str, Json]:
        return {
            "engine": "openvino",
            "precision": self.precision,
            "openvino": metadata.version("openvino"),
            "device": "cpu",
            "batch_size": self.batch_size,
        }


def installed() -> bool:
    """Whether OpenVINO is there; it is installed with the project where it is the fastest, on x86 processors."""
    return util.find_spec("openvino") is not None


def has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 numbers."""
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
