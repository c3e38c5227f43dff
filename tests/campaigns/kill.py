"""Kill: SIGKILL at random moments of run, resume, compaction and export loses nothing and changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests import sizes
from tests.campaigns import forks
from tests.campaigns.base import Campaign, Trial
from tests.campaigns.grounds import DISK, Ground
from tests.campaigns.studio import PICTURES, Studio, warm_up

OPERATIONS = ("run", "resume", "compact", "export")
_MOST_IN_A_ROW = 3  # kills in one folder before it is left to finish


class Kill(Campaign):
    """One trial is one kill; up to three hit the same folder, then everything is finished and compared."""

    record = sizes.KILLS_RECORD

    def __init__(self, folder: Path, seed: int, ground: Ground = DISK) -> None:
        super().__init__(folder, seed)
        warm_up()
        self.studio = Studio(folder, ground=ground)
        self.said = self.studio.said
        self.in_a_row, self.there = 0, set[bytes]()
        self.root = self.studio.root("features")
        self.longest = {operation: self._measure(operation) for operation in OPERATIONS}

    def trial(self, number: int) -> Trial:
        """Kill one command; whoever is faster than the kill is set up again."""
        rng = self.random(number)
        operation = rng.choice(OPERATIONS)
        goes_on = bool(self.in_a_row and self.there) and operation != "run" and rng.random() < 0.7
        while True:
            if not goes_on:
                self._set_up(operation, rng.randrange(1, PICTURES))
            ended, used = self._kill(operation, rng.uniform(0, 1) * self.longest[operation])
            if ended.status == -9:
                break
            if ended.status != 0:
                return Trial(operation, [f"{operation} ended with {ended.status} by itself: {ended.said}"])
            self.longest[operation] = 0.9 * self.longest[operation] + 0.1 * used
            goes_on = False
        self.in_a_row += 1
        finish = self.in_a_row >= _MOST_IN_A_ROW or rng.random() < 0.5
        before = self.there
        wrong, self.there = forks.ask(lambda: self._judge(before, finish), self.said)
        half = " (part committed)" if len(before) < len(self.there) < PICTURES else ""
        if finish:
            self.in_a_row = 0
        return Trial(f"{operation}{half}", wrong)

    def _kill(self, operation: str, moment: float) -> tuple[forks.Ended, float]:
        return forks.kill_at(forks.start(self._work(operation), self.said), moment, self.said)

    def _work(self, operation: str):  # type: ignore[no-untyped-def]
        studio = self.studio
        if operation == "compact":
            return studio.compact(self.root)
        if operation == "export":
            return studio.export(self.root, self.folder / "out" / "export.h5")
        return studio.run(self.root)

    def _set_up(self, operation: str, after: int) -> None:
        """A folder to begin in: empty for a run, interrupted for a resume, complete for compaction and export."""
        self.in_a_row, self.there = 0, set()
        self.studio.ground.remove(self.root)
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        if operation == "resume":
            ended = forks.run(self.studio.interrupted(self.root, after), self.said)
            assert ended.status in (0, 130), ended.said
            self.there = forks.ask(lambda: set(self.studio.vectors(self.root)), self.said)
        elif operation != "run":
            self.studio.ground.copy(self.studio.reference, self.root)
            self.there = set(self.studio.expected)

    def _judge(self, before: set[bytes], finish: bool) -> tuple[list[str], set[bytes]]:
        """In a child: nothing lost, nothing damaged; and when finished, everything as it must be.

        Gives what is wrong, and whose vectors are there after the kill.
        """
        studio, out = self.studio, self.folder / "out" / "export.h5"
        wrong = studio.faults_of(self.root)
        there = set(studio.vectors(self.root))
        wrong += [f"{i.hex()[:12]} was there before the kill" for i in before - there]
        if studio.ground.has_cache(self.root) and studio.verify(self.root)() != 0:
            wrong.append("verify does not pass")
        if out.exists():
            wrong += studio.faults_of_export(out, whole=False)  # it may be of a cache that was incomplete then
        if finish:
            if studio.run(self.root)() != 0:
                wrong.append("the next run does not complete")
            if studio.vectors(self.root) != studio.expected:
                wrong.append("the vectors are not those of an undisturbed run")
            if studio.compact(self.root)() != 0 or studio.vectors(self.root) != studio.expected:
                wrong.append("compaction afterwards changes what is there")
            if studio.export(self.root, out)() != 0 or studio.faults_of_export(out):
                wrong.append("export afterwards is not what is there")
            wrong += studio.leftovers(self.root, out)
        return wrong, there

    def _measure(self, operation: str) -> float:
        """Processor seconds that an undisturbed command takes."""
        self._set_up(operation, PICTURES // 2)
        ended, used = self._kill(operation, 60.0)
        assert ended.status == 0, ended.said
        self.in_a_row = 0
        return used
