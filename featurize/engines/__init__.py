"""What runs a network: one small contract, several implementations, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featurize.choices import ENGINES
from featurize.engines.base import Engine, Vectors
from featurize.errors import BackboneError
from featurize.networks.libraries.onnx_file import ONNX
from featurize.networks.recipes import PIXELS

if TYPE_CHECKING:
    from cache import Artifacts
    from featurize.networks.base import Backbone
    from featurize.networks.network import Network
    from featurize.networks.recipes import Formula

BATCH_ON_CPU = 8  # as fast as larger ones where each processor has its own batch, and small in memory
BATCH_ON_GPU = 256
_PATCHES = 576  # for which a batch of eight has room; the memory of attention grows with their square


@dataclass(frozen=True)
class EngineChoice:
    """What the user said about computing.

    Parameters
    ----------
    engine : str
        "auto" takes the fastest: PyTorch on a GPU, ONNX Runtime on a CPU, OpenVINO there for int8 and bf16 and for
        networks of tokens.
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


# What makes an engine: `make_engine`, or a fake in its place.
EngineFactory = Callable[["Network", Sequence["Formula"], EngineChoice, "Artifacts"], Engine]


def make_engine(network: Network, formulas: Sequence[Formula], choice: EngineChoice, artifacts: Artifacts) -> Engine:
    """An engine with its network loaded.

    Parameters
    ----------
    network : Network
    formulas : sequence of Formula
    choice : EngineChoice
    artifacts : Artifacts
        Of the key: exported networks are kept there.

    Raises
    ------
    BackboneError
        The device is not there, or engine, precision and device don't go together, or pictures are to be decoded on a
        GPU and can't be.
    WeightsError
        The weights can't be had.
    """
    if network.transform.decode == "gpu":
        from featurize.pictures import gpu_decoder

        gpu_decoder.check()
    of_network = [formula for formula in formulas if formula.kind != PIXELS]
    if not of_network:
        from featurize.engines.pixels import PixelEngine

        return PixelEngine(formulas, choice.batch_size or BATCH_ON_CPU)
    engine, device = settled(network.backbone, choice)
    if network.backbone.provider == ONNX:
        return _onnx_file(network, formulas, choice, artifacts)
    if engine == "torch":
        return _torch(network, formulas, choice, device)
    from featurize.engines.exported import joined

    model = joined(network, of_network, choice.precision, artifacts)
    size = choice.batch_size or batch_on_cpu(network)
    if engine == "onnx":
        from featurize.engines.onnx import OnnxEngine

        return OnnxEngine(model, formulas, batch_size=size, precision=choice.precision)
    from featurize import processors
    from featurize.engines.openvino import OpenvinoEngine

    return OpenvinoEngine(model, formulas, batch_size=size, precision=choice.precision, workers=processors.count())


def settled(backbone: Backbone, choice: EngineChoice) -> tuple[str, str]:
    """The engine and the device that a choice leads to, before anything is loaded.

    Raises
    ------
    BackboneError
        The device is not there, or network, engine, precision and device don't go together.
    """
    precision = choice.precision.partition(":")[0]
    if backbone.provider == ONNX:
        elsewhere = choice.engine not in ("auto", "onnx") or choice.device not in ("auto", "cpu") or choice.compiled
        if elsewhere or precision != "fp32":
            raise BackboneError(
                f"{backbone.full_name} is an ONNX file, which runs in the onnx engine, in fp32, on a CPU: leave "
                "--engine, --precision, --device and --compile out"
            )
        return "onnx", "cpu"
    device = device_for(choice)
    engine = choice.engine if choice.engine != "auto" else _fastest(precision, device, backbone)
    _check(engine, precision, device, compiled=choice.compiled)
    return engine, device


def batch_on_cpu(network: Network) -> int:
    """Pictures in a batch on a processor; fewer where a vision transformer sees many patches.

    DINOv2 at its own 518 pixels has 1,369 patches: batches of eight took 5.9 GB.
    """
    reduction = network.backbone.stages[0].reduction
    if not network.backbone.of_tokens or not reduction:
        return BATCH_ON_CPU
    patches = (network.transform.crop // reduction) ** 2
    return max(1, min(BATCH_ON_CPU, BATCH_ON_CPU * _PATCHES**2 // patches**2))


def device_for(choice: EngineChoice) -> str:
    """The device that a choice leads to: "cpu", "cuda", ...

    Raises
    ------
    BackboneError
        It is not there.
    """
    from featurize.engines.torch import choose_device

    on_cpu = choice.precision.startswith("int8") or choice.engine in ("onnx", "openvino")
    if choice.device == "auto" and on_cpu:
        return "cpu"
    return choose_device(choice.device)


def _fastest(precision: str, device: str, backbone: Backbone) -> str:
    """As measured by scripts/bench_extract.py; OpenVINO is there on x86 processors only."""
    from featurize.engines import openvino
    from featurize.engines.exported import LARGEST

    if device != "cpu" or (backbone.parameters > LARGEST and precision != "int8"):
        return "torch"
    if precision == "bf16":
        return "openvino" if openvino.installed() and openvino.has_bf16() else "torch"
    in_openvino = precision == "int8" or backbone.of_tokens
    return "openvino" if in_openvino and openvino.installed() else "onnx"


def _check(engine: str, precision: str, device: str, *, compiled: bool) -> None:
    if engine not in ENGINES:
        raise BackboneError(f"--engine {engine}: choose one of {', '.join(ENGINES)}")
    if engine != "torch" and device != "cpu":
        raise BackboneError(f"the {engine} engine runs on a CPU, not on {device!r}: use --engine torch")
    if engine == "onnx" and precision == "bf16":
        raise BackboneError("the onnx engine has no bf16: use --engine openvino or torch, or --precision int8")
    if engine == "torch" and precision == "int8":
        raise BackboneError("int8 does not run in the torch engine: use --engine openvino or onnx")
    if compiled and engine != "torch":
        raise BackboneError(
            f"--compile is for the torch engine, and this run takes the {engine} engine: add --engine torch, or leave "
            "--compile out"
        )


def _onnx_file(network: Network, formulas: Sequence[Formula], choice: EngineChoice, artifacts: Artifacts) -> Engine:
    from featurize.engines.onnx_file import OnnxFileEngine

    return OnnxFileEngine(network, formulas, batch_size=choice.batch_size or BATCH_ON_CPU, artifacts=artifacts)


def _torch(network: Network, formulas: Sequence[Formula], choice: EngineChoice, device: str) -> Engine:
    from featurize.engines.torch import TorchEngine

    return TorchEngine(
        network,
        network.load(),
        formulas,
        batch_size=choice.batch_size or (batch_on_cpu(network) if device == "cpu" else BATCH_ON_GPU),
        device=device,
        precision=choice.precision,
        compiled=choice.compiled,
    )


__all__ = ["Engine", "EngineChoice", "EngineFactory", "Vectors", "device_for", "make_engine", "settled"]
