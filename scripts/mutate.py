"""Changes one thing in the code at a time and sees whether the tests notice: a seeded sample of such mutants.

    python -m pytest --cov=cache --cov=classify --cov-context=test --cov-report= tests/cache tests/classify
    python scripts/mutate.py --coverage .coverage --minutes 40 --out docs/reliability/mutation.json

A mutant is the project's code with one comparison, sign, constant, condition or call changed. Tests that reach the
changed line, as the first command has recorded, and then those named here for its file, run in a copy of the project,
in a process that is forked from one that has the libraries loaded; the mutant is killed where a test fails, breaks
off, or takes far longer than it did before. What survives is printed with its place. Files are read when their turn
comes: don't edit them meanwhile. Forking needs Linux or macOS.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDERS = ("cache", "classify/evaluation", "classify/heads")
SLOWER = 6  # times as long as undisturbed: a mutant that goes on for ever
PATIENCE = 90  # seconds that are always granted
FIRST = 40  # tests that are tried before all others that reach a line
WARM: tuple[str, ...] = (
    "numpy",
    "scipy.linalg",
    "scipy.optimize",
    "sklearn.utils.estimator_checks",
    "sklearn.model_selection",
    "torch",
)
WARM += ("h5py", "pytest", "safetensors.numpy", "statsmodels.stats.multitest", "PIL.Image")

C, H = "tests/cache/", "tests/classify/"
SOLVERS = (H + "test_tuning.py", H + "test_few_rows.py", H + "test_heads_parts.py", H + "test_heads_solvers.py")
STORES = (C + "test_store.py", C + "test_neighbours.py", C + "test_feature_cache.py")
# the beginning of a path -> tests, the quick ones first; the longest beginning counts
TESTS: dict[str, tuple[str, ...]] = {
    "cache/": (C,),
    "cache/adopt": (C + "test_adopt.py",),
    "cache/schema1": (C + "test_adopt.py",),
    "cache/artifacts": (C + "test_artifacts.py", C + "test_store.py"),
    "cache/buckets/": (C + "test_buckets.py", *STORES),
    "cache/key": (C + "test_key.py", C + "test_store.py"),
    "cache/plan": (C + "test_plan.py", C + "test_store.py"),
    "cache/segments/segment": (C + "test_segment.py", *STORES),
    "classify/evaluation/": (H + "test_statistics.py", H + "test_metrics.py", H + "test_compare.py"),
    "classify/evaluation/metrics": (H + "test_metrics.py",),
    "classify/evaluation/nearest": ("tests/classify/explore", H + "test_compare.py"),
    "classify/heads/": (*SOLVERS, H + "test_heads.py"),
    "classify/heads/base": (
        H + "test_tuning.py",
        H + "test_heads_range.py",
        H + "test_heads.py",
        H + "test_headfile.py",
    ),
    "classify/heads/calibration": (H + "test_tuning.py", H + "test_remarks.py", H + "test_heads_range.py"),
    "classify/heads/checks": (H + "test_heads_range.py", H + "test_heads.py"),
    "classify/heads/ensemble": (H + "test_tuning.py", H + "test_heads.py"),
    "classify/heads/mlp": (H + "test_heads_mlp.py", H + "test_tuning.py", H + "test_heads.py"),
    "classify/heads/rows/": (H + "test_heads_scaling.py", H + "test_heads_parts.py", H + "test_heads_memory.py"),
    "classify/heads/rows/folds": (H + "test_tuning.py",),
    "classify/heads/solvers/sgd": (H + "test_heads_mlp.py", H + "test_heads_solvers.py"),
    "classify/heads/solvers/adam": (H + "test_heads_mlp.py", H + "test_heads_solvers.py"),
    "classify/heads/spec": (H + "test_specs.py",),
    "classify/heads/tuning": (H + "test_tuning.py", H + "test_remarks.py"),
    "classify/heads/watch": (H + "test_heads_mlp.py", H + "test_heads.py"),
}

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.MatMult: ast.Mult,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum"}
NAMES |= {"argmax": "argmin", "argmin": "argmax", "sum": "mean", "mean": "sum", "zeros": "ones", "ones": "zeros"}


@dataclass(frozen=True)
class Mutant:
    """One change: in which file and line, and the code before and after it."""

    file: str
    line: int
    before: str
    after: str
    source: str  # of the whole file
    lines: tuple[int, ...]  # of its statement; none where it runs when the file is imported

    @property
    def place(self) -> str:
        """What is printed of it."""
        return f"{self.file}:{self.line}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: "killed", "endless" (killed by the clock) or "survived"."""

    file: str
    line: int
    before: str
    after: str
    outcome: str
    seconds: float


@dataclass(frozen=True)
class Place:
    """Where one change can be made: a node of a file's syntax tree, and which of its changes."""

    file: str
    node: int
    variant: int

    def mutant(self) -> Mutant:
        """The change, made."""
        tree = ast.parse((ROOT / self.file).read_text("utf-8"))
        node = list(ast.walk(tree))[self.node]
        before, lines = ast.unparse(node), _lines_of(tree, node)
        list(_changes(node))[self.variant]()
        line = getattr(node, "lineno", 0)
        return Mutant(self.file, line, before[:100], ast.unparse(node)[:100], ast.unparse(tree), lines)


def _lines_of(tree: ast.Module, node: ast.AST) -> tuple[int, ...]:
    """From the first line of a node's statement to the node; none outside of functions."""
    found: tuple[int, ...] = ()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for statement in (inner for part in function.body for inner in ast.walk(part)):
                if isinstance(statement, ast.stmt) and any(inner is node for inner in ast.walk(statement)):
                    found = tuple(range(statement.lineno, getattr(node, "lineno", statement.lineno) + 1))
    return found


def places_of(file: str) -> Iterator[Place]:
    """Every change that can be made in a file."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    skipped = {id(inner) for part in _untested(tree) for inner in ast.walk(part)}
    for number, node in enumerate(ast.walk(tree)):
        if id(node) not in skipped:
            yield from (Place(file, number, variant) for variant, _ in enumerate(_changes(node)))


def _untested(tree: ast.Module) -> Iterator[ast.AST]:
    """Parts in which a change means nothing to a run: annotations, raised errors, frozen classes, what types need."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from node.decorator_list
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation
        if isinstance(node, ast.FunctionDef) and node.returns:
            yield node.returns
        if isinstance(node, ast.Raise) or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node


def _changes(node: ast.AST) -> Iterator[Callable[[], object]]:
    """Functions that change a node in place, each in one way."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            yield partial(node.ops.__setitem__, place, COMPARISONS[type(operator)]())
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
        yield lambda: setattr(node, "op", OPERATORS[type(node.op)]())
    elif isinstance(node, ast.BoolOp):
        yield lambda: setattr(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield lambda: setattr(node, "operand", ast.UnaryOp(node.op, node.operand))
    elif isinstance(node, ast.Constant) and type(node.value) in (bool, int, float):
        yield lambda: setattr(node, "value", _other(node.value))
    elif isinstance(node, ast.Name) and node.id in NAMES:
        yield lambda: setattr(node, "id", NAMES[node.id])
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield lambda: setattr(node, "attr", NAMES[node.attr])
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield lambda: setattr(node, "value", ast.Constant(None))
    elif isinstance(node, ast.If | ast.IfExp):
        yield lambda: setattr(node, "test", ast.Constant(False))


def _other(value: Any) -> Any:
    """Another constant of the same kind."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else 2 * value or 1.0


def tests_of(file: str) -> tuple[str, ...]:
    """The tests that are to notice a change of a file, the quick ones first."""
    return TESTS[max((start for start in TESTS if file.startswith(start)), key=len)]


def all_places() -> list[Place]:
    """Of all files of FOLDERS."""
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [place for path in files for place in places_of(str(path.relative_to(ROOT)))]


class Reached:
    """Which tests reach which line, from a database that coverage has written."""

    def __init__(self, database: Path):
        from coverage import CoverageData

        self._data = CoverageData(str(database))
        self._data.read()
        self._lines: dict[str, dict[int, list[str]]] = {}

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Tests that run the mutant's statement, those first that are named for its file."""
        if mutant.file not in self._lines:
            self._lines[mutant.file] = self._data.contexts_by_lineno(str(ROOT / mutant.file))
        named = [name for tests in tests_of(mutant.file) for name in tests.split()]
        found = set()
        for line in mutant.lines:
            for context in self._lines[mutant.file].get(line, []):
                test, _, phase = context.rpartition("|")
                found.add(test.partition("[")[0] if phase == "run" else test.partition("::")[0])
        whole = {test for test in found if "::" not in test}  # reached by what prepares the tests of a file
        kept = whole | {test for test in found if test.partition("::")[0] not in whole}
        return sorted(kept - {""}, key=lambda test: ([not test.startswith(name) for name in named], test))


class Copy:
    """A copy of the project in a temporary folder, in which one file at a time is another."""

    def __init__(self, folder: Path, reached: Reached | None = None):
        self.reached = reached
        self.folder = folder / "project"
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in listed.splitlines():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, self.folder / name)
        self._undisturbed: dict[str, float] = {}

    def judge(self, mutant: Mutant) -> tuple[str, float]:
        """The outcome of a mutant, and seconds."""
        path = self.folder / mutant.file
        before, started = path.read_bytes(), time.monotonic()
        outcome = "survived"
        reaching = self.reached.tests_of(mutant) if self.reached else []
        parts = [" ".join(part) for part in (reaching[:FIRST], reaching[FIRST:]) if part]
        try:
            for tests in (*parts, *tests_of(mutant.file)):
                usual = sum(map(self.usual, dict.fromkeys(t.partition("::")[0] for t in tests.split())))
                path.write_text(mutant.source, "utf-8")
                outcome = _run(self.folder, tests, PATIENCE + SLOWER * usual)
                path.write_bytes(before)
                if outcome != "survived":
                    break
        finally:
            path.write_bytes(before)
        return outcome, round(time.monotonic() - started, 1)

    def usual(self, tests: str) -> float:
        """Seconds that some tests take with the code as it is."""
        if tests not in self._undisturbed:
            started = time.monotonic()
            outcome = _run(self.folder, tests, 1e4)
            if outcome != "survived":
                raise SystemExit(f"{tests} fails with the code as it is: mend that first")
            self._undisturbed[tests] = time.monotonic() - started
        return self._undisturbed[tests]


def _run(folder: Path, tests: str, limit: float) -> str:
    """Run some tests in a forked process."""
    child = os.fork()
    if not child:
        os.setsid()
        os.chdir(folder)
        sys.path[:] = [
            str(folder),
            *(entry for entry in sys.path if entry not in ("", str(ROOT), str(ROOT / "scripts"))),
        ]
        sys.dont_write_bytecode = True
        os.environ["PYTHONPATH"] = str(folder)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        status = 99
        try:
            import pytest

            status = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests.split()]))
        finally:
            os._exit(status)
    until = time.monotonic() + limit
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "survived" if status == 0 else "killed"
        time.sleep(0.1)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "endless"


def sample(seed: int, start: int, minutes: float, out: Path | None, reached: Reached | None) -> list[Outcome]:
    """Mutants in an order of chance, from the `start`-th on, until the time is over."""
    places = all_places()
    random.Random(seed).shuffle(places)
    until = time.monotonic() + 60 * minutes
    done: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        project = Copy(Path(folder), reached)
        for place in places[start:]:
            if time.monotonic() > until:
                break
            mutant = place.mutant()
            outcome, seconds = project.judge(mutant)
            done.append(Outcome(mutant.file, mutant.line, mutant.before, mutant.after, outcome, seconds))
            print(f"{outcome:8} {seconds:6.1f} s  {mutant.place}", flush=True)
            if out:
                out.write_text(json.dumps(_record(seed, len(places), done), indent=1) + "\n", "utf-8")
    return done


def _record(seed: int, count: int, done: Sequence[Outcome]) -> dict[str, object]:
    code = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    survivors = [asdict(one) for one in done if one.outcome == "survived"]
    return {
        "code": code.stdout.strip(),
        "seed": seed,
        "mutants": count,
        "tried": len(done),
        "killed": len(done) - len(survivors),
        "survived": survivors,
        "all": [f"{one.file}:{one.line}: {one.before} -> {one.after}: {one.outcome}" for one in done],
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; 1 where a mutant survives."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="leave out so many of the seed's mutants: tried before")
    parser.add_argument("--minutes", type=float, default=40, help="no new mutant is begun after so long")
    parser.add_argument("--coverage", type=Path, help="coverage's database, which says what test reaches what line")
    parser.add_argument("--out", type=Path, help="write the record into this JSON file")
    options = parser.parse_args(argv)
    for name in WARM:
        importlib.import_module(name)
    reached = Reached(options.coverage) if options.coverage else None
    done = sample(options.seed, options.start, options.minutes, options.out, reached)
    killed = sum(one.outcome != "survived" for one in done)
    print(f"{killed} of {len(done)} mutants were killed")
    return int(killed < len(done))


if __name__ == "__main__":
    raise SystemExit(main())
