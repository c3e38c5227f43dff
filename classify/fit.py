"""Fitting one head: rows of the train split in, a saved head with its figures out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cache import FeatureCache, Recipe
from classify.data import Examples, check_trainable, load_examples
from classify.errors import HeadError
from classify.headfile import SavedHead
from featurize.table import DatasetTable

if TYPE_CHECKING:
    from classify.heads.base import Head

FOLDS = 5


@dataclass(frozen=True)
class Score:
    """How a head did on the pictures of one split.

    Parameters
    ----------
    split : str
    pictures, correct : int
    low, high : float
        95 % Wilson interval of the accuracy (Wilson 1927).
    chance : float
        1 / number of classes.
    majority : float
        Share of the split's largest class.
    unknown : int
        Pictures of classes the head never saw; they count as wrong.
    """

    split: str
    pictures: int
    correct: int
    low: float
    high: float
    chance: float
    majority: float
    unknown: int

    @property
    def accuracy(self) -> float:
        """Share of pictures whose style was told."""
        return self.correct / self.pictures

    @property
    def near_chance(self) -> bool:
        """Whether guessing, or always saying the largest class, would do as well."""
        return self.low <= max(self.chance, self.majority)


@dataclass(frozen=True)
class Fitted:
    """A fitted head and what to tell about it."""

    saved: SavedHead
    scores: Sequence[Score]
    warnings: Sequence[str]


def recipes_of(cache: FeatureCache, embedding: str) -> list[Recipe]:
    """Recipes of a cache by name, "avgpool+stats" being two side by side.

    Raises
    ------
    NotStored
        The cache has no such vectors.
    """
    return [cache.recipe(name.strip()) for name in embedding.split("+")]


def head_from(spec: str) -> Head:
    """An unfitted head from a name with options, "svm:C=3".

    Raises
    ------
    HeadError
        There is no such head or option; the message lists those there are.
    """
    from classify.heads import make_head

    try:
        return make_head(spec)
    except ValueError as error:
        raise HeadError(str(error)) from error


def open_grid(head: Head, spec: str) -> dict[str, tuple[float, ...]]:
    """What is left to tune: the head's own grid without the options that the user set."""
    chosen = {option.partition("=")[0].strip() for option in spec.partition(":")[2].split(",")}
    return {name: values for name, values in head.tunable.items() if name not in chosen}


def fit_head(
    table: DatasetTable,
    cache: FeatureCache,
    spec: str,
    *,
    embedding: str = "avgpool",
    target: str = "style",
    tune: bool = True,
    seed: int = 0,
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None,
) -> Fitted:
    """Fit a head on the train split, tuned by cross-validation within it, and score it on val.

    Parameters
    ----------
    table : DatasetTable
    cache : FeatureCache
    spec : str
        A head with options, "logreg" or "mlp:epochs=30".
    embedding : str
        "avgpool", or several joined by "+".
    target : str
        The label column.
    tune : bool
        Choose what the user left open by cross-validation, grouped by artist where artists are known.
    seed : int
    on_epoch : callable, optional
        Called after each epoch of a head that has epochs.

    Raises
    ------
    TableError, NotStored, DataError, HeadError
        Nothing is saved.
    """
    from classify.tuning import make_folds
    from classify.tuning import tune as tune_head

    head = head_from(spec)
    if "seed" in head.get_params() and "seed=" not in spec:
        head.set_params(seed=seed)
    recipes = recipes_of(cache, embedding)
    train = load_examples(table, cache, recipes, target, "train")
    warnings = check_trainable(train, target)
    val = load_examples(table, cache, recipes, target, "val") if "val" in table.columns["split"] else None
    started = time.perf_counter()
    chosen: dict[str, Any] = {}
    grid = open_grid(head, spec) if tune else {}
    if grid:
        folds = make_folds(train.y, train.groups if train.artists_known else None, FOLDS, seed)
        chosen = tune_head(head, train.X, train.y, folds, grid).params
        head.set_params(**chosen)
    watched = {"X_val": val.X, "y_val": val.y} if val else {}
    epochs = {**watched, "on_epoch": on_epoch} if "epochs" in head.get_params() else {}
    head.fit(train.X, train.y, train.groups, **epochs)
    seconds = time.perf_counter() - started
    scores = [score(head, val, "val")] if val else []
    saved = SavedHead(
        head=head,
        kind=spec.partition(":")[0].strip(),
        target=target,
        key=cache.key,
        recipes=recipes,
        training=_facts(head, train, spec, chosen, seed, seconds, cache),
        metrics={s.split: {"accuracy": s.accuracy, "low": s.low, "high": s.high, "n": s.pictures} for s in scores},
    )
    return Fitted(saved, scores, [*warnings, *_doubts(scores, train, cache)])


def score(head: Head, examples: Examples, split: str) -> Score:
    """Accuracy of a fitted head on rows it did not see."""
    return count_correct(head.predict(examples.X), examples.y, split, [str(c) for c in head.classes_])


def count_correct(told: NDArray[np.str_], truth: NDArray[np.str_], split: str, classes: Sequence[str]) -> Score:
    """Score of predictions (N,) against class names (N,)."""
    from statsmodels.stats.proportion import proportion_confint

    correct = int((told == truth).sum())
    low, high = proportion_confint(correct, len(truth), method="wilson")
    counts = Counter(truth.tolist())
    return Score(
        split=split,
        pictures=len(truth),
        correct=correct,
        low=float(low),
        high=float(high),
        chance=1 / len(classes),
        majority=max(counts.values()) / len(truth),
        unknown=sum(n for c, n in counts.items() if c not in classes),
    )


def _facts(
    head: Head, train: Examples, spec: str, chosen: Mapping[str, Any], seed: int, seconds: float, cache: FeatureCache
) -> dict[str, Any]:
    history = getattr(head, "history_", None)
    return {
        "spec": spec,
        "tuned": dict(chosen),
        "seed": seed,
        "rows": len(train),
        "left_out": train.left_out,
        "seconds": round(seconds, 3),
        "folds_by_artist": train.artists_known,
        "weights": next((s.environment["weights"] for s in cache.segments if "weights" in s.environment), None),
        "versions": {name: metadata.version(name) for name in ("artstyle", "numpy", "scikit-learn")},
        **({"history": history} if history else {}),
    }


def _doubts(scores: Sequence[Score], train: Examples, cache: FeatureCache) -> list[str]:
    doubts = []
    for s in scores:
        if s.near_chance:
            doubts.append(
                f"on {s.split} the accuracy {s.accuracy:.3f} ({s.low:.3f} to {s.high:.3f}) can't be told from guessing "
                f"(chance {s.chance:.3f}, largest class {s.majority:.3f})"
            )
        if s.unknown:
            doubts.append(
                f"{s.unknown} pictures of {s.split} are of classes without a training picture: counted as wrong"
            )
    if train.left_out:
        doubts.append(f"{train.left_out} training pictures without label or vector were left out")
    if cache.key.untrained:
        doubts.append("untrained backbone: these figures say nothing about what trained weights would give")
    return doubts
