"""One question against the other: how good each head is on painters it has met, and on painters it has not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from classify.comparison.result import Comparison
from classify.errors import DataError
from classify.evaluation.questions import Asked
from classify.fitting.question import KNOWN, NEW
from classify.report.figures import MOST_NAMED, WIDTH, labelled, percent_axis
from classify.report.label_places import label_dots
from featurize.theme import INK, MUTED, PAPER, SERIES, drawing
from featurize.wording import percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_questions(comparison: Comparison) -> Figure:
    """Accuracy on known painters against accuracy on new ones, a dot and two intervals for each head.

    Raises
    ------
    DataError
        The comparison did not ask both questions.
    """
    asked = {one.question: one for one in comparison.asked}
    if set(asked) != {NEW, KNOWN}:
        raise DataError("this comparison did not ask both questions: compare with question='both'")
    new, known = asked[NEW], asked[KNOWN]
    heads = [n for n in new.ranking if known.answers[n] is not None]
    named = set(heads) if len(heads) <= MOST_NAMED else _leading(new) | _leading(known)
    with drawing(WIDTH, 380) as figure:
        axes = figure.subplots()
        dots = []
        for n in heads:
            x, y = new.answer(n).interval, known.answer(n).interval
            chosen = n in (new.recommendation.head, known.recommendation.head)
            colour = SERIES[0] if chosen else MUTED
            line: dict[str, Any] = {"color": colour, "lw": 1.0, "alpha": 0.9 if chosen else 0.45}
            axes.plot([x.low, x.high], [y.value, y.value], **line)
            axes.plot([x.value, x.value], [y.low, y.high], **line)
            axes.plot([x.value], [y.value], "o", color=colour, ms=6, mec=PAPER, mew=1, zorder=3)
            dots.append((x.value, y.value))
        axes.margins(x=0.12)
        low, high = axes.get_xlim(), axes.get_ylim()
        ends = min(low[0], high[0]), max(low[1], high[1])
        axes.plot(ends, ends, color=MUTED, lw=1, ls=(0, (4, 3)), zorder=0)
        axes.set(xlim=low, ylim=high, xlabel="right on new painters", ylabel="right on known painters")
        for axis in (axes.xaxis, axes.yaxis):
            percent_axis(axis)
        label_dots(axes, dots, [comparison.entries[n].name if n in named else "" for n in heads], INK)
        told = ", ".join(
            f"{comparison.entries[n].name} {percent(x)} and {percent(y)}" for n, (x, y) in zip(heads, dots, strict=True)
        )
        return labelled(figure, f"Accuracy on new painters and on known ones: {told}.")


def _leading(asked: Asked) -> set[int]:
    """The heads to name where they are many: the first ones, and the one to take."""
    return {*asked.ranking[:3], asked.recommendation.head}
