"""What is said of a question follows from which pictures were named right, and from the folds, alone."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from classify.evaluation.questions import Folding, _by_artist, _over_folds, difference, gains


def folding(fold: Any, **changes: Any) -> Folding:
    given = {
        "question": "new",
        "fold": np.asarray(fold),
        "groups": np.arange(len(fold[0])).astype(str),
        "artists": 0,
        "train_rows": 4.0,
        "unlearned": 0,
    }
    assert set(given) == {field.name for field in fields(Folding)}
    return Folding(**(given | changes))


def test_each_fold_of_each_repeat_has_its_accuracy() -> None:
    found = folding([[0, 0, 1, 1, 2, 2], [1, 1, 2, 0, 0, 2]])
    hits = np.array([[1, 1, 0, 1, 0, 0], [0, 1, 1, 1, 1, 0]], bool)
    assert found.count == 3
    assert found.accuracies(hits).tolist() == [1, 0.5, 0, 1, 0.5, 0.5]
    assert found.test_share == pytest.approx(2 / 4)


def test_an_accuracy_over_folds_is_a_share() -> None:
    """The interval of its mean is cut where a share ends."""
    for accuracies in ([1.0, 1.0, 0.9, 1.0], [0.0, 0.1, 0.0, 0.0]):
        found = _over_folds(np.array(accuracies), 0.25)
        assert found.value == pytest.approx(np.mean(accuracies))
        assert 0 <= found.low < found.value < found.high <= 1
        assert found.low == 0 or found.high == 1


@pytest.mark.parametrize("artists", [4, 5])
def test_an_interval_by_artist_is_around_the_accuracy_and_needs_five(artists: int) -> None:
    values = np.arange(12) % 4 / 3
    asked = folding([[0, 1] * 6], groups=np.array(list("abcdea") * 2), artists=artists)
    found = _by_artist(values, asked, 0)
    assert (found is not None) == (artists == 5)
    assert found is None or (0 <= found.low < found.value < found.high <= 1 and found.value == values.mean())


def answer(*predicted: list[int]) -> Any:
    return SimpleNamespace(predictions=[SimpleNamespace(predicted=one) for one in predicted])


def test_a_gain_is_the_difference_picture_by_picture_and_none_where_a_head_was_not_asked_both_questions() -> None:
    truth, groups = np.array([0, 1, 0, 1, 0]), np.array(list("abcde"))
    some, all_right = answer([0, 0, 0, 1, 1], [0, 1, 1, 1, 1]), answer(truth.tolist())
    new = SimpleNamespace(answers=(some, None, some, None))
    known = SimpleNamespace(answers=(all_right, all_right, None, None))
    found = gains(new, known, truth, groups)  # type: ignore[arg-type]
    assert [one is not None for one in found] == [True, False, False, False]
    assert found[0] is not None
    assert found[0].value == pytest.approx(np.mean([0, 0.5, 0.5, 0, 1]))
    assert 0 <= found[0].low < found[0].value < found[0].high <= 1


def test_of_fewer_than_five_pictures_a_difference_can_be_anything() -> None:
    few, enough = (difference(np.linspace(0, 1, n), np.arange(n).astype(str)) for n in (4, 5))
    assert (few.value, few.low, few.high) == (0.5, -1, 1)
    assert -1 < enough.low < 0.5 < enough.high < 1
