"""The contract of a store of embeddings: what everybody who reads or adds vectors depends on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cache.artifacts import Artifacts
from cache.errors import CacheError, NotStored, UnclearKey
from cache.ids import Ids, to_hex
from cache.key import Json, Key, Recipe
from cache.rows import ABSENT, OK, Failure, Rows
from cache.segments.compact import Compaction
from cache.segments.mapped import Mapped


class Store(ABC):
    """Embeddings of one key: append rows, ask who is there, read vectors, keep it sound.

    Other processes may add to, merge and mend what it shows at any time. It shows what was there when it was opened,
    what it added itself, and all there is after `refresh`; reading goes on whatever the others do.

    Attributes
    ----------
    key : Key
    artifacts : Artifacts
        What else belongs to the key: plans, exported networks, lists for people.
    """

    key: Key
    artifacts: Artifacts

    # What is there

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it lies: for people to read."""

    @abstractmethod
    def recipes(self) -> list[Recipe]:
        """All recipes of which there are vectors, by name."""

    @abstractmethod
    def ids(self) -> Ids:
        """All ids, embedded or failed, ascending."""

    @abstractmethod
    def status(self, wanted: Ids) -> NDArray[np.uint8]:
        """What became of pictures: 0 = embedded, a reason code, or `ABSENT`; (N,) uint8."""

    @abstractmethod
    def embedded(self, wanted: Ids, recipe: Recipe) -> NDArray[np.bool_]:
        """Which pictures have a vector of this recipe; (N,) bool."""

    @abstractmethod
    def failures(self) -> list[Failure]:
        """Every picture that could not be embedded, by id."""

    @abstractmethod
    def environments(self) -> list[Mapping[str, Json]]:
        """What the rows were computed with: each distinct engine, version, device, batch size, once."""

    @property
    @abstractmethod
    def segment_count(self) -> int:
        """In how many undamaged segments the rows lie."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes of all undamaged segments."""

    # Reading and adding

    @abstractmethod
    def gather(self, wanted: Ids, recipe: Recipe) -> NDArray[np.floating]:
        """Vectors in the order asked for, (N, D) in the type they are stored in.

        Raises
        ------
        NotStored
            Some have no vector of this recipe.
        SegmentDamaged
            A segment holding some of them was changed since it was written.
        StorageFailed
            The storage can't be read.
        """

    @abstractmethod
    def mapped(self, wanted: Ids, recipe: Recipe) -> Mapped:
        """The same vectors, left in the segments' memory maps until they are read; raises like `gather`.

        All segments that hold some of them are checked here. The rows stay readable when segments are merged.
        """

    @abstractmethod
    def append(self, rows: Rows) -> None:
        """Add rows; when this returns, they survive a crash.

        Raises
        ------
        StorageFailed
            Nothing was added.
        """

    @abstractmethod
    def drop(self, unwanted: Ids) -> None:
        """Forget rows whose vectors are not what the key promises, or that are to be tried anew: all their recipes.

        Raises
        ------
        SegmentDamaged, StorageFailed
            Some may be forgotten already; all other rows are there.
        """

    # Keeping it sound

    @property
    @abstractmethod
    def problems(self) -> Sequence[CacheError]:
        """Segments that are left out because they are damaged or belong to another key."""

    @abstractmethod
    def refresh(self) -> None:
        """Look again: other processes may have added, merged or mended rows."""

    @abstractmethod
    def verify(self) -> list[CacheError]:
        """Check every byte of every segment and artifact; gives what does not hold, and leaves such segments out."""

    @abstractmethod
    def repair(self) -> list[str]:
        """Make room for new rows: check every byte, put aside what is damaged, remove what dead writers left.

        Returns
        -------
        list of str
            Names of what was put aside; nothing is thrown away.

        Raises
        ------
        StorageFailed
        """

    @abstractmethod
    def compact(self, target_bytes: int | None = None) -> Compaction:
        """Merge small segments into few: fewer files, the same rows.

        Parameters
        ----------
        target_bytes : int, optional
            Up to this size each; 256 MB by default.

        Raises
        ------
        SegmentDamaged, StorageFailed
            Nothing that was there before is gone.
        """

    # What follows from the rest

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
            what = f"the feature cache {self.key.folder_name} holds no embedding {name!r} (it holds: {there})"
            raise NotStored(what, self.key, name, self.place)
        if len(found) > 1:
            raise UnclearKey(f"{self.key.folder_name} holds {len(found)} definitions of the embedding {name!r}")
        return found[0]

    def recipes_named(self, names: str | Recipe | Sequence[str | Recipe]) -> list[Recipe]:
        """Recipes by name, in the order asked for.

        Parameters
        ----------
        names : str, Recipe, or sequence of these
            "avgpool"; several names are joined by "+" or ",", as on the command line.

        Raises
        ------
        NotStored, UnclearKey
            As `recipe` raises them.
        """
        if isinstance(names, Recipe):
            return [names]
        listed = names.replace(",", "+").split("+") if isinstance(names, str) else names
        return [self.recipe(name.strip()) if isinstance(name, str) else name for name in listed]


def check_all_found(cache: Store, wanted: Ids, found: NDArray[np.bool_], recipe: Recipe) -> None:
    """Raise `NotStored` unless every wanted id was found."""
    if not found.all():
        example = to_hex(wanted[np.flatnonzero(~found)[:1]])[0]
        what = (
            f"{int((~found).sum())} of {len(wanted)} pictures have no {recipe.name!r} embedding in the feature "
            f"cache {cache.key.folder_name} (the first has id {example[:12]})"
        )
        raise NotStored(what, cache.key, recipe.name, cache.place)
