"""The templates filled in: the page for people and the Markdown beside it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from classify.comparison.result import Comparison
from classify.evaluation.findings import Contrast
from classify.report import advice, figures, sentences, words
from classify.report.kinds import plainly
from classify.report.question_figure import draw_questions
from classify.report.svg import as_svg
from featurize import pages, wording
from featurize.dataset.audit import words as audit_words
from featurize.dataset.audit.commands import Commands
from featurize.dataset.suspects import sheet
from featurize.pictures.plates import Plates

MOST_PAIRS = 45  # of ten heads
TWICE = 48  # groups and pairs of pictures that stand twice, of each
SUSPECTS = 60  # that are shown with their pictures; the page lists the others, too


def render(comparison: Comparison, template: str, out: Path = Path()) -> str:
    """A template of this package, filled in.

    Parameters
    ----------
    comparison : Comparison
    template : str
    out : Path
        The folder that the report is written to, for commands about its files.
    """
    plates = Plates(comparison.folder)
    facts: dict[str, Any] = {
        "c": comparison,
        "best": comparison.best,
        "data": comparison.dataset,
        "title": title(comparison),
        "summary": sentences.summary(comparison),
        "verdict": sentences.verdict(comparison),
        "told_protocol": sentences.told_protocol(comparison),
        "letters": letters(comparison),
        "pairs": pairs(comparison),
        "scale": scale(comparison),
        "advice": advice,
        "advised": advice.advice(comparison),
        "tuned_for": sentences.tuned_for(comparison),
        "scored": sentences.scored(comparison),
        "painters": sentences.painters,
        "draw_questions": draw_questions,
        "seeds": sentences.seeds,
        "figures": figures,
        "plates": plates,
        "picture": plates,
        "answers": advice.uses(comparison),
        "checks": advice.checks(comparison),
        "contents": contents(comparison),
        "pictures": comparison.dataset.test_rows + (0 if comparison.dataset.folds else comparison.dataset.train_rows),
        "kinds": kinds(comparison),
        "control_said": [*sentences.control(comparison), *sentences.suspects(comparison)],
        "reason": sheet.reason,
        "suspect_table": sheet.for_reading(comparison.suspect_columns),
        "correct_command": sheet.correct_command(out / sheet.NAMES[0], comparison.table_path),
        "suspects_shown": SUSPECTS,
        "audit_words": audit_words,
        "audit_commands": audit_commands(comparison),
        "twice_shown": TWICE,
    }
    return pages.render("classify.report", template, facts, _filters(comparison))


def title(comparison: Comparison) -> str:
    """What the page is about."""
    if comparison.protocol is not None:
        return comparison.protocol.title
    target = comparison.dataset.target
    if len(comparison.entries) > 1:
        return f"Which head tells the {target} best?"
    return f"How well does {comparison.best.name} tell the {target}?"


def contents(comparison: Comparison) -> list[tuple[str, str]]:
    """The sections of the page: their ids and names."""
    c = comparison
    found = [
        ("experiment", "Published and measured", c.protocol is not None),
        (
            "questions",
            "Painters met and not met" if len(c.asked) > 1 else "Every picture, held out once",
            bool(c.asked),
        ),
        ("ranking", "The ranking", True),
        ("check", "Labels that may be wrong", bool(c.suspects.judged)),
        ("confusions", "What is taken for what", True),
        ("classes", "Class by class", True),
        ("trust", "How far to trust the probabilities", True),
        ("surest", "Surest and wrong", bool(c.mistakes)),
        ("pictures", "The pictures, and what they give away", True),
        ("twice", "Pictures that stand twice", True),
        ("cost", "What it costs to learn", True),
        ("origin", "Where these figures come from", True),
        ("words", "What the words mean", True),
    ]
    return [(section, name) for section, name, there in found if there]


def audit_commands(comparison: Comparison) -> Commands:
    """The audit of the same table and embeddings, as a command."""
    words = ["featurize", "audit"]
    if comparison.table_path != Path("dataset.csv"):
        words += ["--dataset", str(comparison.table_path)]
    typed = shlex.split(comparison.provenance.command)
    for option in ("--features", "--key", "--target"):
        words += [word for n, name in enumerate(typed[:-1]) if name == option for word in (name, typed[n + 1])]
    return Commands(shlex.join(words), table=comparison.table_path)


def kinds(comparison: Comparison) -> list[tuple[str, str]]:
    """Each kind of head that was compared, and what it does."""
    named = {e.name if e.name.startswith("finetuned ") else e.kind: plainly(e.kind, e.name) for e in comparison.entries}
    return list(named.items())


def letters(comparison: Comparison) -> list[str]:
    """Letters for each head: those that share one can't be told apart (a compact letter display); none if all do."""
    groups = comparison.verdict.groups
    named = ascii_lowercase if len(groups) <= len(ascii_lowercase) else [f"{n + 1} " for n in range(len(groups))]
    count = len(comparison.entries) if len(groups) > 1 else 0
    return ["".join(name for name, group in zip(named, groups, strict=False) if n in group) for n in range(count)]


def pairs(comparison: Comparison) -> list[Contrast]:
    """The pairs of heads to be listed: all, or where they are too many those that a reader asks for first."""
    every = comparison.verdict.contrasts
    return [x for x in every if len(every) <= MOST_PAIRS or x.differ or x.first == 0]


def scale(comparison: Comparison) -> float:
    """Right end of the ranking's bars: the next tenth above every interval."""
    estimates = [x for e in comparison.entries for x in (e.scores.accuracy, e.scores.clustered) if x is not None]
    estimates += [comparison.control.accuracy] if comparison.control and comparison.control.accuracy else []
    estimates += list(comparison.control.answers.values()) if comparison.control else []
    return min(1.0, math.ceil(10 * max(x.high for x in estimates)) / 10)


def _filters(comparison: Comparison) -> dict[str, Any]:
    """What the templates call by name; classes that would look the same are shown as the table spells them."""
    shown = wording.plain_names(comparison.classes)
    figures_in_words = (words.between, words.with_interval, words.decimal, words.seconds, words.size)
    common = (wording.percent, wording.points, wording.counted)
    named: dict[str, Any] = {change.__name__: change for change in (*figures_in_words, *common)}
    return {**named, **_names(shown), "svg": as_svg, "cell": _cell}


def _names(shown: Mapping[str, str]) -> dict[str, Callable[[str], str]]:
    """Labels and artists as they stand in sentences."""
    return {
        "plain": lambda label: wording.isolated(shown.get(label) or wording.plain(label)),
        "artist": lambda name: wording.isolated(wording.artist(name)),
    }


def _cell(text: object) -> str:
    """A text inside a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")
