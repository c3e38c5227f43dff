"""What to do with a comparison, in the sentences that come first: which head for which question, and what to check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from classify.comparison.result import Comparison
from classify.evaluation.entry import Estimate
from classify.evaluation.questions import Asked
from classify.report.kinds import plainly
from featurize.wording import NARROW, counted, listing, percent

MOST_NAMED = 6  # heads that are equally good
PICTURES = 3  # to look at, on the screen

HEADINGS = {
    "new": "Painters who are not in these pictures",
    "known": "Painters who are in these pictures",
}

OF_THE_SPLIT = "Pictures like those of the split “{}”"


@dataclass(frozen=True)
class Use:
    """Which head to use, for one question.

    Parameters
    ----------
    heading : str
        For which pictures.
    head, does : str
        The head's name, and what it does.
    wrong, lowest, highest : int
        How many of 100 pictures it names wrong, and the ends of the 95 % interval.
    why : str
    """

    heading: str
    head: str
    does: str
    wrong: int
    lowest: int
    highest: int
    why: str


@dataclass(frozen=True)
class Check:
    """Something to look at.

    Parameters
    ----------
    section : str
        The id of the page's section that shows it.
    what, why : str
    """

    section: str
    what: str
    why: str = ""


def uses(c: Comparison) -> list[Use]:
    """What the page begins with: a head for each question, or for the pictures of the test part."""
    if c.asked:
        return [
            _use(c, HEADINGS[asked.question], found := asked.recommendation.head, asked.answer(found).interval, why)
            for asked in c.asked
            for why in [take(c, asked)]
        ]
    accuracy = c.best.scores.clustered or c.best.scores.accuracy
    return [_use(c, OF_THE_SPLIT.format(c.dataset.test), 0, accuracy, _first(c))]


def checks(c: Comparison) -> list[Check]:
    """What to look at, the gravest first, each with the section that shows it."""
    found = []
    if c.cautions:
        found.append(Check("warnings", counted(len(c.cautions), "warning"), "before you believe these figures"))
    if c.suspects.found and not c.untrained:
        what = counted(len(c.suspects.found), "label that may be wrong", "labels that may be wrong")
        found.append(Check("check", what, "the most suspicious first"))
    if twice := len(c.twice.duplicates) + len(c.twice.pairs):
        found.append(Check("twice", counted(twice, "picture that stands twice", "pictures that stand twice")))
    if c.mistakes:
        found.append(Check("surest", counted(len(c.mistakes), "sure mistake"), f"of {c.best.name}"))
    return found


def _use(c: Comparison, heading: str, head: int, right: Estimate, why: str) -> Use:
    entry = c.entries[head]
    wrong, lowest, highest = (round(100 * (1 - share)) for share in (right.value, right.high, right.low))
    return Use(heading, entry.name, plainly(entry.kind, entry.name), wrong, lowest, highest, why)


def _first(c: Comparison) -> str:
    """Why the first head of the test part is named."""
    if len(c.entries) == 1:
        return f"{c.best.name} is the only head."
    rivals = [c.entries[x.second].name for x in c.verdict.contrasts if x.first == 0 and not x.differ]
    if not rivals:
        return f"{c.best.name} is better than {_others(len(c.entries) - 1)}."
    equals = listing([c.best.name, *rivals], MOST_NAMED)
    return f"Equally good, as far as these pictures show: {equals}. {c.best.name} came first."


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
