"""Pictures that wait for a network, and the threads that take them: the only place where requests meet.

A bounded number may wait; who comes after is refused at once, which is kinder than an answer that comes too late. Some
threads decode, others run the network, on a batch as large as the network takes (see `classify.head_network`) or on
what has come within a few milliseconds. Whoever gave up meanwhile costs no computing.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from classify.errors import Refusal
from classify.head_network import HeadNetwork
from classify.prediction import Prediction, Predictor, Styles
from featurize.pictures.transform import Pixels
from featurize.run.pipeline import on_one_processor

WAIT = 0.003  # seconds that a batch waits for others, where the network takes several at once
_FIRST_GUESS = 0.1  # seconds a picture takes, before any was measured


@dataclass(frozen=True)
class Found:
    """What was found about a picture.

    Parameters
    ----------
    row : ndarray (D,) float32
        Its embedding.
    prediction : Prediction
        Of a picture without a name.
    """

    row: NDArray[np.float32]
    prediction: Prediction

    @property
    def styles(self) -> Styles:
        """The likeliest classes with their probabilities, best first."""
        return self.prediction.styles


@dataclass(frozen=True)
class _Job:
    """A picture to be predicted."""

    data: bytes
    predictor: Predictor
    top: int
    answer: Future[Found] = field(default_factory=Future)


_Decoded = tuple[_Job, Pixels]


class WaitingRoom:
    """The queue in front of one network.

    Parameters
    ----------
    network : HeadNetwork
        Shared by the predictors whose pictures come here.
    most : int
        Pictures that may wait or be worked on.
    """

    def __init__(self, network: HeadNetwork, most: int) -> None:
        self._network = network
        self.most = most
        self.waiting = 0
        self.batches = 0
        self._seconds = _FIRST_GUESS  # a picture's share of a batch, smoothed
        self._lock = threading.Lock()
        self._came: queue.Queue[_Job | None] = queue.Queue()
        self._decoded: queue.Queue[_Decoded | None] = queue.Queue()
        embedding = network.workers if network.parallel else 1
        self._decoders = [threading.Thread(target=self._decode, daemon=True) for _ in range(network.workers)]
        self._embedders = [threading.Thread(target=self._embed, daemon=True) for _ in range(embedding)]
        for thread in (*self._decoders, *self._embedders):
            thread.start()

    def predict(self, data: bytes, predictor: Predictor, top: int) -> Future[Found]:
        """What a head finds about a picture file, later; cancel it if nobody waits any more.

        Raises
        ------
        Refusal
            Nothing was queued: as many wait as may. The future raises `Undecodable` where the bytes are no picture.
        """
        with self._lock:
            if self.waiting >= self.most:
                raise Refusal(503, "busy", "too many pictures are waiting: try again later", self.retry_after)
            self.waiting += 1
        job = _Job(data, predictor, top)
        job.answer.add_done_callback(self._left)
        self._came.put(job)
        return job.answer

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least 1, until those that wait now will probably be answered."""
        return max(math.ceil(self.waiting * self._seconds / len(self._embedders)), 1)

    def close(self) -> None:
        """Answer everything that waits, then end the threads."""
        for _ in self._decoders:
            self._came.put(None)
        for thread in self._decoders:
            thread.join()
        self._decoded.put(None)
        for thread in self._embedders:
            thread.join()

    def _left(self, answer: Future[Found]) -> None:
        with self._lock:
            self.waiting -= 1

    def _decode(self) -> None:
        while (job := self._came.get()) is not None:
            if job.answer.cancelled():
                continue
            try:
                self._decoded.put((job, self._network.decode(job.data)))
            except Exception as error:  # the thread must live on; whoever waits for the answer reports it
                _fail(job, error)

    def _embed(self) -> None:
        on_one_processor()
        while batch := self._batch():
            started = time.perf_counter()
            live = [(job, pixels) for job, pixels in batch if job.answer.set_running_or_notify_cancel()]
            if not live:
                continue
            try:
                rows = self._network.embed([pixels for _, pixels in live])
                for (job, _), row in zip(live, rows, strict=True):
                    job.answer.set_result(Found(row, job.predictor.judge(row, job.top)))
            except Exception as error:  # as above
                for job, _ in live:
                    if not job.answer.done():
                        job.answer.set_exception(error)
            self.batches += 1
            self._seconds += 0.1 * ((time.perf_counter() - started) / len(live) - self._seconds)

    def _batch(self) -> list[_Decoded]:
        """The next pictures to embed together; none at the end."""
        first = self._decoded.get()
        if first is None:
            self._decoded.put(None)  # for the next thread
            return []
        batch, until = [first], time.perf_counter() + WAIT
        while len(batch) < self._network.batch_size:
            try:
                following = self._decoded.get(timeout=max(until - time.perf_counter(), 0))
            except queue.Empty:
                break
            if following is None:
                self._decoded.put(None)
                break
            batch.append(following)
        return batch


def _fail(job: _Job, error: Exception) -> None:
    if job.answer.set_running_or_notify_cancel():
        job.answer.set_exception(error)
