"""What a layer, or each block, of a network makes of a picture: its activation maps, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from featurize.errors import BackboneError
from featurize.inside.filters import check_numbers
from featurize.inside.layers import find_layer
from featurize.inside.recording import as_maps, in_short, normalised, record
from featurize.networks.base import MAP
from featurize.networks.network import Network

if TYPE_CHECKING:
    import torch

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Choice:
    """Which maps of a layer.

    Parameters
    ----------
    count : int
        How many.
    numbers : sequence of int
        Their numbers, from 0; by default the first ones.
    strongest : bool
        Those with the largest mean absolute value, strongest first, instead of the first ones.
    """

    count: int = 64
    numbers: Sequence[int] = ()
    strongest: bool = False

    def of(self, maps: NDArray[np.float32], layer: str) -> Sequence[int]:
        """The numbers of the maps (C, h, w).

        Raises
        ------
        BackboneError
            There is no map of a number.
        """
        if self.numbers:
            return check_numbers(self.numbers, len(maps), f"maps of {layer!r}")
        order = np.argsort(-np.abs(maps).mean((1, 2)), kind="stable") if self.strongest else np.arange(len(maps))
        return tuple(map(int, order[: self.count]))


FIRST = Choice()


@dataclass(frozen=True)
class Activations:
    """Some activation maps of a layer for a picture.

    Parameters
    ----------
    network : str
        The network and its weights in a few words.
    layer : str
        The layer's own name.
    maps : ndarray (n, h, w) float32
        As the layer gives them, before any scaling for the eye.
    numbers : sequence of int
        Which channels they are, from 0.
    channels : int
        How many the layer has.
    strongest : bool
        Whether they were chosen by their mean absolute value.
    pixels : ndarray (H, W, 3) uint8
        The picture as the network sees it.
    block : tuple of int
        Which block of how many the layer ends, from 1; (0, 0) for a layer that was named.
    untrained : bool
    """

    network: str
    layer: str
    maps: NDArray[np.float32]
    numbers: Sequence[int]
    channels: int
    strongest: bool
    pixels: Pixels
    block: tuple[int, int]
    untrained: bool


def activations_of_layer(
    network: Network, module: torch.nn.Module, pixels: Pixels, layer: str, choice: Choice = FIRST
) -> Activations:
    """Activation maps of a layer.

    Parameters
    ----------
    network : Network
    module : torch.nn.Module
        From `network.load()`.
    pixels : ndarray (H, W, 3) uint8
        From `featurize.pictures.file.pixels` with the network's transform.
    layer : str
        Its own name, Caffe's or Keras's; any layer that gives maps, or tokens of patches, not convolutions alone.
    choice : Choice

    Raises
    ------
    BackboneError
        There is no such layer or channel, or the layer gives no maps.
    """
    name = find_layer(network, module, layer)
    found = record(module, normalised(network, pixels[None]), [name])
    if name not in found:
        raise BackboneError(f"the layer {name!r} gives nothing by itself when the network runs: choose another layer")
    return _chosen(network, name, as_maps(found[name][0], name), pixels, choice)


def activations_of_blocks(
    network: Network, module: torch.nn.Module, pixels: Pixels, choice: Choice = FIRST
) -> list[Activations]:
    """Activation maps at the end of each block: the stages from which embeddings are made, early to late."""
    import torch

    stages = network.backbone.stages
    with torch.no_grad():
        found = network.cut(module, len(stages))(normalised(network, pixels[None]))
    blocks = [(stage.node, found[str(n)][0]) for n, stage in enumerate(stages) if stage.kind == MAP]
    return [
        _chosen(network, node, as_maps(output, node), pixels, choice, (n, len(blocks)))
        for n, (node, output) in enumerate(blocks, 1)
    ]


def _chosen(
    network: Network, name: str, output: torch.Tensor, pixels: Pixels, choice: Choice, block: tuple[int, int] = (0, 0)
) -> Activations:
    maps = output.detach().numpy().astype(np.float32)
    numbers = choice.of(maps, name)
    strongest = choice.strongest and not choice.numbers
    kept = maps[list(numbers)]
    untrained = network.weights.untrained
    return Activations(in_short(network), name, kept, numbers, len(maps), strongest, pixels, block, untrained)
