"""What a run gives to the executor that embeds its pictures, and what it gets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cache import Recipe, Store
from cache.ids import Ids
from featurize.engines import Engine, EngineFactory
from featurize.errors import Undecodable
from featurize.networks.network import Network
from featurize.networks.recipes import PIXELS, Formula, shown_to
from featurize.pictures.file import Picture
from featurize.pictures.squares.views import Shown
from featurize.progress import Progress
from featurize.run.shard import Shard

if TYPE_CHECKING:
    from featurize.run.settings import Settings


@dataclass(frozen=True)
class Job:
    """What is to be embedded, and with what.

    Parameters
    ----------
    cache : Store
    network : Network
    formulas : sequence of Formula
        Of the recipes to be made.
    settings : Settings
    precision : str
        As it stands in the key.
    pictures : mapping of bytes to Picture
        A file for each id.
    todo : ndarray (N,) S32
        What is to be embedded, or of which a shard's part is.
    planned : ndarray (M,) S32
        What a new plan is made of.
    at_hand : ndarray (K,) S32
        All pictures of the part of the table that is embedded.
    shard : Shard, optional
    workers : int
        Worker threads.
    progress : callable
        Called with (pictures done, pictures in all).
    say : callable
        Called with a line for the user.
    engines : callable
        What makes the engine.
    made : dict
        The engine that an earlier job of the run made, by the digests of its recipes.
    """

    cache: Store
    network: Network
    formulas: Sequence[Formula]
    settings: Settings
    precision: str
    pictures: Mapping[bytes, Picture]
    todo: Ids
    planned: Ids
    at_hand: Ids
    shard: Shard | None
    workers: int
    progress: Progress
    say: Callable[[str], None]
    engines: EngineFactory
    made: dict[tuple[str, ...], Engine] = field(default_factory=dict)

    @property
    def recipes(self) -> list[Recipe]:
        """Those to be made."""
        return [formula.recipe for formula in self.formulas]

    @property
    def shown(self) -> Shown:
        """What is needed of each picture."""
        return shown_to(self.formulas, self.network.transform)

    @property
    def of_network(self) -> bool:
        """Whether the network is needed."""
        return any(formula.kind != PIXELS for formula in self.formulas)

    def make_engine(self) -> Engine:
        """The engine, with its network loaded; that of an earlier job, where it makes the same."""
        wanted = tuple(recipe.digest for recipe in self.recipes)
        if wanted not in self.made:
            self.made.clear()
            if self.of_network:
                self.say(f"loading {self.network.describe()}")
            choice = self.settings.choice(self.precision)
            self.made[wanted] = self.engines(self.network, self.formulas, choice, self.cache.artifacts)
        return self.made[wanted]


@dataclass(frozen=True)
class Carried:
    """What became of a job; its vectors are in the cache.

    Parameters
    ----------
    engine : str
        What computed; empty where nothing had to be.
    troubles : mapping of bytes to Undecodable
        Pictures whose files turned out not to be those of the table.
    seconds : float
        From the first picture to the last commit; loading the network is not counted.
    decode_seconds, network_seconds : float
        Of all workers together.
    storage_seconds : float
        Of the threads that commit.
    """

    engine: str = ""
    troubles: Mapping[bytes, Undecodable] = field(default_factory=dict)
    seconds: float = 0.0
    decode_seconds: float = 0.0
    network_seconds: float = 0.0
    storage_seconds: float = 0.0
