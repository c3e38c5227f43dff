"""Where networks come from: provider -> factory, and the networks by the names that users give them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from cache.key import PLAIN_PROVIDER, Json
from featurize.errors import BackboneError
from featurize.networks.base import Backbone, Provider


def _torchvision() -> Provider:
    from featurize.networks.libraries.torchvision import Torchvision

    return Torchvision()


def _timm() -> Provider:
    from featurize.networks.libraries.timm import Timm

    return Timm()


def _open_clip() -> Provider:
    from featurize.networks.libraries.open_clip import OpenClip

    return OpenClip()


def _hugging_face() -> Provider:
    from featurize.networks.libraries.hugging_face import HuggingFace

    return HuggingFace()


def _own() -> Provider:
    from featurize.networks.libraries.own import Own

    return Own()


def _elsewhere() -> Provider:
    from featurize.networks.elsewhere import Elsewhere

    return Elsewhere()


def _onnx() -> Provider:
    from featurize.networks.libraries.onnx_file import OnnxFile

    return OnnxFile()


PROVIDERS: Mapping[str, Callable[[], Provider]] = {
    "torchvision": _torchvision,
    "timm": _timm,
    "open_clip": _open_clip,
    "hf": _hugging_face,
    "module": _own,
    "onnx": _onnx,
    "imported": _elsewhere,
}


_ALSO_CALLED = {"transformers": "hf", "huggingface": "hf", "hf_hub": "hf", "openclip": "open_clip"}


@functools.cache
def provider_of(name: str) -> Provider:
    """The provider of that name.

    Raises
    ------
    BackboneError
        There is none; the message lists those there are.
    """
    if name not in PROVIDERS:
        plain = name.strip().casefold().replace("-", "_")
        meant = _ALSO_CALLED.get(plain, plain)
        hint = f"; is {meant}: meant?" if meant in PROVIDERS else ""
        raise BackboneError(f"{name!r} is not a known provider of networks; there are: {', '.join(PROVIDERS)}{hint}")
    return PROVIDERS[name]()


def backbone(name: str) -> Backbone:
    """The network that a user names: "resnet50" or, the same, "torchvision:resnet50".

    Raises
    ------
    BackboneError
        There is no such network or provider.
    """
    provider, colon, rest = name.partition(":")
    return provider_of(provider).backbone(rest) if colon else provider_of(PLAIN_PROVIDER).backbone(name)


def standard_embedding(identity: Mapping[str, Json]) -> str:
    """The embedding that the authors of a key's network evaluate it with; see `Provider.standard`."""
    return provider_of(identity["provider"]).standard(identity)
