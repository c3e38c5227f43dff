"""Losses have the derivatives of their values, and a path of penalties takes the steps of its formula."""

from __future__ import annotations

import numpy as np
import pytest

from classify.heads.rows.parts import Part
from classify.heads.solvers.linear_path import Path, Problem, Rotated, Sums, Walker, solve
from classify.heads.solvers.losses import CrossEntropy, SquaredHinge
from classify.heads.solvers.spectrum import Axes
from tests.classify.drawn import rng, rows_of


@pytest.mark.parametrize("loss", [CrossEntropy(), SquaredHinge()], ids=["entropy", "hinge"])
def test_a_loss_has_the_derivative_and_curvature_of_its_values(loss):
    """By differences; curvature is the derivative's change along each class alone, summed over the rows."""
    codes, weights = np.array([0, 1, 2, 1, 0]), rng(1).uniform(0.5, 2, (2, 5))
    Z = 2 * rng(2).standard_normal((2, 3, 5))

    def value(scores):
        return loss(scores.copy(), codes, weights)[0]

    derivative = Z.copy()
    values, curvature = loss(derivative, codes, weights)
    if isinstance(loss, CrossEntropy):
        chances = np.exp(Z) / np.exp(Z).sum(1, keepdims=True)
        wanted = [weights[p] @ [-np.log(chances[p, c, n]) for n, c in enumerate(codes)] for p in range(2)]
    else:
        margins = np.where(codes == np.arange(3)[:, None], 1, -1) * Z
        wanted = (np.maximum(1 - margins, 0) ** 2 * weights[:, None]).sum((1, 2))
    np.testing.assert_allclose(values, wanted, rtol=1e-6)
    h = 1e-5
    for p, k in np.ndindex(2, 3):
        second = 0.0
        for n in range(5):
            more, less = Z.copy(), Z.copy()
            more[p, k, n] += h
            less[p, k, n] -= h
            assert derivative[p, k, n] == pytest.approx((value(more) - value(less))[p] / (2 * h), abs=1e-4)
            up, down = more.copy(), less.copy()
            loss(up, codes, weights)
            loss(down, codes, weights)
            second += (up - down)[p, k, n] / (2 * h)
        assert curvature[p, k] == pytest.approx(second, abs=1e-3)


def test_a_loss_starts_where_constants_are_best():
    fractions = np.array([[0.2, 0.5, 0.3]])
    chances = np.exp(CrossEntropy().start(fractions))
    np.testing.assert_allclose(chances, fractions)
    np.testing.assert_allclose(SquaredHinge().start(fractions), [[-0.6, 0.0, -0.4]], atol=1e-12)
    assert np.exp(CrossEntropy().start(np.array([[0.0, 1.0]])))[0, 0] < 1e-12


@pytest.mark.parametrize(("count", "narrow"), [(30, True), (31, False), (60, False)])
def test_few_rows_are_solved_among_their_own_directions(count, narrow):
    """Up to 0.75 rows for each feature, where that takes smaller products; on a device never."""
    X, codes = rng().standard_normal((60, 40)), np.arange(60) % 3
    weights = (np.arange(60) < count).astype(np.float32)
    problem = Problem(Part(np.arange(count), np.zeros(40, np.float32), np.ones(40, np.float32)), weights)
    path = Path(3, [0.1, 1.0], CrossEntropy(), 1e-6, 300)
    (solved,) = solve(rows_of(X), codes, [problem], path)
    assert isinstance(solved, Rotated if narrow else Walker)
    assert solved.n_iter <= 60  # passes; without a preconditioner that fits they are many more
    W, b = solved.solution(1)
    chances = np.exp(CrossEntropy().start(np.ones((1, 3)) / 3) + X[:count] @ W.T + b)
    chances /= chances.sum(1, keepdims=True)
    gradient = (chances - np.eye(3)[codes[:count]]).T @ X[:count] + W
    np.testing.assert_allclose(gradient, 0, atol=0.05)


def test_the_first_step_of_a_path_is_newtons_with_the_curvature_of_each_class():
    """Of rows on their own scale, with a part's mean and scale taken out; the intercept is not penalised."""
    X, codes, weights = rng().standard_normal((50, 4)), np.arange(50) % 3, rng(1).uniform(0.5, 2, 50)
    weights = weights.astype(np.float32)
    part = Part(np.arange(50), rng(2).standard_normal(4).astype(np.float32), np.array([1, 2, 0.5, 3], np.float32))
    rows = (X - part.mean) / part.scale
    walker = Walker(Problem(part, weights), np.zeros((3, 5), np.float32), [0.2, 1.0], 1e-6, 100)
    Z = np.zeros((1, 3, 50))
    values, curvatures = CrossEntropy()(Z, codes, weights[None])
    walker.tell(Sums(values, Z @ X, Z.sum(2), curvatures), 0, Axes(np.square(rows).mean(0).astype(np.float32)))
    total = weights.sum()
    bend, penalty = curvatures[0] / total, 1 / (0.2 * total)
    gradient, b_gradient = Z[0] @ rows / total, Z[0].sum(1) / total
    wanted = -gradient / (bend[:, None] * np.square(rows).mean(0) + penalty)
    step = walker._solver.trial - walker._solver.x
    np.testing.assert_allclose(step[:, :-1], wanted, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(step[:, -1], -b_gradient / bend, rtol=1e-3, atol=1e-5)
    assert not walker.done
    assert walker.n_iter == 1
    W, b = walker.trial()
    np.testing.assert_allclose(X @ W.T + b, rows @ step[:, :-1].T + step[:, -1], rtol=1e-3, atol=1e-5)


def test_sums_are_added_field_by_field():
    """In whatever order threads bring them."""
    first, second = Sums.zero(2, 3, 4), Sums.zero(2, 3, 4)
    for n, sums in enumerate((first, second), 1):
        for value in vars(sums).values():
            value += n
    first.add(second)
    assert [set(np.unique(value)) for value in vars(first).values()] == [{3}] * 4
