"""A painter's works in the embedding: nearest painters, and works least like the painter's others."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classify.errors import DataError
from classify.evaluation.nearest import centre_of, rounded, unit
from classify.explore.pages import PAGE, render, write_folder
from classify.explore.works import Works
from featurize.dataset.people import makers_of, may_be_one, person_key
from featurize.dataset.sheets import csv_bytes
from featurize.wording import artist as artist_name
from featurize.wording import counted, decimals, listing

FEWEST = 3  # works, from which a painter's mean says anything
NEAREST = 10  # painters that are named
_BLOCK = 2048
_GUESSES = 5


@dataclass(frozen=True)
class NearPainter:
    """Another painter, the number of works, and the cosine of the two painters' mean works."""

    name: str
    works: int
    similarity: float


@dataclass(frozen=True)
class Likeness:
    """How like the painter's others a work is.

    Parameters
    ----------
    row : int
        The work.
    own : float
        Cosine with the mean of the painter's other works.
    other : float
        The largest cosine with the mean of another painter of three works or more; NaN where there is none.
    nearest : str
        That painter.
    """

    row: int
    own: float
    other: float
    nearest: str


@dataclass(frozen=True)
class Painter:
    """A painter's works in the embedding.

    Parameters
    ----------
    works : Works
        The whole collection.
    name : str
        As the table spells it most often.
    rows : ndarray (n,) int
        The painter's works.
    painters : tuple of NearPainter
        Other painters of three works or more, the nearest first.
    likeness : tuple of Likeness
        The painter's works, those least like the others first.
    """

    works: Works
    name: str
    rows: NDArray[np.intp]
    painters: tuple[NearPainter, ...]
    likeness: tuple[Likeness, ...]

    @property
    def digits(self) -> int:
        """Decimals with which a similarity is shown: up to four, so that only that of a copy looks like 1."""
        shown = [p.similarity for p in self.painters] + [value for o in self.likeness for value in (o.own, o.other)]
        return decimals((1 - value for value in shown), most=4)


def artist(works: Works, name: str) -> Painter:
    """A painter's works in the embedding.

    Works stand as vectors of length 1 around the collection's mean; a painter is the mean of such vectors. A work is
    compared with the mean of the painter's others, never with itself.

    Parameters
    ----------
    works : Works
    name : str
        In any spelling and order of its words.

    Raises
    ------
    DataError
        No work is by that painter (names that are near are listed), or fewer than three are.
    """
    makers = makers_of(works.column("artist"))
    rows: dict[str, list[int]] = defaultdict(list)
    spelled: dict[str, Counter[str]] = defaultdict(Counter)
    for row, names in enumerate(makers):
        for one in names:
            rows[person_key(one)].append(row)
            spelled[person_key(one)][one] += 1
    usual = {key: min(counts, key=lambda n: (-counts[n], n)) for key, counts in spelled.items()}
    key = person_key(name)
    if key not in rows:
        raise DataError(_unknown(name, usual))
    mine = np.array(rows[key], np.intp)
    if len(mine) < FEWEST:
        has = counted(len(mine), "work")
        raise DataError(f"{usual[key]!r} has {has} here, and {FEWEST} are needed to say which is unlike the others")
    vectors = _units(works)
    total = vectors[mine].sum(0, dtype=np.float64)
    others = [k for k in sorted(rows) if k != key and len(rows[k]) >= FEWEST]
    sums = (
        np.stack([vectors[rows[k]].sum(0, dtype=np.float64) for k in others]) if others else np.zeros((0, len(total)))
    )
    means = _directions(sums)
    close = rounded(means @ _directions(total[None])[0])
    order = np.argsort(-close, kind="stable")[:NEAREST]
    near = tuple(NearPainter(usual[others[n]], len(rows[others[n]]), float(close[n])) for n in order.tolist())
    likeness = [
        _likeness(row, vectors[row], total, means, [usual[k] for k in others], [row in rows[k] for k in others])
        for row in mine.tolist()
    ]
    likeness.sort(key=lambda one: (one.own, one.row))
    return Painter(works, usual[key], mine, near, tuple(likeness))


def _likeness(
    row: int,
    vector: NDArray[np.float32],
    total: NDArray[np.float64],
    means: NDArray[np.float64],
    names: Sequence[str],
    shared: Sequence[bool],
) -> Likeness:
    own = float(rounded(_directions((total - vector)[None])[0] @ vector))
    elsewhere = np.where(np.array(shared, bool), -np.inf, rounded(means @ vector)) if names else np.empty(0)
    if not len(elsewhere) or np.isneginf(elsewhere).all():
        return Likeness(row, own, float("nan"), "")
    best = int(elsewhere.argmax())
    return Likeness(row, own, float(elsewhere[best]), names[best])


def _units(works: Works) -> NDArray[np.float32]:
    """All works at length 1 around their mean, (N, D)."""
    centre = centre_of(works.X)
    out = np.empty(works.X.shape, np.float32)
    for start in range(0, len(works), _BLOCK):
        out[start : start + _BLOCK] = unit(works.X[start : start + _BLOCK], centre)
    return out


def _directions(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    out: NDArray[np.float64] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-300)
    return out


def _unknown(name: str, usual: Mapping[str, str]) -> str:
    if not usual:
        return "no work of the dataset table names its artist: fill the column `artist`"
    same = [other for pair in may_be_one([name, *usual.values()]) if name in pair for other in pair if other != name]
    near = difflib.get_close_matches(person_key(name), list(usual), _GUESSES, 0.6)
    guesses = list(dict.fromkeys([*same, *(usual[key] for key in near)]))[:_GUESSES]
    if guesses:
        return f"no work is by {name!r}: did you mean {listing(guesses, _GUESSES)}?"
    there = (
        f"{counted(len(usual), 'artist is', 'artists are')} in the table: {listing(sorted(usual.values()), _GUESSES)}"
    )
    return f"no work is by {name!r}: {there}"


def write_artist(found: Painter, out: Path) -> Path:
    """Write `index.html` and `artist.csv` into a folder; gives the path of the page.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    facts = {"p": found, "title": artist_name(found.name)}
    return write_folder(
        out, {"artist.csv": lambda: as_csv(found), PAGE: lambda: render("artist.html", found.works, facts)}
    )


def as_csv(found: Painter) -> bytes:
    """A line for each work of the painter, those least like the others first."""
    works, likeness = found.works, found.likeness
    columns = {name: [works.column(name)[one.row] for one in likeness] for name in ("id", "path", "style", "year")}
    columns["similarity_to_the_others"] = [f"{one.own:.6f}" for one in likeness]
    columns["nearest_other_artist"] = [one.nearest for one in likeness]
    columns["similarity_to_that_artist"] = [f"{one.other:.6f}" if one.nearest else "" for one in likeness]
    return csv_bytes(columns)
