"""What `prepare` remembers beside a table: the table as it was written, and what people had changed in it.

`dataset.csv` has its memory in `dataset.csv.source.json`. A cell of the table that differs from the memory was changed
by a person. A cell of the source that differs was changed by the source. The memory is written before the table, and
holds the checksums of the table before and after: so a run that stopped between the two is recognised.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from cache import files
from featurize.errors import TableError

VERSION = 1
_SHARED = 2  # a column whose values stand so many times, in the mean, is written as numbers of its distinct values


class Cell(NamedTuple):
    """One label that people changed.

    Parameters
    ----------
    source : str, optional
        What the source said when it was last asked; None where that is not known.
    theirs : str
        What people wrote.
    """

    source: str | None
    theirs: str


@dataclass(frozen=True)
class Edits:
    """All that people changed in a table; rows go by the path that the table has for them.

    Parameters
    ----------
    cells : mapping of str to mapping of str to Cell
        Path -> column -> cell; also of pictures that are not in the table now, and have their cells when they return.
    own : mapping of str to mapping of str to str
        Column that people added -> path -> value.
    dropped : tuple of str
        Columns of the source that people removed.
    deleted : mapping of str to str
        Path -> id of rows that people removed.
    added : frozenset of str
        Paths of rows that people added.
    ids : mapping of str to str
        Path -> id, for finding a renamed picture again.
    """

    cells: Mapping[str, Mapping[str, Cell]] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    deleted: Mapping[str, str] = field(default_factory=dict)
    added: frozenset[str] = frozenset()
    ids: Mapping[str, str] = field(default_factory=dict)


NO_EDITS = Edits()


@dataclass(frozen=True)
class Memory:
    """What is remembered of a table.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        The table as it was last written.
    edits : Edits
        Those that stand in it, and those of pictures that do not.
    table, before : str
        Checksums of the table's file after and before it was written; "" for a file that was not there.
    """

    columns: Mapping[str, Sequence[str]]
    edits: Edits
    table: str
    before: str = ""


def memory_path(table: Path) -> Path:
    """Where the memory of a table lies."""
    return table.with_name(f"{table.name}.source.json")


def checksum(table: Path) -> str:
    """The checksum of a table's file; "" where there is none.

    Raises
    ------
    StorageFailed
        The file can't be read.
    """
    if not table.exists():
        return ""
    with files.clear_reading(table):
        return files.checksum(files.read_blocks(table, 0, table.stat().st_size))


def recall(table: Path) -> Memory | None:
    """The memory of a table; None where there is none.

    Raises
    ------
    TableError
        The memory is damaged.
    StorageFailed
        It can't be read.
    """
    path = memory_path(table)
    if not path.exists():
        return None
    with files.clear_reading(path):
        data = path.read_bytes()
    try:
        return _from_json(json.loads(data))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise TableError(
            f"{str(path)!r}, which remembers what the source of the table said, is damaged: move it away to go on "
            "without it, and every difference between the table and its source counts as an edit of yours"
        ) from error


def remember(memory: Memory, table: Path) -> None:
    """Write the memory of a table, whole or not at all.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    files.write_atomic(memory_path(table), [json.dumps(_as_json(memory), separators=(",", ":")).encode()])


def _as_json(memory: Memory) -> dict[str, Any]:
    edits = memory.edits
    return {
        "version": VERSION,
        "about": "written by `featurize prepare`: what the source said, to tell it from what people changed",
        "table": memory.table,
        "before": memory.before,
        "columns": {name: _packed(values) for name, values in memory.columns.items()},
        "cells": edits.cells,
        "own": {name: _outside(values, memory.columns) for name, values in edits.own.items()},
        "dropped": list(edits.dropped),
        "deleted": edits.deleted,
        "added": sorted(edits.added),
        "ids": edits.ids,
    }


def _from_json(read: Mapping[str, Any]) -> Memory:
    if read["version"] != VERSION:
        raise ValueError("another version")
    columns = {name: _unpacked(packed) for name, packed in read["columns"].items()}
    if len({len(values) for values in columns.values()}) > 1:
        raise ValueError("columns of different lengths")
    paths = columns["path"]
    return Memory(
        columns,
        Edits(
            {p: {c: Cell(*cell) for c, cell in cells.items()} for p, cells in read["cells"].items()},
            {name: values | _filled(paths, columns.get(name, ())) for name, values in read["own"].items()},
            tuple(read["dropped"]),
            read["deleted"],
            frozenset(read["added"]),
            read["ids"],
        ),
        read["table"],
        read["before"],
    )


def _packed(values: Sequence[str]) -> Any:
    distinct = {value: n for n, value in enumerate(dict.fromkeys(values))}
    if len(distinct) * _SHARED > len(values):
        return list(values)
    return {"values": list(distinct), "rows": [distinct[value] for value in values]}


def _unpacked(packed: Any) -> list[str]:
    if isinstance(packed, list):
        return packed
    values = packed["values"]
    return [values[n] for n in packed["rows"]]


def _outside(values: Mapping[str, str], columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Values of rows that are not in the table; the others stand in its column."""
    inside = set(columns["path"])
    return {path: value for path, value in values.items() if path not in inside}


def _filled(paths: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    return {path: value for path, value in zip(paths, values, strict=False) if value}
