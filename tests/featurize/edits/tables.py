"""Dataset tables that a person has edited, and the list that they are made of again."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from featurize.dataset.prepare import Prepared, prepare
from featurize.dataset.table import table_columns

Row = dict[str, str]
P0, P1, P2, P3 = (f"pictures/p{n}.jpg" for n in range(4))


def rows_of(path: Path) -> dict[str, Row]:
    """Path -> row of a table."""
    columns = table_columns(path)
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return {row["path"]: row for row in rows}


def edit(path: Path, change: Any) -> None:
    """Change the rows of a table as a person would, and save it as a text editor does."""
    rows = list(rows_of(path).values())
    rows = change(rows) or rows
    write_rows(path, rows)


def write_rows(path: Path, rows: Sequence[Row], **dialect: Any) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, names, restval="", lineterminator="\n", **dialect)
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")


def write_list(folder: Path, changes: Mapping[int, Row] | None = None, without: Sequence[int] = ()) -> None:
    rows = [
        {
            "file": f"p{n}.jpg",
            "style": "ab"[n % 2],
            "artist": f"Painter {n % 5}",
            "year": str(1800 + n),
            "inv": f"00{n}",
        }
        | (changes or {}).get(n, {})
        for n in range(10)
        if n not in without
    ]
    write_rows(folder / "list.csv", rows)


def again(folder: Path, **options: Any) -> Prepared:
    options = {"split": "random", "val": 0.3, "test": 0.3} | options
    return prepare(folder / "list.csv", folder / "dataset.csv", **options)


def notes(done: Prepared) -> str:
    return "\n".join(f"{note.count} {note.text} {list(note.examples)}" for note in done.notes)
