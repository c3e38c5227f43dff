"""The layers of a network: their names, their shapes, and finding one by its own name or by Caffe's or Keras's."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from featurize.errors import BackboneError
from featurize.inside.other_names import other_names
from featurize.networks.network import Network
from featurize.wording import listing

if TYPE_CHECKING:
    import torch

_NEAR = 5  # names to offer for one that is not there


@dataclass(frozen=True)
class Layer:
    """A convolution of a network.

    Parameters
    ----------
    name : str
        The network's own name of it, "layer1.1.conv2".
    others : sequence of str
        What Caffe and Keras call it.
    weights : tuple of int
        Shape of its weights: filters, input channels that each filter sees, height, width.
    stride : tuple of int
    groups : int
        Groups of channels that are convolved apart; as many as filters in a depthwise convolution.
    maps : tuple of int
        Shape of what it gives for a picture of the network's size: (channels, height, width), or (tokens, width) where
        the network has no maps.
    """

    name: str
    others: Sequence[str]
    weights: tuple[int, ...]
    stride: tuple[int, ...]
    groups: int
    maps: tuple[int, ...]


def list_layers(network: Network, module: torch.nn.Module) -> list[Layer]:
    """All convolutions of a network that run for a picture, in their order.

    Parameters
    ----------
    network : Network
    module : torch.nn.Module
        From `network.load()`.
    """
    import torch

    from featurize.inside.recording import record

    others = _other_names(network, module)
    found = {n: m for n, m in module.named_modules() if _is_convolution(m)}
    side = network.transform.crop
    shapes = {n: tuple(v.shape[1:]) for n, v in record(module, torch.zeros(1, 3, side, side), list(found)).items()}
    return [
        Layer(n, others.get(n, []), tuple(m.weight.shape), tuple(m.stride), int(m.groups), shapes[n])
        for n, m in found.items()
        if n in shapes
    ]


def find_layer(network: Network, module: torch.nn.Module, wanted: str, convolution: bool = False) -> str:
    """The network's own name of a layer.

    Parameters
    ----------
    network : Network
    module : torch.nn.Module
    wanted : str
        Its own name, Caffe's or Keras's.
    convolution : bool
        Whether it has to be a convolution.

    Raises
    ------
    BackboneError
        There is none of that name; the message lists the nearest. Or it is no convolution; the message lists those in
        it.
    """
    modules = {name: m for name, m in module.named_modules() if name}
    others = _other_names(network, module)
    own = next((name for name, names in others.items() if wanted in names and name in modules), wanted)
    if own not in modules:
        raise BackboneError(
            f"{network.backbone.full_name} has no layer {wanted!r}; {_near(wanted, list(modules), others)}"
            f"`featurize filters --backbone {network.backbone.full_name} --list` lists all convolutions"
        )
    if convolution and not _is_convolution(modules[own]):
        within = [n for n, m in modules.items() if n.startswith(f"{own}.") and _is_convolution(m)]
        kind = type(modules[own]).__name__
        way_out = f"choose one of its convolutions: {listing(within, 6)}" if within else "choose one of those in --list"
        raise BackboneError(f"the layer {own!r} is no convolution but a {kind}, so it has no filters: {way_out}")
    return own


def first_convolution(network: Network, module: torch.nn.Module) -> str:
    """The first convolution that sees colours; its filters can be shown in colour.

    Raises
    ------
    BackboneError
        The network has none.
    """
    for name, m in module.named_modules():
        if _is_convolution(m) and m.weight.shape[1] == 3:
            return str(name)
    raise BackboneError(f"{network.backbone.full_name} has no convolution that sees colours: name a layer with --layer")


def _near(wanted: str, names: Sequence[str], others: Mapping[str, Sequence[str]]) -> str:
    known = {name: name for name in names}
    known |= {other: f"{other} (here {own})" for own, several in others.items() for other in several if own in known}
    near = difflib.get_close_matches(wanted, list(known), _NEAR, 0.5)
    return f"near that name are: {', '.join(known[n] for n in near)}; " if near else ""


def _other_names(network: Network, module: torch.nn.Module) -> Mapping[str, Sequence[str]]:
    kinds = {name: type(m).__name__ for name, m in module.named_modules() if name}
    return other_names(network.backbone.name, kinds)


def _is_convolution(module: torch.nn.Module) -> bool:
    import torch

    return isinstance(module, torch.nn.Conv2d)
