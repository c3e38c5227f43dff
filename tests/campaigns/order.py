"""Order: data are flushed before their name, the name before anyone relies on it, also after kills.

The calls of run, resume, compaction and repair are traced, some of them killed at a call and followed by another
command; then the power goes at a call, and of all that was not flushed a part survives. Whatever was reported as
done before must be there, and the next run must complete with the same bits.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from cache.buckets import ASIDE
from tests import sizes
from tests.campaigns import forks, shim
from tests.campaigns.base import Campaign, Trial
from tests.campaigns.disk import Call, Disk, files_of, lay_out, read_trace
from tests.campaigns.studio import Studio, warm_up

PICTURES = 40  # three segments
HISTORIES = ("run", "resume", "compact", "repair", "run run", "resume run", "compact compact", "repair run")


class Order(Campaign):
    """First every cut with every prefix of undisturbed histories, then random ones with kills and subsets."""

    record = sizes.POWER_CUTS_RECORD

    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__(folder, seed)
        warm_up()
        self.studio = Studio(folder / "studio", PICTURES)
        self.said, self.trace = folder / "said.txt", folder / "trace"
        self.root = folder / "place" / "features"
        self.before = {name: self._state(name) for name in ("run", "resume", "compact", "repair")}
        self.whole = {name: self._disk((name,), None) for name in self.before}
        self.prefixes = [
            (name, cut, kept)
            for name, disk in self.whole.items()
            for cut in range(len(disk.calls) + 1)
            for kept in range(len(disk.unsafe(cut)) + 1)
        ]
        self.random(0).shuffle(self.prefixes)
        self.record = max(self.record, 2 * len(self.prefixes))

    def trial(self, number: int) -> Trial:
        """Lose the power once."""
        rng = self.random(number)
        if number % 2 == 0 and number // 2 < len(self.prefixes):
            name, cut, count = self.prefixes[number // 2]
            disk = self.whole[name]
            kept = disk.unsafe(cut)[:count]
            what, torn = f"{name}: prefix", None
        else:
            name = rng.choice(HISTORIES)
            disk = self._disk(tuple(name.split()), rng.random() if " " in name else None)
            cut = rng.randint(0, len(disk.calls))
            unsafe = disk.unsafe(cut)
            kept = [s for s in unsafe if rng.random() < 0.5]
            what, torn = f"{name.replace(' ', ', killed, then ')}: subset", rng
        wrong = misordered(disk.calls)
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.parent.mkdir(exist_ok=True)
        lay_out(disk.after_loss(cut, kept, torn))
        promised = _promised(disk.calls[:cut])
        wrong += forks.ask(lambda: self._judge(promised), self.said)
        return Trial(what, [f"power lost at call {cut} of {len(disk.calls)}: {w}" for w in wrong])

    def _judge(self, promised: set[bytes]) -> list[str]:
        """In a child: what was reported as done is there, and the next run completes."""
        studio = self.studio
        try:
            wrong = studio.faults_of(str(self.root))
            there = studio.vectors(str(self.root))
        except Exception as error:
            return [f"the cache can't be opened: {error}"]
        wrong += [f"{i.hex()[:12]} was reported as done and is lost" for i in promised - set(there)]
        if studio.run(str(self.root))() != 0:
            wrong.append("the next run does not complete")
        if studio.vectors(str(self.root)) != studio.expected:
            wrong.append("after the next run the vectors are not those of an undisturbed one")
        return wrong + studio.leftovers(str(self.root))

    def _disk(self, operations: Sequence[str], killed: float | None) -> Disk:
        """The disk after some operations, all but the last killed at a call: at a share of all its calls."""
        shutil.rmtree(self.root.parent, ignore_errors=True)
        self.root.parent.mkdir(parents=True)
        lay_out(self.before[operations[0]])
        begun = dict(self.before[operations[0]])
        self.trace.write_bytes(b"")
        for operation in operations[:-1]:
            length = max(sum(c.what not in ("open", "mark") for c in self.whole[operation].calls), 1)
            self._traced(operation, 1 + int((killed or 0) * length))
        self._traced(operations[-1], 0)
        return Disk(read_trace(self.trace), begun)

    def _traced(self, operation: str, kill_at: int) -> None:
        work = self.studio.compact(str(self.root)) if operation == "compact" else self.studio.run(str(self.root))
        trace = self.trace

        def traced() -> int:
            out = os.open(trace, os.O_WRONLY | os.O_APPEND)
            mode = shim.KILL if kill_at else shim.COUNT
            shim.arm(self.root.parent, shim.CHANGES, kill_at, 0, mode, out)
            status = _with_marks(work)
            shim.mark(b"".join(i.ljust(32, b"\0") for i in self.studio.vectors(str(self.root))))
            return status

        ended = forks.run(traced, self.said)
        assert ended.status in (0, -9), ended.said

    def _state(self, operation: str) -> dict[str, bytes | None]:
        """What lies safely on the disk when an operation begins."""
        shutil.rmtree(self.root.parent, ignore_errors=True)
        self.root.parent.mkdir(parents=True)
        if operation == "resume":
            assert forks.run(self.studio.interrupted(str(self.root), 21), self.said).status == 130
        elif operation != "run":
            shutil.copytree(self.studio.reference, self.root)
        if operation == "repair":
            self.studio.damage(str(self.root))
        return files_of(self.root)


def misordered(calls: Sequence[Call]) -> list[str]:
    """Files that get a name before their bytes were flushed, and names whose folder is not flushed before a report."""
    dirty: set[str] = set()
    path_of: dict[int, str] = {}
    unflushed: dict[str, str] = {}  # folder -> a name that was given in it
    wrong = []
    for call in calls:
        if call.what in ("create", "empty", "open"):
            path_of[call.handle] = call.path
        elif call.what == "write":
            dirty.add(path_of[call.handle])
        elif call.what == "fsync":
            dirty.discard(path_of[call.handle])
            unflushed.pop(path_of[call.handle], None)
        elif call.what in ("rename", "link"):
            if call.path in dirty:
                wrong.append(f"{Path(call.target).name} got its name before its bytes were flushed")
            if ASIDE not in call.target:  # whether a damaged segment is kept matters to nobody
                unflushed[str(Path(call.target).parent)] = Path(call.target).name
        elif call.what == "mark":
            wrong += [f"{name} was reported before its folder was flushed" for name in unflushed.values()]
    return wrong


def _with_marks(work: Callable[[], int]) -> int:
    """Work, noting in the trace whose rows each append has promised to keep."""
    from cache import FeatureCache, Rows

    append = FeatureCache.append

    def marking(cache: FeatureCache, rows: Rows) -> None:
        append(cache, rows)
        shim.mark(b"".join(i.ljust(32, b"\0") for i in rows.ids.tolist()))

    FeatureCache.append = marking  # type: ignore[method-assign]
    return work()


def _promised(calls: Sequence[Call]) -> set[bytes]:
    marked = b"".join(c.data for c in calls if c.what == "mark")
    return {marked[n : n + 32].rstrip(b"\0") for n in range(0, len(marked), 32)}
