"""A look at a dataset before anyone trusts a figure made with it: who is in two splits, what stands twice, what
is labelled strangely. `audit` gives plain data; `text` and `page` tell it, `duplicates` acts on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache.folder import as_cache
from featurize.choices import CONTROL, DEFAULT_EMBEDDING
from featurize.dataset.audit.coverage import (
    artist_coverage,
    class_sizes,
    same_content,
    same_names,
    shared_artists,
    spellings_of,
    split_sizes,
    years_of,
)
from featurize.dataset.audit.result import Audit, CopyPair, Group, NearPair, Row
from featurize.dataset.labels import settle
from featurize.dataset.sources import AS_FOUND, Reading, read_source
from featurize.dataset.suspects.finding import NOTHING_FOUND, Suspects
from featurize.dataset.table import DatasetTable, read_table, relative_paths
from featurize.errors import TableError
from featurize.progress import ProgressBar

if TYPE_CHECKING:
    from cache import Recipe, Store

_NAMES_ONLY = "not looked at: lists only"
_NO_VECTORS = "not looked at: no feature cache; `featurize run` makes one"


@dataclass
class _Seen:
    """What was found by looking closer than at names and labels.

    Parameters
    ----------
    looked_at, duplicates, near, blank, changed, copies, suspects
        As in `Audit`.
    """

    looked_at: dict[str, str]
    duplicates: Sequence[Group] = ()
    near: Sequence[NearPair] = ()
    blank: Sequence[int] = ()
    changed: Sequence[int] = ()
    copies: Sequence[CopyPair] = ()
    suspects: Suspects = NOTHING_FOUND

    @property
    def rows(self) -> set[int]:
        """Every row that this speaks of."""
        together = [
            *(d.rows for d in self.duplicates),
            *(n.rows for n in self.near),
            *(n.rows for n in self.copies),
        ]
        return {row for rows in together for row in rows} | {
            *self.blank,
            *self.changed,
            *(s.row for s in self.suspects.found),
        }


def audit_lists(source: str | Path, reading: Reading = AS_FOUND) -> Audit:
    """Audit the lists of a source, without opening or even looking for a picture.

    Parameters
    ----------
    source : str or Path
    reading : Reading

    Raises
    ------
    SourceError
        The source can't be read.
    """
    source = Path(source)
    _, listing = read_source(source, replace(reading, lists_only=True))
    labels, _ = settle(listing.labels, reading.target)
    paths = relative_paths(listing.paths, source.absolute() if source.is_dir() else source.absolute().parent)
    seen = _Seen({"names": "all", **dict.fromkeys(("content", "pictures", "embeddings"), _NAMES_ONLY)})
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
    labels = table.column(target)
    splits = list(table.columns["split"])
    seen = _Seen({"names": "all", "content": "all", "pictures": "not looked at: left out", "embeddings": _NO_VECTORS})
    seen.duplicates = same_content(table.columns["id"], splits, labels)
    if pictures:
        found = _look_at_pictures(table, path, workers, progress)
        seen.near, seen.blank, seen.changed, seen.looked_at["pictures"] = found
    if cache and chosen:
        seen.copies, seen.suspects, seen.looked_at["embeddings"] = _look_at_vectors(table, target, cache, chosen)
    columns = {c: table.columns[c] for c in table.labels}
    return _audit(str(path), target, table.columns["path"], splits, columns, seen)


def choose_recipe(cache: Store, wanted: Recipe | str | None = None) -> Recipe | None:
    """The embedding to compare pictures by: the one that is wanted, else "avgpool" or the first; None where none is.

    Raises
    ------
    NotStored
        The cache has no embedding of the wanted name.
    """
    if wanted is not None:
        return cache.recipe(wanted) if isinstance(wanted, str) else wanted
    there = [recipe for recipe in cache.recipes() if recipe.name != CONTROL]
    return next((r for r in there if r.name == DEFAULT_EMBEDDING), there[0] if there else None)


def _look_at_pictures(
    table: DatasetTable, path: Path, workers: int | None, progress: ProgressBar | None
) -> tuple[list[NearPair], list[int], list[int], str]:
    from featurize.dataset.audit.pictures import look_at_pictures

    return look_at_pictures(table, path, workers, progress)


def _look_at_vectors(
    table: DatasetTable, target: str, cache: Store, recipe: Recipe
) -> tuple[list[CopyPair], Suspects, str]:
    from featurize.dataset.audit.vectors import copies_across
    from featurize.dataset.suspects.looking import look_at_labels

    embedded = int(cache.embedded(table.ids, recipe).sum())
    if not embedded:
        return [], NOTHING_FOUND, f"none of the rows has a vector {recipe.name!r} in {cache.key.folder_name}"
    looked_at = f"{embedded:,} of {len(table):,} rows, {recipe.name} of {cache.key.folder_name}"
    suspects = look_at_labels(table, target, [(cache, recipe)])
    if cache.key.untrained:
        return [], suspects, f"{looked_at}, untrained backbone: by such embeddings copies can't be found"
    return copies_across(table, cache, recipe), suspects, looked_at


def _audit(
    source: str,
    target: str,
    paths: Sequence[str],
    splits: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    seen: _Seen,
) -> Audit:
    nothing = [""] * len(paths)
    labels, artists, years = (columns.get(c, nothing) for c in (target, "artist", "year"))
    if not any(labels):
        there = ", ".join(c for c, values in columns.items() if any(values)) or "none"
        raise TableError(f"{source!r} has no labels {target!r} (it has: {there}): choose one with --target")
    names = same_names(paths, splits, labels)
    spoken_of = seen.rows.union(*(group.rows for group in names))
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
        changed=seen.changed,
        copies=seen.copies,
        suspects=seen.suspects,
        told=told,
        looked_at=seen.looked_at,
    )


def as_json(found: Audit) -> dict[str, Any]:
    """Everything an audit found as plain JSON."""
    shared = [{**asdict(s), "share": s.share} for s in found.shared]
    return {**asdict(found), "shared": shared}


__all__ = ["Audit", "as_json", "audit", "audit_lists", "choose_recipe"]
