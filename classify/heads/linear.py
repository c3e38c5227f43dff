"""Heads with one score a class linear in the rows, fitted by minimising a smooth loss: `logreg` and `linear-svm`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from classify.heads.base import Head
from classify.heads.grids import C_BEYOND, C_GRID, PATH_SLACK
from classify.heads.rows.blocks import Array
from classify.heads.rows.folds import Folds
from classify.heads.rows.parts import Shared
from classify.heads.solvers.device import pick_device
from classify.heads.solvers.linear_path import Path, Problem, Solved, solve
from classify.heads.solvers.losses import CrossEntropy, Loss, SquaredHinge


class LinearHead(Head):
    """What the two have in common: their solver, and coefficients as the state.

    Attributes
    ----------
    coef_ : (K, D) float32, for prepared rows
    intercept_ : (K,) float32
    n_iter_ : int, passes over the rows
    """

    tunable: ClassVar[dict[str, tuple[float, ...]]] = {"C": C_GRID}
    beyond: ClassVar[dict[str, tuple[float, ...]]] = {"C": C_BEYOND}
    path_param: ClassVar[str | None] = "C"
    arrays: ClassVar[tuple[str, ...]] = ("coef", "intercept")
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"C": (1e-12, 1e12), "tol": (1e-12, 1), "max_iter": (1, 1e9)}
    loss: ClassVar[type[Loss]]

    C: float
    tol: float
    max_iter: int
    device: str
    coef_: Array
    intercept_: Array
    n_iter_: int

    def warm_up(self) -> None:
        """Torch and its device, where the products are done by it."""
        if self.device != "cpu":
            pick_device(self.device)

    def _fit(self, X: Array, codes: Array, weights: Array | None) -> None:
        shared = self._share(X, [np.arange(len(codes))], weights)
        self.scaling_ = shared.scaling
        (solved,) = self._solve(shared, codes, weights, [self.C], self.tol)
        self.coef_, self.intercept_ = solved.solution(0)
        self.n_iter_ = solved.n_iter
        self._stopped = solved.stopped

    @property
    def approximation(self) -> str | None:
        """The solver's, where `max_iter` was too few for its tolerance."""
        if not getattr(self, "_stopped", False):
            return None
        return (
            f"its solver stopped at max_iter={self.max_iter}, before it was as near to the minimum as "
            f"it should be; max_iter={10 * self.max_iter} lets it go on"
        )

    def _scores(self, rows: Array) -> Array:
        return rows @ self.coef_.T + self.intercept_

    def _path(
        self, X: Array, codes: Array, folds: Folds, values: Sequence[float], weights: Array | None = None
    ) -> Array:
        order = np.argsort(values, kind="stable")
        shared = self._share(X, [train for train, _ in folds], weights)
        Cs = [float(values[number]) for number in order]
        found = self._solve(shared, codes, weights, Cs, PATH_SLACK * self.tol)
        out = np.full((len(values), len(codes), int(codes.max()) + 1), np.nan, np.float32)
        for solved, (_, held_out) in zip(found, folds, strict=True):
            for place, number in enumerate(order):
                W, b = solved.solution(place)
                out[number, held_out] = shared.rows.dot(W, held_out) + b
        return out

    def _solve(
        self, shared: Shared, codes: Array, weights: Array | None, Cs: Sequence[float], tolerance: float
    ) -> Sequence[Solved]:
        problems = [Problem(part, self._row_weights(codes, part.index, weights)) for part in shared.parts]
        path = Path(int(codes.max()) + 1, Cs, self.loss(), tolerance, self.max_iter)
        return solve(shared.rows, codes, problems, path, self.device)


class LogisticRegression(LinearHead):
    """Multinomial logistic regression with an L2 penalty.

    Minimises C sum_i weight_i cross-entropy_i + |W|^2 / 2, the intercept not penalised: scikit-learn's
    LogisticRegression.

    Parameters
    ----------
    C : float
        Inverse of the strength of the penalty.
    tol : float
        Relative distance from the minimum at which the solver stops; ten times that while tuning.
    max_iter : int
        Passes over the rows, at most.
    device : "cpu", "cuda" or "auto"
        Where the matrix products are done; only the last two load torch.

    The others are those of Head.
    """

    loss: ClassVar[type[Loss]] = CrossEntropy

    def __init__(
        self,
        *,
        C: float = 0.01,
        tol: float = 1e-4,
        max_iter: int = 300,
        device: str = "cpu",
        standardize: bool = True,
        sqrt: bool = False,
        l2: bool = False,
        class_weight: Any = None,
        calibrate: bool = False,
    ):
        self.C = C
        self.tol = tol
        self.max_iter = max_iter
        self.device = device
        self.standardize = standardize
        self.sqrt = sqrt
        self.l2 = l2
        self.class_weight = class_weight
        self.calibrate = calibrate


class LinearSVM(LinearHead):
    """Linear support vector machines, one class against the rest, with the squared hinge loss.

    Minimises C sum_i weight_i max(0, 1 - margin_i)^2 + |w|^2 / 2 for each class: scikit-learn's LinearSVC, but for
    the intercept, which is not penalised here.

    Parameters
    ----------
    C : float
        Inverse of the strength of the penalty.
    tol : float
        Relative distance from the minimum at which the solver stops; ten times that while tuning.
    max_iter : int
        Passes over the rows, at most.
    device : "cpu", "cuda" or "auto"
        Where the matrix products are done; only the last two load torch.

    The others are those of Head.
    """

    loss: ClassVar[type[Loss]] = SquaredHinge

    def __init__(
        self,
        *,
        C: float = 3e-4,
        tol: float = 1e-4,
        max_iter: int = 300,
        device: str = "cpu",
        standardize: bool = True,
        sqrt: bool = False,
        l2: bool = False,
        class_weight: Any = None,
        calibrate: bool = True,
    ):
        self.C = C
        self.tol = tol
        self.max_iter = max_iter
        self.device = device
        self.standardize = standardize
        self.sqrt = sqrt
        self.l2 = l2
        self.class_weight = class_weight
        self.calibrate = calibrate
