"""Who trains heads: this process, one head after the other, or the workers of a Ray cluster, many at once.

A training needs its rows and nothing else, so it gives the same head wherever it is done. On a cluster joblib's Ray
backend hands trainings out; the rows lie once in the memory of each node. Ray (extra `ray`) is imported when it is
used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from itertools import islice
from typing import Any, Generic, Self, TypeVar

from classify.errors import ClassifyError
from featurize.cluster import connected

ROUND = 4  # tasks for each processor that are handed out together; their results come together, too

T = TypeVar("T")
R = TypeVar("R")


class Shared(ABC, Generic[T]):
    """A value that many tasks need, and that does not travel with each."""

    @abstractmethod
    def get(self) -> T:
        """The value, here or where a task is done; not to be changed."""


class Workers(ABC):
    """Whoever does tasks; use them as a context manager."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """No more tasks come."""

    @abstractmethod
    def share(self, value: T) -> Shared[T]:
        """Have a value at hand for all tasks that name it."""

    @abstractmethod
    def each(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        """What the work gives for each task, in their order, as soon as it and all before it are done.

        Raises
        ------
        ArtstyleError
            The first that a task raised.
        """


@dataclass(frozen=True)
class Kept(Shared[T]):
    """A value in this process."""

    value: T

    def get(self) -> T:
        return self.value


class Here(Workers):
    """This process: one task after the other, each when its result is asked for."""

    def share(self, value: T) -> Shared[T]:
        return Kept(value)

    def each(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        return map(work, tasks)

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True)
class InCluster(Shared[T]):
    """A value in Ray's object store; its arrays are read where they lie on a node, by all workers there."""

    reference: Any

    def get(self) -> T:
        import ray

        value: T = ray.get(self.reference)
        return value


class OnRay(Workers):
    """The workers of a Ray cluster, one for each of its processors.

    Parameters
    ----------
    address : str
        Of the cluster; "auto" takes the one that RAY_ADDRESS names or that runs here, and starts one here otherwise.

    Raises
    ------
    FeaturizeError
        Ray is not installed, or the cluster can't be reached.
    """

    def __init__(self, address: str) -> None:
        self._ray = connected(address)
        from joblib import Parallel

        import_module("ray.util.joblib").register_ray()
        self._processors = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._parallel = Parallel(n_jobs=-1, backend="ray", batch_size=1).__enter__()

    def share(self, value: T) -> Shared[T]:
        return InCluster(self._ray.put(value))

    def each(self, work: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        from joblib import delayed

        made_with, left = version("artstyle"), iter(tasks)
        while some := list(islice(left, ROUND * self._processors)):  # joblib gives Ray's results all at once
            yield from self._parallel(delayed(_checked)(made_with, work, task) for task in some)

    def close(self) -> None:
        """Leave the cluster; one that was started for this ends."""
        self._parallel.__exit__(None, None, None)
        self._ray.shutdown()


def workers_at(address: str | None) -> Workers:
    """The workers of the Ray cluster at an address, as OnRay takes it; this process where there is none."""
    return Here() if address is None else OnRay(address)


def _checked(made_with: str, work: Callable[[T], R], task: T) -> R:
    """The work, where the same version of this program is installed."""
    if version("artstyle") != made_with:
        import platform

        raise ClassifyError(
            f"artstyle {version('artstyle')} is installed on the node {platform.node()}, not {made_with}: install the "
            "same version on all nodes"
        )
    return work(task)
