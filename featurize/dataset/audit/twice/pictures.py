"""From the table's pictures to near-duplicate rows."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cache.ids import plain
from featurize.dataset.audit.fingerprints import Prints, make_prints, prints_path
from featurize.dataset.audit.near import Near, find_near
from featurize.dataset.audit.result import NearPair
from featurize.dataset.audit.twice.members import row_of_each
from featurize.dataset.table import DatasetTable
from featurize.pictures.file import Picture
from featurize.progress import ProgressBar

_RECOLOURED = 30  # mean difference of the colours, of 255, after the brightness is made equal


def look_at_pictures(
    table: DatasetTable, path: Path, keep: bool, workers: int | None, progress: ProgressBar | None
) -> tuple[list[NearPair], list[int], str]:
    """Near-duplicates among the rows, rows of one tone, and how much was looked at.

    Rows with the same content are one picture here; the first of them stands for all in a pair.

    Parameters
    ----------
    table : DatasetTable
    path : Path
        Where the table lies.
    keep : bool
        Whether fingerprints that had to be made are kept.
    workers : int, optional
    progress : callable, optional
        Called with what goes on and the unit, as `progress_bar` is.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row, picture in enumerate(table.columns["id"]):
        rows[picture].append(row)
    distinct = {plain(picture): table.picture(members[0]) for picture, members in rows.items()}
    with _telling(progress, "looking", "pictures") as tell:
        prints = make_prints(list(distinct.values()), prints_path(path), workers, tell, keep)
    pictures = [distinct[key] for key in prints["id"].tolist()]
    structured = np.flatnonzero(prints["grey"].any((1, 2)))
    compared = prints if len(structured) == len(prints) else prints[structured]
    with _telling(progress, "comparing", "pairs") as tell:
        found = find_near(compared, [pictures[n] for n in structured.tolist()], workers, tell)
    near = _as_rows(found, structured.tolist(), prints, pictures, rows, table.columns["split"])
    plain_ones = sorted(set(range(len(prints))) - set(structured.tolist()))
    blank = [row for n in plain_ones for row in rows[pictures[n].id]]
    missing = len(distinct) - len(prints)
    looked_at = f"{len(prints):,} of {len(distinct):,} distinct pictures" + (
        f"; {missing:,} could not be opened" if missing else ""
    )
    return near, blank, looked_at


def _as_rows(
    found: Sequence[Near],
    structured: Sequence[int],
    prints: Prints,
    pictures: Sequence[Picture],
    rows: dict[str, list[int]],
    splits: Sequence[str],
) -> list[NearPair]:
    pairs = []
    for near in found:
        a, b = structured[near.first], structured[near.second]
        first, second = rows[pictures[a].id], rows[pictures[b].id]
        across = len({splits[row] for row in (*first, *second)}) > 1
        one, other = row_of_each(first, second, splits)
        pairs.append(
            NearPair(
                rows=(min(one, other), max(one, other)),
                agreement=round(near.agreement, 4),
                detail=round(near.detail, 4),
                mirrored=near.mirrored,
                recoloured=_recoloured(prints[a], prints[b], near.mirrored),
                cropped=round(near.cropped, 3),
                confirmed=near.confirmed,
                across=across,
            )
        )
    return pairs


def _recoloured(a: Any, b: Any, mirrored: bool) -> bool:
    one, other = (np.asarray(p["colour"], np.float32) for p in (a, b))
    if mirrored:
        one = one[:, ::-1]
    shift = (one - one.mean(2, keepdims=True)) - (other - other.mean(2, keepdims=True))
    return bool(np.abs(shift).mean() > _RECOLOURED)


def _telling(progress: ProgressBar | None, what: str, unit: str) -> Any:
    return progress(what, unit) if progress else contextlib.nullcontext()
