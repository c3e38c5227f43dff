"""Embedding on the nodes of a Ray cluster: the driver plans, workers embed pieces and commit them themselves.

A piece becomes one segment, whose name follows from its rows, so a piece that two workers embed is there once. A worker
holds one piece, and pieces become smaller towards the end, so that all workers are busy until the end. The pieces of a
worker that died go to others, and idle workers repeat what a slow one has held for long. When the driver dies, its
workers go with it, and the next run does what is left. Ray (extra `ray`) is imported when it is used. Ray's core actors
carry our pieces as they are; Ray Data would cut them into blocks of its own, and so change the batches.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cache import Plan, StorageFailed
from featurize.cluster import connected
from featurize.errors import FeaturizeError, Undecodable
from featurize.run import agreement
from featurize.run.executors.base import Carried, Job
from featurize.run.executors.ray_worker import Done, Orders, Ready, Refused, Worker
from featurize.run.plans import Work, forget_finished, pieces_of, plan_for
from featurize.wording import counted, listing

SLOW = 3.0  # a piece that takes so many times as long as pieces usually do is given to an idle worker, too
_LEAST_PATIENCE = 30.0  # seconds before that
_LEAST_BATCHES = 2  # of the last pieces: a smaller one would cost more in commits than it saves in waiting
_LOSSES = 3  # of workers for each that there is, without one finished piece between: then the run stops
_PATIENCE = 60.0  # seconds without any worker before the user is told what is waited for
_LOOK = 1.0  # seconds between two looks at the workers


def carry_out(job: Job, address: str, num_gpus: float = 0.0) -> Carried:
    """Embed what a run is to embed on a Ray cluster.

    Parameters
    ----------
    job : Job
        Its `workers` are the threads, and the processors, of each worker.
    address : str
        Of the cluster; "auto" takes the one that RAY_ADDRESS names or that runs here, and starts one here otherwise.
    num_gpus : float
        GPUs of each worker; with 0 they run on processors.

    Raises
    ------
    FeaturizeError
        Ray is not installed, the cluster can't be reached, or no worker can embed.
    StorageFailed
        No worker can write. What was committed before stays.
    """
    ray = connected(address)
    try:
        return _Crew(ray, job, num_gpus).carry_out()
    finally:
        ray.shutdown()


def tapered(pieces: Iterable[Work], workers: int) -> Iterator[Work]:
    """Pieces of which none is more than a worker's half share of what is left, so the last ones are small.

    Towards the end, pieces are cut between batches. The batches, and their order, stay as they are. The rule is
    Hummel, Schonberg & Flynn (1992), "Factoring": it leaves as much as is handed out, to even out workers of which
    some are slower than others or start later.

    Parameters
    ----------
    pieces : iterable of Work
    workers : int
        At least 1.
    """
    pieces = list(pieces)
    left = sum(len(piece.batches) for piece in pieces)
    for piece in pieces:
        start = 0
        while start < len(piece.batches):
            most = max(left // (2 * workers), _LEAST_BATCHES)
            batches = piece.batches[start : start + most]
            yield Work(batches)
            start += len(batches)
            left -= len(batches)


@dataclass
class _Piece:
    """A piece, and how many workers hold it."""

    work: Work
    holders: int = 0
    done: bool = False


@dataclass(frozen=True)
class _Hold:
    """Who embeds which piece, since when."""

    worker: Any
    piece: _Piece
    since: float


class _Crew:
    """The workers, and who holds which piece."""

    def __init__(self, ray: Any, job: Job, num_gpus: float) -> None:
        self._ray = ray
        self._job = job
        cpus = max(job.workers, 1)
        self._wanted = _places(ray.nodes(), cpus, num_gpus)
        if not self._wanted:
            what = f"{counted(cpus, 'processor')}{f' and {num_gpus:g} GPUs' if num_gpus else ''}"
            raise FeaturizeError(
                f"no node of the Ray cluster has {what} for a worker: give smaller numbers for --workers and --num-gpus"
            )
        self._actor = ray.remote(Worker).options(
            num_cpus=cpus, num_gpus=num_gpus, max_restarts=0, scheduling_strategy="SPREAD", max_concurrency=1
        )
        place = job.cache.place if "://" in job.cache.place else str(Path(job.cache.place).absolute())
        compare = agreement.choose(job.cache, job.recipes, job.pictures)
        self._orders = Orders(
            job.settings, job.precision, place, job.cache.key.digest, list(job.formulas), job.engines, cpus,
            version("artstyle"), compare,
        )  # fmt: skip
        self._starting: dict[Any, Any] = {}  # answer to come -> worker
        self._idle: list[Any] = []
        self._held: dict[Any, _Hold] = {}  # answer to come -> who embeds what
        self._refused: list[Refused] = []
        self._losses = 0
        self._engine: Ready | None = None  # of the first worker
        self._plans: list[Plan] = []
        self._queue: deque[_Piece] = deque()
        self._left = 0  # pieces that are not done
        self._pace: list[float] = []  # seconds that each finished piece took for a picture
        self._started = time.perf_counter()
        self._pictures = self._total = 0
        self._troubles: dict[bytes, Undecodable] = {}
        self._seconds = [0.0, 0.0, 0.0]

    def carry_out(self) -> Carried:
        """Embed everything."""
        job = self._job
        job.say(f"loading {job.network.describe()} in {counted(self._wanted, 'worker')} of a Ray cluster")
        patience = time.monotonic() + _PATIENCE
        while self._engine is None or self._left:
            self._hire()
            self._deal()
            if not (self._idle or self._held) and time.monotonic() > patience:
                job.say("no worker runs yet: waiting for the cluster to have room, or for the network to be loaded")
                patience = float("inf")
            answers, _ = self._ray.wait([*self._starting, *self._held], num_returns=1, timeout=_LOOK)
            for answer in answers:
                self._hear(answer)
        for worker in [*self._starting.values(), *self._idle, *(hold.worker for hold in self._held.values())]:
            self._ray.kill(worker)
        job.cache.refresh()
        forget_finished(self._plans, job.cache, job.recipes, self._troubles)
        return Carried(self._engine.engine, self._troubles, time.perf_counter() - self._started, *self._seconds)

    def _hire(self) -> None:
        """Ask for workers until there are as many as wanted."""
        while len(self._starting) + len(self._idle) + len(self._held) < self._wanted:
            worker = self._actor.remote(self._orders)
            self._starting[worker.ready.remote()] = worker

    def _deal(self) -> None:
        """Give every idle worker a piece; where none is left, one that another has held for long."""
        while self._idle and self._queue:
            self._give(self._idle.pop(0), self._queue.popleft())
        for piece in self._slow_pieces()[: len(self._idle)]:
            self._give(self._idle.pop(0), piece)

    def _slow_pieces(self) -> list[_Piece]:
        """Pieces that one worker has held for long, the oldest first."""
        usual = statistics.median(self._pace) if self._pace else 0.0
        now = time.monotonic()
        return [
            hold.piece
            for hold in self._held.values()  # in the order in which they were given
            if not hold.piece.done
            and hold.piece.holders == 1
            and now - hold.since >= max(SLOW * usual * hold.piece.work.pictures, _LEAST_PATIENCE)
        ]

    def _give(self, worker: Any, piece: _Piece) -> None:
        self._held[worker.embed.remote(piece.work)] = _Hold(worker, piece, time.monotonic())
        piece.holders += 1

    def _hear(self, answer: Any) -> None:
        """What a worker says, or that it died."""
        hold = self._held.pop(answer, None)
        worker = hold.worker if hold else self._starting.pop(answer)
        if hold:
            hold.piece.holders -= 1
        try:
            said = self._ray.get(answer)
        except self._ray.exceptions.RayTaskError as error:
            said = Refused("one of the nodes", _short(error))
        except self._ray.exceptions.RayError as error:
            said = error
        if hold and isinstance(said, Done):
            self._idle.append(worker)
            self._finish(hold, said)
            return
        if hold and not hold.piece.done and not hold.piece.holders:
            self._queue.appendleft(hold.piece)
        if isinstance(said, Ready):
            self._welcome(worker, said)
        elif isinstance(said, Refused):
            self._dismiss(worker, said)
        else:
            self._lose(worker, said)

    def _lose(self, worker: Any, why: Exception) -> None:
        """A worker died, or can't be reached: another is hired."""
        self._ray.kill(worker)  # it may be alive behind a broken connection, and hold its processors
        self._losses += 1
        if self._losses > _LOSSES * max(self._wanted, 1):
            raise FeaturizeError(
                f"{self._losses} workers of the Ray cluster died one after the other without finishing anything: look "
                "at their logs (often memory: give workers more, or use fewer); what was finished is kept (the last: "
                f"{_short(why)})"
            )

    def _dismiss(self, worker: Any, refused: Refused) -> None:
        """A worker can't go on: the others do its pieces."""
        self._ray.kill(worker)
        self._wanted -= 1
        self._refused.append(refused)
        self._job.say(f"a worker on {refused.node} is left out: {refused.why}")
        if not self._wanted:
            error = StorageFailed if any(r.storage for r in self._refused) else FeaturizeError
            nodes = Counter(f"{r.node}: {r.why}" for r in self._refused)
            raise error(f"no worker of the Ray cluster can embed ({listing(list(nodes))})")

    def _welcome(self, worker: Any, ready: Ready) -> None:
        """A worker has loaded its network; the first one's batches are those of the plan."""
        if self._engine is None:
            self._engine = ready
            self._plan(ready)
        if ready.batch_size != self._engine.batch_size:
            what = f"batches of {ready.batch_size} there, of {self._engine.batch_size} elsewhere: give --batch-size"
            self._dismiss(worker, Refused(ready.node, what))
        else:
            self._idle.append(worker)

    def _plan(self, ready: Ready) -> None:
        job = self._job
        self._plans = plan_for(job.cache, job.recipes, ready.batch_size, job.todo, job.planned, job.at_hand, job.say)
        pieces = tapered(pieces_of(self._plans, job.todo, job.pictures, job.shard), self._wanted)
        self._queue.extend(map(_Piece, pieces))
        self._left = len(self._queue)
        self._total = sum(piece.work.pictures for piece in self._queue)
        job.say(f"embedding {counted(self._total, 'picture')} with {ready.engine}")
        job.progress(0, self._total)
        self._started = time.perf_counter()

    def _finish(self, hold: _Hold, done: Done) -> None:
        """A piece is in the cache."""
        piece = hold.piece
        if piece.done:
            return  # another worker was quicker
        piece.done = True
        self._left -= 1
        self._losses = 0
        self._pace.append((time.monotonic() - hold.since) / piece.work.pictures)
        self._troubles.update(done.troubles)
        took = done.decode_seconds, done.network_seconds, done.storage_seconds
        self._seconds = [a + b for a, b in zip(self._seconds, took, strict=True)]
        self._pictures += piece.work.pictures
        self._job.progress(self._pictures, self._total)


def _places(nodes: Sequence[Mapping[str, Any]], cpus: int, num_gpus: float) -> int:
    """How many workers the nodes of a cluster have room for; a worker lies on one node."""
    places = 0
    for there in (node["Resources"] for node in nodes if node["Alive"]):
        room = there.get("CPU", 0) // cpus
        places += int(min(room, there.get("GPU", 0) / num_gpus + 1e-9) if num_gpus else room)
    return places


def _short(error: BaseException) -> str:
    """The last line of what Ray says: above it stands a traceback."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()[:300]
