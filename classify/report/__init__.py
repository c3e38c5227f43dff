"""A Comparison laid out for people and for programs: HTML, Markdown, JSON and CSV. Nothing is computed here."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from cache import StorageFailed, files
from classify.comparison.result import Comparison

PAGE = "index.html"


def check_place(out: Path) -> None:
    """Raise `StorageFailed` if no report can be written there: better told before a long comparison than after."""
    there = next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        what = "may not be written to" if there.is_dir() else "is no folder"
        raise StorageFailed(f"can't write a report to {str(out)!r}: {str(there)!r} {what}; choose another --out")


def write_report(comparison: Comparison, out: str | Path, say: Callable[[str], None] = lambda line: None) -> Path:
    """Write `results.json`, `predictions.csv`, the list of suspects, `report.md` and `index.html` into a folder.

    Each is written before the next is made: whatever goes wrong with the page, the figures of a long comparison are
    there; and who sees the page finds the others.

    Parameters
    ----------
    comparison : Comparison
    out : str or Path
        Made where it is missing; files of the same names are replaced, but for a list of suspects that people changed.
    say : callable
        Called with a line about such a list.

    Returns
    -------
    Path of the page.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    from classify.report import page, predictions, results
    from featurize.dataset.suspects import sheet

    out = Path(out)
    texts: dict[str, Callable[[], str | bytes]] = {
        "results.json": lambda: (
            json.dumps(results.as_json(comparison), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        ),
        "predictions.csv": lambda: predictions.as_csv(comparison),
        "report.md": lambda: page.render(comparison, "report.md", out),
        PAGE: lambda: page.render(comparison, "page.html", out),
    }
    files.make_folder(out.absolute())
    for name, make in texts.items():
        if name == "report.md" and comparison.suspects.judged:
            for old in sheet.save(comparison.suspect_columns, out)[1]:
                say(sheet.moved_sentence(old))
        text = make()
        files.write_atomic(out / name, [text if isinstance(text, bytes) else text.encode("utf-8", "replace")])
    return out / PAGE
