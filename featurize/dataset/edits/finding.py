"""A table as it stands now beside what was remembered of it -> what people changed in it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from featurize.dataset.edits.memory import Cell, Edits, Memory
from featurize.dataset.edits.rewriting import Pair, by_people, same_text
from featurize.dataset.notes import Note
from featurize.dataset.table import FACTS, tidy
from featurize.errors import TableError

Columns = Mapping[str, Sequence[str]]

FILE_FACTS = ("id", "path", "size", "mtime_ns")  # found anew for each file, whatever stands in the table


def find_edits(now: Columns, memory: Memory, exists: Callable[[str], bool]) -> tuple[Edits, list[Note]]:
    """What people changed since a table was written.

    Parameters
    ----------
    now : mapping of str to sequence of str
        The table as it stands in its file; holds at least the column `path`.
    memory : Memory
    exists : callable
        Whether the file of a path is there.

    Returns
    -------
    edits : Edits
        These changes and the earlier ones that still stand.
    notes : list of Note
        What a spreadsheet did to the table.

    Raises
    ------
    TableError
        A row names no file, or two rows name one.
    """
    check_rows(now)
    rows, paths = _same_rows(now, memory.columns, exists)
    search = _Search(now, memory, rows, paths)
    search.rows_added_and_deleted()
    search.columns()
    return search.edits(), search.notes()


def check_rows(now: Columns) -> None:
    """Raise TableError where a row names no file, or a file that another row names."""
    paths = now["path"]
    if "" in paths:
        row = list(paths).index("")
        said = next((v[row] for v in now.values() if v[row]), "")
        raise TableError(f"a row of the table names no file (it holds {said!r}): write its path, or remove the row")
    if len(set(paths)) < len(paths):
        path = next(path for path, count in Counter(paths).items() if count > 1)
        raise TableError(f"two rows of the table name {path!r}: remove one of them")


def renamed_to(column: str, now: Columns, memory: Memory, exists: Callable[[str], bool]) -> str:
    """The new name of a column whose name people changed, "" where there is none.

    It is the one new column that says of more than half of the rows what the old one said.
    """
    then = memory.columns
    if column in now or column not in then:
        return ""
    rows, _ = _same_rows(now, then, exists)
    pairs = [(n, then[column][row]) for n, row in enumerate(rows) if row >= 0 and then[column][row]]
    found = [
        name
        for name, values in now.items()
        if name not in then and 2 * sum(same_text(said, values[n]) for n, said in pairs) > len(pairs)
    ]
    return found[0] if len(found) == 1 else ""


def went_through_spreadsheet(now: Columns) -> bool:
    """Whether a spreadsheet opened and saved a table: no times of 19 digits get through one unharmed."""
    times = now.get("mtime_ns")
    return times is None or not all(time.isdigit() for time in times if time)


def _same_rows(now: Columns, then: Columns, exists: Callable[[str], bool]) -> tuple[list[int], list[str]]:
    """For each row the one that it was, -1 for a new one; and the paths by which to look for them.

    A row is the same where it has the same path, or else where it has the picture of a row that is gone: then people
    renamed the file, or the spreadsheet's encoding lacks letters of its name.
    """
    paths = list(now["path"])
    if paths == list(then["path"]):
        return list(range(len(paths))), paths
    place = {path: row for row, path in enumerate(then["path"])}
    rows = [place.get(path, -1) for path in paths]
    gone: dict[str, list[int]] = defaultdict(list)
    for row in sorted(set(range(len(place))) - set(rows)):
        gone[then["id"][row]].append(row)
    for n, row in enumerate(rows):
        same = gone.get(now["id"][n]) if row < 0 and "id" in now else None
        if same:
            rows[n] = same.pop(0)
            was = then["path"][rows[n]]
            if not exists(paths[n]) or paths[n].endswith(f"/{was}"):  # the same file, named from the root
                paths[n] = was
    return rows, paths


class _Search:
    """One table beside its memory.

    Parameters
    ----------
    now : mapping of str to sequence of str
    memory : Memory
    rows : list of int
        For each row of `now` the row that it was, -1 for a new one.
    paths : list of str
        The paths by which the rows of `now` go.
    """

    def __init__(self, now: Columns, memory: Memory, rows: list[int], paths: list[str]) -> None:
        then, earlier = memory.columns, memory.edits
        self._now, self._then, self._rows, self._paths = now, then, rows, paths
        self._spreadsheet = went_through_spreadsheet(now)
        self._put_back: list[str] = []
        was = set(then["path"])
        self._cells = {path: dict(cells) for path, cells in earlier.cells.items() if path not in was}
        self._own = {c: {p: v for p, v in values.items() if p not in was} for c, values in earlier.own.items()}
        self._dropped = [column for column in earlier.dropped if column not in now]
        self._deleted = dict(earlier.deleted)
        self._added = set(earlier.added)
        self._ids = dict(earlier.ids) | dict(zip(then["path"], then["id"], strict=True))
        self._ids |= {p: i for p, i in zip(paths, now.get("id", ()), strict=False) if i}
        for path, row in zip(paths, rows, strict=True):
            before = then["path"][row] if row >= 0 else ""
            if before in earlier.cells:
                self._cells[path] = dict(earlier.cells[before])

    def rows_added_and_deleted(self) -> None:
        """Which rows are new in the table, and which are gone from it."""
        written = self._then["path"]
        for path, row in zip(self._paths, self._rows, strict=True):
            self._deleted.pop(path, None)
            if row < 0 or written[row] in self._added:
                self._added.discard(written[row] if row >= 0 else "")
                self._added.add(path)
        for row in sorted(set(range(len(written))) - set(self._rows)):
            if written[row] in self._added:
                self._added.remove(written[row])
            else:
                self._deleted[written[row]] = self._then["id"][row]

    def columns(self) -> None:
        """Which cells and columns differ."""
        none = [""] * len(self._then["path"])
        for column in self._now:
            if column in FILE_FACTS:
                continue
            theirs = self._changed(column, self._then.get(column, none))
            if column in self._own or column not in (*self._then, "split"):
                self._take_own(column, theirs)
            else:
                self._take_cells(column, theirs)
        for column in self._then:
            if column in self._now or column in FACTS:
                continue
            if column in self._own:
                del self._own[column]
            elif column not in self._dropped:
                self._dropped.append(column)

    def _changed(self, column: str, then: Sequence[str]) -> dict[int, Pair]:
        """Row -> cell that people changed."""
        now = self._now[column]
        if now == then and self._rows == list(range(len(then))):
            return {}
        pairs = [Pair(n, then[row], now[n]) for n, row in enumerate(self._rows) if row >= 0 and now[n] != then[row]]
        differing = {pair.row for pair in pairs}
        untouched = (now[n] for n, row in enumerate(self._rows) if row >= 0 and n not in differing)
        theirs = {pair.row: pair for pair in by_people(pairs, untouched, self._spreadsheet)}
        self._put_back += [
            f"{self._paths[row]}: {column} {was!r}, not {stands!r}"
            for row, was, stands in pairs
            if row not in theirs and not same_text(was, stands)
        ]
        return theirs

    def _take_own(self, column: str, theirs: Mapping[int, Pair]) -> None:
        """A column that people added, without what a spreadsheet did to it."""
        now, then = self._now[column], self._then.get(column)
        own = self._own.setdefault(column, {})
        for n, (path, row) in enumerate(zip(self._paths, self._rows, strict=True)):
            value = now[n] if then is None or row < 0 or n in theirs else then[row]
            if value:
                own[path] = value

    def _take_cells(self, column: str, theirs: Mapping[int, Pair]) -> None:
        for n, pair in theirs.items():
            cells = self._cells.setdefault(self._paths[n], {})
            source = cells[column].source if column in cells else pair.then
            if source is not None and same_text(source, pair.now):
                cells.pop(column, None)  # it says again what the source says
            else:
                cells[column] = Cell(source, tidy(pair.now))
        now = self._now[column]
        for n, row in enumerate(self._rows):
            if row < 0 and now[n]:
                self._cells.setdefault(self._paths[n], {})[column] = Cell(None, tidy(now[n]))

    def edits(self) -> Edits:
        """All of them."""
        cells = {path: cells for path, cells in self._cells.items() if cells}
        concerned = {*cells, *self._deleted, *self._added}.union(*self._own.values())
        ids = {path: self._ids[path] for path in concerned if path in self._ids}
        return Edits(cells, self._own, tuple(self._dropped), self._deleted, frozenset(self._added), ids)

    def notes(self) -> list[Note]:
        """What a spreadsheet did."""
        text = "cells that a spreadsheet rewrote without being asked: put back as they were"
        return [Note(text, len(self._put_back), self._put_back)] if self._put_back else []
