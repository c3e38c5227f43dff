"""One immutable HDF5 file of embedded pictures, in which no byte can change unnoticed.

Layout, readable with any HDF5 tool:

    user block, 4096 bytes     JSON: format, size, and the XXH3 checksum of every span of the rest of the file
    /id        (N, 32) uint8   sha256 of the picture file
    /status    (N,)    uint8   0 = embedded, else a reason code
    /failures  (F,)    uint8   JSON: place -> detail of the reason
    /features/<recipe> (N, D)  float32 or float16, contiguous, so that it can be mapped
    attributes                 key digest, environment, names of the segments this one replaces;
                               on each feature set: recipe name and definition

The spans cover the file without a gap, the user block checks itself, and the size is recorded: a flipped bit,
a cut or a foreign file is found wherever it is. Opening checks everything but the vectors; their spans are
checked before the first of them is handed out, once per process.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from cache import files
from cache.buckets import Bucket, Stat
from cache.buckets.copies import blocks_of
from cache.errors import CacheError, ForeignKey, SegmentDamaged
from cache.ids import ID_BYTES, ID_DTYPE, Ids, from_bytes, to_bytes
from cache.key import Json, Recipe
from cache.rows import Rows
from cache.segments import spans
from cache.segments.reading import compare, of_one_object, stat_of
from cache.segments.spans import Span

SUFFIX = ".h5"
_ALIGNMENT = 64  # bytes; a mapped vector starts on a cache line


def name_of(key_digest: str, rows: Rows) -> str:
    """The name of a segment: the same rows get the same name from every writer."""
    recipes = sorted(recipe.digest for recipe in rows.vectors)
    content = [key_digest.encode(), *(r.encode() for r in recipes), rows.ids.tobytes(), rows.status.tobytes()]
    return files.checksum(content)[:20] + SUFFIX


def write(bucket: Bucket, key_digest: str, rows: Rows, replaces: Sequence[str] = ()) -> str:
    """Write rows as one segment, unless it is there already.

    Parameters
    ----------
    bucket : Bucket
        The key's.
    key_digest : str
    rows : Rows
    replaces : sequence of str
        Names of the segments whose rows this one repeats (compaction).

    Returns
    -------
    str
        The name of the committed segment. Where another process committed the same rows first, it is that one, whose
        vectors may have other last bits; a damaged one of that name is put aside.

    Raises
    ------
    StorageFailed
        The storage refused; nothing changed.
    """
    name = name_of(key_digest, rows)
    image, payload = _hdf5_image(key_digest, rows, replaces)
    chunks = [spans.list_spans(image, payload), image]
    while not bucket.create(name, chunks):
        try:
            Segment.open(bucket, name, key_digest).verify()
            break
        except SegmentDamaged:
            bucket.set_aside(name)
        except FileNotFoundError:
            continue  # merged or put aside meanwhile
    return name


@dataclass(frozen=True)
class Stored:
    """Where one recipe's vectors lie in a segment."""

    recipe: Recipe
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, int]

    @property
    def nbytes(self) -> int:
        """Bytes of all its vectors."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize


@dataclass
class Segment:
    """A segment opened for reading; everything but the vectors was read and checked.

    Raises
    ------
    SegmentDamaged
        On opening or reading, when the bytes are not those that were written.
    ForeignKey
        The segment belongs to another key.
    """

    bucket: Bucket
    name: str
    status: NDArray[np.uint8]  # (N,)
    details: Mapping[int, str]
    recipes: Mapping[Recipe, Stored]
    environment: Mapping[str, Json]
    replaces: tuple[str, ...]
    _stat: Stat = field(repr=False)
    _spans: list[Span] = field(repr=False)  # of the vectors
    _unchecked: list[Span] = field(repr=False)
    _ids: Ids | None = field(repr=False)  # (N,) S32; None where they are read again when they are needed
    _ids_offset: int = field(repr=False)
    _sound_copies: set[Recipe] = field(default_factory=set, repr=False)  # compared with their checksums

    @classmethod
    def open(cls, bucket: Bucket, name: str, key_digest: str) -> Segment:
        """Open and check a segment, vectors apart.

        Raises
        ------
        FileNotFoundError
            It is gone, or another took its name meanwhile: the caller lists again.
        """
        stat = stat_of(bucket, name)
        with of_one_object(bucket, name, stat):
            return cls._read(bucket, name, key_digest, stat)

    @classmethod
    def _read(cls, bucket: Bucket, name: str, key_digest: str, stat: Stat) -> Segment:
        header, unchecked = spans.read_header(bucket, name, stat.size)
        try:
            with h5py.File(header, "r") as file:
                found = str(file.attrs["key"])
                if found != key_digest:
                    raise ForeignKey(
                        f"segment {bucket.where(name)!r} belongs to key {found[:12]}, its folder to "
                        f"{key_digest[:12]}: move it to its own folder, or delete it"
                    )
                return cls(
                    bucket=bucket,
                    name=name,
                    status=file["status"][()],
                    details={int(k): v for k, v in json.loads(file["failures"][()].tobytes()).items()},
                    recipes={s.recipe: s for s in map(_stored, file["features"].values())},
                    environment=_environment(file.attrs["environment"]),
                    replaces=tuple(json.loads(file.attrs["replaces"])),
                    _stat=stat,
                    _spans=unchecked,
                    _unchecked=unchecked,
                    _ids=from_bytes(file["id"][()]),
                    _ids_offset=file["id"].id.get_offset() or 0,
                )
        except (OSError, KeyError, ValueError, RuntimeError, TypeError, AttributeError) as error:
            raise SegmentDamaged(name, bucket.where(name), f"HDF5 can't read it ({error})") from error

    def __len__(self) -> int:
        return len(self.status)

    @property
    def ids(self) -> Ids:
        """Whose rows they are, (N,) S32; raises like `vectors` where they are not in memory."""
        if self._ids is not None:
            return self._ids
        with of_one_object(self.bucket, self.name, self._stat):
            read = b"".join(self.bucket.read(self.name, self._ids_offset, ID_BYTES * len(self)))
        compare(self.bucket, self.name, self._stat)  # these bytes are not checked again
        return np.frombuffer(read, ID_DTYPE)

    def forget_ids(self) -> None:
        """Keep the ids no longer in memory."""
        self._ids = None

    @property
    def environments(self) -> list[Mapping[str, Json]]:
        """What its rows were computed with; several where segments were merged."""
        merged: list[Mapping[str, Json]] = self.environment.get("merged", [dict(self.environment)])
        return merged

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._stat.size

    def vectors(self, recipe: Recipe) -> NDArray[np.floating]:
        """All vectors of a recipe, (N, D), mapped read-only; checked first.

        Raises
        ------
        SegmentDamaged
        FileNotFoundError
            The object is gone, or another took its name: the caller lists again.
        """
        stored = self.recipes[recipe]
        if self.bucket.maps_copies:
            return self._checked_copy(stored)
        self.verify()
        with of_one_object(self.bucket, self.name, self._stat):
            found = self.bucket.map(self.name, stored.offset, stored.shape, stored.dtype)
        compare(self.bucket, self.name, self._stat)
        return found

    def _checked_copy(self, stored: Stored) -> NDArray[np.floating]:
        """The vectors of a recipe from a copy: it is checked, not what the storage holds, so that they travel once."""
        place = self.name, stored.offset, stored.shape, stored.dtype
        with of_one_object(self.bucket, self.name, self._stat):
            found = self.bucket.map(*place)
            if stored.recipe in self._sound_copies:
                compare(self.bucket, self.name, self._stat)
                return found
            own = [span for span in self._spans if stored.offset <= span.offset < stored.offset + stored.nbytes]
            try:
                spans.check(self.bucket, self.name, own, partial(_copied, found, stored.offset))
            except SegmentDamaged:  # a copy that was made before; a damaged segment stays one
                found = self.bucket.map(*place, anew=True)
                spans.check(self.bucket, self.name, own, partial(_copied, found, stored.offset))
        self._sound_copies.add(stored.recipe)
        return found

    def verify(self) -> None:
        """Compare the vectors with their checksums, once per process; raises like `vectors`."""
        with of_one_object(self.bucket, self.name, self._stat):
            spans.check(self.bucket, self.name, self._unchecked)
        self._unchecked = []

    def is_there(self) -> bool:
        """Whether the object of that name is still the one that was opened."""
        try:
            return stat_of(self.bucket, self.name) == self._stat
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
        userblock_size=spans.USER_BLOCK,
        libver=("v110", "v110"),
        alignment_threshold=_ALIGNMENT,
        alignment_interval=_ALIGNMENT,
    ) as file:
        file.attrs["key"] = key_digest
        file.attrs["environment"] = json.dumps(dict(rows.environment))
        file.attrs["replaces"] = json.dumps(list(replaces))
        file["id"] = to_bytes(rows.ids)
        file["status"] = rows.status
        file["failures"] = np.frombuffer(json.dumps({str(k): v for k, v in rows.details.items()}).encode(), np.uint8)
        features = file.create_group("features")
        for recipe, matrix in rows.vectors.items():
            features[recipe.name] = np.ascontiguousarray(matrix)
            features[recipe.name].attrs["recipe"] = json.dumps([recipe.name, dict(recipe.definition)])
        file.flush()
        payload = [(d.id.get_offset(), d.id.get_storage_size()) for d in features.values() if d.size]
        return file.id.get_file_image(), payload


def _copied(copy: NDArray[np.floating], start: int, offset: int, length: int) -> Iterator[bytes]:
    """Bytes of a segment from the copy of its vectors, which begins at `start`."""
    return blocks_of(copy, offset - start, length)


@functools.lru_cache(maxsize=1024)
def _environment(text: str) -> Mapping[str, Json]:
    """What rows were computed with; most segments of a cache share one."""
    parsed: Mapping[str, Json] = json.loads(text)
    return parsed


@functools.lru_cache(maxsize=1024)
def _recipe(text: str) -> Recipe:
    return Recipe(*json.loads(text))


def _stored(dataset: h5py.Dataset) -> Stored:
    recipe = _recipe(dataset.attrs["recipe"])
    rows, dimension = dataset.shape
    return Stored(recipe, dataset.id.get_offset() or 0, dataset.dtype, (rows, dimension))
