"""Campaigns that try to make the cache lose or falsify something; prints what was tried and what failed.

    python scripts/torture.py kill --count 3000 --seed 1 --log kill.json

A campaign is a series of numbered trials, each repeatable from the seed and its number. With `--log`, counts and
violations are kept in a JSON file, and the same command goes on where it was stopped. `--plant BUG` puts a known
mistake into the code first and stops when it is found: a campaign that finds none would be worth nothing. `--store s3`
puts the features into an object store: moto's server on this machine, behind a proxy that fails, loses, cuts and
stalls. Exit status 1 means violations, 0 none. What is promised, and the record: docs/reliability.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.campaigns import bits, faults, kill, mutants, order, plants, races, shim, store_faults  # noqa: E402
from tests.campaigns.base import Campaign  # noqa: E402
from tests.campaigns.grounds import S3, s3_ground  # noqa: E402

CAMPAIGNS: dict[str, Callable[[Path, int], Campaign]] = {
    "kill": kill.Kill,
    "mutants": mutants.Mutants,
    "faults": faults.Faults,
    "order": order.Order,
    "bits": bits.Bits,
    "races": races.Races,
}
ON_S3: dict[str, Callable[[Path, int, S3], Campaign]] = {
    "kill": kill.Kill,
    "faults": store_faults.StoreFaults,
    "bits": bits.Bits,
    "races": races.Races,
}
PLANTS = {**plants.PLANTS, **mutants.PLANTS}
NEED_SHIM = ("faults", "order")
_KEEP = 50  # violations written out; all are counted
_SAVE_SECONDS = 5.0


@dataclass
class Record:
    """What a campaign has tried so far."""

    campaign: str
    seed: int
    planted: str | None = None
    done: int = 0
    tried: dict[str, int] = field(default_factory=dict)
    violations: int = 0
    examples: list[str] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0
    begun: str = ""
    store: str = "disk"
    requests: dict[str, int] = field(default_factory=dict)  # to the store, and what went wrong with how many

    def save(self, path: Path) -> None:
        """Write it whole or not at all."""
        part = path.with_name(path.name + ".part")
        part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        part.replace(path)

    def sentence(self) -> str:
        """One line for the screen and the record."""
        tried = ", ".join(f"{n} {what}" for what, n in sorted(self.tried.items()))
        asked = ", ".join(f"{n} {what}" for what, n in self.requests.items())
        return (
            f"{self.campaign}{f' with {self.planted} planted' if self.planted else ''}: {self.done} trials ({tried})"
            f"{f' on {self.store} ({asked})' if asked else ''}, seed {self.seed}, {self.violations} violations, "
            f"{self.seconds:.0f} s ({self.processor_seconds:.0f} s of processor time), begun {self.begun}"
        )


def carry_out(campaign: Campaign, record: Record, count: int, log: Path | None, ground: S3 | None = None) -> None:
    """Try the trials that the record does not hold yet."""
    asked = Counter(record.requests)
    tried = Counter(record.tried)
    started, processor = time.perf_counter() - record.seconds, _processor_seconds() - record.processor_seconds
    saved = 0.0
    for number in range(record.done, count):
        trial = campaign.trial(number)
        tried[trial.what] += 1
        if trial.violations:
            record.violations += 1
            line = f"trial {number} ({trial.what}): {'; '.join(trial.violations[:3])}"
            print(line, flush=True)
            record.examples = [*record.examples, line][:_KEEP]
        record.done, record.tried = number + 1, dict(tried)
        record.seconds = time.perf_counter() - started
        record.processor_seconds = _processor_seconds() - processor
        record.requests = dict(asked + Counter(ground.requests)) if ground else {}
        if log and (time.monotonic() - saved > _SAVE_SECONDS or record.done == count):
            record.save(log)
            saved = time.monotonic()
        if record.planted and record.violations:
            return  # one is enough to know that the mistake is found
        if record.done % max(count // 20, 1) == 0:
            print(f"{record.done}/{count}, {record.violations} violations, {record.seconds:.0f} s", flush=True)


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("campaign", choices=CAMPAIGNS)
    parser.add_argument("--count", type=int, help="trials; default: the size for the record")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, help="JSON file to keep the record in, and to go on from")
    parser.add_argument("--folder", type=Path, help="where to work; default: a new folder in memory where there is one")
    parser.add_argument("--plant", choices=PLANTS, help="a known mistake to put into the code first")
    parser.add_argument("--store", choices=["disk", "s3"], default="disk", help="where the features lie")
    arguments = parser.parse_args(argv)
    if arguments.store == "s3" and arguments.campaign not in ON_S3:
        parser.error(f"{arguments.campaign} is about files: with --store s3 there are {', '.join(ON_S3)}")
    return arguments


def _record(arguments: argparse.Namespace) -> Record | None:
    """The log's record, or a new one; None where the log is another campaign's."""
    begun = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M}"
    new = Record(arguments.campaign, arguments.seed, arguments.plant, begun=begun, store=arguments.store)
    if not (arguments.log and arguments.log.exists()):
        return new
    old = Record(**json.loads(arguments.log.read_text(encoding="utf-8")))
    if any(getattr(old, name) != getattr(new, name) for name in ("campaign", "seed", "planted", "store")):
        print(f"error: {arguments.log} is the log of another campaign, seed, planted mistake or store", file=sys.stderr)
        return None
    return old


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one campaign; status 1 where something was violated."""
    arguments = _arguments(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if arguments.campaign in NEED_SHIM and arguments.store == "disk":
        shim.start_again_with_it()
    record = _record(arguments)
    if not record:
        return 2
    memory = Path("/dev/shm")  # nothing here depends on the disk's speed, and much is written
    base = arguments.folder or Path(tempfile.mkdtemp(prefix="torture-", dir=memory if memory.is_dir() else None))
    try:
        if arguments.plant:
            PLANTS[arguments.plant]()
        with s3_ground(base) if arguments.store == "s3" else nullcontext() as ground:
            if ground:
                campaign = ON_S3[arguments.campaign](base, arguments.seed, ground)
            else:
                campaign = CAMPAIGNS[arguments.campaign](base, arguments.seed)
            carry_out(campaign, record, arguments.count or len(campaign), arguments.log, ground)
    finally:
        if not arguments.folder:
            shutil.rmtree(base, ignore_errors=True)
    print(record.sentence())
    return 1 if record.violations else 0


if __name__ == "__main__":
    raise SystemExit(main())
