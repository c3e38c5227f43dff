"""What a campaign is: numbered trials, each repeatable from its number and a seed alone."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Trial:
    """One trial: what was tried, in a word or two that can be counted, and what was violated."""

    what: str
    violations: Sequence[str] = field(default_factory=list)


class Campaign(ABC):
    """Trials 0, 1, 2, ... in a folder of its own.

    Parameters
    ----------
    folder : Path
        Empty, or left by the same campaign with the same seed.
    seed : int
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed

    def __len__(self) -> int:
        """How many trials there are where the number is finite; else the number for the record."""
        return self.record

    record: int

    @abstractmethod
    def trial(self, number: int) -> Trial:
        """Try, and judge."""

    def random(self, number: int) -> random.Random:
        """The random numbers of a trial."""
        return random.Random(f"{self.seed}-{number}")
