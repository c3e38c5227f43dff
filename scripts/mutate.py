"""Changes one thing in the code at a time and sees whether the tests notice: a seeded sample of such mutants.

    python -m pytest --cov=cache --cov=classify --cov-context=test --cov-report= --junitxml=times.xml \
        tests/cache tests/classify
    python scripts/mutate.py --coverage .coverage --times times.xml --minutes 40 --out record.json

A mutant is the project's code with one comparison, sign, constant, condition or call changed. The tests that reach the
changed line, as the first command has recorded, run in a copy of the project, in a process that is forked from one that
has the libraries loaded; the mutant is killed where a test fails, breaks off, or takes far longer than it did before,
and where that test passes with the code as it is. What survives is printed with its place. Files are read when their
turn comes: don't edit them meanwhile. Forking needs Linux or macOS.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from coverage import CoverageData, CoverageException

sys.path.insert(0, str(Path(__file__).parent))
from mutant_places import ROOT, Mutant, Place, in_order

SLOWER = 6  # times as long as undisturbed: a mutant that goes on for ever
PATIENCE = 30  # seconds that each test is always granted
FAR = 3  # times as late comes a test that runs no line of the mutant's file
COLLECTING = "collecting the tests"
WARM = """numpy scipy.linalg scipy.optimize scipy.stats sklearn.utils.estimator_checks sklearn.model_selection torch
    torchvision timm open_clip h5py hypothesis hypothesis.extra.numpy jinja2 matplotlib.pyplot moto.server obstore
    pandas pyarrow pytest safetensors.numpy statsmodels.stats.multitest statsmodels.stats.proportion PIL.Image"""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: "killed", "endless" (killed by the clock) or "survived"."""

    name: str
    place: str
    outcome: str
    by: str  # the test that noticed it
    tests: int  # how many tests were tried
    left_out: int  # tests that reach it and were not tried
    seconds: float


class Reached:
    """Which tests reach which line, from a database that coverage has written, and how long they take.

    The most direct tests are tried first: those that take the least time and run the fewest files of the project.
    """

    def __init__(self, database: Path, times: Path):
        self._data = CoverageData(str(database))
        self._data.read()
        if not any(path.endswith("/cache/store.py") for path in self._data.measured_files()):
            raise ValueError(f"{str(database)!r} holds nothing of the project: record it as the script's help says")
        self._lines: dict[str, dict[int, set[str]]] = {}
        self._seconds: dict[str, float] = defaultdict(float)
        for case in ET.parse(times).iter("testcase"):
            self._seconds[_test_of(case)] += float(case.get("time", 0))
        files: dict[str, int] = defaultdict(int)
        for path in self._data.measured_files():
            for test in set().union(*self.lines(path).values()):
                files[test] += 1
        self._order = {test: count * (0.1 + self.seconds(test)) for test, count in files.items()}

    def lines(self, path: str) -> dict[int, set[str]]:
        """The tests that run each line of a file."""
        if path not in self._lines:
            found = self._data.contexts_by_lineno(path).items()
            self._lines[path] = {line: _tests_among(contexts) for line, contexts in found}
        return self._lines[path]

    def seconds(self, test: str) -> float:
        """How long a test took undisturbed, with all its parameters."""
        return self._seconds[test]

    def slowest(self) -> dict[str, float]:
        """Seconds of each file's slowest test, which may be the one that prepares the others."""
        found: dict[str, float] = defaultdict(float)
        for test, seconds in self._seconds.items():
            file = test.partition("::")[0]
            found[file] = max(found[file], seconds)
        return found

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Tests that run a mutant's statement, the most direct first.

        Constants of a file and default values are read by tests that run none of its lines: all tests may notice, those
        that run the file count as more direct.
        """
        paths = [path for path in self._data.measured_files() if path.endswith(f"/{mutant.file}")]
        lines = self.lines(paths[0]) if paths else {}
        found = set().union(*(lines.get(line, set()) for line in mutant.lines or lines))
        far = {} if mutant.lines else dict.fromkeys(self._order.keys() - found, FAR)
        return sorted([*found, *far], key=lambda test: (self._order[test] * far.get(test, 1), test))


def _test_of(case: ET.Element) -> str:
    """The node id, without parameters, of a case of pytest's report."""
    module, _, test_class = (case.get("classname") or "").partition(".Test")
    inner = f"::Test{test_class}" if test_class else ""
    return f"{module.replace('.', '/')}.py{inner}::{(case.get('name') or '').partition('[')[0]}"


def _tests_among(contexts: Sequence[str]) -> set[str]:
    """Node ids without parameters; setting up and tearing down count for the test that does it first."""
    return {context.rpartition("|")[0].partition("[")[0] for context in contexts if "::" in context}


class Copy:
    """A copy of the project in a temporary folder, in which one file at a time is another."""

    def __init__(self, folder: Path, reached: Reached, budget: float):
        self.reached = reached
        self.budget = budget
        self.folder = folder / "project"
        self._slowest = reached.slowest()
        self._good: dict[str, bool] = {}
        self._there: set[str] = set()  # tests that were recorded may have other names since
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in listed.splitlines():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, self.folder / name)
            if name.startswith("tests/") and name.endswith(".py"):
                self._there.update(re.findall(r"def (test_\w+)", (ROOT / name).read_text("utf-8")))

    def judge(self, mutant: Mutant) -> Outcome:
        """What becomes of a mutant."""
        started = time.monotonic()
        reaching = self.reached.tests_of(mutant)
        tests = self._within_budget(reaching)
        outcome, by = "survived", ""
        while tests:
            outcome, by = self._changed(mutant, tests)
            if outcome == "survived" or self._passes_undisturbed(by, tests):
                break
            tests = [test for test in tests if test != by.partition("[")[0]]
            outcome, by = "survived", ""
        seconds = round(time.monotonic() - started, 1)
        return Outcome(mutant.name, mutant.place, outcome, by, len(tests), len(reaching) - len(tests), seconds)

    def _within_budget(self, tests: Sequence[str]) -> list[str]:
        """The most direct tests that together take no longer than the budget, those of one file side by side."""
        chosen, left = [], self.budget
        for test in tests:
            if test.rpartition("::")[2] in self._there and self.reached.seconds(test) <= left:
                left -= self.reached.seconds(test)
                chosen.append(test)
        files = list(dict.fromkeys(test.partition("::")[0] for test in chosen))
        return sorted(chosen, key=lambda test: files.index(test.partition("::")[0]))

    def _changed(self, mutant: Mutant, tests: Sequence[str]) -> tuple[str, str]:
        """The outcome of some tests with the mutant in its file's place."""
        path = self.folder / mutant.file
        before = path.read_bytes()
        path.write_text(mutant.source, "utf-8")
        try:
            return self._run(tests)
        finally:
            path.write_bytes(before)

    def _passes_undisturbed(self, test: str, among: Sequence[str]) -> bool:
        """Whether a test passes with the code as it is: else it is no witness."""
        if test == COLLECTING:
            if self._run(among, "--collect-only")[0] != "survived":
                raise SystemExit("the tests can't be collected with the code as it is: record coverage and times again")
            return True
        if test not in self._good:
            self._good[test] = self._run([test])[0] == "survived"
            if not self._good[test]:
                print(f"{test} fails with the code as it is, and is left out", flush=True)
        return self._good[test]

    def _run(self, tests: Sequence[str], *options: str) -> tuple[str, str]:
        """Run some tests in a forked process; the outcome, and the test that noticed."""
        note = self.folder.parent / "note"
        note.unlink(missing_ok=True)
        child = os.fork()
        if not child:
            _run_here(self.folder, [*options, *tests], _Watch(note, self._slowest))
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what it may have left running
        if status == 0:
            return "survived", ""
        by = note.read_text("utf-8") if note.exists() else COLLECTING
        return ("endless" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM else "killed"), by


class _Watch:
    """A plugin of pytest: a clock for each test, and a note of the test that fails or is running."""

    def __init__(self, note: Path, slowest: dict[str, float]):
        self._note = note
        self._slowest = slowest

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._note.write_text(nodeid, "utf-8")
        signal.setitimer(signal.ITIMER_REAL, PATIENCE + SLOWER * self._slowest[nodeid.partition("::")[0]])

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _run_here(folder: Path, arguments: Sequence[str], watch: _Watch) -> None:
    """Run some tests in this process, and leave it."""
    status = 99
    try:
        os.setsid()
        os.chdir(folder)
        others = (entry for entry in sys.path if entry not in ("", str(ROOT), str(ROOT / "scripts")))
        sys.path[:] = [str(folder), *others]
        sys.dont_write_bytecode = True
        os.environ |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        import pytest

        options = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain"]  # plain: nothing is compiled anew
        signal.setitimer(signal.ITIMER_REAL, 10 * PATIENCE)  # to collect them
        status = int(pytest.main([*options, *arguments], plugins=[watch]))
    finally:
        os._exit(status)


def sample(places: Sequence[Place], project: Copy, minutes: float, out: Path | None, facts: dict[str, Any]) -> int:
    """Judge mutants in their order until the time is over; how many survived."""
    until = time.monotonic() + 60 * minutes
    done: list[Outcome] = []
    for place in places:
        if time.monotonic() > until:
            break
        done.append(project.judge(place.mutant()))
        last = done[-1]
        print(f"{last.outcome:8} {last.seconds:6.1f} s  {last.place}  {last.by}", flush=True)
        survived = [asdict(one) for one in done if one.outcome == "survived"]
        record = {**facts, "tried": len(done), "killed": len(done) - len(survived), "survived": survived}
        if out:
            out.write_text(json.dumps({**record, "all": [asdict(one) for one in done]}, indent=1) + "\n", "utf-8")
    survivors = sum(one.outcome == "survived" for one in done)
    print(f"{len(done) - survivors} of {len(done)} mutants were killed")
    return survivors


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is no file")
    return path


def _places(options: argparse.Namespace) -> list[Place]:
    places = in_order(options.seed)
    if not options.again:
        return places[options.start :]
    names = {one["name"] for one in json.loads(options.again.read_text("utf-8"))["survived"]}
    return [place for place in places if place.name in names]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; 1 where a mutant survives."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--coverage", type=_file, required=True, help="coverage's database: which test reaches what")
    parser.add_argument("--times", type=_file, required=True, help="pytest's report in XML: how long each test takes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="leave out so many of the seed's mutants: tried before")
    parser.add_argument("--again", type=_file, help="only those that survived in this record")
    parser.add_argument("--minutes", type=float, default=40, help="no new mutant is begun after so long")
    parser.add_argument("--budget", type=float, default=1e9, help="seconds of tests for each mutant; default all")
    parser.add_argument("--out", type=Path, help="write the record into this JSON file")
    options = parser.parse_args(argv)
    try:
        reached, places = Reached(options.coverage, options.times), _places(options)
    except (OSError, SyntaxError, ValueError, KeyError, CoverageException) as error:
        raise SystemExit(f"can't read what was recorded: {error!s}") from error
    for name in WARM.split():
        with contextlib.suppress(ImportError):  # an extra that is not installed
            importlib.import_module(name)
    gc.freeze()  # pytest collects garbage several times in each child: not what is loaded here
    head = ["git", "rev-parse", "--short", "HEAD"]
    code = subprocess.run(head, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    facts = {"code": code, "seed": options.seed, "start": options.start, "mutants": len(in_order(options.seed))}
    with tempfile.TemporaryDirectory() as folder:
        project = Copy(Path(folder), reached, options.budget)
        return int(sample(places, project, options.minutes, options.out, facts) > 0)


if __name__ == "__main__":
    raise SystemExit(main())
