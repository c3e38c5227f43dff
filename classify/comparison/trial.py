"""One head on one embedding: tuned and fitted on the training part, then asked once about the test part."""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classify.data import Examples
from classify.evaluation.entry import Cost
from classify.fitting import head_errors, place
from classify.heads import HeadSpec
from classify.heads.solvers.threads import threads_for

if TYPE_CHECKING:
    from classify.heads.base import Head
    from classify.heads.rows.folds import Folds

WATCHED = 2000  # rows whose accuracy is recorded after each epoch, at most


@dataclass(frozen=True)
class Trial:
    """What came of it.

    Parameters
    ----------
    head : Head
        Fitted.
    tuned : mapping
        Parameter -> {"chosen": value, "tried": values, "accuracy": means over the folds}.
    cost : Cost
    probabilities : (N, k)
        Of the test rows, over the head's own classes.
    """

    head: Head
    tuned: Mapping[str, Any]
    cost: Cost
    probabilities: NDArray[np.float64]

    @property
    def history(self) -> tuple[Mapping[str, float], ...]:
        """One mapping an epoch, for heads that have epochs."""
        return tuple(dict(epoch) for epoch in getattr(self.head, "history_", ()))


def run_trial(
    spec: HeadSpec,
    train: Examples,
    test: Examples,
    folds: Folds,
    *,
    tune: bool,
    seed: int,
    watched: Examples | None = None,
) -> Trial:
    """Tune, fit and score one head.

    Parameters
    ----------
    spec : HeadSpec
        What it sets is not tuned.
    train, test : Examples
    folds : pairs of row numbers of the training part
    tune : bool
    seed : int
    watched : Examples, optional
        Rows whose accuracy is recorded after each epoch, where the head has epochs; nothing is chosen by it.

    Raises
    ------
    HeadError
        The head refuses these embeddings.
    """
    head = place(spec, seed)
    extra = _watching(head, watched)
    _load_libraries(head)
    with head_errors(f"head {str(spec)!r}: "), threads_for(train.X):
        return _timed(head, spec, train, test, folds if tune else (), extra)


def _timed(
    head: Head, spec: HeadSpec, train: Examples, test: Examples, folds: Folds, extra: Mapping[str, Any]
) -> Trial:
    started = time.perf_counter()
    tuning = _tuning(head, spec, train, folds)
    tuned_at = time.perf_counter()
    if tuning is None:
        head = head.fit(train.X, train.y, groups=train.rows.groups, **extra)
    else:
        head = tuning.refit(head, train.X, train.y, **extra)
    fitted_at = time.perf_counter()
    probabilities = head.predict_proba(test.X)
    predict_seconds = (time.perf_counter() - fitted_at) / len(test) * 1000
    size = sum(array.nbytes for array in head.state().values())
    cost = Cost(tuned_at - started if tuning else 0.0, fitted_at - tuned_at, predict_seconds, size)
    return Trial(head, _told(tuning), cost, probabilities)


def _load_libraries(head: Head) -> None:
    """Let torch load beforehand what it loads at the first step of a training: that is no cost of the head."""
    if "epochs" in head.get_params(deep=False):
        type(head)(epochs=1).fit(np.eye(4, dtype=np.float32), ["a", "b", "a", "b"])


def _tuning(head: Head, spec: HeadSpec, train: Examples, folds: Folds) -> Any:
    from classify.heads.tuning import tune

    if not folds:
        return None
    grid = spec.grid
    if not (grid or head.calibrate or head.composite):
        return None
    return tune(head, train.X, train.y, folds, grid)


def _told(tuning: Any) -> dict[str, Any]:
    if tuning is None or not tuning.params:
        return {}
    means = [round(float(a), 6) for a in tuning.mean_accuracy]
    return {
        name: {"chosen": chosen, "tried": [point[name] for point in tuning.points], "accuracy": means}
        for name, chosen in tuning.params.items()
    }


def _watching(head: Head, watched: Examples | None) -> dict[str, Any]:
    if watched is None or "X_val" not in inspect.signature(head.fit).parameters:
        return {}
    rows: NDArray[np.intp] | Sequence[int] = np.arange(len(watched))
    if len(watched) > WATCHED:
        rows = np.sort(np.random.default_rng(0).choice(len(watched), WATCHED, replace=False))
    return {"X_val": watched.X[rows], "y_val": watched.y[rows]}
