"""What the source says now and what people changed, in one table: the edit wins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from featurize.dataset.edits.memory import Cell, Edits
from featurize.dataset.edits.rewriting import same_text
from featurize.dataset.notes import Note
from featurize.wording import counted, listing

SPLIT = "split"


@dataclass(frozen=True)
class Kept:
    """How many edits stand in a table.

    Parameters
    ----------
    labels, splits : int
        Cells.
    deleted, added : int
        Rows.
    own, dropped : int
        Columns that people added, and columns of the source that they removed.
    """

    labels: int = 0
    splits: int = 0
    deleted: int = 0
    added: int = 0
    own: int = 0
    dropped: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.labels + self.splits + self.deleted + self.added + self.own + self.dropped

    def __str__(self) -> str:
        parts = (
            (self.labels, "label"),
            (self.splits, "split"),
            (self.deleted, "deleted row"),
            (self.added, "added row"),
            (self.own, "added column"),
            (self.dropped, "removed column"),
        )
        return f"{counted(self.total, 'edit')} kept: {listing((counted(n, what) for n, what in parts if n), most=6)}"


NOTHING_KEPT = Kept()


class Merge:
    """Lays edits over what a source says.

    Parameters
    ----------
    edits : Edits
    written : sequence of str
        The paths of N pictures, as the table writes them.
    of_source : int, optional
        How many of them, the first ones, the source names, all by default; people added the others.

    Attributes
    ----------
    deleted : set of int
        Numbers of the pictures that people removed from the table.
    """

    def __init__(self, edits: Edits, written: Sequence[str], of_source: int | None = None) -> None:
        self._edits = edits
        self._written = written
        self._of_source = len(written) if of_source is None else of_source
        place = {path: n for n, path in enumerate(written)}
        self._paths: list[str] = list(  # of rows with an edit
            dict.fromkeys([*edits.cells, *edits.deleted, *edits.added, *(p for own in edits.own.values() for p in own)])
        )
        self._known_as: dict[int, str] = {place[path]: path for path in self._paths if path in place}
        self._said: dict[tuple[int, str], str] = {}
        self.deleted = {n for n, path in self._known_as.items() if path in edits.deleted}

    def labels(self, said: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
        """The source's label columns with people's cells in them, and the columns that people added."""
        own = {column: said.get(column, [""] * len(self._written)) for column in self._edits.own}
        return {column: self.column(column, values) for column, values in {**said, **own}.items()}

    def column(self, name: str, said: Sequence[str]) -> Sequence[str]:
        """One column with people's cells in it."""
        merged: list[str] | None = None
        own = self._edits.own.get(name, {})
        for n, path in self._known_as.items():
            cell = self._edits.cells.get(path, {}).get(name)
            theirs = cell.theirs if cell else own.get(path)
            if theirs is not None:
                merged = list(said) if merged is None else merged
                merged[n] = theirs
                self._said[n, name] = said[n]
        return said if merged is None else merged

    def splits(self, rows: Sequence[int], drawn: Sequence[str]) -> tuple[list[str], int]:
        """The splits of some pictures with people's in them, and how many those are."""
        splits = list(drawn)
        by_hand = 0
        for place, n in enumerate(rows):
            cell = self._edits.cells.get(self._known_as.get(n, ""), {}).get(SPLIT)
            if cell:
                self._said[n, SPLIT] = drawn[place]
                by_hand += splits[place] != cell.theirs
                splits[place] = cell.theirs
        return splits, by_hand

    def find_renamed(self, ids: Mapping[int, str]) -> bool:
        """Find pictures whose edits go by a path that is gone: they have the same content under another path.

        Parameters
        ----------
        ids : mapping of int to str
            Number -> id of the pictures whose path the table did not have before.
        """
        gone: dict[str, list[str]] = defaultdict(list)
        there = set(self._known_as.values())
        for path in self._paths:
            if path not in there and path in self._edits.ids:
                gone[self._edits.ids[path]].append(path)
        found = False
        for n, picture in ids.items():
            if n not in self._known_as and gone.get(picture):
                self._known_as[n] = gone[picture].pop(0)
                if self._known_as[n] in self._edits.deleted:
                    self.deleted.add(n)
                found = True
        return found

    def kept(self, rows: Sequence[int]) -> Kept:
        """How many edits stand in a table of some pictures."""
        edits = self._edits
        inside = {n: self._known_as[n] for n in rows if n in self._known_as}
        columns = [
            column
            for n, path in inside.items()
            if n < self._of_source
            for column, cell in edits.cells.get(path, {}).items()
            if (n, column) in self._said and not same_text(self._said[n, column], cell.theirs)
        ]
        return Kept(
            labels=len(columns) - columns.count(SPLIT),
            splits=columns.count(SPLIT),
            deleted=len(self.deleted),
            added=sum(n >= self._of_source for n in inside),
            own=len(edits.own),
            dropped=len(edits.dropped),
        )

    def remaining(self, rows: Iterable[int]) -> Edits:
        """The edits to remember: those that stand in a table of some pictures, and those of all others."""
        edits, inside = self._edits, set(rows)
        place = {path: n for n, path in self._known_as.items()}
        now = {path: self._written[place[path]] if path in place else path for path in self._paths}
        cells: dict[str, dict[str, Cell]] = {}
        for path, theirs in edits.cells.items():
            n = place.get(path, -1)
            kept = (
                {column: self._as_said(n, column, cell) for column, cell in theirs.items()} if n in inside else theirs
            )
            kept = {column: cell for column, cell in kept.items() if cell.source != cell.theirs}
            if kept:
                cells[now[path]] = dict(kept)
        own = {column: {now[path]: value for path, value in values.items()} for column, values in edits.own.items()}
        deleted = {now[path]: picture for path, picture in edits.deleted.items()}
        added = {now[path] for path in edits.added} - {self._written[n] for n in self._known_as if n < self._of_source}
        concerned = {*cells, *deleted, *added}.union(*own.values())
        ids = {now[path]: edits.ids[path] for path in self._paths if path in edits.ids and now[path] in concerned}
        return Edits(cells, own, edits.dropped, deleted, frozenset(added), ids)

    def _as_said(self, n: int, column: str, cell: Cell) -> Cell:
        said = self._said.get((n, column), cell.source)
        return Cell(cell.theirs if said is not None and same_text(said, cell.theirs) else said, cell.theirs)

    def notes(self, rows: Sequence[int], columns: Iterable[str]) -> list[Note]:
        """What the user should know about edits: where the source changed, too, and what is not in the table now."""
        inside, there = set(rows), {*columns, SPLIT}
        both, aside = [], []
        place = {path: n for n, path in self._known_as.items()}
        for path, cells in self._edits.cells.items():
            n = place.get(path, -1)
            if path in self._edits.deleted:
                continue
            for column, cell in cells.items():
                if n not in inside or column not in there:
                    aside.append(f"{path}: {column} {cell.theirs!r}")
                    continue
                said = self._said.get((n, column))
                if None not in (said, cell.source) and not same_text(said or "", cell.theirs) and said != cell.source:
                    both.append(
                        f"{path}: {column} stays {cell.theirs!r}; the source said {cell.source!r}, now {said!r}"
                    )
        texts = {
            "labels that both you and the source changed: yours stay": both,
            "edits of pictures or columns that are not in the table now: kept for when they return": aside,
        }
        return [Note(text, len(examples), examples) for text, examples in texts.items() if examples]
