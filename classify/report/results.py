"""`results.json`: the comparison without its single predictions, in the schema of docs/comparison.md."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from classify.comparison.result import Comparison

# the reader's own folder; what stands in other files
_OF_THE_COMPARISON = {"folder", "captions", "table_path", "rows", "suspect_columns", "asked_rows"}
_OF_ANSWERS = {"fold", "predictions", "probabilities", "repeated"}


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Plain lists, dicts, numbers and texts; field names are those of comparison.py."""
    plain: dict[str, Any] = _plain(comparison)
    return {"schema": plain.pop("schema"), **plain}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        left_out = _OF_THE_COMPARISON if isinstance(value, Comparison) else _OF_ANSWERS
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name not in left_out}
    if isinstance(value, dict):
        return {str(name): _plain(v) for name, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return value
