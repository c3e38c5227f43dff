"""Decoding beside the network: worker threads fill batches while the network computes, in a fixed order.

Threads, because Pillow leaves the interpreter's lock while it decodes and resizes, and because neither HDF5
handles nor torch's threads survive a fork. No more than two batches are under way, so memory does not grow
with the number of pictures.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from featurize.errors import Undecodable
from featurize.pictures import Picture, pixels
from featurize.transform import Transform

Place = Picture | None  # None: a place of the batch that stays empty


@dataclass(frozen=True)
class Batch:
    """Decoded pixels of one batch.

    Parameters
    ----------
    places : sequence of Picture or None
        Who stands where.
    pixels : ndarray (B, H, W, 3) uint8
        Black where a place is empty or failed.
    failed : mapping of int to Undecodable
        Places that could not be decoded, and why.
    """

    places: Sequence[Place]
    pixels: NDArray[np.uint8]
    failed: dict[int, Undecodable]


def default_workers() -> int:
    """As many decoding threads as there are processors to use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pipeline:
    """Worker threads that turn places into batches; use it as a context manager.

    Parameters
    ----------
    transform : Transform
    batch_size : int
    workers : int
        Decoding threads.
    """

    def __init__(self, transform: Transform, batch_size: int, workers: int) -> None:
        self._transform = transform
        self._batch_size = batch_size
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def batches(self, wanted: Iterable[Sequence[Place]]) -> Iterator[Batch]:
        """Batches in the order wanted, decoded ahead of their use."""
        ahead: deque[tuple[Sequence[Place], NDArray[np.uint8], dict[int, Future[None]]]] = deque()
        for places in wanted:
            ahead.append(self._start(places))
            if len(ahead) > 1:
                yield _finish(*ahead.popleft())
        while ahead:
            yield _finish(*ahead.popleft())

    def _start(self, places: Sequence[Place]) -> tuple[Sequence[Place], NDArray[np.uint8], dict[int, Future[None]]]:
        side = self._transform.crop
        buffer = np.zeros((self._batch_size, side, side, 3), np.uint8)
        tasks = {n: self._pool.submit(self._decode, p, buffer[n]) for n, p in enumerate(places) if p is not None}
        return places, buffer, tasks

    def _decode(self, picture: Picture, target: NDArray[np.uint8]) -> None:
        target[...] = pixels(picture, self._transform)


def _finish(places: Sequence[Place], buffer: NDArray[np.uint8], tasks: dict[int, Future[None]]) -> Batch:
    failed = {}
    for place, task in tasks.items():
        try:
            task.result()
        except Undecodable as why:
            failed[place] = why
    return Batch(places, buffer, failed)
