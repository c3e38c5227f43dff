"""Threads of our own around products of a single thread each.

A BLAS that splits one product over the cores waits for all of them many times within it; with other work on the
machine, each wait can last a time slice. Splitting the work itself (rows of a pass, columns of a kernel problem) waits
once, and lets what lies between the products use all cores too. numpy gives up its lock inside products and ufuncs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")

SMALL = 1 << 22  # multiplications under which a second thread costs more than it brings


class Team:
    """Some threads.

    Attributes
    ----------
    size : int
    """

    def __init__(self, size: int, pool: ThreadPoolExecutor | None):
        self.size = size
        self._pool = pool

    def map(self, work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """Do the work on each part; results in the parts' order."""
        if self._pool is None or len(parts) < 2:
            return [work(part) for part in parts]
        return list(self._pool.map(work, parts))


@contextmanager
def team(multiplications: float) -> Iterator[Team]:
    """As many threads as BLAS would use, which uses one each meanwhile; a team of one for little work.

    OMP_NUM_THREADS and its kin, or threadpoolctl around the caller, say how many that is.
    """
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController().select(user_api="blas")
    size = max((library["num_threads"] for library in controller.info()), default=1)
    if size < 2 or multiplications < SMALL:
        yield Team(1, None)
        return
    with controller.limit(limits=1), ThreadPoolExecutor(size) as pool:
        yield Team(size, pool)
