"""What a comparison is: plain data that a report only has to lay out.

Everything is computed before it comes here, and everything here can be written as JSON: numbers, texts, tuples and
frozen dataclasses of these. A figure that can't be had is None, never NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = 1


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
        The same accuracy with an interval by resampling artists; None where no artist is known.
    macro_f1, balanced_accuracy, mean_average_precision : float
        Means over the classes that have test pictures.
    top3, top5 : float
    calibration_error : float
        Expected calibration error.
    log_loss : float or None
        None where a true class had probability 0.
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
        Those that were chosen on the training part, with the values tried.
    untrained : bool
        Whether the backbone's weights are random.
    history : tuple of mapping
        One an epoch, for heads that have epochs.
    watched : str
        The split whose accuracy stands in the history as "val_accuracy".
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
    untrained: bool
    scores: Scores
    cost: Cost
    history: tuple[Mapping[str, float], ...]
    watched: str
    predictions: Predictions


@dataclass(frozen=True)
class Caution:
    """Something a reader must know before believing a figure.

    Parameters
    ----------
    kind : str
        "untrained", "near-chance", "artist-overlap", "duplicates", "small-classes", "absent-classes" or "data".
    text : str
    """

    kind: str
    text: str


@dataclass(frozen=True)
class TestRow:
    """A test picture; `label` is a place in `Comparison.classes`, `path` as the dataset table has it."""

    id: str
    path: str
    label: int
    artist: str
    year: str

    __test__ = False  # no test case, whatever pytest makes of the name


@dataclass(frozen=True)
class DatasetFacts:
    """What was learned from and scored on.

    Parameters
    ----------
    target, train, test : str
        Label column and splits.
    train_rows, test_rows, left_out : int
        Pictures; those without label or embedding are left out of all heads alike.
    train_counts, test_counts : tuple of int
        Per class.
    train_artists, test_artists : int or None
        None where no artist is known.
    grouped_tuning : bool
        Whether the folds of the tuning keep artists together.
    chance, majority : float
        1/K, and the share of the test part that the largest training class makes up.
    digest : str
        sha256 over ids, splits and labels of the rows used.
    """

    target: str
    train: str
    test: str
    train_rows: int
    test_rows: int
    left_out: int
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]
    train_artists: int | None
    test_artists: int | None
    grouped_tuning: bool
    chance: float
    majority: float
    digest: str


@dataclass(frozen=True)
class Provenance:
    """Everything needed to make the comparison again."""

    command: str
    date: str
    seconds: float
    seed: int
    versions: Mapping[str, str]
    machine: Mapping[str, Any]
    caches: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Comparison:
    """Heads on the same rows, the best first.

    Parameters
    ----------
    classes : tuple of str
        Sorted names; all codes are places in it.
    class_order : tuple of int
        An order of the classes in which those that look alike stand together.
    entries : tuple of Entry
        By accuracy, descending.
    folder : Path
        What the rows' paths are relative to; not written out.
    """

    classes: tuple[str, ...]
    class_order: tuple[int, ...]
    entries: tuple[Entry, ...]
    rows: tuple[TestRow, ...]
    dataset: DatasetFacts
    cautions: tuple[Caution, ...]
    provenance: Provenance
    folder: Path
    title: str = ""
    schema: int = field(default=SCHEMA)

    @property
    def best(self) -> Entry:
        """The first of the ranking."""
        return self.entries[0]

    @property
    def untrained(self) -> bool:
        """Whether any entry stands on an untrained backbone."""
        return any(e.untrained for e in self.entries)
