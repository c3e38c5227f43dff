"""Columns as a table of pandas, which is loaded only for those who ask for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from featurize.errors import PackageMissing

if TYPE_CHECKING:
    import pandas


def frame(columns: Mapping[str, Any]) -> pandas.DataFrame:
    """A table of pandas.

    Raises
    ------
    PackageMissing
        pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise PackageMissing("to_pandas needs pandas, which is not installed: `pip install pandas`") from error
    return pandas.DataFrame(dict(columns))


def known(values: list[str]) -> list[str | None]:
    """Texts in which an empty one, which stands for an unknown value, is missing."""
    return [value or None for value in values]


def in_another_order(one: Any, other: Any) -> bool:
    """Whether two tables or columns of pandas have the same index, but not in the same order.

    Rows are joined by their place. Where the indexes say that other rows belong together, that would give each row
    the value of another one. Other indexes say nothing: a part of a table and a new column have different ones.
    """
    first, second = (getattr(value, "index", None) for value in (one, other))
    if (
        first is None
        or second is None
        or not (hasattr(first, "equals") and hasattr(second, "equals"))
        or first.equals(second)
    ):
        return False
    return Counter(first.tolist()) == Counter(second.tolist())
