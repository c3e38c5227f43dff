"""The frozen network as all engines use it: pixels in, feature maps of its stages out, BatchNorm folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from featurize.networks.network import Network
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import torch


def frozen_body(network: Network, module: torch.nn.Module, last: int = -1) -> torch.nn.Module:
    """Cut a network behind a stage and make it take pixels.

    Parameters
    ----------
    network : Network
        The mean and deviation of its transform are applied in the body, so that 8-bit pixels come in.
    module : torch.nn.Module
        The network, loaded, in evaluation mode.
    last : int
        The last stage that is needed, as a place in `Backbone.stages`.

    Returns
    -------
    torch.nn.Module
        (B, H, W, 3) uint8 -> tuple of feature maps (B, C, h, w), from the first stage to `last`.
    """
    stages = last % len(network.backbone.stages) + 1
    return _make_body(network.cut(module, stages), stages, network.transform).eval().requires_grad_(False)


def _make_body(cut: torch.nn.Module, stages: int, transform: Transform) -> torch.nn.Module:
    import torch

    class Body(torch.nn.Module):
        """Normalisation, then the stages; defined here because torch is loaded late."""

        scale: torch.Tensor
        shift: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.inner = cut
            # (v / 255 - mean) / std is v * scale + shift
            scale = [1 / (255 * s) for s in transform.std]
            shift = [-m / s for m, s in zip(transform.mean, transform.std, strict=True)]
            self.register_buffer("scale", torch.tensor(scale).view(1, 3, 1, 1))
            self.register_buffer("shift", torch.tensor(shift).view(1, 3, 1, 1))

        def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
            x = pixels.permute(0, 3, 1, 2).to(self.scale.dtype)  # (B, 3, H, W), channels last in memory
            maps = self.inner(x * self.scale + self.shift)
            return tuple(maps[str(n)] for n in range(stages))

    return Body()
