"""A look at a dataset before anyone trusts a figure made with it: who is in two splits, what stands twice, what
is labelled strangely. `audit` gives plain data; `text` and `page` tell it, `duplicates` acts on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurize.audit.coverage import (
    artist_coverage,
    class_sizes,
    counted,
    same_content,
    same_names,
    shared_artists,
    years_of,
)
from featurize.audit.findings import Audit, Group, NearPair, Neighbours, Row, Strange
from featurize.errors import TableError
from featurize.labels import settle
from featurize.sources import AS_FOUND, Reading, read_source
from featurize.table import DatasetTable, relative_paths

if TYPE_CHECKING:
    from cache import FeatureCache, Recipe

Progress = Callable[[int, int], None]
_MOST_PAIRS = 40  # of neighbours and strangers: a list to look through, not a verdict
_NAMES_ONLY = "not looked at: lists only"
_NO_VECTORS = "not looked at: no feature cache; `featurize run` makes one"


def audit_lists(source: Path, reading: Reading = AS_FOUND) -> Audit:
    """Audit the lists of a source, without opening or even looking for a picture.

    Parameters
    ----------
    source : Path
    reading : Reading

    Raises
    ------
    SourceError
        The source can't be read.
    """
    from dataclasses import replace

    _, listing = read_source(source, replace(reading, lists_only=True))
    labels, _ = settle(listing.labels, reading.target)
    paths = relative_paths(listing.paths, source.absolute() if source.is_dir() else source.absolute().parent)
    looked_at = {"names": "all", **dict.fromkeys(("content", "pictures", "embeddings"), _NAMES_ONLY)}
    return _audit(str(source), reading.target, paths, list(listing.splits), labels, looked_at)


def audit(
    table: DatasetTable,
    path: Path,
    target: str = "style",
    *,
    cache: FeatureCache | None = None,
    recipe: Recipe | None = None,
    pictures: bool = True,
    workers: int | None = None,
    progress: Callable[[str, str], Any] | None = None,
) -> Audit:
    """Audit a dataset table and its pictures.

    Parameters
    ----------
    table : DatasetTable
    path : Path
        Where the table lies; fingerprints of its pictures are kept beside it.
    target : str
        The label column.
    cache, recipe : optional
        Embeddings to find look-alikes and possible label errors with.
    pictures : bool
        Open the pictures to find near-duplicates.
    workers : int, optional
        Decoding threads.
    progress : callable, optional
        Called with what is going on and the unit; gives a context manager of a callable (done, total), as
        `progress_bar` does.

    Raises
    ------
    TableError
        The table has no such labels.
    StorageFailed
        The fingerprints can't be written.
    """
    labels = table.column(target)
    splits, ids = list(table.columns["split"]), table.columns["id"]
    duplicates = same_content(ids, splits, labels)
    looked_at = {"names": "all", "content": "all", "pictures": "not looked at: left out", "embeddings": _NO_VECTORS}
    near: list[NearPair] = []
    blank: list[int] = []
    if pictures:
        near, blank, looked_at["pictures"] = _look_at_pictures(table, path, workers, progress)
    neighbours: list[Neighbours] = []
    strange: list[Strange] = []
    if cache is not None and recipe is not None:
        known = {pair.rows for pair in near} | {
            (a, b) for group in duplicates for a in group.rows for b in group.rows if a < b
        }
        neighbours, strange, looked_at["embeddings"] = _look_at_vectors(table, labels, cache, recipe, known)
    columns = {c: table.columns[c] for c in table.labels}
    return _audit(
        str(path),
        target,
        table.columns["path"],
        splits,
        columns,
        looked_at,
        duplicates,
        near,
        blank,
        neighbours,
        strange,
    )


def _look_at_pictures(
    table: DatasetTable, path: Path, workers: int | None, progress: Callable[[str, str], Any] | None
) -> tuple[list[NearPair], list[int], str]:
    from featurize.audit.pictures import look_at_pictures

    return look_at_pictures(table, path, workers, progress)


def _look_at_vectors(
    table: DatasetTable, labels: Sequence[str], cache: FeatureCache, recipe: Recipe, known: set[tuple[int, int]]
) -> tuple[list[Neighbours], list[Strange], str]:
    from featurize.audit.vectors import load_vectors, nearest_across, strangers

    embedded = load_vectors(table, cache, recipe)
    if not len(embedded.rows):
        return [], [], f"none of the rows has a vector {recipe.name!r} in {cache.key.folder_name}"
    splits = table.columns["split"]
    found = nearest_across(embedded, splits, _MOST_PAIRS + len(known))
    ids = table.columns["id"]
    new = [n for n in found if tuple(sorted(n.rows)) not in known and ids[n.rows[0]] != ids[n.rows[1]]]
    untrained = ", untrained backbone" if cache.key.untrained else ""
    looked_at = f"{len(embedded.rows):,} of {len(table):,} rows, {recipe.name} of {cache.key.folder_name}{untrained}"
    return new[:_MOST_PAIRS], strangers(embedded, labels, _MOST_PAIRS), looked_at


def _audit(
    source: str,
    target: str,
    paths: Sequence[str],
    splits: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    looked_at: Mapping[str, str],
    duplicates: Sequence[Group] = (),
    near: Sequence[NearPair] = (),
    blank: Sequence[int] = (),
    neighbours: Sequence[Neighbours] = (),
    strange: Sequence[Strange] = (),
) -> Audit:
    nothing = [""] * len(paths)
    labels, artists, years = (columns.get(c, nothing) for c in (target, "artist", "year"))
    if not any(labels):
        there = ", ".join(c for c, values in columns.items() if any(values)) or "none"
        raise TableError(f"{source!r} has no labels {target!r} (it has: {there}): choose one with --target")
    names = same_names(paths, splits, labels)
    spoken_of = {row for group in (*duplicates, *names) for row in group.rows}
    spoken_of |= {row for pair in near for row in pair.rows} | {row for pair in neighbours for row in pair.rows}
    spoken_of |= {*blank, *(s.row for s in strange)}
    told = {n: Row(paths[n], splits[n], labels[n], artists[n], years[n]) for n in sorted(spoken_of)}
    return Audit(
        source=source,
        target=target,
        rows=len(paths),
        splits=counted(splits),
        classes=class_sizes(labels, splits),
        unlabelled=sum(not label for label in labels),
        artists=artist_coverage(artists),
        shared=shared_artists(artists, splits),
        years=years_of(years, splits),
        same_names=names,
        duplicates=duplicates,
        near=near,
        blank=blank,
        neighbours=neighbours,
        strange=strange,
        told=told,
        looked_at=looked_at,
    )


def as_json(found: Audit) -> dict[str, Any]:
    """Everything an audit found as plain JSON."""
    shared = [{**asdict(s), "share": s.share} for s in found.shared]
    return {**asdict(found), "shared": shared}


__all__ = ["Audit", "as_json", "audit", "audit_lists"]
