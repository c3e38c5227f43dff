"""What the heads of a comparison answer, and what is seen in the rows and embeddings that they answered about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from classify.comparison.contest import Contest, Run, finished_curves
from classify.comparison.entries import by_folds as entries_by_folds
from classify.comparison.entries import by_split
from classify.comparison.mistakes import most_confident
from classify.comparison.questions.plan import SMALL
from classify.comparison.questions.put import Put, put_questions
from classify.comparison.result import DatasetFacts, TestRow
from classify.comparison.steps.looks import Looks, nothing_seen
from classify.comparison.steps.ready import Ready
from classify.comparison.task import Task, dataset_facts, test_rows
from classify.data import LabelledRows
from classify.evaluation.entry import Entry
from classify.evaluation.findings import Curve, LeakAudit, Mistake, Repeats, Verdict
from featurize.dataset.audit.result import Twice
from featurize.dataset.audit.twice.finder import look_for_copies
from featurize.dataset.suspects.finding import Suspects
from featurize.dataset.suspects.looking import look_at_labels


@dataclass(frozen=True)
class Answers:
    """What all heads answered, the best first.

    Parameters
    ----------
    runs : sequence of Run
    put : sequence of Put
        The questions by folds.
    entries : tuple of Entry
        The ranking.
    verdict : Verdict
    facts : DatasetFacts
    rows : tuple of TestRow
        That the ranking is about.
    pool : LabelledRows or None
        That the questions are about.
    """

    runs: Sequence[Run]
    put: Sequence[Put]
    entries: tuple[Entry, ...]
    verdict: Verdict
    facts: DatasetFacts
    rows: tuple[TestRow, ...]
    pool: LabelledRows | None


@dataclass
class Seen:
    """What is seen behind the answers; as far as it was looked at before an interruption."""

    leaks: LeakAudit
    order: tuple[int, ...]
    mistakes: tuple[Mistake, ...]
    twice: Twice = field(default_factory=Twice)
    suspects: Suspects = field(default_factory=Suspects)
    curves: tuple[Curve, ...] = ()
    again: Repeats | None = None


def answer(ready: Ready, contest: Contest) -> Answers:
    """Train all heads, and put the questions to them.

    Raises
    ------
    KeyboardInterrupt
        Before any head was finished.
    """
    task, seed = ready.task, ready.wanted.seed
    runs, put = [*contest.once(), *ready.entered], put_questions(contest, ready.plan)
    if ready.by_folds:
        runs = [run for run in runs if run.name in put[0].answers]
    if not runs:
        raise KeyboardInterrupt
    runs.sort(key=lambda run: _rank(run, task, put if ready.by_folds else ()))
    entries, verdict = entries_by_folds(runs, task, put[0], seed) if ready.by_folds else by_split(runs, task, seed)
    facts = dataset_facts(ready.matched, task, ready.answered, ready.plan)
    pool = contest.whole(ready.matched.views[0]).rows if ready.plan.questions else None
    return Answers(runs, put, entries, verdict, facts, test_rows(task.test, task.classes, ready.table), pool)


def look_behind(ready: Ready, contest: Contest, answers: Answers) -> Seen:
    """Copies, wrong labels, leaks, what mistakes look like, curves and repeats.

    An interruption ends it, and what was seen so far is given: the heads were finished.
    """
    wanted, table, first = ready.wanted, ready.table, ready.matched.first_embedding
    mistakes = most_confident(answers.entries[0], answers.rows)
    seen = Seen(*nothing_seen(mistakes, len(ready.task.classes)))
    with contest.kept():
        most = 0 if contest.stopped else SMALL
        seen.twice = look_for_copies(table, ready.path, wanted.target, first, most=most, keep=False)
        seen.suspects = look_at_labels(table, wanted.target, first)
        looks = Looks(answers.runs[0], answers.entries[0], ready.matched, ready.task, table, seen.twice, wanted.seed)
        looked = looks.by_folds(mistakes, answers.put[0]) if ready.by_folds else looks.by_split(mistakes)
        seen.leaks, seen.order, seen.mistakes = looked
        if wanted.learning_curve and not contest.stopped:
            whole = {e.name: (answers.facts.train_rows, e.scores.accuracy) for e in answers.entries}
            seen.curves = finished_curves(contest.learning_curves(), whole)
        if wanted.repeats and not ready.by_folds and not contest.stopped:
            seen.again = contest.repeats(wanted.repeats, by_artist=_disjoint(seen.leaks))
    return seen


def _rank(run: Run, task: Task, put: Sequence[Put]) -> float:
    if put:
        return -put[0].answers[run.name].scores.accuracy.value
    return -float(np.mean(run.probabilities.argmax(1) == task.truth))


def _disjoint(leaks: LeakAudit) -> bool:
    """Whether the given split keeps artists apart, so that resampled ones must, too."""
    return leaks.artists is not None and leaks.artists.test_pictures > 0 and not leaks.artists.shared_pictures
