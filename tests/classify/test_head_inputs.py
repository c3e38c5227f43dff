"""What a head takes beside plain arrays, and what it makes of the odd ones."""

from __future__ import annotations

import numpy as np
import pytest

from classify.evaluation.recommendation import recommend
from classify.heads import make_head
from classify.heads.rows.folds import make_folds
from classify.heads.rows.gathered import Gathered
from classify.heads.solvers.shifted_systems import Shifted


class Stored:
    """Rows in several arrays, in an order of their own."""

    def __init__(self, X, parts, seed):
        rng = np.random.default_rng(seed)
        self.number = rng.integers(0, parts, len(X))
        self.row = np.empty(len(X), np.int64)
        self.arrays = []
        for part in range(parts):
            mine = rng.permutation(np.flatnonzero(self.number == part))
            self.row[mine] = np.arange(len(mine))
            self.arrays.append(X[mine])
        self.shape, self.dtype = X.shape, X.dtype


def gathered(kinds=(np.float32, np.float16), rows=60):
    rng = np.random.default_rng(0)
    codes = np.arange(rows) % 3
    sides = [(rng.standard_normal((3, 4))[codes] + rng.standard_normal((rows, 4))).astype(kind) for kind in kinds]
    return Gathered([Stored(side, 3, n) for n, side in enumerate(sides)]), np.hstack(sides), codes


def test_rows_of_several_sources_are_those_rows_side_by_side():
    rows, X, _ = gathered()
    assert (len(rows), rows.shape, rows.size, rows.nbytes, rows.dtype) == (60, (60, 8), 480, 4 * 480, np.float32)
    for at in (slice(None), slice(7, 40, 3), np.array([5, 1, 1, 59]), np.arange(60) % 7 == 2, np.array([], np.intp)):
        np.testing.assert_array_equal(rows[at], X[at])
    np.testing.assert_array_equal(np.asarray(rows), X)
    assert np.asarray(rows, np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="without being copied"):
        rows.__array__(copy=False)


@pytest.mark.parametrize("spec", ["logreg", "lda", "knn", "svm"])
def test_a_head_learns_alike_from_rows_on_disk_and_in_memory(spec):
    rows, X, codes = gathered()
    ours, plain = (make_head(spec).fit(given, codes) for given in (rows, X))
    np.testing.assert_allclose(ours.predict_proba(rows), plain.predict_proba(X), atol=1e-5)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        make_head(spec).fit(rows, codes[1:])
    with pytest.raises(ValueError, match="8 features"):
        ours.predict(gathered((np.float32,))[0])


@pytest.mark.parametrize("spec", ["logreg", "ridge", "knn", "svm", "mlp:hidden=8", "prototype"])
def test_without_folds_no_score_is_held_out(spec):
    _, X, codes = gathered()
    assert np.isnan(make_head(spec).out_of_fold(X, codes, [], [{}, {}])).all()
    assert make_head(spec).out_of_fold(X, codes, [], [{}, {}]).shape == (2, 60, 3)


def test_neighbours_saved_in_another_order_are_put_in_order():
    """As an earlier version wrote them."""
    _, X, codes = gathered()
    head = make_head("knn").fit(X, codes)
    state = head.state()
    order = np.random.default_rng(0).permutation(60)
    mixed = {name: array[order] if name in ("rows", "codes") else array for name, array in state.items()}
    again = type(head).from_state(head.get_params(), mixed, head.classes_.tolist())
    np.testing.assert_allclose(again.predict_proba(X), head.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("features", [9, 60])
def test_a_matrix_that_rounding_left_indefinite_is_solved_with_a_larger_shift(features):
    """Rows on one line, far from it in size: what is left of a shift of nothing is below the rounding of the matrix."""
    Z = np.outer(np.linspace(1, 2, 30), np.linspace(1, 2, features)).astype(np.float32)
    systems = Shifted([Z], Z.shape)
    systems._matrix = systems._matrix - 1e-9 * systems.trace * np.eye(len(systems._matrix), dtype=np.float32)
    targets = Z @ np.ones((features, 1), np.float32)
    found = systems.solve(0.0, Z.T @ targets)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(Z @ found, targets, rtol=0.05)


@pytest.mark.parametrize("gamma", ["scale", 0.05])
def test_weights_of_rows_are_repetitions_to_the_kernel_machine(gamma):
    """Also for the width of the kernel, which follows from the rows' variance."""
    _, X, codes = gathered((np.float32,))
    counts = np.random.default_rng(1).integers(1, 4, 60)
    options = {"gamma": gamma, "tol": 1e-7, "calibrate": False, "standardize": False, "C": 1.0}
    weighted = make_head("svm", **options).fit(X, codes, sample_weight=counts.astype(float))
    repeated = make_head("svm", **options).fit(np.repeat(X, counts, 0), np.repeat(codes, counts))
    assert float(weighted.gamma_) == pytest.approx(float(repeated.gamma_), rel=1e-5)
    np.testing.assert_allclose(weighted.scores(X), repeated.scores(X), atol=2e-3)


@pytest.mark.parametrize("spec", ["logreg", "linear-svm", "svm", "svm:exact=20,landmarks=30"])
def test_three_times_the_c_is_three_times_the_weight_of_every_row(spec):
    """C multiplies the losses, in a fit and along a path."""
    _, X, codes = gathered((np.float32,))
    options = {"tol": 1e-7, "calibrate": False, "standardize": False}
    larger = make_head(spec, C=0.3, **options).fit(X, codes)
    weighted = make_head(spec, C=0.1, **options).fit(X, codes, sample_weight=np.full(60, 3.0))
    np.testing.assert_allclose(larger.scores(X), weighted.scores(X), atol=2e-3)
    folds = make_folds(codes, None, 3, 0)
    path = make_head(spec, **options).out_of_fold(X, codes, folds, [{"C": 0.3}, {"C": 0.1}])
    again = make_head(spec, **options).out_of_fold(X, codes, folds, [{"C": 0.1}], np.full(60, 3.0))
    np.testing.assert_allclose(path[0], again[0], atol=2e-2)
    assert np.abs(path[0] - path[1]).max() > 0.05


@pytest.mark.parametrize("artists", [4, 5])
def test_of_fewer_than_five_pictures_the_simplest_head_is_taken(artists):
    values = np.zeros((artists, 3))
    values[:, 1] = 1
    found = recommend(values, np.arange(artists).astype(str), [2, 1, 0])
    assert found.first == 1
    assert found.better == (artists == 5)
    assert (found.head, found.slack) == ((1, 0.0) if artists == 5 else (2, 1.0))
    assert found.equals == ((1,) if artists == 5 else (1, 0, 2))


def test_heads_that_are_right_on_the_same_pictures_are_equal():
    values = np.repeat((np.arange(20) % 3 == 0)[:, None], 3, axis=1).astype(float)
    found = recommend(values, np.arange(20).astype(str), [2, 0, 1])
    assert (found.equals, found.head, found.slack) == ((0, 1, 2), 1, 0.0)


def test_folds_are_those_of_all_rows_that_can_be_held_out():
    _, _, codes = gathered()
    held_out = np.concatenate([held for _, held in make_folds(codes, None, 4, 0)])
    assert sorted(held_out.tolist()) == list(range(60))


@pytest.mark.parametrize("odd", [None, 3])
def test_classes_that_are_no_kind_of_name_together_are_refused_in_a_sentence(odd):
    _, X, codes = gathered()
    y = [odd if n == 5 else f"class {code}" for n, code in enumerate(codes)]
    with pytest.raises(ValueError, match=r"y mixes kinds of classes: .*; leave rows without a class out"):
        make_head("prototype").fit(X, np.array(y, object))
