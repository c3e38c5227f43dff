"""One portable file with everything a notebook needs: ids, paths, splits, labels, vectors, row by row."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cache import NotStored, Recipe, StorageFailed, Store, files
from cache.folder import as_cache
from featurize.dataset.table import DatasetTable, as_table
from featurize.errors import TableError

if TYPE_CHECKING:
    import h5py
    from typing_extensions import Buffer

_BLOCK = 4096  # rows copied at a time


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
        `.h5` (datasets `id`, `path`, `split`, `labels/<column>`, `features/<recipe>`) or `.npz` (the same names
        with `_` for `/`).
    split : str

    Raises
    ------
    NotStored
        No row has vectors.
    TableError
        The ending of `path` is neither.
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
    write = {".h5": _write_hdf5, ".hdf5": _write_hdf5, ".npz": _write_npz}.get(path.suffix)
    if write is None:
        raise TableError(f"{path.name!r} has none of the known endings: use .h5 or .npz")
    temporary = files.temporary_of(path)
    files.make_folder(path.absolute().parent)
    files.sweep_beside(path)
    _check_space(path, cache, recipes, len(kept))
    try:
        write(table.take(kept.tolist()), cache, recipes, temporary)
        files.commit(temporary, path)
    except (OSError, RuntimeError) as error:
        raise StorageFailed(f"can't write {str(path)!r}: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return Exported(path, len(kept), len(rows) - len(kept))


def _write_hdf5(table: DatasetTable, cache: Store, recipes: Sequence[Recipe], path: Path) -> None:
    import h5py

    ids = table.ids
    with _Patient(path) as target, h5py.File(target, "w") as file:
        file.attrs["key"] = cache.key.canonical.decode()
        for name, column in _texts(table).items():
            file.create_dataset(name, data=_encoded(column), dtype=h5py.string_dtype())
        for recipe in recipes:
            first = cache.gather(ids[:1], recipe)
            shape = (len(ids), first.shape[1])
            _copy(cache, recipe, ids, file.create_dataset(f"features/{recipe.name}", shape, first.dtype))


def _copy(cache: Store, recipe: Recipe, ids: NDArray[np.bytes_], target: h5py.Dataset) -> None:
    for start in range(0, len(ids), _BLOCK):
        target[start : start + _BLOCK] = cache.gather(ids[start : start + _BLOCK], recipe)


class _Patient(io.RawIOBase):
    """A new file that takes everything HDF5 gives it, and raises only when HDF5 is through with it.

    HDF5 crashes the process where a write fails while it closes a file (a full disk is enough).
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self._error: OSError | None = None

    def write(self, data: Buffer) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        with self._patience():
            while rest and not self._error:
                rest = rest[self._file.write(rest) or 0 :]
        return size

    def readinto(self, buffer: Buffer) -> int:
        """Fills the whole buffer; behind the end of the file with zeros."""
        rest = memoryview(buffer).cast("B")
        size = len(rest)
        with self._patience():
            while rest and (read := self._file.readinto(rest)):
                rest = rest[read:]
        rest[:] = bytes(len(rest))
        return size

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        with self._patience():
            self._file.truncate(size)
        return size or 0

    def __exit__(self, *raised: object) -> None:
        with self._patience():
            self._file.close()
        if self._error:
            raise self._error

    @contextlib.contextmanager
    def _patience(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._error = self._error or error


def _write_npz(table: DatasetTable, cache: Store, recipes: Sequence[Recipe], path: Path) -> None:
    arrays: dict[str, NDArray[np.generic]] = {
        name.replace("/", "_"): np.array([v.encode("utf-8", "replace").decode() for v in column])
        for name, column in _texts(table).items()
    }
    arrays |= {f"features_{r.name}": cache.gather(table.ids, r) for r in recipes}
    arrays["key"] = np.array(cache.key.canonical.decode())
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _texts(table: DatasetTable) -> dict[str, Sequence[str]]:
    facts = {name: table.columns[name] for name in ("id", "path", "split")}
    return {**facts, **{f"labels/{name}": table.columns[name] for name in table.labels}}


def _encoded(column: Sequence[str]) -> list[bytes]:
    return [value.encode("utf-8", "surrogateescape") for value in column]


def _check_space(path: Path, cache: Store, recipes: Sequence[Recipe], rows: int) -> None:
    """HDF5 may crash when a disk fills up while it writes, so the room is looked for first."""
    per_row = sum(cache.gather(cache.ids()[cache.embedded(cache.ids(), r)][:1], r).nbytes for r in recipes) + 1024
    free = shutil.disk_usage(path.absolute().parent).free
    if free < rows * per_row:
        raise StorageFailed(
            f"{str(path)!r} needs about {rows * per_row / 1e6:.1f} MB, {free / 1e6:.1f} MB are free: free some space, "
            "or choose another folder"
        )
