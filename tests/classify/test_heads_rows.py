"""How rows are read and compared in pieces changes no answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify.heads import HeadSpec, make_head, neighbours
from classify.heads import texts as texts_heads
from classify.heads.prompted import ClassTexts, WithTexts
from classify.heads.rows.folds import make_folds
from classify.heads.rows.scaling import unit
from classify.heads.solvers.products import TorchProducts, make_products
from tests.classify.drawn import rng, rows_of


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


def test_on_a_device_one_thread_works_at_a_time():
    assert make_products(rows_of(np.ones((4, 2))), "cpu").threads
    pytest.importorskip("torch")
    assert not TorchProducts(rows_of(np.ones((4, 2))), "cpu").threads


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


@pytest.mark.parametrize("k", [1, 4, 30])
def test_a_neighbours_score_is_its_formula(k):
    """log((votes + share) / (k + 1)), the share going by exp(5 x cosine) of each class's most similar row."""
    X, codes = rng(2).standard_normal((30, 4)).astype(np.float32), np.arange(30) % 3
    asked = rng(3).standard_normal((7, 4)).astype(np.float32)
    head = make_head("knn", k=k, standardize=False, calibrate=False).fit(X, codes)
    cosines = (asked / np.linalg.norm(asked, axis=1)[:, None]) @ (X / np.linalg.norm(X, axis=1)[:, None]).T
    near = np.argsort(-cosines, axis=1)[:, :k]
    votes = np.stack([(codes[near] == code).sum(1) for code in range(3)], axis=1)
    best = np.exp(5 * np.stack([cosines[:, codes == code].max(1) for code in range(3)], axis=1))
    expected = np.log((votes + best / best.sum(1, keepdims=True)) / (k + 1))
    np.testing.assert_allclose(head.scores(asked), expected, atol=1e-5)
