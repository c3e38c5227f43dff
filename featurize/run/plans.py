"""What is to be done in which order: plans in the cache, and the pieces of them that are left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cache import Plan, Recipe, Store
from cache.ids import Ids
from cache.plan import unfinished
from featurize.errors import Undecodable
from featurize.pictures.file import Picture
from featurize.run.pipeline import Place
from featurize.run.shard import Shard
from featurize.wording import counted

SEGMENT_PICTURES = 256  # in a segment, or eight batches where these are large: what a crash can cost at most
_LEAST_BATCHES = 8


@dataclass(frozen=True)
class Work:
    """One piece of a plan, restricted to the pictures that are to be embedded now.

    Parameters
    ----------
    batches : sequence of sequence of Picture or None
    """

    batches: Sequence[Sequence[Place]]

    @property
    def pictures(self) -> int:
        """How many are in it."""
        return sum(place is not None for batch in self.batches for place in batch)


def plan_for(
    cache: Store,
    recipes: Sequence[Recipe],
    batch_size: int,
    todo: Ids,
    planned: Ids,
    at_hand: Ids,
    say: Callable[[str], None] = lambda line: None,
) -> list[Plan]:
    """Unfinished plans that fit a run, and a new one where they don't hold everything that is to be done.

    Parameters
    ----------
    cache : Store
    recipes : sequence of Recipe
    batch_size : int
    todo : ndarray (N,) S32
        What is to be embedded.
    planned : ndarray (M,) S32
        What a new plan is made of. Shards, which run at different times, need one that does not change while others
        embed; any other run gives `todo`.
    at_hand : ndarray (K,) S32
        All pictures of this part of the table: a plan that begins with none of them is another part's.
    say : callable
        Called with a line for the user where another shard was started with other batches.

    Raises
    ------
    StorageFailed
        The new plan could not be written.
    """
    wanted = {r.digest for r in recipes}
    plans = []
    rest = todo
    for old in unfinished(cache.artifacts, at_hand):
        if set(old.recipes) == wanted and old.batch_size == batch_size:
            plans.append(old)
            rest = rest[~np.isin(rest, old.ids)]
        elif set(old.recipes) == wanted and planned is not todo:
            say(
                f"an unfinished plan here has batches of {old.batch_size}, this shard has batches of {batch_size}: its "
                "pieces are others, and some rows may be left; give all shards the same --batch-size, or end with a "
                "run without --shard"
            )
    if len(rest):
        ids = rest if planned is todo else planned
        new = Plan(ids, sorted(wanted), batch_size, max(SEGMENT_PICTURES // batch_size, _LEAST_BATCHES))
        new.save(cache.artifacts)
        plans.append(new)
    return plans


def tell_idle(plans: Sequence[Plan], shard: Shard, say: Callable[[str], None]) -> None:
    """Say so where there are fewer pieces than shards and none is this shard's."""
    pieces = max((sum(1 for _ in plan.pieces()) for plan in plans), default=0)
    if shard.number > pieces:
        say(
            f"shard {shard.number} of {shard.count} has nothing to do here: there {'is' if pieces == 1 else 'are'} "
            f"{counted(pieces, 'piece')} of about {SEGMENT_PICTURES} pictures; give no more shards than pieces"
        )


def pieces_of(
    plans: Sequence[Plan], todo: Ids, pictures: Mapping[bytes, Picture], shard: Shard | None = None
) -> Iterator[Work]:
    """The pieces of plans in which something is to be done, in order; with a shard, those that are its own."""
    left = set(todo.tolist())
    for plan in plans:
        for number, piece in enumerate(plan.pieces()):
            own = shard is None or shard.has(number)
            batches = []
            for batch in piece:
                places = [pictures[i] if i in left else None for i in batch.tolist()]
                left.difference_update(batch.tolist())
                if own and any(places):
                    batches.append(places)
            if batches:
                yield Work(batches)


def forget_finished(
    plans: Sequence[Plan], cache: Store, recipes: Sequence[Recipe], troubles: Mapping[bytes, Undecodable]
) -> None:
    """Remove the plans of which nothing is left to do."""
    for plan in plans:
        left = plan.ids[cache.missing(plan.ids, recipes)].tolist()
        if all(i in troubles for i in left):
            plan.forget(cache.artifacts)
