"""What embeds on one node of a Ray cluster: an actor, and what it answers. The driver is in `on_ray`."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from cache import ArtstyleError, StorageFailed, create_cache
from featurize.engines import EngineFactory
from featurize.errors import Undecodable
from featurize.networks.network import choose_network
from featurize.networks.recipes import Formula, shown_to
from featurize.pictures import decoder_processes
from featurize.pictures.file import Picture
from featurize.run import agreement
from featurize.run.executors.local import Embedding
from featurize.run.pipeline import Pipeline
from featurize.run.plans import Work
from featurize.run.references import load_references


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


@dataclass(frozen=True)
class Orders:
    """What a worker is to be ready for.

    Parameters
    ----------
    settings : Settings
    precision : str
        As it stands in the key.
    place, digest : str
        The key's folder, or its address, and the key's digest.
    formulas : sequence of Formula
    engines : callable
    workers : int
        Threads.
    made_with : str
        The version of artstyle that the driver runs.
    compare : sequence of Picture
        Stored pictures that must come out alike.
    """

    settings: Any
    precision: str
    place: str
    digest: str
    formulas: Sequence[Formula]
    engines: EngineFactory
    workers: int
    made_with: str
    compare: Sequence[Picture]


class Worker:
    """Embeds pieces on one node; an actor of Ray."""

    def __init__(self, orders: Orders) -> None:
        self._node = platform.node()
        self._pipeline: Pipeline | None = None
        try:
            self._state: Ready | Refused = self._load(orders)
        except ArtstyleError as why:
            self._state = Refused(self._node, str(why), isinstance(why, StorageFailed))

    def _load(self, orders: Orders) -> Ready | Refused:
        settings = orders.settings
        if version("artstyle") != orders.made_with:
            return Refused(self._node, f"artstyle {version('artstyle')} is installed, not {orders.made_with}")
        decoder_processes.start(orders.workers)  # while the network is loaded
        network = choose_network(settings.backbone, settings.weights, size=settings.size, decode=settings.decode)
        key = network.key(orders.precision)
        if key.digest != orders.digest:
            return Refused(
                self._node, f"the weights or the transform of {network.backbone.full_name} are others than here"
            )
        cache = create_cache(orders.place.rpartition("/")[0], key)
        engine = orders.engines(network, orders.formulas, settings.choice(orders.precision), cache.artifacts)
        recipes = [formula.recipe for formula in orders.formulas]
        shown = shown_to(orders.formulas, network.transform)
        references = load_references(cache.artifacts, shown.shape)
        agreement.check(cache, engine, shown, recipes, orders.compare, references)
        self._pipeline = Pipeline(engine, shown, orders.workers)
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
