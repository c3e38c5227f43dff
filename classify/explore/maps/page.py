"""The page of a map: everything that it shows is inside it, but for sheets of small pictures where they are many."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.explore.maps.atlas import Grid
from classify.explore.maps.columns import Classes, Column
from classify.explore.works import Works
from featurize import pages

_SIDE = 65535  # positions are whole numbers up to this
_NONE = 65535  # the code of no class


def render(
    works: Works,
    xy: NDArray[np.floating],
    near: NDArray[np.integer],
    columns: Sequence[Column],
    *,
    title: str,
    about: str,
    colour: str,
    atlas: tuple[Grid, Sequence[str]] | None,
    link: str = "",
    grid: tuple[int, int] | None = None,
) -> bytes:
    """The page, in UTF-8.

    Parameters
    ----------
    works : Works
        N of them.
    xy : ndarray (N, 2)
    near : ndarray (N, K) int
        The nearest works of each.
    columns : sequence of Classes or Numbers
    title, about, colour : str
    atlas : (Grid, sequence of str), optional
        Sheets of small pictures, and where each lies: an address, or a data URI.
    link : str
        What stands before a picture's path to make it an address; "" for no links.
    grid : (columns, rows), optional
        Of a mosaic.
    """
    low, high = xy.min(0), xy.max(0)
    span = np.maximum(high - low, 1e-12)
    aspect = float(np.clip(span[1] / span[0], 0.2, 5))
    if grid:
        low, span, aspect = np.array([-0.5, -0.5]), np.array(grid, float), grid[1] / grid[0]
    whole = np.round((xy - low) / span * _SIDE).astype("<u2")
    data: dict[str, Any] = {
        "n": len(works),
        "x": _packed(whole[:, 0]),
        "y": _packed(whole[:, 1]),
        "aspect": aspect,
        "columns": [_column(column) for column in columns],
        "colour": colour,
        "titles": list(works.column("title")),
        "paths": list(works.paths),
        "ids": list(works.table.columns["id"]),
        "neighbours": _packed(near.astype("<u4")),
        "atlas": None,
        "link": link,
        "mosaic": {"columns": grid[0], "rows": grid[1]} if grid else None,
    }
    if atlas:
        shape, where = atlas
        data["atlas"] = {"side": shape.side, "columns": shape.columns, "rows": shape.rows, "sheets": list(where)}
    folder = files("classify.explore") / "templates"
    script = (folder / "map.js").read_text("utf-8")
    facts: Mapping[str, Any] = {
        "title": title,
        "about": about,
        "alt": f"Map of {len(works):,} pictures",
        "sheet": (folder / "map.css").read_text("utf-8"),
        "script": script,
        "hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "untrained": works.key.untrained,
        # in a script element only "<" could end it; the text comes back when it is parsed
        "data": json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c"),
    }
    return pages.render("classify.explore", "map.html", facts, {}, sheet="classify.report").encode("utf-8", "replace")


def _column(column: Column) -> dict[str, Any]:
    if isinstance(column, Classes):
        codes = np.where(column.codes < 0, _NONE, column.codes).astype("<u2")
        return {"name": column.name, "values": list(column.values), "codes": _packed(codes)}
    known = column.numbers[np.isfinite(column.numbers)]
    low, high = float(known.min()), float(known.max())
    return {"name": column.name, "numbers": _packed(column.numbers.astype("<f4")), "low": low, "high": high}


def _packed(numbers: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode()
