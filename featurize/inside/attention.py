"""Where the attention heads of a network of tokens look: attention maps, as arrays.

Networks of timm and transformers weigh their tokens by PyTorch's `scaled_dot_product_attention`, which does not give
the weights. So they are computed beside it, from the same queries and keys: softmax(q k^T / sqrt(d)), equation 1 of
Vaswani et al. 2017. PyTorch's `MultiheadAttention`, which open_clip uses, gives them when it is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featurize.errors import BackboneError
from featurize.inside.activations import FIRST, Choice, Pixels
from featurize.inside.layers import find_layer
from featurize.inside.recording import before_patches, in_short, normalised
from featurize.networks.network import Network
from featurize.wording import listing

if TYPE_CHECKING:
    import torch

_CLASS_TOKENS = ("cls_token", "class_token", "class_embedding")  # what timm, torchvision and open_clip call it
_NO_QUERY = "all patches, their mean"


@dataclass(frozen=True)
class Attention:
    """Where some heads of a block look in a picture.

    Parameters
    ----------
    network : str
        The network and its weights in a few words.
    layer : str
        The attention layer's own name.
    maps : ndarray (n, h, w) float32
        The weight that each head gives to each patch; what is missing to 1 goes to tokens that are no patches.
    numbers : sequence of int
        Which heads they are, from 0.
    heads : int
        How many the layer has.
    mean : ndarray (h, w) float32
        Of all its heads.
    query : str
        Whose attention it is: the class token's, the pooling query's, or the mean of all patches'.
    strongest : bool
        Whether the heads were chosen by how much weight they give to patches.
    pixels : ndarray (H, W, 3) uint8
        The picture as the network sees it.
    block : tuple of int
        Which of how many attention layers it is, from 1.
    untrained : bool
    """

    network: str
    layer: str
    maps: NDArray[np.float32]
    numbers: Sequence[int]
    heads: int
    mean: NDArray[np.float32]
    query: str
    strongest: bool
    pixels: Pixels
    block: tuple[int, int]
    untrained: bool


def attention_maps(
    network: Network, module: torch.nn.Module, pixels: Pixels, layer: str = "", choice: Choice = FIRST
) -> list[Attention]:
    """Where the heads of each attention layer look, early layers first.

    Parameters
    ----------
    network : Network
    module : torch.nn.Module
        From `network.load()`.
    pixels : ndarray (H, W, 3) uint8
        From `featurize.pictures.file.pixels` with the network's transform.
    layer : str
        An attention layer, or a block that holds one; by default all.
    choice : Choice
        Which heads.

    Raises
    ------
    BackboneError
        The network has no attention over the whole picture, no such layer or no such head.
    """
    wanted = find_layer(network, module, layer) if layer else ""
    found = record_attention(module, normalised(network, pixels[None]))
    whole = {n: weights[0] for n, weights in found.items() if len(weights) == 1 and _has_places(weights)}
    if not whole:
        raise BackboneError(
            f"{network.backbone.full_name} has no layer in which each part of the picture attends to every other: "
            "--attention is for vision transformers, as timm:vit_small_patch14_dinov2; of other networks --layer shows "
            "what a layer gives"
        )
    shown = [n for n in whole if not wanted or f"{n}.".startswith(f"{wanted}.")]
    if not shown:
        raise BackboneError(f"the layer {wanted!r} holds no attention: choose one of {listing(whole, 24)}")
    has_class = any(n.rpartition(".")[2] in _CLASS_TOKENS for n, _ in module.named_parameters())
    places = {n: place for place, n in enumerate(whole, 1)}
    return [_chosen(network, n, whole[n], has_class, pixels, choice, (places[n], len(whole))) for n in shown]


def record_attention(module: torch.nn.Module, batch: torch.Tensor) -> dict[str, torch.Tensor]:
    """Run a network and keep the weights of its attention layers.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.
    batch : torch.Tensor (B, 3, H, W)
        Normalised pixels.

    Returns
    -------
    dict of str to torch.Tensor (B, heads, Q, K)
        Own name of each attention layer, in the order in which they run -> how much each of Q queries takes from each
        of K tokens; each row sums to 1.
    """
    import torch
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    found: dict[str, torch.Tensor] = {}

    class Keep(TorchFunctionMode):
        """Sees each call of PyTorch's functions; keeps the weights of those that attend."""

        def __torch_function__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if function is functional.scaled_dot_product_attention:
                found[running[-1]] = _weights(*args, **kwargs)
            elif function is functional.multi_head_attention_forward:
                asked = {**kwargs, "need_weights": True, "average_attn_weights": False}
                out, weights = function(*args, **asked)
                if weights is not None:
                    found[running[-1]] = weights
                return function(*args, **kwargs) if kwargs.get("need_weights", True) else (out, None)
            return function(*args, **kwargs)

    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # it goes past the function
    try:
        with _running(module) as running, torch.no_grad(), Keep():
            module(batch)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return found


@contextmanager
def _running(module: torch.nn.Module) -> Iterator[list[str]]:
    """The own names of the modules that are running at the moment, the innermost last."""
    running = [""]

    def entered(name: str) -> Callable[..., None]:
        return lambda *_: running.append(name)

    def left(*_: Any) -> None:
        running.pop()

    hooks = [
        hook
        for name, inner in module.named_modules()
        for hook in (inner.register_forward_pre_hook(entered(name)), inner.register_forward_hook(left))
    ]
    try:
        yield running
    finally:
        for hook in hooks:
            hook.remove()


def _weights(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> torch.Tensor:  # fmt: skip
    """The weights that `scaled_dot_product_attention` gives to the values, from its own arguments."""
    import torch

    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
    products = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(products.shape[-2:], dtype=torch.bool).tril()
    if attn_mask is not None:
        masked = attn_mask.dtype == torch.bool
        products = products.masked_fill(~attn_mask, -math.inf) if masked else products + attn_mask
    return products.softmax(-1)


def _has_places(weights: torch.Tensor) -> bool:
    """Whether weights (1, heads, Q, K) are of one query, or of all tokens for all, over the patches of a square."""
    queries, tokens = weights.shape[-2:]
    return weights.ndim == 4 and queries in (1, tokens) and before_patches(tokens) is not None


def _chosen(
    network: Network,
    name: str,
    weights: torch.Tensor,
    has_class: bool,
    pixels: Pixels,
    choice: Choice,
    block: tuple[int, int],
) -> Attention:
    tokens = weights.shape[2]
    extra = before_patches(tokens) or 0
    if weights.shape[1] == 1:
        query, rows = "the pooling query", weights[:, 0]
    elif has_class and extra:
        query, rows = "the class token", weights[:, 0]
    else:
        query, rows = _NO_QUERY, weights[:, extra:].mean(1)
    side = math.isqrt(tokens - extra)
    maps = rows[:, extra:].reshape(-1, side, side).numpy().astype(np.float32)
    numbers = choice.of(maps, name)
    strongest = choice.strongest and not choice.numbers
    kept, mean, untrained = maps[list(numbers)], maps.mean(0), network.weights.untrained
    return Attention(
        in_short(network), name, kept, numbers, len(maps), mean, query, strongest, pixels, block, untrained
    )


__all__ = ["Attention", "attention_maps", "record_attention"]
