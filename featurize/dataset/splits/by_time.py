"""Earlier pictures train, later ones test."""

from __future__ import annotations

from collections.abc import Sequence

from featurize.dataset.periods import year_number
from featurize.dataset.splits.draw import check_shares, draw
from featurize.errors import SourceError


def time_split(ids: Sequence[str], years: Sequence[str], before: int, *, val: float = 0.1, seed: int = 0) -> list[str]:
    """A split by the year: made before it, a picture is for training (or choosing), else for testing.

    Parameters
    ----------
    ids : sequence of str
        N hexadecimal digests.
    years : sequence of str
        N years as digits, negative before Christ; a picture without a year is in no part.
    before : int
        The first year of the test part.
    val : float
        Share of the earlier pictures that is drawn for choosing, by their ids and the seed alone.
    seed : int

    Returns
    -------
    list of str
        N times "train", "val", "test" or "".

    Raises
    ------
    SourceError
        One side is empty.
    """
    check_shares(val, 0)
    numbers = list(map(year_number, years))
    known = [year for year in numbers if year is not None]
    if not known:
        raise SourceError("--split time: no picture has a year; name their column with --label-column year=COLUMN")
    if not min(known) < before <= max(known):
        raise SourceError(
            f"--before {before} leaves one side empty: the pictures are from {min(known)} to {max(known)}"
        )
    return [_part(i, year, before, val, seed) for i, year in zip(ids, numbers, strict=True)]


def _part(picture: str, year: int | None, before: int, val: float, seed: int) -> str:
    if year is None:
        return ""
    if year >= before:
        return "test"
    return "val" if draw(picture, seed) < val else "train"
