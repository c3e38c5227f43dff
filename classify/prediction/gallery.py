"""Predictions as a page for people: each picture with its caption, its classes as bars, and what to doubt."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cache import files
from classify.prediction.predictor import Prediction
from classify.prediction.result import Predictions
from classify.prediction.sheet import reason
from featurize import pages, wording
from featurize.dataset.captions import caption_columns
from featurize.pictures.thumbnail import Thumbnail, thumbnail

MOST_LISTED = 40  # classes that the page names
MOST = 2000  # pictures on a page: one of about 30 MB


WHOSE = {"new": "by painters who are not among them", "known": "by painters who are among them"}


@dataclass(frozen=True)
class Plate:
    """A picture as the page shows it.

    Parameters
    ----------
    said : Prediction
    small : Thumbnail or None
        None where the file can't be decoded.
    link : str
        The file's address from the page; "" where there is none.
    name : str
        The file's name.
    title, inventory, artist, year : str
        "" where the user's table does not say.
    """

    said: Prediction
    small: Thumbnail | None
    link: str
    name: str
    title: str
    inventory: str
    artist: str
    year: str

    @property
    def alt(self) -> str:
        """The picture in words, for those who don't see it."""
        return ", ".join(filter(None, (self.title, self.artist, self.inventory))) or self.name


def write(predictions: Predictions, out: Path) -> None:
    """Write the page; see `Predictions.write_page`."""
    files.make_folder(out.absolute().parent)
    files.write_atomic(out, [html(predictions, out.absolute().parent).encode("utf-8", "replace")])


def html(predictions: Predictions, folder: Path) -> str:
    """The page, which needs no other file.

    Parameters
    ----------
    predictions : Predictions
    folder : Path
        Where it will lie: pictures are linked from there.
    """
    read = [n for n, one in enumerate(predictions) if one.trouble is None]
    plates = _plates(predictions, read[:MOST], folder)
    unread = _plates(predictions, [n for n, one in enumerate(predictions) if one.trouble is not None], folder)
    facts = {
        "p": predictions,
        "target": wording.plain(predictions.saved.target),
        "plates": plates,
        "unread": unread,
        "left": len(read) - len(plates),
        "sure": sum(not predictions[n].unsure and not predictions[n].unlike for n in read),
        "unsure": sum(predictions[n].unsure and not predictions[n].unlike for n in read),
        "whose": WHOSE.get(predictions.saved.question or "", ""),
        "unlike": sum(bool(predictions[n].unlike) for n in read),
        "read": len(read),
        "reason": reason,
        "most_listed": MOST_LISTED,
    }
    shown = wording.plain_names(predictions.saved.classes)
    filters: dict[str, Callable[..., Any]] = {
        "plain": lambda label: wording.isolated(shown.get(label) or wording.plain(label)),
        "percent": wording.percent,
        "counted": wording.counted,
        "whole": lambda share: wording.percent(share, 0),
        "chance": chance,
    }
    return pages.render("classify.prediction", "gallery.html", facts, filters, sheet="classify.report")


def chance(share: float) -> str:
    """A probability in whole percent; what is nearly sure or nearly impossible is not called so."""
    if 0.995 <= share < 1:
        return f"over {wording.percent(0.99, 0)}"
    if 0 < share < 0.005:
        return f"under {wording.percent(0.01, 0)}"
    return wording.percent(share, 0)


def _plates(predictions: Predictions, rows: Sequence[int], folder: Path) -> list[Plate]:
    columns = predictions.columns
    named = caption_columns(list(columns))

    def cell(name: str | None, row: int) -> str:
        return columns[name][row] if name else ""

    plates = []
    for row in rows:
        said = predictions[row]
        path = Path(said.path) if said.path else None
        there = path if path is not None and said.trouble is None and path.is_file() else None
        plates.append(
            Plate(
                said,
                thumbnail(path) if path is not None and said.trouble is None else None,
                quote(os.path.relpath(there, folder).replace(os.sep, "/"), errors="replace") if there else "",
                path.name if path is not None else "",
                cell(named.title, row),
                cell(named.inventory, row),
                cell(named.artist, row),
                cell(named.year, row),
            )
        )
    return plates
