"""A source of pictures -> the dataset table: every file read once, named by its content, none lost silently."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cache import files
from cache.addresses import scheme_of
from cache.writable import check_file
from featurize.dataset.choosing.looks import Looks, Seen, count_reasons, known_files
from featurize.dataset.choosing.rows import Choice
from featurize.dataset.choosing.selection import EVERYTHING, Selection
from featurize.dataset.edits.memory import NO_EDITS, Edits
from featurize.dataset.edits.merging import NOTHING_KEPT, Kept, Merge
from featurize.dataset.edits.older import look_at, save
from featurize.dataset.notes import Note
from featurize.dataset.remarks import remarks
from featurize.dataset.said import Said, read_said
from featurize.dataset.sheets import beside, write_sheet
from featurize.dataset.sources import AS_FOUND, Reading
from featurize.dataset.sources.iiif import fetch_source, is_address
from featurize.dataset.splits import Splitting, split_rows
from featurize.dataset.table import FACTS, DatasetTable, check_ending
from featurize.errors import SourceError, Undecodable
from featurize.pictures import archives
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
    kept : Kept
        Edits of people that stand in the table.
    backup : Path, optional
        Where the table is that was there before, if it was not simply brought up to date.
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
    kept: Kept = NOTHING_KEPT
    backup: Path | None = None

    @property
    def named(self) -> int:
        """Files named by the source or by people: rows + rejected, and what the selection or people left out."""
        return len(self.table) + sum(self.rejected.values()) + self.left_out + self.kept.deleted


def prepare(
    source: str | Path,
    out: str | Path = "dataset.csv",
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
    discard_edits: bool = False,
    command: str = "",
) -> Prepared:
    """Write the dataset table of a source; what people changed in an older one is kept.

    Parameters
    ----------
    source : str or Path
        Anything that a reader recognises; or the address of a IIIF manifest or collection, whose pictures are fetched
        into the folder `iiif` beside the table.
    out : str or Path
        The table: `.csv`, `.xlsx` or `.parquet`. An older table there saves reading unchanged files again.
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
    discard_edits : bool
        Start anew; the older table stays beside the new one.
    command : str
        The command line, so that advice about the table can repeat it.

    Raises
    ------
    SourceError
        The source can't be read or holds no picture at all, or lacks what the selection or split needs.
    TableError
        The older table can't be read, so that edits in it would be lost; or none can be written under that name.
    StorageFailed
        The table can't be written.

    Examples
    --------
    >>> import featurize
    >>> done = featurize.prepare("paintings", "dataset.csv", split="random", val=0.1, test=0.25)
    >>> len(done.table), done.target
    (40, 'style')
    """
    out = Path(out)
    _check(out, target)
    splitting = Splitting(split or "", val, test, before, seed)
    folder = out.absolute().parent
    source = _on_this_machine(source, folder, reading, progress)
    older = look_at(out, reading.encoding, discard_edits)
    said = read_said(source, out, reading, target, several)
    edits: Edits = NO_EDITS
    told: list[Note] = []
    if not discard_edits:
        edits, told = older.edits(said.labels, said.target, said.written, split is None, _is_in(folder))
    of_source = len(said)
    said = said.with_rows(sorted(edits.added - set(said.written)) if edits.added else [], folder)
    merge = Merge(edits, said.written, of_source)
    looks = Looks(said.listing.paths, said.written, known_files(older.known), said.listing.troubles)
    choice = Choice(source, selection, seed, workers, progress)
    rows, labels = choice.rows(said, merge, looks, set(older.paths))
    columns = _columns([looks[n] for n in rows], rows, said, labels, edits)
    drawn, how, why = split_rows(columns, said.target, splitting)
    splits, by_hand = merge.splits(rows, drawn)
    table = _in_their_order(DatasetTable({**columns, "split": splits}, folder), older.columns or {})
    kept = merge.kept(rows)
    notes = [
        *said.notes, *why, *remarks(table, said.target), *told, *merge.notes(rows, columns),
        *_apart_no_more(how, by_hand), *older.notes(table, kept), *older.moved(table),
    ]  # fmt: skip
    refused = {n: reason for n, reason in looks.refused.items() if n not in merge.deleted}
    done = Prepared(
        table=table,
        target=said.target,
        path=out,
        rejected_path=beside(out, "rejected"),
        notes_path=_notes_path(out),
        format=said.form,
        how_split=how,
        rejected=count_reasons(refused),
        left_out=len(said) - len(rows) - len(refused) - kept.deleted,
        reused=sum(looks[n].reused for n in rows),
        notes=notes,
        kept=kept,
        backup=older.back_up(table, discard_edits),
    )
    files.make_folder(folder)
    save(table.columns, merge.remaining(rows), older)
    _write(done, refused, said.written, command)
    return done


def said_command(table: Path) -> str:
    """The command line that a table was prepared by; "" where that is not known."""
    notes = _notes_path(table)
    if not notes.is_file():
        return ""
    with files.clear_reading(notes):
        data = notes.read_bytes()
    try:
        told = json.loads(data)
        command = told.get("command") if isinstance(told, dict) else ""
        return shlex.join(shlex.split(command)) if isinstance(command, str) else ""
    except ValueError:
        return ""  # damaged notes take nothing away but this


def _notes_path(table: Path) -> Path:
    return table.with_suffix(".notes.json")


def _check(out: Path, target: str) -> None:
    """Refuse what can't be written, before anything is read."""
    if target in FACTS:
        raise SourceError(
            f"--target {target}: the dataset table keeps a column of that name for itself; choose another"
        )
    check_ending(out, "--out")
    check_file(out)


def _on_this_machine(source: str | Path, folder: Path, reading: Reading, progress: Progress | None) -> Path:
    """Where a source lies; that of an address is fetched into the table's folder."""
    if is_address(source):
        return fetch_source(str(source), folder, reading.asking, progress)
    if scheme_of(source):
        raise SourceError(f"{str(source)!r} can't be read: give a path, or an address that begins with https://")
    return Path(source)


def _is_in(folder: Path) -> Callable[[str], bool]:
    """Whether the file of a table's path is there."""

    def there(path: str) -> bool:
        try:
            archives.facts(str(folder / path))
        except OSError:
            return False
        return True

    return there


def _in_their_order(table: DatasetTable, older: Mapping[str, Sequence[str]]) -> DatasetTable:
    """A table whose rows and columns stand as people ordered them in the older one; what is new comes last."""
    places = {path: n for n, path in enumerate(older.get("path", ()))}
    known = [place for path in table.columns["path"] if (place := places.get(path)) is not None]
    if known != sorted(known):
        last = len(places)
        table = table.take(sorted(range(len(table)), key=lambda n: places.get(table.columns["path"][n], last)))
    names = [name for name in older if name in table.columns]
    if names == [name for name in table.columns if name in older]:
        return table
    return DatasetTable({name: table.columns[name] for name in dict.fromkeys([*names, *table.columns])}, table.folder)


def _apart_no_more(how_split: str, by_hand: int) -> list[Note]:
    text = "splits that you set by hand differ from --split artist: an artist may be in two parts"
    return [Note(text, by_hand)] if by_hand and how_split == "artist" else []


def _columns(
    seen: Sequence[Seen], rows: Sequence[int], said: Said, labels: Mapping[str, Sequence[str]], edits: Edits
) -> dict[str, list[str]]:
    """The table's columns but for those that people removed."""
    columns = {
        "id": [s.id for s in seen],
        "path": [said.written[n] for n in rows],
        "size": [str(s.size) for s in seen],
        "mtime_ns": [str(s.mtime_ns) for s in seen],
        "split": [said.listing.splits[n] for n in rows],
        said.target: [""] * len(rows),
    }
    columns |= {c: [values[n] for n in rows] for c, values in labels.items()}
    return {c: values for c, values in columns.items() if c not in edits.dropped or c == said.target}


def _write(done: Prepared, refused: Mapping[int, Undecodable], written: Sequence[str], command: str) -> None:
    rejected = {
        "path": [written[n] for n in refused],
        "reason": [why.reason.label for why in refused.values()],
        "detail": [str(why) for why in refused.values()],
    }
    write_sheet(rejected, done.rejected_path)
    told = {
        "command": command,
        "format": done.format,
        "split": done.how_split,
        "rows": len(done.table),
        "rejected": {reason.label: count for reason, count in done.rejected.items()},
        "left_out_by_selection": done.left_out,
        "notes": [{"text": note.text, "count": note.count, "examples": list(note.examples)} for note in done.notes],
    }
    text = json.dumps(told, indent=1, ensure_ascii=False)
    files.write_atomic(done.notes_path, [text.encode("utf-8", "surrogateescape")])
