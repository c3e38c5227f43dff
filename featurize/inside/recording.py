"""What the layers of a network give while it looks at a picture, and how that becomes maps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featurize.errors import BackboneError
from featurize.networks.network import Network

if TYPE_CHECKING:
    import torch

_MOST_EXTRA = 16  # tokens before those of the patches: a class token, registers


def record(module: torch.nn.Module, batch: torch.Tensor, names: Sequence[str]) -> dict[str, torch.Tensor]:
    """Run a network and keep what some of its layers give.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.
    batch : torch.Tensor (B, 3, H, W)
        Normalised pixels.
    names : sequence of str
        Own names of layers.

    Returns
    -------
    dict of str to torch.Tensor
        Layers that ran; of one that ran several times, what it gave last.
    """
    import torch

    found: dict[str, torch.Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor):
                found[name] = output.detach().clone()  # the next layer may work in place

        return hook

    modules = dict(module.named_modules())
    hooks = [modules[name].register_forward_hook(keep(name)) for name in names]
    try:
        with torch.no_grad():
            module(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def in_short(network: Network) -> str:
    """The network and its weights in a few words, without a digest's last digits."""
    name, _, digest = network.weights.identity.partition("sha256:")
    return f"{network.backbone.full_name}, weights {name or f'sha256:{digest[:12]}…'}"


def normalised(network: Network, pixels: NDArray[np.uint8]) -> torch.Tensor:
    """Pixels (B, H, W, 3) uint8 as the network takes them: (B, 3, H, W) float32."""
    import torch

    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (network.transform.mean, network.transform.std))
    batch = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float()
    normal: torch.Tensor = (batch / 255 - mean) / std
    return normal


def as_maps(output: torch.Tensor, name: str) -> torch.Tensor:
    """What a layer gives for one picture, as maps (C, h, w).

    Maps stay as they are. Of tokens (N, C) those of the patches are laid out as the square they come from; tokens that
    stand before them (a class token, registers) belong to no place and are left out.

    Raises
    ------
    BackboneError
        It is neither.
    """
    if output.ndim == 3:
        return output
    if output.ndim == 2:
        extra = before_patches(len(output))
        if extra is not None:
            side = math.isqrt(len(output) - extra)
            return output[extra:].T.reshape(-1, side, side)
    shape = " x ".join(map(str, output.shape))
    raise BackboneError(
        f"the layer {name!r} gives no maps (for one picture its shape is {shape}): choose another layer"
    )


def before_patches(tokens: int) -> int | None:
    """How many of some tokens stand before those of the patches of a square; None where they are of no square."""
    side = math.isqrt(tokens)
    extra = tokens - side**2
    return extra if side > 1 and extra <= _MOST_EXTRA else None
