"""What else belongs to a key, beside its segments: plans, exported and calibrated networks, lists for people.

What the program reads back is named after its content: `body-<32 digits>.onnx`. The digits are a checksum of the
key's digest and the bytes, and they are compared at every load. So a file that was changed is found, and one that was
copied from another key's folder, where the same name was right, is found, too. Nothing else needs to be
recorded, and writing the same thing twice is writing it once.

What is only there for people (`failures.csv`) has a plain name, is replaced whole, and is never read back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from cache import files
from cache.buckets import Place, bucket_at
from cache.errors import ArtifactDamaged, CacheError, NotStored

_DIGITS = 32
_NAMED_BY_CONTENT = re.compile(rf".*-([0-9a-f]{{{_DIGITS}}})\.[a-z0-9]+")


@dataclass(frozen=True)
class Kind:
    """A kind of artifact: how the names of all such begin and end.

    Parameters
    ----------
    stem : str
        As in "body".
    suffix : str
        As in ".onnx".
    """

    stem: str
    suffix: str

    def name(self, digits: str) -> str:
        """The name of the artifact with this checksum."""
        return f"{self.stem}-{digits}{self.suffix}"

    def fits(self, name: str) -> bool:
        """Whether something of that name is of this kind."""
        digits = name.removeprefix(f"{self.stem}-").removesuffix(self.suffix)
        return len(digits) == _DIGITS and name == self.name(digits)


class Artifacts:
    """The artifacts of one key.

    Parameters
    ----------
    place : str, Path or Bucket
        The key's folder, or its bucket.
    key_digest : str
    """

    def __init__(self, place: Place, key_digest: str) -> None:
        self._bucket = bucket_at(place)
        self._owner = key_digest.encode()

    @property
    def place(self) -> str:
        """Where they lie: for people to read."""
        return self._bucket.where()

    def keep(self, kind: Kind, data: bytes) -> str:
        """Write an artifact, unless it is there already. Its name follows from its content, and is returned.

        Raises
        ------
        StorageFailed
            The storage refused; nothing changed.
        """
        name = kind.name(files.checksum([self._owner, data]))
        if not self._bucket.create(name, [data]) and self._damage(name):
            self._bucket.replace(name, [data])
        return name

    def names(self) -> set[str]:
        """The names of all that is there, segments included; raises `StorageFailed`."""
        return self._bucket.names()

    def holds(self, kind: Kind, data: bytes) -> bool:
        """Whether an artifact of this content is there, undamaged; no other one is read."""
        name = kind.name(files.checksum([self._owner, data]))
        return self._bucket.has(name) and self._damage(name) is None

    def glance(self, name: str, length: int) -> bytes:
        """The first bytes of an artifact, not checked: to see whether it is worth loading.

        Raises
        ------
        NotStored, StorageFailed
        """
        try:
            return b"".join(self._bucket.read(name, 0, length))
        except FileNotFoundError as error:
            raise NotStored(f"there is no {self._bucket.where(name)!r}") from error

    def load(self, name: str) -> bytes:
        """The bytes of an artifact, checked against its name.

        Raises
        ------
        NotStored
            No artifact has that name.
        ArtifactDamaged
            It was changed, or belongs to another key.
        StorageFailed
            It can't be read.
        """
        try:
            data = b"".join(self._bucket.read(name))
        except FileNotFoundError as error:
            raise NotStored(f"there is no {self._bucket.where(name)!r}") from error
        if not self._is_own(name, [data]):
            raise ArtifactDamaged(name, self._bucket.where(name))
        return data

    def every(self, kind: Kind) -> Iterator[bytes]:
        """All undamaged artifacts of a kind, by name; what is damaged or can't be read is passed over."""
        for name in sorted(filter(kind.fits, self._bucket.names())):
            try:
                yield self.load(name)
            except CacheError:
                continue

    def find(self, kind: Kind) -> bytes | None:
        """The first undamaged artifact of a kind; None where there is none."""
        return next(self.every(kind), None)

    def forget(self, kind: Kind, data: bytes) -> None:
        """Remove an artifact; it is no error if it is gone already."""
        self._bucket.delete(kind.name(files.checksum([self._owner, data])))

    def verify(self) -> list[CacheError]:
        """Check every byte of every artifact that is named after its content; returns what is damaged."""
        return [p for p in map(self._damage, sorted(self._bucket.names())) if p]

    def set_aside_damaged(self) -> list[str]:
        """Put aside the artifacts that were changed; gives their names."""
        damaged = [p.name for p in self.verify() if isinstance(p, ArtifactDamaged)]
        for name in damaged:
            self._bucket.set_aside(name)
        return damaged

    def write(self, name: str, data: bytes) -> None:
        """Write something for people under a plain name, unless it stands there already.

        Raises
        ------
        StorageFailed
            The storage refused; what was there before still is.
        """
        if not self._holds(name, data):
            self._bucket.replace(name, [data])

    def remove(self, name: str) -> None:
        """Remove something that was written for people; what is gone already is no error."""
        self._bucket.delete(name)

    def path(self, name: str) -> Path | None:
        """Its file on this machine; None where there is none."""
        return self._bucket.path(name)

    def _is_own(self, name: str, blocks: Iterable[bytes]) -> bool:
        named = _NAMED_BY_CONTENT.fullmatch(name)
        return named is not None and files.checksum(chain([self._owner], blocks)) == named[1]

    def _damage(self, name: str) -> CacheError | None:
        """What is wrong with an object that is named after its content; None where nothing is wrong."""
        if not _NAMED_BY_CONTENT.fullmatch(name):
            return None
        try:
            sound = self._is_own(name, self._bucket.read(name))
        except FileNotFoundError:
            return None  # a plan that was carried out meanwhile
        except CacheError as problem:
            return problem
        return None if sound else ArtifactDamaged(name, self._bucket.where(name))

    def _holds(self, name: str, data: bytes) -> bool:
        try:
            return b"".join(self._bucket.read(name, 0, len(data) + 1)) == data
        except (FileNotFoundError, CacheError):
            return False
