"""Heads × embeddings × backbones on the same rows -> a Comparison.

The training part alone decides everything (tuning by folds that all heads share); the test part is asked once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache import Store
from cache.folder import as_caches
from classify.arrays import EMBEDDING, are_arrays, as_dataset
from classify.comparison.cautions import all_cautions, seen_pictures
from classify.comparison.contest import Contest, Run, finished_curves
from classify.comparison.curves import nested_subsets
from classify.comparison.finetuned import finetuned_runs
from classify.comparison.leaks import audit
from classify.comparison.matched import Matched, match
from classify.comparison.mistakes import most_confident, most_confused, with_nearest
from classify.comparison.provenance import gather_provenance
from classify.comparison.result import Comparison, DatasetFacts, TestRow
from classify.data import LabelledRows, check_trainable
from classify.errors import DataError, HeadError
from classify.evaluation.contrasts import judge
from classify.evaluation.entry import Entry, Estimate
from classify.evaluation.findings import Caution, LeakAudit, Mistake, Verdict
from classify.evaluation.metrics import measure, predictions
from classify.evaluation.ordering import related_order
from classify.evaluation.statistics import FEWEST_GROUPS
from classify.fitting.asked import place, read_spec, read_specs
from classify.fitting.question import NEW, question_of
from classify.heads import HeadSpec
from classify.lineage import refuse_folds
from featurize.dataset.table import DatasetTable, as_table, relative_path
from featurize.progress import Progress

SEEDS = 4  # seeds that a head which draws random numbers is fitted with


@dataclass(frozen=True)
class Task:
    """What all heads have in common.

    Parameters
    ----------
    classes : (K,) str
    truth : (N,) int
        Of the test rows.
    train_codes : (M,) int
        Of the training rows.
    train_counts : (K,) int
    train, test : LabelledRows
    """

    classes: NDArray[np.str_]
    truth: NDArray[np.intp]
    train_codes: NDArray[np.intp]
    train_counts: NDArray[np.intp]
    train: LabelledRows
    test: LabelledRows

    @classmethod
    def of(cls, matched: Matched) -> Task:
        """Codes and counts of the two parts."""
        train, test = matched.parts
        classes = np.unique(np.concatenate([train.y, test.y]))
        codes = np.searchsorted(classes, train.y)
        counts = np.bincount(codes, minlength=len(classes))
        return cls(classes, np.searchsorted(classes, test.y), codes, counts, train, test)

    @property
    def artists_known(self) -> bool:
        """Whether any row names its artist."""
        return self.train.artists_known or self.test.artists_known


def compare(
    table: DatasetTable | str | Path | Any = "dataset.csv",
    caches: Store | str | Path | Sequence[Store | str | Path] | Any = "features",
    heads: str | HeadSpec | Sequence[str | HeadSpec] = "all",
    *,
    embeddings: str | Sequence[str] | None = None,
    together: bool = False,
    target: str = "style",
    train: str = "train",
    test: str | None = None,
    tune: bool = True,
    repeats: int = 0,
    learning_curve: bool = False,
    seed: int = 0,
    seeds: int = SEEDS,
    question: str | None = None,
    groups: Any = None,
    split: Any = None,
    finetuned: Sequence[str | Path] = (),
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
    command: str = "",
) -> Comparison:
    """Compare heads.

    Parameters
    ----------
    table : DatasetTable, str or Path, or (N, D) array or DataFrame
        The table, or where it lies. Or vectors X; then labels y (N,) stand in place of the cache: `compare(X, y)`.
    caches : Store, str or Path, or sequence of these
        One for each backbone, or the features folder of the only one.
    heads : str, HeadSpec, or sequence of these
        "logreg,svm:C=3", or ["logreg", "svm:C=3"]; parameters that are given are not tuned. "all" is every head.
    embeddings : str or sequence of str, optional
        Recipes, "avgpool,stats" or ["avgpool", "stats"]; "avgpool+stats" puts two side by side. Each cache shows those
        that it holds; by default its usual one.
    together : bool
        Whether the embeddings of all caches are also put side by side.
    target : str
        The label column.
    train, test : str
        Splits; without `test`, the test split is used, or val where the table has none.
    tune : bool
        Choose parameters by folds of the training part, grouped by artist where that is possible.
    repeats : int
        Resampled splits to do everything again on; 0, or 2 and more.
    learning_curve : bool
        Whether to learn from parts of the training rows, too.
    seed : int
        Of the folds, of everything that is resampled, and of the heads that draw random numbers.
    seeds : int
        With so many seeds, beginning with `seed`, a head that draws random numbers is fitted; its row says the mean and
        the spread. The folds, and so the other heads, are the same whatever the seeds. 1 fits it once.
    question : "new" or "known", optional
        Whose pictures heads are tuned and calibrated for: folds keep artists apart, or don't. By default for new
        painters, where artists are known.
    groups, split : (N,), optional
        With vectors X: artists, or what else must not be taken apart, and "train", "val" or "test" for each row;
        without `split` a fifth of the rows, or of the groups, is scored.
    finetuned : sequence of str or Path
        Folders of runs of `classify finetune`, which are scored on the same rows.
    progress : callable, optional
        Called with (trials done, all trials).
    tell : callable, optional
        Called with a sentence before work that will take long.
    command : str
        The command line, for the provenance.

    Raises
    ------
    ClassifyError, CacheError, TableError
        Each with the way out.

    Examples
    --------
    >>> import classify
    >>> comparison = classify.compare("dataset.csv", "features", "ridge,lda", tune=False)
    >>> sorted(entry.name for entry in comparison.entries)
    ['lda', 'ridge']
    >>> import numpy as np
    >>> X, y = np.random.default_rng(0).normal(size=(60, 8)), ["a", "b", "c"] * 20
    >>> classify.compare(X, y, "ridge", groups=list(range(30)) * 2).dataset.test_rows
    12
    """
    started = time.perf_counter()
    if are_arrays(table):
        table, caches = as_dataset(table, caches, groups, split, target=target, part=None, seed=seed)
        embeddings = EMBEDDING
    elif groups is not None or split is not None:
        raise DataError("groups and split belong to vectors: a dataset table has them in its columns")
    table, caches = as_table(table), as_caches(caches)
    if isinstance(embeddings, str):
        embeddings = [name.strip() for name in embeddings.split(",") if name.strip()]
    specs = _distinct(heads, seed)
    if seeds < 1:
        raise HeadError(f"--seeds {seeds}: a head needs one seed or more")
    if repeats == 1 or repeats < 0:
        raise HeadError(f"--repeats {repeats}: two splits or more are needed to see how much they differ")
    matched = match(table, caches, embeddings, target, train, test, together=together)
    task = Task.of(matched)
    said = check_trainable(task.train, target)
    if finetuned and (repeats or learning_curve):
        raise DataError("--finetuned has learned from one split: leave --repeats and --learning-curve out")
    if tune or repeats:
        for cache in caches:
            refuse_folds(cache, task.train, "use --no-tune without --repeats, or --finetuned for the run itself")
    entered = finetuned_runs(finetuned, matched, table, task.classes)
    rounds = 1 + repeats + (len(nested_subsets(task.train_codes, seed)) if learning_curve else 0)
    total = len(specs) * len(matched.views) * rounds
    answered = question_of(task.train, question)
    contest = Contest(matched, specs, task.classes, tune, seed, total, answered, seeds, progress, tell)
    runs = sorted([*contest.once(), *entered], key=lambda run: _rank(run, task))
    entries, verdict = _entries(runs, task, seed)
    facts, rows = dataset_facts(matched, task, answered), _rows(task, table)
    mistakes = most_confident(entries[0], rows)
    leaks, order, mistakes = _looked_at(runs[0], entries[0], mistakes, matched, task, table, seed)
    whole = {e.name: (facts.train_rows, e.scores.accuracy) for e in entries}
    curves = finished_curves(contest.learning_curves(), whole) if learning_curve else ()
    again = contest.repeats(repeats, by_artist=_disjoint(leaks)) if repeats else None
    cautions = [*seen_pictures(caches, task.test.ids)]
    cautions += all_cautions(entries, facts, leaks, task.classes.tolist(), matched.parts)
    return Comparison(
        classes=tuple(task.classes.tolist()),
        class_order=order,
        entries=entries,
        verdict=verdict,
        rows=rows,
        confusions=most_confused(entries[0], rows),
        mistakes=mistakes,
        dataset=facts,
        leaks=leaks,
        cautions=(*cautions, *(Caution("data", s[:1].upper() + s[1:]) for s in said)),
        provenance=gather_provenance(
            [*caches, *(run.view.cache for run in entered)], time.perf_counter() - started, seed, command
        ),
        folder=table.folder,
        curves=curves,
        repeats=again,
    )


def dataset_facts(matched: Matched, task: Task, question: str) -> DatasetFacts:
    """What is learned from and scored on."""
    train, test, count = task.train, task.test, len(task.classes)
    return DatasetFacts(
        target=matched.target,
        train=matched.train,
        test=matched.test,
        train_rows=len(train),
        test_rows=len(test),
        unlabelled=tuple(part.unlabelled for part in matched.parts),
        broken=tuple(part.broken for part in matched.parts),
        train_counts=tuple(task.train_counts.tolist()),
        test_counts=tuple(np.bincount(task.truth, minlength=count).tolist()),
        train_artists=train.artist_count if task.artists_known else None,
        test_artists=test.artist_count if task.artists_known else None,
        grouped_tuning=question == NEW,
        question=question,
        chance=1 / count,
        majority=float(np.mean(task.truth == task.train_counts.argmax())),
        digest=matched.digest,
    )


def _distinct(heads: str | HeadSpec | Sequence[str | HeadSpec], seed: int) -> list[HeadSpec]:
    """The heads, each once; all of them can be made, so that a mistyped one is known before others are fitted."""
    if isinstance(heads, str):
        heads = read_specs(heads)
    asked = [heads] if isinstance(heads, HeadSpec) else heads
    specs = list(dict.fromkeys(read_spec(head) for head in asked))
    if not specs:
        raise HeadError("no heads to compare: name some with --heads, as in logreg,mlp,svm")
    for spec in specs:
        place(spec, seed)
    return specs


def _rank(run: Run, task: Task) -> float:
    return -float(np.mean(run.probabilities.argmax(1) == task.truth))


def _disjoint(leaks: LeakAudit) -> bool:
    """Whether the given split keeps artists apart, so that resampled ones must, too."""
    return leaks.artists is not None and leaks.artists.test_pictures > 0 and not leaks.artists.shared_pictures


def _looked_at(
    run: Run,
    best: Entry,
    mistakes: tuple[Mistake, ...],
    matched: Matched,
    task: Task,
    table: DatasetTable,
    seed: int,
) -> tuple[LeakAudit, tuple[int, ...], tuple[Mistake, ...]]:
    """What the best head's embedding shows: leaks, an order of related classes, what its mistakes look like."""
    train, test = matched.load(run.view, matched.train), matched.load(run.view, matched.test)
    hits = np.array(best.predictions.predicted) == task.truth
    leaks = audit(train, test, hits, table, trained=not best.untrained, name=best.embedding, seed=seed)
    order = related_order(train.X, task.train_codes, len(task.classes))
    return leaks, order, mistakes if best.untrained else with_nearest(mistakes, train, test, table)


def _rows(task: Task, table: DatasetTable) -> tuple[TestRow, ...]:
    test = task.test
    paths = [relative_path(path, table.folder) for path in test.paths]
    columns = test.ids, paths, task.truth.tolist(), test.artists, test.years, test.groups.tolist()
    return tuple(TestRow(*row) for row in zip(*columns, strict=True))


def _entries(runs: Sequence[Run], task: Task, seed: int) -> tuple[tuple[Entry, ...], Verdict]:
    hits = np.stack([run.probabilities.argmax(1) == task.truth for run in runs], axis=1)  # (N, M)
    clustered, verdict = judge(hits, task.test.groups, seed)
    intervals = clustered if task.test.artist_count >= FEWEST_GROUPS else [None] * len(runs)
    return tuple(_entry(run, task, interval) for run, interval in zip(runs, intervals, strict=True)), verdict


def _entry(run: Run, task: Task, clustered: Estimate | None) -> Entry:
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
        scores=measure(task.truth, run.probabilities, task.classes.tolist(), task.train_counts.tolist(), clustered),
        cost=run.cost,
        history=run.history,
        watched=run.watched,
        predictions=predictions(task.truth, run.probabilities),
        probabilities=run.probabilities,
    )
