"""Systems of equations are solved as numpy solves them: shifted ones, and those of kernel machines.

A wrong direction or a lost step costs iterations and no answer, so a test of the fitted head would not notice it.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from classify.heads.rows.row_space import RowSpace
from classify.heads.solvers import kernel
from classify.heads.solvers.parallel import Team
from classify.heads.solvers.shifted_systems import Shifted
from tests.classify.drawn import rng

# ---- shifted systems


@pytest.mark.parametrize("shape", [(60, 9), (9, 60)], ids=["many rows", "few rows"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_facts_of_a_matrix_are_those_of_its_rows(shape, weighted):
    Z = rng().standard_normal(shape).astype(np.float32)
    weights = rng(1).uniform(0.5, 2, shape[0]) if weighted else None
    found = Shifted([Z[:4], Z[4:7], Z[7:]], shape, weights)
    own = np.ones(shape[0]) if weights is None else weights
    matrix = (Z * own[:, None]).T.astype(np.float64) @ Z
    assert found.trace == pytest.approx(np.trace(matrix), rel=1e-5)
    assert found.square == pytest.approx((matrix**2).sum(), rel=1e-5)
    assert found.fourth == pytest.approx(own @ (Z.astype(np.float64) ** 2).sum(1) ** 2, rel=1e-5)
    R = (matrix @ rng(2).standard_normal((shape[1], 2))).astype(np.float32)
    for shift in (1e-3, 10.0):
        wanted = np.linalg.solve(matrix + shift * np.eye(shape[1]), R)
        np.testing.assert_allclose(found.solve(shift, R), wanted, rtol=1e-2, atol=1e-3 * abs(wanted).max())


@pytest.mark.parametrize("shape", [(60, 9), (9, 60)], ids=["many rows", "few rows"])
def test_a_shift_of_nothing_is_a_very_small_one(shape):
    """Rows that repeat each other make a singular matrix: the fit is the best one, not an error."""
    Z = np.repeat(rng().standard_normal((1, shape[1])), shape[0], 0).astype(np.float32)
    targets = rng(1).standard_normal((shape[0], 2))
    found = Shifted([Z], shape).solve(0.0, (Z.T @ targets).astype(np.float32))
    np.testing.assert_allclose(Z @ found, np.ones((shape[0], 1)) * targets.mean(0), rtol=0.02)


def test_a_direction_that_rounding_made_is_none():
    """1e-9 of the largest is rounding in float32 rows; a thousandth is not."""
    directions = np.linalg.qr(rng().standard_normal((40, 3)))[0].T
    Z = np.diag([1.0, 1e-3, 1e-9]) @ directions
    assert len(RowSpace.of(Z).directions) == 2
    space = RowSpace.of(1e-6 * Z)
    assert len(space.directions) == 2
    np.testing.assert_allclose(np.sort(space.powers), np.array([1e-18, 1e-12]) / 3, rtol=1e-3)


# ---- kernel machines


def machine(count=40, problems=5):
    X = rng().standard_normal((count, 3)).astype(np.float32)
    K = kernel.rbf(X, X, 0.4) + 1
    y = np.where(rng(1).random((problems, count)) < 0.4, 1, -1).astype(np.float32)
    ridge = np.geomspace(0.01, 50, problems).astype(np.float32)[:, None] * np.ones(count, np.float32)
    return K, y, ridge


def test_a_newton_direction_solves_its_equations():
    """(I + active K) d = residual, to the share that a Newton step is cut short at, in the kernel's norm."""
    K, y, ridge = machine()
    active, residual = (rng(2).random(y.shape) < 0.6) / ridge, rng(3).standard_normal(y.shape).astype(np.float32)
    product = kernel.Product(K, Team(1, None))
    d, Kd = kernel._newton_direction(product, active, residual.copy(), residual @ K)
    np.testing.assert_allclose(Kd, d @ K, atol=1e-3 * abs(Kd).max())
    left = residual - (d + active * (d @ K))
    norms = [np.einsum("ij,ij->i", r, r @ K) for r in (left, residual)]
    assert (np.sqrt(norms[0] / norms[1]) < 1.05 * kernel.FORCING).all()


def test_problems_that_are_solved_drop_out_of_the_products():
    """One of five is hard: after its first steps nothing is multiplied for the others."""
    K, y, _ = machine()
    ridge = np.array([1e5, 1e5, 1e5, 1e5, 1e-3], np.float32)[:, None] * np.ones_like(y)
    residual, sizes = rng(3).standard_normal(y.shape).astype(np.float32), []
    product = kernel.Product(K, Team(1, None))
    d, Kd = kernel._newton_direction(
        lambda P: sizes.append(len(P)) or product(P), 1 / ridge, residual.copy(), residual @ K
    )
    assert sizes[0] == 5
    assert sizes[-1] == 1
    assert sizes == sorted(sizes, reverse=True)
    np.testing.assert_allclose(Kd, d @ K, atol=1e-3 * abs(Kd).max())
    np.testing.assert_allclose(d[:4], residual[:4], rtol=0.02, atol=0.02)


def test_a_step_has_the_length_of_the_least_value():
    """On the way to a point beyond the minimum and to one before it, where the whole step is the best."""
    K, y, ridge = machine()
    b = 0.01 * rng(4).standard_normal(y.shape).astype(np.float32)
    d = y / ridge * np.geomspace(1e-4, 3, len(y))[:, None].astype(np.float32)
    f, Kd = b @ K, d @ K

    def value(p, t):
        at, out = b[p] + t * d[p], f[p] + t * Kd[p]
        return at @ out / 2 + (np.maximum(1 - y[p] * out, 0) ** 2 / (2 * ridge[p])).sum()

    found = kernel._line_search(b, f, d, Kd, y, ridge)[:, 0]
    for p in range(len(y)):
        best = minimize_scalar(lambda t, p=p: value(p, t), bounds=(0, 1), method="bounded").x
        assert found[p] == pytest.approx(best, abs=2**-kernel.BISECTIONS + 1e-3)
    assert found.min() < 0.5 < found.max() == 1


@pytest.mark.parametrize("rows", [1, 2, 7, 8, 9])
def test_each_thread_has_one_part_of_a_product(rows):
    K = rng().standard_normal((rows, rows)).astype(np.float32)
    product = kernel.Product(K, Team(3, None))
    assert len(product._parts) <= 3
    assert [n for part in product._parts for n in range(rows)[part]] == list(range(rows))
    np.testing.assert_allclose(product(K), K @ K, rtol=1e-5, atol=1e-5)
