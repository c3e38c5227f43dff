"""One head on one embedding: tuned, fitted and calibrated on labelled rows, by folds that all heads share."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from classify.data import Examples, LabelledRows
from classify.fitting.asked import head_errors, place
from classify.fitting.remarks import remarks
from classify.heads import HeadSpec
from classify.heads.rows.folds import Folds, can_group, make_folds
from classify.heads.solvers.threads import threads_for

if TYPE_CHECKING:
    from classify.heads.base import Head
    from classify.heads.tuning import Tuning
    from classify.heads.watch import Watch

FOLDS = 5
_log = logging.getLogger(__name__)


def folds_of(rows: LabelledRows, seed: int) -> Folds:
    """The folds on which every head is tuned and calibrated: by class, and by artist where that can be.

    Parameters
    ----------
    rows : LabelledRows
        The training part.
    seed : int
    """
    return make_folds(rows.y, rows.groups, FOLDS, seed)


def keeps_artists_apart(rows: LabelledRows) -> bool:
    """Whether those folds keep the artists of the rows apart, as far as artists are known."""
    return rows.artists_known and can_group(rows.y, rows.groups)


@dataclass(frozen=True)
class Trial:
    """A head that was trained.

    Parameters
    ----------
    spec : HeadSpec
    head : Head
        Fitted.
    folds : pairs of row numbers
        Those that parameters were chosen and probabilities calibrated on; empty where neither was done on them.
    tuning : Tuning or None
        None where there are no such folds.
    tune_seconds, fit_seconds : float
        Of cross-validation, and of the one fit to all rows.
    remarks : tuple of str
        What must be known of its tuning and its fit.
    size : int
        Numbers in the training rows, N x D; it decides how many threads are used.
    calibrated : bool
        Whether its probabilities were fitted to pictures that were held out.
    """

    spec: HeadSpec
    head: Head
    folds: Folds
    tuning: Tuning | None
    tune_seconds: float
    fit_seconds: float
    remarks: tuple[str, ...]
    size: int
    calibrated: bool = True

    @property
    def tuned(self) -> dict[str, Any]:
        """Parameter -> {"chosen": value, "tried": values, "accuracy": means over the folds}."""
        if self.tuning is None:
            return {}
        means = [round(float(a), 6) for a in self.tuning.mean_accuracy]
        return {
            name: {"chosen": chosen, "tried": [point[name] for point in self.tuning.points], "accuracy": means}
            for name, chosen in self.tuning.params.items()
        }

    @property
    def history(self) -> tuple[Mapping[str, float], ...]:
        """One mapping an epoch, for heads that have epochs."""
        return tuple(dict(epoch) for epoch in self.head.history)

    @property
    def bytes(self) -> int:
        """Size of the arrays that a saved head holds."""
        return sum(array.nbytes for array in self.head.state().values())

    def ask(self, X: NDArray[np.floating]) -> NDArray[np.float64]:
        """Probabilities (n, k) of rows X (n, D), over the head's own classes.

        Raises
        ------
        HeadError
            The head refuses these rows.
        """
        with head_errors(f"head {str(self.spec)!r}: "), threads_for(self):
            answers: NDArray[np.float64] = self.head.predict_proba(X)
            return answers


def train_head(
    spec: HeadSpec,
    examples: Examples,
    folds: Folds,
    *,
    tune: bool = True,
    seed: int = 0,
    device: str | None = None,
    watch: Watch | None = None,
) -> Trial:
    """Tune, fit and calibrate one head.

    Parameters
    ----------
    spec : HeadSpec
        What it sets is not tuned.
    examples : Examples
        The training part.
    folds : pairs of row numbers
        From `folds_of`.
    tune : bool
        Whether to choose what the spec leaves open on the folds; then every head is calibrated on them, unless the spec
        says otherwise. Without it a head that is calibrated by default makes folds of its own.
    seed : int
        Of the head, where it draws random numbers and the spec has no seed.
    device : str, optional
        "cpu", "cuda" or "auto", for heads that have one.
    watch : Watch, optional
        Sees each epoch, where the head has epochs; nothing is chosen by it.

    Raises
    ------
    HeadError
        The device can't be had, or the head refuses these rows.
    """
    head = place(spec, seed, device)
    folds = folds if tune and (spec.grid or head.calibrate or head.composite) else ()
    if folds and "calibrate" not in spec.options:
        head.set_params(calibrate=True)  # the held-out scores are at hand, so that it costs nothing
    X, y, groups = examples.X, examples.y, examples.rows.groups
    with head_errors(f"head {str(spec)!r}: "), threads_for(X):
        started = time.perf_counter()
        tuning = _tuned(head, spec, examples, folds)
        tuned_at = time.perf_counter()
        if tuning is None:
            head.fit(X, y, groups=groups, watch=watch)
        else:
            head = tuning.refit(head, X, y, groups=groups, watch=watch)
        done = time.perf_counter()
    spent = tuned_at - started if tuning else 0.0
    _log.info(
        "%s on %d rows: tuned in %.2f s on %d folds, fitted in %.2f s; chosen: %s",
        spec, len(y), spent, len(folds), done - tuned_at, tuning.params if tuning else {},
    )  # fmt: skip
    said, fitted = remarks(head, tuning, y, X), _calibrated(head, tuning, examples.rows)
    return Trial(spec, head, folds, tuning, spent, done - tuned_at, said, X.size, fitted)


def with_seed(trial: Trial, examples: Examples, seed: int) -> Trial:
    """The same head with the same parameters, fitted to the same rows with another seed."""
    head = clone_of(trial.head, seed=seed)
    X, y, groups = examples.X, examples.y, examples.rows.groups
    with head_errors(f"head {str(trial.spec)!r}: "), threads_for(X):
        started = time.perf_counter()
        head = trial.tuning.refit(head, X, y, groups=groups) if trial.tuning else head.fit(X, y, groups=groups)
        return replace(trial, head=head, fit_seconds=time.perf_counter() - started)


def clone_of(head: Head, **params: Any) -> Head:
    """An unfitted head with the parameters of another, but for some."""
    from sklearn.base import clone

    made: Head = clone(head).set_params(**params)
    return made


def _calibrated(head: Head, tuning: Tuning | None, rows: LabelledRows) -> bool:
    """Whether a fitted head was to be calibrated, or consists of heads that are, and rows could be held out for it."""
    if not (head.calibrate or head.composite):
        return False
    if tuning is None:
        return bool(make_folds(rows.y, rows.groups, FOLDS))
    return bool(np.isfinite(tuning.scores).any())


def _tuned(head: Head, spec: HeadSpec, examples: Examples, folds: Folds) -> Tuning | None:
    from classify.heads.tuning import tune

    return tune(head, examples.X, examples.y, folds, spec.grid) if folds else None
