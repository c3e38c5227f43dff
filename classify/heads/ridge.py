"""The `ridge` head: least squares on class indicators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from classify.heads.base import Head
from classify.heads.rows.blocks import Array, Rows
from classify.heads.rows.folds import Folds
from classify.heads.rows.parts import Part
from classify.heads.solvers.shifted_systems import Shifted


class Ridge(Head):
    """Ridge regression on +1 for a row's class and -1 for the others: scikit-learn's RidgeClassifier.

    Minimises sum_i weight_i |scores_i - target_i|^2 + alpha |W|^2, the intercept not penalised; solved in closed form.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.

    The others are those of Head.

    Attributes
    ----------
    coef_ : (K, D) float32, for prepared rows
    intercept_ : (K,) float32
    """

    tunable: ClassVar[dict[str, tuple[float, ...]]] = {"alpha": (1e6, 1e5, 1e4, 1e3, 1e2, 1e1, 1.0)}
    beyond: ClassVar[dict[str, tuple[float, ...]]] = {"alpha": (1e8, 1e7, 1e-1, 1e-2)}
    path_param: ClassVar[str | None] = "alpha"
    arrays: ClassVar[tuple[str, ...]] = ("coef", "intercept")
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"alpha": (0, 1e30)}

    coef_: Array
    intercept_: Array

    def __init__(
        self,
        *,
        alpha: float = 1e3,
        standardize: bool = True,
        sqrt: bool = False,
        l2: bool = False,
        class_weight: Any = None,
        calibrate: bool = True,
    ):
        self.alpha = alpha
        self.standardize = standardize
        self.sqrt = sqrt
        self.l2 = l2
        self.class_weight = class_weight
        self.calibrate = calibrate

    def _fit(self, X: Array, codes: Array, weights: Array | None) -> None:
        shared = self._share(X, [np.arange(len(codes))], weights)
        self.scaling_ = shared.scaling
        ((self.coef_, self.intercept_),) = self._solve(shared.rows, codes, weights, shared.parts[0], [self.alpha])

    def _scores(self, rows: Array) -> Array:
        return rows @ self.coef_.T + self.intercept_

    def _path(self, X: Array, codes: Array, folds: Folds, values: Sequence[Any], weights: Array | None = None) -> Array:
        out = np.full((len(values), len(codes), int(codes.max()) + 1), np.nan, np.float32)
        shared = self._share(X, [train for train, _ in folds], weights)
        rows = shared.rows
        for part, (_, held_out) in zip(shared.parts, folds, strict=True):
            for number, (W, b) in enumerate(self._solve(rows, codes, weights, part, values)):
                out[number, held_out] = rows.dot(W, held_out) + b
        return out

    def _solve(
        self, rows: Rows, codes: Array, row_weights: Array | None, part: Part, alphas: Sequence[float]
    ) -> list[tuple[Array, Array]]:
        """Coefficients (K, D) and intercepts (K,) for each alpha, for the rows as they are."""
        weights = self._row_weights(codes, part.index, row_weights)[part.index]
        total = weights.sum(dtype=np.float64)
        count = int(codes.max()) + 1
        target = 2 * np.bincount(codes[part.index], weights, count) / total - 1  # the weighted mean of the targets
        centre = np.zeros(rows.shape[1])
        R = np.zeros((rows.shape[1], count))  # sum of weight x row x centred target
        start = 0
        for at, Z in part.blocks(rows):
            w = weights[start : start + len(at), None]
            centre += (w * Z).sum(0, dtype=np.float64)
            R += Z.T @ (w * (2 * (codes[at, None] == np.arange(count)) - 1 - target)).astype(np.float32)
            start += len(at)
        centre /= total

        def from_centre() -> Iterator[Array]:
            for _, Z in part.blocks(rows):
                yield Z - centre.astype(np.float32)

        system = Shifted(from_centre(), (len(part.index), rows.shape[1]), weights)
        out = []
        for alpha in alphas:
            W = system.solve(float(alpha), R.astype(np.float32)).T
            out.append(part.raw(W, (target - W @ centre).astype(np.float32)))
        return out
