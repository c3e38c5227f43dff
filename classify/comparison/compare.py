"""Heads × embeddings × backbones on the same rows -> a Comparison.

The training part alone decides everything (tuning by folds that all heads share); the test part is asked once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cache import Store
from cache.folder import as_caches
from classify.arrays import EMBEDDING, are_arrays, as_dataset
from classify.comparison.cautions import all_cautions, seen_pictures
from classify.comparison.contest import Contest, Run, finished_curves
from classify.comparison.control import control_of, how_to_get_it
from classify.comparison.curves import nested_subsets
from classify.comparison.entries import by_folds as entries_by_folds
from classify.comparison.entries import by_split
from classify.comparison.finetuned import finetuned_runs
from classify.comparison.looks import Looks, nothing_seen
from classify.comparison.matched import match, match_whole
from classify.comparison.mistakes import most_confident, most_confused
from classify.comparison.provenance import gather_provenance
from classify.comparison.questions.plan import BOTH, SMALL, check_rounds, one_question, planned, scored_by_folds
from classify.comparison.questions.put import Put, put_questions
from classify.comparison.result import Comparison
from classify.comparison.task import Task, dataset_facts, test_rows
from classify.comparison.texts import embeddings_with_texts, texts_of
from classify.data import check_trainable
from classify.errors import DataError, HeadError
from classify.evaluation.entry import Entry
from classify.evaluation.findings import Caution, Curve, LeakAudit
from classify.evaluation.questions import gains
from classify.fitting.asked import place, read_spec, read_specs
from classify.fitting.estimate import Trainings
from classify.fitting.question import question_of
from classify.fitting.workers import Here, Workers
from classify.heads import HeadSpec
from classify.lineage import refuse_folds
from featurize.dataset.audit.result import Twice
from featurize.dataset.audit.twice.finder import look_for_copies
from featurize.dataset.captions import Captions
from featurize.dataset.suspects.finding import Suspects
from featurize.dataset.suspects.looking import look_at_labels
from featurize.dataset.suspects.sheet import columns_of
from featurize.dataset.table import DatasetTable, as_table
from featurize.progress import Progress
from featurize.wording import counted

SEEDS = 4  # seeds that a head which draws random numbers is fitted with


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
        part = "train" if folds else None
        table, caches = as_dataset(table, caches, groups, split, target=target, part=part, seed=seed)
        embeddings = EMBEDDING
    elif groups is not None or split is not None:
        raise DataError("groups and split belong to vectors: a dataset table has them in its columns")
    place = Path(table) if isinstance(table, str | Path) else None
    table, caches = as_table(table), as_caches(caches)
    if isinstance(embeddings, str):
        embeddings = [name.strip() for name in embeddings.split(",") if name.strip()]
    specs = _distinct(heads, seed)
    of_texts = any(spec.of_texts for spec in specs)
    if of_texts and embeddings is None:
        embeddings = embeddings_with_texts(caches)
    if seeds < 1:
        raise HeadError(f"--seeds {seeds}: a head needs one seed or more")
    by_folds = scored_by_folds(table, target, train, test, folds)
    check_rounds(folds, repeats, by_folds=by_folds)
    if by_folds:
        matched = match_whole(table, caches, embeddings, target, train or "all", together=together)
    else:
        matched = match(table, caches, embeddings, target, train or "train", test, together=together)
    task = Task.of(matched)
    said = check_trainable(task.train, target)
    if finetuned and (by_folds or repeats or learning_curve):
        raise DataError("--finetuned has learned from one split: leave --folds, --repeats and --learning-curve out")
    if by_folds and learning_curve:
        raise DataError("--learning-curve needs a test part: leave it out, or name a split with --test")
    plan = planned(matched, caches, question, folds, repeats, seed)
    if tune or repeats or plan.questions:
        for cache in caches:
            refuse_folds(cache, task.train, "use --no-tune without --repeats, or --finetuned for the run itself")
    entered = finetuned_runs(finetuned, matched, table, task.classes)
    pictures = len(task.train) if by_folds else len(task.train) + len(task.test)
    rounds = [Trainings(len(task.train), 1), plan.trainings(pictures)]
    rounds += [Trainings(len(task.train), 0 if by_folds else repeats)]
    rounds += [Trainings(len(rows), 1) for rows in nested_subsets(task.train_codes, seed)] if learning_curve else []
    answered = plan.questions[0] if by_folds else question_of(task.train, None if question == BOTH else question)
    texts = texts_of(matched, task.classes.tolist(), prompts) if of_texts else {}
    shorter = plan.shorter(tune=tune, whole=by_folds)
    contest = Contest(
        matched, specs, task.classes, tune, seed, rounds, answered, seeds, progress, tell, partial, texts, shorter,
        workers or Here(),
    )  # fmt: skip
    runs, put = [*contest.once(), *entered], put_questions(contest, plan)
    if by_folds:
        runs = [run for run in runs if run.name in put[0].answers]
    if not runs:
        raise KeyboardInterrupt
    runs.sort(key=lambda run: _rank(run, task, put if by_folds else ()))
    entries, verdict = entries_by_folds(runs, task, put[0], seed) if by_folds else by_split(runs, task, seed)
    facts, rows = dataset_facts(matched, task, answered, plan), test_rows(task.test, task.classes, table)
    pool = contest.whole(matched.views[0]).rows if plan.questions else None
    asked_rows = test_rows(pool, task.classes, table) if pool else ()
    truth = np.array([row.label for row in asked_rows], np.intp)
    asked = tuple(one.judged(runs, truth, seed) for one in put if one.answers)
    mistakes = most_confident(entries[0], rows)
    groups = np.array([row.group for row in asked_rows])
    met = gains(asked[0], asked[1], truth, groups, seed) if len(asked) > 1 else ()  # new painters are asked first
    path = place or table.folder / "dataset.csv"
    twice, suspects, again = Twice(), Suspects(), None
    curves: tuple[Curve, ...] = ()
    leaks, order, mistakes = nothing_seen(mistakes, len(task.classes))
    with contest.kept():  # whatever is interrupted from here on, the heads were finished
        most = 0 if contest.stopped else SMALL
        twice = look_for_copies(table, path, target, matched.first_embedding, most=most, keep=False)
        suspects = look_at_labels(table, target, matched.first_embedding)
        looks = Looks(runs[0], entries[0], matched, task, table, twice, seed)
        leaks, order, mistakes = looks.by_folds(mistakes, put[0]) if by_folds else looks.by_split(mistakes)
        if learning_curve and not contest.stopped:
            whole = {e.name: (facts.train_rows, e.scores.accuracy) for e in entries}
            curves = finished_curves(contest.learning_curves(), whole)
        if repeats and not by_folds and not contest.stopped:
            again = contest.repeats(repeats, by_artist=_disjoint(leaks))
    control = control_of(contest, plan, caches)
    cautions = [*_stopped(contest, entries, put), *seen_pictures(caches, task.test.ids)]
    cautions += all_cautions(entries, facts, leaks, task.classes.tolist(), matched.parts)
    cautions += one_question(matched, question, folds)
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
        asked=asked,
        asked_rows=asked_rows,
        gains=met,
        control=control,
        control_note=how_to_get_it(caches) if control is None and not contest.stopped else "",
        suspects=suspects,
        suspect_columns=columns_of(table, target, suspects.found),
        captions=Captions(table),
        twice=twice,
        table_path=path,
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


def _rank(run: Run, task: Task, put: Sequence[Put]) -> float:
    if put:
        return -put[0].answers[run.name].scores.accuracy.value
    return -float(np.mean(run.probabilities.argmax(1) == task.truth))


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


def _disjoint(leaks: LeakAudit) -> bool:
    """Whether the given split keeps artists apart, so that resampled ones must, too."""
    return leaks.artists is not None and leaks.artists.test_pictures > 0 and not leaks.artists.shared_pictures
