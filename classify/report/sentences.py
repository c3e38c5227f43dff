"""What a comparison found, in sentences: for the page, the Markdown and the screen."""

from __future__ import annotations

from collections.abc import Sequence

from classify.comparison.result import Comparison
from classify.evaluation.entry import Entry
from classify.evaluation.findings import Contrast, Winner
from classify.report.words import between
from featurize.wording import NARROW, counted, listing, percent, points


def summary(c: Comparison) -> str:
    """The whole report in one sentence."""
    best, data = c.best, c.dataset
    accuracy = best.scores.accuracy
    times = f"{accuracy.value / data.chance:.1f} times as often as blind guessing"
    start, what = f"{best.name} named", f"interval {between(accuracy)}"
    rivals = _rivals(c)
    if len(c.entries) > 1:
        start = f"Of {len(c.entries)} contenders, {best.name} came first and named"
    if c.verdict.winner is not None:
        what = f"interval, with the choice among {len(c.entries)} allowed for: {between(c.verdict.winner.accuracy)}"
    end = f"; {_no_worse(rivals, len(c.entries) - 1)}" if rivals else ""
    pictures = counted(data.test_rows, f"{data.test} picture")
    if data.folds:
        by = f" by {painters(data.question)}" if data.test_artists is not None else ""
        pictures = f"{counted(data.test_rows, 'picture')}{by}, each held out once"
    return (
        f"{start} the right {data.target} among {len(c.classes)} for {percent(accuracy.value)} of {pictures} "
        f"(95{NARROW}% {what}), {times}{' — on an untrained backbone' if c.untrained else ''}{end}."
    )


def painters(question: str) -> str:
    """Whose pictures a question is about."""
    return "painters whom the head has not met" if question == "new" else "painters whom the head has met"


def tuned_for(c: Comparison) -> str:
    """What the parameters and probabilities of each row are for."""
    if c.dataset.folds and len(c.asked) > 1:
        return "tuned for each question by itself"
    return f"tuned for {c.dataset.question} painters"


def scored(c: Comparison) -> str:
    """What was learned from and scored on, in a line."""
    data = c.dataset
    if data.folds:
        times = f", {data.repeats} times with other folds" if data.repeats > 1 else ""
        return f"{counted(data.test_rows, 'picture')}, each scored by heads that learned from other folds{times}"
    return f"{data.train_rows} training pictures, scored on {data.test_rows} of the split {data.test}"


def seeds(e: Entry) -> list[str]:
    """What other seeds gave; nothing for a head that draws no random numbers."""
    if e.seeds is None:
        return []
    s = e.seeds
    return [
        f"Over {len(s.seeds)} seeds {percent(min(s.accuracies))} to {percent(max(s.accuracies))}, mean "
        f"{percent(s.mean)}, standard deviation {100 * s.deviation:.1f} points; scored here is seed {s.scored}."
    ]


def remarked(c: Comparison) -> list[str]:
    """Which heads have remarks, in one line: the remarks themselves are in the report."""
    names = [e.name for e in c.entries if e.remarks or e.seeds]
    if not names:
        return []
    heads = counted(len(names), "head has", "heads have")
    return [f"{heads} remarks about tuning, approximations or seeds, in the report's ranking: {listing(names, 6)}."]


def verdict(c: Comparison) -> list[str]:
    """Which heads can’t be told apart, which can, and what these test pictures could have shown."""
    v = c.verdict
    if not v.contrasts:
        return []
    names = [e.name for e in c.entries]
    told = [f"{listing([names[n] for n in group], 20)} can’t be told apart." for group in v.groups if len(group) > 1]
    apart = [x for x in v.contrasts if x.differ]
    if not apart and len(names) > 1:
        on = "these pictures" if c.dataset.folds else counted(c.dataset.test_rows, f"{c.dataset.test} picture")
        told = [f"No two heads can be told apart on {on}."]
    told += [_sure(x, names) for x in apart[:3]]
    told += [_selection(v.winner, names)] if v.winner is not None else []
    if len(apart) > 3:
        told.append(f"{counted(len(apart) - 3, 'more pair differs', 'more pairs differ')}.")
    return told if c.dataset.folds else [*told, _smallest(c)]


def control(c: Comparison) -> list[str]:
    """What is reached without a network, or how to learn it."""
    if c.control is None:
        return [c.control_note] if c.control_note else []
    split = {f"the {c.dataset.test} part": c.control.accuracy} if c.control.accuracy else {}
    found = {**split, **{painters(question): answer for question, answer in c.control.answers.items()}}
    figures = listing([f"{percent(a.value)} on {where} ({between(a)})" for where, a in found.items()])
    what = f"{c.control.head} on {c.control.numbers} numbers of colour and texture"
    return [f"Control: without a network, {what} reaches {figures}."]


def suspects(c: Comparison) -> list[str]:
    """How many labels may be wrong, and where they are listed."""
    if not c.suspects.found:
        return []
    rows = counted(len(c.suspects.found), "label that may be wrong is", "labels that may be wrong are")
    doubt = " An untrained backbone says little about them: don’t correct labels by this list." if c.untrained else ""
    return [f"{rows} listed in suspects.csv and suspects.xlsx, beside the report.{doubt}"]


def told_protocol(c: Comparison) -> list[str]:
    """The published figures beside the measured ones, and the control."""
    if c.protocol is None:
        return []
    lines = [f"published, {p.what}: {p.figure} {percent(p.value)} ({p.source})" for p in c.protocol.published]
    lines += [
        f"measured, {e.name}: top-1 {percent(e.scores.accuracy.value)} ({between(e.scores.accuracy)}), top-5 "
        f"{percent(e.scores.top5)}"
        for e in c.entries
    ]
    lines += [
        f"control with labels out of step, {k.name}: {percent(k.accuracy.value)} ({between(k.accuracy)}); the largest "
        f"class makes up {percent(k.majority)}"
        for k in c.protocol.controls
    ]
    return [*lines, *c.protocol.facts]


def _rivals(c: Comparison) -> list[str]:
    return [c.entries[x.second].name for x in c.verdict.contrasts if x.first == 0 and not x.differ]


def _no_worse(rivals: Sequence[str], others: int) -> str:
    if len(rivals) == others:
        return "no other can be told apart from it" if others > 1 else f"{rivals[0]} can’t be told apart from it"
    return f"{listing(rivals, 4)} can’t be told apart from it"


def _sure(x: Contrast, names: Sequence[str]) -> str:
    return (
        f"{names[x.first]} is better than {names[x.second]}: by {points(x.difference.value)} points "
        f"({points(x.difference.low)} to {points(x.difference.high)}), Holm’s p = {x.p_holm:.2g}."
    )


def _selection(winner: Winner, names: Sequence[str]) -> str:
    """How much of the first place is the luck of these pictures."""
    what = "artists" if winner.by_artist else "test pictures"
    next_ones = sorted(range(1, len(names)), key=lambda n: -winner.first[n])[:2]
    others = listing([f"{names[n]} in {percent(winner.first[n], 0)}" for n in next_ones if winner.first[n] >= 0.005])
    return (
        f"When the {what} are drawn anew at random, {winner.resamples:,} times, {names[0]} comes first in "
        f"{percent(winner.first[0], 0)} of the draws{', ' + others if others else ''}."
    )


def _smallest(c: Comparison) -> str:
    v, rows = c.verdict, counted(c.dataset.test_rows, "test picture")
    if v.smallest_difference is None:
        return f"{rows} are too few to show any difference between heads that disagree as rarely as these."
    return (
        f"With {rows} and heads that disagree on {percent(v.discordant, 0)} of them, a difference under "
        f"{100 * v.smallest_difference:.1f} points between two given heads would more often than one time in five go "
        f"unnoticed{_corrected(c)}."
    )


def _corrected(c: Comparison) -> str:
    v = c.verdict
    if len(v.contrasts) == 1:
        return ""
    if v.smallest_corrected is None:
        return f", and with all {len(v.contrasts)} pairs in view, any difference"
    return f", and with all {len(v.contrasts)} pairs in view, one under {100 * v.smallest_corrected:.1f} points"
