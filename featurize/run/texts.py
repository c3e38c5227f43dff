"""Vectors of texts that are compared with pictures: computed once by the network's own part for texts, and kept.

They lie beside the segments of the key, as plain arrays with the texts that they stand for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache import Store
from cache.artifacts import Kind
from cache.places import remembered_places
from featurize.networks.base import POOLED
from featurize.networks.network import network_from
from featurize.networks.providers import PROVIDERS, provider_of

PICTURES = POOLED  # the embedding of pictures that texts are compared with
_KIND = Kind("texts", ".safetensors")


@dataclass(frozen=True)
class Texts:
    """Vectors of texts.

    Parameters
    ----------
    vectors : ndarray (N, D) float32
        At unit length, in the space of the embedding `pooled` of pictures.
    scale : float
        What the network was trained to multiply cosines by before a softmax.
    """

    vectors: NDArray[np.float32]
    scale: float


def has_texts(cache: Store) -> bool:
    """Whether the network behind a cache has a part for texts that is used here."""
    provider = cache.key.network["provider"]
    return provider in PROVIDERS and provider_of(provider).has_texts and not cache.key.untrained


def text_vectors(cache: Store, texts: Sequence[str], weights: str | None = None) -> Texts:
    """Vectors of texts by the network behind a cache; those that are not kept there are computed and kept.

    Parameters
    ----------
    cache : Store
    texts : sequence of str
    weights : str, optional
        The name or file of the weights, where they are not found by themselves.

    Raises
    ------
    BackboneError
        The network has no part for texts.
    WeightsError
        The weights can't be found, or hold none for texts; or the tokenizer can't be had.
    """
    from safetensors.numpy import save

    known, scale = _kept(cache)
    new = [text for text in dict.fromkeys(texts) if text not in known]
    if new or scale is None:
        network = network_from(cache.key, weights, remembered_places(cache.artifacts))
        vectors, scale = provider_of(network.backbone.provider).encode_texts(network, new)
        told = {"texts": json.dumps({"texts": new, "scale": scale}, ensure_ascii=False)}
        cache.artifacts.keep(_KIND, save({"vectors": vectors}, metadata=told))
        known |= dict(zip(new, vectors, strict=True))
    return Texts(np.stack([known[text] for text in texts]), scale)


def _kept(cache: Store) -> tuple[dict[str, NDArray[np.float32]], float | None]:
    """Text -> its vector, and the scale; None where nothing is kept."""
    from safetensors.numpy import load

    found: dict[str, NDArray[np.float32]] = {}
    scale = None
    for data in cache.artifacts.every(_KIND):
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        told = json.loads(header["__metadata__"]["texts"])
        found |= dict(zip(told["texts"], load(data)["vectors"], strict=True))
        scale = float(told["scale"])
    return found, scale
