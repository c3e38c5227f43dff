"""A look at a dataset before anyone trusts a figure made with it: who is in two splits, what stands twice, what
is labelled strangely. `audit` gives plain data; `text` and `page` tell it, `duplicates` acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache.folder import as_cache
from featurize.choices import DEFAULT_EMBEDDING, is_embedding
from featurize.dataset.audit.coverage import (
    artist_coverage,
    class_sizes,
    same_names,
    shared_artists,
    spellings_of,
    split_sizes,
    years_of,
)
from featurize.dataset.audit.result import Audit, Row, Twice
from featurize.dataset.audit.twice.finder import look_for_copies
from featurize.dataset.audit.twice.vectors import Embedding
from featurize.dataset.labels import settle
from featurize.dataset.periods import made_by
from featurize.dataset.sources import AS_FOUND, Reading, read_source
from featurize.dataset.suspects.finding import NOTHING_FOUND, Suspects
from featurize.dataset.table import DatasetTable, read_table, relative_paths
from featurize.errors import TableError
from featurize.progress import ProgressBar

if TYPE_CHECKING:
    from cache import Recipe, Store

_NAMES_ONLY = "not looked at: lists only"


def audit_lists(source: str | Path, reading: Reading = AS_FOUND, several: str = "first") -> Audit:
    """Audit the lists of a source, without opening or even looking for a picture.

    Parameters
    ----------
    source : str or Path
    reading : Reading
    several : str
        What becomes of a cell with several labels: "first", "whole" or "drop".

    Raises
    ------
    SourceError
        The source can't be read.
    """
    source = Path(source)
    _, listing = read_source(source, replace(reading, lists_only=True))
    labels, _ = settle(listing.labels, reading.target, several)
    paths = relative_paths(listing.paths, source.absolute() if source.is_dir() else source.absolute().parent)
    seen = Twice(looked_at=dict.fromkeys(("content", "pictures", "embeddings"), _NAMES_ONLY))
    return _audit(str(source), reading.target, paths, list(listing.splits), labels, seen)


def audit(
    table: DatasetTable | str | Path = "dataset.csv",
    path: str | Path | None = None,
    target: str = "style",
    *,
    cache: Store | str | Path | None = None,
    recipe: Recipe | str | None = None,
    pictures: bool = True,
    workers: int | None = None,
    progress: ProgressBar | None = None,
) -> Audit:
    """Audit a dataset table and its pictures.

    Parameters
    ----------
    table : DatasetTable, str or Path
        The table, or where it lies.
    path : str or Path, optional
        Where a table lies that was read already, by default "dataset.csv" in its folder; fingerprints of its pictures
        are kept beside it.
    target : str
        The label column.
    cache : Store, str or Path, optional
        Embeddings to find copies and possible label errors with, or their features folder.
    recipe : Recipe or str, optional
        Which of them; by default "avgpool", or the first there is.
    pictures : bool
        Open the pictures to find near-duplicates.
    workers : int, optional
        Decoding threads.
    progress : callable, optional
        Called with what goes on and the unit, as `progress_bar` is.

    Raises
    ------
    TableError
        The table has no such labels.
    StorageFailed
        The fingerprints can't be written.

    Examples
    --------
    >>> import featurize
    >>> found = featurize.audit("dataset.csv", pictures=False)
    >>> found.rows, len(found.classes)
    (40, 10)
    """
    if isinstance(table, DatasetTable):
        path = table.folder / "dataset.csv" if path is None else Path(path)
    else:
        path = Path(table)
        table = read_table(path)
    cache = None if cache is None else as_cache(cache)
    chosen = choose_recipe(cache, recipe) if cache else None
    table.column(target)  # that there is one is known before pictures are opened
    embeddings = [(cache, chosen)] if cache and chosen else []
    seen = look_for_copies(
        table, path, target, embeddings, most=None if pictures else 0, workers=workers, progress=progress
    )
    changed = _changed(table, path) if pictures else []
    suspects = _suspects(table, target, embeddings)
    columns = {c: table.columns[c] for c in table.labels}
    paths, splits = table.columns["path"], list(table.columns["split"])
    return _audit(str(path), target, paths, splits, columns, seen, changed, suspects)


def choose_recipe(cache: Store, wanted: Recipe | str | None = None) -> Recipe | None:
    """The embedding to compare pictures by: the one that is wanted, else "avgpool" or the first; None where none is.

    Raises
    ------
    NotStored
        The cache has no embedding of the wanted name.
    """
    if wanted is not None:
        return cache.recipe(wanted) if isinstance(wanted, str) else wanted
    there = [recipe for recipe in cache.recipes() if is_embedding(recipe.name)]
    return next((r for r in there if r.name == DEFAULT_EMBEDDING), there[0] if there else None)


def _changed(table: DatasetTable, path: Path) -> list[int]:
    """Rows whose file is not the picture that their id names; those that have no fingerprint are read for certain."""
    from featurize.dataset.audit.fingerprints import load_prints, prints_path
    from featurize.pictures.rehash import rehash_sample

    printed = set(load_prints(prints_path(path))["id"].tolist())
    doubted = [row for row, picture in enumerate(table.ids.tolist()) if picture not in printed]
    return sorted(rehash_sample([table.picture(row) for row in range(len(table))], doubted=doubted))


def _suspects(table: DatasetTable, target: str, embeddings: Sequence[Embedding]) -> Suspects:
    from featurize.dataset.suspects.looking import look_at_labels

    return look_at_labels(table, target, embeddings) if embeddings else NOTHING_FOUND


def _audit(
    source: str,
    target: str,
    paths: Sequence[str],
    splits: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    seen: Twice,
    changed: Sequence[int] = (),
    suspects: Suspects = NOTHING_FOUND,
) -> Audit:
    nothing = [""] * len(paths)
    labels, artists, years = (columns.get(c, nothing) for c in (target, "artist", "year"))
    if not any(labels):
        there = ", ".join(c for c, values in columns.items() if any(values)) or "none"
        raise TableError(
            f"{source!r} has no labels {target!r} (it has: {there}): choose one with --target{made_by(target)}"
        )
    names = same_names(paths, splits, labels)
    spoken_of = {*seen.told, *changed, *(s.row for s in suspects.found)}.union(*(group.rows for group in names))
    told = {n: Row(paths[n], splits[n], labels[n], artists[n], years[n]) for n in sorted(spoken_of)}
    return Audit(
        source=source,
        target=target,
        rows=len(paths),
        splits=split_sizes(splits),
        classes=class_sizes(labels, splits),
        unlabelled=sum(not label for label in labels),
        artists=artist_coverage(artists),
        shared=shared_artists(artists, splits),
        spellings=spellings_of(artists, splits),
        years=years_of(years, splits),
        same_names=names,
        duplicates=seen.duplicates,
        near=seen.near,
        blank=seen.blank,
        changed=changed,
        copies=seen.copies,
        suspects=suspects,
        told=told,
        looked_at={"names": "all", **seen.looked_at},
    )


def as_json(found: Audit) -> dict[str, Any]:
    """Everything an audit found as plain JSON."""
    shared = [{**asdict(s), "share": s.share} for s in found.shared]
    return {**asdict(found), "shared": shared}


__all__ = ["Audit", "as_json", "audit", "audit_lists", "choose_recipe"]
