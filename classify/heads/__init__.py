"""The heads by name. Importing this loads neither scikit-learn nor torch; making a head loads what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classify.heads.spec import HEADS, HeadSpec, head_class

if TYPE_CHECKING:
    from classify.heads.base import Head

__all__ = ["HEADS", "HeadSpec", "head_class", "make_head"]


def make_head(spec: str, **params: Any) -> Head:
    """An unfitted head from a name with options, as in "svm:C=3,standardize=false".

    Keyword arguments are parameters too; what the spec says goes before them.

    Raises
    ------
    ValueError
        The head or an option is unknown, or a value can't be read or is out of bounds.
    """
    return HeadSpec.parse(spec).make(**params)
