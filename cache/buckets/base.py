"""Where bytes lie: the small contract behind which a disk, the memory and, later, object stores stand.

A bucket holds whole objects under plain names, and may hold further buckets. The cache needs no more than this
contract promises, so it is written for the weakest kind of storage that can keep a cache, an object store:

- An object appears whole or not at all, and never grows. There is no opening for writing and no appending.
- There is no renaming. `create` is the commit: it fails where the name is taken, and that must be one step. Object
  stores have it as a conditional write (S3 and Azure `If-None-Match: *`, Google `ifGenerationMatch=0`); one without
  it can't be written to safely. `set_aside` may be a copy and then a deletion, so a crash can leave both.
- Objects are read by range. A range costs a request, so few large ranges are better than many small ones.
- The listing is the manifest: what is listed is there, and nothing else knows better. Listings are paged and cost a
  request for each thousand names. They must show an object as soon as `create` has returned. A plain web server
  has no listing: a bucket on it needs a list of names from elsewhere, and can only be read.
- There are no folders to make, flush or remove. A bucket without objects is the same as none.
- Nothing can be mapped there: `map` reads the range into memory, or maps a local copy.

Errors are the same everywhere: `FileNotFoundError` for an object that is not there (it is no failure: other processes
merge and replace objects all the time, and the caller lists again), `Unreadable` where the storage can't give the
bytes of an object that is there, `StorageFailed` for everything else that it refuses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from cache.files import Chunk

ASIDE = "damaged"
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Stat:
    """What a bucket says about an object without reading it.

    Parameters
    ----------
    size : int
        Bytes.
    identity : hashable
        Another one as soon as another object has the name; an object store's ETag or generation.
    """

    size: int
    identity: Hashable


class Bucket(ABC):
    """Whole objects under names without a slash.

    Attributes
    ----------
    maps_copies : bool
        Whether `map` gives copies of the bytes, not those that `read` reads: such a copy is to be checked itself.
    at_once : int
        How many objects are worth reading at the same time: many where each request is waited for.
    ahead : int
        Bytes that are worth reading at once, because a request costs more than they do.
    """

    maps_copies: ClassVar[bool] = False
    at_once: ClassVar[int] = 1
    ahead: ClassVar[int] = 0

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """What some work on objects gives for each of them, in their order; raises the first error."""
        if self.at_once < 2 or len(items) < 2:
            return [work(item) for item in items]
        with ThreadPoolExecutor(min(self.at_once, len(items))) as pool:
            return list(pool.map(work, items))

    @property
    @abstractmethod
    def name(self) -> str:
        """The last part of where it lies."""

    @abstractmethod
    def where(self, name: str = "") -> str:
        """Where an object, or the bucket, lies: for people to read."""

    @abstractmethod
    def path(self, name: str = "") -> Path | None:
        """The file, or the folder, on this machine; None where there is none."""

    @abstractmethod
    def names(self) -> set[str]:
        """The names of all whole objects; none where the bucket is not there.

        Raises
        ------
        StorageFailed
        """

    @abstractmethod
    def folders(self) -> set[str]:
        """The names of the buckets within this one; raises like `names`."""

    @abstractmethod
    def within(self, name: str) -> Bucket:
        """A bucket within this one; it need not be there yet."""

    @abstractmethod
    def stat(self, name: str) -> Stat:
        """Size and identity of an object.

        Raises
        ------
        FileNotFoundError, Unreadable, StorageFailed
        """

    def has(self, name: str) -> bool:
        """Whether there is an object of that name; raises `Unreadable` and `StorageFailed`."""
        try:
            self.stat(name)
        except FileNotFoundError:
            return False
        return True

    @abstractmethod
    def read(self, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes of a range, in blocks of a few megabytes; up to the end by default.

        Fewer come where the object is shorter. Two calls may read two different objects: a caller that
        needs one and the same compares `stat` before and after.

        Raises
        ------
        FileNotFoundError, Unreadable, StorageFailed
        """

    @abstractmethod
    def map(
        self, name: str, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any], *, anew: bool = False
    ) -> NDArray[Any]:
        """A range of an object as a read-only array: mapped where the storage can do that, else read.

        It stays good when the object is deleted or replaced. `anew` takes no copy that was made before: it is damaged.

        Raises
        ------
        FileNotFoundError, Unreadable, StorageFailed
        """

    @abstractmethod
    def create(self, name: str, chunks: Sequence[Chunk]) -> bool:
        """Commit a new object, unless the name is taken; whether it was free.

        Of several that create one name at the same moment, one is answered True, and its bytes stay. When this
        returns, an object of that name survives a crash and a power cut, and what was written was read back.

        Raises
        ------
        StorageFailed
            The storage refused, or did not keep what was written. The object is not there, or it is whole.
        """

    @abstractmethod
    def replace(self, name: str, chunks: Sequence[Chunk]) -> None:
        """Write an object, whatever had the name before; readers see the old or the new one, whole.

        Raises
        ------
        StorageFailed
            The object is as it was before, or as it was to become.
        """

    @abstractmethod
    def delete(self, name: str) -> None:
        """Remove an object; one that is gone already is no error.

        Raises
        ------
        StorageFailed
        """

    @abstractmethod
    def set_aside(self, name: str) -> None:
        """Move an object into the bucket `ASIDE` within this one, under its name; one that is gone is no error.

        Raises
        ------
        StorageFailed
        """

    @abstractmethod
    def settle(self) -> None:
        """Flush the list of names to the storage: a process may have died between a commit and its last flush.

        Raises
        ------
        StorageFailed
        """

    @abstractmethod
    def sweep(self) -> None:
        """Remove what writers that died left unfinished, here and in the buckets within; living ones keep theirs."""
