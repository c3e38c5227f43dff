"""Heads × embeddings × backbones on the same rows -> a Comparison.

The training part alone decides everything (tuning by folds that all heads share); the test part is asked once. What
is asked is checked before anything is trained (steps/ready.py); then all heads answer, and what their answers show is
looked at (steps/answers.py); here it is laid out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cache import Store
from classify.arrays import EMBEDDING, are_arrays, as_dataset, refuse_recipes
from classify.comparison.cautions import all_cautions, seen_pictures
from classify.comparison.contest import Contest
from classify.comparison.control import control_of, how_to_get_it
from classify.comparison.mistakes import most_confused
from classify.comparison.provenance import gather_provenance
from classify.comparison.questions.plan import one_question
from classify.comparison.questions.put import Put
from classify.comparison.result import Comparison
from classify.comparison.steps.answers import Answers, Seen, answer, look_behind
from classify.comparison.steps.ready import SEEDS, Ready, Wanted, set_up
from classify.comparison.task import test_rows
from classify.errors import DataError
from classify.evaluation.entry import Entry
from classify.evaluation.findings import Caution
from classify.evaluation.questions import gains
from classify.fitting.asked import check_seed
from classify.fitting.workers import Here, Workers
from classify.heads import HeadSpec
from featurize.dataset.captions import Captions
from featurize.dataset.suspects.sheet import columns_of
from featurize.dataset.table import DatasetTable
from featurize.progress import Progress
from featurize.wording import counted


def compare(
    table: DatasetTable | str | Path | Any = "dataset.csv",
    caches: Store | str | Path | Sequence[Store | str | Path] | Any = "features",
    heads: str | HeadSpec | Sequence[str | HeadSpec] = "all",
    *,
    embeddings: str | Sequence[str] | None = None,
    together: bool = False,
    target: str = "style",
    train: str | None = None,
    test: str | None = None,
    tune: bool = True,
    folds: int | None = None,
    repeats: int = 0,
    learning_curve: bool = False,
    seed: int = 0,
    seeds: int = SEEDS,
    question: str | None = None,
    groups: Any = None,
    split: Any = None,
    finetuned: Sequence[str | Path] = (),
    prompts: str | Path | None = None,
    partial: bool = False,
    workers: Workers | None = None,
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
        Splits; without `test`, the test split is used, or val where the table has none. Without `train` it is the
        train split; by folds, all rows, or those of the split that is named.
    tune : bool
        Choose parameters by folds of the training part, grouped by artist where that is possible.
    folds : int, optional
        Divide all rows into so many folds, each of which is scored by heads that learned from the others, in place of
        one split. By default 5, where the table has no test part and up to 2,000 labelled pictures; 0 never does.
    repeats : int
        By folds, how often everything is done again with other folds. With a given split, resampled splits to do
        everything again on; 0, or 2 and more.
    learning_curve : bool
        Whether to learn from parts of the training rows, too.
    seed : int
        Of the folds, of everything that is resampled, and of the heads that draw random numbers.
    seeds : int
        With so many seeds, beginning with `seed`, a head that draws random numbers is fitted; its row says the mean and
        the spread. The folds, and so the other heads, are the same whatever the seeds. 1 fits it once.
    question : "new", "known" or "both", optional
        Whose pictures heads are tuned, calibrated and scored for: painters they have not met (folds keep artists
        apart), or painters they have. Both, by folds of all rows, is the default where artists are known well enough
        and there are up to 20,000 pictures; beside a given split, whose own heads are then tuned for new painters
        where its training part allows it.
    groups, split : (N,), optional
        With vectors X: artists, or what else must not be taken apart, and "train", "val" or "test" for each row;
        without `split` a fifth of the rows, or of the groups, is scored.
    finetuned : sequence of str or Path
        Folders of runs of `classify finetune`, which are scored on the same rows.
    prompts : str or Path, optional
        For `zero-shot` and `tip-adapter`: a text file with prompts, one a line, "{}" where the class stands; see
        docs/heads.md.
    partial : bool
        Whether an interruption (Ctrl-C) gives the comparison of the heads that were finished, where there are any.
    workers : Workers, optional
        Who trains the heads: this process by default, or a Ray cluster, `classify.fitting.workers.OnRay("auto")`.
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
        refuse_recipes(embeddings)
        check_seed(seed)
        part = "train" if folds else None
        table, caches = as_dataset(table, caches, groups, split, target=target, part=part, seed=seed)
        embeddings = EMBEDDING
    elif groups is not None or split is not None:
        raise DataError("groups and split belong to vectors: a dataset table has them in its columns")
    asked = Wanted(target, train, test, tune, folds, repeats, learning_curve, seed, seeds, question)
    ready = set_up(table, caches, heads, embeddings, asked, together=together, finetuned=finetuned, prompts=prompts)
    contest = ready.contest(progress, tell, partial, workers or Here())
    answers = answer(ready, contest)
    return _comparison(ready, contest, answers, look_behind(ready, contest, answers), command, started)


def _comparison(
    ready: Ready, contest: Contest, answers: Answers, seen: Seen, command: str, started: float
) -> Comparison:
    """All that was found out, laid out; `started` is when."""
    matched, task, table, seed = ready.matched, ready.task, ready.table, ready.wanted.seed
    asked_rows = test_rows(pool, task.classes, table) if (pool := answers.pool) else ()
    truth = np.array([row.label for row in asked_rows], np.intp)
    asked = tuple(one.judged(answers.runs, truth, seed) for one in answers.put if one.answers)
    groups = np.array([row.group for row in asked_rows])
    control = control_of(contest, ready.plan, ready.caches)
    cautions = [*_stopped(contest, answers.entries, answers.put), *seen_pictures(ready.caches, task.test.ids)]
    ids = table.columns["id"]
    alike = [(ids[a], ids[b]) for a, b in (pair.rows for pair in seen.twice.pairs)]
    cautions += all_cautions(answers.entries, answers.facts, seen.leaks, task.classes.tolist(), matched.parts, alike)
    cautions += one_question(matched, ready.wanted.question, ready.wanted.folds)
    cautions += [Caution("data", text[:1].upper() + text[1:]) for text in ready.said]
    caches = [*ready.caches, *(run.view.cache for run in ready.entered)]
    return Comparison(
        classes=tuple(task.classes.tolist()),
        class_order=seen.order,
        entries=answers.entries,
        verdict=answers.verdict,
        rows=answers.rows,
        confusions=most_confused(answers.entries[0], answers.rows),
        mistakes=seen.mistakes,
        dataset=answers.facts,
        leaks=seen.leaks,
        cautions=tuple(cautions),
        provenance=gather_provenance(caches, time.perf_counter() - started, seed, command),
        folder=table.folder,
        curves=seen.curves,
        repeats=seen.again,
        asked=asked,
        asked_rows=asked_rows,
        gains=gains(asked[0], asked[1], truth, groups, seed) if len(asked) > 1 else (),  # new painters are asked first
        control=control,
        control_note=how_to_get_it(ready.caches) if control is None and not contest.stopped else "",
        suspects=seen.suspects,
        suspect_columns=columns_of(table, ready.wanted.target, seen.suspects.found),
        captions=Captions(table),
        twice=seen.twice,
        table_path=ready.path,
    )


def _stopped(contest: Contest, entries: Sequence[Entry], put: Sequence[Put]) -> Iterator[Caution]:
    """It was interrupted."""
    if contest.stopped:
        finished = sum(all(entry.name in one.answers for one in put) for entry in entries)
        heads = sum(len(contest.specs_of(view)) for view in contest.matched.views)
        yield Caution(
            "stopped",
            f"The comparison was stopped when {finished} of {counted(heads, 'head')} had been asked everything: what "
            "the others were not asked is missing here, and so is what would have been looked at afterwards.",
        )
