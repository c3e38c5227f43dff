"""What is known of one head on one embedding: plain data, ready to be written as JSON.

A figure that can't be had is None, never NaN. The probabilities of all pictures are an array; they are written to files
of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

HELD_OUT = "held-out training"  # what a fine-tuning chose its epoch by


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassFigures:
    """One class under one head.

    Parameters
    ----------
    name : str
    train, test : int
        Its pictures in either part.
    precision, recall, f1, average_precision : float or None
        None where the test part has no picture of it (precision: where it was never predicted).
    """

    name: str
    train: int
    test: int
    precision: float | None
    recall: float | None
    f1: float | None
    average_precision: float | None


@dataclass(frozen=True)
class Bin:
    """Predictions whose confidence lies in (low, high]; the means are None where there are none."""

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Scores:
    """What is measured on one head (metrics.py says how).

    Parameters
    ----------
    accuracy : Estimate
        With Wilson's interval, pictures taken as independent.
    clustered : Estimate or None
        The same accuracy with an interval by resampling artists; None where no artist is known, or fewer than five.
    macro_f1, balanced_accuracy, mean_average_precision : float
        Means over the classes that have test pictures.
    top3, top5 : float
    calibration_error : float
        Expected calibration error.
    calibration_chance : float
        What it would be on average if the probabilities held exactly: the error that so few pictures bring by chance.
    log_loss : float or None
        None where a true class had probability 0.
    per_class : tuple of ClassFigures
        In the order of `Comparison.classes`.
    reliability : tuple of Bin
    confusion : (K, K) int
        Rows: true class, columns: predicted, in the order of `Comparison.classes`.
    """

    accuracy: Estimate
    clustered: Estimate | None
    macro_f1: float
    balanced_accuracy: float
    mean_average_precision: float
    top3: float
    top5: float
    calibration_error: float
    calibration_chance: float
    log_loss: float | None
    per_class: tuple[ClassFigures, ...]
    reliability: tuple[Bin, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Cost:
    """What a head costs on this machine.

    Parameters
    ----------
    tune_seconds : float
        Choosing parameters by cross-validation.
    fit_seconds : float
        The one fit that is scored.
    predict_seconds : float
        Probabilities of 1,000 pictures from their embeddings.
    bytes : int
        Of the arrays that a saved head holds.
    """

    tune_seconds: float
    fit_seconds: float
    predict_seconds: float
    bytes: int

    @property
    def training_seconds(self) -> float:
        """Tuning and the final fit."""
        return self.tune_seconds + self.fit_seconds


@dataclass(frozen=True)
class Seeds:
    """What the luck of a training is worth: a head fitted again with the same parameters and other seeds.

    Parameters
    ----------
    scored : int
        The seed of the head that the comparison scores; `classify fit` saves the same head.
    seeds : tuple of int
        The scored one first.
    accuracies : tuple of float
        On the test part, one a seed.
    """

    scored: int
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean accuracy."""
        return sum(self.accuracies) / len(self.accuracies)

    @property
    def deviation(self) -> float:
        """Standard deviation of the accuracies, with n - 1."""
        return stdev(self.accuracies)


@dataclass(frozen=True)
class Predictions:
    """A head's answers, one a test row.

    Parameters
    ----------
    predicted : tuple of int
        Place in `Comparison.classes`.
    confidence : tuple of float
        Probability of the predicted class.
    truth : tuple of float
        Probability of the true class.
    rank : tuple of int
        Place of the true class among all by probability, 0 = predicted.
    """

    predicted: tuple[int, ...]
    confidence: tuple[float, ...]
    truth: tuple[float, ...]
    rank: tuple[int, ...]


@dataclass(frozen=True)
class Entry:
    """One head on one embedding.

    Parameters
    ----------
    name : str
        Unique within the comparison.
    spec, kind : str
        The head as asked for ("svm:C=3"), and its bare name.
    embedding, backbone, key : str
        Recipe(s), network and the feature cache's folder name.
    dimension : int
        Length of an embedding.
    params : mapping
        All parameters of the fitted head.
    tuned : mapping
        Those that were chosen on the training part: {"chosen": value, "tried": values, "accuracy": of each}.
    remarks : tuple of str
        What must be known of its tuning and its fit: a choice at the edge of a grid, or from noise; an approximation.
    seeds : Seeds or None
        None where the head draws no random numbers, or its seed was given.
    untrained : bool
        Whether the backbone's weights are random.
    scores : Scores
    cost : Cost
    history : tuple of mapping
        One an epoch, for heads that have epochs.
    watched : str
        The split whose accuracy stands in the history as "val_accuracy", or HELD_OUT.
    predictions : Predictions
    probabilities : (N, K) float64
        Of each test row for each class; of folds, in the first repeat.
    repeated : (R, N, K) float64
        The same in each repeat of folds; R is 1 where there are none.
    """

    name: str
    spec: str
    kind: str
    embedding: str
    backbone: str
    key: str
    dimension: int
    params: Mapping[str, Any]
    tuned: Mapping[str, Any]
    remarks: tuple[str, ...]
    seeds: Seeds | None
    untrained: bool
    scores: Scores
    cost: Cost
    history: tuple[Mapping[str, float], ...]
    watched: str
    predictions: Predictions
    probabilities: NDArray[np.float64] = field(compare=False, repr=False)
    repeated: NDArray[np.float64] = field(compare=False, repr=False)
