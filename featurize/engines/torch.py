"""The reference engine: PyTorch, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cache import Recipe
from cache.key import Json
from featurize.backbones import Backbone
from featurize.engines.base import Engine
from featurize.errors import BackboneError
from featurize.recipes import Formula
from featurize.transform import Transform

if TYPE_CHECKING:
    import torch


class TorchEngine(Engine):
    """A network in PyTorch, its last maps pooled by the recipes' formulas.

    Parameters
    ----------
    backbone : Backbone
    network : torch.nn.Module
        The whole classification network, in evaluation mode.
    formulas : sequence of Formula
    transform : Transform
        Mean and standard deviation are applied here.
    batch_size : int
    device : str
        "auto", "cpu", "cuda", "cuda:1", ...

    Raises
    ------
    BackboneError
        The device is not there.
    """

    def __init__(
        self,
        backbone: Backbone,
        network: torch.nn.Module,
        formulas: Sequence[Formula],
        transform: Transform,
        *,
        batch_size: int = 32,
        device: str = "auto",
    ) -> None:
        import torch

        self.batch_size = batch_size
        self.device = choose_device(device)
        self._formulas = list(formulas)
        self._graph = staged(backbone, network, formulas).to(self.device)
        self._graph = self._graph.to(memory_format=torch.channels_last)
        self._stages = len(backbone.stages)
        # v / 255 normalised by mean and std is v * scale + shift
        self._scale = torch.tensor([1 / (255 * s) for s in transform.std], device=self.device).view(1, 3, 1, 1)
        self._shift = torch.tensor(
            [-m / s for m, s in zip(transform.mean, transform.std, strict=True)], device=self.device
        ).view(1, 3, 1, 1)

    def embed(self, pixels: NDArray[np.uint8]) -> Mapping[Recipe, NDArray[np.float32]]:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2)  # (B, 3, H, W) channels last
            maps = self._graph(batch.float() * self._scale + self._shift)
            return {
                f.recipe: f.vectors([maps[str(s % self._stages)] for s in f.stages]).float().cpu().numpy()
                for f in self._formulas
            }

    def environment(self) -> Mapping[str, Json]:
        import torch

        on_gpu = self.device.startswith("cuda")
        return {
            "engine": "torch",
            "torch": metadata.version("torch"),
            "torchvision": metadata.version("torchvision"),
            "device": torch.cuda.get_device_name(self.device) if on_gpu else "cpu",
            "threads": torch.get_num_threads(),
            "batch_size": self.batch_size,
        }


def staged(backbone: Backbone, network: torch.nn.Module, formulas: Sequence[Formula]) -> torch.nn.Module:
    """The network cut behind the last stage that a formula reads; gives {stage number: feature map}.

    The numbers are those of `Backbone.stages`, as strings.
    """
    from torchvision.models.feature_extraction import create_feature_extractor

    count = len(backbone.stages)
    wanted = sorted({s % count for f in formulas for s in f.stages})
    module: torch.nn.Module = create_feature_extractor(network, {backbone.stages[n]: str(n) for n in wanted})
    return module.eval()


def choose_device(wanted: str) -> str:
    """The device that "auto" means here, or the one asked for if it is there.

    Raises
    ------
    BackboneError
        It is not there.
    """
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=wanted)
    except (RuntimeError, AssertionError) as error:
        raise BackboneError(
            f"the device {wanted!r} is not to be had here ({str(error).splitlines()[0][:100]}): "
            "use --device auto or cpu"
        ) from error
    return wanted
