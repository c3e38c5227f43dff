"""Threads of our own around products of a single thread each.

A BLAS that splits one product over the cores waits for all of them many times within it; with other work on the
machine, each wait can last a time slice. Splitting the work itself (rows of a pass, columns of a kernel problem) waits
once, and lets what lies between the products use all cores too. numpy gives up its lock inside products and ufuncs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

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
        """Do the work on each part, the first in the calling thread; results in the parts' order."""
        if self._pool is None or len(parts) < 2:
            return [work(part) for part in parts]
        others = self._pool.map(work, parts[1:])
        return [work(parts[0]), *others]


ALONE = Team(1, None)


class Libraries:
    """The BLAS libraries that this process has loaded, and the threads that they use.

    Looking for them takes milliseconds, as long as an epoch on a few rows: one object serves a whole training.
    """

    @cached_property
    def _loaded(self) -> ThreadpoolController:
        from threadpoolctl import ThreadpoolController

        return ThreadpoolController().select(user_api="blas")

    def team_size(self, multiplications: float) -> int:
        """As many threads as BLAS would use now; 1 for little work.

        OMP_NUM_THREADS and its kin, or threadpoolctl around the caller, say how many that is.
        """
        if multiplications < SMALL:
            return 1
        return max((library["num_threads"] for library in self._loaded.info()), default=1)

    @contextmanager
    def team(self, multiplications: float, setup: Callable[[], None] | None = None) -> Iterator[Team]:
        """The threads for so much work, while BLAS uses one in each; `setup` is called in each when it starts."""
        size = self.team_size(multiplications)
        if size < 2:
            yield ALONE
            return
        with self._loaded.limit(limits=1), ThreadPoolExecutor(size - 1, initializer=setup) as pool:
            yield Team(size, pool)


def team(multiplications: float) -> AbstractContextManager[Team]:
    """As Libraries.team, for work that is done once."""
    return Libraries().team(multiplications)
