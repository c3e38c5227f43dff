"""Removing duplicates from a table: one of each group stays, where it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from featurize.dataset.audit.result import Audit
from featurize.dataset.sheets import beside, write_sheet
from featurize.dataset.table import DatasetTable, write_table

_STAYS_FIRST = ("test", "val", "train", "")  # a published test part stays what it is


@dataclass(frozen=True)
class Dropped:
    """What was removed.

    Parameters
    ----------
    table : DatasetTable
        Without the removed rows.
    removed : sequence of (int, int)
        Row that was removed, row of the same picture that stays.
    exact : int
        How many of them had the same content as the one that stays.
    contradicting : int
        Groups whose rows had different labels; the label of the one that stays holds.
    """

    table: DatasetTable
    removed: Sequence[tuple[int, int]]
    exact: int
    contradicting: int


def drop_duplicates(table: DatasetTable, audit: Audit, *, copies: bool = False) -> Dropped:
    """A table without the exact and the confirmed near-duplicates that an audit of it found. No file is touched.

    Of each group one row stays, in its own split: one to test on before one to choose by before one to train on,
    then the largest file, then the first path. No group is left in two splits.

    Parameters
    ----------
    table : DatasetTable
    audit : Audit
        Of this table.
    copies : bool
        Whether rows that their embeddings alone call copies go, too.
    """
    groups = _groups(len(table), audit, copies)
    sizes = table.whole_numbers("size")
    splits, paths = table.columns["split"], table.columns["path"]
    labels = table.columns.get(audit.target, [""] * len(table))
    removed = []
    for rows in groups:
        stays = min(rows, key=lambda row: (_STAYS_FIRST.index(splits[row]), -sizes[row], paths[row]))
        removed += [(row, stays) for row in rows if row != stays]
    removed.sort()
    gone = {row for row, _ in removed}
    ids = table.columns["id"]
    return Dropped(
        table.take(row for row in range(len(table)) if row not in gone),
        removed,
        sum(ids[row] == ids[stays] for row, stays in removed),
        sum(len({labels[row] for row in rows} - {""}) > 1 for rows in groups),
    )


def save_dropped(before: DatasetTable, dropped: Dropped, path: Path) -> Path:
    """Write the table without the removed rows, and beside it which were removed; returns where that is.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    told = beside(path, "dropped")
    paths, splits, ids = (before.columns[c] for c in ("path", "split", "id"))
    gone, stays = [row for row, _ in dropped.removed], [row for _, row in dropped.removed]
    columns = {
        "path": [paths[row] for row in gone],
        "split": [splits[row] for row in gone],
        "id": [ids[row] for row in gone],
        "stays": [paths[row] for row in stays],
        "stays_in": [splits[row] for row in stays],
    }
    write_sheet(columns, told)
    write_table(dropped.table, path)
    return told


def _groups(count: int, audit: Audit, copies: bool) -> list[list[int]]:
    """Rows connected by any duplicate, groups of two and more."""
    above = list(range(count))

    def root(row: int) -> int:
        while above[row] != row:
            above[row] = above[above[row]]
            row = above[row]
        return row

    pairs = [(group.rows[0], row) for group in audit.duplicates for row in group.rows[1:]]
    pairs += [pair.rows for pair in audit.pairs if pair.certain or (copies and pair.similarity is not None)]
    for a, b in pairs:
        above[root(a)] = root(b)
    members: dict[int, list[int]] = defaultdict(list)
    for row in range(count):
        members[root(row)].append(row)
    return [rows for rows in members.values() if len(rows) > 1]
