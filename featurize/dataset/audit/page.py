"""The findings of an audit as one HTML page that needs no other file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from featurize import pages
from featurize.dataset.audit import words
from featurize.dataset.audit.commands import Commands
from featurize.dataset.audit.result import Audit
from featurize.dataset.captions import Captions
from featurize.dataset.suspects import sheet
from featurize.pictures.plates import Plates
from featurize.wording import MOST_SHOWN, artist, counted, cut, isolated, plain

_SIDE = 260  # pixels of the longer side of a thumbnail
SUSPECTS = 120  # that are shown with their pictures; the page lists the others, too
MOST = 48  # pairs of each kind that are shown; `audit.json` has all


def render(
    found: Audit,
    folder: Path,
    captions: Captions | None = None,
    listed: Mapping[str, Sequence[str]] | None = None,
    commands: Commands = words.AS_EVER,
) -> str:
    """The page.

    Parameters
    ----------
    found : Audit
    folder : Path
        What the rows' paths are relative to.
    captions : Captions, optional
        What the table says of the works.
    listed : mapping of str to sequence of str, optional
        The suspects as their list has them.
    commands : Commands
    """
    plates = Plates(folder, _SIDE)
    facts: dict[str, Any] = {"a": found, "w": words, "plates": plates, "most": MOST, "largest": _largest(found)}
    facts |= {"reason": sheet.reason, "shown": SUSPECTS, "captions": captions or Captions(), "commands": commands}
    facts |= {"suspect_table": sheet.for_reading(listed or {}), "contents": contents(found)}
    facts |= {"cautions": words.cautions(found, commands)}
    facts |= {"correct_command": sheet.correct_command(commands.listed, commands.table)}
    filters: dict[str, Callable[..., Any]] = {
        "plain": lambda label: isolated(cut(plain(label), MOST_SHOWN)),
        "artist": lambda name: isolated(artist(name)),
        "counted": counted,
        "count": lambda number: f"{number:,}",
    }
    return pages.render("featurize.dataset.audit", "audit.html", facts, filters)


def contents(found: Audit) -> list[tuple[str, str]]:
    """The sections of the page: their ids and names."""
    sections = [
        ("changed", "Files that are not the picture", bool(found.changed)),
        ("labels", "Labels that may be wrong", bool(found.suspects.judged)),
        ("twice", "Pictures that stand twice", True),
        ("blank", "Pictures of one tone", bool(found.blank)),
        ("names", "One file name, several classes or splits", bool(found.same_names)),
        ("classes", "Classes", True),
        ("artists", "Artists", True),
        ("years", "Years", True),
        ("words", "What the words mean", True),
    ]
    return [(section, name) for section, name, there in sections if there]


def _largest(found: Audit) -> dict[str, int]:
    """What the longest bars stand for."""
    return {
        "class": max((size.total for size in found.classes), default=1),
        "period": max((sum(period.counts.values()) for period in found.years.periods), default=1) or 1,
    }
