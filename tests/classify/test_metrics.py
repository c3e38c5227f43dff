"""The figures are scikit-learn's, or those of the papers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from classify.evaluation.entry import Bin
from classify.evaluation.metrics import (
    align,
    calibration_by_chance,
    expected_calibration_error,
    measure,
    predictions,
    reliability_bins,
)

CLASSES = ["a", "b", "c", "d", "e", "f"]


def answers(seed: int = 0, n: int = 200, classes: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """True classes and probabilities that lean towards them."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, n)
    raw = rng.random((n, classes)) + 0.6 * np.eye(classes)[truth]
    return truth, raw / raw.sum(1, keepdims=True)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_scikit_learn(seed: int) -> None:
    truth, p = answers(seed)
    said = p.argmax(1)
    scores = measure(truth, p, CLASSES, [5] * 6)
    assert scores.accuracy.value == pytest.approx(reference.accuracy_score(truth, said))
    assert scores.macro_f1 == pytest.approx(reference.f1_score(truth, said, average="macro"))
    assert scores.balanced_accuracy == pytest.approx(reference.balanced_accuracy_score(truth, said))
    for k, top in ((3, scores.top3), (5, scores.top5)):
        assert top == pytest.approx(reference.top_k_accuracy_score(truth, p, k=k, labels=range(6)))
    assert scores.log_loss == pytest.approx(reference.log_loss(truth, p, labels=range(6)))
    assert np.array(scores.confusion).tolist() == reference.confusion_matrix(truth, said).tolist()
    for code, figures in enumerate(scores.per_class):
        assert figures.average_precision == pytest.approx(reference.average_precision_score(truth == code, p[:, code]))
        assert figures.recall == pytest.approx(reference.recall_score(truth, said, labels=[code], average="macro"))
    mean = np.mean([f.average_precision for f in scores.per_class])
    assert scores.mean_average_precision == pytest.approx(mean)


def test_classes_without_test_pictures_are_left_out_of_means() -> None:
    truth, p = answers(classes=4)
    wide = np.column_stack([p, np.zeros((len(p), 2))])
    scores = measure(truth, wide, CLASSES, [5] * 6)
    assert scores.macro_f1 == pytest.approx(reference.f1_score(truth, p.argmax(1), average="macro"))
    absent = scores.per_class[5]
    assert (absent.test, absent.recall, absent.f1, absent.average_precision, absent.precision) == (0, *[None] * 4)


def test_a_class_that_is_named_but_never_there_lowers_recall_of_others_only() -> None:
    truth = np.array([0, 0, 1, 1])
    p = np.array([[0.9, 0.1, 0], [0.1, 0.2, 0.7], [0, 1, 0], [0, 1, 0]])
    scores = measure(truth, p, ["a", "b", "c"], [1, 1, 1])
    assert scores.balanced_accuracy == pytest.approx(0.75)
    assert scores.macro_f1 == pytest.approx((2 / 3 + 1) / 2)


def test_true_class_without_probability_has_no_log_loss() -> None:
    truth, p = np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert measure(truth, p, ["a", "b"], [1, 1]).log_loss is None


def test_align_puts_a_head_s_classes_in_their_places() -> None:
    p = align(np.array([[0.7, 0.3]]), ["d", "b"], ["a", "b", "c", "d"])
    assert p.tolist() == [[0, 0.3, 0, 0.7]]


@given(st.integers(0, 10_000))
def test_rank_counts_the_classes_before_the_true_one(seed: int) -> None:
    """Rank 0 is exactly a right answer; of classes that tie with the true one, all count as before it."""
    rng = np.random.default_rng(seed)
    p = rng.integers(0, 3, (12, 5)).astype(float)
    truth = rng.integers(0, 5, 12)
    got = predictions(truth, p)
    for row, code, rank in zip(p, truth, got.rank, strict=True):
        ahead = [k for k in range(5) if k != code and row[k] >= row[code]]
        assert rank == (0 if row.argmax() == code else len(ahead))
    assert [r == 0 for r in got.rank] == [a == b for a, b in zip(got.predicted, truth, strict=True)]


def test_the_names_of_classes_earn_no_place_among_the_likeliest() -> None:
    """A head that says one class and nothing of the others has no better top-5 for classes early in the alphabet."""
    p = np.tile([0.5, *[0.1] * 5], (6, 1))
    assert predictions(np.arange(6), p).rank == (0, 5, 5, 5, 5, 5)
    assert measure(np.arange(6), p, CLASSES, [1] * 6).top5 == pytest.approx(1 / 6)


def test_calibration_error_by_hand() -> None:
    """Two bins: 4 pictures at 0.95 of which 3 are right, 6 at 0.55 of which 3 are right."""
    confidence = np.array([0.95] * 4 + [0.55] * 6)
    correct = np.array([1, 1, 1, 0, 1, 1, 1, 0, 0, 0], bool)
    bins = reliability_bins(confidence, correct)
    assert expected_calibration_error(bins) == pytest.approx(0.4 * 0.2 + 0.6 * 0.05)
    assert [b.count for b in bins] == [0, 0, 0, 0, 0, 6, 0, 0, 0, 4]


@pytest.mark.parametrize(("confidence", "place"), [(0.0, 0), (0.1, 0), (0.1001, 1), (0.5, 4), (1.0, 9)])
def test_bins_are_open_below_and_closed_above(confidence: float, place: int) -> None:
    bins = reliability_bins(np.array([confidence]), np.array([True]))
    assert bins[place].count == 1
    assert bins[place].low <= confidence <= bins[place].high


def test_honest_probabilities_have_a_small_calibration_error() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1, 20_000)
    honest = reliability_bins(confidence, rng.random(20_000) < confidence)
    boastful = reliability_bins(confidence, rng.random(20_000) < confidence - 0.2)
    assert expected_calibration_error(honest) < 0.02
    assert expected_calibration_error(boastful) == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize(
    ("pictures", "low", "high"), [(50, 0.04, 1.0), (499, 0.04, 0.3), (499, 0.2, 1.0), (5000, 0, 1)]
)
def test_what_chance_alone_gives_is_what_labels_drawn_from_the_probabilities_give(
    pictures: int, low: float, high: float
) -> None:
    """The mean calibration error of 400 draws of the truth from a head's own probabilities."""
    rng = np.random.default_rng(pictures)
    confidence = rng.uniform(low, high, pictures)
    drawn = [
        expected_calibration_error(reliability_bins(confidence, rng.random(pictures) < confidence)) for _ in range(400)
    ]
    assert calibration_by_chance(confidence) == pytest.approx(np.mean(drawn), rel=0.06)


def test_repeats_of_the_same_pictures_are_no_more_pictures() -> None:
    confidence = np.random.default_rng(0).uniform(0.1, 1, 100)
    assert calibration_by_chance(np.tile(confidence, 4), 4) == pytest.approx(calibration_by_chance(confidence))


def test_empty_bins_count_nothing() -> None:
    assert expected_calibration_error([Bin(0, 0.5, 0, None, None), Bin(0.5, 1, 2, 0.9, 1.0)]) == pytest.approx(0.1)
