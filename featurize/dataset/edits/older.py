"""The table that an earlier `prepare` wrote, as it lies there now: read, told from a stranger's, and backed up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path

from cache import files
from featurize.dataset.edits.finding import FILE_FACTS, check_rows, find_edits, renamed_to, went_through_spreadsheet
from featurize.dataset.edits.memory import NO_EDITS, Cell, Edits, Memory, checksum, memory_path, recall, remember
from featurize.dataset.edits.merging import Kept
from featurize.dataset.edits.rewriting import Pair, by_people
from featurize.dataset.notes import Note
from featurize.dataset.sheets import sheet_bytes
from featurize.dataset.table import DatasetTable, table_columns, tidy
from featurize.errors import TableError

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Older:
    """A table that is there before `prepare` writes its own.

    Parameters
    ----------
    path : Path
    columns : mapping of str to sequence of str, optional
        What it holds; None where it is missing, or no dataset table.
    memory : Memory, optional
        What is remembered of it; None where nothing is, or what is remembered is of another table.
    checksum : str
        Of its file; "" where there is none.
    touched : bool
        Whether the file is another than the one that was written.
    stale : bool
        Whether a run stopped after it had written the memory and before it wrote the table.
    """

    path: Path
    columns: Columns | None
    memory: Memory | None
    checksum: str
    touched: bool
    stale: bool = False

    @property
    def known(self) -> Columns:
        """The last columns that are known of it, for looking up its files."""
        return (self.memory.columns if self.memory else self.columns) or {}

    @property
    def paths(self) -> Sequence[str]:
        """Paths of its rows, as it was last written."""
        return self.known.get("path", ())

    def edits(
        self, said: Columns, target: str, written: Sequence[str], keep_splits: bool, exists: Callable[[str], bool]
    ) -> tuple[Edits, list[Note]]:
        """What people changed in it.

        Parameters
        ----------
        said : mapping of str to sequence of str
            What the source says now; only asked where nothing is remembered.
        target : str
            The column that is learned, which a table can't do without.
        written : sequence of str
            The paths of the source's pictures, as the table writes them.
        keep_splits : bool
            Whether the splits of a table of which nothing is remembered are people's.
        exists : callable
            Whether the file of a path is there.

        Raises
        ------
        TableError
            A row names no file, or two rows name one.
        """
        if self.memory and not self.touched:
            return self.memory.edits, []
        if self.memory and self.columns is None:
            what = "empty" if self.checksum else "gone"
            gone = Note(f"{str(self.path)!r} is {what}, and what you had changed in it is remembered: put back", 1)
            return self.memory.edits, [gone] if self.memory.edits != NO_EDITS else []
        if self.columns is None:
            return NO_EDITS, []
        if self.memory:
            return _found(self.columns, self.memory, target, exists)
        return _differences(self.columns, said, written, keep_splits, exists), []

    def notes(self, table: DatasetTable, kept: Kept) -> list[Note]:
        """What the user should know where nothing is remembered of it."""
        if self.columns is None or self.memory is not None:
            return []
        notes = []
        if kept.total:
            text = (
                "edits may be what another source said: nothing is remembered of the table before, so all that differs "
                "from its source counts as yours (--discard-edits takes the source's)"
            )
            notes.append(Note(text, kept.total))
        known = set(self.paths)
        if new := [path for path in table.columns["path"] if path not in known]:
            text = (
                "pictures of the source were not in the table: added, also those that you had removed, as nothing is "
                "remembered of the table before"
            )
            notes.append(Note(text, len(new), new))
        return notes

    def moved(self, table: DatasetTable) -> list[Note]:
        """Rows that stood in another split: pictures that were scored may be learned from now, and the other way."""
        before = (
            dict(zip(self.columns.get("path", ()), self.columns.get("split", ()), strict=False)) if self.columns else {}
        )
        pairs = zip(table.columns["path"], table.columns["split"], strict=True)
        moved = [
            f"{path}: {was}, now {now or 'none'}" for path, now in pairs if (was := before.get(path)) and was != now
        ]
        text = "rows are in another split than before: fit heads again before you score them"
        return [Note(text, len(moved), moved)] if moved else []

    def back_up(self, table: DatasetTable, discard: bool) -> Path | None:
        """Copy it beside the new one, where that does not hold all that it held; returns where."""
        brought_up_to_date = self.memory is not None and not discard
        if not self.checksum or brought_up_to_date or _is_same(self.columns, table.columns):
            return None
        return back_up(self.path)


def look_at(table: Path, encoding: str = "", discard: bool = False) -> Older:
    """The table that lies at a path.

    Parameters
    ----------
    table : Path
    encoding : str
        Of its lines that are not UTF-8; empty for that of this country's spreadsheets.
    discard : bool
        Whether what people changed in it does not matter: it need not be readable.

    Raises
    ------
    TableError
        The table or the memory of it can't be read: it may hold edits, so it is not written over.
    StorageFailed
    """
    try:
        memory = recall(table)
    except TableError:
        if not discard:
            raise
        memory = None
    digest = checksum(table)
    if not digest:
        return Older(table, None, memory, "", True)
    if memory and digest in (memory.table, memory.before):  # the latter where a run stopped before it wrote the table
        return Older(table, memory.columns, memory, digest, False, stale=digest != memory.table)
    try:
        columns: dict[str, list[str]] | None = table_columns(table, encoding)
    except TableError as error:
        if not discard and _looks_like_a_table(table):
            raise TableError(
                f"{error}; nothing was written, as your edits in it would be lost: mend it, or start anew with "
                "--discard-edits (the old table stays beside the new one)"
            ) from error
        columns = None
    if columns and memory and "path" not in columns and not discard and not memory.columns.keys().isdisjoint(columns):
        raise TableError(
            f"{str(table)!r} has no column 'path' any more: give the column that names the files that name again, as "
            "your edits would be lost, or start anew with --discard-edits (the old table stays beside the new one)"
        )
    if columns is None or "path" not in columns:
        return Older(table, None, memory if _is_blank(table) else None, digest, True)
    return Older(table, columns, memory if memory and _is_of(memory, columns) else None, digest, True)


def _looks_like_a_table(path: Path) -> bool:
    """Whether a file that can't be read may be a dataset table all the same: a workbook, or its header says so."""
    with files.clear_reading(path), path.open("rb") as file:
        start = file.read(4096)
    return start[:4] in (b"PK\x03\x04", b"PAR1") or b"path" in start.replace(b"\0", b"")


def _is_blank(path: Path) -> bool:
    """Whether a file holds nothing, as after a disk that was full."""
    with files.clear_reading(path):
        return path.stat().st_size < 4096 and not path.read_bytes().strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe")


def back_up(table: Path) -> Path:
    """Copy a table and the memory of it beside them, under names with the date; returns the table's copy.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    now = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    names = (f"{table.stem}.{now}{f'_{n}' if n else ''}{table.suffix}" for n in count())
    copy = next(path for name in names if not (path := table.with_name(name)).exists())
    for source, target in ((memory_path(table), memory_path(copy)), (table, copy)):
        if source.exists():
            with files.clear_reading(source):
                data = source.read_bytes()
            files.write_atomic(target, [data])
            shutil.copystat(source, target)
    return copy


def save(columns: Columns, edits: Edits, older: Older) -> None:
    """Write a table over the older one, and the memory of it; neither is written where nothing changed.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    same = not older.stale and _is_same(older.columns, columns)
    if same and older.memory and older.memory.edits == edits and older.memory.table == older.checksum:
        return
    data = b"" if same else sheet_bytes(columns, older.path)
    after = older.checksum if same else files.checksum([data])
    remember(Memory(columns, edits, after, older.checksum), older.path)
    if not same:
        _replace(older.path, data)


def _replace(table: Path, data: bytes) -> None:
    files.write_atomic(table, [data])


def _is_same(one: Columns | None, other: Columns) -> bool:
    return one is not None and [*one] == [*other] and all(list(one[c]) == list(other[c]) for c in other)


def _is_of(memory: Memory, columns: Columns) -> bool:
    """Whether what is remembered is of a table: any of its files, or any of its pictures, is."""
    then = memory.columns
    if not (then["path"] and columns["path"]):
        return True
    return not (set(then["path"]).isdisjoint(columns["path"]) and set(then["id"]).isdisjoint(columns.get("id", ())))


def _found(now: Columns, memory: Memory, target: str, exists: Callable[[str], bool]) -> tuple[Edits, list[Note]]:
    """What people changed since a table was written, whatever became of the name of its target."""
    check_rows(now)
    told = []
    if name := renamed_to(target, now, memory, exists):
        now = {target if column == name else column: values for column, values in now.items()}
        text = f"the column {target!r} was called {name!r} in the table: it has its name again, your changes in it stay"
        told.append(Note(text, 1))
    edits, notes = find_edits(now, memory, exists)
    if target in edits.dropped:
        edits = replace(edits, dropped=tuple(column for column in edits.dropped if column != target))
        text = (
            f"the column {target!r} was removed from the table: it is what is learned, and is back as the source says"
        )
        told.append(Note(text, 1))
    return edits, [*told, *notes]


def _differences(
    now: Columns, said: Columns, written: Sequence[str], keep_splits: bool, exists: Callable[[str], bool]
) -> Edits:
    """All in a table that differs from its source, where nothing is remembered of it: any of it may be an edit.

    A row that the source does not name was added, if its file is there, or is found again by its content. Where the
    source names none of the rows, the table is one of other pictures, or all were moved: nothing was added then.
    """
    check_rows(now)
    place = {path: n for n, path in enumerate(written)}
    rows = [place.get(path, -1) for path in now["path"]]
    some = any(row >= 0 for row in rows)
    added = {path for path, row in zip(now["path"], rows, strict=True) if row < 0 and some and exists(path)}
    cells: dict[str, dict[str, Cell]] = {}
    own: dict[str, dict[str, str]] = {}
    spreadsheet = went_through_spreadsheet(now)
    for column, values in now.items():
        if column in FILE_FACTS:
            continue
        if column == "split":
            theirs = {n for n, value in enumerate(values) if value and keep_splits}
        elif column in said:
            theirs = _differing(values, said[column], rows, spreadsheet)
        else:
            own[column] = {path: v for path, v in zip(now["path"], values, strict=True) if v}
            continue
        for n in theirs:
            cells.setdefault(now["path"][n], {})[column] = Cell(None, tidy(values[n]))
    concerned = {*cells, *added}.union(*own.values())
    ids = {p: i for p, i in zip(now["path"], now.get("id", ()), strict=False) if i and p in concerned}
    return Edits(cells, own, (), {}, frozenset(added), ids)


def _differing(now: Sequence[str], said: Sequence[str], rows: Sequence[int], spreadsheet: bool) -> set[int]:
    """Rows whose cell says something, and something else than the source."""
    pairs = [Pair(n, said[row], now[n]) for n, row in enumerate(rows) if row >= 0 and now[n] not in ("", said[row])]
    differing = {pair.row for pair in pairs}
    untouched = (now[n] for n, row in enumerate(rows) if row >= 0 and n not in differing)
    found = {pair.row for pair in by_people(pairs, untouched, spreadsheet)}
    return found | {n for n, row in enumerate(rows) if row < 0 and now[n]}
