"""A part of a run for one of several machines or jobs, which share nothing but a features folder."""

from __future__ import annotations

import re
from dataclasses import dataclass

from featurize.errors import FeaturizeError

_FORM = re.compile(r"\s*(\d+)\s*/\s*(\d+)\s*")


@dataclass(frozen=True)
class Shard:
    """Every n-th piece of a plan: shard 3 of 16 has the pieces 3, 19, 35 and so on.

    All shards of a run make the same plan from the dataset table, so each job knows which pieces are its own.
    A shard can be run at any time and any number of times. When all have run, the vectors have the bits that one run
    alone would have given them.

    Parameters
    ----------
    number : int
        From 1 to `count`.
    count : int
        How many shards there are.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise FeaturizeError(
                f"there is no shard {self.number} of {self.count}: give a number from 1 to the number of shards, as "
                "in --shard 3/16"
            )

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The shard that a text such as "3/16" means.

        Raises
        ------
        FeaturizeError
            It has another form, or the number is not from 1 to the number of shards.
        """
        found = _FORM.fullmatch(text)
        if not found:
            raise FeaturizeError(f"{text!r} is no shard: give its number and how many there are, as in --shard 3/16")
        return cls(int(found[1]), int(found[2]))

    def has(self, piece: int) -> bool:
        """Whether the piece of that number, counted from 0, belongs to this shard."""
        return piece % self.count == self.number - 1
