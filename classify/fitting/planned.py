"""A trial that is planned: a head, the rows it learns from and those it is asked about. It can be done anywhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classify.data import Examples, LabelledRows
from classify.evaluation.entry import Cost, Seeds
from classify.evaluation.metrics import align
from classify.fitting.question import for_question
from classify.fitting.trial import Trial, train_head, with_seed
from classify.fitting.workers import Shared
from classify.heads import HeadSpec
from classify.heads.rows.folds import Folds
from classify.heads.watch import Watch


@dataclass(frozen=True)
class Planned:
    """A trial that is to be done.

    Parameters
    ----------
    spec : HeadSpec
    train, test : Shared of Examples
    question : str
        Whose pictures the head is tuned and calibrated for.
    folds : pairs of row numbers
        Inside the rows to learn from.
    classes : (K,) str
        Sorted.
    tune : bool
    seed : int
    learn, held : ndarray of int, optional
        Which rows of `train` are learned from, and which of `test` are asked about; all by default.
    watch : Shared of Watch, optional
    seeds : sequence of int
        Where the head draws random numbers, it is fitted with each of these again.
    keep : bool
        Whether the head itself is wanted, and not only what it answers.
    """

    spec: HeadSpec
    train: Shared[Examples]
    test: Shared[Examples]
    question: str
    folds: Folds
    classes: NDArray[np.str_]
    tune: bool
    seed: int
    learn: NDArray[np.intp] | None = None
    held: NDArray[np.intp] | None = None
    watch: Shared[Watch] | None = None
    seeds: Sequence[int] = ()
    keep: bool = False


@dataclass(frozen=True)
class Answered:
    """A trial that was done.

    Parameters
    ----------
    trial : Trial or None
        Where it was to be kept.
    cost : Cost
    probabilities : (N, K)
        Of the rows asked about, over all classes.
    seeds : Seeds or None
        The same with other seeds.
    """

    trial: Trial | None
    cost: Cost
    probabilities: NDArray[np.float64]
    seeds: Seeds | None


def carry_out(planned: Planned) -> Answered:
    """Train the head and ask it once.

    Raises
    ------
    HeadError
        The head refuses these rows.
    """
    train, test = _some(planned.train, planned.learn), _some(planned.test, planned.held)
    train = for_question(train, planned.question)
    watch = planned.watch.get() if planned.watch else None
    trial = train_head(planned.spec, train, planned.folds, tune=planned.tune, seed=planned.seed, watch=watch)
    started = time.perf_counter()
    asked = trial.ask(test.X)
    seconds = (time.perf_counter() - started) / len(test) * 1000
    cost = Cost(trial.tune_seconds, trial.fit_seconds, seconds, trial.bytes)
    probabilities = align(asked, [str(c) for c in trial.head.classes_], planned.classes.tolist())
    seeds = _seeds(planned, trial, train, test, probabilities)
    return Answered(trial if planned.keep else None, cost, probabilities, seeds)


def rows_to_learn(rows: LabelledRows, learn: NDArray[np.intp] | None, question: str) -> LabelledRows:
    """The rows that a planned trial learns from, as it sees them: without their vectors."""
    some = rows if learn is None else rows.take(learn)
    return for_question(Examples(some, np.empty((len(some), 0))), question).rows


def _some(shared: Shared[Examples], rows: NDArray[np.intp] | None) -> Examples:
    return shared.get() if rows is None else shared.get().take(rows)


def _seeds(
    planned: Planned, trial: Trial, train: Examples, test: Examples, probabilities: NDArray[np.float64]
) -> Seeds | None:
    """Accuracies of the same head with other seeds."""
    if not planned.seeds or not trial.head.drawn or "seed" in trial.spec.options:
        return None
    accuracies = [float(np.mean(planned.classes[probabilities.argmax(1)] == test.y))]
    for seed in planned.seeds:
        other = with_seed(trial, train, seed)
        accuracies.append(float(np.mean(other.head.classes_[other.ask(test.X).argmax(1)] == test.y)))
    return Seeds(planned.seed, (planned.seed, *planned.seeds), tuple(accuracies))
