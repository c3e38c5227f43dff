"""The feature maps of a frozen network, for those who look at the places of a picture instead of its vector.

They come from the exported network where the key has it: that is the faster way on a processor, and spares loading
PyTorch, which takes longer than some hundred pictures. Where nothing was exported, or another device is asked for,
PyTorch gives the same maps. An ONNX file of the user's gives its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cache import Artifacts
from featurize.engines.exported import INPUT, find_body, stage_name
from featurize.engines.torch import choose_device, keep_all_digits
from featurize.errors import BackboneError
from featurize.networks.libraries.onnx_file import ONNX
from featurize.networks.network import Network

Maps = Mapping[int, NDArray[np.float32]]  # by the place of their stage: (B, C, h, w), or (B, C) of what has no places
StageMaps = Callable[[NDArray[np.uint8]], Maps]  # pixels (B, H, W, 3)


def stage_maps(
    network: Network, places: Sequence[int], artifacts: Artifacts, precision: str = "fp32", device: str = "auto"
) -> StageMaps:
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
    device : str
        "cpu", "cuda", "cuda:1", ...; "auto" is the processor where the network was exported for it, else a GPU if there
        is one.

    Raises
    ------
    BackboneError
        The device is not there, or the network can't be loaded.
    WeightsError
        The weights can't be had.
    """
    if network.backbone.provider == ONNX:
        return _of_onnx_file(network, device)
    body = find_body(artifacts) if precision == "fp32" and device in ("auto", "cpu") else None
    return _in_torch(network, places, choose_device(device)) if body is None else _exported(body, places)


def _of_onnx_file(network: Network, device: str) -> StageMaps:
    from featurize.engines.onnx_file import OnnxFileMaps

    if device not in ("auto", "cpu"):
        raise BackboneError(
            f"{network.backbone.full_name} is an ONNX file, which runs on a CPU, not on {device!r}: leave --device out"
        )
    ask = OnnxFileMaps(network)
    return lambda pixels: {0: ask(pixels)}


def _exported(body: bytes, places: Sequence[int]) -> StageMaps:
    from featurize.engines.onnx import open_session

    session = open_session(body)
    names = [stage_name(place) for place in places]
    return lambda pixels: dict(zip(places, map(np.asarray, session.run(names, {INPUT: pixels})), strict=True))


def _in_torch(network: Network, places: Sequence[int], device: str) -> StageMaps:
    import torch

    from featurize.engines.frozen import frozen_body

    body = frozen_body(network, network.load(), max(places)).to(device)
    keep_all_digits()

    def maps(pixels: NDArray[np.uint8]) -> Maps:
        with torch.inference_mode():
            found = body(torch.from_numpy(pixels).to(device))
            return {place: found[place].cpu().numpy() for place in places}

    return maps
