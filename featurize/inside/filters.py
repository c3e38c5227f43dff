"""The filters of a convolution, as an array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from featurize.errors import BackboneError
from featurize.inside.layers import find_layer, first_convolution
from featurize.inside.recording import in_short
from featurize.networks.network import Network

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Filters:
    """Some filters of a convolution.

    Parameters
    ----------
    network : str
        The network and its weights in a few words.
    layer : str
        The layer's own name.
    weights : ndarray (n, c, h, w) float32
        As the network has them; c input channels of each filter.
    numbers : sequence of int
        Which filters of the layer they are, from 0.
    inputs : sequence of int
        Which input channels they are, from 0.
    shape : tuple of int
        Of all weights of the layer.
    untrained : bool
    """

    network: str
    layer: str
    weights: NDArray[np.float32]
    numbers: Sequence[int]
    inputs: Sequence[int]
    shape: tuple[int, ...]
    untrained: bool

    @property
    def coloured(self) -> bool:
        """Whether the filters see red, green and blue."""
        return self.shape[1] == 3


def filters_of(
    network: Network,
    module: torch.nn.Module,
    layer: str = "",
    *,
    count: int = 64,
    inputs: int = 16,
    chosen: Sequence[int] = (),
) -> Filters:
    """Filters of a convolution.

    Parameters
    ----------
    network : Network
    module : torch.nn.Module
        From `network.load()`.
    layer : str
        Its own name, Caffe's or Keras's; by default the first convolution that sees colours.
    count : int
        How many filters, the first ones; where each is shown for several input channels, a quarter of it, but of 1 x 1
        filters all of it.
    inputs : int
        How many input channels of each filter, the first ones; of 1 x 1 filters four times as many.
    chosen : sequence of int
        The numbers of filters, from 0, instead of the first ones.

    Raises
    ------
    BackboneError
        There is no such layer or filter, or it is no convolution.
    """
    import torch

    name = find_layer(network, module, layer, convolution=True) if layer else first_convolution(network, module)
    found = module.get_submodule(name).weight
    assert isinstance(found, torch.Tensor)
    weights = found.detach().numpy().astype(np.float32)
    single = weights.shape[2:] == (1, 1)
    shown = count if single or weights.shape[1] in (1, 3) else max(count // 4, 1)
    numbers = check_numbers(chosen, len(weights), f"filters of {name!r}") or range(min(shown, len(weights)))
    channels = range(min(inputs * 4 if single else inputs, weights.shape[1]))
    return Filters(
        in_short(network),
        name,
        weights[list(numbers)][:, list(channels)],
        tuple(numbers),
        tuple(channels),
        weights.shape,
        network.weights.untrained,
    )


def check_numbers(chosen: Sequence[int], count: int, what: str) -> Sequence[int]:
    """The numbers, if there are such.

    Raises
    ------
    BackboneError
        One is too large or negative.
    """
    wrong = [n for n in chosen if not 0 <= n < count]
    if wrong:
        raise BackboneError(f"there is no number {wrong[0]} among the {count} {what}: choose from 0 to {count - 1}")
    return chosen
