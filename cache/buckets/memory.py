"""A bucket in memory: for tests, and for embedding a handful of pictures without leaving a trace."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache.buckets.base import ASIDE, Bucket, Stat
from cache.files import Chunk

_NUMBERS = itertools.count()  # each object that is written gets another one
_LOCK = threading.Lock()


@dataclass(frozen=True)
class _Stored:
    content: bytes
    number: int = field(default_factory=lambda: next(_NUMBERS))


class MemoryBucket(Bucket):
    """Objects in a dictionary; forgotten with it.

    Parameters
    ----------
    name : str
        What it calls itself.
    """

    def __init__(self, name: str = "memory") -> None:
        self._name = name
        self._objects: dict[str, _Stored] = {}
        self._within: dict[str, MemoryBucket] = {}

    @property
    def name(self) -> str:
        return self._name

    def where(self, name: str = "") -> str:
        return f"{self._name} (in memory)" if not name else f"{name} of {self._name} (in memory)"

    def path(self, name: str = "") -> Path | None:
        return None

    def names(self) -> set[str]:
        return set(self._objects)

    def folders(self) -> set[str]:
        return {name for name, bucket in self._within.items() if bucket.names() or bucket.folders()}

    def within(self, name: str) -> MemoryBucket:
        return self._within.setdefault(name, MemoryBucket(name))

    def stat(self, name: str) -> Stat:
        stored = self._stored(name)
        return Stat(len(stored.content), stored.number)

    def read(self, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        content = self._stored(name).content
        yield content[offset : len(content) if length is None else offset + length]

    def map(
        self, name: str, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any], *, anew: bool = False
    ) -> NDArray[Any]:
        return np.ndarray(shape, dtype, self._stored(name).content, offset)

    def create(self, name: str, chunks: Sequence[Chunk]) -> bool:
        stored = _Stored(b"".join(chunks))
        with _LOCK:
            return self._objects.setdefault(name, stored) is stored

    def replace(self, name: str, chunks: Sequence[Chunk]) -> None:
        self._objects[name] = _Stored(b"".join(chunks))

    def delete(self, name: str) -> None:
        self._objects.pop(name, None)

    def set_aside(self, name: str) -> None:
        with _LOCK:
            if name in self._objects:
                self.within(ASIDE)._objects[name] = self._objects.pop(name)

    def settle(self) -> None:
        """Nothing lasts here."""

    def sweep(self) -> None:
        """Nobody dies half-way here."""

    def _stored(self, name: str) -> _Stored:
        try:
            return self._objects[name]
        except KeyError:
            raise FileNotFoundError(f"there is no {self.where(name)}") from None
