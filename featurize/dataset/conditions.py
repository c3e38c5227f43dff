"""Small conditions on labels, as in `year < 1900 and style in ('Realism', 'Impressionism')`.

The grammar is a corner of Python's: comparisons (also chained), `in`, `and`, `or`, `not`, brackets; names of
columns, numbers, texts. It is read with Python's own parser and evaluated here, never executed. Texts are equal
when they spell the same label; a comparison with a number that a row doesn't have is neither true nor false, and
a row is taken only where the whole is true.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence

from featurize.dataset.labels import label_key
from featurize.errors import SourceError

Row = int
Truth = bool | None  # None: not known
Value = str | float
Test = Callable[[Row], Truth]
Get = Callable[[Row], Value]

_LONGEST = 2000
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
    try:
        parsed = ast.parse(condition.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"--where {condition!r} can't be understood: write it like 'year < 1900'") from error
    test = _Condition(condition, columns).test(parsed)
    return [row for row in range(rows) if test(row)]


class _Condition:
    def __init__(self, text: str, columns: Mapping[str, Sequence[str]]) -> None:
        self._text = text
        self._columns = columns

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
            if node.id not in self._columns:
                raise SourceError(
                    f"--where {self._text!r}: there is no column {node.id!r} (there are: {', '.join(self._columns)}); "
                    "texts stand in quotes"
                )
            column = self._columns[node.id]
            return lambda row: column[row]
        raise self._refuse(node, "use columns, numbers, texts in quotes, and, or, not, in")

    def _refuse(self, node: ast.expr, way_out: str) -> SourceError:
        said = ast.get_source_segment(self._text.strip(), node) or self._text
        return SourceError(f"--where {self._text!r}: {said!r} is not understood: {way_out}")


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
