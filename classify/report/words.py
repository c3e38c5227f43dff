"""Figures as a reader wants to see them; names, counts and lists are put into words by featurize/wording.py."""

from __future__ import annotations

from classify.evaluation.entry import Estimate
from classify.evaluation.questions import Answer
from featurize.wording import NARROW, percent


def between(estimate: Estimate | None) -> str:
    """The interval alone: "32.1–44.2 %"."""
    return "–" if estimate is None else f"{100 * estimate.low:.1f}–{100 * estimate.high:.1f}{NARROW}%"


def with_interval(answer: Answer | None) -> str:
    """An accuracy and its interval: "22.8 % (19.0–26.9 %)"; "–" for a head that was not asked."""
    return "–" if answer is None else f"{percent(answer.scores.accuracy.value)} ({between(answer.interval)})"


def decimal(value: float | None, digits: int = 3) -> str:
    """0.34 -> "0.340"."""
    return "–" if value is None else f"{value:.{digits}f}"


def seconds(value: float) -> str:
    """Two significant figures and a unit that suits them."""
    if not value:
        return "–"
    if value >= 99.5:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes}{NARROW}min {rest}{NARROW}s"
    scaled, unit = (value, "s") if value >= 0.995 else (1e3 * value, "ms")
    return f"{scaled:.{0 if scaled >= 9.95 else 1}f}{NARROW}{unit}"


def size(count: int) -> str:
    """Bytes as kB, MB or GB (powers of 1000)."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB")):
        if count >= factor:
            return f"{count / factor:.1f}{NARROW}{unit}"
    return f"{count / 1e3:.0f}{NARROW}kB"
