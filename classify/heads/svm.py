"""The `svm` head: support vector machines with the RBF kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from classify.heads.base import SEEDS, Head
from classify.heads.grids import C_BEYOND, C_GRID, PATH_SLACK
from classify.heads.rows.blocks import Array, Rows, block_rows, take
from classify.heads.rows.folds import Folds
from classify.heads.rows.parts import centred
from classify.heads.rows.scaling import Scaling
from classify.heads.solvers.kernel import rbf, solve_squared_hinge
from classify.heads.solvers.linear_path import Path, Problem, solve
from classify.heads.solvers.losses import SquaredHinge
from classify.heads.solvers.nystrom import Nystrom, draw, draw_evenly

MAX_ITER = 300  # passes over the approximated features for each C
LOOSE = 30  # how much looser than `tol` the approximated machine is solved while tuning; the order of C stays
PRODUCTS = 1 << 27  # rows x landmarks, at most: a pass over them takes a second or less whatever the number of rows
MOST_LANDMARKS = 2048
MOST_TUNED = 40_000  # rows of an approximated machine while tuning: the same C, 1 % more log loss (docs/heads.md)


@dataclass(frozen=True)
class Machine:
    """Solved machines that share their rows.

    Parameters
    ----------
    scaling : Scaling
    gamma : float
    support : (n, D) float32, prepared
    dual : (n, q) float32, q being classes, or values of C x classes
    intercept : (q,) float32
    stopped : bool
        Whether the solver's passes came to an end before its tolerance was reached.
    """

    scaling: Scaling
    gamma: float
    support: Array
    dual: Array
    intercept: Array
    stopped: bool = False

    def scores(self, rows: Array) -> Array:
        """Prepared rows (n, D) -> (n, q)."""
        K = rbf(rows, self.support.astype(rows.dtype, copy=False), self.gamma)
        scores: Array = K @ self.dual + self.intercept
        return scores


class SVM(Head):
    """RBF support vector machines, one class against the rest, with the squared hinge loss.

    This is not the formulation of scikit-learn's SVC (libsvm: one class against one other, hinge loss, votes), but the
    same kernel and the same default gamma, 1 / (D variance). The squared hinge lets all classes, folds and values of C
    share one kernel matrix and its products; a constant is part of the kernel (K + 1), so that the intercept is
    penalised as in LinearSVC.

    Up to `exact` training rows the kernel matrix is exact; above, it is approximated from `landmarks` rows drawn at
    random (nystrom.py): "auto" takes 2,048, but no more than keeps rows x landmarks under 2^27, so that a pass over
    more rows takes no longer. While tuning and calibrating, an approximated machine of a fold learns from 40,000 of its
    rows, each class keeping its share, and from as many landmarks as if it had them all.

    Parameters
    ----------
    C : float
        Inverse of the strength of the penalty.
    gamma : "scale" or float
        Width of the kernel exp(-gamma |a - b|^2).
    tol : float
        Norm of the gradient at which the solver stops, relative to its start; ten times that while tuning.
    exact : int
    landmarks : "auto" or int
    seed : int, of the landmarks

    The others are those of Head.

    Attributes
    ----------
    support_ : (n, D) float32, prepared training rows
    dual_ : (n, K) float32, their coefficients
    intercept_ : (K,) float32
    gamma_ : float
    """

    tunable: ClassVar[dict[str, tuple[float, ...]]] = {"C": C_GRID}
    beyond: ClassVar[dict[str, tuple[float, ...]]] = {"C": C_BEYOND}
    path_param: ClassVar[str | None] = "C"
    arrays: ClassVar[tuple[str, ...]] = ("support", "dual", "intercept", "gamma")
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "C": (1e-12, 1e12),
        "gamma": (1e-30, 1e12),
        "tol": (1e-12, 1),
        "exact": (0, 50_000),
        "landmarks": (1, 50_000),
        "seed": SEEDS,
    }
    words: ClassVar[dict[str, str]] = {"gamma": "scale", "landmarks": "auto"}

    support_: Array
    dual_: Array
    intercept_: Array
    gamma_: Any

    def __init__(
        self,
        *,
        C: float = 3.0,
        gamma: str | float = "scale",
        tol: float = 1e-4,
        exact: int = 5000,
        landmarks: str | float = "auto",
        seed: int = 0,
        standardize: bool = True,
        sqrt: bool = False,
        l2: bool = False,
        class_weight: Any = None,
        calibrate: bool = True,
    ):
        self.C = C
        self.gamma = gamma
        self.tol = tol
        self.exact = exact
        self.landmarks = landmarks
        self.seed = seed
        self.standardize = standardize
        self.sqrt = sqrt
        self.l2 = l2
        self.class_weight = class_weight
        self.calibrate = calibrate

    def _fit(self, X: Array, codes: Array, weights: Array | None) -> None:
        machine = self._machine(
            self._fit_scaling(X, weights), X, codes, weights, np.arange(len(codes)), [self.C], self.tol
        )
        if len(codes) > self.exact:
            self._approximated = f"its kernel is approximated from {len(machine.support):,} of {len(codes):,} rows"
            if machine.stopped:
                self._approximated += (
                    f", and its solver stopped after {MAX_ITER} passes, before it was as near to the minimum as it "
                    "should be: a smaller C or a larger tol needs fewer"
                )
        used = machine.dual.any(1)
        self.scaling_, self.gamma_ = machine.scaling, np.float64(machine.gamma)
        self.support_, self.dual_, self.intercept_ = machine.support[used], machine.dual[used], machine.intercept

    def _scores(self, rows: Array) -> Array:
        gamma = float(self.gamma_)
        return Machine(self.scaling_, gamma, self.support_, self.dual_, self.intercept_).scores(rows)

    def _path(self, X: Array, codes: Array, folds: Folds, values: Sequence[Any], weights: Array | None = None) -> Array:
        count = int(codes.max()) + 1
        out = np.full((len(values), len(codes), count), np.nan, np.float32)
        step = block_rows(X.shape[1])
        scalings = self._fit_scalings(X, [train for train, _ in folds], weights)
        for scaling, (train, held_out) in zip(scalings, folds, strict=True):
            machine = self._tuning_machine(scaling, X, codes, weights, train, values)
            known = len(machine.intercept) // len(values)  # the last classes may be none of the fold's
            for at in (held_out[start : start + step] for start in range(0, len(held_out), step)):
                scores = machine.scores(machine.scaling(take(X, at)).astype(np.float32, copy=False))
                out[:, at, :known] = scores.reshape(len(at), len(values), known).transpose(1, 0, 2)
        return out

    def _tuning_machine(
        self, scaling: Scaling, X: Array, codes: Array, weights: Array | None, train: Array, Cs: Sequence[float]
    ) -> Machine:
        tolerance = self._slack(len(train)) * self.tol
        few = self.tuned_on(len(train))
        if few == len(train):
            return self._machine(scaling, X, codes, weights, train, Cs, tolerance)
        chosen = draw_evenly(train, codes, few, self.seed)
        landmarks = min(self.landmarks_of(len(train)), len(chosen))
        own = None if weights is None else weights[chosen]
        everything = np.arange(len(chosen))
        return self._approximate(scaling, take(X, chosen), codes[chosen], own, everything, Cs, tolerance, landmarks)

    def tuned_on(self, rows: int) -> int:
        """All, where the kernel is exact; else MOST_TUNED, at most."""
        return rows if rows <= self.exact else min(rows, MOST_TUNED)

    @property
    def approximation(self) -> str | None:
        """The kernel's, where there were more than `exact` rows."""
        return getattr(self, "_approximated", None)

    @property
    def drawn(self) -> bool:
        """The landmarks are."""
        return self.approximation is not None

    def _slack(self, rows: int) -> float:
        return PATH_SLACK if rows <= self.exact else LOOSE

    def _machine(
        self,
        scaling: Scaling,
        X: Array,
        codes: Array,
        weights: Array | None,
        train: Array,
        Cs: Sequence[float],
        tolerance: float,
    ) -> Machine:
        """Solve for every C on the rows `train`, whose scaling is given."""
        if len(train) <= self.exact:
            rows = scaling(take(X, train)).astype(np.float32, copy=False)
            return self._exact(scaling, rows, codes, weights, train, Cs, tolerance)
        return self._approximate(scaling, X, codes, weights, train, Cs, tolerance, self.landmarks_of(len(train)))

    def landmarks_of(self, rows: int) -> int:
        """How many rows the kernel of so many is approximated from."""
        if self.landmarks == "auto":
            return max(1, min(PRODUCTS // rows, MOST_LANDMARKS))
        return min(int(self.landmarks), rows)

    def _exact(
        self,
        scaling: Scaling,
        rows: Array,
        codes: Array,
        weights: Array | None,
        train: Array,
        Cs: Sequence[float],
        tolerance: float,
    ) -> Machine:
        gamma = self._width(rows, None if weights is None else weights[train])
        K = rbf(rows, rows, gamma)
        K += 1
        classes = int(codes.max()) + 1
        targets = np.where(codes[train] == np.arange(classes)[:, None], 1, -1).astype(np.float32)
        own = self._class_weights(codes, train, weights)[codes[train]]
        own = own if weights is None else own * weights[train]
        penalties = 1 / (2 * np.repeat(Cs, classes)[:, None] * own)  # (len(Cs) K, n)
        dual = solve_squared_hinge(K, np.tile(targets, (len(Cs), 1)), penalties.astype(np.float32), tolerance)
        return Machine(scaling, gamma, rows, np.ascontiguousarray(dual.T), dual.sum(1))

    def _approximate(
        self,
        scaling: Scaling,
        X: Array,
        codes: Array,
        weights: Array | None,
        train: Array,
        Cs: Sequence[float],
        tolerance: float,
        landmarks: int,
    ) -> Machine:
        drawn = draw(train, landmarks, self.seed)
        support = scaling(take(X, drawn)).astype(np.float32, copy=False)
        features = Nystrom(support, self._width(support, None if weights is None else weights[drawn]))
        rows = Rows(X, lambda part: features(scaling(part)), len(support))
        order = np.argsort(Cs, kind="stable")
        problem = [Problem(centred(rows, train), self._row_weights(codes, train, weights))]
        path = Path(int(codes.max()) + 1, [Cs[n] for n in order], SquaredHinge(), tolerance, MAX_ITER)
        (solved,) = solve(rows, codes, problem, path)
        solutions = [solved.solution(int(place)) for place in np.argsort(order)]
        dual = np.hstack([features.dual(W) for W, _ in solutions])
        intercepts = np.concatenate([b for _, b in solutions])
        return Machine(scaling, features.gamma, support, dual, intercepts, solved.stopped)

    def _width(self, rows: Array, weights: Array | None) -> float:
        if self.gamma != "scale":
            return float(self.gamma)
        if weights is None:
            variance = float(rows.var(dtype=np.float64))
        else:
            squares = np.square(rows - np.average(rows, axis=0, weights=weights).mean(), dtype=np.float64)
            variance = float(np.average(squares.mean(1), weights=weights))
        return 1 / (rows.shape[1] * variance) if variance > 0 else 1.0
