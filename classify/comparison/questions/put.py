"""Both questions put to every head by folds: tuned, fitted and calibrated inside each training part, scored outside.

For new painters the folds keep artists apart, for known ones they don't; inside each training part the folds of the
tuning do the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classify.comparison.contest import LAST_SEED, Contest, Run
from classify.comparison.questions.plan import FEW_INSIDE, Plan, parts_of
from classify.data import Examples, LabelledRows
from classify.evaluation.questions import Answer, Asked, Folding, answer_of, judge_question
from classify.fitting.planned import Answered, rows_to_learn
from classify.fitting.trial import folds_of
from classify.heads import HeadSpec, head_class
from classify.heads.rows.folds import Folds

# the simplest first: what a head must keep, and how many choices are made in training it
SIMPLEST = (
    "zero-shot", "simpleshot", "prototype", "ridge", "lda", "logreg", "linear-svm", "softmax", "knn", "tip-adapter",
    "svm", "mlp", "ensemble",
)  # fmt: skip


def folding_of(rows: LabelledRows, question: str, folds: int, repeats: int, seed: int) -> tuple[Folding, list[Folds]]:
    """The folds of each repeat, and what is to be known of them for the figures."""
    every = [parts_of(rows, question, folds, (seed + repeat) % (LAST_SEED + 1)) for repeat in range(repeats)]
    fold = np.zeros((repeats, len(rows)), np.intp)
    unlearned, learned = 0, []
    for repeat, parts in enumerate(every):
        for number, (train, held_out) in enumerate(parts):
            fold[repeat, held_out] = number
            unlearned += int((~np.isin(rows.y[held_out], rows.y[train])).sum())
            learned.append(len(train))
    return (
        Folding(question, fold, rows.groups, rows.artist_count, float(np.mean(learned)), round(unlearned / repeats)),
        every,
    )


@dataclass(frozen=True)
class Put:
    """A question and what each head answered, by its name in the contest.

    Parameters
    ----------
    folding : Folding
    parts : sequence of Folds
        Training and held-out rows of each fold, one sequence a repeat.
    inner : sequence of sequence of Folds
        Inside each training part, the folds on which all heads are tuned and calibrated.
    answers : mapping of str to Answer
    probabilities : mapping of str to (R, N, K)
        Of each repeat, where nothing but the folds scores the heads.
    """

    folding: Folding
    parts: Sequence[Folds]
    inner: Sequence[Sequence[Folds]]
    answers: dict[str, Answer]
    probabilities: dict[str, NDArray[np.float64]]

    def each_fold(self) -> Iterator[tuple[tuple[NDArray[np.intp], NDArray[np.intp]], Folds]]:
        """The two parts of each fold of each repeat, and the folds inside its training part."""
        for parts, inner in zip(self.parts, self.inner, strict=True):
            yield from zip(parts, inner, strict=True)

    def judged(self, runs: Sequence[Run], truth: NDArray[np.intp], seed: int) -> Asked:
        """The heads in the order of a comparison, set against each other."""
        answers = [self.answers.get(run.name) for run in runs]
        return judge_question(answers, self.folding, truth, [simplicity(run) for run in runs], seed)


def put_questions(contest: Contest, plan: Plan) -> tuple[Put, ...]:
    """Put the questions to all heads of a contest, one head after the other.

    An interruption leaves the heads that were done, where there are any.
    """
    if not plan.questions:
        return ()
    rows = contest.whole(contest.matched.views[0]).rows
    out = tuple(_nothing_yet(rows, question, plan, contest.seed) for question in plan.questions)
    with contest.kept():
        _fill(contest, out)
    return out


def simplicity(run: Run) -> int:
    """How simple a head is, the smaller the simpler: its kind first, then the length of its embedding."""
    kind = SIMPLEST.index(run.spec.kind) if run.spec.kind in SIMPLEST else len(SIMPLEST)
    return kind * 1_000_000 + run.dimension


def _nothing_yet(rows: LabelledRows, question: str, plan: Plan, seed: int) -> Put:
    folding, every = folding_of(rows, question, plan.folds, plan.repeats, seed)
    asked = rows_to_learn(rows, None, question)
    inner = [[folds_of(asked.take(learn), seed) for learn, _ in parts] for parts in every]
    return Put(folding, every, inner, {}, {})


def _fill(contest: Contest, questions: Sequence[Put]) -> None:
    for view in contest.matched.views:
        pool = contest.whole(view)
        specs, shared = contest.specs_of(view), contest.workers.share(pool)
        planned = [
            contest.plan_fold(spec, shared, learn, held, _inside(spec, inner), put.folding.question)
            for spec in specs
            for put in questions
            for (learn, held), inner in put.each_fold()
        ]
        answers = contest.ask(planned)
        for spec in specs:
            name = contest.name(spec, view)
            found = [_answer(contest, pool, put, answers) for put in questions]
            for put, (answer, probabilities) in zip(questions, found, strict=True):  # all questions or none
                put.answers[name] = answer
                if contest.matched.whole:
                    put.probabilities[name] = probabilities


def _inside(spec: HeadSpec, inner: Folds) -> Folds:
    """Those of the inner folds that a head is tuned and calibrated on."""
    return inner[:FEW_INSIDE] if head_class(spec.kind).dear else inner


def _answer(
    contest: Contest, pool: Examples, put: Put, answers: Iterator[Answered]
) -> tuple[Answer, NDArray[np.float64]]:
    """Figures of a head from the next of the answers, and the probabilities (R, N, K) of each repeat."""
    classes, truth = contest.classes.tolist(), np.searchsorted(contest.classes, pool.y)
    probabilities = np.zeros((len(put.parts), len(pool), len(classes)))  # (R, N, K)
    for repeat, parts in enumerate(put.parts):
        for _, held_out in parts:
            probabilities[repeat, held_out] = next(answers).probabilities
    counts = np.bincount(truth, minlength=len(classes)).tolist()
    return answer_of(truth, probabilities, put.folding, classes, counts, contest.seed), probabilities
