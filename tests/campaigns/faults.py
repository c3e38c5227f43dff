"""Fault injection: every call by which a command touches its files fails in turn, in every way it can fail.

Exhaustive over the calls of run, resume, compaction, export and the repair of a damaged cache. A fault may cost the
command, never anything that was there: it ends by itself with one sentence, and the next run completes everything.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cache import list_caches
from tests.campaigns import forks, shim
from tests.campaigns.base import Campaign, Trial
from tests.campaigns.grounds import DISK, Ground
from tests.campaigns.studio import Studio, warm_up

PICTURES = 40  # three segments
OPERATIONS = ("run", "resume", "repair", "compact", "export")
TAKES_ROOM = shim.CREATE | shim.WRITE | shim.MKDIR | shim.RENAME | shim.TRUNCATE | shim.FSYNC
NO_ROOM_KILOBYTES = range(4, 120, 4)  # sizes of a real file system that is too small

WAYS: dict[str, tuple[int, int, int]] = {  # name -> kinds of calls, mode, errno
    "ENOSPC once": (TAKES_ROOM, shim.ONCE, errno.ENOSPC),
    "ENOSPC from then on": (TAKES_ROOM, shim.ON, errno.ENOSPC),
    "EDQUOT once": (TAKES_ROOM, shim.ONCE, errno.EDQUOT),
    "EDQUOT from then on": (TAKES_ROOM, shim.ON, errno.EDQUOT),
    "EIO once": (shim.ALL, shim.ONCE, errno.EIO),
    "EIO from then on": (shim.ALL, shim.ON, errno.EIO),
    "EINTR, then EIO": (shim.ALL, shim.INTERRUPT, errno.EIO),
    "short write once": (shim.WRITE, shim.SHORT_ONCE, 0),
    "short writes from then on": (shim.WRITE, shim.SHORT_ON, 0),
}


@dataclass(frozen=True)
class Fault:
    """The k-th call of an operation fails in one way; or, k kilobytes of real room."""

    operation: str
    way: str
    k: int


class Faults(Campaign):
    """One trial is one call that fails."""

    ways: Sequence[str] = tuple(WAYS)

    def __init__(self, folder: Path, seed: int, ground: Ground = DISK) -> None:
        super().__init__(folder, seed)
        warm_up()
        self.studio = Studio(folder / "studio", PICTURES, ground)
        self.said = folder / "said.txt"
        self.place = folder / "place"  # what the shim watches: features and out
        self.root, self.out = ground.root(self.place / "features"), self.place / "out" / "export.h5"
        self.counted: dict[tuple[str, int], int] = {}
        self.beginnings = {operation: self._beginning(operation) for operation in OPERATIONS}
        self.already = {operation: self._rows_of(operation) for operation in OPERATIONS}
        self.faults = list(self._faults())
        self.random(0).shuffle(self.faults)  # so that the first few are a sample of all
        self.record = len(self.faults)

    def trial(self, number: int) -> Trial:
        """Fail one call, and judge."""
        fault = self.faults[number]
        self._set_up(fault.operation)
        before = set(self.already[fault.operation])
        if fault.way == "disk full":
            ended, wrong = self._with_little_room(fault)
        else:
            ended = self._with(fault)
            wrong = []
        wrong += self._judge_end(ended)
        may_be_set_aside = fault.way.startswith("EI")
        wrong += forks.ask(lambda: self._judge(before, ended.status, may_be_set_aside), self.said)
        return Trial(f"{fault.operation}: {fault.way}", [f"call {fault.k}, {fault.way}: {w}" for w in wrong])

    def _judge_end(self, ended: forks.Ended) -> list[str]:
        if ended.status not in (0, 1):
            return [f"ended with {ended.status}: {ended.said[-300:]}"]
        last = ended.said.strip().splitlines()[-1:] or [""]
        foreign = "unexpected" in ended.said or "--debug shows where" in last[0]  # no sentence of the cache's own
        if ended.status == 1 and (not last[0].startswith("error: ") or foreign):
            return [f"no clear error: {ended.said[-300:]}"]
        return []

    def _judge(self, before: set[bytes], status: int, may_be_set_aside: bool) -> list[str]:
        """In a child: what was there is there, and the next run completes."""
        studio = self.studio
        wrong = studio.faults_of(self.root)
        there = studio.vectors(self.root)
        if not may_be_set_aside:  # a segment that could not be read was set aside; it is made again
            wrong += [f"{i.hex()[:12]} is gone" for i in before - set(there)]
        if self.out.exists():
            wrong += studio.faults_of_export(self.out)
        if studio.run(self.root)() != 0:
            wrong.append("the next run does not complete")
        if studio.vectors(self.root) != studio.expected:
            wrong.append("after the next run the vectors are not those of an undisturbed one")
        if studio.export(self.root, self.out)() != 0 or studio.faults_of_export(self.out):
            wrong.append("a later export fails")
        return wrong + studio.leftovers(self.root, self.out)

    def _faults(self) -> Iterator[Fault]:
        for operation in OPERATIONS:
            for way in self.ways:
                yield from (Fault(operation, way, k + 1) for k in range(self._calls(operation, way)))
            if self._can_be_full():
                yield from (Fault(operation, "disk full", kb) for kb in NO_ROOM_KILOBYTES if operation != "repair")

    def _can_be_full(self) -> bool:
        """Whether a really full disk is tried."""
        return _can_mount(self.place)

    def _calls(self, operation: str, way: str) -> int:
        """How many calls there are of those that fail in some way."""
        kinds = WAYS[way][0]
        if (operation, kinds) not in self.counted:
            self._set_up(operation)
            self.counted[operation, kinds] = forks.ask(lambda: self._count(operation, kinds), self.said)
        return self.counted[operation, kinds]

    def _count(self, operation: str, kinds: int) -> int:
        work = self._work(operation)
        shim.arm(self.place, kinds)
        status, counted = work(), shim.calls()
        assert status == 0
        return counted

    def _with(self, fault: Fault) -> forks.Ended:
        """How the operation ends where that call fails."""
        kinds, mode, error = WAYS[fault.way]
        work = self._work(fault.operation)

        def armed() -> int:
            shim.arm(self.place, kinds, fault.k, error, mode)
            return work()

        return forks.run(armed, self.said)

    def _work(self, operation: str) -> Callable[[], int]:
        if operation == "compact":
            return self.studio.compact(self.root)
        if operation == "export":
            return self.studio.export(self.root, self.out)
        return self.studio.run(self.root)

    def _beginning(self, operation: str) -> str | None:
        """A features folder in the state in which an operation begins; None is empty."""
        ground = self.studio.ground
        if operation == "run":
            return None
        state = ground.root(self.folder / f"before-{operation}")
        ground.remove(state)
        if operation == "resume":
            assert forks.run(self.studio.interrupted(state, 21), self.said).status == 130
            return state
        ground.copy(self.studio.reference, state)
        if operation == "repair":
            self.studio.damage(state)
        return state

    def _rows_of(self, operation: str) -> set[bytes]:
        """Whose rows are there when an operation begins; a damaged segment's are not."""
        beginning = self.beginnings[operation]

        def rows() -> set[bytes]:
            found: set[bytes] = set()
            for cache in list_caches(beginning) if beginning else ():
                cache.verify()
                found.update(cache.ids().tolist())
            return found

        there: set[bytes] = forks.ask(rows, self.said)
        return there

    def _set_up(self, operation: str) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        self.studio.ground.remove(self.root)
        self.place.mkdir()
        beginning = self.beginnings[operation]
        if beginning:
            self.studio.ground.copy(beginning, self.root)

    def _with_little_room(self, fault: Fault) -> tuple[forks.Ended, list[str]]:
        """The same on a file system that has only so many kilobytes beyond what is there already."""
        taken = sum(-(-p.stat().st_size // 4096) * 4 + 4 for p in self.place.rglob("*") if p.is_file())
        _mount(self.place, taken + fault.k)
        try:
            self.out.parent.mkdir(exist_ok=True)
            if beginning := self.beginnings[fault.operation]:
                self.studio.ground.copy(beginning, self.root)
            ended = forks.run(self._work(fault.operation), self.said)
            kept = self.folder / "kept"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(self.place, kept)
        finally:
            subprocess.run(["umount", str(self.place)], check=True)
        shutil.rmtree(self.place)
        kept.rename(self.place)
        return ended, []


def _mount(folder: Path, kilobytes: int) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(folder)], check=True)


def _can_mount(folder: Path) -> bool:
    """Whether this process may mount file systems; if not, a really full disk is not tried."""
    if os.geteuid() != 0:
        return False
    try:
        _mount(folder, 64)
    except (OSError, subprocess.CalledProcessError):
        return False
    subprocess.run(["umount", str(folder)], check=True)
    return True
