"""A source of pictures -> the dataset table: every file read once, named by its content, none lost silently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cache import files
from featurize import images
from featurize.errors import SourceError, TableError, Undecodable
from featurize.pictures import digest, read
from featurize.pipeline import default_workers
from featurize.reasons import Reason
from featurize.sources import Entry, reader_for
from featurize.splits import random_split
from featurize.table import FACTS, DatasetTable, read_table, relative_path, write_csv, write_table

Progress = Callable[[int, int], None]  # done, total
_CHUNK = 512  # files handed to the workers at a time: keeps memory and the progress bar steady


@dataclass(frozen=True)
class Prepared:
    """What preparing found.

    Parameters
    ----------
    table : DatasetTable
    path, rejected_path : Path
        Where the table and the list of rejected files were written.
    rejected : mapping of Reason to int
    reused : int
        Rows taken over from the table before, because size and time of the file are unchanged.
    """

    table: DatasetTable
    path: Path
    rejected_path: Path
    rejected: Mapping[Reason, int]
    reused: int

    @property
    def named(self) -> int:
        """Files named by the source: rows + rejected."""
        return len(self.table) + sum(self.rejected.values())


@dataclass(frozen=True)
class _Seen:
    """A file after a look at it: its facts, or why it is none of ours."""

    id: str = ""
    size: int = -1
    mtime_ns: int = -1
    refused: Undecodable | None = None
    reused: bool = False


def prepare(
    source: Path,
    out: Path,
    *,
    target: str = "style",
    split: str | None = None,
    val: float = 0.1,
    test: float = 0.2,
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
        Name of the label column for the source's classes.
    split : str, optional
        "given" by the source or "random"; by default given where there is one.
    val, test : float
        Shares of a random split.
    seed : int
    workers : int, optional
        Reading threads.
    progress : callable, optional
        Called with (files done, files in all).

    Raises
    ------
    SourceError
        The source can't be read or holds no picture at all, or has no split and "given" was asked for.
    StorageFailed
        The table can't be written.
    """
    if target in FACTS:
        raise SourceError(
            f"--target {target}: the dataset table keeps a column of that name for itself; choose another"
        )
    entries = list(reader_for(source).entries(source, target))
    if not entries:
        raise SourceError(f"there are no pictures in {str(source)!r}: give a folder with one folder for each class")
    before = _known_files(out)
    seen = list(_look(entries, before, out.absolute().parent, workers or default_workers(), progress))
    kept = [(e, s) for e, s in zip(entries, seen, strict=True) if s.refused is None]
    refused = [(e, s.refused) for e, s in zip(entries, seen, strict=True) if s.refused is not None]
    if not kept:
        raise SourceError(
            f"none of the {len(entries)} files in {str(source)!r} is a picture that can be read "
            f"(the first: {entries[0].path.name!r}: {refused[0][1]}): give a folder of pictures"
        )
    table = _table(kept, out, target)
    table = _split(table, split, target, val=val, test=test, seed=seed)
    files.make_folder(out.absolute().parent)
    write_table(table, out)
    rejected_path = out.with_suffix(".rejected.csv")
    _write_rejected(refused, rejected_path, out)
    counts = {r: n for r in Reason if (n := sum(why.reason == r for _, why in refused))}
    return Prepared(table, out, rejected_path, counts, sum(s.reused for s in seen))


def _known_files(out: Path) -> Mapping[str, tuple[int, int, str]]:
    """Path as written in the older table -> size, time, id."""
    if not out.exists():
        return {}
    try:
        table = read_table(out)
    except TableError:
        return {}  # it is written anew
    pictures = map(table.picture, range(len(table)))
    return {path: (p.size, p.mtime_ns, p.id) for path, p in zip(table.columns["path"], pictures, strict=True)}


def _look(
    entries: Sequence[Entry],
    before: Mapping[str, tuple[int, int, str]],
    folder: Path,
    workers: int,
    progress: Progress | None,
) -> Iterator[_Seen]:
    with ThreadPoolExecutor(workers) as pool:
        done = 0
        for chunk in _chunks(entries, _CHUNK):
            for seen in pool.map(lambda e: _look_at(e.path, before.get(relative_path(e.path, folder))), chunk):
                done += 1
                yield seen
            if progress:
                progress(done, len(entries))


def _look_at(path: Path, known: tuple[int, int, str] | None) -> _Seen:
    try:
        facts = path.stat()
        if known and known[:2] == (facts.st_size, facts.st_mtime_ns):
            return _Seen(known[2], *known[:2], reused=True)
    except OSError:
        facts = None  # reading says why
    try:
        data = read(path)
        images.probe(data)
    except Undecodable as why:
        return _Seen(refused=why)
    return _Seen(digest(data), len(data), facts.st_mtime_ns if facts else -1)


def _chunks(entries: Sequence[Entry], size: int) -> Iterator[list[Entry]]:
    rest = iter(entries)
    while chunk := list(islice(rest, size)):
        yield chunk


def _table(kept: Sequence[tuple[Entry, _Seen]], out: Path, target: str) -> DatasetTable:
    folder = out.absolute().parent
    names = list(dict.fromkeys([target, *(c for e, _ in kept for c in e.labels)]))
    columns: dict[str, list[str]] = {
        "id": [s.id for _, s in kept],
        "path": [relative_path(e.path, folder) for e, _ in kept],
        "size": [str(s.size) for _, s in kept],
        "mtime_ns": [str(s.mtime_ns) for _, s in kept],
        "split": [e.split for e, _ in kept],
        **{c: [e.labels.get(c, "") for e, _ in kept] for c in names},
    }
    return DatasetTable(columns, folder)


def _split(table: DatasetTable, how: str | None, target: str, *, val: float, test: float, seed: int) -> DatasetTable:
    given = any(table.columns["split"])
    if how == "given" and not given:
        raise SourceError("the source has no split of its own (no train, val or test folders): use --split random")
    if how == "given" or (how is None and given):
        return table
    ids = table.columns["id"]
    return table.with_columns(split=random_split(ids, table.columns[target], val=val, test=test, seed=seed))


def _write_rejected(refused: Iterable[tuple[Entry, Undecodable]], path: Path, out: Path) -> None:
    rows = [(relative_path(e.path, out.absolute().parent), why.reason.label, str(why)) for e, why in refused]
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    write_csv(dict(zip(("path", "reason", "detail"), map(list, columns), strict=True)), path)
