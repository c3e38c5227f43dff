"""Every head on every embedding of the same rows: once, on ever more training rows, and over resampled splits."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from classify.comparison.curves import nested_subsets
from classify.comparison.matched import Matched, View
from classify.data import Examples
from classify.evaluation.entry import Cost, Estimate, Seeds
from classify.evaluation.findings import Curve, Repeats
from classify.evaluation.metrics import align
from classify.evaluation.repeats import judge_repeats, resampled_splits
from classify.evaluation.statistics import wilson
from classify.fitting.estimate import Plan, announcement
from classify.fitting.question import for_question
from classify.fitting.trial import Trial, folds_of, train_head, with_seed
from classify.heads import HeadSpec
from classify.heads.prompted import ClassTexts, WithTexts
from classify.heads.rows.folds import Folds
from classify.heads.watch import Watch
from featurize.progress import Progress
from featurize.run.texts import PICTURES

LAST_SEED = 2**32 - 1


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
    rounds : sequence of (int, int)
        From how many rows each head is trained, and how often; the comparison itself first.
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
    rounds: Sequence[tuple[int, int]]
    question: str
    seeds: int = 1
    progress: Progress | None = None
    tell: Callable[[str], None] | None = None
    partial: bool = False
    texts: Mapping[str, ClassTexts] = field(default_factory=dict)
    shorter: Sequence[str] = ()
    done: int = field(default=0, init=False)
    stopped: bool = field(default=False, init=False)

    @property
    def total(self) -> int:
        """Trials that will be run."""
        return sum(len(self.specs_of(view)) for view in self.matched.views) * sum(times for _, times in self.rounds)

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
            watch = None if self.matched.whole else Watch(watched.X, watched.y)
            for spec in self.specs_of(view):
                trial, cost, probabilities = self.ask(spec, train, test, folds, watch)
                name = self.name(spec, view)
                seeds = self._seeds(trial, train, test, probabilities)
                dimension, epochs = train.X.shape[1], trial.history
                yield Run(name, spec, view, dimension, trial, cost, probabilities, split, seeds, epochs)

    def learning_curves(self) -> dict[str, list[tuple[int, Estimate]]]:
        """Accuracy on the test part after learning from a part of the training rows, by name of the run."""
        out: dict[str, list[tuple[int, Estimate]]] = defaultdict(list)
        for view in self.matched.views:
            train, test = self._parts(view)
            for rows in nested_subsets(np.searchsorted(self.classes, train.y), self.seed):
                some = for_question(train.take(rows), self.question)
                folds = folds_of(some.rows, self.seed)
                for spec in self.specs_of(view):
                    hits = self._hits(spec, some, test, folds)
                    out[self.name(spec, view)].append((len(some), wilson(int(hits.sum()), len(test))))
        return out

    def repeats(self, count: int, *, by_artist: bool) -> Repeats:
        """Everything again over resampled splits of both parts together."""
        accuracies: dict[str, list[float]] = defaultdict(list)
        sizes: list[tuple[int, int]] = []
        shared: list[float] = []
        for view in self.matched.views:
            test, pool = self._parts(view)[1], self.whole(view)
            share = len(test) / len(pool)
            splits = resampled_splits(pool.y, pool.rows.groups, share, count, by_artist=by_artist, seed=self.seed)
            for learn, score in splits:
                parts = pool.take(learn), pool.take(score)
                sizes.append((len(learn), len(score)))
                shared.append(float(np.isin(parts[1].rows.groups, parts[0].rows.groups).mean()))
                parts = for_question(parts[0], self.question), parts[1]
                folds = folds_of(parts[0].rows, self.seed)
                for spec in self.specs_of(view):
                    hits = self._hits(spec, *parts, folds)
                    accuracies[self.name(spec, view)].append(float(hits.mean()))
        kind = "artist-disjoint" if by_artist else "random"
        known = float(np.mean(shared)) if pool.rows.artists_known else None
        return judge_repeats(accuracies, [a for a, _ in sizes], [b for _, b in sizes], kind, known)

    def ask(
        self, spec: HeadSpec, train: Examples, test: Examples, folds: Folds, watch: Watch | None = None
    ) -> tuple[Trial, Cost, NDArray[np.float64]]:
        """Train one head and ask it once; its probabilities (N, K) are over all classes."""
        if self.progress:
            self.progress(self.done, self.total)
        trial = train_head(spec, train, folds, tune=self.tune, seed=self.seed, watch=watch)
        started = time.perf_counter()
        probabilities = trial.ask(test.X)
        seconds = (time.perf_counter() - started) / len(test) * 1000
        self.done += 1
        if self.progress and self.done == self.total:
            self.progress(self.done, self.total)
        cost = Cost(trial.tune_seconds, trial.fit_seconds, seconds, trial.bytes)
        return trial, cost, align(probabilities, [str(c) for c in trial.head.classes_], self.classes.tolist())

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

    def _seeds(self, trial: Trial, train: Examples, test: Examples, probabilities: NDArray[np.float64]) -> Seeds | None:
        """Accuracies of the same head with other seeds."""
        if self.seeds < 2 or not trial.head.drawn or "seed" in trial.spec.options or self.matched.whole:
            return None
        accuracies = [float(np.mean(self.classes[probabilities.argmax(1)] == test.y))]
        seeds = [(self.seed + n) % (LAST_SEED + 1) for n in range(self.seeds)]
        for seed in seeds[1:]:
            other = with_seed(trial, train, seed)
            accuracies.append(float(np.mean(other.head.classes_[other.ask(test.X).argmax(1)] == test.y)))
        return Seeds(self.seed, tuple(seeds), tuple(accuracies))

    def _hits(self, spec: HeadSpec, train: Examples, test: Examples, folds: Folds) -> NDArray[np.bool_]:
        probabilities = self.ask(spec, train, test, folds)[2]
        hits: NDArray[np.bool_] = self.classes[probabilities.argmax(1)] == test.y
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
