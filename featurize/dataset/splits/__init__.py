"""Which picture is for training, which for choosing, which for the last word; one file a way to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from featurize.dataset.notes import Note
from featurize.dataset.people import makers_of
from featurize.dataset.splits.by_artist import artist_split
from featurize.dataset.splits.by_chance import random_split
from featurize.dataset.splits.by_time import time_split
from featurize.dataset.splits.kept import not_kept
from featurize.errors import SourceError


@dataclass(frozen=True)
class Splitting:
    """How to split.

    Parameters
    ----------
    how : str
        One of `choices.SPLITTINGS`; empty for the split that is given, or a random one where there is none.
    val, test : float
        Shares of the pictures.
    before : int, optional
        For "time", which needs it: the first year of the test part.
    seed : int

    Raises
    ------
    SourceError
        The year is missing, or is given for another way to split.
    """

    how: str = ""
    val: float = 0.1
    test: float = 0.2
    before: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.how == "time" and self.before is None:
            raise SourceError("--split time needs --before YEAR: pictures made earlier train, the others test")
        if self.how != "time" and self.before is not None:
            raise SourceError(f"--before {self.before} is for --split time: add it, or leave --before out")


def split_rows(
    columns: Mapping[str, Sequence[str]], target: str, splitting: Splitting
) -> tuple[list[str], str, list[Note]]:
    """Decide the split of each row.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        `id`, `split` as given, and label columns.
    target : str
    splitting : Splitting

    Returns
    -------
    splits : list of str
    how : str
        The way that was taken.
    notes : list of Note

    Raises
    ------
    SourceError
        What the way needs is not there.
    """
    given = list(columns["split"])
    parts = {part for part in given if part}
    how = splitting.how or ("given" if len(parts) > 1 else "random")
    notes = []
    if not splitting.how and len(parts) == 1:
        only = parts.pop()
        text = f"rows are all in one split, {only!r}: a random one was drawn"
        some = f"rows are in the split {only!r}, and the others in none: a random one was drawn for all"
        notes.append(Note(text if all(given) else some, given.count(only)))
    if how == "given" and not any(given):
        raise SourceError("the source has no split of its own (no train, val or test folders): use --split random")
    splits = given if how == "given" else _drawn(columns, target, how, splitting)
    if without := splits.count(""):
        notes.append(Note("rows are in no split" + (", as their year is not known" if how == "time" else ""), without))
    if how != "given":
        notes += not_kept(splits, columns.get(target, [""] * len(splits)), how, splitting.val, splitting.test)
    return splits, how, notes


def _drawn(columns: Mapping[str, Sequence[str]], target: str, how: str, splitting: Splitting) -> list[str]:
    ids = columns["id"]
    labels = columns.get(target, [""] * len(ids))
    val, test, seed = splitting.val, splitting.test, splitting.seed
    if how == "random":
        return random_split(ids, labels, val=val, test=test, seed=seed)
    if how == "time":
        assert splitting.before is not None  # checked by Splitting
        return time_split(ids, columns.get("year", [""] * len(ids)), splitting.before, val=val, seed=seed)
    artists = columns.get("artist", [""] * len(ids))
    if not any(makers_of(artists)):
        raise SourceError(
            "--split artist: no picture names its artist; name their column with --label-column artist=COLUMN, or give "
            "--names where file names are like artist_title.jpg"
        )
    return artist_split(ids, labels, artists, val=val, test=test, seed=seed)


__all__ = ["Splitting", "artist_split", "random_split", "split_rows", "time_split"]
