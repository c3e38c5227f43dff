"""How many threads a piece of linear algebra should use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

# Up to so many numbers in the training rows, one thread is as fast as several, and on a busy machine ten times faster:
# waiting threads of OpenBLAS and OpenMP spin. 250 rows of 1,280 numbers, all else busy: linear-svm 30 s -> 3 s.
ONE_THREAD = 1 << 21


class Sized(Protocol):
    """A matrix."""

    @property
    def size(self) -> int:
        """How many numbers it has."""


@contextmanager
def threads_for(X: Sized) -> Iterator[None]:
    """One thread where X (N, D) is small, else as many as the libraries choose."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1 if X.size <= ONE_THREAD else None):
        yield
