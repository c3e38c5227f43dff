"""The heads on scikit-learn's digits, where many features are active in few pictures, beside scikit-learn's own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from check_digits import Digits, Row, check

from classify.heads.tuning import make_folds


@pytest.fixture(scope="module")
def digits() -> Digits:
    return Digits.load()


@pytest.mark.parametrize(("kind", "least"), [("linear-svm", 0.96), ("lda", 0.94), ("ridge", 0.92)])
def test_a_tuned_head_is_as_good_as_its_peer(digits: Digits, kind: str, least: float) -> None:
    row = check(kind, digits, make_folds(digits.y))
    assert row.accuracy >= least
    assert row.good


def test_a_channel_that_is_active_in_one_picture_does_not_choose_the_penalty() -> None:
    """On these halves a scale of almost nothing led to C = 1 instead of 0.1, and to uniform probabilities."""
    digits = Digits.load(9)
    row = check("linear-svm", digits, make_folds(digits.y))
    assert row.accuracy >= 0.965
    assert row.good


@pytest.mark.parametrize(
    ("row", "good"),
    [
        (Row("linear-svm", "", 0.97, 0.11, "LinearSVC", 0.97, 0.1), True),
        (Row("linear-svm", "", 0.95, 0.11, "LinearSVC", 0.97, 0.1), False),
        (Row("linear-svm", "", 0.97, 0.13, "LinearSVC", 0.97, 0.1), False),
        (Row("prototype", "", 0.9, 0.4), True),
    ],
)
def test_what_is_too_bad_is_said(row: Row, good: bool) -> None:
    assert row.good is good
