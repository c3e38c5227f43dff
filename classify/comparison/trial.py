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
from classify.errors import HeadError
from classify.evaluation.entry import Cost
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


def split_specs(text: str) -> list[str]:
    """Heads out of a list: a comma before an option ("=" and no ":") belongs to the head before it.

    >>> split_specs("logreg,svm:C=3,standardize=false,mlp:epochs=30")
    ['logreg', 'svm:C=3,standardize=false', 'mlp:epochs=30']
    """
    specs: list[str] = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        if specs and ":" in specs[-1] and "=" in part and ":" not in part.split("=")[0]:
            specs[-1] += "," + part
        else:
            specs.append(part)
    return specs


def new_head(spec: str, seed: int) -> Head:
    """An unfitted head; the seed holds unless the spec gives one.

    Raises
    ------
    HeadError
        There is no such head, or an option it doesn't have.
    """
    from classify.heads import make_head

    try:
        head = make_head(spec)
    except ValueError as error:
        raise HeadError(str(error)) from error
    if "seed" in head.get_params(deep=False) and "seed" not in _given(spec):
        head.set_params(seed=seed)
    return head


def run_trial(
    spec: str, train: Examples, test: Examples, folds: Folds, *, tune: bool, seed: int, watched: Examples | None = None
) -> Trial:
    """Tune, fit and score one head.

    Parameters
    ----------
    spec : str
        As `make_head` takes it; what it sets is not tuned.
    train, test : Examples
    folds : pairs of row numbers of the training part
    tune : bool
    seed : int
    watched : Examples, optional
        Rows whose accuracy is recorded after each epoch, where the head has epochs; nothing is chosen by it.

    Raises
    ------
    HeadError
        No such head or option, or the head refuses these embeddings.
    """
    head = new_head(spec, seed)
    extra = _watching(head, watched)
    _load_libraries(head)
    try:
        with threads_for(train.X):
            return _timed(head, spec, train, test, folds if tune else (), extra)
    except ValueError as error:
        raise HeadError(f"head {spec!r}: {error}") from error


def _timed(head: Head, spec: str, train: Examples, test: Examples, folds: Folds, extra: Mapping[str, Any]) -> Trial:
    started = time.perf_counter()
    tuning = _tuning(head, spec, train, folds)
    tuned_at = time.perf_counter()
    if tuning is None:
        head = head.fit(train.X, train.y, groups=train.groups, **extra)
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


def _tuning(head: Head, spec: str, train: Examples, folds: Folds) -> Any:
    from classify.heads.tuning import tune

    if not folds:
        return None
    grid = {name: values for name, values in head.tunable.items() if name not in _given(spec)}
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


def _given(spec: str) -> set[str]:
    options = spec.partition(":")[2].split(",")
    return {option.partition("=")[0].strip() for option in options if option.strip()}


def _watching(head: Head, watched: Examples | None) -> dict[str, Any]:
    if watched is None or "X_val" not in inspect.signature(head.fit).parameters:
        return {}
    rows: NDArray[np.intp] | Sequence[int] = np.arange(len(watched))
    if len(watched) > WATCHED:
        rows = np.sort(np.random.default_rng(0).choice(len(watched), WATCHED, replace=False))
    return {"X_val": watched.X[rows], "y_val": watched.y[rows]}
