"""Dataset table and feature cache -> rows to learn from: vectors, class names, artists.

Every row carries its own id and its vector is looked up by it, so that pictures and labels can't drift apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from cache import Recipe, Store
from cache.folder import as_cache
from cache.ids import from_hex
from cache.rows import ABSENT, OK
from classify.errors import DataError
from classify.heads.rows.gathered import Gathered
from featurize.choices import is_embedding
from featurize.dataset.groups import Groups
from featurize.dataset.people import makers_of, person_key
from featurize.dataset.table import DatasetTable, as_table
from featurize.frames import frame, known
from featurize.networks.providers import standard_embedding
from featurize.tiles import Tile, first_of_each, html
from featurize.wording import counted, listing

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")


@dataclass(frozen=True)
class LabelledRows:
    """Pictures with a label, without their vectors: all that is known of them from the dataset table.

    Parameters
    ----------
    ids : sequence of str
        Hexadecimal ids of the N pictures.
    y : ndarray (N,) str
        Class names.
    groups : ndarray (N,) str
        Equal for rows that must not be taken apart: those by one artist, and those of one picture. They are names to
        compare; who made a picture stands in `artists`.
    known : ndarray (N,) bool
        Whether an artist of the row's group is known. A picture of an unknown artist is a group of its own.
    paths : sequence of Path
    artists, years : sequence of str
        As the table has them, "" where unknown.
    makers : sequence of tuple of str
        The known makers of each picture, as written; several where a cell names several.
    unlabelled, broken : int
        Rows of the split that are not here, because they have no label, or because their picture is broken.
    """

    ids: Sequence[str]
    y: NDArray[np.str_]
    groups: NDArray[np.str_]
    known: NDArray[np.bool_]
    paths: Sequence[Path]
    artists: Sequence[str]
    years: Sequence[str]
    makers: Sequence[tuple[str, ...]]
    unlabelled: int = 0
    broken: int = 0

    def __len__(self) -> int:
        return len(self.y)

    @property
    def classes(self) -> list[str]:
        """Class names, sorted."""
        return sorted(set(self.y.tolist()))

    @property
    def left_out(self) -> int:
        """Rows of the split that are not here."""
        return self.unlabelled + self.broken

    @property
    def artists_known(self) -> bool:
        """Whether the artist of any row is known."""
        return bool(self.known.any())

    @property
    def artist_count(self) -> int:
        """Number of known artists; of several makers of a picture each counts."""
        return len({person_key(name) for names in self.makers for name in names})

    def to_pandas(self) -> pandas.DataFrame:
        """A table of pandas, one row a picture: id, path, label, artist, year, group; what is unknown is missing.

        Raises
        ------
        PackageMissing
            pandas is not installed.
        """
        columns = {"id": list(self.ids), "path": [str(path) for path in self.paths], "label": self.y.tolist()}
        unsure = {"artist": known(list(self.artists)), "year": known(list(self.years))}
        return frame({**columns, **unsure, "group": self.groups.tolist()})

    def _repr_html_(self) -> str:
        """A small gallery, for notebooks: pictures of each class."""
        return self.gallery(f"{counted(len(self), 'picture')} of {counted(len(self.classes), 'class', 'classes')}")

    def gallery(self, title: str) -> str:
        """Pictures of each class below a title, as HTML."""
        chosen = first_of_each(self.y.tolist())
        notes = [", ".join(filter(None, (self.artists[n], self.years[n]))) for n in chosen]
        return html(title, [Tile(self.paths[n], str(self.y[n]), note) for n, note in zip(chosen, notes, strict=True)])

    def take(self, rows: NDArray[np.intp]) -> LabelledRows:
        """Some of the rows, in that order."""

        def some(column: Sequence[T]) -> list[T]:
            return [column[n] for n in rows.tolist()]

        return LabelledRows(
            some(self.ids),
            self.y[rows],
            self.groups[rows],
            self.known[rows],
            some(self.paths),
            some(self.artists),
            some(self.years),
            some(self.makers),
            self.unlabelled,
            self.broken,
        )

    def followed_by(self, other: LabelledRows) -> LabelledRows:
        """These rows and then the other ones; both are of the same table."""
        return LabelledRows(
            [*self.ids, *other.ids],
            np.concatenate([self.y, other.y]),
            np.concatenate([self.groups, other.groups]),
            np.concatenate([self.known, other.known]),
            [*self.paths, *other.paths],
            [*self.artists, *other.artists],
            [*self.years, *other.years],
            [*self.makers, *other.makers],
            self.unlabelled + other.unlabelled,
            self.broken + other.broken,
        )


@dataclass(frozen=True)
class Examples:
    """Labelled rows and their vectors, in the same order.

    Parameters
    ----------
    rows : LabelledRows
        N of them.
    X : ndarray (N, D) float32 or float16, or Gathered
        Embeddings; those of several recipes side by side. Gathered ones stay in the cache until they are read.
    """

    rows: LabelledRows
    X: NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def y(self) -> NDArray[np.str_]:
        """Class names (N,)."""
        return self.rows.y

    def to_pandas(self) -> pandas.DataFrame:
        """As `LabelledRows.to_pandas`, and the numbers of the embeddings in the columns x0, x1, ...

        Raises
        ------
        PackageMissing
            pandas is not installed.
        """
        plain = self.rows.to_pandas()
        return plain.join(frame({f"x{n}": column for n, column in enumerate(self.X[:].T)}))

    def _repr_html_(self) -> str:
        """A small gallery, for notebooks."""
        classes = counted(len(self.rows.classes), "class", "classes")
        numbers = counted(self.X.shape[1], "number")
        return self.rows.gallery(f"{counted(len(self), 'picture')} of {classes}, {numbers} each")

    def take(self, rows: NDArray[np.intp]) -> Examples:
        """Some of the rows, in that order."""
        return Examples(self.rows.take(rows), self.X[rows])

    def followed_by(self, other: Examples) -> Examples:
        """These rows and then the other ones."""
        return Examples(self.rows.followed_by(other.rows), np.concatenate([self.X, other.X]))


def load_rows(table: DatasetTable, target: str, split: str, caches: Sequence[Store] = ()) -> LabelledRows:
    """Rows of a split that have a label; their vectors are not read.

    Parameters
    ----------
    table : DatasetTable
    target : str
        The label column.
    split : str
        "train", "val", "test", several of these as in "train+val", or "all".
    caches : sequence of Store
        Rows whose picture is broken in any of these are left out.

    Raises
    ------
    TableError
        There is no such label column, or the split is empty.
    DataError
        No row of the split has a label, or all that have one are broken.
    """
    labels = table.column(target)
    rows = table.rows_of(split)
    broken = np.zeros(len(rows), bool)
    for cache in caches:
        status = cache.status(table.ids[rows])
        broken |= (status != OK) & (status != ABSENT)  # an absent vector is an error when it is read
    labelled = np.array([bool(labels[n]) for n in rows.tolist()], bool)
    chosen = rows[labelled & ~broken].tolist()
    if not chosen:
        raise DataError(
            f"no picture of the split {split!r} has a label {target!r}"
            if not labelled.any()
            else f"all {int(labelled.sum())} pictures of the split {split!r} with a label {target!r} are broken"
        )
    nothing = [""] * len(table)
    artists, years = table.columns.get("artist", nothing), table.columns.get("year", nothing)
    ids = table.columns["id"]
    groups, makers = Groups.of(ids, artists), makers_of(artists)
    return LabelledRows(
        ids=[ids[n] for n in chosen],
        y=np.array([labels[n] for n in chosen]),
        groups=np.array([groups.names[n] for n in chosen]),
        known=np.array([groups.known[n] for n in chosen], bool),
        paths=[table.folder / table.columns["path"][n] for n in chosen],
        artists=[artists[n] if makers[n] else "" for n in chosen],
        years=[years[n] for n in chosen],
        makers=[makers[n] for n in chosen],
        unlabelled=int((~labelled).sum()),
        broken=int((labelled & broken).sum()),
    )


def rows_if_any(table: DatasetTable, target: str, split: str, caches: Sequence[Store] = ()) -> LabelledRows | None:
    """As `load_rows`, but None where the split is not there or has no usable row: for a split that nobody asked for."""
    if split not in table.columns["split"]:
        return None
    try:
        return load_rows(table, target, split, caches)
    except DataError:
        return None


def load_vectors(
    rows: LabelledRows, cache: Store, recipes: Sequence[Recipe], in_memory: int | None = None
) -> NDArray[np.floating]:
    """Vectors (N, D) of labelled rows, in their order.

    Parameters
    ----------
    rows : LabelledRows
    cache : Store
    recipes : sequence of Recipe
        Their vectors are put side by side.
    in_memory : int, optional
        Bytes of vectors up to which they are read into memory; more stay in the cache's memory maps, the matrix being
        Gathered, and are read by the heads in blocks. All are read by default.

    Raises
    ------
    NotStored
        Pictures were not embedded yet.
    """
    ids = from_hex(rows.ids)
    mapped = Gathered([cache.mapped(ids, recipe) for recipe in recipes])
    if in_memory is not None and mapped.nbytes > in_memory:
        return cast("NDArray[np.floating]", mapped)  # it is read like one
    return mapped[:]


def load_examples(
    table: DatasetTable | str | Path = "dataset.csv",
    cache: Store | str | Path = "features",
    recipes: str | Recipe | Sequence[str | Recipe] | None = None,
    target: str = "style",
    split: str = "train",
    in_memory: int | None = None,
) -> Examples:
    """Rows of a split with their labels and vectors.

    Parameters
    ----------
    table : DatasetTable, str or Path
        The table, or where it lies.
    cache : Store, str or Path
        The feature cache, or its features folder.
    recipes : str, Recipe, or sequence of these
        "avgpool", or "avgpool+stats" for the vectors of two recipes side by side.
    target : str
        The label column.
    split : str
        "train", "val", "test", several of these as in "train+val", or "all".
    in_memory : int, optional
        As in `load_vectors`.

    Raises
    ------
    TableError
        There is no such table or label column, or the split is empty.
    DataError
        No row of the split has a label, or all that have one are broken.
    NotStored
        Pictures were not embedded yet.

    Examples
    --------
    >>> import classify
    >>> train = classify.load_examples("dataset.csv", "features", "avgpool", "style", "train")
    >>> train.X.shape == (len(train.y), 512)
    True
    """
    store = as_cache(cache)
    rows = load_rows(as_table(table), target, split, [store])
    return Examples(rows, load_vectors(rows, store, store.recipes_named(recipes or usual_embedding(store)), in_memory))


def usual_embedding(cache: Store) -> str:
    """The embedding to take where none is named.

    The only one there is; or what the network's authors evaluate with; or its recipes of the one block that there is.
    """
    names = [recipe.name for recipe in cache.recipes() if is_embedding(recipe.name)]
    standard = standard_embedding(cache.key.network)
    if len(names) == 1:
        return names[0]
    blocks = {name.partition("-block")[2] for name in names}
    parts = [f"{part}-block{block}" for block in blocks for part in standard.split("+")]
    of_block = len(blocks) == 1 and blocks != {""} and set(parts) <= set(names)
    return "+".join(parts) if of_block else standard


def check_trainable(rows: LabelledRows, target: str) -> list[str]:
    """Raise unless there is something to learn; returns what to warn of.

    Raises
    ------
    DataError
        There is one class only.
    """
    counts = Counter(rows.y.tolist())
    if len(counts) < 2:
        raise DataError(
            f"there is one {target} only, {next(iter(counts))!r}, among {counted(len(rows), 'training picture')}: a "
            "classifier needs two classes or more"
        )
    single = sorted(c for c, n in counts.items() if n == 1)
    if single:
        return [f"only one training picture each for {listing(single)}: nothing can be learned from a single example"]
    return []
