"""The `lda` head: linear discriminant analysis with a shrunk covariance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from classify.heads.base import Head
from classify.heads.rows.blocks import Array, Rows
from classify.heads.rows.folds import Folds
from classify.heads.rows.parts import Part, class_means
from classify.heads.solvers.shifted_systems import Shifted

TINY = 1e-13  # prior of a class that the rows do not have
FLAT = (
    1e-12  # share of the spread between classes under which that within them is rounding (float32's eps squared: 1e-14)
)


class LDA(Head):
    """Linear discriminant analysis: classes as normal distributions with one covariance, shrunk towards a sphere.

    covariance = (1 - shrinkage) S + shrinkage (trace S / D) I, S being the covariance within classes.

    Parameters
    ----------
    shrinkage : "auto" or float
        Between 0 and 1; "auto" is Ledoit & Wolf's (Journal of Multivariate Analysis 2004, theorem 1 and lemmas 3.2 to
        3.5), for the rows less their class means.

    Where S is zero, because each class has a single row, the covariance is that sphere with the trace of all rows.

    The others are those of Head; class weights multiply the prior probabilities, which are the shares of the training
    rows ("balanced": equal priors).

    Attributes
    ----------
    coef_ : (K, D) float32, for prepared rows
    intercept_ : (K,) float32
    shrinkage_ : float
    """

    tunable: ClassVar[dict[str, tuple[float, ...]]] = {
        "shrinkage": (0.999, 0.99, 0.97, 0.9, 0.7, 0.5, 0.3, 0.1, 0.03, 0.01)
    }
    beyond: ClassVar[dict[str, tuple[float, ...]]] = {"shrinkage": (0.9999, 0.003, 0.001)}
    path_param: ClassVar[str | None] = "shrinkage"
    arrays: ClassVar[tuple[str, ...]] = ("coef", "intercept")
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"shrinkage": (0, 1)}
    words: ClassVar[dict[str, str]] = {"shrinkage": "auto"}

    coef_: Array
    intercept_: Array
    shrinkage_: float

    def __init__(
        self,
        *,
        shrinkage: str | float = "auto",
        standardize: bool = True,
        sqrt: bool = False,
        l2: bool = False,
        class_weight: Any = None,
        calibrate: bool = True,
    ):
        self.shrinkage = shrinkage
        self.standardize = standardize
        self.sqrt = sqrt
        self.l2 = l2
        self.class_weight = class_weight
        self.calibrate = calibrate

    def _fit(self, X: Array, codes: Array, weights: Array | None) -> None:
        shared = self._share(X, [np.arange(len(codes))], weights)
        self.scaling_ = shared.scaling
        ((self.coef_, self.intercept_, self.shrinkage_),) = self._solve(
            shared.rows, codes, weights, shared.parts[0], [self.shrinkage]
        )

    def _scores(self, rows: Array) -> Array:
        return rows @ self.coef_.T + self.intercept_

    def _path(self, X: Array, codes: Array, folds: Folds, values: Sequence[Any], weights: Array | None = None) -> Array:
        out = np.full((len(values), len(codes), int(codes.max()) + 1), np.nan, np.float32)
        shared = self._share(X, [train for train, _ in folds], weights)
        rows = shared.rows
        for part, (_, held_out) in zip(shared.parts, folds, strict=True):
            for number, (W, b, _) in enumerate(self._solve(rows, codes, weights, part, values)):
                out[number, held_out] = rows.dot(W, held_out) + b
        return out

    def _solve(
        self, rows: Rows, codes: Array, row_weights: Array | None, part: Part, values: Sequence[Any]
    ) -> list[tuple[Array, Array, float]]:
        """Coefficients (K, D), intercepts (K,) for the rows as they are, and shrinkage, for each of its values."""
        weights = self._class_weights(codes, part.index, row_weights)
        own = None if row_weights is None else row_weights[part.index]
        sizes = np.bincount(codes[part.index], own, minlength=len(weights))
        means = class_means(rows, codes, part, sizes, row_weights)
        priors = np.maximum(sizes * weights / (sizes * weights).sum(), TINY)

        def within() -> Iterator[Array]:
            for at, Z in part.blocks(rows):
                yield Z - means[codes[at]]

        count, features = float(sizes.sum()), rows.shape[1]
        system = Shifted(within(), (len(part.index), features), own)
        between = float(sizes @ np.square(means, dtype=np.float64).sum(1))
        none_within = system.trace <= FLAT * between  # one row a class: no covariance can be estimated
        out = []
        for value in values:
            shrinkage = ledoit_wolf(system, count, features) if value == "auto" else float(value)
            kept = max(1 - shrinkage, 1e-6)
            if none_within:
                W, shrinkage = means * (count * features / between if between else 1.0), 1.0
            else:  # (kept S + shrinkage trace S / D)^-1 = count / kept (Z^T Z + shift)^-1, S = Z^T Z / count
                W = count / kept * system.solve(shrinkage / kept * system.trace / features, means.T).T
            b = np.log(priors) - 0.5 * np.einsum("kd,kd->k", W, means)
            out.append((*part.raw(W.astype(np.float32), b.astype(np.float32)), shrinkage))
        return out


def ledoit_wolf(system: Shifted, count: float, features: int) -> float:
    """The shrinkage of Ledoit & Wolf (2004) for `count` centred rows Z of `features` features."""
    square = system.square / count**2  # |S|^2
    sphere = system.trace**2 / count**2 / features
    distance = square - sphere
    error = (system.fourth / count - square) / count
    return float(np.clip(error / distance, 0, 1)) if distance > 0 else 1.0
