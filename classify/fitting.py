"""Fitting one head: rows of the train split in, a saved head with its figures out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cache import Recipe, Store
from classify.data import Examples, check_trainable, load_examples, load_vectors, rows_if_any
from classify.errors import HeadError
from classify.evaluation.metrics import expected_calibration_error, reliability_bins
from classify.headfile import SavedHead
from classify.heads import HEADS, HeadSpec
from classify.heads.rows.folds import Folds
from classify.heads.solvers.threads import threads_for
from classify.row_cautions import label_cautions, row_cautions
from classify.training import training_facts
from featurize.dataset.table import DatasetTable

if TYPE_CHECKING:
    from classify.heads.base import Head

FOLDS = 5
IN_MEMORY = 1 << 29  # bytes of stored vectors: more stay in the cache and are read in blocks


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
    calibration_error : float or None
        Expected calibration error (Guo et al. 2017), where probabilities are known.
    """

    split: str
    pictures: int
    correct: int
    low: float
    high: float
    chance: float
    majority: float
    unknown: int
    calibration_error: float | None = None

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


def recipes_of(cache: Store, embedding: str) -> list[Recipe]:
    """Recipes of a cache by name, "avgpool+stats" being two side by side.

    Raises
    ------
    NotStored
        The cache has no such vectors.
    """
    return [cache.recipe(name.strip()) for name in embedding.split("+")]


def read_spec(head: str | HeadSpec) -> HeadSpec:
    """A head as it was asked for.

    Raises
    ------
    HeadError
        There is no such head or option; the message lists those there are.
    """
    with head_errors():
        return head if isinstance(head, HeadSpec) else HeadSpec.parse(head)


def read_specs(heads: str) -> list[HeadSpec]:
    """The heads of a list, "logreg,svm:C=3"; "all" stands for every head there is.

    Raises
    ------
    HeadError
        As above.
    """
    with head_errors():
        return HeadSpec.parse_list(heads)


@contextmanager
def head_errors(prefix: str = "") -> Iterator[None]:
    """What a head refuses becomes a HeadError."""
    try:
        yield
    except ValueError as error:
        raise HeadError(f"{prefix}{error}") from error


def fit_head(
    table: DatasetTable,
    cache: Store,
    head: str | HeadSpec,
    *,
    embedding: str = "avgpool",
    target: str = "style",
    tune: bool = True,
    seed: int = 0,
    device: str | None = None,
    on_epoch: Callable[[Mapping[str, Any]], None] | None = None,
) -> Fitted:
    """Fit a head on the train split, tuned by cross-validation within it, and score it on val.

    Parameters
    ----------
    table : DatasetTable
    cache : Store
    head : str or HeadSpec
        A head with options, "logreg" or "mlp:epochs=30"; what the options say is not tuned.
    embedding : str
        "avgpool", or several joined by "+".
    target : str
        The label column.
    tune : bool
        Choose what the user left open by cross-validation, grouped by artist where artists are known.
    seed : int
    device : str, optional
        Where logreg, linear-svm, softmax and mlp are trained: "cpu", "cuda" or "auto".
    on_epoch : callable, optional
        Called after each epoch of a head that has epochs.

    Raises
    ------
    TableError, NotStored, DataError, HeadError
        Nothing is saved.
    """
    from classify.heads.tuning import make_folds
    from classify.heads.tuning import tune as tune_head

    spec = read_spec(head)
    model = place(spec, seed, device)
    recipes = recipes_of(cache, embedding)
    train = load_examples(table, cache, recipes, target, "train", IN_MEMORY)
    warnings = check_trainable(train.rows, target)
    val_rows = rows_if_any(table, target, "val", [cache])
    val = Examples(val_rows, load_vectors(val_rows, cache, recipes, IN_MEMORY)) if val_rows else None
    grid = spec.grid
    folds: Folds = []
    if tune and (grid or model.calibrate or model.composite):
        folds = make_folds(train.y, train.rows.groups if train.rows.artists_known else None, FOLDS, seed)
    epochs = _following(model, val, on_epoch)
    started = time.perf_counter()
    with head_errors(f"head {str(spec)!r}: "), threads_for(train.X):
        tuning = tune_head(model, train.X, train.y, folds, grid) if folds else None
        fit = model.fit if tuning is None else partial(tuning.refit, model)
        model = fit(train.X, train.y, groups=train.rows.groups, **epochs)
        seconds = time.perf_counter() - started
        scores = [score(model, val, "val")] if val else []
    facts = training_facts(model, train.rows, cache, spec=str(spec), seed=seed, folds=folds, tuning=tuning)
    saved = SavedHead(
        head=model,
        kind=spec.kind,
        target=target,
        key=cache.key,
        recipes=recipes,
        training={**facts, "seconds": round(seconds, 3)},
        metrics={s.split: _metrics(s) for s in scores},
    )
    cautions = [*row_cautions(train.rows, "training", target, scored=False), *label_cautions(train.rows)]
    if val_rows:
        cautions += row_cautions(val_rows, "val", target, scored=True)
    return Fitted(saved, scores, [*warnings, *(c.text for c in cautions), *_doubts(scores, cache)])


def _following(
    head: Head, val: Examples | None, on_epoch: Callable[[Mapping[str, Any]], None] | None
) -> dict[str, Any]:
    """What a head that has epochs takes to tell of them."""
    if "epochs" not in head.get_params():
        return {}
    return {"on_epoch": on_epoch, **({"X_val": val.X, "y_val": val.y} if val else {})}


def place(spec: HeadSpec, seed: int, device: str | None = None) -> Head:
    """An unfitted head with this seed and on this device, where it has them and the spec does not say otherwise.

    Raises
    ------
    HeadError
        The seed or the device can't be had.
    """
    if device not in (None, "auto", "cpu") and "device" not in spec.has:
        able = ", ".join(kind for kind in HEADS if "device" in HeadSpec(kind).has)
        raise HeadError(f"device={device}: {spec.kind} runs on the CPU only; {able} run on CUDA")
    given = {"seed": seed} if device is None else {"seed": seed, "device": device}
    with head_errors():
        return spec.make(**{name: value for name, value in given.items() if name in spec.has})


def score(head: Head, examples: Examples, split: str) -> Score:
    """How a fitted head does on rows it did not see."""
    probabilities = head.predict_proba(examples.X)
    told = head.classes_[probabilities.argmax(1)]
    counted = count_correct(told, examples.y, split, [str(c) for c in head.classes_])
    bins = reliability_bins(probabilities.max(1), told == examples.y)
    return replace(counted, calibration_error=expected_calibration_error(bins))


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


def _metrics(s: Score) -> dict[str, Any]:
    figures = {"accuracy": s.accuracy, "low": s.low, "high": s.high, "n": s.pictures}
    return {**figures, "calibration_error": s.calibration_error}


def _doubts(scores: Sequence[Score], cache: Store) -> list[str]:
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
    if cache.key.untrained:
        doubts.append("untrained backbone: these figures say nothing about what trained weights would give")
    return doubts
