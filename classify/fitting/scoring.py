"""How a fitted head does on the pictures of one split, for `fit` and `evaluate`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from classify.data import Examples
from classify.evaluation.metrics import calibration_by_chance, expected_calibration_error, reliability_bins
from classify.evaluation.statistics import wilson

if TYPE_CHECKING:
    from classify.heads.base import Head


@dataclass(frozen=True)
class Score:
    """How a head did on the pictures of one split.

    Parameters
    ----------
    split : str
    pictures, correct : int
    low, high : float
        95 % Wilson interval of the accuracy (Wilson 1927).
    chance : float
        1 / number of classes.
    majority : float
        Share of the split's largest class.
    unknown : int
        Pictures of classes that the head was not trained on; they count as wrong.
    calibration_error : float
        Expected calibration error (Guo et al. 2017).
    calibration_by_chance : float
        What it would be on average if the probabilities held exactly: the error that so few pictures bring by chance.
    warnings : tuple of str
        What must be known of the rows and of the embeddings before the figures are believed.
    """

    split: str
    pictures: int
    correct: int
    low: float
    high: float
    chance: float
    majority: float
    unknown: int
    calibration_error: float
    calibration_by_chance: float
    warnings: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float:
        """Share of pictures whose class was named."""
        return self.correct / self.pictures

    @property
    def near_chance(self) -> bool:
        """Whether guessing, or always naming the largest class, would do as well."""
        return self.low <= max(self.chance, self.majority)


def score(head: Head, examples: Examples, split: str) -> Score:
    """Score a fitted head on rows that it was not trained on.

    Parameters
    ----------
    head : Head
    examples : Examples
    split : str
        Its name.
    """
    probabilities = head.predict_proba(examples.X)
    named = head.classes_[probabilities.argmax(1)]
    return score_answers(named, probabilities.max(1), examples.y, head.classes_, split)


def score_answers(
    named: NDArray[np.str_],
    confidence: NDArray[np.float64],
    truth: NDArray[np.str_],
    classes: Iterable[object],
    split: str,
) -> Score:
    """Score answers, whoever gave them.

    Parameters
    ----------
    named : (N,)
        The class that was named first.
    confidence : (N,)
        Its probability.
    truth : (N,)
        The true classes.
    classes : iterable
        Those that can be named.
    split : str
        What to call the rows.
    """
    right = named == truth
    accuracy = wilson(int(right.sum()), len(right))
    counts = Counter(truth.tolist())
    known = {str(name) for name in classes}
    return Score(
        split=split,
        pictures=len(right),
        correct=int(right.sum()),
        low=accuracy.low,
        high=accuracy.high,
        chance=1 / len(known),
        majority=max(counts.values()) / len(right),
        unknown=sum(count for name, count in counts.items() if name not in known),
        calibration_error=expected_calibration_error(reliability_bins(confidence, right)),
        calibration_by_chance=calibration_by_chance(confidence),
    )
