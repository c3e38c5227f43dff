"""What a source says of its pictures, before and after people's edits are laid over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from featurize.dataset.edits.merging import Merge
from featurize.dataset.labels import settle
from featurize.dataset.notes import Note
from featurize.dataset.periods import column_of, period_length, periods_of, year_of
from featurize.dataset.sheets import readable
from featurize.dataset.sources import Listing, Reading, read_source
from featurize.dataset.sources.tables import taken
from featurize.dataset.table import relative_paths
from featurize.wording import listing as listing_of


@dataclass(frozen=True)
class Said:
    """What a source says.

    Parameters
    ----------
    form : str
        The form of the source.
    listing : Listing
        N pictures, each once.
    written : sequence of str
        Their paths, as the table writes them.
    labels : mapping of str to sequence of str
        Label columns in one spelling.
    target : str
        The label column of the classes.
    years : int
        Length of the periods that are the classes; 0 where they are none.
    notes : sequence of Note
    """

    form: str
    listing: Listing
    written: Sequence[str]
    labels: Mapping[str, Sequence[str]]
    target: str
    years: int
    notes: Sequence[Note]

    def __len__(self) -> int:
        return len(self.listing)

    def with_rows(self, paths: Sequence[str], folder: Path) -> Said:
        """The same with further pictures, of which the source says nothing."""
        if not paths:
            return self
        none = [""] * len(paths)
        listing = Listing(
            [*self.listing.paths, *(str(folder / path) for path in paths)],
            [*self.listing.splits, *none],
            {column: [*values, *none] for column, values in self.listing.labels.items()},
            self.listing.notes,
            troubles=self.listing.troubles,
        )
        labels = {column: [*values, *none] for column, values in self.labels.items()}
        return replace(self, listing=listing, written=[*self.written, *paths], labels=labels)

    def with_edits(self, merge: Merge) -> dict[str, Sequence[str]]:
        """Its labels with people's in them; a period follows the year that people wrote."""
        labels = dict(self.labels)
        said = labels.get("year", ())
        year = merge.column("year", said)
        if year is not said:
            year = [t if t == s else year_of(t) or t for t, s in zip(year, said, strict=True)]
            if self.years:
                labels[self.target] = _periods({**labels, "year": year}, self.years)[0]
        return merge.labels(labels) | ({"year": year} if "year" in labels else {})


def read_said(source: Path, table: Path, reading: Reading, target: str, several: str) -> Said:
    """Ask a source.

    Parameters
    ----------
    source : Path
    table : Path
        The dataset table that is to be written.
    reading : Reading
    target, several : str
        As in `prepare`.

    Raises
    ------
    SourceError
        The source can't be read, or names no picture.
    """
    years = period_length(target)
    classes = "style" if years else target
    form, listing = read_source(source, replace(reading, target=classes, table=table))
    listing = _each_once(listing)
    labels, notes = settle(readable(listing.labels), classes, several)
    if years:
        target = column_of(target)
        labels[target], in_several = _periods(labels, years)
        notes += in_several
    written = relative_paths(listing.paths, table.absolute().parent)
    return Said(form, listing, written, labels, target, years or 0, [*listing.notes, *notes])


def _periods(labels: Mapping[str, Sequence[str]], years: int) -> tuple[list[str], list[Note]]:
    periods, notes = periods_of(labels, years)
    return periods or [""] * len(next(iter(labels.values()), ())), notes


def _each_once(listing: Listing) -> Listing:
    """A listing without the lines that name a file again; the first line counts."""
    if len(set(listing.paths)) == len(listing):
        return listing
    named: dict[str, list[int]] = {}
    for n, path in enumerate(listing.paths):
        named.setdefault(path, []).append(n)
    again = [path for path, rows in named.items() if len(rows) > 1]
    notes = [Note("lines name a file that an earlier line names: left out", len(listing) - len(named), again)]
    if apart := list(filter(None, (_said_of(listing, path, named[path]) for path in again))):
        notes.append(
            Note("files are named by several lines that differ: the first line of each counts", len(apart), apart)
        )
    once = taken(listing, [rows[0] for rows in named.values()])
    return replace(once, notes=[*listing.notes, *notes])


def _said_of(listing: Listing, path: str, rows: Sequence[int]) -> str:
    """What lines that name the same file say of it, where they differ: "x.jpg: style a (line 2), b (line 7)"."""
    columns = {**listing.labels, "split": listing.splits}
    differing = [
        f"{name} " + listing_of(f"{values[n]} ({_line(listing, n)})" for n in rows if values[n])
        for name, values in columns.items()
        if len({values[n] for n in rows} - {""}) > 1
    ]
    return f"{Path(path).name}: {'; '.join(differing)}" if differing else ""


def _line(listing: Listing, row: int) -> str:
    return f"line {listing.lines[row]}" if listing.lines else f"row {row + 1}"
