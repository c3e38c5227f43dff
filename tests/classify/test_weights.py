"""`sample_weight`: a row of weight 2 is as two such rows, one of weight 0 as none; what is no weight is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from classify.heads import HEADS, make_head, svm
from classify.heads.calibration import fit_calibration
from classify.heads.rows import blocks
from classify.heads.rows.folds import make_folds
from classify.heads.rows.moments import Moments, Pieces, moments
from classify.heads.rows.parts import share
from classify.heads.rows.scaling import Scaling
from classify.heads.solvers.nystrom import draw_evenly
from classify.heads.solvers.shifted_systems import Shifted

ROWS, CLASSES = 45, 3
# A network takes one step for all rows, since two batches of one row each are two steps; without dropout, which is
# drawn for each row. An approximated svm draws its landmarks from the rows.
NETWORK = "batch=1000,epochs=8,lr=0.01"
WEIGHING = {
    "logreg": "logreg:C=0.1,tol=1e-9",
    "linear-svm": "linear-svm:C=0.1,tol=1e-9",
    "svm": "svm:C=1,tol=1e-8",
    "softmax": f"softmax:{NETWORK}",
    "mlp": f"mlp:hidden=16,dropout=0,{NETWORK}",
    "ridge": "ridge:alpha=10",
    "lda": "lda",
    "prototype": "prototype",
    "simpleshot": "simpleshot",
    "ensemble": "ensemble:members=lda+ridge",
}
SPECS = [*WEIGHING.values(), "ridge:class_weight=balanced", "lda:shrinkage=0.5,class_weight=balanced"]
SPECS += ["logreg:C=0.1,tol=1e-9,class_weight=balanced", "lda:standardize=false,sqrt=true", "svm:C=1,tol=1e-8,l2=true"]
# of a score, beside the largest score of all rows: solvers stop in float32, Adam divides by the size of a gradient
TOLERANCE = {"logreg": 5e-3, "linear-svm": 2e-3, "svm": 1e-3, "softmax": 5e-3}


def rows(seed, count=ROWS):
    """X (count, 6) float32, not negative, whose classes overlap, and y (count,)."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.arange(count) % CLASSES)
    X = rng.standard_normal((CLASSES, 6))[codes] + rng.standard_normal((count, 6)) + 5
    return np.maximum(X, 0).astype(np.float32), np.array(["a", "b", "c"])[codes]


def scores(spec, X, y, weights, asked):
    """Without calibration: its folds hold out other rows where a row stands twice."""
    # classes that weigh the same leave the biases of softmax a gradient of rounding errors, whose sign is Adam's step
    apart = {"class_weight": {"a": 1.3137}} if spec.startswith("softmax") else {}
    return make_head(spec, calibrate=False, **apart).fit(X, y, sample_weight=weights).decision_function(asked)


def assert_near(spec, one, two):
    np.testing.assert_allclose(one, two, rtol=0, atol=TOLERANCE.get(spec.partition(":")[0], 1e-4) * abs(two).max())


def test_every_head_weighs_rows_or_says_that_it_can_t():
    assert set(WEIGHING) | {"knn"} == set(HEADS)
    X, y = rows(0)
    with pytest.raises(ValueError, match="knn can't weigh rows, since it counts votes of the nearest: leave"):
        make_head("knn").fit(X, y, sample_weight=np.ones(ROWS))
    with pytest.raises(ValueError, match="knn can't weigh rows"):
        make_head("ensemble:members=ridge+knn").fit(X, y, sample_weight=np.ones(ROWS))


@pytest.mark.parametrize("spec", [spec for spec in SPECS if not spec.startswith("ensemble")])
@settings(max_examples=8, deadline=None)
@given(counts=st.lists(st.integers(1, 4), min_size=ROWS, max_size=ROWS), seed=st.integers(0, 99))
@example(counts=[2] * ROWS, seed=0)
def test_a_weight_is_so_many_rows(spec, counts, seed):
    X, y = rows(seed)
    asked = rows(seed + 1)[0]
    weighted = scores(spec, X, y, counts, asked)
    repeated = scores(spec, X.repeat(counts, 0), y.repeat(counts), None, asked)
    assert_near(spec, weighted, repeated)
    if set(counts) != {counts[0]}:
        assert abs(weighted - scores(spec, X, y, None, asked)).max() > 0


@pytest.mark.parametrize("spec", SPECS)
def test_a_weight_of_zero_is_a_row_left_out(spec):
    """To the bit, and with calibration: the same rows are learned from."""
    X, y = rows(3, 60)
    weights = np.where(np.arange(60) % 4 == 1, 0, 1.5)
    groups, kept = np.arange(60) // 2, weights > 0
    X[~kept] = np.nan
    one, two = (make_head(spec, calibrate=True) for _ in range(2))
    one.fit(X, y, groups, sample_weight=weights)
    two.fit(X[kept], y[kept], groups[kept], sample_weight=weights[kept])
    np.testing.assert_equal(one.state(), two.state())


def test_a_class_of_weight_zero_is_none():
    X, y = rows(4)
    assert make_head("ridge").fit(X, y, sample_weight=y != "b").classes_.tolist() == ["a", "c"]
    with pytest.raises(ValueError, match="one class, 'b'"):
        make_head("ridge").fit(X, y, sample_weight=y == "b")


@pytest.mark.parametrize("spec", SPECS)
def test_equal_weights_of_one_are_no_weights(spec):
    X, y = rows(5)
    one, two = (make_head(spec, calibrate=True).fit(X, y, sample_weight=w) for w in (None, np.ones(ROWS)))
    assert_near(spec, two.decision_function(X), one.decision_function(X))
    assert two.temperature_ == pytest.approx(one.temperature_, rel=0.01)


@pytest.mark.parametrize("spec", WEIGHING.values())
def test_folds_that_share_their_work_weigh_rows_as_each_alone(spec):
    """The held-out scores, from which probabilities are calibrated, are those of a head fitted to the fold's rows."""
    X, y = rows(6)
    weights = np.random.default_rng(0).uniform(0.2, 5, ROWS)
    train, held_out = np.arange(30), np.arange(30, ROWS)
    (shared,) = make_head(spec).out_of_fold(X, y, [(train, held_out)], [{}], weights)
    alone = make_head(spec, calibrate=spec.startswith("ensemble")).fit(X[train], y[train], sample_weight=weights[train])
    if not spec.startswith("ensemble"):  # its members' temperatures come from other rows
        both = (s - s.mean(1, keepdims=True) for s in (shared[held_out], alone.scores(X[held_out])))
        assert_near(spec, *both)
    least = 0.75 if spec.startswith("ensemble") else 0.85
    assert np.mean(shared[held_out].argmax(1) == alone.scores(X[held_out]).argmax(1)) > least


def test_a_temperature_counts_weights():
    """Rows that a head gets wrong weigh more: its probabilities are less sure."""
    X, y = rows(7, 200)
    head = make_head("ridge", calibrate=False).fit(X, y)
    wrong = head.predict(X) != y
    assert 0 < wrong.mean() < 0.5
    codes, found = np.unique(y, return_inverse=True)[1], head.scores(X)
    temperatures = []
    for weights in (np.ones(200), np.where(wrong, 3.0, 1.0)):
        head.calibrate_on(found, codes, weights)
        temperatures.append(head.temperature_)
    repeats = np.where(wrong, 3, 1)
    head.calibrate_on(found.repeat(repeats, 0), codes.repeat(repeats))
    assert temperatures[1] > 1.05 * temperatures[0]
    assert temperatures[1] == pytest.approx(head.temperature_, rel=1e-3)


@pytest.mark.parametrize("spec", [WEIGHING["prototype"], WEIGHING["simpleshot"], "softmax:epochs=4,patience=2"])
def test_the_unit_of_the_weights_changes_nothing(spec):
    """Where nothing is penalised; Adam adds 1e-8 to the size of a gradient, which a tiny unit would vanish beside."""
    X, y = rows(8, 90)
    weights = np.random.default_rng(0).integers(1, 4, 90)
    one, two = (make_head(spec, calibrate=False).fit(X, y, sample_weight=w) for w in (weights, 1e-8 * weights))
    np.testing.assert_allclose(one.scores(X), two.scores(X), rtol=1e-4, atol=1e-4)


def test_early_stopping_weighs_the_rows_it_looks_at():
    X, y = rows(8, 90)
    weights = np.random.default_rng(0).integers(1, 9, 90).astype(float)
    head = make_head("softmax:epochs=20,patience=3,lr=0.03").fit(X, y, sample_weight=weights)
    codes = np.unique(y, return_inverse=True)[1]
    held_out = head._split(codes, np.arange(90))[1]
    found, own = head.scores(X[held_out]).astype(float), codes[held_out]
    losses = np.log(np.exp(found).sum(1)) - found[np.arange(len(own)), own]
    wanted = min(epoch["held_out_loss"] for epoch in head.history)
    assert np.average(losses, weights=weights[held_out]) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("spec", ["ridge", "svm"])
def test_a_calibration_counts_weights(spec):
    X, y = rows(7, 200)
    weights = np.where(make_head(spec).fit(X, y).predict(X) != y, 3.0, 1.0)
    head = make_head(spec).fit(X, y, sample_weight=weights)
    codes = np.unique(y, return_inverse=True)[1]
    (found,) = make_head(spec).out_of_fold(X, y, make_folds(codes), [{}], weights)
    assert head.calibration == fit_calibration(found, codes, weights)
    assert head.temperature_ != pytest.approx(fit_calibration(found, codes).temperature, rel=0.01)


@pytest.mark.parametrize("spec", ["ridge:alpha=10", "lda", "prototype", "simpleshot", "linear-svm:C=0.1,tol=1e-9"])
def test_weights_follow_their_rows_through_blocks(spec, monkeypatch):
    """Of 64 rows each; also through the 256 rows whose moments are taken at once."""
    X, y = rows(10, 700)
    counts = np.random.default_rng(0).integers(1, 9, 700)
    whole = scores(spec, X, y, counts, X)
    head = make_head(spec, calibrate=False)
    folds = [(np.arange(300, 700), np.arange(300))]
    (shared,) = head.out_of_fold(X, y, folds, [{}], counts)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 0)
    assert_near(spec, scores(spec, X, y, counts, X), whole)
    assert_near(spec, head.out_of_fold(X, y, folds, [{}], counts)[0, :300], shared[:300])
    assert_near(spec, whole, scores(spec, X.repeat(counts, 0), y.repeat(counts), None, X))


def test_the_approximated_svm_weighs_rows():
    """Its landmarks are drawn, so that it is near only to a machine whose kernel is exact."""
    X, y = rows(9, 150)
    weights = np.random.default_rng(0).integers(1, 5, 150).astype(float)
    exact = scores("svm:C=1", X, y, weights, X)
    rough = scores("svm:C=1,exact=50,landmarks=150,tol=1e-7", X, y, weights, X)
    plain = scores("svm:C=1,exact=50,landmarks=150,tol=1e-7", X, y, None, X)
    assert abs(rough - exact).mean() < abs(plain - exact).mean() / 3


def test_the_width_of_a_kernel_counts_weights():
    """The same for landmarks as for all rows where all are landmarks."""
    X, y = rows(9, 150)
    X[:50] = 5 + 3 * (X[:50] - 5)
    weights = np.where(np.arange(150) < 50, 9.0, 1.0)
    exact, rough, plain = (
        make_head(spec, standardize=False, calibrate=False).fit(X, y, sample_weight=w).gamma_
        for spec, w in (("svm", weights), ("svm:exact=50,landmarks=150", weights), ("svm", None))
    )
    assert exact == pytest.approx(rough, rel=1e-5)
    assert exact < 0.9 * plain


def test_a_fold_that_learns_from_some_rows_takes_their_weights(monkeypatch):
    """As if the other rows had not been there."""
    X, y = rows(9, 200)
    codes = np.unique(y, return_inverse=True)[1]
    weights, train = np.random.default_rng(0).uniform(0.2, 5, 200), np.arange(200)
    head = make_head("svm:exact=50,landmarks=1000")
    (whole,) = head.out_of_fold(X, y, [(train, train)], [{}], weights)
    monkeypatch.setattr(svm, "MOST_TUNED", 199)
    chosen = draw_evenly(train, codes, 199, 0)
    assert len(chosen) == 199
    (some,) = head.out_of_fold(X, y, [(train, train)], [{}], weights)
    (unweighted,) = head.out_of_fold(X, y, [(train, train)], [{}])
    assert abs(some - whole).mean() < abs(unweighted - whole).mean() / 2


@settings(max_examples=30, deadline=None)
@given(counts=st.lists(st.integers(1, 5), min_size=30, max_size=30), seed=st.integers(0, 99))
def test_moments_and_systems_count_weights(counts, seed):
    """Of prepared rows, whole, in parts, and of the matrix that closed-form heads solve with."""
    X = rows(seed, 30)[0].astype(np.float64)
    weights = np.array(counts, float)
    repeated = X.repeat(counts, 0)
    number = np.arange(30).repeat(counts)
    for one, two in (
        (Moments.of(X, weights), Moments.of(repeated)),
        (moments(np.copy, X, np.arange(5, 20), weights), moments(np.copy, repeated, (number >= 5) & (number < 20))),
        (
            Pieces.of(np.copy, X, [np.arange(20), np.arange(10, 30)], weights).parts()[1],
            moments(np.copy, repeated, np.flatnonzero(number >= 10)),
        ),
    ):
        assert one.count == two.count
        np.testing.assert_allclose(one.mean, two.mean, rtol=1e-12)
        np.testing.assert_allclose(one.squares, two.squares, rtol=1e-9)
    one, two = Shifted([X], X.shape, weights), Shifted([repeated], repeated.shape)
    assert [one.trace, one.fourth, one.square] == pytest.approx([two.trace, two.fourth, two.square], rel=1e-4)
    part = share(X, [np.arange(30)], Scaling(False, False), True, weights).parts[0]
    np.testing.assert_allclose(part.mean, 0, atol=1e-6)


BAD = [
    ([1.0] * (ROWS - 1), r"sample_weight has the shape \(44,\), but there are 45 rows: give each one weight"),
    ([[1.0]] * ROWS, r"sample_weight has the shape \(45, 1\)"),
    ([1.0] * 7 + [-0.5] + [1.0] * 37, "sample_weight of row 7 is -0.5: a weight must be from 1e-09 to 1e.09, or 0 to"),
    ([1.0] * 7 + [np.nan] + [1.0] * 37, "sample_weight of row 7 is nan: a weight must be"),
    ([1.0] * 7 + [np.inf] + [1.0] * 37, "sample_weight of row 7 is inf: a weight must be"),
    ([1.0] * 7 + [1e-20] + [1.0] * 37, "sample_weight of row 7 is 1e-20: a weight must be"),
    ([0.0] * ROWS, "sample_weight is zero for all rows: give those"),
]


@pytest.mark.parametrize("spec", ["ridge", "softmax", "ensemble:members=lda+ridge"])
@pytest.mark.parametrize(("weights", "sentence"), BAD, ids=range(len(BAD)))
def test_what_is_no_weight_is_refused_in_a_sentence(spec, weights, sentence):
    with pytest.raises(ValueError, match=sentence):
        make_head(spec).fit(*rows(0), sample_weight=weights)
