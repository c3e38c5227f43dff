"""Embedding on the nodes of a Ray cluster: the driver plans, workers embed pieces and commit them themselves.

A piece becomes one segment, whose name follows from its rows, so a piece that two workers embed is there once. The
driver hands out few pieces at a time, gives the pieces of a worker that died to others, and lets idle workers repeat
what a slow one has held for long. When the driver dies, its workers go with it, and the next run does what is left.
Ray (extra `ray`) is imported when it is used. Ray's core actors carry our pieces as they are; Ray Data would cut them
into blocks of its own, and so change the batches.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cache import ArtstyleError, StorageFailed, create_cache
from featurize.cluster import connected
from featurize.engines import EngineFactory
from featurize.errors import FeaturizeError, Undecodable
from featurize.networks.network import choose_network
from featurize.networks.recipes import Formula, shown_to
from featurize.pictures.file import Picture
from featurize.run import agreement
from featurize.run.executors.base import Carried, Job
from featurize.run.executors.local import Embedding
from featurize.run.pipeline import Pipeline
from featurize.run.plans import Work, forget_finished, pieces_of, plan_for
from featurize.run.references import load_references
from featurize.wording import counted, listing

AHEAD = 2  # pieces that a worker holds: one under way, one waiting
SLOW = 3.0  # a piece that takes so many times the median is given to an idle worker, too
_LEAST_PATIENCE = 30.0  # seconds before that
_LOSSES = 3  # of workers for each that there is, without one finished piece between: then the run stops
_PATIENCE = 60.0  # seconds without any worker before the user is told what is waited for
_LOOK = 1.0  # seconds between two looks at the workers


@dataclass(frozen=True)
class Refused:
    """What a worker can't do, and why."""

    node: str
    why: str
    storage: bool = False


@dataclass(frozen=True)
class Ready:
    """A worker with its network loaded."""

    node: str
    batch_size: int
    engine: str


@dataclass(frozen=True)
class Done:
    """A piece that is in the cache."""

    troubles: Mapping[bytes, Undecodable]
    decode_seconds: float
    network_seconds: float
    storage_seconds: float


class Worker:
    """Embeds pieces on one node; an actor of Ray."""

    def __init__(
        self,
        settings: Any,
        precision: str,
        place: str,
        digest: str,
        formulas: Sequence[Formula],
        engines: EngineFactory,
        workers: int,
        made_with: str,
        compare: Sequence[Picture],
    ) -> None:
        self._node = platform.node()
        self._pipeline: Pipeline | None = None
        try:
            self._state: Ready | Refused = self._load(
                settings, precision, place, digest, formulas, engines, workers, made_with, compare
            )
        except ArtstyleError as why:
            self._state = Refused(self._node, str(why), isinstance(why, StorageFailed))

    def _load(
        self,
        settings: Any,
        precision: str,
        place: str,
        digest: str,
        formulas: Sequence[Formula],
        engines: EngineFactory,
        workers: int,
        made_with: str,
        compare: Sequence[Picture],
    ) -> Ready | Refused:
        if version("artstyle") != made_with:
            return Refused(self._node, f"artstyle {version('artstyle')} is installed, not {made_with}")
        network = choose_network(settings.backbone, settings.weights, size=settings.size, decode=settings.decode)
        key = network.key(precision)
        if key.digest != digest:
            return Refused(
                self._node, f"the weights or the transform of {network.backbone.full_name} are others than here"
            )
        cache = create_cache(place.rpartition("/")[0], key)
        engine = engines(network, formulas, settings.choice(precision), cache.artifacts)
        recipes = [formula.recipe for formula in formulas]
        shown = shown_to(formulas, network.transform)
        agreement.check(cache, engine, shown, recipes, compare, load_references(cache.artifacts))
        self._pipeline = Pipeline(engine, shown, workers)
        self._embedding = Embedding(cache, engine, self._pipeline, recipes, settings.store)
        return Ready(self._node, engine.batch_size, engine.describe())

    def ready(self) -> Ready | Refused:
        """Whether the network is loaded, and what it runs on."""
        return self._state

    def embed(self, work: Work) -> Done | Refused:
        """Embed a piece and commit it."""
        e = self._embedding
        before = e.decode_seconds, e.network_seconds, e.storage_seconds
        try:
            e.embed([work])
        except ArtstyleError as why:
            return Refused(self._node, str(why), isinstance(why, StorageFailed))
        troubles = dict(e.troubles)
        e.troubles.clear()
        after = e.decode_seconds, e.network_seconds, e.storage_seconds
        return Done(troubles, *(b - a for a, b in zip(before, after, strict=True)))


@dataclass
class _Piece:
    """A piece, and who holds it since when."""

    work: Work
    holders: int = 0
    since: float = 0.0
    done: bool = False


@dataclass
class _Crew:
    """The workers, and the pieces that they hold."""

    ray: Any
    hire: Any
    job: Job
    wanted: int
    idle_limit: int = AHEAD
    starting: dict[Any, Any] = field(default_factory=dict)  # answer to come -> worker
    ready: dict[Any, set[Any]] = field(default_factory=dict)  # worker -> answers to come
    held: dict[Any, tuple[Any, _Piece]] = field(default_factory=dict)  # answer to come -> worker, piece
    refused: list[Refused] = field(default_factory=list)
    losses: int = 0
    batch_size: int = 0
    engine: str = ""

    def start(self) -> None:
        """Ask for workers until there are as many as wanted."""
        while len(self.starting) + len(self.ready) < self.wanted:
            worker = self.hire()
            self.starting[worker.ready.remote()] = worker

    def retire(self, worker: Any, queue: deque[_Piece]) -> None:
        """Take a worker's pieces back."""
        for answer in self.ready.pop(worker, set()):
            _, piece = self.held.pop(answer)
            piece.holders -= 1
            if not piece.done and not piece.holders:
                queue.appendleft(piece)

    def lose(self, worker: Any, queue: deque[_Piece], why: Exception) -> None:
        """A worker died, or can't be reached: take its pieces back, and hire another."""
        self.retire(worker, queue)
        self.ray.kill(worker)  # it may be alive behind a broken connection, and hold its processors
        self.losses += 1
        if self.losses > _LOSSES * max(self.wanted, 1):
            raise FeaturizeError(
                f"{self.losses} workers of the Ray cluster died one after the other without finishing anything: look "
                "at their logs (often memory: give workers more, or use fewer); what was finished is kept (the last: "
                f"{_short(why)})"
            )

    def dismiss(self, refused: Refused, worker: Any, queue: deque[_Piece]) -> None:
        """A worker can't go on: the others do its pieces."""
        self.retire(worker, queue)
        self.wanted -= 1
        self.refused.append(refused)
        self.job.say(f"a worker on {refused.node} is left out: {refused.why}")
        if not self.wanted:
            error = StorageFailed if any(r.storage for r in self.refused) else FeaturizeError
            nodes = Counter(f"{r.node}: {r.why}" for r in self.refused)
            raise error(f"no worker of the Ray cluster can embed ({listing(list(nodes))})")

    def give(self, worker: Any, piece: _Piece) -> None:
        """Hand a piece to a worker."""
        answer = worker.embed.remote(piece.work)
        self.ready[worker].add(answer)
        self.held[answer] = worker, piece
        piece.holders += 1
        piece.since = piece.since or time.monotonic()


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
        return _carry_out(ray, job, num_gpus)
    finally:
        ray.shutdown()


def _carry_out(ray: Any, job: Job, num_gpus: float) -> Carried:
    cpus = max(job.workers, 1)
    wanted = _places(ray.nodes(), cpus, num_gpus)
    if not wanted:
        what = f"{counted(cpus, 'processor')}{f' and {num_gpus:g} GPUs' if num_gpus else ''}"
        raise FeaturizeError(
            f"no node of the Ray cluster has {what} for a worker: give smaller numbers for --workers and --num-gpus"
        )
    actor = ray.remote(Worker).options(
        num_cpus=cpus, num_gpus=num_gpus, max_restarts=0, scheduling_strategy="SPREAD", max_concurrency=1
    )
    compare = agreement.choose(job.cache, job.recipes, job.pictures)
    place = job.cache.place if "://" in job.cache.place else str(Path(job.cache.place).absolute())
    arguments = (
        job.settings, job.precision, place, job.cache.key.digest, list(job.formulas), job.engines, cpus,
        version("artstyle"), compare,
    )  # fmt: skip
    crew = _Crew(ray, lambda: actor.remote(*arguments), job, wanted)
    job.say(f"loading {job.network.describe()} in {counted(wanted, 'worker')} of a Ray cluster")
    troubles: dict[bytes, Undecodable] = {}
    seconds = [0.0, 0.0, 0.0]
    plans = None
    pieces: list[_Piece] = []
    queue: deque[_Piece] = deque()
    took: list[float] = []
    done = total = 0
    started = time.perf_counter()
    patience = time.monotonic() + _PATIENCE
    while plans is None or not all(piece.done for piece in pieces):
        crew.start()
        for worker in list(crew.ready):
            while len(crew.ready[worker]) < AHEAD and queue:
                crew.give(worker, queue.popleft())
        if not queue:
            _help_the_slow(crew, took)
        if not crew.ready and time.monotonic() > patience:
            job.say("no worker runs yet: waiting for the cluster to have room, or for the network to be loaded")
            patience = float("inf")
        answers, _ = ray.wait([*crew.starting, *crew.held], num_returns=1, timeout=_LOOK)
        for answer in answers:
            worker, piece = crew.held.get(answer, (crew.starting.get(answer), None))
            try:
                result = ray.get(answer)
            except ray.exceptions.RayTaskError as error:
                result = Refused("one of the nodes", _short(error))
            except ray.exceptions.RayError as error:
                crew.starting.pop(answer, None)
                crew.lose(worker, queue, error)
                continue
            crew.starting.pop(answer, None)
            if isinstance(result, Ready):
                if crew.batch_size not in (0, result.batch_size):
                    what = f"batches of {result.batch_size} there, of {crew.batch_size} elsewhere: give --batch-size"
                    crew.dismiss(Refused(result.node, what), worker, queue)
                    continue
                crew.ready[worker] = set()
                crew.batch_size, crew.engine = result.batch_size, result.engine
                if plans is None:
                    plans = plan_for(job.cache, job.recipes, result.batch_size, job.todo, job.planned, job.at_hand)
                    pieces = [_Piece(work) for work in pieces_of(plans, job.todo, job.pictures, job.shard)]
                    queue.extend(pieces)
                    total = sum(piece.work.pictures for piece in pieces)
                    job.say(f"embedding {counted(total, 'picture')} with {result.engine}")
                    job.progress(0, total)
                    started = time.perf_counter()
            elif isinstance(result, Refused):
                crew.dismiss(result, worker, queue)
            elif piece is not None:
                crew.ready[worker].discard(answer)
                del crew.held[answer]
                piece.holders -= 1
                if piece.done:
                    continue  # another was quicker
                piece.done = True
                crew.losses = 0
                took.append(time.monotonic() - piece.since)
                troubles.update(result.troubles)
                seconds = [
                    a + b
                    for a, b in zip(
                        seconds,
                        (result.decode_seconds, result.network_seconds, result.storage_seconds),
                        strict=True,
                    )
                ]
                done += piece.work.pictures
                job.progress(done, total)
    for worker in [*crew.ready, *crew.starting.values()]:
        ray.kill(worker)
    job.cache.refresh()
    forget_finished(plans, job.cache, job.recipes, troubles)
    return Carried(crew.engine, troubles, time.perf_counter() - started, *seconds)


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


def _help_the_slow(crew: _Crew, took: Sequence[float]) -> None:
    """Give pieces that are held for long to workers that have nothing to do."""
    patience = max(SLOW * statistics.median(took), _LEAST_PATIENCE) if took else _LEAST_PATIENCE
    idle: Iterator[Any] = iter([worker for worker, answers in crew.ready.items() if not answers])
    now = time.monotonic()
    for holder, piece in sorted(crew.held.values(), key=lambda held: held[1].since):
        if piece.done or piece.holders > 1 or now - piece.since < patience:
            continue
        helper = next(idle, None)
        if helper is None:
            return
        if helper is not holder:
            crew.give(helper, piece)
