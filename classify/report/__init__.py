"""A Comparison laid out for people and for programs: HTML, Markdown, JSON and CSV. Nothing is computed here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from cache import files
from classify.comparison.result import Comparison

PAGE = "index.html"


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
