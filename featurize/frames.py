"""Columns as a table of pandas, which is loaded only for those who ask for one."""

from __future__ import annotations

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
