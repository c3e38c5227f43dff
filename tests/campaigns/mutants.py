"""The mutation campaign: spoiled pictures by the hundred thousand, through the decoder that runs use.

    python -m tests.campaigns.mutants --count 200000 --seed 0 --state mutants.jsonl

What must hold for every mutant: the decoder neither crashes nor takes longer than ten seconds nor outgrows its
memory; a picture that is cut is refused or complete; a PNG that was changed is refused or the same; the same bytes
give the same pixels. Every hundredth mutant goes through a whole run among seven neighbours: they keep their bits,
and the rows embedded and failed add up. The state has a line for each block of mutants; blocks that stand there are
not tried again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from cache import FeatureCache
from cache.ids import from_hex
from featurize import isolated
from featurize.errors import Undecodable
from featurize.extract import Settings, extract
from featurize.pictures import digest
from featurize.reasons import Reason
from featurize.recipes import FORMULAS
from featurize.table import DatasetTable
from featurize.transform import Transform
from tests.campaigns.mutations import mutate
from tests.campaigns.sources import sources
from tests.conftest import ROOT
from tests.featurize import fake

BLOCK = 500  # mutants of one seed
AMONG_NEIGHBOURS = 100  # every so-manieth mutant goes through a run
TWICE = 10  # every so-manieth accepted mutant is decoded again
SECONDS = 10.0
TRANSFORM = Transform(resize=36, crop=32)
PAINTINGS = ROOT.parent / "shared" / "data" / "rasta-small"
AVGPOOL = FORMULAS["avgpool"].recipe


@dataclass
class Tally:
    """What was tried and what came of it."""

    tried: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    twice: int = 0
    slowest: float = 0.0
    megabytes: float = 0.0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in what another block found."""
        for name in ("tried", "runs", "twice", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("outcomes", "ways", "forms"):
            getattr(self, name).update(getattr(other, name))
        self.slowest = max(self.slowest, other.slowest)
        self.megabytes = max(self.megabytes, other.megabytes)
        self.violations += other.violations


@dataclass(frozen=True)
class Healthy:
    """A source, and its pixels or why it is refused."""

    form: str
    data: bytes
    pixels: bytes | Reason


class Campaign:
    """Mutants of the same sources, and the neighbours among which some of them are embedded.

    Parameters
    ----------
    seed : int
    count : int
        Sources in each form.
    """

    def __init__(self, seed: int, count: int = 3) -> None:
        self.seed = seed
        isolated.LIMIT = SECONDS
        made = sources(PAINTINGS if PAINTINGS.is_dir() else None, seed, count)
        self.healthy = [Healthy(form, data, outcome(data)) for form, data in made]
        self.neighbours = [h.data for h in self.healthy if h.form in ("jpeg", "png", "webp", "tiff")][:7]
        self._expected = {}
        for place in range(len(self.neighbours) + 1):
            self._expected[place] = self._embed(b"no picture", place)[0]

    def block(self, number: int) -> Tally:
        """Try the mutants of one block."""
        rng = Random(f"{self.seed}-{number}")
        tally = Tally()
        started = time.perf_counter()
        for n in range(BLOCK):
            source = rng.choice(self.healthy)
            alike = [h.data for h in self.healthy if h.form.partition("-")[0] == source.form.partition("-")[0]]
            way, mutant = mutate(source.data, rng, alike)
            said = self._try(source, way, mutant, n, tally)
            tally.violations += [f"block {number}, mutant {n}, {source.form}, {way}: {s}" for s in said]
            if n % AMONG_NEIGHBOURS == 0:
                tally.runs += 1
                said = self._among_neighbours(mutant, rng.randrange(len(self.neighbours) + 1))
                tally.violations += [f"block {number}, mutant {n}, {source.form}, {way}: {s}" for s in said]
        tally.seconds = time.perf_counter() - started
        return tally

    def _try(self, source: Healthy, way: str, mutant: bytes, n: int, tally: Tally) -> list[str]:
        started = time.perf_counter()
        found = outcome(mutant)
        taken = time.perf_counter() - started
        reason = Reason.OK if isinstance(found, bytes) else found
        tally.tried += 1
        tally.outcomes[reason.label] += 1
        tally.ways[way] += 1
        tally.forms[source.form] += 1
        tally.slowest = max(tally.slowest, taken)
        if reason in (Reason.CRASHED, Reason.HUNG):
            return [f"the decoder {reason.label}"]
        return [] if isinstance(found, Reason) else list(self._accepted(source, way, mutant, found, n, tally))

    def _accepted(self, source: Healthy, way: str, mutant: bytes, pixels: bytes, n: int, tally: Tally) -> Iterator[str]:
        telling = way == "cut" or (way == "cut and close" and "progressive" not in source.form)
        if (telling or (source.form.startswith("png") and "made right" not in way)) and pixels != source.pixels:
            yield "accepted, though it is not the whole picture"
        if n % TWICE == 0:
            tally.twice += 1
            if outcome(mutant) != pixels:
                yield "other pixels the second time"

    def _among_neighbours(self, mutant: bytes, place: int) -> Iterator[str]:
        vectors, embedded, failed = self._embed(mutant, place)
        if vectors != self._expected[place]:
            yield "a neighbour's row changed"
        if embedded + failed != len(self.neighbours) + 1:
            yield f"{embedded} embedded and {failed} failed are not {len(self.neighbours) + 1}"
        if (failed == 0) != isinstance(outcome(mutant), bytes):
            yield "the run and the decoder disagree"

    def _embed(self, mutant: bytes, place: int) -> tuple[bytes, int, int]:
        """The neighbours' vectors, and how many rows were embedded and failed, with the mutant in its place."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            contents = [*self.neighbours[:place], mutant, *self.neighbours[place:]]
            for n, data in enumerate(contents):
                (folder / f"{n}").write_bytes(data)
            ids = [digest(data) for data in contents]
            columns = {"id": ids, "path": [str(n) for n in range(len(ids))], "split": ["train"] * len(ids)}
            settings = Settings(backbone="resnet18", weights="random", batch_size=len(ids), size=32)
            done = extract(DatasetTable(columns, folder), folder / "features", settings)
            vectors = FeatureCache(done.folder).gather(from_hex(ids[:place] + ids[place + 1 :]), AVGPOOL)
            return vectors.tobytes(), done.embedded, len(done.failed)


def outcome(data: bytes) -> bytes | Reason:
    """What becomes of a file: its pixels or the reason."""
    try:
        return isolated.pixels_of(data, TRANSFORM).tobytes()
    except Undecodable as why:
        return why.reason


def mutants(
    count: int, seed: int, state: Path | None = None, workers: int = 2, say: Callable[[str], None] = print
) -> Tally:
    """Try `count` mutants, rounded up to whole blocks, less those that the state knows.

    Parameters
    ----------
    count, seed : int
    state : Path, optional
        A line for each block that is done.
    workers : int
    say : callable
    """
    total = Tally()
    known = _read(state)
    for tally in known.values():
        total.add(tally)
    todo = [b for b in range(-(-count // BLOCK)) if b not in known]
    if not todo:
        return total
    campaign = Campaign(seed)
    with ThreadPoolExecutor(workers) as pool:
        for number, tally in zip(todo, pool.map(campaign.block, todo), strict=True):
            tally.megabytes = _peak_megabytes()
            total.add(tally)
            if state:
                with state.open("a") as file:
                    file.write(json.dumps({"block": number, **vars(tally)}) + "\n")
            if number % 20 == 19:
                say(f"{total.tried} of {count} mutants, {len(total.violations)} violations")
    return total


def _read(state: Path | None) -> dict[int, Tally]:
    known = {}
    for line in state.read_text().splitlines() if state and state.exists() else []:
        fields = json.loads(line)
        number = fields.pop("block")
        counters = {name: Counter(fields.pop(name)) for name in ("outcomes", "ways", "forms")}
        known[number] = Tally(**counters, **fields)
    return known


def _peak_megabytes() -> float:
    """The largest a companion at work ever was, resident."""
    peaks = [0.0]
    for companion in list(isolated._idle):
        status = Path(f"/proc/{companion._process.pid}/status")
        if status.exists():
            peaks += [int(s.split()[1]) / 1024 for s in status.read_text().splitlines() if s.startswith("VmHWM")]
    return max(peaks)


def report(tally: Tally) -> Sequence[str]:
    """The record of a campaign, line by line."""
    listed = ", ".join(f"{name} {n}" for name, n in tally.outcomes.most_common())
    return [
        f"mutants: {tally.tried} of {len(tally.forms)} forms in {len(tally.ways)} ways",
        f"outcomes: {listed}",
        f"through a whole run among neighbours: {tally.runs}; decoded twice: {tally.twice}",
        f"slowest: {tally.slowest:.2f} s; largest decoder: {tally.megabytes:.0f} MB; work: {tally.seconds:.0f} s",
        f"violations: {len(tally.violations)}",
        *tally.violations[:50],
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaign from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args(argv)
    fake.install()
    tally = mutants(asked.count, asked.seed, asked.state, asked.workers)
    print("\n".join(report(tally)))
    return 1 if tally.violations else 0


if __name__ == "__main__":
    raise SystemExit(main())
