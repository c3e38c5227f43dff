"""Each solver against an independent one, and every shortcut against the plain way."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.preprocessing import StandardScaler, normalize
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_info, threadpool_limits

from classify.heads import make_head
from classify.heads.base import Head
from classify.heads.lda import ledoit_wolf
from classify.heads.rows import blocks
from classify.heads.rows.blocks import Rows
from classify.heads.rows.folds import make_folds
from classify.heads.rows.row_space import RowSpace
from classify.heads.solvers import parallel
from classify.heads.solvers.kernel import rbf, solve_squared_hinge
from classify.heads.solvers.lbfgs import LBFGS
from classify.heads.solvers.products import NumpyProducts, TorchProducts
from classify.heads.solvers.shifted_systems import Shifted

SHAPES = [(300, 20), (60, 150)]  # more rows than features, and fewer
IDS = ["more rows", "more features"]


def data(count=300, features=20, classes=4, seed=0, offset=0.0):
    """Correlated features, classes of unequal size: X (count, features) float32, y (count,) int."""
    rng = np.random.default_rng(seed)
    y = np.minimum(rng.integers(0, classes + 2, count), classes - 1)
    y[:classes] = np.arange(classes)
    mixing = rng.standard_normal((features, features)) * np.arange(1, features + 1) ** -0.5
    X = (rng.standard_normal((count, features)) + rng.standard_normal((classes, features))[y]) @ mixing + offset
    return X.astype(np.float32), y


@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
@pytest.mark.parametrize("weights", [None, "balanced"])
@pytest.mark.parametrize("C", [1e-3, 0.1, 10])
def test_logistic_regression_is_scikit_learns(shape, weights, C):
    X, y = data(*shape)
    Z = StandardScaler().fit_transform(X.astype(np.float64))
    theirs = LogisticRegression(C=C, class_weight=weights, max_iter=10_000, tol=1e-10).fit(Z, y)
    ours = make_head("logreg", C=C, class_weight=weights, tol=1e-9, max_iter=3000).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(Z), atol=2e-3)


@pytest.mark.parametrize("C", [1e-3, 0.1])
def test_the_linear_svm_is_linear_svc(C):
    """But for the intercept, which LinearSVC penalises: with a large intercept_scaling it hardly does."""
    X, y = data()
    Z = StandardScaler().fit_transform(X.astype(np.float64))
    theirs = LinearSVC(C=C, intercept_scaling=100, max_iter=1_000_000, tol=1e-8).fit(Z, y)
    ours = make_head("linear-svm", C=C, tol=1e-9, max_iter=3000, calibrate=False).fit(X, y)
    np.testing.assert_allclose(ours.scores(X), theirs.decision_function(Z), atol=5e-3)


@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
@pytest.mark.parametrize("weights", [None, "balanced"])
@pytest.mark.parametrize("alpha", [0.1, 30.0])
def test_ridge_is_scikit_learns(shape, weights, alpha):
    X, y = data(*shape)
    Z = StandardScaler().fit_transform(X.astype(np.float64))
    theirs = RidgeClassifier(alpha=alpha, class_weight=weights).fit(Z, y)
    ours = make_head("ridge", alpha=alpha, class_weight=weights, calibrate=False).fit(X, y)
    np.testing.assert_allclose(ours.scores(X), theirs.decision_function(Z), atol=1e-3)


@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
@pytest.mark.parametrize("shrinkage", [0.05, 0.5])
def test_discriminants_are_scikit_learns(shape, shrinkage):
    X, y = data(*shape)
    Z = StandardScaler().fit_transform(X.astype(np.float64))
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(Z, y)
    ours = make_head("lda", shrinkage=shrinkage, calibrate=False).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(Z), atol=1e-3)


@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
def test_the_automatic_shrinkage_is_ledoit_and_wolfs(shape):
    Z = data(*shape)[0]
    Z -= Z.mean(0)
    ours = ledoit_wolf(Shifted([Z[:40], Z[40:]], Z.shape), *Z.shape)
    assert ours == pytest.approx(ledoit_wolf_shrinkage(Z.astype(np.float64), assume_centered=True), rel=1e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
@pytest.mark.parametrize("shift", [1e-6, 1e-2, 10.0, 1e5])
def test_shifted_systems_are_solved(shape, shift):
    Z = data(*shape)[0]
    R = np.random.default_rng(0).standard_normal((shape[1], 3)).astype(np.float32)
    if shape[0] > shape[1]:
        R = (Z.T @ Z @ R).astype(np.float32)  # a right-hand side of the kind that occurs
    wanted = np.linalg.solve(Z.T.astype(np.float64) @ Z + shift * np.eye(shape[1]), R)
    np.testing.assert_allclose(Shifted([Z], shape).solve(shift, R), wanted, rtol=1e-2, atol=1e-3 * abs(wanted).max())


def test_neighbours_and_prototypes_are_scikit_learns():
    X, y = data()
    Z = StandardScaler().fit_transform(X.astype(np.float64))
    theirs = KNeighborsClassifier(7, metric="cosine").fit(Z[:200], y[:200])
    ours = make_head("knn:k=7,standardize=false,calibrate=false").fit(Z[:200], y[:200])
    votes = theirs.predict_proba(Z[200:])
    clear = np.sort(votes, 1)[:, -1] > np.sort(votes, 1)[:, -2]  # ties are broken in another way
    np.testing.assert_array_equal(ours.predict(Z[200:])[clear], theirs.predict(Z[200:])[clear])
    nearest = NearestCentroid().fit(Z[:200], y[:200])
    prototype = make_head("prototype:standardize=false").fit(Z[:200], y[:200])
    np.testing.assert_array_equal(prototype.predict(Z[200:]), nearest.predict(Z[200:]))


def test_simpleshot_is_the_papers_recipe_from_scikit_learns_parts():
    """Centred by the training mean, normalised, then the cosine of a row and the mean of each class's rows."""
    X, y = data(offset=3.0)
    head = make_head("simpleshot:calibrate=false").fit(X[:200], y[:200])
    centre = X[:200].mean(0, dtype=np.float64)
    known, asked = normalize(X[:200] - centre), normalize(X[200:] - centre)
    means = np.array([known[y[:200] == name].mean(0) for name in head.classes_])
    np.testing.assert_allclose(head.scores(X[200:]), cosine_similarity(asked, means), atol=1e-5)


@given(st.integers(0, 1000), st.floats(0.1, 50), st.floats(-20, 20))
@settings(max_examples=20, deadline=None)
def test_simpleshot_sees_directions_from_the_mean_only(seed, length, shift):
    """A shift of all rows changes no score, nor does the distance of an asked row from the mean."""
    rng = np.random.default_rng(seed)
    X, codes = rng.standard_normal((30, 5)), np.arange(30) % 3
    head = make_head("simpleshot:calibrate=false").fit(X, codes)
    asked = rng.standard_normal((7, 5))
    centre = X.mean(0)
    scores = head.scores(asked)
    np.testing.assert_allclose(head.scores(centre + length * (asked - centre)), scores, atol=1e-6)
    moved = make_head("simpleshot:calibrate=false").fit(X + shift, codes)
    np.testing.assert_allclose(moved.scores(asked + shift), scores, atol=1e-6)


@pytest.mark.parametrize("C", [1e-3, 1.0, 100.0])
def test_the_kernel_svm_is_at_its_optimum(C):
    """There b_i = 2 C y_i max(0, 1 - y_i f_i) for every row (Chapelle 2007, equation 15)."""
    X, y = data()
    Z = StandardScaler().fit_transform(X).astype(np.float32)
    K = rbf(Z, Z, 1 / 20) + 1
    Y = np.where(y == np.arange(4)[:, None], 1, -1).astype(np.float32)
    b = solve_squared_hinge(K, Y, np.full_like(Y, 1 / (2 * C)), 1e-6).astype(np.float64)
    slack = Y * np.maximum(1 - Y * (b @ K), 0)
    assert np.linalg.norm(b / (2 * C) - slack) < 5e-3 * np.linalg.norm(slack)


def test_the_kernel_is_what_it_says():
    A, B = (np.random.default_rng(seed).standard_normal((9, 5)).astype(np.float32) for seed in (0, 1))
    wanted = np.exp(-0.3 * ((A[:, None] - B) ** 2).sum(2))
    np.testing.assert_allclose(rbf(A, B, 0.3), wanted, rtol=1e-4)
    assert rbf(A, A, 0.3).max() <= 1


def test_landmarks_approach_the_exact_machine():
    """With every row a landmark nothing is approximated; with a third of them little is lost."""
    X, y = data(400)
    exact = make_head("svm:calibrate=false").fit(X[:300], y[:300])
    every = make_head("svm:exact=100,landmarks=300,calibrate=false,tol=1e-7").fit(X[:300], y[:300])
    third = make_head("svm:exact=100,landmarks=100,calibrate=false").fit(X[:300], y[:300])
    assert np.mean(every.predict(X[300:]) == exact.predict(X[300:])) > 0.98
    assert third.score(X[300:], y[300:]) > exact.score(X[300:], y[300:]) - 0.05
    assert third.support_.shape == (100, 20)


TIGHT = {"logreg": {"tol": 1e-8}, "linear-svm": {"tol": 1e-8}, "svm": {"tol": 1e-7}}
TIGHT["svm:exact=50,landmarks=80"] = {"tol": 1e-9}  # tuning it stops earlier
SHARING = ["logreg", "linear-svm", "svm", "svm:exact=50,landmarks=80", "ridge", "lda", "knn", "prototype", "simpleshot"]
SHARING += ["softmax"]


def tight(spec):
    return make_head(spec, calibrate=False, **TIGHT.get(spec, TIGHT.get(spec.partition(":")[0], {})))


@pytest.mark.parametrize("options", [{}, {"standardize": False}, {"class_weight": "balanced"}, {"l2": True}], ids=str)
@pytest.mark.parametrize("spec", SHARING)
def test_work_shared_between_folds_changes_nothing(spec, options):
    """Head._path fits each fold and value anew; what a head does instead must give the same scores."""
    head = tight(spec).set_params(**options)
    X, y = data(160, 12, offset=300.0 if head.centred or head.standardize else 2.0)
    folds = make_folds(y, n=3)
    grid = head.tunable.get(head.path_param, (None,))
    values = [grid[place % len(grid)] for place in (4, 2, 5)] if head.tunable else [None]
    shared = head._path(X, y, folds, values)
    plain = Head._path(head, X, y, folds, values)
    shared, plain = (scores - scores.mean(2, keepdims=True) for scores in (shared, plain))  # what softmax sees
    spread = np.nanmax(abs(plain))
    np.testing.assert_allclose(shared, plain, atol=5e-3 * spread)
    assert np.nanmean(shared.argmax(2) == plain.argmax(2)) > 0.99


@pytest.mark.parametrize("spec", SHARING)
def test_what_is_held_out_teaches_nothing(spec):
    """Scores of a fold's rows are the same whatever the other held-out rows look like and are called."""
    X, y = data(160, 12)
    head = tight(spec)
    train, held_out = np.arange(120), np.arange(120, 160)
    other_X, other_y = X.copy(), y.copy()
    other_X[140:] = 3 - 2 * other_X[140:]
    other_y[140:] = (other_y[140:] + 1) % 4
    one = head.out_of_fold(X, y, [(train, held_out)], [{}])[0, 120:140]
    two = head.out_of_fold(other_X, other_y, [(train, held_out)], [{}])[0, 120:140]
    np.testing.assert_allclose(one, two, atol=5e-3 * abs(one).max())


LANDMARKS = "svm:exact=50,landmarks=80"
STREAMING = ["logreg", "linear-svm", "softmax", "mlp:hidden=16", "prototype", "simpleshot", "ridge", "lda", LANDMARKS]


@pytest.mark.parametrize("spec", STREAMING)
def test_rows_that_do_not_fit_in_memory_give_the_same_head(spec, monkeypatch, tmp_path):
    """From a read-only map of float16 rows, in blocks, nothing kept."""
    X, y = data(400, 16)
    X.astype(np.float16).tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.float16, "r", shape=X.shape)
    whole = make_head(spec, calibrate=True).fit(np.asarray(mapped).copy(), y)
    monkeypatch.setattr(blocks, "KEEP_BYTES", 0)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 16 * 4 * 70)
    parts = make_head(spec, calibrate=True).fit(mapped, y)
    np.testing.assert_allclose(parts.predict_proba(X), whole.predict_proba(X), atol=0.02)
    np.testing.assert_array_equal(np.asarray(mapped), X.astype(np.float16))


@pytest.mark.parametrize("kept", [True, False])
def test_products_on_a_device_are_numpys(kept, monkeypatch):
    """The code that runs on CUDA, on torch's CPU device."""
    X, _ = data(400, 16)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 16 * 4 * 150)
    monkeypatch.setattr(blocks, "KEEP_BYTES", 1 << 20 if kept else 0)
    source = Rows(X, np.copy)
    W = np.random.default_rng(0).standard_normal((6, 16)).astype(np.float32)
    numpys, torchs = NumpyProducts(source), TorchProducts(source, "cpu")
    for at in [*source.slices(), *source.slices()]:  # a second pass meets what the first one may have held
        ours, theirs = numpys.block(at), torchs.block(at)
        scores = ours.scores(W)
        np.testing.assert_allclose(theirs.scores(W), scores, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(theirs.gather(scores), ours.gather(scores), rtol=1e-4, atol=1e-3)


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.mark.parametrize("spec", ["logreg", "linear-svm", "svm", LANDMARKS])
def test_how_many_threads_work_changes_nothing(spec, monkeypatch):
    X, y = data(301, 12)
    heads = []
    for small, threads in ((0, 3), (0, 2), (1 << 60, 2)):
        monkeypatch.setattr(parallel, "SMALL", small)
        with threadpool_limits(threads):
            head = tight(spec)
            heads.append((head.out_of_fold(X, y, make_folds(y, n=3), [{}]), head.fit(X, y).predict_proba(X)))
            assert set(blas_threads()) == {threads}
    for scores, chances in heads[1:]:
        np.testing.assert_allclose(chances, heads[0][1], atol=2e-3)
        np.testing.assert_allclose(scores, heads[0][0], atol=5e-3 * abs(scores).max())


def test_a_team_works_in_order_and_hands_on_errors(monkeypatch):
    monkeypatch.setattr(parallel, "SMALL", 0)
    before = blas_threads()
    with threadpool_limits(4), parallel.team(1) as threads:
        assert threads.size == 4
        assert set(blas_threads()) == {1}
        assert threads.map(lambda n: (time.sleep(0.01 * (3 - n)), n)[1], [0, 1, 2, 3]) == [0, 1, 2, 3]
        with pytest.raises(ZeroDivisionError):
            threads.map(lambda n: 1 // n, [1, 0])
    assert blas_threads() == before


def test_cuda_that_is_not_there_is_refused():
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("CUDA is there")
    X, y = data(60, 5)
    for name in ("logreg", "mlp"):
        with pytest.raises(ValueError, match="device=cuda can't be had"):
            make_head(name, device="cuda").fit(X, y)
        make_head(name, device="auto").fit(X, y)


def test_lbfgs_goes_down_to_the_minimum_of_an_ill_conditioned_function():
    scales = np.logspace(0, 4, 30).astype(np.float32)
    goal = np.random.default_rng(0).standard_normal(30).astype(np.float32)

    def evaluate(x):
        d = x - goal
        return float(0.5 * scales @ d**2 + (d**4).sum() + 1), scales * d + 4 * d**3

    start = np.zeros(30, np.float32)
    solver = LBFGS(start, 1e-9, evaluate(start)[0])
    values = []
    for _ in range(300):
        solver.tell(*evaluate(solver.trial), lambda g: g / scales.mean())
        values.append(evaluate(solver.x)[0])
        if solver.done:
            break
    assert values[-1] == pytest.approx(1, abs=1e-5)
    assert all(later <= earlier * (1 + 1e-5) for earlier, later in pairwise(values))


# ---- fewer rows than features


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 30), st.integers(0, 3), st.integers(0, 10**6))
def test_rows_among_their_own_directions_are_the_same_rows(count, more, repeated, seed):
    """Whatever their rank: nothing is lost, and the directions keep lengths and angles."""
    Z = np.random.default_rng(seed).standard_normal((count, count + more)).astype(np.float32)
    Z[count - min(repeated, count - 1) :] = Z[0]
    space = RowSpace.of(Z)
    np.testing.assert_allclose(space.rows @ space.directions, Z, atol=1e-4)
    np.testing.assert_allclose(space.directions @ space.directions.T, np.eye(len(space.directions)), atol=1e-4)
    gram = space.rows.T @ space.rows
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-3)


@pytest.mark.parametrize("name", ["logreg", "linear-svm"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_a_linear_head_among_its_rows_is_the_head_among_all_features(name, weighted, monkeypatch):
    """Held-out scores over the whole path of C, constant features, a class that a fold lacks, weights of rows."""
    X, y = data(60, 150)
    X[:, 5], X[:, 6] = 0, 3.5
    rest = np.setdiff1d(np.arange(60), np.flatnonzero(y == 3)[:1])
    y[np.flatnonzero(y == 3)[1:]] = 2  # one row of the last class, in the training of one fold alone
    folds = [(rest[:40], np.arange(50, 60)), (np.arange(20, 60), np.arange(20)), (np.arange(50), np.arange(50, 60))]
    weights = np.random.default_rng(0).uniform(0.5, 2, 60) if weighted else None
    points = [{"C": C} for C in (1e-5, 1e-3, 0.1, 10)]
    found = []
    for few in (0.0, 1.0):
        monkeypatch.setattr("classify.heads.solvers.linear_path.FEW", few)
        found.append(make_head(name, tol=1e-7, max_iter=3000).out_of_fold(X, y, folds, points, weights))
    found = [np.where(np.isfinite(scores), scores, np.nan)[:, np.r_[:20, 50:60]] for scores in found]
    plain, among = (np.nan_to_num(scores - np.nanmean(scores, 2, keepdims=True)) for scores in found)
    sizes = np.maximum(abs(plain).max(2, keepdims=True), 0.05)
    assert (abs(plain - among) / sizes).max() < 0.02
