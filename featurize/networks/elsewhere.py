"""Vectors that another program made: "imported:NAME" stands for them in a key, and no network stands behind it.

The key holds the name, the note and the sha256 of the file. Everything that needs a network is refused here, with the
reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cache.key import Json, Key
from featurize.errors import BackboneError
from featurize.networks.base import Backbone, Provider, Published

if TYPE_CHECKING:
    import torch

IMPORTED = "imported"  # the provider, as it stands in the key
VECTORS = "vectors"  # the one recipe of such a key


class Elsewhere(Provider):
    """No networks: vectors that were imported have none that could be run here."""

    def names(self) -> Sequence[str]:
        return []

    def backbone(self, name: str) -> Backbone:
        _refuse(name)

    def rebuild(self, identity: Mapping[str, Json]) -> Backbone:
        _refuse(identity["name"])

    def standard(self, identity: Mapping[str, Json]) -> str:
        return VECTORS

    def fetch(self, published: Published) -> Path:
        _refuse(published.identity)

    def build(self, backbone: Backbone, side: int) -> torch.nn.Module:
        _refuse(backbone.name)

    def classifier(self, backbone: Backbone) -> tuple[str, ...]:
        _refuse(backbone.name)

    def cut(self, backbone: Backbone, network: torch.nn.Module, nodes: Sequence[str]) -> torch.nn.Module:
        _refuse(backbone.name)


def is_imported(key: Key) -> bool:
    """Whether the vectors of a key were made by another program."""
    return bool(key.network["provider"] == IMPORTED)


def _refuse(name: str) -> NoReturn:
    raise BackboneError(
        f"the vectors {name!r} were imported from a file, and the network that made them is not known here: no picture "
        "can be embedded with it; embed pictures with a network of `featurize networks`, or make their vectors where "
        "these were made and import them with `featurize import`"
    )
