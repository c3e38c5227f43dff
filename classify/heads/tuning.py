"""Choosing a head's parameters on folds of the training rows, sharing work over the grid and the folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from classify.heads.rows.blocks import Array
from classify.heads.rows.folds import Folds, can_group, make_folds
from classify.heads.rows.gathered import Gathered

if TYPE_CHECKING:
    from classify.heads.base import Head

__all__ = ["Tuning", "can_group", "make_folds", "tune"]


@dataclass(frozen=True)
class Tuning:
    """What tuning found.

    Parameters
    ----------
    params : dict
        The best point of the grid; empty where there was nothing to choose.
    points : the grid's points, in order
    accuracy : (points, folds) float64, on each fold's held-out rows
    scores : (N, K) float32
        Held-out scores at the best point; NaN for rows that no fold held out.
    """

    params: dict[str, Any]
    points: tuple[dict[str, Any], ...]
    accuracy: Array
    scores: Array

    @property
    def mean_accuracy(self) -> Array:
        """(points,) mean over the folds."""
        means: Array = self.accuracy.mean(1)
        return means

    def refit(self, head: Head, X: Any, y: Any, **fit_params: Any) -> Head:
        """A new head with the best parameters, fitted to all rows; calibrated, if it asks for that, on the held-out
        scores at hand instead of by a cross-validation of its own."""
        from sklearn.base import clone

        best: Head = clone(head).set_params(**self.params)
        if not best.calibrate or not np.isfinite(self.scores).any():
            best.fit(X, y, **fit_params)
            return best
        best.set_params(calibrate=False).fit(X, y, **fit_params)
        best.calibrate = True
        best.calibrate_on(self.scores, np.unique(y, return_inverse=True)[1])
        return best


def tune(head: Head, X: Any, y: Any, folds: Folds, grid: Mapping[str, Sequence[Any]] | None = None) -> Tuning:
    """Try every point of a grid on every fold.

    The head solves all values of its path parameter together where it can, else it is fitted anew for each point
    and fold.

    Parameters
    ----------
    head : not changed
    X : (N, D)
    y : (N,)
    folds : from make_folds; with none of them nothing can be chosen, and the head's own parameters stay
    grid : parameter -> values; the head's `tunable` by default

    Returns
    -------
    Tuning; among equally accurate points the first wins, which is the strongest penalty in the heads' own grids.
    """
    grid = head.tunable if grid is None else grid
    points = tuple(dict(zip(grid, values, strict=True)) for values in product(*grid.values()))
    X = X if isinstance(X, np.ndarray | Gathered) else np.asarray(X)
    y = np.asarray(y)
    classes, codes = np.unique(y, return_inverse=True)
    if not folds:
        return Tuning({}, points, np.empty((len(points), 0)), np.full((len(y), len(classes)), np.nan, np.float32))
    found = head.tuned(X, y, folds)
    points = tuple({**found, **point} for point in points)
    scores = head.out_of_fold(X, y, folds, points)
    accuracy = np.array([[np.mean(s[held_out].argmax(1) == codes[held_out]) for _, held_out in folds] for s in scores])
    best = int(accuracy.mean(1).argmax())
    return Tuning(dict(points[best]), points, accuracy, scores[best])
