"""Vectors and labels that somebody has as arrays -> the dataset table and the feature cache that everything works on.

So there is one way to fit and to compare, whether the rows come from files or from memory.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cache import Key, Recipe, Rows, Store, cache_in_memory
from cache.ids import from_hex
from classify.errors import DataError
from featurize.dataset.people import keys_of
from featurize.dataset.table import DatasetTable

if TYPE_CHECKING:
    from collections.abc import Sequence

EMBEDDING = "given"  # the name of the vectors
SPLITS = ("train", "val", "test")
TEST_SHARE = 0.2
_KEY = Key({"provider": "arrays", "name": "given", "stages": []}, "given", {})
_RECIPE = Recipe(EMBEDDING, {"formula": "vectors given as arrays"})


def are_arrays(value: object) -> bool:
    """Whether vectors are given, not a dataset table or the place of one."""
    return not isinstance(value, DatasetTable | str | Path)


def as_dataset(
    X: Any, y: Any, groups: Any = None, split: Any = None, *, target: str, part: str | None, seed: int = 0
) -> tuple[DatasetTable, Store]:
    """A table and a cache in memory that hold the rows.

    Parameters
    ----------
    X : (N, D) array or DataFrame of numbers
        They are kept as float32; equal rows count as one picture.
    y : (N,) labels
        None, NaN and "" mark rows without one.
    groups : (N,), optional
        Artists; None, NaN and "" where unknown.
    split : (N,) of "train", "val" and "test", optional
    target : str
        The name of the label column.
    part : str, optional
        The split of all rows where none is given. None draws a fifth of the rows, or of the groups, as the test part.
    seed : int
        Of that draw.

    Raises
    ------
    DataError
        They are no numbers, not finite, not equally long, or a split has another name.
    """
    vectors = _vectors(X)
    labels = _texts("y", y, len(vectors))
    artists = _distinct(_texts("groups", groups, len(vectors)))
    if split is not None:
        splits = _texts("split", split, len(vectors))
        wrong = sorted(set(splits) - set(SPLITS))
        if wrong:
            raise DataError(f"split names {', '.join(map(repr, wrong))}: each row is of 'train', 'val' or 'test'")
    else:
        splits = [part] * len(vectors) if part else _drawn(labels, artists, seed)
    ids = [hashlib.sha256(row.tobytes()).hexdigest() for row in vectors]
    columns = {
        "id": ids,
        "path": [f"row {n}" for n in range(len(vectors))],
        "size": ["0"] * len(vectors),
        "mtime_ns": ["0"] * len(vectors),
        "split": splits,
        target: labels,
        **({"artist": artists} if groups is not None else {}),
    }
    cache = cache_in_memory(_KEY)
    first = {name: n for n, name in reversed(list(enumerate(ids)))}
    kept = np.fromiter(sorted(first.values()), np.intp)
    unique = from_hex([ids[n] for n in kept.tolist()])
    cache.append(Rows(unique, np.zeros(len(kept), np.uint8), {_RECIPE: vectors[kept]}))
    return DatasetTable(columns, Path()), cache


def _vectors(X: Any) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            vectors = np.ascontiguousarray(X, np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"X holds something else than numbers: {error}") from error
    if vectors.ndim != 2 or not vectors.size:
        raise DataError(f"X has the shape {vectors.shape}: a row for each picture and a column a number are needed")
    bad = np.flatnonzero(~np.isfinite(vectors).all(1))
    if len(bad):
        raise DataError(
            f"row {bad[0]} of X holds NaN, infinity or a number too large for float32, as do {len(bad)} rows"
        )
    return vectors


def _texts(name: str, values: Any, count: int) -> list[str]:
    """Values as texts, "" for those that are missing."""
    if values is None:
        return [""] * count
    listed: Sequence[Any] = np.asarray(values, dtype=object).tolist()
    if len(listed) != count or any(isinstance(value, list) for value in listed):
        raise DataError(f"X has {count} rows, but {name} has {len(listed)}: one value for each row is needed")
    return ["" if value is None or value != value else str(value) for value in listed]


def _distinct(artists: list[str]) -> list[str]:
    """Names that stay as different as they are: the table takes those of one person in two spellings as one."""
    names = sorted(set(artists) - {""})
    keys = keys_of(names)
    if len(set(keys)) == len(names) and all(len(makers) == 1 for makers in keys):
        return artists
    numbers = {name: f"group{n:06}" for n, name in enumerate(names)}
    return [numbers.get(name, "") for name in artists]


def _drawn(labels: list[str], artists: list[str], seed: int) -> list[str]:
    """A fifth as the test part: of the groups, where there are any."""
    from classify.evaluation.repeats import resampled_splits

    known = any(artists)
    groups = np.array([name or f"?{n}" for n, name in enumerate(artists)])
    ((_, test),) = resampled_splits(np.array(labels), groups, TEST_SHARE, 1, by_artist=known, seed=seed)
    scored = set(test.tolist())
    return ["test" if n in scored else "train" for n in range(len(labels))]
