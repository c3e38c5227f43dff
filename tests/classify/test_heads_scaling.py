"""What is done to a row before a head sees it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classify.heads import HEADS, make_head
from classify.heads.rows import blocks
from classify.heads.rows.blocks import Rows, forget, take
from classify.heads.rows.float16 import widen
from classify.heads.rows.moments import Moments, moments
from classify.heads.rows.scaling import Scaling, unit
from tests.sizes import HYPOTHESIS_EXAMPLES

QUICK = {"mlp": "mlp:hidden=16", "ensemble": "ensemble:members=knn+ridge"}
# a class mean does not depend on the weight of its rows, nor a cosine on their length
NO_EFFECT = {("prototype", "class_weight"), ("simpleshot", "class_weight"), ("knn", "l2")}


@pytest.mark.parametrize("weighted", [False, True])
def test_a_mean_is_right_to_the_last_digit(weighted):
    """Far from 0, too: what rounding left in it is added to it."""
    X = 1e6 + np.random.default_rng(0).standard_normal((250, 200))
    weights = np.random.default_rng(1).integers(1, 5, 250).astype(float) if weighted else None
    found = Moments.of(X, weights).mean
    repeated = X.repeat(weights.astype(int), axis=0) if weighted else X
    exact = np.array([float(sum(map(Fraction, column)) / len(column)) for column in repeated.T])
    assert np.abs(found - exact).max() <= np.spacing(1e6)
    assert np.mean(found == exact) > 0.9


@settings(max_examples=HYPOTHESIS_EXAMPLES, deadline=None)
@given(st.integers(1, 300), st.integers(1, 6), st.integers(0, 6), st.integers(1, 100))
def test_moments_are_numpys_whatever_the_blocks(count, features, magnitude, block):
    """Means up to a million deviations away keep their digits."""
    X = np.random.default_rng(count).standard_normal((count, features)) + 10.0**magnitude
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "classify.heads.rows.moments.blocks", lambda X, index: np.array_split(X, range(block, len(X), block))
        )
        found = moments(np.copy, X)
    np.testing.assert_allclose(found.mean, X.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.squares / count, X.var(0), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("columns", [1, 7, 512])
def test_every_half_becomes_the_same_single(columns):
    """All 65,536 of them: zeros of both signs, subnormals, infinities and NaN; from a strided view, too."""
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    every = every[: len(every) // columns * columns].reshape(-1, columns)
    for X in (every, every[::3], every[:, ::2], every[:0]):
        wide = widen(X)
        assert wide.dtype == np.float32
        np.testing.assert_array_equal(wide, X.astype(np.float32))
        np.testing.assert_array_equal(np.signbit(wide), np.signbit(X))


@pytest.mark.parametrize("exponent", [-30, 0, 30])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_row_of_any_size_and_sign_has_length_one_and_its_direction(exponent, sign):
    rows = sign * np.random.default_rng(0).uniform(-1, 0.1, (20, 5))
    rows[3] = 0
    found = unit((rows * 10.0**exponent).astype(np.float32))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(found, rows / np.where(lengths > 0, lengths, 1), atol=1e-6)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16])
def test_rows_come_out_standardised(kind):
    X = (np.random.default_rng(0).standard_normal((200, 7)) * np.arange(1, 8) + 5).astype(kind)
    Z = Scaling.fit(X, standardize=True, sqrt=False, l2=False)(X)
    assert Z.dtype == (np.float64 if kind is np.float64 else np.float32)
    np.testing.assert_allclose(Z.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(Z.std(0), 1, atol=1e-5)


def test_the_order_is_square_root_unit_length_standardisation():
    X = np.random.default_rng(0).random((50, 4))
    wanted = np.sqrt(X)
    wanted /= np.linalg.norm(wanted, axis=1)[:, None]
    Z = Scaling.fit(X, standardize=True, sqrt=True, l2=True)(X)
    np.testing.assert_allclose(Z, (wanted - wanted.mean(0)) / wanted.std(0), rtol=1e-6)


def test_the_rows_given_are_not_changed():
    X = np.random.default_rng(0).random((50, 4)).astype(np.float32)
    before = X.copy()
    Scaling.fit(X, standardize=True, sqrt=True, l2=True)(X)
    np.testing.assert_array_equal(X, before)


def test_constant_features_and_zero_rows_divide_by_nothing():
    X = np.zeros((30, 3), np.float32)
    X[:, 1] = 1000.1  # whose sum rounds
    for rows_ in (X, np.zeros((30, 3), np.float32)):
        assert np.isfinite(Scaling.fit(rows_, standardize=True, sqrt=True, l2=True)(rows_)).all()
    Z = Scaling.fit(X, standardize=True, sqrt=False, l2=False)(X)
    assert abs(Z).max() < 1e-3


@pytest.mark.parametrize("head", ["logreg", "knn", "mlp:hidden=8"])
def test_a_square_root_of_a_negative_feature_is_refused(head):
    X, y = np.random.default_rng(0).random((60, 4)), np.arange(60) % 3
    model = make_head(head, sqrt=True).fit(X, y)
    X[7, 2] = -0.25
    with pytest.raises(ValueError, match=r"sqrt=true .* -0\.25: use sqrt=false"):
        make_head(head, sqrt=True).fit(X, y)
    with pytest.raises(ValueError, match="sqrt=true"):
        model.predict(X)


@pytest.mark.parametrize("option", ["sqrt", "l2", "standardize", "class_weight"])
@pytest.mark.parametrize("head", [QUICK.get(name, name) for name in HEADS])
def test_an_option_does_something_and_is_saved(head, option):
    rng = np.random.default_rng(0)
    X, y = rng.random((90, 6)) ** 3 * np.array([1, 1, 1, 1, 1, 30]), rng.integers(0, 3, 90)
    y[:40] = 0
    value = "balanced" if option == "class_weight" else True
    plain = make_head(head, standardize=False, calibrate=False).fit(X, y)
    other = make_head(head, **{"standardize": False, "calibrate": False, option: value}).fit(X, y)
    assert np.allclose(plain.predict_proba(X), other.predict_proba(X)) == ((head, option) in NO_EFFECT)
    again = type(other).from_state(other.get_params(), other.state(), list(other.classes_))
    np.testing.assert_array_equal(again.predict_proba(X), other.predict_proba(X))


@settings(max_examples=HYPOTHESIS_EXAMPLES, deadline=None)
@given(st.integers(1, 200), st.booleans(), st.integers(1, 90))
def test_blocks_are_all_rows_in_order(count, kept, step):
    X = np.random.default_rng(0).random((count, 3)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "KEEP_BYTES", 1 << 20 if kept else 0)
        patch.setattr(blocks, "block_rows", lambda features: step)
        prepared = Rows(X, lambda part: 2 * part)
        parts = list(prepared)
        index = np.random.default_rng(1).integers(0, count, 17)
        product = prepared.dot(np.ones((2, 3), np.float32), index)
    np.testing.assert_array_equal(np.concatenate([part for _, part in parts]), 2 * X)
    np.testing.assert_array_equal(np.concatenate([np.arange(count)[at] for at, _ in parts]), np.arange(count))
    np.testing.assert_array_equal(prepared[index], 2 * X[index])
    np.testing.assert_allclose(product, 2 * X[index].sum(1, keepdims=True).repeat(2, 1), rtol=1e-5)


def test_rows_of_a_map_are_taken_in_the_order_asked_for(tmp_path):
    X = np.random.default_rng(0).random((3000, 5)).astype(np.float32)
    X.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.float32, "r", shape=X.shape)
    index = np.random.default_rng(1).integers(0, 3000, 2000)
    np.testing.assert_array_equal(take(mapped, index), X[index])
    np.testing.assert_array_equal(take(np.asarray(mapped)[7:], index[index < 2900]), X[7:][index[index < 2900]])
    assert len(take(mapped, index[:0])) == 0


def test_forgotten_pages_are_read_again_and_changes_are_kept(tmp_path):
    """Only of a read-only map are pages given back: a private map's own changes would be lost."""
    X = np.random.default_rng(0).random((4096, 33)).astype(np.float32)
    X.tofile(tmp_path / "rows")
    for mode in ("r", "c", "r+"):
        mapped = np.memmap(tmp_path / "rows", np.float32, mode, shape=X.shape)
        wanted = X.copy()
        if mode == "c":
            mapped[100] = wanted[100] = 7
        for view, first in ((mapped, 0), (np.asarray(mapped)[500:], 500), (mapped[:, 3:9], None)):
            forget(view, 0, 200)
            assert first is None or (view == wanted[first:]).all()
        np.testing.assert_array_equal(mapped, wanted)
