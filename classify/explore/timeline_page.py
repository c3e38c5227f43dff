"""The page of a timeline, and its figures as a CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from classify.explore import timeline_figures as figures
from classify.explore.hidden import units_in_time
from classify.explore.pages import PAGE, render, write_folder
from classify.explore.timeline import Timeline
from classify.report.svg import as_svg
from featurize.dataset.sheets import csv_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_timeline(found: Timeline, out: Path) -> Path:
    """Write `index.html` and `timeline.csv` into a folder; gives the path of the page.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    return write_folder(out, {"timeline.csv": lambda: as_csv(found), PAGE: lambda: _page(found)})


def as_csv(found: Timeline) -> bytes:
    """A line for each work: id, path, style, artist, year, components, predicted years."""
    works = found.works
    columns = {name: list(works.column(name)) for name in ("id", "path", "style", "artist", "year")}
    for n in range(found.scores.shape[1]):
        columns[f"component_{n + 1}"] = [f"{value:.6g}" for value in found.scores[:, n]]
    for score in found.predictions:
        columns[f"predicted_by_{score.name}"] = [f"{value:.1f}" for value in score.predicted]
    return csv_bytes(columns)


def draw_timeline(found: Timeline) -> dict[str, Figure]:
    """The figures of a timeline.

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        "against_year", "variance", "predicted"; "styles" where works have one; "units" of a hidden layer. The label of
        each says what it shows.
    """
    drawn = {"against_year": figures.against_year(found), "variance": figures.variance(found)}
    if found.styles:
        drawn["styles"] = figures.styles(found)
    if found.works.layer:
        drawn["units"] = figures.units(units_in_time(found.works))
    drawn["predicted"] = figures.predicted(found)
    return drawn


def _page(found: Timeline) -> bytes:
    drawn = {name: as_svg(figure) for name, figure in draw_timeline(found).items()}
    facts = {"t": found, "title": "Art history in time", "figures": drawn}
    return render("timeline.html", found.works, facts)
