"""What to do with a comparison, in the sentences that come first: which head for which question, and what to check."""

from __future__ import annotations

from pathlib import Path

from classify.comparison.result import Comparison
from classify.evaluation.questions import Asked
from featurize.wording import NARROW, listing, percent

MOST_NAMED = 6  # heads that are equally good
PICTURES = 3  # to look at, on the screen

HEADINGS = {
    "new": "Painters who are not in these pictures",
    "known": "Painters who are in these pictures",
}


def advice(c: Comparison) -> list[str]:
    """The first lines of the screen: one for each question, and the pictures to look at; none without questions."""
    if not c.asked:
        return []
    return [*(f"{HEADINGS[asked.question]}: {take(c, asked)} {errs(c, asked)}" for asked in c.asked), *to_check(c)]


def take(c: Comparison, asked: Asked) -> str:
    """Which head, and why."""
    found, names = asked.recommendation, [entry.name for entry in c.entries]
    head = names[found.head]
    if len(asked.ranking) == 1:
        return f"{head} is the only head."
    if found.better:
        return f"Take {head}: it is better than {_others(len(asked.ranking) - 1)}."
    equals = listing([names[n] for n in found.equals], MOST_NAMED)
    said = f"Equally good, as far as these pictures show: {equals}. Take {head}, "
    if found.head == found.first and found.slack == 0:
        return said + "which came first."
    return said + f"the simplest of those that come within {100 * found.slack:.1f} points of the first."


def errs(c: Comparison, asked: Asked) -> str:
    """How often the head that is to be taken is wrong."""
    answer = asked.answer(asked.recommendation.head)
    right = answer.interval
    return (
        f"It names a wrong {c.dataset.target} for {percent(1 - right.value, 0)} of such pictures "
        f"(95{NARROW}% interval {100 * (1 - right.high):.0f}–{100 * (1 - right.low):.0f}{NARROW}%)."
    )


def to_check(c: Comparison) -> list[str]:
    """The pictures to look at first, in a line."""
    if not c.mistakes:
        return []
    named = [
        f"{Path(c.rows[m.row].path).name} (labelled {c.classes[c.rows[m.row].label]}, named {c.classes[m.predicted]})"
        for m in c.mistakes[:PICTURES]
    ]
    return [
        f"Look at these pictures first, of which {c.best.name} is sure and the label says otherwise: "
        f"{listing(named, PICTURES)}."
    ]


def _others(count: int) -> str:
    return "the other one" if count == 1 else f"all {count} others"
