"""Races: eight runs into one folder at once, while readers read and compaction merges.

No row is lost, none stands twice in what a reader sees, the bits are those of a run alone, and nobody fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cache import Store, list_caches
from cache.buckets import bucket_at
from cache.segments.listing import Segments
from tests import sizes
from tests.campaigns import forks
from tests.campaigns.base import Campaign, Trial
from tests.campaigns.grounds import DISK, Ground
from tests.campaigns.studio import AVGPOOL, PICTURES, Studio, warm_up

RUNS, READERS, COMPACTORS = 8, 2, 1
_LONGEST_SECONDS = 300.0


class Races(Campaign):
    """One trial is one round in a new folder."""

    record = sizes.RACES_RECORD

    def __init__(self, folder: Path, seed: int, ground: Ground = DISK) -> None:
        super().__init__(folder, seed)
        warm_up()
        self.studio = Studio(folder / "studio", ground=ground)
        self.root, self.stop = ground.root(folder / "features"), folder / "stop"
        self.said = folder / "said.txt"

    def trial(self, number: int) -> Trial:
        """Start everybody, wait for the runs, stop the others, look."""
        self.studio.ground.remove(self.root)
        self.stop.unlink(missing_ok=True)
        rng = self.random(number)
        works = [(f"run {n}", self._later(rng.uniform(0, 0.1), self.studio.run(self.root))) for n in range(RUNS)]
        works += [(f"reader {n}", self._reader) for n in range(READERS)]
        works += [(f"compaction {n}", self._compactor) for n in range(COMPACTORS)]
        children = {name: self._start(name, work) for name, work in works}
        wrong = []
        for name, (pid, said) in children.items():
            if name.startswith("reader"):
                self.stop.touch()
            ended = forks.wait(pid, said)
            if ended.status != 0:
                wrong.append(f"{name} ended with {ended.status}: {ended.said.strip()[-300:]}")
        wrong += forks.ask(self._judge, self.said)
        return Trial("round", wrong)

    def _start(self, name: str, work: Callable[[], int]) -> tuple[int, Path]:
        said = self.said.with_name(f"{name}.txt")
        return forks.start(work, said), said

    @staticmethod
    def _later(seconds: float, work: Callable[[], int]) -> Callable[[], int]:
        def later() -> int:
            time.sleep(seconds)
            return work()

        return later

    def _reader(self) -> int:
        """Reads all it sees, again and again, through caches opened long ago and anew; rows never become fewer."""
        old: Store | None = None
        most = 0
        begun = time.monotonic()
        while not self.stop.exists() and time.monotonic() - begun < _LONGEST_SECONDS:
            for cache in list_caches(self.root):
                self._read(cache)
                old = old or cache
            if old:
                self._read(old)  # as it saw the folder last time, though segments were merged since
                old.refresh()
                seen = self._read(old)
                assert seen >= most, f"{most} rows were there, {seen} are"
                most = seen
        return 0

    def _read(self, cache: Store) -> int:
        ids = cache.ids()
        assert len(np.unique(ids)) == len(ids), "an id stands twice"
        known = ids[cache.embedded(ids, AVGPOOL)]
        vectors = cache.gather(known, AVGPOOL)
        for picture, vector in zip(known.tolist(), vectors, strict=True):
            assert vector.tobytes() == self.studio.expected[picture], f"{picture.hex()} has other bits"
        return len(known)

    def _compactor(self) -> int:
        work = self.studio.compact(self.root)
        begun = time.monotonic()
        while not self.stop.exists() and time.monotonic() - begun < _LONGEST_SECONDS:
            if self.studio.ground.has_cache(self.root) and (status := work()) != 0:
                return status
        return 0

    def _judge(self) -> list[str]:
        """In a child: everything is there once, and one more run and compaction change nothing."""
        studio = self.studio
        wrong = studio.faults_of(self.root)
        (cache,) = list_caches(self.root)
        if len(cache.ids()) != PICTURES or studio.vectors(self.root) != studio.expected:
            wrong.append(f"{len(cache.ids())} of {PICTURES} rows are there, or with other bits")
        if studio.compact(self.root)() != 0 or studio.run(self.root)() != 0:
            wrong.append("compaction or the next run fails")
        (cache,) = list_caches(self.root)
        if studio.vectors(self.root) != studio.expected:
            wrong.append("compaction changes what is there")
        if sum(len(s) for s in Segments(bucket_at(cache.place), cache.key.digest).opened) != PICTURES:
            wrong.append("rows stand twice after compaction")
        return wrong + studio.leftovers(self.root)
