"""Remarks on a tuning that chose at an edge, from noise or on few rows, and on a fit that approximates."""

from __future__ import annotations

import numpy as np
import pytest

from classify.fitting.remarks import remarks
from classify.heads import make_head
from classify.heads.tuning import Tuning, make_folds, tune

Y = np.repeat(["a", "b", "c", "d"], 25)
CODES = np.repeat(np.arange(4), 25)


def head(temperature=1.0):
    made = make_head("ridge")
    made.temperature_ = temperature
    return made


def tuning(right=80, held_out=100, chosen=1, accuracy=(0.5, 0.9, 0.6), complete=True):
    """Of three values, on rows of which some are held out and some of those are named right."""
    rows = np.random.default_rng(0).permutation(100)
    scores = np.eye(4, dtype=np.float32)[CODES]
    scores[rows[right:held_out]] = np.roll(scores[rows[right:held_out]], 1, axis=1)
    scores[rows[held_out:]] = np.nan
    points = tuple({"alpha": value} for value in (1e3, 1e2, 1e1))
    return Tuning(dict(points[chosen]), points, np.array(accuracy)[:, None], scores, complete)


@pytest.mark.parametrize(
    ("found", "temperature", "words"),
    [
        (tuning(), 1.0, ()),
        (None, 1.0, ()),
        (tuning(chosen=0, accuracy=(0.9, 0.6, 0.5)), 1.0, ("alpha = 1000 is the largest of the values",)),
        (tuning(chosen=2, accuracy=(0.5, 0.6, 0.9)), 1.0, ("alpha = 10 is the smallest of the values",)),
        (tuning(chosen=0, accuracy=(0.9, 0.9, 0.5)), 1.0, ()),  # a tie
        (tuning(right=30), 1.0, ("30.0\u202f% of the held-out training pictures, which can't be told from",)),
        (tuning(right=45), 1.0, ()),
        (tuning(right=56, held_out=56), 1.0, ("Only 56 of 100 training pictures could be held out",)),
        (tuning(right=80, held_out=80), 1.0, ()),
        (tuning(right=56, held_out=56, complete=False), 1.0, ()),  # as many folds as were needed
        (tuning(), np.exp(9.0) * 0.9999, ("at its bound (8.1e+03)",)),
        (tuning(), np.exp(-9.0) * 1.0001, ("at its bound (0.000123): no temperature makes",)),
        (tuning(right=100), np.exp(-9.0) * 1.0001, ("is named right, so that nothing shows how sure",)),
        (None, 0.01, ()),
    ],
    ids=range(14),
)  # fmt: skip
def test_what_is_doubtful_has_a_sentence(found, temperature, words):
    said = remarks(head(temperature), found, Y)
    assert len(said) == len(words), said
    for sentence, wanted in zip(said, words, strict=True):
        assert wanted in sentence


def test_labels_that_mean_nothing_are_noise_by_tuning():
    X, y = np.random.default_rng(0).standard_normal((100, 20)).astype(np.float32), Y
    found = tune(make_head("ridge"), X, y, make_folds(y))
    assert any("chosen by noise" in sentence for sentence in remarks(head(), found, y))


def test_an_approximated_kernel_is_told():
    X = np.random.default_rng(0).standard_normal((100, 5)).astype(np.float32)
    exact, rough = (make_head(spec).fit(X, Y) for spec in ("svm:calibrate=false", "svm:calibrate=false,exact=50"))
    assert remarks(exact, None, Y) == ()
    (sentence,) = remarks(rough, None, Y)
    assert "approximated from 100 of 100 rows" in sentence


def test_landmarks_are_as_many_as_keep_a_pass_short():
    svm = make_head("svm")
    assert [svm.landmarks_of(rows) for rows in (6000, 65_536, 100_000, 10_000_000)] == [2048, 2048, 1342, 13]
    assert make_head("svm:landmarks=500").landmarks_of(100_000) == 500


def test_no_value_beyond_what_is_possible_is_proposed():
    """Fewer than one neighbour there can't be."""
    points = tuple({"k": value} for value in (1, 3, 5))
    found = Tuning({"k": 1}, points, np.array([[0.9], [0.6], [0.5]]), tuning().scores)
    made = make_head("knn")
    made.temperature_ = 1.0
    assert remarks(made, found, Y) == ()
    found = Tuning({"k": 5}, points, np.array([[0.5], [0.6], [0.9]]), tuning().scores)
    assert "k = 5 is the largest" in remarks(made, found, Y)[0]


def test_a_member_at_the_edge_of_its_grid_is_told():
    """What helps is a heavier penalty than any that is tried: few rows in many dimensions, hardly a difference."""
    rng = np.random.default_rng(0)
    X = (0.06 * rng.standard_normal((4, 400))[CODES] + rng.standard_normal((100, 400))).astype(np.float32)
    made = make_head("ensemble:members=(ridge:standardize=true)+(logreg:C=1e-7)")
    found = tune(made, X, Y, make_folds(Y))
    assert set(found.members) == {"ridge:standardize=true", "logreg:C=1e-7"}
    at = found.members["ridge:standardize=true"]
    edge = Tuning({"alpha": 1e8}, ({"alpha": 1e8}, {"alpha": 1e7}), np.array([[0.9], [0.5]]), at.scores)
    made.temperature_ = 1.0
    found.members["ridge:standardize=true"] = edge
    said = remarks(made, found, Y)
    assert any(s.startswith("ridge:standardize=true, a member: alpha = 1e+08 is the largest") for s in said)
    assert not any("C = " in s for s in said), "nothing was tried beside what was asked for"


@pytest.mark.parametrize("spec", ["logreg", "linear-svm"])
@pytest.mark.parametrize("features", [400, 5], ids=["among the rows", "all features"])
def test_a_solver_that_was_stopped_is_told(spec, features):
    """It was silent: a penalty so weak that the passes don't suffice."""
    X = np.random.default_rng(0).standard_normal((100, features)).astype(np.float32)
    stopped = make_head(spec, C=1e6, max_iter=1, calibrate=False).fit(X, Y)
    assert "its solver stopped at max_iter=1, before" in remarks(stopped, None, Y)[0]
    assert "max_iter=10 lets it go on" in remarks(stopped, None, Y)[0]
    assert remarks(make_head(spec, calibrate=False).fit(X, Y), None, Y) == ()


def test_an_approximated_machine_whose_solver_was_stopped_says_both(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(0).standard_normal((100, 6)).astype(np.float32)
    finished = make_head("svm:exact=20,landmarks=60", calibrate=False).fit(X, Y)
    assert "approximated from 60 of 100 rows." in remarks(finished, None, Y)[0]
    monkeypatch.setattr("classify.heads.svm.MAX_ITER", 2)
    stopped = make_head("svm:exact=20,landmarks=60", calibrate=False).fit(X, Y)
    assert "approximated from 60 of 100 rows, and its solver stopped after 2 passes" in remarks(stopped, None, Y)[0]


@pytest.mark.parametrize("spec", ["ridge", "svm", "simpleshot:standardize=true", "ridge:l2=true,standardize=false"])
def test_features_that_are_taken_for_rounding_are_counted(spec):
    """Not those that never differ, which say nothing to anybody."""
    X = np.random.default_rng(0).standard_normal((100, 6)).astype(np.float32)
    X[:, 3:5] = 1e7 + 4 * X[:, 3:5]
    X[:, 5] = 7
    made = make_head(spec, calibrate=False).fit(X, Y)
    standardised = "standardize=false" not in spec
    assert [said[:16] for said in remarks(made, None, Y, X)] == (["2 of 6 features "] if standardised else [])
    assert remarks(make_head(spec, calibrate=False).fit(X[:, [0, 1, 5]], Y), None, Y, X[:, [0, 1, 5]]) == ()
