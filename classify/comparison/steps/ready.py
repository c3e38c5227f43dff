"""What a comparison is to do, checked as a whole before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cache import Store
from cache.folder import as_caches
from classify.comparison.contest import Contest, Run
from classify.comparison.curves import nested_subsets
from classify.comparison.finetuned import finetuned_runs
from classify.comparison.matched import Matched, match, match_whole
from classify.comparison.questions.plan import BOTH, Plan, check_rounds, planned, scored_by_folds
from classify.comparison.task import Task
from classify.comparison.texts import embeddings_with_texts, texts_of
from classify.data import check_trainable
from classify.errors import DataError, HeadError
from classify.fitting.asked import place, read_spec, read_specs
from classify.fitting.estimate import Trainings
from classify.fitting.prompts import refuse_idle_prompts
from classify.fitting.question import question_of
from classify.fitting.workers import Workers
from classify.heads import HeadSpec
from classify.heads.prompted import ClassTexts
from classify.lineage import refuse_folds
from featurize.dataset.table import DatasetTable, as_table
from featurize.progress import Progress

SEEDS = 4  # seeds that a head which draws random numbers is fitted with


@dataclass(frozen=True)
class Wanted:
    """What is asked of a comparison; the fields are those of `compare`."""

    target: str
    train: str | None
    test: str | None
    tune: bool
    folds: int | None
    repeats: int
    learning_curve: bool
    seed: int
    seeds: int
    question: str | None


@dataclass(frozen=True)
class Ready:
    """All that is known before the first head is trained.

    Parameters
    ----------
    wanted : Wanted
    table : DatasetTable
    path : Path
        Where it lies, or would lie.
    caches : sequence of Store
    specs : sequence of HeadSpec
        Each head once.
    matched : Matched
        The rows that all embeddings have.
    task : Task
    plan : Plan
        Of the questions that are put by folds.
    by_folds : bool
        Whether folds of all rows score the heads, and no test part.
    entered : sequence of Run
        Fine-tuned networks.
    texts : mapping
        For heads that read prompts.
    said : sequence of str
        What was noticed about the rows.
    """

    wanted: Wanted
    table: DatasetTable
    path: Path
    caches: Sequence[Store]
    specs: Sequence[HeadSpec]
    matched: Matched
    task: Task
    plan: Plan
    by_folds: bool
    entered: Sequence[Run]
    texts: Mapping[str, ClassTexts]
    said: Sequence[str]

    @property
    def answered(self) -> str:
        """The question that the heads of the ranking are tuned and calibrated for."""
        asked = self.wanted.question
        return (
            self.plan.questions[0] if self.by_folds else question_of(self.task.train, None if asked == BOTH else asked)
        )

    def contest(
        self, progress: Progress | None, tell: Callable[[str], None] | None, partial: bool, workers: Workers
    ) -> Contest:
        """The heads, ready to be trained; the arguments are those of `compare`."""
        wanted = self.wanted
        shorter = self.plan.shorter(tune=wanted.tune, whole=self.by_folds)
        return Contest(
            self.matched, self.specs, self.task.classes, wanted.tune, wanted.seed, self._rounds(), self.answered,
            wanted.seeds, progress, tell, partial, self.texts, shorter, workers,
        )  # fmt: skip

    def _rounds(self) -> list[Trainings]:
        """How often heads are trained on how many rows, for the estimate of the time."""
        task, wanted = self.task, self.wanted
        pictures = len(task.train) + (0 if self.by_folds else len(task.test))
        rounds = [Trainings(len(task.train), 1), self.plan.trainings(pictures)]
        rounds += [Trainings(len(task.train), 0 if self.by_folds else wanted.repeats)]
        subsets = nested_subsets(task.train_codes, wanted.seed) if wanted.learning_curve else ()
        return [*rounds, *(Trainings(len(rows), 1) for rows in subsets)]


def set_up(
    table: DatasetTable | str | Path,
    caches: Store | str | Path | Sequence[Store | str | Path],
    heads: str | HeadSpec | Sequence[str | HeadSpec],
    embeddings: str | Sequence[str] | None,
    wanted: Wanted,
    *,
    together: bool,
    finetuned: Sequence[str | Path],
    prompts: str | Path | None,
) -> Ready:
    """Look at everything that a comparison needs; the arguments are those of `compare`.

    Raises
    ------
    ClassifyError, CacheError, TableError
        Something is missing or contradicts something else.
    """
    path = Path(table) if isinstance(table, str | Path) else None
    table, caches = as_table(table), as_caches(caches)
    specs = distinct(heads, wanted.seed)
    refuse_idle_prompts(specs, prompts)
    of_texts = any(spec.of_texts for spec in specs)
    if isinstance(embeddings, str):
        embeddings = [name.strip() for name in embeddings.split(",") if name.strip()]
    if of_texts and embeddings is None:
        embeddings = embeddings_with_texts(caches)
    if wanted.seeds < 1:
        raise HeadError(f"--seeds {wanted.seeds}: a head needs one seed or more")
    by_folds = scored_by_folds(table, wanted.target, wanted.train, wanted.test, wanted.folds)
    check_rounds(wanted.folds, wanted.repeats, by_folds=by_folds)
    if by_folds:
        matched = match_whole(table, caches, embeddings, wanted.target, wanted.train or "all", together=together)
    else:
        train = wanted.train or "train"
        matched = match(table, caches, embeddings, wanted.target, train, wanted.test, together=together)
    task = Task.of(matched)
    said = check_trainable(task.train, wanted.target)
    if finetuned and (by_folds or wanted.repeats or wanted.learning_curve):
        raise DataError("--finetuned has learned from one split: leave --folds, --repeats and --learning-curve out")
    if by_folds and wanted.learning_curve:
        if wanted.folds:
            raise DataError("--learning-curve needs a test part, and --folds scores without one: leave one of them out")
        raise DataError("--learning-curve needs a test part: leave it out, or name a split with --test")
    plan = planned(matched, caches, wanted.question, wanted.folds, wanted.repeats, wanted.seed)
    if wanted.tune or wanted.repeats or plan.questions:
        for cache in caches:
            refuse_folds(cache, task.train, "use --no-tune without --repeats, or --finetuned for the run itself")
    entered = finetuned_runs(finetuned, matched, table, task.classes)
    texts = texts_of(matched, task.classes.tolist(), prompts) if of_texts else {}
    path = path or table.folder / "dataset.csv"
    return Ready(wanted, table, path, caches, specs, matched, task, plan, by_folds, entered, texts, said)


def distinct(heads: str | HeadSpec | Sequence[str | HeadSpec], seed: int) -> list[HeadSpec]:
    """The heads, each once; all of them can be made, so that a mistyped one is known before others are fitted."""
    if isinstance(heads, str):
        heads = read_specs(heads)
    asked = heads if isinstance(heads, Sequence) else [heads]
    specs = list(dict.fromkeys(read_spec(head) for head in asked))
    if not specs:
        raise HeadError("no heads to compare: name some with --heads, as in logreg,mlp,svm")
    for spec in specs:
        place(spec, seed)
    return specs
