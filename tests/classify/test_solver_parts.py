"""Each part of a solver does what its formula says, not only the solver as a whole.

A wrong preconditioner or a lost step costs iterations and no answer, so a test of the fitted head would not notice it.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss

from classify.heads import HeadSpec, calibration, make_head, neighbours
from classify.heads import texts as texts_heads
from classify.heads.calibration import DOUBT, HIGHEST, LOWEST, Calibration, at_bound, fit_calibration, fit_temperature
from classify.heads.prompted import ClassTexts, WithTexts
from classify.heads.rows.blocks import Rows
from classify.heads.rows.folds import make_folds
from classify.heads.rows.parts import Part
from classify.heads.rows.row_space import RowSpace
from classify.heads.rows.scaling import unit
from classify.heads.solvers import kernel
from classify.heads.solvers.lbfgs import LBFGS, MEMORY
from classify.heads.solvers.linear_path import Path, Problem, Rotated, Sums, Walker, solve
from classify.heads.solvers.losses import CrossEntropy, SquaredHinge
from classify.heads.solvers.parallel import Team
from classify.heads.solvers.products import TorchProducts, make_products
from classify.heads.solvers.shifted_systems import Shifted
from classify.heads.solvers.spectrum import PASSES, RANK, SAMPLE, Axes, Spectrum, leading


def rng(seed=0):
    return np.random.default_rng(seed)


def rows_of(X):
    return Rows(X.astype(np.float32), lambda part: part)


# ---- preconditioners


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


@pytest.mark.parametrize(("count", "features"), [(900, 20), (900, RANK + 144), (2 * SAMPLE + 5, 6)])
def test_leading_directions_are_numpys(count, features):
    """Of a sample of the rows where there are very many; what the directions leave is the rest."""
    scales = np.logspace(1, -1, features)
    X = (rng().standard_normal((count, features)) * scales).astype(np.float32)
    found = leading(rows_of(X))
    sample = X[:: max(1, count // SAMPLE)][:SAMPLE].astype(np.float64)
    wanted = np.linalg.eigvalsh(sample.T @ sample / len(sample))[::-1]
    rank = min(features, RANK)
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


# ---- losses


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


# ---- systems of equations


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


# ---- rows


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 12))
def test_slices_hold_each_row_once_and_are_as_many_as_asked_for(count, step, at_least):
    rows = rows_of(np.zeros((count, 2)))
    rows.step = step
    slices = rows.slices(at_least)
    assert [n for at in slices for n in range(at.start, at.stop)] == list(range(count))
    assert all(at.stop - at.start <= step for at in slices)
    assert len(slices) * -(-count // at_least) >= count  # none smaller than needed to be so many
    assert len(slices) >= min(at_least, count) / 2
    assert len(slices) <= max(-(-count // step), at_least)


# ---- networks


def test_a_tenth_of_each_class_is_held_out_for_early_stopping():
    codes = np.repeat([0, 1, 2, 3], [50, 20, 4, 5])
    index = np.sort(rng().permutation(len(codes))[:75])
    head = make_head("mlp:patience=2")
    train, held_out = head._split(codes, index)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, held_out])), index)
    sizes = np.bincount(codes[index])
    np.testing.assert_array_equal(np.bincount(codes[held_out], minlength=4), np.floor(sizes / 10 + 0.5))
    other = make_head("mlp:patience=2,seed=1")._split(codes, index)[1]
    assert held_out.tolist() != other.tolist()
    assert [len(part) for part in make_head("mlp")._split(codes, index)] == [75, 0]


@pytest.mark.parametrize("weights", [None, np.array([1.0, 3.0, 0.5])])
def test_the_held_out_loss_is_scikit_learns(weights):
    head = make_head("softmax")
    head.layers_ = [(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))]
    rows, codes = np.array([[3, 1, 0], [0, 0, 1], [800, 2, 1]], np.float32), np.array([0, 1, 0])
    chances = np.exp(rows - rows.max(1, keepdims=True))
    chances = chances / chances.sum(1, keepdims=True)
    wanted = log_loss(codes, chances, sample_weight=weights, labels=[0, 1, 2])
    assert head._loss(rows, codes, weights) == pytest.approx(wanted, rel=1e-6)


# ---- calibration


def test_only_a_temperature_at_a_bound_is_called_so():
    assert at_bound(np.exp(HIGHEST - 0.001))
    assert at_bound(np.exp(LOWEST + 0.001))
    assert not any(at_bound(np.exp(log)) for log in (LOWEST + 0.1, 0.0, HIGHEST - 0.1))


def test_doubt_is_taken_where_it_makes_the_classes_likelier_by_two(monkeypatch):
    """In all of them together: a likelihood ratio test of one more parameter."""
    gains = []
    for seed, wrong in np.ndindex(5, 3):
        codes = np.arange(300) % 3
        scores = 3 * np.eye(3)[codes] + rng(seed).standard_normal((300, 3))
        codes = np.where(np.arange(300) < wrong, (codes + 1) % 3, codes)
        monkeypatch.setattr(calibration, "WORTH", -np.inf)
        plain, best = Calibration(fit_temperature(scores, codes)), fit_calibration(scores, codes)
        gains.append((best.logs(scores) - plain.logs(scores))[np.arange(300), codes].sum())
        monkeypatch.undo()
        assert fit_calibration(scores, codes) == (best if gains[-1] >= 2 else plain)
    assert min(gains) < 0.1
    assert any(0.2 < gain < 2 for gain in gains)
    assert max(gains) > 2


def test_doubt_goes_no_further_than_nine_tenths():
    """Where all classes are wrong, whatever the scores say; so the order of the classes stays."""
    scores = np.eye(3)[np.arange(60) % 3] * 5.0
    found = fit_calibration(scores, (np.arange(60) + 1) % 3)
    assert found.doubt <= DOUBT == 0.9
    mixed = Calibration(1.0, DOUBT).probabilities(scores)
    np.testing.assert_array_equal(mixed.argmax(1), scores.argmax(1))


def test_on_a_device_one_thread_works_at_a_time():
    assert make_products(rows_of(np.ones((4, 2))), "cpu").threads
    pytest.importorskip("torch")
    assert not TorchProducts(rows_of(np.ones((4, 2))), "cpu").threads


# ---- heads that compare rows


def test_votes_are_shares_of_one():
    """The score is the logarithm of a share; with weights of classes it is not."""
    X, codes = rng().standard_normal((30, 4)), np.arange(30) % 3
    folds = make_folds(codes, None, 3, 0)
    for k in (1, 5, 15):
        head = make_head("knn", k=k, calibrate=False).fit(X, codes)
        np.testing.assert_allclose(np.exp(head.scores(X)).sum(1), 1, rtol=1e-5)
        held_out = head.out_of_fold(X, codes, folds, [{"k": k}])[0]
        np.testing.assert_allclose(np.exp(held_out).sum(1), 1, rtol=1e-5)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("kind", ["knn", "tip-adapter", "zero-shot"])
def test_how_many_rows_are_compared_at_once_changes_nothing(kind, weighted, monkeypatch):
    """Scores, and those of held-out rows for each point of a grid."""
    X, names = rng().standard_normal((41, 6)).astype(np.float32), np.array(list("abc"))[np.arange(41) % 3]
    weights = rng(1).uniform(0.5, 2, 41) if weighted and kind == "tip-adapter" else None
    texts = ClassTexts({name: unit(rng(n).standard_normal((1, 6)))[0] for n, name in enumerate("abc")}, 100.0, "")
    points = {"knn": [{"k": 1}, {"k": 9}], "tip-adapter": [{"beta": 1.0}, {"beta": 15.0, "alpha": 3.0}]}.get(kind, [{}])
    folds = make_folds(np.arange(41) % 3, None, 3, 0)
    found = []
    for at_once in (512, 7, 1):
        for module in (neighbours, texts_heads):
            monkeypatch.setattr(module, "QUERIES", at_once)
        spec = HeadSpec(kind, {})
        head = make_head(kind) if kind == "knn" else WithTexts.of(spec, texts).make()
        held_out = head.out_of_fold(X, names, folds, points, weights)
        found.append((head.fit(X, names, sample_weight=weights).scores(X), held_out))
    for scores, held_out in found[1:]:
        np.testing.assert_allclose(scores, found[0][0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(held_out, found[0][1], rtol=1e-4, atol=1e-4)
