"""What a feature cache lacks of a dataset table, and which shards would embed it. No picture is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache import OK, Plan, Store
from cache.ids import Ids, Seen, first_seen
from cache.plan import unfinished
from cache.rows import ABSENT
from featurize.dataset.parts import parts_of
from featurize.dataset.table import DatasetTable
from featurize.errors import FeaturizeError


@dataclass(frozen=True)
class Lacking:
    """The distinct pictures of a table as a cache has them.

    Parameters
    ----------
    pictures, embedded, failed, absent : int
        In all; with a vector; with a reason instead; never tried.
    shards : tuple of int
        The numbers of the shards that have something left to do, from 1; empty where their count was not given.
    """

    pictures: int
    embedded: int
    failed: int
    absent: int
    shards: tuple[int, ...] = ()


def lacking(cache: Store, table: DatasetTable | str | Path, split: str = "all", shards: int = 0) -> Lacking:
    """Compare a cache with a table, part after part.

    Parameters
    ----------
    cache : Store
    table : DatasetTable, str or Path
    split : str
    shards : int
        How many shards there are; 0 where that is of no interest.

    Raises
    ------
    TableError, FeaturizeError
        The table can't be read, or the number of shards is negative.
    """
    if shards < 0:
        raise FeaturizeError(f"there can't be {shards} shards: give a number from 1")
    seen, counts, left = Seen(), np.zeros(4, np.int64), set[int]()
    for part, rows in parts_of(table, split):
        ids = part.ids[rows]
        at_hand = ids[first_seen(ids)]
        new = at_hand[seen.note(at_hand)]
        status = cache.status(new)
        ok, absent = int((status == OK).sum()), int((status == ABSENT).sum())
        counts += [len(new), ok, len(new) - ok - absent, absent]
        if shards and absent:
            left |= _shards_left(unfinished(cache.artifacts, at_hand), new[status == ABSENT], shards)
    pictures, embedded, failed, absent = counts.tolist()
    return Lacking(pictures, embedded, failed, absent, tuple(sorted(left)))


def _shards_left(plans: list[Plan], absent: Ids, shards: int) -> set[int]:
    """The shards whose pieces hold absent pictures: all of them where no plan has the pictures."""
    left = set()
    for plan in plans:
        for number, piece in enumerate(plan.pieces()):
            here = np.isin(absent, np.concatenate(piece))
            if here.any():
                left.add(number % shards + 1)
                absent = absent[~here]
    return set(range(1, shards + 1)) if len(absent) else left
