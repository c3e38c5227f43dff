"""Which picture goes into which batch, decided and written down before the first one is embedded.

The last bits of a vector can depend on the size of its batch and its place in it. A plan fixes both: ordered
ids, cut into batches of one size, cut into segments. A run that was interrupted finds its plan again and goes
on with it, so its vectors are bit for bit those of a run that was never interrupted. Pictures that failed, or
are in the cache already, leave their places empty; no other picture moves into them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from cache import ids
from cache.artifacts import Artifacts, Kind
from cache.ids import Ids

PLANS = Kind("plan", ".json")


@dataclass(frozen=True)
class Plan:
    """Ordered ids, and how they are cut.

    Parameters
    ----------
    ids : ndarray (N,) S32
        Distinct ids in the order in which they are embedded.
    recipes : sequence of str
        Digests of the recipes the run makes.
    batch_size : int
        Pictures in a batch.
    segment_batches : int
        Batches in a segment.
    """

    ids: Ids
    recipes: Sequence[str]
    batch_size: int
    segment_batches: int

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.segment_batches < 1:
            raise ValueError(
                f"a batch of {self.batch_size} pictures and a segment of {self.segment_batches} batches: "
                "both need to be 1 or more"
            )

    def pieces(self) -> Iterator[list[Ids]]:
        """The batches of each segment, (B,) S32 each, in order; only the last batch of the plan may be short."""
        step = self.batch_size * self.segment_batches
        for start in range(0, len(self.ids), step):
            stop = min(start + step, len(self.ids))
            cuts = range(start, stop, self.batch_size)
            yield [self.ids[a : min(a + self.batch_size, stop)] for a in cuts]

    @cached_property
    def _text(self) -> bytes:
        return json.dumps(
            {
                "batch_size": self.batch_size,
                "ids": ids.to_hex(self.ids),
                "recipes": sorted(self.recipes),
                "segment_batches": self.segment_batches,
            }
        ).encode()

    def save(self, artifacts: Artifacts) -> None:
        """Write the plan beside a key's segments, unless it is there.

        Raises
        ------
        StorageFailed
            The storage refused.
        """
        artifacts.keep(PLANS, self._text)

    def forget(self, artifacts: Artifacts) -> None:
        """Remove the plan: it was carried out."""
        artifacts.forget(PLANS, self._text)


def unfinished(artifacts: Artifacts) -> list[Plan]:
    """The plans of a key, in a fixed order; what is no plan is passed over.

    A damaged plan costs nothing but the promise of equal last bits, so it does not stop a run.
    """
    plans = []
    for text in artifacts.every(PLANS):
        try:
            fields = json.loads(text)
            fields["ids"] = ids.from_hex(fields["ids"])
            plans.append(Plan(**fields))
        except (ValueError, TypeError, KeyError):
            continue
    return plans
