"""The findings of an audit as one HTML page that needs no other file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from featurize import pages
from featurize.dataset.audit import words
from featurize.dataset.audit.result import Audit
from featurize.dataset.suspects.sheet import reason
from featurize.pictures.thumbnail import Thumbnail, thumbnail
from featurize.wording import plain

_SIDE = 260  # pixels of the longer side of a thumbnail
SUSPECTS = 120  # that are shown with their pictures; the page lists the others, too
MOST = 48  # pairs of each kind that are shown; `audit.json` has all


def render(found: Audit, folder: Path) -> str:
    """The page.

    Parameters
    ----------
    found : Audit
    folder : Path
        What the rows' paths are relative to.
    """

    @cache
    def picture(row: int) -> Thumbnail | None:
        return thumbnail(folder / found.told[row].path, _SIDE)

    facts: dict[str, Any] = {"a": found, "w": words, "picture": picture, "most": MOST, "largest": _largest(found)}
    facts |= {"reason": reason, "shown": SUSPECTS}
    filters = {"plain": plain, "count": lambda number: f"{number:,}"}
    return pages.render("featurize.dataset.audit", "audit.html", facts, filters)


def _largest(found: Audit) -> dict[str, int]:
    """What the longest bars stand for."""
    return {
        "class": max((size.total for size in found.classes), default=1),
        "period": max((sum(period.counts.values()) for period in found.years.periods), default=1) or 1,
    }
