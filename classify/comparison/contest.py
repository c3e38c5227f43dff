"""Every head on every embedding of the same rows: once, on ever more training rows, and over resampled splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from classify.comparison.curves import nested_subsets
from classify.comparison.matched import Matched, View
from classify.data import Examples
from classify.evaluation.entry import Cost, Estimate, Seeds
from classify.evaluation.findings import Curve, Repeats
from classify.evaluation.repeats import judge_repeats, resampled_splits
from classify.evaluation.statistics import wilson
from classify.fitting.estimate import Plan, Trainings, announcement
from classify.fitting.planned import Answered, Planned, carry_out, rows_to_learn
from classify.fitting.question import for_question
from classify.fitting.trial import Trial, folds_of
from classify.fitting.workers import Here, Shared, Workers
from classify.heads import HeadSpec
from classify.heads.prompted import ClassTexts, WithTexts
from classify.heads.rows.folds import Folds
from classify.heads.watch import Watch
from featurize.progress import Progress
from featurize.run.texts import PICTURES

LAST_SEED = 2**32 - 1
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Run:
    """A trial of one head on one view.

    Parameters
    ----------
    name : str
        Unique within the contest.
    spec : HeadSpec
    view : View
    dimension : int
    trial : Trial
    cost : Cost
    probabilities : (N, K)
        Of the test rows, over all classes.
    watched : str
        The split that the epochs were followed on.
    seeds : Seeds or None
        The same with other seeds.
    history : tuple of mapping
        One an epoch.
    """

    name: str
    spec: HeadSpec
    view: View
    dimension: int
    trial: Trial
    cost: Cost
    probabilities: NDArray[np.float64]
    watched: str
    seeds: Seeds | None
    history: tuple[Mapping[str, float], ...]


@dataclass
class Contest:
    """The heads, the rows, and how far things have come.

    Parameters
    ----------
    matched : Matched
    specs : sequence of HeadSpec
    classes : (K,) str
        Sorted.
    tune : bool
    seed : int
    rounds : sequence of Trainings
        What is done with each head; the comparison itself first.
    question : str
        Whose pictures heads are tuned and calibrated for, those by "new" or by "known" painters.
    seeds : int
        With how many seeds a head that draws random numbers is fitted for the comparison itself.
    progress : callable, optional
    tell : callable, optional
        Called with a sentence before work that will take long.
    texts : mapping of str to ClassTexts
        By digests of keys: what heads that compare with prompts compare with.
    shorter : sequence of str
        Ways to shorten the comparison, which are named where it takes long.
    partial : bool
        Whether an interruption leaves what was finished, instead of KeyboardInterrupt.
    workers : Workers
        Who trains the heads.

    Attributes
    ----------
    done : int
        Trials that were run.
    stopped : bool
        Whether it was interrupted.
    """

    matched: Matched
    specs: Sequence[HeadSpec]
    classes: NDArray[np.str_]
    tune: bool
    seed: int
    rounds: Sequence[Trainings]
    question: str
    seeds: int = 1
    progress: Progress | None = None
    tell: Callable[[str], None] | None = None
    partial: bool = False
    texts: Mapping[str, ClassTexts] = field(default_factory=dict)
    shorter: Sequence[str] = ()
    workers: Workers = field(default_factory=Here)
    done: int = field(default=0, init=False)
    stopped: bool = field(default=False, init=False)

    @property
    def total(self) -> int:
        """Trials that will be run."""
        return sum(len(self.specs_of(view)) for view in self.matched.views) * sum(one.times for one in self.rounds)

    def once(self) -> list[Run]:
        """The comparison itself: learn from the training part, ask once about the test part."""
        runs: list[Run] = []
        with self.kept():
            runs.extend(self._once())
        return runs

    @contextmanager
    def kept(self) -> Iterator[None]:
        """An interruption stops what is done here, and what was finished is kept."""
        try:
            yield
        except KeyboardInterrupt:
            if not self.partial:
                raise
            self.stopped = True
            if self.tell:
                self.tell("stopped: the report of what was finished is being written; Ctrl-C again leaves it out")

    def _once(self) -> Iterator[Run]:
        for view in self.matched.views:
            train, test = self._parts(view)
            watched, split = self._watched(view, test)
            train = for_question(train, self.question)
            folds = folds_of(train.rows, self.seed)
            self._announce(view, train, len(folds))
            watch = None if self.matched.whole else self.workers.share(Watch(watched.X, watched.y))
            specs, both = self.specs_of(view), (self.workers.share(train), self.workers.share(test))
            seeds = self._other_seeds()
            planned = [replace(self._planned(s, *both, folds), watch=watch, seeds=seeds, keep=True) for s in specs]
            for spec, done in zip(specs, self.ask(planned), strict=True):
                name = self.name(spec, view)
                assert done.trial
                dimension, epochs = train.X.shape[1], done.trial.history
                yield Run(
                    name, spec, view, dimension, done.trial, done.cost, done.probabilities, split, done.seeds, epochs
                )

    def learning_curves(self) -> dict[str, list[tuple[int, Estimate]]]:
        """Accuracy on the test part after learning from a part of the training rows, by name of the run."""
        out: dict[str, list[tuple[int, Estimate]]] = defaultdict(list)
        for view in self.matched.views:
            train, test = self._parts(view)
            specs, both = self.specs_of(view), (self.workers.share(train), self.workers.share(test))
            subsets = list(nested_subsets(np.searchsorted(self.classes, train.y), self.seed))
            planned = []
            for rows in subsets:
                folds = folds_of(rows_to_learn(train.rows, rows, self.question), self.seed)
                planned += [replace(self._planned(s, *both, folds), learn=rows) for s in specs]
            for (rows, spec), done in zip(product(subsets, specs), self.ask(planned), strict=True):
                hits = self._hits(done, test.y)
                out[self.name(spec, view)].append((len(rows), wilson(int(hits.sum()), len(test))))
        return out

    def repeats(self, count: int, *, by_artist: bool) -> Repeats:
        """Everything again over resampled splits of both parts together."""
        accuracies: dict[str, list[float]] = defaultdict(list)
        sizes: list[tuple[int, int]] = []
        shared: list[float] = []
        for view in self.matched.views:
            test, pool = self._parts(view)[1], self.whole(view)
            share = len(test) / len(pool)
            splits = list(resampled_splits(pool.y, pool.rows.groups, share, count, by_artist=by_artist, seed=self.seed))
            specs, both = self.specs_of(view), (self.workers.share(pool),) * 2
            planned = []
            for learn, score in splits:
                sizes.append((len(learn), len(score)))
                shared.append(float(np.isin(pool.rows.groups[score], pool.rows.groups[learn]).mean()))
                folds = folds_of(rows_to_learn(pool.rows, learn, self.question), self.seed)
                planned += [replace(self._planned(s, *both, folds), learn=learn, held=score) for s in specs]
            for ((_, score), spec), done in zip(product(splits, specs), self.ask(planned), strict=True):
                accuracies[self.name(spec, view)].append(float(self._hits(done, pool.y[score]).mean()))
        kind = "artist-disjoint" if by_artist else "random"
        known = float(np.mean(shared)) if pool.rows.artists_known else None
        return judge_repeats(accuracies, [a for a, _ in sizes], [b for _, b in sizes], kind, known)

    def ask(self, planned: Sequence[Planned]) -> Iterator[Answered]:
        """Train heads and ask each once, in their order."""
        answers = self.workers.each(carry_out, planned)
        for _ in planned:
            if self.progress:
                self.progress(self.done, self.total)
            done = next(answers)
            self.done += 1
            if self.progress and self.done == self.total:
                self.progress(self.done, self.total)
            yield done

    def plan_fold(
        self, spec: HeadSpec, pool: Shared[Examples], learn: Rows, held: Rows, folds: Folds, question: str
    ) -> Planned:
        """A trial that learns from some rows of a pool and is asked about others."""
        return replace(self._planned(spec, pool, pool, folds), learn=learn, held=held, question=question)

    def _planned(self, spec: HeadSpec, train: Shared[Examples], test: Shared[Examples], folds: Folds) -> Planned:
        return Planned(spec, train, test, self.question, folds, self.classes, self.tune, self.seed)

    def specs_of(self, view: View) -> list[HeadSpec]:
        """The heads that are asked on a view; those that compare with texts where there are texts to compare with."""
        texts = self.texts.get(view.cache.key.digest) if view.embedding == PICTURES and not view.beside else None
        with_texts = [WithTexts.of(spec, texts) if spec.of_texts and texts else spec for spec in self.specs]
        return [spec for spec in with_texts if not spec.of_texts or texts]

    def name(self, spec: HeadSpec, view: View) -> str:
        """Of a run: the head, and what tells its embedding from the others."""
        views = self.matched.views
        parts = [str(spec)]
        if view.beside:
            return " · ".join([*parts, "all together"])
        if len({v.embedding for v in views if not v.beside}) > 1:
            parts.append(view.embedding)
        if len({v.cache.key.digest for v in views}) > 1:
            key = view.cache.key
            same = len({v.cache.key.digest for v in views if v.cache.key.backbone == key.backbone}) > 1
            parts.append(f"{key.backbone}-{key.digest[:6]}" if same else key.backbone)
        return " · ".join(parts)

    def whole(self, view: View) -> Examples:
        """All rows of the comparison: those of both parts."""
        train, test = self._parts(view)
        return train if self.matched.whole else train.followed_by(test)

    def _parts(self, view: View) -> tuple[Examples, Examples]:
        return self.matched.load(view, self.matched.train), self.matched.load(view, self.matched.test)

    def _announce(self, view: View, train: Examples, folds: int) -> None:
        """Say how long everything with these embeddings will take, where that is long."""
        specs = [spec for spec in self.specs_of(view) if not spec.of_texts]
        if not specs:
            return
        rows, features = train.X.shape
        plan = Plan(
            rows=rows,
            features=features,
            classes=len(np.unique(train.y)),
            folds=folds if self.tune else 0,
            further=self.rounds[1:],
            refits=0 if self.matched.whole else self.seeds - 1,
            shorter=self.shorter,
        )
        sentence = announcement(specs, plan) if self.tell else None
        if self.tell and sentence:
            self.tell(sentence)

    def _other_seeds(self) -> Sequence[int]:
        """With which seeds heads that draw random numbers are fitted again."""
        if self.matched.whole:
            return ()
        return [(self.seed + n) % (LAST_SEED + 1) for n in range(1, self.seeds)]

    def _hits(self, done: Answered, truth: NDArray[np.str_]) -> NDArray[np.bool_]:
        hits: NDArray[np.bool_] = self.classes[done.probabilities.argmax(1)] == truth
        return hits

    def _watched(self, view: View, test: Examples) -> tuple[Examples, str]:
        """Rows to follow the epochs by: val where there is one beside the two parts, else the test part."""
        if "val" in self.matched.rows and self.matched.train != "val":
            return self.matched.load(view, "val"), "val"
        return test, self.matched.test


def finished_curves(
    partial: dict[str, list[tuple[int, Estimate]]], whole: dict[str, tuple[int, Estimate]]
) -> tuple[Curve, ...]:
    """Learning curves, with the comparison's own accuracies as the last points."""
    points = {name: [*partial.get(name, []), last] for name, last in whole.items()}
    return tuple(Curve(name, tuple(n for n, _ in at), tuple(a for _, a in at)) for name, at in points.items())
