"""Vectors that another program made -> a feature cache, with a dataset table beside it.

Heads, reports, audits and explorations work on them as on embeddings. Nothing here can embed another picture in the
same way, so what begins with a picture is refused (`featurize.networks.elsewhere`).

The file is read by blocks of rows, twice: once to look at every number, before anything is written, and once to store.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import ArrayLike, NDArray

from cache import OK, Key, Recipe, Rows, Store, create_cache, files, list_keys
from cache.ids import Ids
from cache.rows import ABSENT
from cache.writable import check_file
from featurize.dataset.notes import Note
from featurize.dataset.splits import Splitting
from featurize.dataset.table import DatasetTable, check_ending, read_table, write_table
from featurize.errors import TableError, VectorsError
from featurize.exchange.arrays import Found, Matrix, check, open_matrix
from featurize.exchange.rows import Columns, Given, check_count, dataset_table, read_given, repeats
from featurize.frames import in_another_order
from featurize.networks.elsewhere import IMPORTED, VECTORS, is_imported
from featurize.networks.weights_file import file_digest
from featurize.progress import Progress
from featurize.reasons import Reason
from featurize.wording import listing

RECIPE = Recipe(VECTORS, {"formula": "imported"})
_BLOCK_BYTES = 64 << 20  # of vectors in memory at a time, as float32
_SAME = 1e-4  # how far vectors of one picture may differ, relative to their largest number


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Parameters
    ----------
    table : DatasetTable
        One row for each vector, in the order of the file.
    path : Path
        Where the dataset table lies.
    written : bool
        Whether it was written now; else it was there.
    folder : str
        The key's folder, or its address.
    key : Key
    width : int
        Numbers in a vector.
    stored : int
        Pictures whose vectors were put into the cache now.
    broken : mapping of int to str
        Row number, from 1, -> what is wrong with its vector; such a row is kept as one that failed.
    how_split : str
        "given", "random", "artist" or "time"; "" where the dataset table was there.
    notes : sequence of Note
        What the user should know.
    """

    table: DatasetTable
    path: Path
    written: bool
    folder: str
    key: Key
    width: int
    stored: int
    broken: Mapping[int, str]
    how_split: str
    notes: Sequence[Note] = ()


@dataclass(frozen=True)
class _Source:
    """Vectors as they were given: a file, or an array in memory."""

    name: str
    digest: str
    open: AbstractContextManager[Matrix]


def import_vectors(
    vectors: str | Path | ArrayLike,
    table: DatasetTable | str | Path | Columns,
    name: str,
    *,
    note: str = "",
    array: str | None = None,
    features: str | Path = "features",
    dataset: str | Path = "dataset.csv",
    target: str = "style",
    splitting: Splitting | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Put vectors that another program made into a feature cache, and write the dataset table of their rows.

    Repeated, it does nothing. A row whose vector holds NaN, or a number beyond float32, is kept as one that failed.

    Parameters
    ----------
    vectors : str, Path or array_like (N, D)
        A `.npy`, `.npz`, `.parquet`, `.h5`, `.hdf5` or `.safetensors` file, or numbers in memory; stored as float16
        where they are float16, else as float32.
    table : DatasetTable, str, Path or mapping of str to sequence
        One row for each vector, in the same order: labels, `split`, `artist`, `year` as in a dataset table. A table of
        pandas is taken, too. Rows that have the `id` of a picture keep it.
    name : str
        What the vectors are called: "imported:NAME" in reports and messages.
    note : str
        Where they come from; a part of their identity.
    array : str, optional
        Which array of the file, where it holds several; of Parquet a column of lists, or columns as in "x*".
    features : str or Path
        The features folder, or its address.
    dataset : str or Path
        Where the dataset table is written. One that is there and has these rows stays as it is.
    target : str
        The label column whose classes a drawn split keeps in proportion.
    splitting : Splitting, optional
    progress : callable, optional
        Called with (rows done, rows in all).

    Raises
    ------
    VectorsError
        The vectors can't be read, don't fit the table, or the name stands for others already.
    TableError, SourceError
        The table can't be read, or can't be split as asked; or another dataset table is there, or none can be written
        under that name.
    StorageFailed
        The file system refused.

    Examples
    --------
    >>> import numpy, featurize
    >>> drawn = numpy.random.default_rng(0).normal(size=(4, 8))
    >>> rows = {"style": ["Baroque", "Rococo"] * 2, "split": ["train", "train", "test", "test"]}
    >>> done = featurize.import_vectors(drawn, rows, "mine", features="f", dataset="mine.csv")
    >>> done.key.backbone, done.width, done.stored
    ('imported:mine', 8, 4)
    """
    if in_another_order(vectors, table):
        raise VectorsError(
            "the table has the index of the vectors in another order: `table.loc[vectors.index]` brings its rows into "
            "that order, and `vectors.to_numpy()` says that rows are joined by their place"
        )
    given, path = read_given(table), Path(dataset)
    source = _source(vectors, array)
    key = _key(name, note, array, source.digest)
    check_ending(path, "--dataset")
    check_file(path)
    _check_name_is_free(features, key)
    with source.open as matrix:
        check_count(given, source.name, matrix.shape[0])
        made, how, notes = _table(given, path, name, target, splitting or Splitting())
        broken = _look(matrix, repeats(made.columns["id"]), source.name)
        cache = create_cache(features, key)
        cache.repair()
        stored = _store(cache, matrix, made.ids, source.name, progress)
    written = bool(how)
    if written:
        files.make_folder(path.absolute().parent)
        write_table(made, path)
    return Imported(made, path, written, cache.place, key, matrix.shape[1], stored, broken, how, notes)


def _source(vectors: str | Path | ArrayLike, array: str | None) -> _Source:
    if isinstance(vectors, str | Path):
        path = Path(vectors)
        opened = open_matrix(path, array)
        return _Source(path.name, file_digest(path), opened)
    numbers = np.asarray(vectors)
    check("the array", Found(numbers.shape, numbers.dtype))
    if array is not None:
        raise VectorsError(f"the vectors are one array already: leave array={array!r} out")
    return _Source("the array", _array_digest(numbers), _in_memory(numbers))


@contextmanager
def _in_memory(numbers: NDArray[np.generic]) -> Iterator[Matrix]:
    def blocks(rows: int) -> Iterator[NDArray[np.generic]]:
        for start in range(0, len(numbers), rows):
            yield numbers[start : start + rows]

    yield Matrix((numbers.shape[0], numbers.shape[1]), numbers.dtype, blocks)


def _array_digest(numbers: NDArray[np.generic]) -> str:
    """sha256 of the bytes that `numpy.save` writes of it, so that an array and its file are the same vectors."""
    header = io.BytesIO()
    facts = {"descr": npy.dtype_to_descr(numbers.dtype), "fortran_order": False, "shape": numbers.shape}
    npy.write_array_header_1_0(header, facts)
    digest = hashlib.sha256(header.getvalue())
    for row in numbers:
        digest.update(np.ascontiguousarray(row).data)
    return digest.hexdigest()


def _key(name: str, note: str, array: str | None, digest: str) -> Key:
    more = {what: value for what, value in (("note", note), ("array", array)) if value}
    try:
        return Key({"provider": IMPORTED, "name": name, "stages": [], **more}, f"sha256:{digest}", {})
    except ValueError as error:
        raise VectorsError(f"--name: {error}") from error


def _check_name_is_free(features: str | Path, key: Key) -> None:
    """Raise where the name stands for other vectors already."""
    for other in list_keys(features):
        if is_imported(other) and other.network["name"] == key.network["name"] and other.digest != key.digest:
            what = "another file" if other.weights != key.weights else "the same file with another note or array"
            raise VectorsError(
                f"the name {key.network['name']!r} stands for {what} in {str(features)!r} ({other.folder_name}): "
                "choose another --name, or remove that folder if its vectors are out of date"
            )


def _table(
    given: Given, path: Path, name: str, target: str, splitting: Splitting
) -> tuple[DatasetTable, str, Sequence[Note]]:
    """The dataset table, and how its split was made; "" where it lies there already."""
    if path.exists() and given.file and path.samefile(given.file) and given.has_ids:
        return read_table(path), "", ()
    made, how, notes = dataset_table(given, name, path.absolute().parent, target, splitting)
    if not path.exists():
        return made, how, notes
    if set(made.columns["id"]) <= set(read_table(path).columns["id"]):
        return made, "", ()
    raise TableError(
        f"{str(path)!r} is there and has other rows; it is not overwritten: give another place with --dataset, or, "
        f"where its rows are those of the vectors, --table {path}"
    )


def _look(matrix: Matrix, again: Mapping[int, int], name: str) -> dict[int, str]:
    """Read all vectors once; gives what is broken, by row number from 1.

    Raises
    ------
    VectorsError
        No vector is good, or one picture has two different ones.
    """
    broken: dict[int, str] = {}
    firsts: dict[int, NDArray[np.floating]] = {n: np.empty(0) for n in again.values()}
    for start, given, block in _numbered(matrix):
        for n in np.flatnonzero(~np.isfinite(block).all(axis=1)).tolist():
            place = int(np.flatnonzero(~np.isfinite(block[n]))[0])
            too_large = ", too large for float32" if np.isfinite(given[n, place]) else ""
            broken[start + n + 1] = f"number {place + 1} is {given[n, place]}{too_large}"
        for n in firsts.keys() & range(start, start + len(block)):
            firsts[n] = block[n - start].copy()
        for n in sorted(again.keys() & range(start, start + len(block))):
            if _differing(block[n - start][None], firsts[again[n]][None]).any():
                raise VectorsError(
                    f"rows {again[n] + 1} and {n + 1} are the same picture, and {name!r} has two different vectors for "
                    "it: leave one row out, or give the rows no id and no path"
                )
    if len(broken) == matrix.shape[0]:
        raise VectorsError(f"no vector in {name!r} is usable: in row 1, {broken[1]}")
    return broken


def _store(cache: Store, matrix: Matrix, ids: Ids, name: str, progress: Progress | None) -> int:
    """Add the vectors that the cache lacks, and compare the others with it; gives how many pictures were added."""
    added, seen = 0, np.zeros(len(ids), bool)
    seen[np.unique(ids, return_index=True)[1]] = True  # of a picture that stands in several rows, the first
    for start, _, block in _numbered(matrix):
        here = slice(start, start + len(block))
        new = cache.missing(ids[here], [RECIPE]) & seen[here]
        good = np.isfinite(block).all(axis=1)
        _check_stored(cache, ids[here], block, good, start, name)
        if new.any():
            cache.append(_rows(ids[here][new], block[new], good[new], name))
            added += int(new.sum())
        if progress:
            progress(start + len(block), len(ids))
    return added


def _rows(ids: Ids, block: NDArray[np.floating], good: NDArray[np.bool_], name: str) -> Rows:
    vectors = np.where(good[:, None], block, np.array(np.nan, block.dtype))
    status = np.where(good, OK, int(Reason.NOT_FINITE)).astype(np.uint8)
    return Rows(ids, status, {RECIPE: vectors}, environment={"imported from": name})


def _check_stored(
    cache: Store, ids: Ids, block: NDArray[np.floating], good: NDArray[np.bool_], start: int, name: str
) -> None:
    """Raise where the cache has something else for a row than the file."""
    status = cache.status(ids)
    other = (status != ABSENT) & ((status == OK) != good)
    there = np.flatnonzero(cache.embedded(ids, RECIPE) & good)
    if len(there):
        other[there] |= _differing(block[there], cache.gather(ids[there], RECIPE))
    if other.any():
        raise VectorsError(
            f"row {start + int(np.flatnonzero(other)[0]) + 1} of the table has another vector in the feature cache "
            f"than in {name!r}: the table's rows stand in another order than when they were imported; bring them back "
            "into the vectors' order"
        )


def _differing(block: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which rows of two matrices differ by more than rounding; those that are finite in neither do not."""
    if np.array_equal(block, other):
        return np.zeros(len(block), bool)
    one, two = block.astype(np.float64), other.astype(np.float64)
    largest = np.maximum(np.abs(one).max(1), np.abs(two).max(1))
    near = np.abs(one - two).max(1) <= _SAME * largest
    neither = ~np.isfinite(one).all(1) & ~np.isfinite(two).all(1)
    differing: NDArray[np.bool_] = ~(near | neither)
    return differing


def _numbered(matrix: Matrix) -> Iterator[tuple[int, NDArray[np.generic], NDArray[np.floating]]]:
    """Blocks of vectors as they are given and as they are stored, each with its first row's number from 0."""
    wanted = np.float16 if matrix.dtype == np.float16 else np.float32
    rows = max(1, _BLOCK_BYTES // (4 * matrix.shape[1]))
    start = 0
    for block in matrix.blocks(rows):
        with np.errstate(over="ignore", invalid="ignore"):  # what does not fit becomes infinite, and is reported
            given = np.asarray(block)
            yield start, given, given.astype(wanted)
        start += len(block)
    if start != matrix.shape[0]:
        raise VectorsError(f"the vectors end after row {start:,} of {matrix.shape[0]:,}: the file is damaged")


def broken_rows(broken: Mapping[int, str]) -> str:
    """Numbers of broken rows, with what is wrong, for people."""
    return listing((f"row {n} ({what})" for n, what in sorted(broken.items())), 5)
