"""PyTorch as an engine: the reference on a CPU, and the way to a GPU."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cache.key import Json
from featurize.engines.base import Engine
from featurize.engines.frozen import frozen_body
from featurize.errors import BackboneError
from featurize.networks.network import Network
from featurize.networks.recipes import Formula
from featurize.wording import cut

if TYPE_CHECKING:
    import torch


class TorchEngine(Engine):
    """A network in PyTorch, channels last, its maps pooled by the recipes' formulas.

    Parameters
    ----------
    network : Network
    module : torch.nn.Module
        The network, loaded, in evaluation mode.
    formulas : sequence of Formula
    batch_size : int
    device : str
        "cpu", "cuda", "cuda:1", ...
    precision : str
        "fp32" (on a GPU without TF32, which keeps ten bits only) or "bf16".
    compiled : bool
        Let torch.compile make kernels for this shape: a minute at first, faster afterwards.
    """

    def __init__(
        self,
        network: Network,
        module: torch.nn.Module,
        formulas: Sequence[Formula],
        *,
        batch_size: int,
        device: str = "cpu",
        precision: str = "fp32",
        compiled: bool = False,
    ) -> None:
        import torch

        super().__init__(formulas, batch_size)
        self.device = device
        self.parallel = device == "cpu"
        self.precision = precision
        self._stages = len(network.backbone.stages)
        self._versions = network.versions()
        last = max(place for f in self.formulas for place in f.places(self._stages))
        self._type = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
        body = frozen_body(network, module, last).to(device, self._type)
        self._body = body.to(memory_format=torch.channels_last)
        if compiled:
            self._body.compile()  # the formulas stay as they are: they take no time, and make constants as they go
        if precision == "fp32":
            keep_all_digits()

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        import torch

        batch = torch.from_numpy(pixels)
        if self.device != "cpu":
            batch = batch.pin_memory().to(self.device, non_blocking=True)
        with torch.inference_mode():
            return [v.cpu().numpy() for v in self.vectors(batch)]

    def vectors(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """The formulas' vectors (B, D) float32 of pixels (B, H, W, 3) uint8; both lie on the device."""
        maps = self._body(pixels)
        return [f.vectors([maps[n].float() for n in f.places(self._stages)]) for f in self.formulas]

    def environment(self) -> Mapping[str, Json]:
        import torch

        on_gpu = self.device.startswith("cuda")
        return {
            "engine": "torch",
            "precision": self.precision,
            **self._versions,
            "device": torch.cuda.get_device_name(self.device) if on_gpu else self.device,
            "batch_size": self.batch_size,
        }


def keep_all_digits() -> None:
    """Let GPUs multiply numbers of 32 bits as they are: TF32, the default of convolutions, keeps ten bits of each."""
    import torch

    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False


def choose_device(wanted: str) -> str:
    """The device that "auto" means here, or the one asked for if it is there.

    Raises
    ------
    BackboneError
        It is not there.
    """
    if wanted == "cpu" or (wanted == "auto" and not _may_have_gpu()):
        return "cpu"
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=wanted)
    except (RuntimeError, AssertionError) as error:
        raise BackboneError(
            f"the device {wanted!r} is not to be had here ({_reason(error)}): use --device auto or cpu"
        ) from error
    return wanted


def _reason(error: Exception) -> str:
    """The first sentence of what PyTorch says."""
    return cut(str(error).splitlines()[0].partition(". ")[0], 100)


def _may_have_gpu() -> bool:
    """Whether a driver of NVIDIA's or AMD's is there: known without loading torch, which takes seconds and 500 MB."""
    for driver in ("libcuda.so.1", "nvcuda.dll"):
        with contextlib.suppress(OSError):
            ctypes.CDLL(driver)
            return True
    return Path("/dev/kfd").exists()
