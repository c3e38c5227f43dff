"""Bits: every byte of a segment's header flipped and every cut of it, and random places among its vectors.

Each change is found, the segment is named, none of its rows is returned, and the next run makes them again.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cache import CacheError, NotStored, SegmentDamaged, list_caches, open_cache
from cache.buckets import bucket_at
from cache.segments.segment import Segment
from tests import sizes
from tests.campaigns import forks
from tests.campaigns.base import Campaign, Trial
from tests.campaigns.grounds import DISK, Ground
from tests.campaigns.studio import AVGPOOL, Studio, warm_up

PICTURES = 40  # three segments
_RUN_EVERY = 50  # trials; one child judges so many, and tries the next run's repair for one of them


class Bits(Campaign):
    """One trial is one changed file."""

    def __init__(self, folder: Path, seed: int, ground: Ground = DISK) -> None:
        super().__init__(folder, seed)
        warm_up()
        self.studio = Studio(folder / "studio", PICTURES, ground)
        self.said = folder / "said.txt"
        self.root = self.studio.reference
        self.hurt = min(ground.segments(self.root))
        self.folder_of_key, self.name = self.hurt.split("/")
        self.content = ground.read(self.root, self.hurt)
        offset, length = forks.ask(self._payload, self.said)
        header = [n for n in range(len(self.content)) if not offset <= n < offset + length]
        rng = self.random(0)
        self.changes = [("header byte flipped", n) for n in header] + [("cut", n) for n in header]
        self.changes += [
            ("vector byte flipped", offset + rng.randrange(length)) for _ in range(sizes.PAYLOAD_FLIPS_RECORD)
        ]
        rng.shuffle(self.changes)  # so that the first few are a sample of all
        self.record = len(self.changes)
        self.judged: dict[int, list[str]] = {}

    def _payload(self) -> tuple[int, int]:
        bucket = bucket_at(self.root).within(self.folder_of_key)
        stored = Segment.open(bucket, self.name, open_cache(bucket).key.digest).recipes[AVGPOOL]
        return stored.offset, stored.shape[0] * stored.shape[1] * stored.dtype.itemsize

    def trial(self, number: int) -> Trial:
        """Change the file in one place."""
        if number not in self.judged:
            numbers = range(number, min(number + _RUN_EVERY, len(self.changes)))
            self.judged = dict(zip(numbers, forks.ask(lambda: list(map(self._judge, numbers)), self.said), strict=True))
        what, place = self.changes[number]
        wrong = self.judged[number]
        return Trial(what + (", then a run" if _repairs(number) else ""), [f"byte {place}: {w}" for w in wrong])

    def _judge(self, number: int) -> list[str]:
        """In a child: found, named, not returned; made again by the next run."""
        ground = self.studio.ground
        ground.write(self.root, self.hurt, changed(self.content, *self.changes[number], self.random(number)))
        repaired = self._not_repaired() if _repairs(number) else ()
        wrong = list(itertools.chain(self._not_found(), self._returned(), repaired))
        ground.write(self.root, self.hurt, self.content)
        ground.remove(self.root, f"{self.folder_of_key}/damaged")
        return wrong

    def _not_found(self) -> Iterator[str]:
        (cache,) = list_caches(self.root)
        problems = cache.verify()
        if not any(isinstance(p, SegmentDamaged) and self.name in str(p) for p in problems):
            yield "the change is not found, or the segment not named"

    def _returned(self) -> Iterator[str]:
        """A reader that verifies nothing by itself gets the right vectors or none."""
        cache = open_cache(bucket_at(self.root).within(self.folder_of_key))
        ids = cache.ids()[cache.embedded(cache.ids(), AVGPOOL)]
        for some in np.array_split(ids, len(ids) // 4):
            try:
                vectors = cache.gather(some, AVGPOOL)
            except (SegmentDamaged, NotStored):
                continue
            except CacheError as error:
                yield f"a reader gets {error!r}"
                continue
            if any(v.tobytes() != self.studio.expected.get(i) for i, v in zip(some.tolist(), vectors, strict=True)):
                yield "a wrong vector was returned"

    def _not_repaired(self) -> Iterator[str]:
        if self.studio.run(self.root)() != 0:
            yield "the next run does not complete"
        if self.studio.vectors(self.root) != self.studio.expected:
            yield "after the next run the vectors are not those of an undisturbed one"
        if f"{self.folder_of_key}/damaged/{self.name}" not in self.studio.ground.names(self.root):
            yield "the damaged segment is not set aside"


def _repairs(number: int) -> bool:
    return number % _RUN_EVERY == 0


def changed(content: bytes, what: str, place: int, rng: random.Random) -> bytes:
    """A file's bytes with one bit flipped, or cut before a byte."""
    if what == "cut":
        return content[:place]
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]
