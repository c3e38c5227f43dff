"""Which classes lie near each other: distances of their means, and what a nearest-mean head takes for what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from classify.errors import DataError
from classify.explore.pages import PAGE, render, write_folder
from classify.explore.works import Works
from featurize import theme
from featurize.dataset.sheets import csv_bytes
from featurize.wording import counted, cut, decimals, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDS = 5
FEWEST = 2  # works, from which a class takes part
CLASSES = 3  # that are needed
_NAMED = 60  # classes whose names fit along a matrix


@dataclass(frozen=True)
class Styles:
    """K classes in an order in which near ones stand together.

    Parameters
    ----------
    works : Works
    target : str
        The column of the classes.
    names : tuple of str
    counts : ndarray (K,) int
    distance : ndarray (K, K) float64
        1 - cosine of the classes' means, taken from the mean of these means: 0 to 2.
    confusion : ndarray (K, K) int
        Works of each class (rows) by the class that they were taken for.
    tree : ndarray (K - 1, 4) float64
        Average linkage of the distances, as SciPy has it; its leaves stand in the order of the classes.
    grouped : bool
        Whether the folds keep painters apart.
    """

    works: Works
    target: str
    names: tuple[str, ...]
    counts: NDArray[np.intp]
    distance: NDArray[np.float64]
    confusion: NDArray[np.intp]
    tree: NDArray[np.float64]
    grouped: bool

    @property
    def left_out(self) -> dict[str, int]:
        """Works that take no part, by the reason."""
        unlabelled = sum(not label for label in self.works.column(self.target))
        return {
            f"no {self.target}": unlabelled,
            f"a {self.target} that no other work has": len(self.works) - unlabelled - int(self.counts.sum()),
        }


def styles(works: Works, target: str = "style", *, seed: int = 0) -> Styles:
    """Which classes lie near each other.

    Confusions are those of the head `prototype` (nearest mean) on works that it did not learn from, in five folds that
    keep painters apart where their names are known.

    Parameters
    ----------
    works : Works
    target : str
        The column of the classes; those with one work are left out.
    seed : int
        Of the folds.

    Raises
    ------
    TableError
        There is no such column.
    DataError
        Fewer than three classes have two works or more.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    labels = np.array(works.table.column(target))
    known, sizes = np.unique(labels[labels != ""], return_counts=True)
    names = known[sizes >= FEWEST]
    if len(names) < CLASSES:
        have = f"{counted(len(names), 'class has', 'classes have')} {FEWEST} works or more"
        raise DataError(
            f"{have} in the column {target!r}, and three are needed to compare them: "
            "add pictures, or choose another column with --target"
        )
    rows = np.flatnonzero(np.isin(labels, names))
    X, codes = works.X[rows], np.searchsorted(names, labels[rows])
    means = np.stack([X[codes == code].mean(0, dtype=np.float64) for code in range(len(names))])
    means -= means.mean(0)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-300)
    distance = np.clip(1 - means @ means.T, 0, 2)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    order = leaves_list(tree)
    leaves = tree[:, :2] < len(names)
    tree[:, :2][leaves] = np.argsort(order)[tree[:, :2][leaves].astype(np.intp)]  # numbers of classes in the new order
    distance = distance[np.ix_(order, order)]
    confusion, grouped = _confusion(X, codes, np.array(works.groups.names)[rows], len(names), seed)
    return Styles(
        works=works,
        target=target,
        names=tuple(names[order].tolist()),
        counts=np.bincount(codes)[order],
        distance=distance,
        confusion=confusion[np.ix_(order, order)],
        tree=tree,
        grouped=grouped,
    )


def _confusion(
    X: NDArray[np.floating], codes: NDArray[np.intp], groups: NDArray[np.str_], count: int, seed: int
) -> tuple[NDArray[np.intp], bool]:
    from classify.heads import make_head
    from classify.heads.tuning import can_group, make_folds

    grouped = len(np.unique(groups)) < len(groups) and can_group(codes, groups)
    out = np.zeros((count, count), np.intp)
    for learn, held_out in make_folds(codes, groups, FOLDS, seed):
        named = make_head("prototype").fit(X[learn], codes[learn]).predict(X[held_out])
        np.add.at(out, (codes[held_out], named), 1)
    return out, grouped


def dendrogram(found: Styles) -> Figure:
    """The tree of the classes."""
    from scipy.cluster.hierarchy import dendrogram as branches

    drawn = branches(found.tree, no_plot=True, orientation="right")
    with theme.drawing(420, 60 + 15 * len(found.names)) as figure:
        axes = figure.subplots()
        for x, y in zip(drawn["dcoord"], drawn["icoord"], strict=True):
            axes.plot(x, y, color=theme.SERIES[1], lw=1.2)
        names = [cut(plain(found.names[n]), 30) for n in drawn["leaves"]]
        axes.set_yticks(10 * np.arange(len(names)) + 5, names, fontsize=8)
        axes.set(xlabel="distance", ylim=(10 * len(names) + 5, -5))  # from above, as in the matrices
        axes.grid(False, axis="y")
        figure.set_label(f"Tree of {len(names)} classes by the distance of their means: {', '.join(names)}.")
        return figure


def matrix(found: Styles, what: str) -> Figure:
    """A matrix of the classes: "distance", or "confusion" in shares of each row."""
    if what == "distance":
        values, title = found.distance, "distance of means"
    else:
        values = found.confusion / np.maximum(found.confusion.sum(1, keepdims=True), 1)
        title = "share of a row's works"
    count = len(found.names)
    side = max(300, min(560, 13 * count + 170))
    with theme.drawing(side + 40, side) as figure:
        axes: Axes = figure.subplots()
        image = axes.imshow(values, cmap=theme.SEQUENTIAL + ("_r" if what == "distance" else ""), interpolation="none")
        figure.colorbar(image, label=title, shrink=0.6)
        names = [cut(plain(name), 30) for name in found.names] if count <= _NAMED else []
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        axes.grid(False)
        figure.set_label(f"Matrix of {count} classes: {title}.")
        return figure


def draw_styles(found: Styles) -> dict[str, Figure]:
    """The figures of styles: "tree", "distance" and "taken", what is taken for what; the label of each says more."""
    return {"tree": dendrogram(found), "distance": matrix(found, "distance"), "taken": matrix(found, "confusion")}


def pairs(found: Styles, most: int = 8) -> list[tuple[str, str, float, int]]:
    """The nearest pairs of classes: their names, distance, and works taken for the other, both ways together."""
    a, b = np.triu_indices(len(found.names), 1)
    order = np.argsort(found.distance[a, b], kind="stable")[:most]
    swaps = found.confusion + found.confusion.T
    return [
        (found.names[i], found.names[j], float(found.distance[i, j]), int(swaps[i, j]))
        for i, j in zip(a[order].tolist(), b[order].tolist(), strict=True)
    ]


def write_styles(found: Styles, out: Path) -> Path:
    """Write `index.html`, `distances.csv` and `confusions.csv` into a folder; gives the path of the page.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    from classify.report.svg import as_svg

    def table(values: NDArray[np.generic], form: str) -> bytes:
        columns = {found.target: list(found.names)}
        for n, name in enumerate(found.names):
            columns[name if name != found.target else f"{name} (class)"] = [
                format(v, form) for v in values[:, n].tolist()
            ]
        return csv_bytes(columns)

    def page() -> bytes:
        figures = {name: as_svg(figure) for name, figure in draw_styles(found).items()}
        facts = {"s": found, "title": f"Which {plain(found.target)}s lie near each other", "figures": figures}
        near = pairs(found)
        digits = decimals(distance for _, _, distance, _ in near)
        return render("styles.html", found.works, {**facts, "pairs": near, "digits": digits})

    return write_folder(
        out,
        {
            "distances.csv": lambda: table(found.distance, ".6f"),
            "confusions.csv": lambda: table(found.confusion, "d"),
            PAGE: page,
        },
    )
