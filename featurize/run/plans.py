"""Carrying out plans: batches through the engine, finished pieces into the cache."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import OK, Plan, Recipe, Rows, Store
from cache.ids import Ids, from_hex, plain
from cache.key import Json
from cache.plan import unfinished
from featurize.engines import Engine
from featurize.errors import Undecodable
from featurize.pictures.file import Picture
from featurize.progress import Progress
from featurize.run.pipeline import Batch, Pipeline, Place
from featurize.run.shard import Shard

SEGMENT_PICTURES = 256  # in a segment, or eight batches where these are large: what a crash can cost at most
_LEAST_BATCHES = 8


@dataclass(frozen=True)
class Work:
    """One piece of a plan, restricted to the pictures that are to be embedded now."""

    batches: Sequence[Sequence[Place]]


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


class Run:
    """Embeds pictures according to plans and commits them piece by piece.

    Parameters
    ----------
    cache : Store
    engine : Engine
    pipeline : Pipeline
    recipes : sequence of Recipe
    pictures : mapping of bytes to Picture
        Every picture of the table, by id.
    progress : callable, optional
        Called with (pictures done, pictures in all).
    store : str
        Type of the vectors on disk.
    shard : Shard, optional
        Only its pieces are embedded.

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
        self,
        cache: Store,
        engine: Engine,
        pipeline: Pipeline,
        recipes: Sequence[Recipe],
        pictures: Mapping[bytes, Picture],
        progress: Progress | None = None,
        store: str = "float32",
        shard: Shard | None = None,
    ) -> None:
        self._cache = cache
        self._engine = engine
        self._pipeline = pipeline
        self._recipes = recipes
        self._pictures = pictures
        self._progress = progress
        self._type = np.dtype(store)
        self._shard = shard
        self.troubles: dict[bytes, Undecodable] = {}
        self.decode_seconds = self.network_seconds = self.storage_seconds = 0.0

    def carry_out(self, todo: Ids, planned: Ids | None = None) -> None:
        """Embed pictures; those that an unfinished plan holds in its places, the others in a new plan.

        Parameters
        ----------
        todo : ndarray (N,) S32
            What is to be embedded, or of which this shard's part is.
        planned : ndarray (M,) S32, optional
            What a new plan is made of; `todo` by default. Shards, which run at different times, need a plan that does
            not change while others embed.

        Raises
        ------
        StorageFailed
            What was committed before stays.
        """
        plans = self._plans(todo, todo if planned is None else planned)
        total = len(todo)
        if self._shard:
            total = sum(
                p is not None for work in self._work(plans, set(todo.tolist())) for b in work.batches for p in b
            )
        order: deque[bool] = deque()  # for each batch under way: does it end its piece?

        def feed() -> Iterator[Sequence[Place]]:
            for work in self._work(plans, set(todo.tolist())):
                order.extend(n == len(work.batches) - 1 for n in range(len(work.batches)))
                yield from work.batches

        done, finished = 0, _Finished()
        if self._progress:
            self._progress(0, total)
        try:
            for batch in self._pipeline.batches(feed()):
                done += self._collect(batch, finished)
                if self._progress:
                    self._progress(done, total)
                if order.popleft():
                    piece, finished = finished, _Finished()
                    self._commit(piece)
        finally:
            self._commit(finished)  # an interrupted piece keeps the batches it has
        self._forget(plans)

    def _plans(self, todo: Ids, planned: Ids) -> list[Plan]:
        """Unfinished plans that fit this run, and a new one where they don't hold everything that is to be done."""
        wanted = {r.digest for r in self._recipes}
        plans = []
        rest = todo
        for old in unfinished(self._cache.artifacts):
            if set(old.recipes) == wanted and old.batch_size == self._engine.batch_size:
                plans.append(old)
                rest = rest[~np.isin(rest, old.ids)]
        if len(rest):
            size = self._engine.batch_size
            new = Plan(
                rest if planned is todo else planned,
                sorted(wanted),
                size,
                max(SEGMENT_PICTURES // size, _LEAST_BATCHES),
            )
            new.save(self._cache.artifacts)
            plans.append(new)
        return plans

    def _work(self, plans: Sequence[Plan], open_ids: set[bytes]) -> Iterator[Work]:
        for plan in plans:
            for number, piece in enumerate(plan.pieces()):
                if self._shard and not self._shard.has(number):
                    open_ids.difference_update(*(batch.tolist() for batch in piece))
                    continue
                batches = []
                for batch in piece:
                    places = [self._pictures[i] if i in open_ids else None for i in batch.tolist()]
                    open_ids.difference_update(batch.tolist())
                    if any(places):
                        batches.append(places)
                if batches:
                    yield Work(batches)

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

    def _forget(self, plans: Sequence[Plan]) -> None:
        """Remove the plans of which nothing is left to do."""
        for plan in plans:
            left = plan.ids[self._cache.missing(plan.ids, self._recipes)].tolist()
            if all(i in self.troubles for i in left):
                plan.forget(self._cache.artifacts)
