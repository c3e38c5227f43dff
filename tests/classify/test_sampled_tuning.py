"""A fold of many rows tunes the svm on some of them: the same choice about, every held-out row scored, and a remark."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classify.fitting.remarks import remarks
from classify.heads import make_head
from classify.heads import svm as module
from classify.heads.solvers.nystrom import draw_evenly
from classify.heads.tuning import make_folds, tune


@pytest.fixture(scope="module")
def rows():
    """Classes that are rings around two places each: X (900, 8) float32, y (900,)."""
    rng = np.random.default_rng(0)
    which = rng.integers(0, 8, 900)
    return (1.6 * rng.standard_normal((8, 8))[which] + rng.standard_normal((900, 8))).astype(np.float32), which % 4


@pytest.fixture
def few(monkeypatch):
    """A fold learns from 200 rows, where its kernel is approximated."""
    monkeypatch.setattr(module, "MOST_TUNED", 200)


ROUGH = "svm:exact=100,landmarks=150"


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 60), min_size=2, max_size=6).filter(any),
    count=st.integers(1, 120),
    seed=st.integers(0, 9),
)
def test_each_class_keeps_its_share_and_one_row(sizes, count, seed):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    index = np.flatnonzero(rng.random(len(codes)) < 0.9) if len(codes) > 20 else np.arange(len(codes))
    chosen = draw_evenly(index, codes, count, seed)
    assert (np.diff(chosen) > 0).all()
    assert np.isin(chosen, index).all()
    had, got = (np.bincount(codes[at], minlength=len(sizes)) for at in (index, chosen))
    assert ((got > 0) == (had > 0)).all()
    share = min(1.0, count / len(index))
    assert (np.abs(got - share * had) <= 2).all()


def test_every_held_out_row_is_scored_and_c_is_about_the_same(rows, few, monkeypatch):
    X, y = rows
    folds = make_folds(y)
    sampled = tune(make_head(ROUGH), X, y, folds)
    monkeypatch.setattr(module, "MOST_TUNED", 40_000)
    whole = tune(make_head(ROUGH), X, y, folds)
    assert np.isfinite(sampled.scores).all()
    assert not np.array_equal(sampled.scores, whole.scores)
    assert 0.1 <= sampled.params["C"] / whole.params["C"] <= 10
    assert sampled.mean_accuracy.max() > whole.mean_accuracy.max() - 0.05


def test_a_fold_without_the_last_class_scores_it_least(few):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((400, 5)).astype(np.float32), np.arange(400) % 3
    y[7] = 3
    train = np.setdiff1d(np.arange(400), np.arange(0, 40))
    (scores,) = make_head(ROUGH).out_of_fold(X, y, [(train, np.arange(40))], [{}])
    assert (scores[:40, 3] == -np.inf).all()
    assert np.isfinite(scores[:40, :3]).all()


def test_it_is_remarked_only_where_it_is_done(rows, few):
    X, y = rows
    for spec, said in ((ROUGH, True), ("svm", False), ("ridge", False)):
        tuning = tune(make_head(spec), X, y, make_folds(y), {})
        found = remarks(tuning.refit(make_head(spec), X, y), tuning, y)
        assert any("each fold learned from 200 of its 720 pictures" in sentence for sentence in found) == said


@pytest.mark.parametrize(
    ("spec", "rows", "learned"),
    [
        ("svm", 4000, 4000),
        ("svm", 5000, 5000),
        ("svm", 16_000, 16_000),
        ("svm", 80_000, 40_000),
        ("svm:exact=20000", 16_000, 16_000),
        ("svm:exact=20000", 80_000, 40_000),
        ("logreg", 80_000, 80_000),
    ],
)
def test_only_an_approximated_machine_learns_from_fewer(spec, rows, learned):
    """What is exact keeps its bits."""
    assert make_head(spec).tuned_on(rows) == learned
