"""What a saved head keeps of its training rows, so that it can say of a new picture what it does not know."""

from __future__ import annotations

import numpy as np

from classify.data import Examples
from classify.evaluation.conformal import HeldOut
from classify.evaluation.familiar import Familiar
from classify.fitting.trial import Trial
from classify.heads.rows.folds import Folds
from classify.heads.solvers.threads import threads_for


def held_out(trial: Trial, learned: Examples, folds: Folds) -> HeldOut | None:
    """What the head says of rows that folds hold out, at its parameters and its calibration.

    The head itself learned from all rows, those of the folds from four fifths: its sets hold the true class slightly
    more often than they promise (Barber et al., "Predictive inference with the jackknife+", 2021, on such designs).

    Parameters
    ----------
    trial : Trial
    learned : Examples
        The rows that it learned from.
    folds : pairs of row numbers
        From `folds_of`.

    Returns
    -------
    HeldOut, or None where no row was held out.
    """
    head = trial.head
    codes = np.searchsorted(head.classes_, learned.y)
    if trial.tuning is not None:
        scores = trial.tuning.scores
    else:  # nothing was chosen or calibrated on the folds
        with threads_for(trial):
            scores = head.out_of_fold(learned.X, learned.y, folds, [{}])[0]
    usable = np.isfinite(scores[np.arange(len(codes)), codes])
    if not usable.any():
        return None
    return HeldOut.of(head.calibration.probabilities(scores[usable]), codes[usable])


def familiar(learned: Examples, folds: Folds, seed: int) -> Familiar | None:
    """Where the training rows lie, so that a picture unlike all of them is noticed; see `Familiar.learn`."""
    with threads_for(learned.X):
        return Familiar.learn(learned.X, folds, seed)
