"""A source of pictures -> the dataset table: every file read once, named by its content, none lost silently."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cache import files
from featurize.dataset.labels import is_nobody, settle
from featurize.dataset.notes import Note
from featurize.dataset.people import may_be_one, spelled_apart
from featurize.dataset.periods import period_length, period_of
from featurize.dataset.scan import Looks, Seen, count_reasons, known_files
from featurize.dataset.selection import EVERYTHING, Selection, select
from featurize.dataset.sheets import beside, readable, write_sheet
from featurize.dataset.sources import AS_FOUND, Listing, Reading, read_source
from featurize.dataset.splits import Splitting, split_rows
from featurize.dataset.table import FACTS, DatasetTable, relative_paths, write_table
from featurize.errors import SourceError, Undecodable
from featurize.progress import Progress
from featurize.reasons import Reason


@dataclass(frozen=True)
class Prepared:
    """What preparing found.

    Parameters
    ----------
    table : DatasetTable
    target : str
        The label column of the classes.
    path, rejected_path, notes_path : Path
        Where the table, the list of rejected files and the notes were written.
    format : str
        The form of the source.
    how_split : str
        "given", "random", "artist" or "time".
    rejected : mapping of Reason to int
    left_out : int
        Files that the selection does not want.
    reused : int
        Rows taken over from the table before, because size and time of the file are unchanged.
    notes : sequence of Note
        What the user should know.
    """

    table: DatasetTable
    target: str
    path: Path
    rejected_path: Path
    notes_path: Path
    format: str
    how_split: str
    rejected: Mapping[Reason, int]
    left_out: int
    reused: int
    notes: Sequence[Note]

    @property
    def named(self) -> int:
        """Files named by the source: rows + rejected, and those that the selection left out."""
        return len(self.table) + sum(self.rejected.values()) + self.left_out


def prepare(
    source: Path,
    out: Path,
    *,
    target: str = "style",
    reading: Reading = AS_FOUND,
    several: str = "first",
    selection: Selection = EVERYTHING,
    split: str | None = None,
    val: float = 0.1,
    test: float = 0.2,
    before: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Write the dataset table of a source.

    Parameters
    ----------
    source : Path
        Anything that a reader recognises.
    out : Path
        The table: `.csv` or `.parquet`. An older table there saves reading unchanged files again.
    target : str
        The label column of the source's classes; or "century", "decade", "period:50", made from the years.
    reading : Reading
        What there is to say about the source; its target is this one's.
    several : str
        What is made of a cell with several labels: "first", "whole" or "drop".
    selection : Selection
    split : str, optional
        "given" by the source, "random", "artist" or "time"; by default given where there is one.
    val, test : float
        Shares of a split that is made.
    before : int, optional
        For the split by time: the first year of the test part.
    seed : int
    workers : int, optional
        Reading threads.
    progress : callable, optional
        Called with (files done, files in all).

    Raises
    ------
    SourceError
        The source can't be read or holds no picture at all, or lacks what the selection or split needs.
    StorageFailed
        The table can't be written.
    """
    if target in FACTS:
        raise SourceError(
            f"--target {target}: the dataset table keeps a column of that name for itself; choose another"
        )
    if out.suffix not in (".csv", ".xlsx", ".parquet"):
        raise SourceError(
            f"--out {str(out)!r}: the dataset table is written as .csv, .xlsx or .parquet; choose such a name"
        )
    years = period_length(target)
    form, listing = read_source(source, replace(reading, target="style" if years else target))
    listing = _each_once(listing)
    labels, notes = settle(readable(listing.labels), "style" if years else target, several)
    if years:
        target = target.partition(":")[0]
        labels[target] = [period_of(year, years) for year in labels.get("year", [""] * len(listing))]
    written = relative_paths(listing.paths, out.absolute().parent)
    looks = Looks(listing.paths, written, known_files(out))
    rows = _wanted_and_readable(looks, listing, labels, target, source, selection, seed, workers, progress)
    refused = looks.refused
    columns = _columns([looks[n] for n in rows], rows, written, listing.splits, labels, target)
    splits, how, said = split_rows(columns, target, Splitting(split or "", val, test, before, seed))
    table = DatasetTable({**columns, "split": splits}, out.absolute().parent)
    done = Prepared(
        table=table,
        target=target,
        path=out,
        rejected_path=beside(out, "rejected"),
        notes_path=out.with_suffix(".notes.json"),
        format=form,
        how_split=how,
        rejected=count_reasons(refused),
        left_out=len(listing) - len(rows) - len(refused),
        reused=sum(looks[n].reused for n in rows),
        notes=[*listing.notes, *notes, *said, *_unlabelled(table, target), *_people(table), *_duplicates(table)],
    )
    _write(done, refused, written)
    return done


def _each_once(listing: Listing) -> Listing:
    """A listing without the lines that name a file again; the first line counts."""
    if len(set(listing.paths)) == len(listing):
        return listing
    first: dict[str, int] = {}
    for n, path in enumerate(listing.paths):
        first.setdefault(path, n)
    again = [path for path, count in Counter(listing.paths).items() if count > 1]
    note = Note("lines name a file that an earlier line names: left out", len(listing) - len(first), again)
    kept = first.values()
    labels = {c: [v[n] for n in kept] for c, v in listing.labels.items()}
    return Listing(list(first), [listing.splits[n] for n in kept], labels, [*listing.notes, note])


def _wanted_and_readable(
    looks: Looks,
    listing: Listing,
    labels: Mapping[str, Sequence[str]],
    target: str,
    source: Path,
    selection: Selection,
    seed: int,
    workers: int | None,
    progress: Progress | None,
) -> list[int]:
    """Numbers of the files that the selection wants and that are pictures.

    Only wanted files are read. Where some of them turn out to be no pictures, the selection is made again without
    them, until it holds: a limit is reached, and a class is as large as it was asked to be.
    """
    names = relative_paths(listing.paths, source.absolute())
    while True:
        refused = looks.refused
        usable = [n for n in range(len(listing)) if n not in refused]
        if not usable:
            raise SourceError(_nothing(source, listing, refused))
        there = {**labels, "split": listing.splits, "path": names}
        if refused:
            there = {c: [values[n] for n in usable] for c, values in there.items()}
        chosen = [usable[n] for n in select(there, target, [names[n] for n in usable], selection, seed)]
        looks.read(chosen, workers, progress)
        if len(looks.refused) == len(refused):
            return chosen


def _nothing(source: Path, listing: Listing, refused: Mapping[int, Undecodable]) -> str:
    first, why = next(iter(refused.items()))
    told = f"{Path(listing.paths[first]).name!r}: {why}"
    if all(w.reason == Reason.MISSING for w in refused.values()):
        return (
            f"none of the {len(listing)} files that {str(source)!r} names is there (the first: {told}): say where "
            "they are with --images FOLDER, or look at the lists alone with `featurize audit --lists-only SOURCE`"
        )
    return (
        f"none of the {len(listing)} files in {str(source)!r} is a picture that can be read (the first: {told}): "
        "give a folder of pictures"
    )


def _columns(
    seen: Sequence[Seen],
    rows: Sequence[int],
    written: Sequence[str],
    splits: Sequence[str],
    labels: Mapping[str, Sequence[str]],
    target: str,
) -> dict[str, list[str]]:
    columns = {
        "id": [s.id for s in seen],
        "path": [written[n] for n in rows],
        "size": [str(s.size) for s in seen],
        "mtime_ns": [str(s.mtime_ns) for s in seen],
        "split": [splits[n] for n in rows],
        target: [""] * len(rows),
    }
    return columns | {c: [values[n] for n in rows] for c, values in labels.items()}


def _unlabelled(table: DatasetTable, target: str) -> list[Note]:
    """A note where not one picture has a class; pictures that are only to be told need none."""
    if any(table.columns[target]):
        return []
    there = ", ".join(c for c in table.labels if any(table.columns[c]))
    way = f"--label-column {target}=COLUMN names its column (there are: {there})" if there else "use class folders"
    return [Note(f"pictures have no {target}, so nothing can be learned from them: {way}", len(table))]


def _people(table: DatasetTable) -> list[Note]:
    """Notes of artists' names that are counted as one, and of those that may mean one person."""
    artists = [artist for artist in table.columns.get("artist", ()) if not is_nobody(artist)]
    merged = [" = ".join(names) for names in spelled_apart(artists)]
    candidates = [" and ".join(pair) for pair in may_be_one(artists)]
    notes = []
    if merged:
        text = "artists whose names stand with their words in another order, too: counted as one"
        notes.append(Note(text, len(merged), merged))
    if candidates:
        text = "pairs of artists' names may mean one person each: if they do, give both one spelling in the table"
        notes.append(Note(text, len(candidates), candidates))
    return notes


def _duplicates(table: DatasetTable) -> list[Note]:
    """A note of pictures that stand in several rows."""
    counts = Counter(table.columns["id"])
    again = len(table) - len(counts)
    if not again:
        return []
    paths: dict[str, list[str]] = {}
    for picture, path in zip(table.columns["id"], table.columns["path"], strict=True):
        if counts[picture] > 1:
            paths.setdefault(picture, []).append(path)
    text = "rows hold a picture that another row holds as well (`featurize audit --drop-duplicates` removes them)"
    return [Note(text, again, [" = ".join(same) for same in paths.values()])]


def _write(done: Prepared, refused: Mapping[int, Undecodable], written: Sequence[str]) -> None:
    files.make_folder(done.path.absolute().parent)
    write_table(done.table, done.path)
    rejected = {
        "path": [written[n] for n in refused],
        "reason": [why.reason.label for why in refused.values()],
        "detail": [str(why) for why in refused.values()],
    }
    write_sheet(rejected, done.rejected_path)
    told = {
        "format": done.format,
        "split": done.how_split,
        "rows": len(done.table),
        "rejected": {reason.label: count for reason, count in done.rejected.items()},
        "left_out_by_selection": done.left_out,
        "notes": [{"text": note.text, "count": note.count, "examples": list(note.examples)} for note in done.notes],
    }
    text = json.dumps(told, indent=1, ensure_ascii=False)
    files.write_atomic(done.notes_path, [text.encode("utf-8", "surrogateescape")])
