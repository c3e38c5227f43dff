"""Small conditions on labels, as in `year < 1900 and style in ('Realism', 'Impressionism')`.

The grammar is a corner of Python's: comparisons (also chained), `in`, `and`, `or`, `not`, brackets; names of
columns, numbers, texts. A column whose name is none in Python stands in backticks, as in `Inv. No.` == '7'. A condition
is read with Python's own parser and evaluated here, never executed. Texts are equal when they spell the same label; a
comparison with a number that a row doesn't have is neither true nor false, and a row is taken only where the whole is
true.
"""

from __future__ import annotations

import ast
import keyword
import operator
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from featurize.dataset.labels import label_key
from featurize.errors import SourceError

Row = int
Truth = bool | None  # None: not known
Value = str | float
Test = Callable[[Row], Truth]
Get = Callable[[Row], Value]

_LONGEST = 2000
_TEXT_OR_COLUMN = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?P<column>[^`]+)`""")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_ORDER: Mapping[type[ast.cmpop], Callable[[float | str, float | str], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def rows_where(condition: str, columns: Mapping[str, Sequence[str]], rows: int) -> list[int]:
    """Numbers of the rows for which a condition is true.

    Parameters
    ----------
    condition : str
    columns : mapping of str to sequence of str
    rows : int

    Raises
    ------
    SourceError
        The condition is not of the grammar, or names a column that is not there.
    """
    if len(condition) > _LONGEST:
        raise SourceError(f"--where is {len(condition)} characters long; {_LONGEST} are allowed")
    plain, quoted = _without_backticks(condition)
    try:
        parsed = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SourceError(
            f"--where {condition!r} can't be understood: write it like year < 1900, with texts in quotes, and columns "
            f"whose names have spaces or dots in backticks, like {_example(columns)}"
        ) from error
    test = _Condition(condition, plain, columns, quoted).test(parsed)
    return [row for row in range(rows) if test(row)]


def _without_backticks(condition: str) -> tuple[str, dict[str, str]]:
    """The condition with a Python name for each name in backticks, and what those mean; texts stay as they are."""
    quoted: dict[str, str] = {}

    def name(found: re.Match[str]) -> str:
        if found["column"] is None:
            return found[0]
        place = f"_in_backticks_{len(quoted)}_"
        quoted[place] = found["column"]
        return f" {place} "

    return _TEXT_OR_COLUMN.sub(name, condition).strip(), quoted


def _example(columns: Mapping[str, Sequence[str]]) -> str:
    column = next((c for c in columns if not c.isidentifier()), "Inventory No.")
    return f"`{column}` == 'x'"


class _Condition:
    def __init__(self, text: str, plain: str, columns: Mapping[str, Sequence[str]], quoted: Mapping[str, str]) -> None:
        self._text = text  # as the user wrote it
        self._plain = plain  # as Python read it
        self._columns = columns
        self._quoted = quoted

    def test(self, node: ast.expr) -> Test:
        if isinstance(node, ast.BoolOp):
            parts = [self.test(part) for part in node.values]
            return _all(parts) if isinstance(node.op, ast.And) else _any(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return _not(self.test(node.operand))
        if isinstance(node, ast.Compare):
            left, *others = [node.left, *node.comparators]
            pairs = []
            for op, right in zip(node.ops, others, strict=True):
                pairs.append(self._compare(op, left, right))
                left = right
            return _all(pairs)
        raise self._refuse(node, "compare something, as in year < 1900")

    def _compare(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Test:
        if isinstance(op, ast.In | ast.NotIn):
            found = self._member(left, right)
            return found if isinstance(op, ast.In) else _not(found)
        if type(op) in _ORDER:
            left, right = _unquoted(left), _unquoted(right)
        first, second = self._value(left), self._value(right)
        if isinstance(op, ast.Eq | ast.NotEq):
            equal = _pairwise(first, second, _equal)
            return equal if isinstance(op, ast.Eq) else _not(equal)
        if type(op) not in _ORDER:
            raise self._refuse(left, "use == instead of is")
        return _pairwise(first, second, _ORDER[type(op)])

    def _member(self, left: ast.expr, right: ast.expr) -> Test:
        value = self._value(left)
        if isinstance(right, ast.Tuple | ast.List | ast.Set):
            return _any([_pairwise(value, self._value(item), _equal) for item in right.elts])
        if not isinstance(right, ast.Name):
            raise self._refuse(right, "in needs a list, as in style in ('Realism', 'Rococo')")
        whole = self._value(right)
        return lambda row: str(value(row)).casefold() in str(whole(row)).casefold()

    def _value(self, node: ast.expr) -> Get:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            node = ast.Constant(-node.operand.value) if isinstance(node.operand.value, int | float) else node
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float):
            constant = node.value if isinstance(node.value, str) else float(node.value)
            return lambda row: constant
        if isinstance(node, ast.Name):
            column = self._column(self._quoted.get(node.id, node.id))
            return lambda row: column[row]
        raise self._refuse(node, "use columns, numbers, texts in quotes, and, or, not, in")

    def _column(self, name: str) -> Sequence[str]:
        if name in self._columns:
            return self._columns[name]
        alike = [c for c in self._columns if unicodedata.normalize("NFKC", c) == unicodedata.normalize("NFKC", name)]
        if len(alike) == 1:  # Python writes the names that it reads in that form
            return self._columns[alike[0]]
        there = ", ".join(c if c.isidentifier() and not keyword.iskeyword(c) else f"`{c}`" for c in self._columns)
        raise SourceError(
            f"--where {self._text!r}: there is no column {name!r} (there are: {there}); texts stand in quotes, names "
            "with spaces or dots in backticks"
        )

    def _refuse(self, node: ast.expr, way_out: str) -> SourceError:
        said = ast.get_source_segment(self._plain, node) or self._text
        for name, column in self._quoted.items():
            said = said.replace(name, f"`{column}`")
        return SourceError(f"--where {self._text!r}: {said!r} is not understood: {way_out}")


def _unquoted(node: ast.expr) -> ast.expr:
    """A number that stands in quotes, as in `year < '1900'`, as a number: as texts, 300 would be above 1900."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NUMBER.fullmatch(node.value.strip()):
        return ast.copy_location(ast.Constant(float(node.value)), node)
    return node


def _pairwise(first: Get, second: Get, holds: Callable[[Value, Value], bool]) -> Test:
    """A comparison as numbers where one side is a number, else as texts."""

    def test(row: Row) -> Truth:
        a, b = first(row), second(row)
        if isinstance(a, float) or isinstance(b, float):
            try:
                return holds(float(a), float(b))
            except ValueError:
                return None
        return holds(a, b) if holds is _equal else holds(a.casefold(), b.casefold())

    return test


def _equal(a: Value, b: Value) -> bool:
    return a == b or (isinstance(a, str) and isinstance(b, str) and bool(a and b) and label_key(a) == label_key(b))


def _all(parts: Sequence[Test]) -> Test:
    def test(row: Row) -> Truth:
        found = [part(row) for part in parts]
        return False if False in found else None if None in found else True

    return test


def _any(parts: Sequence[Test]) -> Test:
    def test(row: Row) -> Truth:
        found = [part(row) for part in parts]
        return True if True in found else None if None in found else False

    return test


def _not(part: Test) -> Test:
    def test(row: Row) -> Truth:
        found = part(row)
        return None if found is None else not found

    return test
