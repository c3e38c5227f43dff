"""Notes on a finished table: what it lacks, what stands in it twice, and whose names may be one."""

from __future__ import annotations

from collections import Counter

from featurize.dataset.notes import Note
from featurize.dataset.people import makers_of, may_be_one, spelled_apart
from featurize.dataset.table import DatasetTable
from featurize.wording import listing


def remarks(table: DatasetTable, target: str) -> list[Note]:
    """All notes on a table whose classes stand in the column `target`."""
    return [*_unlabelled(table, target), *_people(table), *_duplicates(table), *_contradictions(table, target)]


def _unlabelled(table: DatasetTable, target: str) -> list[Note]:
    """A note where not one picture has a class; pictures that are only to be told need none."""
    if any(table.columns[target]):
        return []
    there = ", ".join(c for c in table.labels if any(table.columns[c]))
    way = f"--label-column {target}=COLUMN names its column (there are: {there})" if there else "use class folders"
    return [Note(f"pictures have no {target}, so nothing can be learned from them: {way}", len(table))]


def _people(table: DatasetTable) -> list[Note]:
    """Notes of artists' names that are counted as one, and of those that may mean one person."""
    artists = [name for names in makers_of(table.columns.get("artist", ())) for name in names]
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


def _contradictions(table: DatasetTable, target: str) -> list[Note]:
    """A note of pictures whose rows have different classes, with their lines: a head can name one class alone."""
    labelled = [(p, label) for p, label in zip(table.columns["id"], table.columns[target], strict=True) if label]
    first = dict(reversed(labelled))
    several: dict[str, list[tuple[int, str]]] = {picture: [] for picture, label in labelled if first[picture] != label}
    if not several:
        return []
    for line, (picture, label) in enumerate(zip(table.columns["id"], table.columns[target], strict=True), 2):
        if label and picture in several:  # line 1 names the columns
            several[picture].append((line, label))
    paths = dict(zip(table.columns["id"], table.columns["path"], strict=True))
    told = [
        f"{paths[picture].rpartition('/')[2]}, {listing((f'line {n}: {label}' for n, label in rows), 6)}"
        for picture, rows in several.items()
    ]
    text = (
        f"pictures have several labels in the column {target}, by lines of the dataset table: a head can name one of "
        "them; give each picture one row"
    )
    return [Note(text, len(several), told)]


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
