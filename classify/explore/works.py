"""The works of a collection with their vectors: what everything in this room looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import Key, Recipe, Store
from cache.buckets import Place
from cache.folder import as_cache
from cache.ids import Ids, first_seen, positions
from cache.rows import ABSENT, OK
from classify.data import usual_embedding
from classify.errors import DataError
from classify.evaluation.nearest import Rows
from classify.heads.rows.gathered import Gathered
from featurize.dataset.groups import Groups
from featurize.dataset.people import is_nobody
from featurize.dataset.periods import year_number
from featurize.dataset.table import DatasetTable, as_table
from featurize.wording import counted, cut

_COMPARED = 1024  # vectors that are compared at once
IN_MEMORY = 256 << 20  # bytes of vectors up to which they are read into memory


@dataclass(frozen=True)
class Works:
    """N distinct pictures of a dataset table, each with a vector.

    Parameters
    ----------
    table : DatasetTable
        Their rows, one for each picture.
    X : rows (N, D)
        Their vectors: an array, or rows that stay in the cache until they are read.
    key : Key
        Of the embeddings.
    recipes : tuple of Recipe
        Their vectors stand side by side.
    broken : int
        Pictures that are not here, because they could not be embedded.
    layer : str
        Which layer of a head the vectors come from; "" for the embeddings themselves.
    """

    table: DatasetTable
    X: Rows
    key: Key
    recipes: tuple[Recipe, ...]
    broken: int = 0
    layer: str = ""

    def __len__(self) -> int:
        return len(self.table)

    @property
    def embedding(self) -> str:
        """The recipes' names, joined by +, and the layer of the head that sees them."""
        names = "+".join(recipe.name for recipe in self.recipes)
        return f"{self.layer} on {names}" if self.layer else names

    @cached_property
    def ids(self) -> Ids:
        """(N,) S32."""
        return self.table.ids

    @property
    def paths(self) -> Sequence[str]:
        """As the table has them."""
        return self.table.columns["path"]

    def file(self, row: int) -> Path:
        """The picture's file."""
        return self.table.folder / self.paths[row]

    def column(self, name: str) -> Sequence[str]:
        """A column; empty texts where the table has none of that name."""
        return self.table.columns.get(name, [""] * len(self))

    @cached_property
    def artists(self) -> Sequence[str]:
        """Names of artists, "" where nobody is named."""
        return ["" if is_nobody(name) else name for name in self.column("artist")]

    @cached_property
    def groups(self) -> Groups:
        """Which works must not be taken apart: those by one artist."""
        return Groups.of(self.table.columns["id"], self.column("artist"))

    @cached_property
    def years(self) -> NDArray[np.float64]:
        """Years (N,), NaN where the table has none."""
        numbers = [year_number(year) for year in self.column("year")]
        return np.array([np.nan if number is None else number for number in numbers], np.float64)

    def changed(self) -> list[str]:
        """Paths of picture files that have another size than when the table was made: they hold something else now."""
        sizes = self.column("size")
        return [
            path
            for row, path in enumerate(self.paths)
            if sizes[row] and _size(self.file(row)) not in (None, sizes[row])
        ]

    @property
    def odd_years(self) -> str:
        """What is said of cells of the column `year` that hold a text and no year; "" where there are none."""
        odd = [cell for cell, number in zip(self.column("year"), self.years, strict=True) if cell and np.isnan(number)]
        if not odd:
            return ""
        hold = counted(len(odd), "cell of the column `year` holds", "cells of the column `year` hold")
        return f"{hold} no year, as {cut(odd[0])!r}: write 1500, or -300 for 300 BC"

    def take(self, rows: NDArray[np.intp]) -> Works:
        """Some of the works, in that order; their vectors are read."""
        return replace(self, table=self.table.take(rows.tolist()), X=self.X[rows])

    def labels(self) -> Sequence[str]:
        """The label columns that hold anything."""
        return [name for name in self.table.labels if any(self.table.columns[name])]


def load_works(
    table: DatasetTable | str | Path = "dataset.csv",
    cache: Store | Place = "features",
    embedding: str | None = None,
    split: str = "all",
    *,
    fewest: int = 2,
) -> Works:
    """The pictures of a dataset table with their vectors, each picture once.

    Parameters
    ----------
    table : DatasetTable, str or Path
        The table, or where it lies. Where a picture stands in several rows, the first counts.
    cache : Store, str or Path
        The feature cache, or the folder of the only one.
    embedding : str, optional
        Recipes; "a+b" puts two side by side. By default the only one there is, or what the network's authors use.
    split : str
        "train", "val", "test" or "all".
    fewest : int
        So many pictures are needed.

    Raises
    ------
    TableError
        The split is empty.
    DataError
        Too few pictures have a vector.
    NotStored
        Pictures were not embedded yet, or not with such a recipe.
    """
    table, cache = as_table(table), as_cache(cache)
    recipes = tuple(cache.recipe(name) for name in (embedding or usual_embedding(cache)).split("+"))
    rows = table.rows_of(split)
    rows = rows[first_seen(table.ids[rows])]
    status = cache.status(table.ids[rows])
    sound = (status == OK) | (status == ABSENT)  # an absent vector is an error when it is read
    chosen = table.take(rows[sound].tolist())
    if len(chosen) < fewest:
        broken = int((~sound).sum())
        there = f"{counted(len(chosen), 'picture')} with an embedding" + (f" and {broken} broken" if broken else "")
        where = "the dataset table" if split == "all" else f"the split {split!r}"
        raise DataError(
            f"{where} has {there}, and {fewest} are needed: add pictures with `featurize prepare` and `featurize run`"
        )
    X = Gathered([cache.mapped(chosen.ids, recipe) for recipe in recipes])
    found = Works(chosen, X[:] if X.nbytes <= IN_MEMORY else X, cache.key, recipes, int((~sound).sum()))
    check_different(found)
    return found


def check_different(works: Works) -> None:
    """See that some vectors differ.

    Raises
    ------
    DataError
        All are the same.
    """
    first = np.asarray(works.X[:1])
    for start in range(0, len(works), _COMPARED):
        if (np.asarray(works.X[start : start + _COMPARED]) != first).any():
            return
    raise DataError(
        f"the {len(works):,} pictures all have the same embedding ({works.embedding} of {works.key.folder_name}), so "
        "there is nothing to tell them apart by: look at the pictures, or embed them with another network"
    )


def _size(path: Path) -> str | None:
    """Bytes of a file, as a table has them; None where there is no such file, or it lies in an archive."""
    try:
        return str(path.stat().st_size)
    except (OSError, ValueError):
        return None


def rows_of(works: Works, wanted: Ids) -> NDArray[np.intp]:
    """Which work each id is, (M,); -1 for none."""
    order = np.argsort(works.ids, kind="stable")
    place = positions(wanted, works.ids[order])
    return np.where(place >= 0, order[place], -1)
