"""Heads × embeddings × backbones on the same rows -> a Comparison.

The training part alone decides everything (tuning by folds that all heads share); the test part is asked once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache import FeatureCache
from classify.cautions import all_cautions
from classify.comparison import Caution, Comparison, DatasetFacts, Entry, TestRow
from classify.data import Examples, check_trainable
from classify.errors import HeadError
from classify.matched import Matched, View, match
from classify.metrics import align, measure, predictions
from classify.mistakes import most_confident, most_confused
from classify.ordering import related_order
from classify.provenance import gather_provenance
from classify.statistics import cluster_interval, cluster_weights
from classify.trial import Trial, new_head, run_trial
from featurize.table import DatasetTable, relative_path

FOLDS = 5

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Task:
    """What all heads have in common.

    Parameters
    ----------
    classes : tuple of str
    truth : (N,) int
        Of the test rows.
    train_counts : (K,) int
    groups : (N,) str
        Artists of the test rows.
    weights : (draws, G) or None
        Bootstrap resamples of the artists; None where none is known.
    """

    classes: tuple[str, ...]
    truth: NDArray[np.intp]
    train_counts: NDArray[np.intp]
    groups: NDArray[np.str_]
    weights: NDArray[np.float32] | None

    @classmethod
    def of(cls, train: Examples, test: Examples, seed: int) -> Task:
        """Codes and counts of two parts."""
        classes = np.unique(np.concatenate([train.y, test.y]))
        counts = np.bincount(np.searchsorted(classes, train.y), minlength=len(classes))
        weights = cluster_weights(test.groups, seed=seed) if test.artists_known else None
        return cls(tuple(classes.tolist()), np.searchsorted(classes, test.y), counts, test.groups, weights)


def compare(
    table: DatasetTable,
    caches: Sequence[FeatureCache],
    heads: Sequence[str],
    *,
    embeddings: Sequence[str] = ("avgpool",),
    target: str = "style",
    train: str = "train",
    test: str | None = None,
    tune: bool = True,
    seed: int = 0,
    progress: OnProgress | None = None,
    command: str = "",
) -> Comparison:
    """Compare heads.

    Parameters
    ----------
    table : DatasetTable
    caches : sequence of FeatureCache
        One for each backbone.
    heads : sequence of str
        As in "svm:C=3"; parameters that are given are not tuned.
    embeddings : sequence of str
        Recipes; "a+b" puts two side by side.
    target : str
        The label column.
    train, test : str
        Splits; without `test`, the test split is used, or val where the table has none.
    tune : bool
        Choose parameters by folds of the training part, grouped by artist where that is possible.
    seed : int
    progress : callable, optional
        Called with (done, total).
    command : str
        The command line, for the provenance.

    Raises
    ------
    ClassifyError, CacheError, TableError
        Each with the way out.
    """
    started = time.perf_counter()
    specs = _distinct(heads, seed)
    matched = match(table, caches, embeddings, target, train, test)
    entries: list[Entry] = []
    said: list[str] = []
    for number, view in enumerate(matched.views):
        learn, score = matched.load(view, train), matched.load(view, matched.test)
        if not number:
            said = check_trainable(learn, target)
            task = Task.of(learn, score, seed)
            facts = dataset_facts(matched, learn, score, task)
            rows = _rows(score, task, table)
            order = related_order(learn.X, np.searchsorted(task.classes, learn.y), len(task.classes))
            folds = _folds(learn, seed)
        watched, watched_name = _watched(matched, view, score)
        for spec in specs:
            if progress:
                progress(len(entries), len(specs) * len(matched.views))
            trial = run_trial(spec, learn, score, folds, tune=tune, seed=seed, watched=watched)
            entries.append(_entry(spec, view, matched, task, trial, learn, watched_name))
    if progress:
        progress(len(entries), len(entries))
    ranked = sorted(entries, key=lambda e: (-e.scores.accuracy.value, -e.scores.macro_f1))
    cautions = [*all_cautions(ranked, facts, task.classes), *(Caution("data", s[:1].upper() + s[1:]) for s in said)]
    return Comparison(
        classes=task.classes,
        class_order=order,
        entries=tuple(ranked),
        rows=rows,
        confusions=most_confused(ranked[0], rows),
        mistakes=most_confident(ranked[0], rows),
        dataset=facts,
        cautions=tuple(cautions),
        provenance=gather_provenance(caches, time.perf_counter() - started, seed, command),
        folder=table.folder,
    )


def dataset_facts(matched: Matched, train: Examples, test: Examples, task: Task) -> DatasetFacts:
    """What was learned from and scored on."""
    from classify.heads.folds import can_group

    known = train.artists_known or test.artists_known
    return DatasetFacts(
        target=matched.target,
        train=matched.train,
        test=matched.test,
        train_rows=len(train),
        test_rows=len(test),
        left_out=matched.left_out,
        train_counts=tuple(task.train_counts.tolist()),
        test_counts=tuple(np.bincount(task.truth, minlength=len(task.classes)).tolist()),
        train_artists=_artists(train) if known else None,
        test_artists=_artists(test) if known else None,
        grouped_tuning=train.artists_known and can_group(train.y, train.groups),
        chance=1 / len(task.classes),
        majority=float(np.mean(task.truth == task.train_counts.argmax())),
        digest=matched.digest,
    )


def _artists(examples: Examples) -> int:
    return len({g for g in examples.groups.tolist() if not g.startswith("?")})


def _distinct(heads: Sequence[str], seed: int) -> list[str]:
    specs = list(dict.fromkeys(spec.strip() for spec in heads if spec.strip()))
    if not specs:
        raise HeadError("no heads to compare: name some with --heads, as in logreg,mlp,svm")
    for spec in specs:
        new_head(spec, seed)  # so that a mistyped one is told before the others are fitted
    return specs


def _folds(train: Examples, seed: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    from classify.tuning import make_folds

    return make_folds(train.y, train.groups, FOLDS, seed)


def _watched(matched: Matched, view: View, test: Examples) -> tuple[Examples, str]:
    """Rows to follow the epochs by: val where there is one beside the two parts, else the test part."""
    if matched.test != "val" and matched.train != "val" and "val" in set(matched.table.columns["split"]):
        return matched.load(view, "val"), "val"
    return test, matched.test


def _rows(test: Examples, task: Task, table: DatasetTable) -> tuple[TestRow, ...]:
    return tuple(
        TestRow(i, relative_path(path, table.folder), int(code), "" if group.startswith("?") else group, year)
        for i, path, code, group, year in zip(
            test.ids, test.paths, task.truth, test.groups.tolist(), test.years, strict=True
        )
    )


def _entry(spec: str, view: View, matched: Matched, task: Task, trial: Trial, train: Examples, watched: str) -> Entry:
    probabilities = align(trial.probabilities, trial.head.classes_, task.classes)
    hits = probabilities.argmax(1) == task.truth
    clustered = None if task.weights is None else cluster_interval(hits, task.groups, task.weights)
    key = view.cache.key
    several = len({v.embedding for v in matched.views}) > 1, len({v.cache.key.digest for v in matched.views}) > 1
    parts = [view.embedding if several[0] else "", key.backbone if several[1] else ""]
    return Entry(
        name=" · ".join([spec, *filter(None, parts)]),
        spec=spec,
        kind=spec.partition(":")[0],
        embedding=view.embedding,
        backbone=key.backbone,
        key=key.folder_name,
        dimension=train.X.shape[1],
        params={name: list(v) if isinstance(v, tuple) else v for name, v in trial.head.get_params(deep=False).items()},
        tuned=trial.tuned,
        untrained=key.untrained,
        scores=measure(task.truth, probabilities, task.classes, task.train_counts.tolist(), clustered),
        cost=trial.cost,
        history=trial.history,
        watched=watched,
        predictions=predictions(task.truth, probabilities),
    )
