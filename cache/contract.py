"""The contract of a store of embeddings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cache.errors import NotStored, UnclearKey
from cache.ids import Ids, to_hex
from cache.key import Key, Recipe
from cache.rows import ABSENT, OK, Failure, Rows


class Store(ABC):
    """Embeddings of one key: append rows, ask who is there, gather vectors."""

    key: Key

    @abstractmethod
    def append(self, rows: Rows) -> None:
        """Add rows; when this returns, they survive a crash.

        Raises
        ------
        StorageFailed
            Nothing was added.
        """

    @abstractmethod
    def recipes(self) -> list[Recipe]:
        """All recipes of which there are vectors, by name."""

    @abstractmethod
    def status(self, wanted: Ids) -> NDArray[np.uint8]:
        """What became of pictures: 0 = embedded, a reason code, or `ABSENT`; (N,) uint8."""

    @abstractmethod
    def embedded(self, wanted: Ids, recipe: Recipe) -> NDArray[np.bool_]:
        """Which pictures have a vector of this recipe; (N,) bool."""

    @abstractmethod
    def gather(self, wanted: Ids, recipe: Recipe) -> NDArray[np.floating]:
        """Vectors in the order asked for, (N, D) in the type they are stored in.

        Raises
        ------
        NotStored
            Some have no vector of this recipe.
        SegmentDamaged
            A segment holding some of them was changed since it was written.
        """

    @abstractmethod
    def ids(self) -> Ids:
        """All ids, embedded or failed, ascending."""

    @abstractmethod
    def failures(self) -> list[Failure]:
        """Every picture that could not be embedded, by id."""

    def missing(self, wanted: Ids, recipes: Sequence[Recipe]) -> NDArray[np.bool_]:
        """Which pictures were neither tried and failed nor embedded with all recipes; (N,) bool."""
        status = self.status(wanted)
        incomplete = np.zeros(len(wanted), bool)
        for recipe in recipes:
            incomplete |= ~self.embedded(wanted, recipe)
        wanting: NDArray[np.bool_] = (status == ABSENT) | ((status == OK) & incomplete)
        return wanting

    def recipe(self, name: str) -> Recipe:
        """The recipe of that name.

        Raises
        ------
        NotStored
            There is none; the message lists those there are.
        UnclearKey
            Vectors of two definitions carry the name.
        """
        found = [r for r in self.recipes() if r.name == name]
        if not found:
            there = ", ".join(sorted({r.name for r in self.recipes()})) or "none yet"
            raise NotStored(
                f"the feature cache {self.key.folder_name} holds no embedding {name!r} (it holds: {there}): "
                f"make it with `featurize run --embedding {name}`"
            )
        if len(found) > 1:
            raise UnclearKey(f"{self.key.folder_name} holds {len(found)} definitions of the embedding {name!r}")
        return found[0]


def check_all_found(key: Key, wanted: Ids, found: NDArray[np.bool_], recipe: Recipe) -> None:
    """Raise `NotStored` unless every wanted id was found."""
    if not found.all():
        example = to_hex(wanted[np.flatnonzero(~found)[:1]])[0]
        raise NotStored(
            f"{int((~found).sum())} of {len(wanted)} pictures have no {recipe.name!r} embedding in the feature "
            f"cache {key.folder_name} (the first has id {example[:12]}): run `featurize run`"
        )
