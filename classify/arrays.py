"""Vectors and labels that somebody has as arrays -> the dataset table and the feature cache that everything works on.

So there is one way to fit and to compare, whether the rows come from files or from memory.
"""

from __future__ import annotations

import hashlib
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import Key, Recipe, Rows, Store, cache_in_memory
from cache.ids import from_hex
from classify.errors import DataError
from featurize.dataset.people import keys_of
from featurize.dataset.table import DatasetTable
from featurize.frames import in_another_order
from featurize.wording import counted

EMBEDDING = "given"  # the name of the vectors
SPLITS = ("train", "val", "test")
TEST_SHARE = 0.2
_TAKEN = ("id", "path", "size", "mtime_ns", "split", "")
_LOST = 10  # roundings to float32 that a deviation must be larger than
_KEY = Key({"provider": "arrays", "name": "given", "stages": []}, "given", {})
_RECIPE = Recipe(EMBEDDING, {"formula": "vectors given as arrays"})


def are_arrays(value: object) -> bool:
    """Whether vectors are given, not a dataset table or the place of one."""
    return not isinstance(value, DatasetTable | str | Path)


def refuse_recipes(names: object) -> None:
    """Raise where recipes are asked for: vectors that are given as arrays are no feature cache."""
    if names not in (None, EMBEDDING):
        raise DataError(f"{names!r} names recipes of a feature cache, but vectors are given as arrays: leave it out")


def as_dataset(
    X: Any, y: Any, groups: Any = None, split: Any = None, *, target: str, part: str | None, seed: int = 0
) -> tuple[DatasetTable, Store]:
    """A table and a cache in memory that hold the rows.

    Parameters
    ----------
    X : (N, D) array or DataFrame of numbers
        They are kept as float32; equal rows count as one picture. All that is given is joined by the place of the row.
    y : (N,) labels
        Texts, whole numbers or other names, which become texts; None, NaN and "" mark rows without one.
    groups : (N,), optional
        Artists; None, NaN and "" where unknown.
    split : (N,) of "train", "val" and "test", optional
    target : str
        The name of the label column; none that a dataset table has for something else.
    part : str, optional
        The split of all rows where none is given. None draws a fifth of the rows, or of the groups, as the test part.
    seed : int
        Of that draw.

    Raises
    ------
    DataError
        They are no numbers, not finite, too small or too close together for float32, not equally long, measurements
        instead of labels; columns of pandas have one index in several orders; a split or the target has a name that
        can't be used; no rows or groups can be set aside to be scored.
    """
    _check_order(X=X, y=y, groups=groups, split=split)
    if target in _TAKEN or (target == "artist" and groups is not None):
        raise DataError(
            f"target={target!r} is no name for labels, because a dataset table has that column: take another"
        )
    vectors = _vectors(X)
    labels = _texts("y", y, len(vectors))
    if not any(labels):
        raise DataError("y holds no label: give one for each row, as in compare(X, y) and fit(X, y)")
    artists = _distinct(_texts("groups", groups, len(vectors)))
    if split is not None:
        splits = _texts("split", split, len(vectors))
        if "" in splits:
            raise DataError(
                f"split is empty for {counted(splits.count(''), 'row')}, the first is row {splits.index('')}: leave "
                "them out, or name their part, 'train', 'val' or 'test'"
            )
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


def _check_order(**given: Any) -> None:
    """Raise where columns of pandas have the same index in another order, so that places mean nothing."""
    for (first, one), (name, other) in combinations(given.items(), 2):
        if in_another_order(one, other):
            raise DataError(
                f"{name} has the index of {first} in another order: {name}.loc[{first}.index] brings its rows into "
                f"that order, and {name}.to_numpy() takes them by their place"
            )


def _vectors(X: Any) -> NDArray[np.float32]:
    if hasattr(X, "toarray"):
        raise DataError("X is a sparse matrix: give X.toarray()")
    try:
        given = np.asarray(np.ma.filled(X.astype(float), np.nan) if np.ma.is_masked(X) else X)
        if np.iscomplexobj(given):
            raise TypeError("complex numbers")
        with np.errstate(over="ignore"):
            vectors = np.ascontiguousarray(given, np.float32) + np.float32(0)  # -0 is 0
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"X holds something else than numbers: {error}") from error
    if vectors.ndim != 2 or not vectors.size:
        raise DataError(
            f"X has the shape {vectors.shape}: a row for each picture and a column for each feature are needed"
        )
    bad = np.flatnonzero(~np.isfinite(vectors).all(1))
    if len(bad):
        raise DataError(
            f"{len(bad):,} of {counted(len(vectors), 'row')} of X {'holds' if len(bad) == 1 else 'hold'} NaN, infinity "
            f"or a number too large for float32, the first is row {bad[0]}: leave them out, or fill them"
        )
    if not vectors.any() and given.astype(bool).any():
        raise DataError(f"X reaches {np.abs(given).max():.3g} only, which float32 takes for 0: multiply it by a number")
    _check_rounding(given, vectors)
    return vectors


def _check_rounding(given: NDArray[Any], vectors: NDArray[np.float32]) -> None:
    """Raise where a column's numbers differ, but by too little beside their size for float32 to tell them apart."""
    if given.dtype.kind not in "fiu" or given.dtype.itemsize <= vectors.itemsize:
        return
    low, high = given.min(0).astype(np.float64), given.max(0).astype(np.float64)
    sizes = np.maximum(-low, high) * _LOST  # (D,)
    least, greatest = sizes * np.finfo(np.float64).eps, sizes * np.finfo(np.float32).eps
    for n in np.flatnonzero((high - low > least) & (high - low < 100 * greatest)).tolist():
        spread, size = float(given[:, n].std(dtype=np.float64)), float(sizes[n] / _LOST)
        if least[n] < spread < greatest[n]:
            raise DataError(
                f"column {n} of X reaches {size:.3g} and deviates by {spread:.3g} only, which float32 can't hold: "
                "subtract the mean of each column"
            )


def _texts(name: str, values: Any, count: int) -> list[str]:
    """Values as texts, "" for those that are missing."""
    if values is None:
        return [""] * count
    found = np.array(values, dtype=object)
    if np.ma.is_masked(values):
        found[np.ma.getmaskarray(values)] = None
    if found.shape != (count,):
        has = f"has {len(found)}" if found.ndim == 1 else f"has the shape {found.shape}"
        has = f"is {values!r}" if not found.ndim else has
        raise DataError(f"X has {count} rows, but {name} {has}: one value for each row is needed")
    return [_text(name, value) for value in found.tolist()]


def _text(name: str, value: Any) -> str:
    if _is_missing(value):
        return ""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, float | np.floating):
        if not float(value).is_integer():
            raise DataError(f"{name} has {value}, a measurement: give names or whole numbers")
        return str(int(value))  # a column of whole numbers with gaps is one of floats in pandas
    return str(value)


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA
        return True


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

    if len(labels) < 2:
        raise DataError("1 row can't be divided into a part to learn from and one to score: give more rows")
    known = any(artists)
    if known and len(set(artists)) == 1:
        raise DataError(f"all {len(artists)} rows are of one group, of which no part can be scored: give split, too")
    groups = np.array([name or f"?{n}" for n, name in enumerate(artists)])
    ((_, test),) = resampled_splits(np.array(labels), groups, TEST_SHARE, 1, by_artist=known, seed=seed)
    scored = set(test.tolist())
    return ["test" if n in scored else "train" for n in range(len(labels))]
