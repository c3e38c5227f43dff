"""Decoding beside the network, in a fixed order and bounded memory.

On a CPU each worker thread carries a batch all the way from files to vectors, on one processor: no worker waits for
another while there is work, and no threads compete inside the network. Where there is a worker for every processor,
each keeps to its own, and what its network needs stays in that processor's cache; but not beside an engine with
threads of its own, one of which may be on that very processor while another is free. On a GPU the workers decode,
picture by picture, and the device is fed by one thread. Threads, because the engines leave the interpreter's lock
while they work, and because neither HDF5 handles nor torch's threads survive a fork; what decoding does to a process
happens in another one (see `featurize.pictures.decoder_processes`). No more than a few batches are under way, so
memory does not grow with the number of pictures.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from featurize import processors
from featurize.engines.base import Engine, Vectors
from featurize.errors import Undecodable
from featurize.pictures import gpu_decoder
from featurize.pictures.file import Picture, content, pixels, read
from featurize.pictures.remote import address_of
from featurize.pictures.squares.views import Shown

_FETCHERS = 16  # pictures that are fetched from addresses at the same time

Place = Picture | None  # None: a place of the batch that stays empty


@dataclass(frozen=True)
class Batch:
    """What became of one batch.

    Parameters
    ----------
    places : sequence of Picture or None
        Who stands where.
    vectors : mapping of Recipe to ndarray (B, D) float32
        Empty where no picture could be decoded.
    failed : mapping of int to Undecodable
        Places that could not be decoded, and why.
    decode_seconds, network_seconds : float
        Processor time of one worker.
    """

    places: Sequence[Place]
    vectors: Vectors
    failed: Mapping[int, Undecodable]
    decode_seconds: float
    network_seconds: float


@dataclass
class _Decoded:
    """A batch's pixels, filled by one thread or several."""

    places: Sequence[Place]
    pixels: NDArray[np.uint8]
    failed: dict[int, Undecodable] = field(default_factory=dict)
    seconds: float = 0.0
    fetched: Mapping[int, Future[bytes]] = field(default_factory=dict)

    def fill(self, place: int, transform: Shown) -> None:
        picture = self.places[place]
        if picture is None:
            return
        started = time.perf_counter()
        try:
            data = self.fetched[place].result() if place in self.fetched else None
            self.pixels[place] = pixels(picture, transform, data)
        except Undecodable as why:
            self.failed[place] = why
        self.seconds += time.perf_counter() - started

    def fill_together(self, places: Sequence[int], transform: Shown) -> None:
        """Fill several places from one call of a decoder that takes several files."""
        started = time.perf_counter()
        contents: dict[int, bytes] = {}
        for place in places:
            picture = self.places[place]
            if picture is None:
                continue
            try:
                contents[place] = content(picture, self.fetched[place].result() if place in self.fetched else None)
            except Undecodable as why:
                self.failed[place] = why
        found = gpu_decoder.pixels_of_several(list(contents.values()), transform)
        for place, pixels_or_why in zip(contents, found, strict=True):
            if isinstance(pixels_or_why, Undecodable):
                self.failed[place] = pixels_or_why
            else:
                self.pixels[place] = pixels_or_why
        self.seconds += time.perf_counter() - started

    def embed(self, engine: Engine) -> Batch:
        started = time.perf_counter()
        someone = any(p is not None and n not in self.failed for n, p in enumerate(self.places))
        vectors = engine.embed(self.pixels) if someone else {}
        return Batch(self.places, vectors, self.failed, self.seconds, time.perf_counter() - started)


class Pipeline:
    """Worker threads around an engine; use it as a context manager.

    Parameters
    ----------
    engine : Engine
    transform : Transform or Views
    workers : int
        Threads.
    """

    def __init__(self, engine: Engine, transform: Shown, workers: int) -> None:
        self._engine = engine
        self._transform = transform
        self._workers = workers
        own = processors.one_each(workers) if engine.parallel and engine.in_caller else []
        self._pool = ThreadPoolExecutor(
            workers, thread_name_prefix="picture", initializer=on_one_processor, initargs=(own,)
        )

        self._fetchers = ThreadPoolExecutor(_FETCHERS, thread_name_prefix="fetch")

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._fetchers.shutdown(wait=True, cancel_futures=True)

    def batches(self, wanted: Iterable[Sequence[Place]]) -> Iterator[Batch]:
        """Batches in the order wanted, worked on ahead of their use."""
        start, ahead = (self._carry, 2 * self._workers) if self._engine.parallel else (self._decode, 2)
        under_way: deque[Callable[[], Batch]] = deque()
        for places in wanted:
            under_way.append(start(places))
            if len(under_way) > ahead:
                yield under_way.popleft()()
        while under_way:
            yield under_way.popleft()()

    def _carry(self, places: Sequence[Place]) -> Callable[[], Batch]:
        """One worker decodes the whole batch and runs the network on it."""

        fetched = self._fetch(places)

        def task() -> Batch:
            decoded = self._empty(places, fetched)
            for place in range(len(places)):
                decoded.fill(place, self._transform)
            return decoded.embed(self._engine)

        return self._pool.submit(task).result

    def _decode(self, places: Sequence[Place]) -> Callable[[], Batch]:
        """All workers decode; the thread that asks for the batch runs the network on it."""
        decoded = self._empty(places, self._fetch(places))
        filled = [n for n, p in enumerate(places) if p is not None]
        if self._transform.decode == "gpu":
            parts = [filled[n : n + gpu_decoder.TOGETHER] for n in range(0, len(filled), gpu_decoder.TOGETHER)]
            tasks = [self._pool.submit(decoded.fill_together, part, self._transform) for part in parts]
        else:
            tasks = [self._pool.submit(decoded.fill, n, self._transform) for n in filled]

        def finish() -> Batch:
            for task in tasks:
                task.result()
            return decoded.embed(self._engine)

        return finish

    def _fetch(self, places: Sequence[Place]) -> dict[int, Future[bytes]]:
        """Begin to fetch what lies at addresses, ahead of its decoding; no more than the batches under way."""
        return {
            n: self._fetchers.submit(read, p.path, p.size)
            for n, p in enumerate(places)
            if p is not None and address_of(p.path)
        }

    def _empty(self, places: Sequence[Place], fetched: Mapping[int, Future[bytes]]) -> _Decoded:
        pixels = np.zeros((self._engine.batch_size, *self._transform.shape), np.uint8)
        return _Decoded(places, pixels, fetched=fetched)


def on_one_processor(own: list[int] | None = None) -> None:
    """A worker takes one of the processors, and runs torch, where it is loaded, on that alone."""
    import sys

    if own:
        processors.keep_to({own.pop()})
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
