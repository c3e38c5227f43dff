"""One immutable HDF5 file of embedded pictures, in which no byte can change unnoticed.

Layout, readable with any HDF5 tool:

    user block, 4096 bytes     JSON: format, size, and the XXH3 checksum of every span of the rest of the file
    /id        (N, 32) uint8   sha256 of the picture file
    /status    (N,)    uint8   0 = embedded, else a reason code
    /failures  (F,)    uint8   JSON: place -> what was said
    /features/<recipe> (N, D)  float32 or float16, contiguous, so that it can be mapped
    attributes                 key digest, environment, names of the segments this one replaces;
                               on each feature set: recipe name and definition

The spans cover the file without a gap, the user block checks itself, and the size is recorded: a flipped bit,
a cut or a foreign file is found wherever it is. Opening checks everything but the vectors; their spans are
checked before the first of them is handed out, once per process.
"""

from __future__ import annotations

import contextlib
import errno
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from cache import files, ids
from cache.errors import CacheError, ForeignKey, SegmentDamaged
from cache.key import Json, Recipe
from cache.rows import Rows

SUFFIX = ".h5"
_USER_BLOCK = 4096
_FORMAT = "artstyle segment 1"
_ALIGNMENT = 64  # bytes; a mapped vector starts on a cache line
_MAX_SPANS = 48  # as many as the user block has room for
_MIN_SPAN = 16 << 20

Span = tuple[int, int, str, bool]  # offset, length, checksum, whether it holds vectors
Identity = tuple[int, int, int, int]  # device, inode, time of the last change, size


def name_of(key_digest: str, rows: Rows) -> str:
    """The file name of a segment: the same rows get the same name, whoever writes them."""
    recipes = sorted(recipe.digest for recipe in rows.vectors)
    content = [key_digest.encode(), *(r.encode() for r in recipes), rows.ids.tobytes(), rows.status.tobytes()]
    return files.checksum(content)[:20] + SUFFIX


def write(folder: Path, key_digest: str, rows: Rows, replaces: Sequence[str] = ()) -> Path:
    """Write rows as one new segment.

    Parameters
    ----------
    folder : Path
        The key's folder.
    key_digest : str
    rows : Rows
    replaces : sequence of str
        Names of the segments whose rows this one repeats (compaction).

    Returns
    -------
    Path
        The committed segment.

    Raises
    ------
    StorageFailed
        The file system refused; nothing changed.
    """
    image, payload = _hdf5_image(key_digest, rows, replaces)
    block = _user_block(image, payload)
    path = folder / name_of(key_digest, rows)
    files.write_atomic(path, [block, image])
    return path


@dataclass(frozen=True)
class Stored:
    """Where one recipe's vectors lie in a segment."""

    recipe: Recipe
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, int]


@dataclass
class Segment:
    """A segment opened for reading; everything but the vectors is in memory and checked.

    Raises
    ------
    SegmentDamaged
        On opening or reading, when the bytes are not those that were written.
    ForeignKey
        The segment belongs to another key.
    """

    path: Path
    ids: ids.Ids  # (N,) S32
    status: NDArray[np.uint8]  # (N,)
    details: Mapping[int, str]
    recipes: Mapping[Recipe, Stored]
    environment: Mapping[str, Json]
    replaces: tuple[str, ...]
    size: int
    _identity: Identity = field(repr=False)
    _unchecked: list[Span] = field(repr=False)

    @classmethod
    def open(cls, path: Path, key_digest: str) -> Segment:
        """Open and check a segment, vectors apart.

        Raises
        ------
        FileNotFoundError
            It is gone, or another took its name meanwhile: the caller lists the folder again.
        """
        identity = _identity(path)
        with _of_one_file(path, identity):
            return cls._read(path, key_digest, identity)

    @classmethod
    def _read(cls, path: Path, key_digest: str, identity: Identity) -> Segment:
        spans = _read_user_block(path)
        _check(path, [s for s in spans if not s[3]])  # before HDF5 reads any of it
        try:
            with h5py.File(path, "r") as file:
                found = str(file.attrs["key"])
                if found != key_digest:
                    raise ForeignKey(
                        f"segment {str(path)!r} belongs to key {found[:12]}, its folder to {key_digest[:12]}: "
                        "move it to its own folder, or delete it"
                    )
                return cls(
                    path=path,
                    ids=ids.from_bytes(file["id"][()]),
                    status=file["status"][()],
                    details={int(k): v for k, v in json.loads(file["failures"][()].tobytes()).items()},
                    recipes={s.recipe: s for s in map(_stored, file["features"].values())},
                    environment=json.loads(file.attrs["environment"]),
                    replaces=tuple(json.loads(file.attrs["replaces"])),
                    size=identity[-1],
                    _identity=identity,
                    _unchecked=[s for s in spans if s[3]],
                )
        except (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise SegmentDamaged(path, f"HDF5 can't read it ({error})") from error

    def __len__(self) -> int:
        return len(self.ids)

    def vectors(self, recipe: Recipe) -> NDArray[np.floating]:
        """All vectors of a recipe, (N, D), mapped read-only; checked first.

        Raises
        ------
        SegmentDamaged
        FileNotFoundError
            The file is gone, or another took its name: the caller lists the folder again.
        """
        self.verify()
        stored = self.recipes[recipe]
        with _of_one_file(self.path, self._identity):
            return np.memmap(self.path, stored.dtype, "r", stored.offset, stored.shape)

    def verify(self) -> None:
        """Compare the vectors with their checksums, once per process; raises like `vectors`."""
        with _of_one_file(self.path, self._identity):
            _check(self.path, self._unchecked)
        self._unchecked = []

    def is_there(self) -> bool:
        """Whether the file of that name is still the one that was opened."""
        try:
            return _identity(self.path) == self._identity
        except (FileNotFoundError, CacheError):
            return False

    def rows(self) -> Rows:
        """Everything in the segment, as it was written."""
        vectors = {recipe: np.array(self.vectors(recipe)) for recipe in self.recipes}
        return Rows(self.ids, self.status, vectors, self.details, self.environment)


def _hdf5_image(key_digest: str, rows: Rows, replaces: Sequence[str]) -> tuple[bytes, list[tuple[int, int]]]:
    """The HDF5 part of the file, and the (offset, length) of each feature set within the whole file."""
    with h5py.File(
        f"{key_digest}-{threading.get_ident()}",  # names nothing on disk
        "w",
        driver="core",
        backing_store=False,
        userblock_size=_USER_BLOCK,
        libver=("v110", "v110"),
        alignment_threshold=_ALIGNMENT,
        alignment_interval=_ALIGNMENT,
    ) as file:
        file.attrs["key"] = key_digest
        file.attrs["environment"] = json.dumps(dict(rows.environment))
        file.attrs["replaces"] = json.dumps(list(replaces))
        file["id"] = ids.to_bytes(rows.ids)
        file["status"] = rows.status
        file["failures"] = np.frombuffer(json.dumps({str(k): v for k, v in rows.details.items()}).encode(), np.uint8)
        features = file.create_group("features")
        for recipe, matrix in rows.vectors.items():
            features[recipe.name] = np.ascontiguousarray(matrix)
            features[recipe.name].attrs["recipe"] = json.dumps([recipe.name, dict(recipe.definition)])
        file.flush()
        payload = [(d.id.get_offset(), d.id.get_storage_size()) for d in features.values() if d.size]
        return file.id.get_file_image(), payload


def _user_block(image: bytes, payload: Sequence[tuple[int, int]]) -> bytes:
    """Checksums of the whole file, cut so that no span holds both vectors and anything else."""
    size = _USER_BLOCK + len(image)
    longest = max(_MIN_SPAN, -(-size // (_MAX_SPANS - 2 * len(payload) - 1)))
    cuts = {_USER_BLOCK, size}
    for offset, length in payload:
        cuts.update(range(offset, offset + length, longest))
        cuts.add(offset + length)
    edges = sorted(cuts)
    view = memoryview(image)
    spans: list[Span] = [
        (
            a,
            b - a,
            files.checksum([view[a - _USER_BLOCK : b - _USER_BLOCK]]),
            any(start <= a < start + length for start, length in payload),
        )
        for a, b in pairwise(edges)
    ]
    body = json.dumps({"format": _FORMAT, "size": size, "spans": spans}, separators=(",", ":")).encode()
    text = files.checksum([body]).encode() + b" " + body + b"\n"
    if len(text) > _USER_BLOCK:
        raise ValueError(f"{len(spans)} checksums don't fit the segment's user block of {_USER_BLOCK} bytes")
    return text.ljust(_USER_BLOCK, b"\0")


def _read_user_block(path: Path) -> list[Span]:
    block = b"".join(files.read_blocks(path, 0, _USER_BLOCK))
    text, newline, padding = block.partition(b"\n")
    check, _, body = text.partition(b" ")
    if not newline or files.checksum([body]).encode() != check:
        raise SegmentDamaged(path, "it does not begin with a segment's list of checksums")
    if padding.strip(b"\0") or len(block) != _USER_BLOCK:
        raise SegmentDamaged(path, "bytes were changed behind its list of checksums")
    facts = json.loads(body)
    if facts["format"] != _FORMAT:
        raise SegmentDamaged(path, f"its format is {facts['format']!r}, this version reads {_FORMAT!r}")
    size = path.stat().st_size
    if size != facts["size"]:
        raise SegmentDamaged(path, f"it has {size} bytes, {facts['size']} were written")
    return [(offset, length, check, vectors) for offset, length, check, vectors in facts["spans"]]


def _identity(path: Path) -> Identity:
    with _clear(path):
        facts = path.stat()
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size


@contextlib.contextmanager
def _of_one_file(path: Path, identity: Identity) -> Iterator[None]:
    """What is read in here was read from that one file; where another took its name meanwhile, it counts as gone.

    Two writers that embed the same pictures write the same name, with other facts of the environment perhaps.
    """
    try:
        with _clear(path):
            yield
    except (SegmentDamaged, ForeignKey):
        _compare_identity(path, identity)
        raise
    _compare_identity(path, identity)


def _compare_identity(path: Path, identity: Identity) -> None:
    if _identity(path) != identity:
        raise FileNotFoundError(f"another file has taken the name {str(path)!r}")


@contextlib.contextmanager
def _clear(path: Path) -> Iterator[None]:
    """A segment that the disk can't read is a damaged one; what else the system refuses is no fault of the file."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno == errno.EIO:
            raise SegmentDamaged(path, "the disk reports an input/output error where it lies") from error
        with files.clear_reading(path):
            raise


def _stored(dataset: h5py.Dataset) -> Stored:
    recipe = Recipe(*json.loads(dataset.attrs["recipe"]))
    rows, dimension = dataset.shape
    return Stored(recipe, dataset.id.get_offset() or 0, dataset.dtype, (rows, dimension))


def _check(path: Path, spans: Sequence[Span]) -> None:
    for offset, length, expected, _ in spans:
        if files.checksum(files.read_blocks(path, offset, length)) != expected:
            raise SegmentDamaged(path, f"the bytes {offset} to {offset + length - 1} are not those that were written")
