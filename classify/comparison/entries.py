"""Runs and their answers -> ranked entries and what may be said between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from classify.comparison.contest import Run
from classify.comparison.questions.put import Put
from classify.comparison.task import Task
from classify.evaluation.contrasts import judge, judge_folds
from classify.evaluation.entry import Entry, Predictions, Scores
from classify.evaluation.findings import Verdict
from classify.evaluation.metrics import measure, predictions
from classify.evaluation.statistics import FEWEST_GROUPS

Entries = tuple[tuple[Entry, ...], Verdict]


def by_split(runs: Sequence[Run], task: Task, seed: int) -> Entries:
    """Heads that were asked once about the test part, in the order of the runs."""
    hits = np.stack([run.probabilities.argmax(1) == task.truth for run in runs], axis=1)  # (N, M)
    clustered, verdict = judge(hits, task.test.groups, seed)
    intervals = clustered if task.test.artist_count >= FEWEST_GROUPS else [None] * len(runs)
    classes, counts = task.classes.tolist(), task.train_counts.tolist()
    scored = [
        measure(task.truth, run.probabilities, classes, counts, interval)
        for run, interval in zip(runs, intervals, strict=True)
    ]
    answers = [predictions(task.truth, run.probabilities) for run in runs]
    return tuple(map(_entry, runs, scored, answers)), verdict


def by_folds(runs: Sequence[Run], task: Task, put: Put, seed: int) -> Entries:
    """Heads that were asked by folds: the figures are over all repeats, single answers those of the first."""
    found = [put.answers[run.name] for run in runs]
    hits = np.stack(
        [[np.array(one.predicted) == task.truth for one in answer.predictions] for answer in found], axis=2
    )  # (R, N, M)
    folds = np.array([answer.folds for answer in found]).T  # (J, M)
    verdict = judge_folds(hits, put.folding.groups, folds, put.folding.test_share, seed)
    every = [put.probabilities[run.name] for run in runs]  # (R, N, K) each
    asked = [replace(run, probabilities=one[0]) for run, one in zip(runs, every, strict=True)]
    answers = [(a.scores, a.predictions[0], one) for a, one in zip(found, every, strict=True)]
    return tuple(_entry(run, *own) for run, own in zip(asked, answers, strict=True)), verdict


def _entry(run: Run, scores: Scores, answers: Predictions, repeated: NDArray[np.float64] | None = None) -> Entry:
    keys, trial = [view.cache.key for view in run.view.parts], run.trial
    params = trial.head.get_params(deep=False)
    return Entry(
        name=run.name,
        spec=str(run.spec),
        kind=run.spec.kind,
        embedding=run.view.embedding,
        backbone=" + ".join(dict.fromkeys(key.backbone for key in keys)),
        key=" + ".join(dict.fromkeys(key.folder_name for key in keys)),
        dimension=run.dimension,
        params={name: list(value) if isinstance(value, tuple) else value for name, value in params.items()},
        tuned=trial.tuned,
        remarks=trial.remarks,
        seeds=run.seeds,
        untrained=any(key.untrained for key in keys),
        scores=scores,
        cost=run.cost,
        history=run.history,
        watched=run.watched,
        predictions=answers,
        probabilities=run.probabilities,
        repeated=run.probabilities[None] if repeated is None else repeated,
    )
