"""Choosing a head's parameters on folds of the training rows, sharing work over the grid and the folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    points : the grid's points, in order, then those beyond its edges that were tried
    accuracy : (points, folds) float64, on each fold's held-out rows
    scores : (N, K) float32
        Held-out scores at the best point; NaN for rows that no fold held out.
    complete : bool
        Whether all folds were gone through, which some heads need not.
    rows : int
        Training rows of the largest fold; 0 without folds.
    members : mapping of str to Tuning
        Of the heads that a head is made of, by their specs as they were asked for.
    """

    params: dict[str, Any]
    points: tuple[dict[str, Any], ...]
    accuracy: Array
    scores: Array
    complete: bool = True
    rows: int = 0
    members: Mapping[str, Tuning] = field(default_factory=dict)

    @property
    def edges(self) -> dict[str, Any]:
        """Parameters whose best value is the outermost of those tried, and more accurate than the one beside it."""
        names = {name for point in self.points for name in point}
        best = {name: self.params[name] for name in names if name in self.params}
        return {name: value for name, value in best.items() if _side(self, name)}

    @property
    def mean_accuracy(self) -> Array:
        """(points,) mean over the folds."""
        means: Array = self.accuracy.mean(1)
        return means

    def followed_by(self, more: Tuning) -> Tuning:
        """What was found with more points; the earlier ones win where they are as good."""
        best = self if self.mean_accuracy.max() >= more.mean_accuracy.max() else more
        accuracy = np.concatenate([self.accuracy, more.accuracy])
        return replace(
            self, params=best.params, points=self.points + more.points, accuracy=accuracy, scores=best.scores
        )

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

    Where the best value of a parameter is the outermost of its grid and better than its neighbour, the head's values
    beyond it are tried, too: together where they share their work, else one after the other while they get better.

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
    complete, folds = len(folds), folds[: head.folds_needed([len(held_out) for _, held_out in folds])]
    found = head.tuned(X, y, folds)
    best = _tried(head, X, y, folds, codes, [{**found, **point} for point in points])
    most = max(len(train) for train, _ in folds)
    best = replace(best, complete=len(folds) == complete, rows=most, members=head.tunings)
    for name in grid:
        further = _further(best, name, head.beyond.get(name, ()))
        shared = name == head.path_param
        for some in [further] if shared and further else [[point] for point in further]:
            before, best = best, best.followed_by(_tried(head, X, y, folds, codes, some))
            if best.params == before.params:
                break
    return best


def _tried(head: Head, X: Any, y: Array, folds: Folds, codes: Array, points: Sequence[dict[str, Any]]) -> Tuning:
    scores = head.out_of_fold(X, y, folds, points)
    accuracy = np.array([[np.mean(s[held_out].argmax(1) == codes[held_out]) for _, held_out in folds] for s in scores])
    best = int(accuracy.mean(1).argmax())
    return Tuning(dict(points[best]), tuple(points), accuracy, scores[best])


def _further(tuning: Tuning, name: str, beyond: Sequence[Any]) -> list[dict[str, Any]]:
    """The best point with the values beyond the edge that it is at, the nearest first; none where it is inside."""
    side, best = _side(tuning, name), tuning.params[name]
    values = sorted((value for value in beyond if (value - best) * side > 0), reverse=side < 0)
    return [{**tuning.params, name: value} for value in values]


def _side(tuning: Tuning, name: str) -> int:
    """Where a parameter's best value lies among those tried with the other parameters at their best.

    1 where it is the largest, -1 where it is the smallest, and better than the one beside it; else 0. A value 0 stands
    for a parameter that is not used, and is no edge.
    """
    others = {key: value for key, value in tuning.params.items() if key != name}
    line = {
        point[name]: mean
        for point, mean in zip(tuning.points, tuning.mean_accuracy.tolist(), strict=True)
        if {key: value for key, value in point.items() if key != name} == others
    }
    values = sorted(line)
    place = values.index(tuning.params[name])
    if len(values) < 2 or not tuning.params[name] or 0 < place < len(values) - 1:
        return 0
    side = 1 if place else -1
    return side if line[values[place]] > line[values[place - side]] else 0
