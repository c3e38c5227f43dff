"""Directions and steps are those of their formulas: preconditioners, and the quasi-Newton method.

A wrong preconditioner or a lost step costs iterations and no answer, so a test of the fitted head would not notice it.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify.heads.solvers.lbfgs import LBFGS, MEMORY
from classify.heads.solvers.spectrum import PASSES, RANK, Axes, Spectrum, leading
from tests.classify.drawn import rng, rows_of


@pytest.mark.parametrize("penalty", [1e-3, 1.0, 100.0])
def test_a_curvature_is_inverted(penalty):
    """curvature_k X^T X / N + penalty, as a matrix that numpy inverts."""
    D, r, bend, gradient = 7, 3, rng(1).uniform(0.1, 2, 4), rng(2).standard_normal((4, 7)).astype(np.float32)
    directions = np.linalg.qr(rng(3).standard_normal((D, r)))[0].T.astype(np.float32)
    powers, rest = np.array([9.0, 4.0, 0.5], np.float32), 0.2
    matrix = directions.T @ np.diag(powers - rest) @ directions + rest * np.eye(D)
    found = Spectrum(directions, powers, rest).solve(gradient, bend, penalty)
    diagonal = Axes(np.arange(1, D + 1, dtype=np.float32)).solve(gradient, bend, penalty)
    for k in range(4):
        wanted = np.linalg.solve(bend[k] * matrix + penalty * np.eye(D), gradient[k])
        np.testing.assert_allclose(found[k], wanted, rtol=1e-3, atol=1e-5 * abs(wanted).max())
        np.testing.assert_allclose(diagonal[k], gradient[k] / (bend[k] * np.arange(1, D + 1) + penalty), rtol=1e-5)


@pytest.mark.parametrize(("count", "features"), [(900, 20), (900, 400), (2 * 4096 + 5, 6)])
def test_leading_directions_are_numpys(count, features):
    """At most 256, of 4,096 rows at most; what the directions leave is the rest."""
    scales = np.logspace(1, -1, features)
    X = (rng().standard_normal((count, features)) * scales).astype(np.float32)
    found = leading(rows_of(X))
    sample = X[:: max(1, count // 4096)][:4096].astype(np.float64)
    wanted = np.linalg.eigvalsh(sample.T @ sample / len(sample))[::-1]
    rank = min(features, 256)
    np.testing.assert_allclose(np.sort(found.powers)[::-1][:20], wanted[:20], rtol=2e-3)
    assert found.directions.shape == (rank, features)
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(rank), atol=1e-4)
    assert found.powers.sum() + found.rest * (features - rank) == pytest.approx(wanted.sum(), rel=1e-4)


def test_a_second_pass_finds_the_last_directions_better():
    """Halko, Martinsson & Tropp, 2011: each pass sharpens what a random start has found."""
    X = (rng().standard_normal((600, RANK + 200)) * np.linspace(1, 0.5, RANK + 200)).astype(np.float32)
    wanted = np.linalg.eigvalsh(X.T.astype(np.float64) @ X / len(X))[::-1]
    start = rng(0).standard_normal((X.shape[1], RANK), dtype=np.float32)
    kept = []
    for _ in range(PASSES):
        start = np.linalg.qr(X.T @ (X @ start))[0]
        kept.append(float(np.square(X @ start).sum()) / len(X))
    found = float(leading(rows_of(X)).powers.sum())
    assert kept[0] < found == pytest.approx(kept[-1], rel=1e-4)
    assert found < wanted[:RANK].sum()


@given(st.integers(1, MEMORY + 3), st.integers(0, 1000))
def test_a_quasi_newton_direction_is_the_matrix_of_bfgs(pairs, seed):
    """Nocedal & Wright, 2006, equation 6.17: H' = V^T H V + rho s s^T, over the last pairs; H from the caller."""
    D = 6
    root = rng(seed).standard_normal((D, D))
    hessian = root @ root.T + np.eye(D)
    solver = LBFGS(np.zeros(D, np.float32), 0.0, np.inf)
    diagonal = rng(seed + 1).uniform(0.5, 2, D)
    steps = rng(seed + 2).standard_normal((pairs, D))
    for s in steps:
        solver._gradient = np.zeros(D)
        solver.x, solver.trial = np.zeros(D), s
        solver._remember(hessian @ s)
    H = np.diag(diagonal)
    for s in steps[-MEMORY:]:
        change = hessian @ s
        rho = 1 / (change @ s)
        V = np.eye(D) - rho * np.outer(change, s)
        H = V.T @ H @ V + rho * np.outer(s, s)
    gradient = rng(seed + 3).standard_normal(D)
    found = solver._two_loops(gradient, lambda g: diagonal * g)
    np.testing.assert_allclose(found, H @ gradient, rtol=1e-3, atol=1e-3 * abs(H @ gradient).max())


def test_a_quadratic_with_its_own_curvature_is_solved_in_one_step():
    scales = np.logspace(0, 3, 20)
    goal = rng().standard_normal(20)
    solver = LBFGS(np.zeros(20), 1e-9, np.inf)
    for _ in range(2):
        d = solver.trial - goal
        solver.tell(float(0.5 * scales @ d**2) + 1, scales * d, lambda g: g / scales)
    assert solver.done
    np.testing.assert_allclose(solver.x, goal, atol=1e-9)


def test_a_step_that_leads_upwards_is_shortened_and_never_taken():
    """The gradient's scale is far off: the first trial lies far beyond the minimum."""
    solver, seen = LBFGS(np.array([1.0]), 1e-12, np.inf), []
    for _ in range(60):
        x = solver.trial
        solver.tell(float(np.cosh(x[0])), np.sinh(x), lambda g: 30 * g)
        seen.append(float(np.cosh(solver.x[0])))
        if solver.done:
            break
    assert solver.done
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == pytest.approx(1, abs=1e-9)
    assert len(seen) < 25
