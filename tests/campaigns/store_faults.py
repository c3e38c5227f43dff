"""Fault injection in an object store: every request of a command goes wrong in turn, in every way it can go wrong.

As `tests.campaigns.faults` does with the calls that touch a disk. What fails once is asked for again, so the command
completes; what fails from then on may cost the command, never anything that was there.
"""

from __future__ import annotations

from pathlib import Path

from cache.buckets import objects
from tests.campaigns import forks
from tests.campaigns.faults import Fault, Faults
from tests.campaigns.grounds import S3

WAYS: dict[str, tuple[str, bool]] = {  # name -> way of tests.cache.s3.Trouble, for good
    "500 or 503 once": ("failing", False),
    "500 or 503 from then on": ("failing", True),
    "answer lost once": ("lost", False),
    "answers lost from then on": ("lost", True),
    "body cut once": ("cut", False),
    "bodies cut from then on": ("cut", True),
    "no answer once": ("stalled", False),
    "no answers from then on": ("stalled", True),
    "clock refused once": ("skewed", False),
    "clock refused from then on": ("skewed", True),
}
QUIET = {"failing": 0.0}
OVERCOME = tuple(name for name, (way, for_good) in WAYS.items() if not for_good and way != "skewed")


class StoreFaults(Faults):
    """One trial is one request that goes wrong, or the first of many."""

    ways = tuple(WAYS)
    ground: S3

    def __init__(self, folder: Path, seed: int, ground: S3) -> None:
        objects._TRIES = 3  # type: ignore[attr-defined]  # what fails for good is given up sooner
        self.ground = ground
        ground.trouble(**QUIET)
        super().__init__(folder, seed, ground)

    def _judge_end(self, ended: forks.Ended) -> list[str]:
        wrong = super()._judge_end(ended)
        if ended.status != 0 and self.under_way in OVERCOME:
            wrong.append(f"one failure was not overcome: {ended.said[-300:]}")
        return wrong

    def _can_be_full(self) -> bool:
        return False

    def _calls(self, operation: str, way: str) -> int:
        if (operation, 0) not in self.counted:
            self._set_up(operation)
            self.ground.trouble(**QUIET)
            ended = forks.run(self._work(operation), self.said)
            assert ended.status == 0, ended.said
            self.counted[operation, 0] = self.ground.asked()
        return self.counted[operation, 0]

    def _with(self, fault: Fault) -> forks.Ended:
        way, for_good = WAYS[fault.way]
        self.under_way = fault.way
        self.ground.trouble(way=way, nth=fault.k, for_good=for_good)
        try:
            return forks.run(self._work(fault.operation), self.said)
        finally:
            self.ground.trouble(**QUIET)
