"""From works to a map in a folder: the page, sheets of small pictures, print, and positions as a CSV."""

from __future__ import annotations

import base64
import os
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cache import Artifacts, files
from cache.ids import positions
from classify.errors import DataError
from classify.explore.maps import atlas, layout
from classify.explore.maps.columns import Column, classes_of, columns_of
from classify.explore.maps.layout import Layout
from classify.explore.maps.mosaic import pasted, snapped
from classify.explore.maps.page import render
from classify.explore.pages import PAGE, check_out, write_folder
from classify.explore.works import Works
from featurize.dataset.sheets import csv_bytes
from featurize.pictures import archives
from featurize.progress import Progress
from featurize.wording import counted, have

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INSIDE = 3 << 20  # bytes of sheets, up to which they lie inside the page
FEWEST = 3  # works that a map needs
NAMES = {"tsne": "t-SNE", "pca": "first two principal components"}
WORDS = {
    "tsne": "t-SNE of {} principal components. Distances between far groups mean little.",
    "pca": "the first two principal components. Works that lie together may differ in the others.",
}


@dataclass(frozen=True)
class Map:
    """A map of works.

    Parameters
    ----------
    works : Works
        N of them.
    layout : Layout
        In the order of ids; `xy` and `near` are in that of the works.
    xy : ndarray (N, 2) float32
    near : ndarray (N, K) int
        The nearest works of each in the space of the components.
    columns : sequence of Classes or Numbers
    colour : str
        The column that it is coloured by.
    news : sequence of str
        What a reader is to know of how it came about.
    """

    works: Works
    layout: Layout
    xy: NDArray[np.float32]
    near: NDArray[np.intp]
    columns: Sequence[Column]
    colour: str
    news: Sequence[str] = field(default=())

    @property
    def column(self) -> Column | None:
        """The column that it is coloured by; None where the table has no labels."""
        return next((c for c in self.columns if c.name == self.colour), None)


def map_of(
    works: Works,
    artifacts: Artifacts | None = None,
    *,
    method: str = "tsne",
    colour: str = "style",
    adding: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Map:
    """A map of works: the one that is kept, the kept one with more pictures, or a new one.

    Parameters
    ----------
    works : Works
    artifacts : Artifacts, optional
        Of the key: where maps are kept.
    method : str
        "tsne" or "pca".
    colour : str
        The column to colour by.
    adding : bool
        Put pictures into the kept map, instead of making a new one.
    seed : int
    progress : callable, optional
        Called with (iterations done, iterations in all).

    Raises
    ------
    DataError
        No such method or column, too few works, nothing to add to, or openTSNE is not installed.
    StorageFailed
        The map can't be kept.
    """
    if len(works) < FEWEST:
        there = f"{counted(len(works), 'picture')} {have(len(works))}"
        raise DataError(f"a map needs {FEWEST} pictures or more, and {there} an embedding")
    columns, large = columns_of(works, colour)
    parameters = layout.parameters_of(works, method, seed)
    kept, shared = layout.find_layout(artifacts, works, parameters) if artifacts else (None, 0)
    news = [f"the column {name!r} has too many different values for a page: left out" for name in large]
    news += [works.odd_years] if works.odd_years else []
    if kept is not None and shared == len(works) == len(kept):
        found = kept
        news.append("the map was made before, and is taken as it is")
    elif adding and (kept is None or not shared):
        raise DataError(f"--add: no map of these pictures by {method} with seed {seed} is kept: make one without --add")
    elif adding and kept is not None:
        found = layout.add(kept, works)
        news.append(f"{counted(len(works) - shared, 'picture')} placed into the map of {shared:,}")
        if len(kept) > shared:
            news.append(f"{counted(len(kept) - shared, 'picture')} of the kept map left out, which are not asked for")
    else:
        found = layout.make_layout(works, method, seed, progress)
        if kept is not None and shared:
            news.append(f"an earlier map has {shared:,} of these pictures: --add places the others into it")
    if artifacts and found is not kept:
        layout.keep(artifacts, found)
    order = positions(works.ids, found.ids)
    back = np.argsort(order)
    if found.added.any():
        columns = [*columns, classes_of("placed", ["later" if late else "first" for late in found.added[order]])]
    chosen = colour if any(c.name == colour for c in columns) else (columns[0].name if columns else "")
    return Map(works, found, found.xy[order], back[found.near[order]], columns, chosen, news)


def write_map(made: Map, out: Path, *, mosaic: bool = False, progress: Progress | None = None) -> Path:
    """Write a map into a folder; gives the path of the page.

    Parameters
    ----------
    made : Map
    out : Path
        Gets `index.html`, `map.csv`, `map.svg`, `map.png`, and `atlas-*.webp` where they are too large for the page.
    mosaic : bool
        Snap the pictures to a grid; `mosaic.jpg` shows them there. The other two pictures show the map itself.
    progress : callable, optional
        Called with (small pictures done, pictures in all).

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    from classify.explore.maps.figure import as_file

    check_out(out)
    files.make_folder(out.absolute())
    works, xy, grid = made.works, made.xy.astype(np.float64), None
    if mosaic:
        squares, columns, rows = snapped(xy)
        xy, grid = squares.astype(np.float64), (columns, rows)
    drawn = draw_map(made)
    shape, where, sheets = _sheets(works, out, progress, keep=mosaic)
    facts = {
        "title": "Mosaic of the collection" if mosaic else "Map of the collection",
        "about": _about(made),
        "colour": made.colour,
        "atlas": (shape, where) if where else None,
        "link": _link(works, out),
        "grid": grid,
    }
    parts: dict[str, Callable[[], bytes]] = {
        "map.csv": lambda: as_csv(made, xy),
        "map.svg": lambda: as_file(drawn, "svg"),
        "map.png": lambda: as_file(drawn, "png"),
        **({"mosaic.jpg": lambda: pasted(sheets, shape, squares)} if mosaic else {}),
        PAGE: lambda: render(works, xy, made.near, made.columns, **facts),  # type: ignore[arg-type]
    }
    return write_folder(out, parts)


def draw_map(made: Map) -> Figure:
    """A map for print: its points in the colours of the column that it is coloured by."""
    from classify.explore.maps.figure import figure

    works, method = made.works, str(made.layout.parameters["method"])
    network = f"{works.key.backbone}, {works.embedding}{', untrained' if works.key.untrained else ''}"
    return figure(made.xy, made.column, f"{counted(len(works), 'picture')} ({network}), {NAMES[method]}")


def as_csv(made: Map, xy: NDArray[np.floating]) -> bytes:
    """Positions with all that the table says."""
    works = made.works
    columns = {"id": list(works.table.columns["id"]), "path": list(works.paths)}
    columns |= {"x": [f"{x:.6g}" for x in xy[:, 0]], "y": [f"{y:.6g}" for y in xy[:, 1]]}
    for name in ("split", *works.labels()):
        columns[name if name not in columns else f"{name} (table)"] = list(works.column(name))
    return csv_bytes(columns)


def _sheets(
    works: Works, out: Path, progress: Progress | None, keep: bool = False
) -> tuple[atlas.Grid, list[str], list[bytes]]:
    """Sheets of small pictures: inside the page where they are small, else files; none where no picture is found.

    Gives their grid, where the page finds them, and, if they are to be kept, the sheets themselves.
    """
    grid = atlas.Grid.of(len(works))
    inside: list[bytes] = []
    kept: list[bytes] = []
    size = found = 0
    names = [f"atlas-{n}.webp" for n in range(grid.sheets)]
    for name, (data, count) in zip(names, atlas.sheets(works, grid, progress), strict=True):
        size, found = size + len(data), found + count
        kept += [data] if keep else []
        inside.append(data if size <= INSIDE else b"")
        files.write_atomic(out / name, [data])
    if size > INSIDE and found:
        return grid, names, kept
    for name in names:
        (out / name).unlink()
    within = ["data:image/webp;base64," + base64.b64encode(d).decode() for d in inside]
    return grid, within if found else [], kept


def _about(made: Map) -> str:
    works, method = made.works, str(made.layout.parameters["method"])
    how = WORDS[method].format(made.layout.scores.shape[1])
    return (
        f"{counted(len(works), 'picture')}; near means similar to the network {works.key.backbone} "
        f"({works.embedding}). "
        f"Positions: {how}"
    )


def _link(works: Works, out: Path) -> str:
    """What leads from the page to the pictures; "" where some lie in archives or at absolute paths."""
    if any(archives.inside(path) or Path(path).is_absolute() for path in works.paths):
        return ""
    return urllib.parse.quote(Path(os.path.relpath(works.table.folder, out.absolute())).as_posix()) + "/"
