"""What runs a network: one small contract, several implementations, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featurize.engines.base import Engine, Vectors
from featurize.errors import BackboneError

if TYPE_CHECKING:
    from featurize.backbones import Backbone
    from featurize.recipes import Formula
    from featurize.weights import Weights

BATCH_ON_CPU = 8  # as fast as larger ones where each processor has its own batch, and small in memory
BATCH_ON_GPU = 256


@dataclass(frozen=True)
class EngineChoice:
    """What the user said about computing.

    Parameters
    ----------
    engine : str
        "auto" takes ONNX Runtime on a CPU and PyTorch on a GPU or for bf16.
    precision : str
        "fp32", "bf16", or "int8:<hash>" of a calibrated body.
    device : str
    batch_size : int, optional
    compiled : bool
        Use torch.compile.
    """

    engine: str = "auto"
    precision: str = "fp32"
    device: str = "auto"
    batch_size: int | None = None
    compiled: bool = False


def make_engine(
    backbone: Backbone,
    weights: Weights,
    formulas: Sequence[Formula],
    choice: EngineChoice,
    folder: Path,
) -> Engine:
    """An engine with its network loaded.

    Parameters
    ----------
    backbone : Backbone
    weights : Weights
    formulas : sequence of Formula
    choice : EngineChoice
    folder : Path
        The key's folder: exported networks are kept there.

    Raises
    ------
    BackboneError
        The device is not there, or engine, precision and device don't go together.
    WeightsError
        The weights can't be had.
    """
    from featurize.engines.torch import choose_device

    precision = choice.precision.partition(":")[0]
    if precision == "int8" or choice.engine == "onnx":
        device = "cpu" if choice.device == "auto" else choose_device(choice.device)
    else:
        device = choose_device(choice.device)
    engine = choice.engine
    if engine == "auto":
        engine = "torch" if device != "cpu" or precision == "bf16" else "onnx"
    make: Callable[..., Engine] = _torch if engine == "torch" else _onnx
    _check(engine, precision, device)
    return make(backbone, weights, formulas, choice, folder, device)


def _check(engine: str, precision: str, device: str) -> None:
    if engine == "onnx" and device != "cpu":
        raise BackboneError(f"the onnx engine runs on a CPU, not on {device!r}: use --engine torch")
    if engine == "onnx" and precision == "bf16":
        raise BackboneError("the onnx engine has no bf16: use --engine torch, or --precision int8")
    if engine == "torch" and precision == "int8":
        raise BackboneError("int8 runs in the onnx engine only: use --engine onnx")


def _torch(
    backbone: Backbone, weights: Weights, formulas: Sequence[Formula], choice: EngineChoice, folder: Path, device: str
) -> Engine:
    from featurize.engines.torch import TorchEngine
    from featurize.weights import load

    return TorchEngine(
        backbone,
        load(backbone, weights),
        formulas,
        weights.transform,
        batch_size=choice.batch_size or (BATCH_ON_CPU if device == "cpu" else BATCH_ON_GPU),
        device=device,
        precision=choice.precision,
        compiled=choice.compiled,
    )


def _onnx(
    backbone: Backbone, weights: Weights, formulas: Sequence[Formula], choice: EngineChoice, folder: Path, device: str
) -> Engine:
    from featurize.engines.onnx import OnnxEngine, export_body, find_body, keep_body
    from featurize.weights import load

    body = find_body(folder, choice.precision)
    if body is None:
        body = keep_body(folder, export_body(backbone, load(backbone, weights), weights.transform))
    return OnnxEngine(
        body,
        formulas,
        weights.transform,
        batch_size=choice.batch_size or BATCH_ON_CPU,
        precision=choice.precision,
    )


__all__ = ["Engine", "EngineChoice", "Vectors", "make_engine"]
