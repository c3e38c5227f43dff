"""The figures of a comparison, for the report and for notebooks: each takes finished numbers and gives a figure.

A figure is one of matplotlib's; its label says in words what it shows. In a notebook `%matplotlib inline` makes them
appear.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from classify.comparison.result import Comparison
from classify.errors import DataError, HeadError
from classify.evaluation.entry import Entry
from classify.report.label_places import label_dots
from classify.report.words import seconds
from featurize.theme import INK, MUTED, PAPER, RULE, SERIES, drawing
from featurize.wording import cut, listing, percent, plain_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

WIDTH = 420
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)))
MOST_NAMED = 12  # heads that are all named in a figure
MOST_SHOWN = 8  # reliability diagrams that are open
MOST_LABELS = 60  # classes whose names fit along a matrix


def draw_epochs(comparison: Comparison) -> Figure:
    """Accuracy after each epoch, held-out rows solid, training rows dotted.

    Raises
    ------
    DataError
        No head of the comparison has epochs.
    """
    entries = in_epochs(comparison)
    if not entries:
        raise DataError("no head of this comparison learns in epochs: softmax and mlp do")
    from matplotlib.ticker import MaxNLocator

    with drawing(WIDTH, 290) as figure:
        axes = figure.subplots()
        for n, entry in enumerate(entries):
            x = [h["epoch"] for h in entry.history]
            colour = SERIES[n % len(SERIES)]
            axes.plot(x, [h["train_accuracy"] for h in entry.history], color=colour, ls=":", lw=1.2)
            held_out = [h.get("val_accuracy", np.nan) for h in entry.history]
            axes.plot(x, held_out, color=colour, ls=_DASHES[n // len(SERIES) % 3], label=entry.name, marker="o", ms=3)
        percent_axis(axes.yaxis)
        axes.set(xlabel="epoch", ylabel="accuracy")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="best")
        last = ", ".join(f"{e.name} ends at {percent(e.history[-1].get('val_accuracy'))}" for e in entries)
        watched = listing(list(dict.fromkeys(e.watched for e in entries)))
        return labelled(figure, f"Accuracy after each epoch on {watched} pictures: {last}.")


def in_epochs(comparison: Comparison) -> list[Entry]:
    """The heads that learned in epochs, and were watched on held-out rows while they did."""
    return [e for e in comparison.entries if len(e.history) > 1 and not comparison.dataset.folds]


def draw_learning_curve(comparison: Comparison) -> Figure:
    """Accuracy against the number of training pictures, a line for each head.

    Raises
    ------
    DataError
        The comparison was made without learning curves.
    """
    curves = comparison.curves
    if not curves:
        raise DataError("this comparison has no learning curve: compare with learning_curve=True")
    with drawing(WIDTH, 320) as figure:
        axes = figure.subplots()
        for n, curve in enumerate(curves):
            colour, dashes = SERIES[n % len(SERIES)], _DASHES[n // len(SERIES) % 3]
            axes.plot(curve.pictures, [a.value for a in curve.accuracy], color=colour, ls=dashes, marker="o", ms=3)
            axes.plot([], [], color=colour, ls=dashes, label=curve.name)
        last = curves[0].accuracy
        axes.fill_between(
            curves[0].pictures, [a.low for a in last], [a.high for a in last], color=SERIES[0], alpha=0.12, lw=0
        )
        axes.set_xscale("log")
        axes.set_xticks(curves[0].pictures, [f"{n:,}" for n in curves[0].pictures])
        axes.minorticks_off()
        percent_axis(axes.yaxis)
        axes.set(xlabel="training pictures (logarithmic)", ylabel="accuracy")
        figure.legend(loc="outside lower center", ncols=3)
        told = "; ".join(
            f"{c.name} from {percent(c.accuracy[0].value)} with {c.pictures[0]} pictures to "
            f"{percent(c.accuracy[-1].value)} with {c.pictures[-1]}"
            for c in curves
        )
        return labelled(figure, f"Learning curves: {told}.")


def draw_cost(comparison: Comparison) -> Figure:
    """Accuracy with its interval against the seconds for tuning and fitting."""
    from matplotlib.ticker import LogLocator

    entries = comparison.entries
    with drawing(WIDTH, 290) as figure:
        axes = figure.subplots()
        axes.set_xscale("log")
        dots = [(e.cost.training_seconds, e.scores.accuracy.value) for e in entries]
        few = len(entries) <= MOST_NAMED
        for n, ((x, y), e) in enumerate(zip(dots, entries, strict=True)):
            colour, a = SERIES[0] if n == 0 else MUTED, e.scores.accuracy
            axes.plot([x, x], [a.low, a.high], color=colour, lw=1.2, alpha=1 if few or n == 0 else 0.35)
            axes.plot([x], [y], "o", color=colour, ms=6, mec=PAPER, mew=1, zorder=3)
        axes.margins(x=0.18)
        if max(dots)[0] < 100 * min(dots)[0]:
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.minorticks_off()
        percent_axis(axes.yaxis)
        axes.xaxis.set_major_formatter(lambda x, _: seconds(x))
        axes.set(xlabel="time to tune and fit (logarithmic)", ylabel="accuracy")
        label_dots(axes, dots, [e.name if few or _unbeaten(e, entries) else "" for e in entries], INK)
        told = ", ".join(
            f"{e.name} {percent(e.scores.accuracy.value)} in {seconds(e.cost.training_seconds)}" for e in entries
        )
        return labelled(figure, f"Accuracy against training time: {told}.")


def draw_confusions(comparison: Comparison, head: str | None = None) -> Figure:
    """Confusion matrix, each row as shares of the true class's pictures.

    Parameters
    ----------
    comparison : Comparison
    head : str, optional
        A head's name in the comparison; by default the best.

    Raises
    ------
    HeadError
        The comparison has no such head.
    """
    entry, classes, order = _entry(comparison, head), comparison.classes, comparison.class_order
    matrix = np.array(entry.scores.confusion, float)[np.ix_(order, order)]
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    shown = plain_names(classes)
    names = [cut(shown[classes[n]]) for n in order]
    count = len(names)
    side = max(300, min(620, 14 * count + 170))
    with drawing(side, side) as figure:
        axes = figure.subplots()
        _heat(axes, shares)
        axes.grid(False)
        named = count <= MOST_LABELS
        axes.set_xticks(range(count) if named else [], names if named else [], rotation=90, fontsize=8)
        axes.set_yticks(range(count) if named else [], names if named else [], fontsize=8)
        axes.set(xlabel="named by the head", ylabel="true class")
        for spine in axes.spines.values():
            spine.set(visible=True, color=RULE)
        if count <= 12:
            for i, j in zip(*np.nonzero(matrix), strict=True):
                axes.text(
                    j, i, f"{matrix[i, j]:.0f}", ha="center", va="center", fontsize=8,
                    color=PAPER if shares[i, j] > 0.55 else INK,
                )  # fmt: skip
        right = percent(float(np.trace(matrix) / max(matrix.sum(), 1)))
        return labelled(figure, f"Confusion matrix of {entry.name} over {count} classes; {right} lie on the diagonal.")


def draw_reliability(comparison: Comparison, head: str | None = None) -> Figure:
    """Accuracy against confidence, the area of a dot being its number of pictures; `head` as in `draw_confusions`."""
    from matplotlib.ticker import MultipleLocator

    entry = _entry(comparison, head)

    bins = [b for b in entry.scores.reliability if b.count]
    with drawing(230, 230) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=(0, (4, 3)))
        total = sum(b.count for b in bins)
        x, y = np.array([b.confidence for b in bins], float), np.array([b.accuracy for b in bins], float)
        axes.plot(x, y, color=SERIES[0], lw=1)
        axes.scatter(
            x,
            y,
            s=[12 + 260 * b.count / total for b in bins],
            color=SERIES[0],
            ec=PAPER,
            lw=0.8,
            zorder=3,
            clip_on=False,
        )
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="confidence", ylabel="accuracy")
        for axis in (axes.xaxis, axes.yaxis):
            percent_axis(axis)
            axis.set_major_locator(MultipleLocator(0.25))
        gap = percent(entry.scores.calibration_error)
        return labelled(figure, f"Reliability of {entry.name}: on average, confidence and accuracy differ by {gap}.")


def _entry(comparison: Comparison, head: str | None) -> Entry:
    if head is None:
        return comparison.best
    named = {entry.name: entry for entry in comparison.entries}
    if head not in named:
        raise HeadError(f"the comparison has no head {head!r}: choose one of {', '.join(named)}")
    return named[head]


def labelled(figure: Figure, label: str) -> Figure:
    """The figure, with a label that says in words what it shows."""
    figure.set_label(label)
    return figure


def _unbeaten(entry: Entry, entries: Sequence[Entry]) -> bool:
    """Whether no head is both cheaper and at least as accurate."""
    mine = entry.cost.training_seconds, entry.scores.accuracy.value
    return not any(e.cost.training_seconds < mine[0] and e.scores.accuracy.value >= mine[1] for e in entries)


def _heat(axes: Axes, shares: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    """One colour, opaque in the measure of the share, so that the page shows through in light and dark."""
    from matplotlib.colors import to_rgb

    rgba = np.empty((*shares.shape, 4))
    rgba[..., :3] = to_rgb("#c2452d")
    rgba[..., 3] = np.where(shares > 0, 0.14 + 0.86 * shares**0.8, 0)  # a single mistake is to be seen, too
    axes.imshow(rgba, interpolation="none", aspect="equal")


def percent_axis(axis: Axis) -> None:
    """Give an axis round percentages."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    axis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(PercentFormatter(1, decimals=0))
