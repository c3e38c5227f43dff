"""Dataset table and feature cache -> rows to learn from: vectors, class names, artists.

Every row carries its own id and its vector is looked up by it, so that pictures and labels can't drift apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from cache import FeatureCache, Recipe
from cache.contract import check_all_found
from cache.ids import Ids
from cache.index import Places
from cache.rows import ABSENT, OK
from classify.errors import DataError
from classify.heads.rows.gathered import Gathered, Source
from featurize.dataset.labels import artist_group, is_nobody
from featurize.dataset.table import DatasetTable
from featurize.wording import listing


@dataclass(frozen=True)
class Examples:
    """Rows to train on or to score, all in the same order.

    Parameters
    ----------
    X : ndarray (N, D) float32 or float16, or Gathered
        Embeddings; those of several recipes side by side. Gathered ones stay in the cache until they are read.
    y : ndarray (N,) str
        Class names.
    groups : ndarray (N,) str
        Artists; a picture of an unknown artist is a group of its own.
    ids : sequence of str
        Hexadecimal ids.
    paths : sequence of Path
    artists, years : sequence of str
        As the table has them, "" where unknown.
    left_out : int
        Rows of the split without label or without vector (broken pictures).
    artists_known : bool
        Whether any row names its artist.
    """

    X: NDArray[np.floating]
    y: NDArray[np.str_]
    groups: NDArray[np.str_]
    ids: Sequence[str]
    paths: Sequence[Path]
    artists: Sequence[str]
    years: Sequence[str]
    left_out: int
    artists_known: bool

    def __len__(self) -> int:
        return len(self.y)

    @property
    def classes(self) -> list[str]:
        """Class names, sorted."""
        return sorted(set(self.y.tolist()))

    def take(self, rows: NDArray[np.intp]) -> Examples:
        """Some of the rows, in that order."""
        chosen = rows.tolist()
        return Examples(
            self.X[rows],
            self.y[rows],
            self.groups[rows],
            [self.ids[n] for n in chosen],
            [self.paths[n] for n in chosen],
            [self.artists[n] for n in chosen],
            [self.years[n] for n in chosen],
            self.left_out,
            self.artists_known,
        )


def load_examples(
    table: DatasetTable,
    cache: FeatureCache,
    recipes: Sequence[Recipe],
    target: str,
    split: str,
    in_memory: int | None = None,
) -> Examples:
    """Rows of a split with their labels and vectors.

    Parameters
    ----------
    table : DatasetTable
    cache : FeatureCache
    recipes : sequence of Recipe
        Their vectors are put side by side.
    target : str
        The label column.
    split : str
        "train", "val", "test" or "all".
    in_memory : int, optional
        Bytes of vectors up to which they are read into memory; more stay in the cache's memory maps, X being
        Gathered, and are read by the heads in blocks. All are read by default.

    Raises
    ------
    TableError
        There is no such label column, or the split is empty.
    NotStored
        Pictures were not embedded yet.
    DataError
        No row of the split has a label and a vector.
    """
    labels = table.column(target)
    rows = table.rows_of(split)
    ids = table.ids[rows]
    status = cache.status(ids)
    failed = (status != OK) & (status != ABSENT)
    labelled = np.array([bool(labels[n]) for n in rows.tolist()], bool)
    kept = np.flatnonzero(labelled & ~failed)
    if not len(kept):
        raise DataError(f"no picture of the split {split!r} has both a label {target!r} and an embedding")
    chosen = rows[kept].tolist()
    column = table.columns.get("artist", [""] * len(table))
    artists = ["" if is_nobody(column[n]) else column[n] for n in chosen]
    hexed = [table.columns["id"][n] for n in chosen]
    years = table.columns.get("year", [""] * len(table))
    return Examples(
        X=_vectors(cache, ids[kept], recipes, in_memory),
        y=np.array([labels[n] for n in chosen]),
        groups=np.array([artist_group(artist, i) for artist, i in zip(artists, hexed, strict=True)]),
        ids=hexed,
        paths=[table.folder / table.columns["path"][n] for n in chosen],
        artists=artists,
        years=[years[n] for n in chosen],
        left_out=len(rows) - len(kept),
        artists_known=any(artists),
    )


def _vectors(cache: FeatureCache, ids: Ids, recipes: Sequence[Recipe], in_memory: int | None) -> NDArray[np.floating]:
    """Vectors of several recipes side by side: an array, or rows that stay where they are."""
    if in_memory is not None:
        mapped = map_vectors(cache, ids, recipes)
        if mapped.nbytes > in_memory:
            return cast("NDArray[np.floating]", mapped)  # it is read like one
    parts = [cache.gather(ids, recipe) for recipe in recipes]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def map_vectors(cache: FeatureCache, ids: Ids, recipes: Sequence[Recipe]) -> Gathered:
    """Vectors of several recipes side by side, (N, D), left in the cache's memory maps.

    Raises
    ------
    NotStored
        Some pictures have no vector of a recipe.
    SegmentDamaged
        A segment was changed since it was written; all of them are checked here, once.
    """
    sources: list[Source] = []
    widths: list[int] = []
    types: list[np.dtype[Any]] = []
    segments = cache.segments
    for recipe in recipes:
        places = Places.of(segments, recipe)
        found = places.find(ids)
        check_all_found(cache.key, ids, found >= 0, recipe)
        used, number = np.unique(places.segment[found], return_inverse=True)
        arrays = [segments[n].vectors(recipe) for n in used]
        sources.append(Source(arrays, number, places.row[found]))
        widths.append(arrays[0].shape[1])
        types.extend(array.dtype for array in arrays)
    return Gathered(sources, widths, np.result_type(*types))


def check_trainable(examples: Examples, target: str) -> list[str]:
    """Raise unless there is something to learn; returns what to warn of.

    Raises
    ------
    DataError
        There is one class only.
    """
    counts = Counter(examples.y.tolist())
    if len(counts) < 2:
        raise DataError(
            f"all {len(examples)} training pictures have the same {target}, {next(iter(counts))!r}: a classifier "
            "needs two classes or more"
        )
    single = sorted(c for c, n in counts.items() if n == 1)
    if single:
        return [f"only one training picture each for {listing(single)}: nothing can be learned from a single example"]
    return []
