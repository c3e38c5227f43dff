"""A Comparison laid out for people and for programs: HTML, Markdown, JSON and CSV. Nothing is computed here."""

from __future__ import annotations

import json
from pathlib import Path

from cache import files
from classify.comparison import Comparison

PAGE = "index.html"


def write_report(comparison: Comparison, out: Path) -> Path:
    """Write `index.html`, `report.md`, `results.json` and `predictions.csv` into a folder.

    Parameters
    ----------
    comparison : Comparison
    out : Path
        Made where it is missing; files of the same names are replaced.

    Returns
    -------
    Path of the page.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    from classify.report import page, predictions, results

    texts = {
        "results.json": json.dumps(results.as_json(comparison), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "predictions.csv": predictions.as_csv(comparison),
        "report.md": page.render(comparison, "report.md"),
        PAGE: page.render(comparison, "page.html"),  # last: who sees it finds the others
    }
    files.make_folder(out.absolute())
    for name, text in texts.items():
        files.write_atomic(out / name, [text.encode("utf-8", "replace")])
    return out / PAGE
