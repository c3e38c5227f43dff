"""What to do with a comparison, in the sentences that come first: which head for which question, and what to check."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from classify.comparison.result import Comparison
from classify.evaluation.entry import Entry, Estimate
from classify.evaluation.questions import Asked
from classify.report.kinds import plainly
from featurize.wording import MOST_SHOWN, NARROW, counted, cut, isolated, listing, percent, visible

TOGETHER = " + "  # between the feature caches of one entry
TIE = 5e-4  # a difference that is shown as 0.0 points
MOST_NAMED = 6  # heads that are equally good
PICTURES = 3  # to look at, on the screen

HEADINGS = {"new": "New painters", "known": "Known painters"}
NAMELESS = "no artist is known: painters of the training pictures may help, and for others nothing is known"
WHOM = {"new": "no work of theirs is among these pictures", "known": "other works of theirs are among these pictures"}

LIKE_THESE = "Pictures like these"
OF_THE_SPLIT = "Pictures like those of the split “{}”"


@dataclass(frozen=True)
class Use:
    """Which head to use, for one question.

    Parameters
    ----------
    heading, whom : str
        For which pictures, and what is meant by that.
    head, does : str
        The head's name, and what it does; no name where none is better than guessing.
    wrong, lowest, highest : int
        How many of 100 pictures it names wrong, and the ends of the 95 % interval.
    why : str
    command : str
        What makes the head from all pictures; "" where no command does.
    """

    heading: str
    whom: str
    head: str
    does: str
    wrong: int
    lowest: int
    highest: int
    why: str
    command: str


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
        return [_for_question(c, asked) for asked in c.asked]
    accuracy = c.best.scores.clustered or c.best.scores.accuracy
    about = OF_THE_SPLIT.format(c.dataset.test), NAMELESS if c.dataset.test_artists is None else ""
    command = fit_command(c, c.best, c.dataset.question)
    return [_use(c, *about, 0, accuracy, _first(c), c.dataset.baseline, command)]


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
        found.append(Check("surest", counted(len(c.mistakes), "sure mistake"), f"of {c.best.name}{_ranked_first(c)}"))
    return found


def heading(c: Comparison, question: str) -> str:
    """For which pictures a question is asked, in a few words."""
    return LIKE_THESE if c.dataset.test_artists is None else HEADINGS[question]


def whom(c: Comparison, question: str) -> str:
    """What is meant by that."""
    return NAMELESS if c.dataset.test_artists is None else WHOM[question]


def _for_question(c: Comparison, asked: Asked) -> Use:
    head, question = asked.recommendation.head, asked.question
    right, command = asked.answer(head).interval, fit_command(c, c.entries[head], question)
    about = heading(c, question), whom(c, question)
    return _use(c, *about, head, right, take(c, asked), blind(c, asked), command)


def _use(
    c: Comparison, title: str, meant: str, head: int, right: Estimate, why: str, baseline: float, command: str
) -> Use:
    entry = c.entries[head]
    wrong, lowest, highest = (round(100 * (1 - share)) for share in (right.value, right.high, right.low))
    if right.low <= baseline:
        return Use(title, meant, "", "", wrong, lowest, highest, _guesses(entry.name, baseline), "")
    called = entry.name if entry.name.startswith("finetuned ") else entry.kind
    does = f"{called} {plainly(entry.kind, entry.name)}."
    if TOGETHER in entry.key:
        why = f"{why} It can be compared, and not saved: no command makes a head on several networks' embeddings."
    return Use(title, meant, entry.name, does, wrong, lowest, highest, why, command)


def blind(c: Comparison, asked: Asked) -> float:
    """The share that is named right without looking at a picture: chance, or the largest class where that is more."""
    labels = Counter(row.label for row in c.asked_rows)
    return max(c.dataset.chance, max(labels.values()) / asked.pictures)


def fit_command(c: Comparison, entry: Entry, question: str) -> str:
    """What fits a head of the comparison on all pictures, to be pasted; "" where no command does."""
    typed = shlex.split(c.provenance.command)
    if not typed or entry.kind == "zero-shot" or entry.name.startswith("finetuned ") or TOGETHER in entry.key:
        return ""
    words = ["classify", "fit", "--head", entry.spec]
    if c.table_path != Path("dataset.csv"):
        words += ["--dataset", str(c.table_path)]
    for option in ("--features", "--target", "--seed"):
        words += [word for name, value in pairwise(typed) if name == option for word in (name, value)]
    words += ["--key", _key(typed, entry)] if "--key" in typed else []
    words += ["--embedding", entry.embedding] if "--embedding" in typed else []
    words += ["--no-tune"] if "--no-tune" in typed else []
    return shlex.join([*words, "--question", question, "--train", "all"])


def _key(typed: list[str], entry: Entry) -> str:
    """The feature cache as the user named it, where one was named."""
    named = [word for before, word in pairwise(typed) if before == "--key"]
    return named[0] if named[1:] == [] and named[0] != "all" else entry.key


def _guesses(name: str, baseline: float) -> str:
    return (
        f"No head can be told from guessing, which names {percent(baseline, 0)} right. {name} is the first of them; "
        "look for wrong labels, or for more pictures."
    )


def _ranked_first(c: Comparison) -> str:
    """Why mistakes of the first head are shown, where another one is to be taken."""
    taken = {asked.recommendation.head for asked in c.asked}
    return ", the first of the ranking" if taken and 0 not in taken else ""


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
    return [*(_line(c, asked) for asked in c.asked), *to_check(c)]


def _line(c: Comparison, asked: Asked) -> str:
    use = _for_question(c, asked)
    make = f" `{use.command}` makes it from all your pictures." if use.command else ""
    return f"{use.heading} ({use.whom}): {use.why} {errs(c, asked)}{make}"


def take(c: Comparison, asked: Asked) -> str:
    """Which head, and why."""
    found, names = asked.recommendation, [entry.name for entry in c.entries]
    head, first = names[found.head], names[found.first]
    right = asked.answer(found.head).interval
    if right.low <= (baseline := blind(c, asked)):
        return _guesses(head, baseline)
    if len(asked.ranking) == 1:
        return f"{head} is the only head."
    if found.better:
        return f"Take {head}: it is better than {_others(len(asked.ranking) - 1)}."
    equals = listing([names[n] for n in found.equals], MOST_NAMED)
    said = f"Equally good, as far as these pictures show: {equals}. "
    if found.head == found.first:
        return f"{said}Take {head}, which came first."
    gap = asked.answer(found.first).scores.accuracy.value - right.value
    if gap < TIE:
        return f"{said}Take {head}, the simplest of those that came first."
    return f"{said}Take {head}: it is simpler than {first}, which came first, and only {100 * gap:.1f} points behind."


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
    shown = [cut(name, MOST_SHOWN) for name in c.classes]
    named = [
        f"{visible(Path(c.rows[m.row].path).name)} (labelled {isolated(visible(shown[c.rows[m.row].label]))}, "
        f"named {isolated(visible(shown[m.predicted]))})"
        for m in c.mistakes[:PICTURES]
    ]
    first = f"Look at these pictures first, of which {c.best.name} is sure and the label says otherwise"
    return [f"{first}: {'; '.join(named)}."]


def _others(count: int) -> str:
    return {1: "the other one", 2: "both others"}.get(count, f"all {count} others")
