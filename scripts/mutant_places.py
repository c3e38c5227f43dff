"""Every place where `mutate.py` can change one thing in the code, in an order of chance.

A place's turn comes from its seed, its function and its own text alone. So code that changes elsewhere doesn't move it,
and a record of earlier code can be gone on with.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDERS = ("cache", "classify/evaluation", "classify/heads")

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

    name: str  # the same for the same change of the same function, whatever else changes
    file: str
    line: int
    before: str
    after: str
    source: str  # of the whole file
    lines: tuple[
        int, ...
    ]  # of its statement; none for what runs when the file is imported: constants and default values

    @property
    def place(self) -> str:
        """What is printed of it."""
        return f"{self.file}:{self.line}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class Place:
    """Where one change can be made: a node of a file's syntax tree, and which of its changes."""

    name: str
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
        return Mutant(self.name, self.file, line, before[:100], ast.unparse(node)[:100], ast.unparse(tree), lines)


def in_order(seed: int) -> list[Place]:
    """The places of all files of FOLDERS in an order of chance."""
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    places = [place for path in files for place in places_of(str(path.relative_to(ROOT)))]
    return sorted(places, key=lambda place: sha256(f"{seed} {place.name}".encode()).hexdigest())


def places_of(file: str) -> Iterator[Place]:
    """Every change that can be made in a file."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    skipped = {id(inner) for part in _untested(tree) for inner in ast.walk(part)}
    scopes = _scopes(tree)
    seen: Counter[str] = Counter()
    for number, node in enumerate(ast.walk(tree)):
        variants = 0 if id(node) in skipped else sum(1 for _ in _changes(node))
        for variant in range(variants):
            text = f"{file} {scopes[id(node)]} {type(node).__name__} {variant} {ast.unparse(node)}"
            seen[text] += 1
            yield Place(sha256(f"{text} {seen[text]}".encode()).hexdigest()[:12], file, number, variant)


def _scopes(tree: ast.Module) -> dict[int, str]:
    """The dotted name of the class and function in which each node stands."""
    found: dict[int, str] = {}

    def visit(node: ast.AST, scope: str) -> None:
        found[id(node)] = scope
        inner = f"{scope}.{node.name}" if isinstance(node, ast.FunctionDef | ast.ClassDef) else scope
        for child in ast.iter_child_nodes(node):
            visit(child, inner)

    visit(tree, "")
    return found


def _lines_of(tree: ast.Module, node: ast.AST) -> tuple[int, ...]:
    """From the first line of a node's statement to the node; none outside of functions and for default values."""
    found: tuple[int, ...] = ()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for statement in (inner for part in function.body for inner in ast.walk(part)):
                if isinstance(statement, ast.stmt) and any(inner is node for inner in ast.walk(statement)):
                    found = tuple(range(statement.lineno, getattr(node, "lineno", statement.lineno) + 1))
    return found


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
