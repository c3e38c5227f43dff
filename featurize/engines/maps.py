"""The feature maps of a frozen network, for those who look at the places of a picture instead of its vector.

They come from the exported network where the key has it: that is the faster way on a processor, and spares loading
PyTorch, which takes longer than some hundred pictures. Where nothing was exported, PyTorch gives the same maps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cache import Artifacts
from featurize.engines.exported import INPUT, find_body, stage_name
from featurize.networks.network import Network

Maps = Mapping[int, NDArray[np.float32]]  # by the place of their stage: (B, C, h, w), or (B, C) of what has no places
StageMaps = Callable[[NDArray[np.uint8]], Maps]  # pixels (B, H, W, 3)


def stage_maps(network: Network, places: Sequence[int], artifacts: Artifacts, precision: str = "fp32") -> StageMaps:
    """What gives the maps of some stages of a network, in 32 bits; it may be called from several threads.

    Parameters
    ----------
    network : Network
    places : sequence of int
        In `Backbone.stages`.
    artifacts : Artifacts
        Of the key, where the exported network may lie.
    precision : str
        Of the key; the exported network of others than "fp32" is not used.

    Raises
    ------
    BackboneError, WeightsError
        The network can't be loaded.
    """
    body = find_body(artifacts) if precision == "fp32" else None
    return _in_torch(network, places) if body is None else _exported(body, places)


def _exported(body: bytes, places: Sequence[int]) -> StageMaps:
    from featurize.engines.onnx import open_session

    session = open_session(body)
    names = [stage_name(place) for place in places]
    return lambda pixels: dict(zip(places, map(np.asarray, session.run(names, {INPUT: pixels})), strict=True))


def _in_torch(network: Network, places: Sequence[int]) -> StageMaps:
    import torch

    from featurize.engines.frozen import frozen_body

    body = frozen_body(network, network.load(), max(places))

    def maps(pixels: NDArray[np.uint8]) -> Maps:
        with torch.inference_mode():
            found = body(torch.from_numpy(pixels))
            return {place: found[place].numpy() for place in places}

    return maps
