"""Rows of a table with their vectors, as files for notebooks and other programs."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache import Key, NotStored, Recipe, StorageFailed, Store, files
from cache.folder import as_cache
from cache.key import KEY_FILE
from cache.writable import check_file
from featurize.dataset.table import DatasetTable, as_table
from featurize.errors import TableError
from featurize.exchange.forms import Contents, Parts, parts_of
from featurize.exchange.forms.recognised import is_export
from featurize.networks.licences import licence_of


@dataclass(frozen=True)
class Exported:
    """What was written: rows, and rows of the table left out because they have no vector."""

    path: Path
    rows: int
    left_out: int


def export(
    table: DatasetTable | str | Path,
    cache: Store | str | Path,
    recipes: str | Recipe | Sequence[str | Recipe],
    path: str | Path,
    split: str = "all",
    *,
    form: str | None = None,
    target: str = "style",
) -> Exported:
    """Write the rows of a table that have all the vectors.

    Parameters
    ----------
    table : DatasetTable, str or Path
        The table, or where it lies.
    cache : Store, str or Path
        The feature cache, or its features folder.
    recipes : str, Recipe, or sequence of these
        "avgpool", or "avgpool,stats".
    path : str or Path
        `.h5` (datasets `id`, `path`, `split`, `labels/<column>`, `features/<recipe>`), `.npz` (the same names
        with `_` for `/`), `.parquet`, `.tab` (Orange) or `.tsv` (TensorFlow Projector).
    split : str
    form : str, optional
        "hdf5", "npz", "parquet", "orange", "atlas" (Embedding Atlas) or "projector", whatever the ending; the last also
        takes a folder.
    target : str
        The label column that Orange learns, and by which the Projector labels its points.

    Raises
    ------
    NotStored
        No row has vectors.
    TableError
        There is no such form, no form has this ending, a file would be replaced that no export wrote, or the place
        belongs to a feature cache.
    SegmentDamaged
        Rows are missing because their segment is damaged.
    StorageFailed
        The file system refused; nothing is left behind.
    """
    table, cache, path = as_table(table), as_cache(cache), Path(path)
    recipes = cache.recipes_named(recipes)
    rows = table.rows_of(split)
    has_all = np.ones(len(rows), bool)
    for recipe in recipes:
        has_all &= cache.embedded(table.ids[rows], recipe)
    kept = rows[has_all]
    if cache.problems and len(kept) < len(rows):
        raise cache.problems[0]
    if not len(kept):
        names = ",".join(recipe.name for recipe in recipes)
        raise NotStored(
            f"none of the {len(rows)} rows has an embedding in {cache.place!r}", cache.key, names, cache.place
        )
    parts = parts_of(path, form)
    check_apart(path, cache)
    _check_replaced(parts)
    contents = Contents(table.take(kept.tolist()), cache, recipes, target, about(cache.key, licence_of(cache)))
    _check_space(parts[-1][0], contents)
    _write(parts, contents)
    return Exported(path, len(kept), len(rows) - len(kept))


def about(key: Key, licence: str) -> dict[str, str]:
    """Where vectors come from, for people who get the file without the cache."""
    untrained = {"untrained": "yes: drawn at random, never trained"} if key.untrained else {}
    return {
        "network": key.backbone,
        "weights": key.weights,
        "licence of the weights": licence or "not known",
        **untrained,
        "precision": key.precision,
        "key": key.canonical.decode(),
        "digest": key.digest,
    }


def _write(parts: Parts, contents: Contents) -> None:
    """Write all files under temporary names, then give each its own; the named one last."""
    temporaries = [files.temporary_of(path) for path, _ in parts]
    files.make_folder(parts[-1][0].absolute().parent)
    try:
        for (path, write), temporary in zip(parts, temporaries, strict=True):
            files.sweep_beside(path)
            try:
                write(contents, temporary)
            except (OSError, RuntimeError) as error:
                raise StorageFailed(f"can't write {str(path)!r}: {error}") from error
        for (path, _), temporary in zip(parts, temporaries, strict=True):
            files.commit(temporary, path)
    finally:
        for temporary in temporaries:
            with contextlib.suppress(OSError):
                temporary.unlink()


def check_apart(path: Path, cache: Store) -> None:
    """Raise where an export would be written among the segments of feature caches.

    Raises
    ------
    TableError
    """
    if "://" in cache.place:
        return
    root, path = Path(cache.place).resolve().parent, path.resolve()
    within = any(p.parent == root and (p / KEY_FILE).exists() for p in (path, *path.parents))
    if within or (path == root and path.is_dir()):
        raise TableError(f"{str(path)!r} is a folder of feature caches, or lies in one: choose another place")


def _check_replaced(parts: Parts) -> None:
    """Raise where a file can't be written, or would be replaced that no export wrote."""
    paths = [path for path, _ in parts]
    for path in paths:
        check_file(path)
    there = [path for path in paths if path.is_file()]
    if there and not is_export(paths):
        raise TableError(f"{str(there[-1])!r} is there, and no export wrote it: choose another place, or move it away")


def _check_space(path: Path, contents: Contents) -> None:
    """HDF5 may crash when a disk fills up while it writes, so the room is looked for first."""
    per_row = sum(contents.cache.gather(contents.table.ids[:1], r).nbytes for r in contents.recipes) + 1024
    needed = len(contents) * per_row
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageFailed(
            f"{str(path)!r} needs about {needed / 1e6:.1f} MB, {free / 1e6:.1f} MB are free: free some space, "
            "or choose another folder"
        )
