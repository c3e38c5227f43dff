"""A bucket in an object store: Amazon S3 and what speaks its language, Google Cloud Storage, Azure Blob Storage.

`obstore` speaks to the store (extra `objects`). `create` is a conditional write, which the store decides in one step.
A write that failed in an unclear way, as when an answer was lost, may have been carried out: before it is tried again,
what lies under the name is compared with what was to be written.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cache.buckets import answers, clients, copies
from cache.buckets.base import ASIDE, Bucket, Stat
from cache.errors import StorageFailed, Unreadable
from cache.files import Chunk

_BLOCK = 8 << 20  # bytes of a request
_TRIES = 8
_PAUSE = 0.2  # seconds before the second try; doubled each time, and spread by chance: about half a minute in all

T = TypeVar("T")


class ObjectBucket(Bucket):
    """The objects under a prefix.

    Parameters
    ----------
    url : str
        Such as "s3://museum/features". Credentials, region and endpoint come from the environment, as for other
        programs: AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL, GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_...

    Raises
    ------
    StorageFailed
        The extra `objects` is not installed, or the address is not understood.
    """

    maps_copies = True
    at_once = 16
    ahead = 64 << 10  # all but the vectors of a small segment

    def __init__(self, url: str, store: Any = None, prefix: str = "") -> None:
        scheme, _, rest = url.partition("://")
        self._url = f"{scheme}://{rest.rstrip('/')}"
        self._store, self._prefix = clients.connect(self._url) if store is None else (store, prefix)

    def __repr__(self) -> str:
        return f"ObjectBucket({self._url!r})"

    @property
    def name(self) -> str:
        return self._url.rsplit("/", 1)[-1]

    def where(self, name: str = "") -> str:
        return f"{self._url}/{name}" if name else self._url

    def path(self, name: str = "") -> Path | None:
        return None

    def names(self) -> set[str]:
        return {meta["path"].rsplit("/", 1)[-1] for meta in self._listed()["objects"]}

    def folders(self) -> set[str]:
        return {path.rstrip("/").rsplit("/", 1)[-1] for path in self._listed()["common_prefixes"]}

    def within(self, name: str) -> ObjectBucket:
        return ObjectBucket(f"{self._url}/{name}", self._store, self._full(name))

    def stat(self, name: str) -> Stat:
        return _stat(self._ask(name, lambda store, path: store.head(path)))

    def read(self, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        wanted = sys.maxsize if length is None else length
        facts, first = self._begin(name, offset, min(wanted, _BLOCK))
        yield first
        stop = min(facts.size, offset + wanted)
        for start in range(offset + len(first), stop, _BLOCK):
            yield self._range(name, start, min(start + _BLOCK, stop), facts)

    def map(
        self, name: str, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any], *, anew: bool = False
    ) -> NDArray[Any]:
        nbytes = int(np.prod(shape)) * dtype.itemsize
        if nbytes <= copies.SMALL:
            found = b"".join(self.read(name, offset, nbytes))
            if len(found) < nbytes:
                raise Unreadable(f"{self.where(name)!r} is shorter than it was")
            return np.frombuffer(found, dtype).reshape(shape)
        facts = self.stat(name)
        if offset + nbytes > facts.size:
            raise Unreadable(f"{self.where(name)!r} is shorter than it was")
        starts = range(offset, offset + nbytes, _BLOCK)
        blocks = (self._range(name, a, min(a + _BLOCK, offset + nbytes), facts) for a in starts)
        copy = copies.local_copy((self.where(name), facts.identity, offset, nbytes), nbytes, blocks, anew=anew)
        return copy.view(dtype).reshape(shape)

    def size_and_content(self, name: str, size: int, most: int, tries: int) -> tuple[int, bytes | None]:
        """An object's size and its content, in one request; None where its size is not `size`, or above `most`.

        Parameters
        ----------
        name : str
        size : int
            -1 for any.
        most : int
        tries : int
            Requests at most, where they fail.

        Raises
        ------
        FileNotFoundError, Unreadable, StorageFailed
        """
        from obstore.exceptions import GenericError

        def get(store: Any, path: str) -> tuple[int, bytes | None]:
            try:
                found = store.get(path)
            except FileNotFoundError as error:
                if answers.lacks_bucket(error):
                    raise self._no_bucket("read", error) from error
                raise
            there = int(found.meta["size"])
            if there > most or size not in (-1, there):
                return there, None
            content = bytes(found.bytes())
            if len(content) != there:
                raise GenericError(f"{len(content)} bytes came instead of {there}")
            return there, content

        return self._ask(name, get, tries)

    def create(self, name: str, chunks: Sequence[Chunk]) -> bool:
        from obstore.exceptions import AlreadyExistsError

        data = b"".join(chunks)
        unclear = False

        def put(store: Any, path: str) -> bool:
            nonlocal unclear
            try:
                store.put(path, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return unclear and self._content(name) == data
            except FileNotFoundError as error:
                raise self._no_bucket("write to", error) from error
            except Exception:
                unclear = True  # it may have been carried out, and only the answer be lost
                raise
            self._compare(name, data)
            return True

        return self._ask(name, put)

    def replace(self, name: str, chunks: Sequence[Chunk]) -> None:
        data = b"".join(chunks)
        try:
            self._ask(name, lambda store, path: store.put(path, data, use_multipart=False))
        except FileNotFoundError as error:
            raise self._no_bucket("write to", error) from error
        self._compare(name, data)

    def delete(self, name: str) -> None:
        try:
            self._ask(name, lambda store, path: store.delete(path))
        except FileNotFoundError:
            return

    def set_aside(self, name: str) -> None:
        there = self.within(ASIDE)._full(name)
        try:
            self._ask(name, lambda store, path: store.copy(path, there, overwrite=True))
        except FileNotFoundError:
            return
        self.delete(name)

    def settle(self) -> None:
        """What is listed lasts: an object store answers only when it has it."""

    def sweep(self) -> None:
        """Nothing is left unfinished: each object is written by one request."""

    def _full(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _no_bucket(self, do: str, error: Exception) -> StorageFailed:
        return StorageFailed(f"can't {do} {self._url!r}: there is no such bucket ({answers.in_short(error)})")

    def _listed(self) -> Any:
        return self._ask("", lambda store, path: store.list_with_delimiter(path or None))

    def _content(self, name: str) -> bytes:
        return b"".join(self.read(name))

    def _compare(self, name: str, data: bytes) -> None:
        """Read back what was written."""
        try:
            same = self._content(name) == data
        except FileNotFoundError:
            same = True  # another process removed or replaced it since: the write itself was answered
        if not same and self.stat(name).size != len(data):
            raise StorageFailed(f"{self.where(name)!r} did not keep what was written: other bytes came back")
        if not same:
            raise StorageFailed(f"{self.where(name)!r} did not keep what was written, or another process replaced it")

    def _begin(self, name: str, offset: int, length: int) -> tuple[Stat, bytes]:
        """What an object is, and a range of it as far as it goes, in one request."""
        from obstore.exceptions import GenericError

        def get(store: Any, path: str) -> tuple[Stat, bytes]:
            try:
                found = store.get(path, options={"range": (offset, offset + length)})
            except GenericError:
                facts = _stat(store.head(path))
                if offset < facts.size and length:
                    raise
                return facts, b""  # there is no such range, which stores refuse
            facts, block = _stat(found.meta), bytes(found.bytes())
            if len(block) != min(facts.size, offset + length) - offset:
                raise GenericError(f"{len(block)} bytes came instead of {length}")
            return facts, block

        return self._ask(name, get)

    def _range(self, name: str, start: int, stop: int, facts: Stat) -> bytes:
        from obstore.exceptions import GenericError

        def get(store: Any, path: str) -> bytes:
            found = store.get(path, options={"range": (start, stop)})
            if _stat(found.meta).identity != facts.identity:
                raise FileNotFoundError(f"another object took the name {self.where(name)!r}")
            block = bytes(found.bytes())
            if len(block) != stop - start:
                raise GenericError(f"{len(block)} bytes came instead of {stop - start}")
            return block

        return self._ask(name, get)

    def _ask(self, name: str, call: Callable[[Any, str], T], tries: int = 0) -> T:
        """Ask the store, again where it stumbles; its errors become those of the contract."""
        from obstore.exceptions import BaseError, NotFoundError

        path = self._full(name) if name else self._prefix
        tries = tries or _TRIES
        for trial in range(1, tries + 1):
            try:
                return call(self._store, path)
            except (NotFoundError, FileNotFoundError) as error:
                raise FileNotFoundError(f"there is no {self.where(name)!r}") from error
            except (BaseError, OSError) as error:
                if trial == tries or answers.is_final(error):
                    raise answers.refusal(self.where(name), error, tries) from error
                time.sleep(_PAUSE * 2 ** (trial - 1) * random.uniform(0.5, 1.5))
            except ValueError as error:
                raise StorageFailed(
                    f"{self.where(name)!r} is no address that a store can have: a name in it is empty, '.' or '..', or "
                    "holds a control character"
                ) from error
            except BaseException as error:
                if type(error).__name__ != "PanicException":
                    raise
                raise StorageFailed(
                    f"what speaks to the store of {self.where(name)!r} has crashed: look at endpoint, region and "
                    f"credentials in the environment ({answers.in_short(error)})"
                ) from error
        raise AssertionError


def _stat(meta: Any) -> Stat:
    return Stat(meta["size"], (meta["e_tag"], meta["version"], meta["last_modified"], meta["size"]))
