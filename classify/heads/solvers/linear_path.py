"""Linear heads for many folds and many values of C in shared passes over the data.

Each fold is a problem of its own: its rows, its standardisation, its place on the path of C. A pass
multiplies a block of rows with the coefficients of all problems at once (one matrix product instead of folds x
classes narrow ones), takes the loss, and multiplies back. Each problem goes from the smallest C to the largest and
starts from its last solution; none waits for another. The solution is that of

    sum_i weight_i loss(scores_i, y_i) + |W|^2 / (2 C),    the intercept not penalised,

with the rows standardised on the fold's own training rows. That standardisation is an affine map, so it is folded into
the coefficients, and all folds read the same rows.

Where there are few rows for their features, each problem is solved by itself among the directions of its own rows
(row_space.py): the same solution, from smaller products, and in fewer passes, because the preconditioner is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from classify.heads.rows.blocks import Array, Rows
from classify.heads.rows.parts import Part
from classify.heads.rows.row_space import RowSpace
from classify.heads.solvers.lbfgs import LBFGS
from classify.heads.solvers.losses import Loss
from classify.heads.solvers.parallel import Team, team
from classify.heads.solvers.products import Products, make_products
from classify.heads.solvers.spectrum import Axes, Curvature, leading

FEW = 0.75  # rows for each feature, up to which a problem is solved among its rows


@dataclass(frozen=True)
class Problem:
    """One fold.

    Parameters
    ----------
    part : its training rows and their standardisation
    weights : (N,) float32, of each row; 0 for the rows held out
    """

    part: Part
    weights: Array


@dataclass
class Sums:
    """Sums over rows, for each problem: loss (P,), its gradient (P, K, D) and (P, K), curvature (P, K)."""

    values: Array
    gradients: Array
    row_sums: Array
    curvatures: Array

    @classmethod
    def zero(cls, problems: int, classes: int, features: int) -> Sums:
        """Nothing yet."""
        gradients = np.zeros((problems, classes, features), np.float32)
        return cls(np.zeros(problems), gradients, np.zeros((problems, classes)), np.zeros((problems, classes)))

    def add(self, other: Sums) -> None:
        """Add in place."""
        self.values += other.values
        self.gradients += other.gradients
        self.row_sums += other.row_sums
        self.curvatures += other.curvatures


class Solved(Protocol):
    """A problem with its solutions."""

    @property
    def n_iter(self) -> int:
        """Passes over the rows."""

    @property
    def stopped(self) -> bool:
        """Whether the passes came to an end before the tolerance was reached, for any C."""

    def solution(self, number: int) -> tuple[Array, Array]:
        """Coefficients (K, D) and intercepts (K,) for a value of C, for the rows as they are."""


class Walker:
    """One problem on its way along the path of C."""

    def __init__(self, problem: Problem, start: Array, Cs: Sequence[float], tolerance: float, max_iter: int):
        self.problem = problem
        self.solutions: list[Array] = []  # (K, D + 1) for each C; the last column is the intercept
        self.n_iter = 0
        self.stopped = False
        self._total = float(problem.weights.sum(dtype=np.float64))
        self._Cs, self._tolerance, self._max_iter = Cs, tolerance, max_iter
        self._null = np.inf  # the loss of intercepts alone
        self._solver = LBFGS(start, tolerance, np.inf)

    @property
    def done(self) -> bool:
        """Whether every C is solved."""
        return len(self.solutions) == len(self._Cs)

    def trial(self) -> tuple[Array, Array]:
        """Coefficients (K, D) and intercepts (K,) whose loss is wanted next, for the rows as they are."""
        return self._raw(self._solver.trial)

    def solution(self, number: int) -> tuple[Array, Array]:
        """Coefficients (K, D) and intercepts (K,) for a value of C, for the rows as they are."""
        return self._raw(self.solutions[number])

    def _raw(self, point: Array) -> tuple[Array, Array]:
        return self.problem.part.raw(point[:, :-1], point[:, -1])

    def tell(self, sums: Sums, number: int, spectrum: Curvature) -> None:
        """Take the data's part of the objective at the trial point, this being problem `number` of the sums."""
        value, gradient = float(sums.values[number]), sums.gradients[number]
        row_sum = sums.row_sums[number].astype(np.float32)
        curvature = sums.curvatures[number]
        penalty = 1 / (self._Cs[len(self.solutions)] * self._total)
        trial = self._solver.trial
        W = trial[:, :-1]
        full = np.empty_like(trial)
        part = self.problem.part
        full[:, :-1] = (gradient - row_sum[:, None] * part.mean) / part.scale / self._total
        full[:, :-1] += np.float32(penalty) * W
        full[:, -1] = row_sum / self._total
        bend = np.maximum(curvature / self._total, 1e-6)

        def precondition(G: Array) -> Array:
            return np.column_stack([spectrum.solve(G[:, :-1], bend, penalty), G[:, -1] / bend]).astype(np.float32)

        if not self.n_iter:  # the start has no coefficients but intercepts
            self._null = value / self._total
            self._solver = LBFGS(trial, self._tolerance, self._null)
        self._solver.tell(value / self._total + penalty / 2 * float(np.square(W).sum()), full, precondition)
        self.n_iter += 1
        if self._solver.done or self._solver.steps >= self._max_iter:
            self.stopped |= not self._solver.done
            self.solutions.append(self._solver.x)
            self._solver = LBFGS(self._solver.x, self._tolerance, self._null)


@dataclass(frozen=True)
class Rotated:
    """A problem that was solved among the directions (r, D) of its rows."""

    walker: Walker
    directions: Array
    part: Part

    @property
    def n_iter(self) -> int:
        """Passes over the rows."""
        return self.walker.n_iter

    @property
    def stopped(self) -> bool:
        """See Solved."""
        return self.walker.stopped

    def solution(self, number: int) -> tuple[Array, Array]:
        """See Solved."""
        W, b = self.walker.solution(number)
        return self.part.raw(W @ self.directions, b)


@dataclass(frozen=True)
class Path:
    """What is solved.

    Parameters
    ----------
    classes : int
    Cs : in increasing order
    loss : Loss
    tolerance : relative distance from the minimum at which a problem is solved
    max_iter : passes for each problem and C, at most
    """

    classes: int
    Cs: Sequence[float]
    loss: Loss
    tolerance: float
    max_iter: int


def solve(rows: Rows, codes: Array, problems: Sequence[Problem], path: Path, device: str = "cpu") -> Sequence[Solved]:
    """Solve each problem for each C.

    Parameters
    ----------
    rows : (N, D)
    codes : (N,) int
    problems : one a fold
    path : Path
    device : "cpu", "cuda" or "auto"
    """
    if device == "cpu" and max(len(p.part.index) for p in problems) <= FEW * rows.shape[1]:
        with team(sum(len(p.part.index) ** 2 for p in problems) * path.classes) as threads:
            return threads.map(lambda problem: _among_rows(rows, codes, problem, path), problems)
    return _together(rows, codes, problems, path, leading(rows), device)


def _among_rows(rows: Rows, codes: Array, problem: Problem, path: Path) -> Rotated:
    part = problem.part
    space = RowSpace.of(np.concatenate([Z for _, Z in part.blocks(rows)]))
    count, wide = space.rows.shape
    own = Part(np.arange(count), np.zeros(wide, np.float32), np.ones(wide, np.float32))
    alone = [Problem(own, problem.weights[part.index])]
    narrow = Rows(space.rows, lambda part: part)
    (walker,) = _together(narrow, codes[part.index], alone, path, Axes(space.powers))
    return Rotated(walker, space.directions, part)


def _together(
    rows: Rows, codes: Array, problems: Sequence[Problem], path: Path, spectrum: Curvature, device: str = "cpu"
) -> list[Walker]:
    totals = np.stack([np.bincount(codes, p.weights, path.classes) for p in problems])
    intercepts = path.loss.start(totals / totals.sum(1, keepdims=True))
    walkers = []
    for problem, intercept in zip(problems, intercepts, strict=True):
        start = np.zeros((path.classes, rows.shape[1] + 1), np.float32)
        start[:, -1] = intercept
        walkers.append(Walker(problem, start, path.Cs, path.tolerance, path.max_iter))
    products = make_products(rows, device)
    width = len(walkers) * path.classes
    with team(width * rows.shape[0] * rows.shape[1] if products.threads else 0) as threads:
        while active := [walker for walker in walkers if not walker.done]:
            _pass(rows, products, codes, active, path.loss, spectrum, threads)
    return walkers


def _pass(
    rows: Rows,
    products: Products,
    codes: Array,
    active: Sequence[Walker],
    loss: Loss,
    spectrum: Curvature,
    threads: Team,
) -> None:
    """Evaluate the trial points of all active problems in one go through the rows."""
    pairs = [walker.trial() for walker in active]
    W = np.concatenate([pair[0] for pair in pairs])  # (P K, D)
    b = np.concatenate([pair[1] for pair in pairs])
    weights = np.stack([walker.problem.weights for walker in active])  # (P, N)

    def evaluate(slices: Sequence[slice]) -> Sums:
        sums = Sums.zero(len(active), len(W) // len(active), W.shape[1])
        for at in slices:
            block = products.block(at)
            Z = (block.scores(W) + b[:, None]).reshape(len(active), -1, at.stop - at.start)
            values, curvatures = loss(Z, codes[at], weights[:, at])
            gradients = block.gather(Z.reshape(len(W), -1)).reshape(sums.gradients.shape)
            sums.add(Sums(values, gradients, Z.sum(2, dtype=np.float64), curvatures))
        return sums

    slices = rows.slices(threads.size)
    total, *others = threads.map(evaluate, [slices[first :: threads.size] for first in range(threads.size)])
    for other in others:
        total.add(other)
    threads.map(lambda n: active[n].tell(total, n, spectrum), range(len(active)))
