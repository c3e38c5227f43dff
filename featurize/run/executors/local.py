"""Embedding on this machine: batches through the engine, finished pieces into the cache."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import OK, Recipe, Rows, Store
from cache.ids import from_hex, plain
from cache.key import Json
from featurize.engines import Engine
from featurize.errors import Undecodable
from featurize.pictures import decoder_processes
from featurize.pictures.file import Picture
from featurize.run import agreement
from featurize.run.executors.base import Carried, Job
from featurize.run.pipeline import Batch, Pipeline, Place
from featurize.run.plans import Work, forget_finished, pieces_of, plan_for, tell_idle
from featurize.run.references import load_references
from featurize.wording import counted


@dataclass
class _Finished:
    """Rows of one piece, as they come out of the engine."""

    ids: list[str] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    details: dict[int, str] = field(default_factory=dict)
    vectors: list[Mapping[Recipe, NDArray[np.float32]]] = field(default_factory=list)

    def add(self, picture: Picture, vectors: Mapping[Recipe, NDArray[np.float32]]) -> None:
        self.ids.append(picture.id)
        self.status.append(OK)
        self.vectors.append(vectors)

    def add_failed(self, picture: Picture, why: Undecodable) -> None:
        self.details[len(self.ids)] = why.detail
        self.ids.append(picture.id)
        self.status.append(int(why.reason))
        self.vectors.append({})

    def rows(self, recipes: Sequence[Recipe], environment: Mapping[str, Json], dtype: np.dtype[Any]) -> Rows:
        matrices = {}
        for recipe in recipes:
            known = [v[recipe] for v in self.vectors if v]
            dimension = len(known[0]) if known else 0
            nothing = np.full(dimension, np.nan, np.float32)
            stacked = [v[recipe] if v else nothing for v in self.vectors]
            if dimension:
                matrices[recipe] = np.stack(stacked).astype(dtype)
        return Rows(from_hex(self.ids), np.array(self.status, np.uint8), matrices, self.details, environment)


class Embedding:
    """Embeds pieces of plans and commits each as one segment.

    Parameters
    ----------
    cache : Store
    engine : Engine
    pipeline : Pipeline
    recipes : sequence of Recipe
    store : str
        Type of the vectors on disk.

    Attributes
    ----------
    troubles : dict of bytes to Undecodable
        Pictures whose files turned out not to be those of the table.
    decode_seconds, network_seconds : float
        Of all workers together.
    storage_seconds : float
        Of the thread that commits, beside the workers.
    """

    def __init__(
        self, cache: Store, engine: Engine, pipeline: Pipeline, recipes: Sequence[Recipe], store: str = "float32"
    ) -> None:
        self._cache = cache
        self._engine = engine
        self._pipeline = pipeline
        self._recipes = recipes
        self._type = np.dtype(store)
        self.troubles: dict[bytes, Undecodable] = {}
        self.decode_seconds = self.network_seconds = self.storage_seconds = 0.0

    def embed(self, pieces: Iterable[Work], progress: Callable[[int], None] = lambda done: None) -> None:
        """Embed pieces, each committed as soon as it is finished.

        Parameters
        ----------
        pieces : iterable of Work
        progress : callable
            Called with the pictures done so far.

        Raises
        ------
        StorageFailed
            What was committed before stays.
        """
        order: deque[bool] = deque()  # for each batch under way: does it end its piece?

        def feed() -> Iterator[Sequence[Place]]:
            for work in pieces:
                order.extend(n == len(work.batches) - 1 for n in range(len(work.batches)))
                yield from work.batches

        done, finished = 0, _Finished()
        progress(0)
        try:
            for batch in self._pipeline.batches(feed()):
                done += self._collect(batch, finished)
                progress(done)
                if order.popleft():
                    piece, finished = finished, _Finished()
                    self._commit(piece)
        finally:
            self._commit(finished)  # an interrupted piece keeps the batches it has

    def _collect(self, batch: Batch, finished: _Finished) -> int:
        """Add what became of a batch; returns how many pictures were in it."""
        filled = [(n, p) for n, p in enumerate(batch.places) if p is not None]
        for place, picture in filled:
            why = batch.failed.get(place)
            if why is None:
                finished.add(picture, {recipe: matrix[place] for recipe, matrix in batch.vectors.items()})
            elif why.reason.is_about_bytes:
                finished.add_failed(picture, why)
            else:
                self.troubles[plain(picture.id)] = why
        self.decode_seconds += batch.decode_seconds
        self.network_seconds += batch.network_seconds
        return len(filled)

    def _commit(self, finished: _Finished) -> None:
        if finished.ids:
            started = time.perf_counter()
            self._cache.append(finished.rows(self._recipes, self._engine.environment(), self._type))
            self.storage_seconds += time.perf_counter() - started


def carry_out(job: Job) -> Carried:
    """Embed what a run is to embed, here and now.

    Raises
    ------
    Disagreement
        Pictures of the cache, embedded again, have other vectors.
    StorageFailed
        What was committed before stays.
    """
    decoder_processes.start(min(job.workers, len(job.todo)))  # while the network is loaded
    engine = job.make_engine()
    recipes, transform = job.recipes, job.shown
    chosen = agreement.choose(job.cache, recipes, job.pictures)
    agreement.check(
        job.cache, engine, transform, recipes, chosen, load_references(job.cache.artifacts, transform.shape)
    )
    plans = plan_for(job.cache, recipes, engine.batch_size, job.todo, job.planned, job.at_hand, job.say)
    if job.shard:
        tell_idle(plans, job.shard, job.say)
    total = sum(work.pictures for work in pieces_of(plans, job.todo, job.pictures, job.shard))
    job.say(f"embedding {counted(total, 'picture')} with {engine.describe()}")
    started = time.perf_counter()
    with Pipeline(engine, transform, job.workers) as pipeline:
        embedding = Embedding(job.cache, engine, pipeline, recipes, job.settings.store)
        pieces = pieces_of(plans, job.todo, job.pictures, job.shard)
        embedding.embed(pieces, lambda done: job.progress(done, total))
    forget_finished(plans, job.cache, recipes, embedding.troubles)
    return Carried(
        engine=engine.describe(),
        troubles=embedding.troubles,
        seconds=time.perf_counter() - started,
        decode_seconds=embedding.decode_seconds,
        network_seconds=embedding.network_seconds,
        storage_seconds=embedding.storage_seconds,
    )
