"""What is measured on one head: from true classes and probabilities to figures.

The formulas are scikit-learn's wherever it has them; means over classes go over those that have test pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.evaluation.entry import Bin, ClassFigures, Estimate, Predictions, Scores
from classify.evaluation.statistics import wilson

BINS = 10  # of confidence, equally wide, as in Naeini, Cooper & Hauskrecht (AAAI 2015)

Codes = NDArray[np.intp]
Probabilities = NDArray[np.float64]


def align(probabilities: Probabilities, known: Sequence[str], classes: Sequence[str]) -> Probabilities:
    """Probabilities (N, k) over a head's own classes as (N, K) over all; 0 for those it doesn't know."""
    place = {name: n for n, name in enumerate(classes)}
    out = np.zeros((len(probabilities), len(classes)))
    out[:, [place[str(name)] for name in known]] = probabilities
    return out


def predictions(truth: Codes, probabilities: Probabilities) -> Predictions:
    """Answers from true classes (N,) and probabilities (N, K).

    Among equally likely classes the first is named, since one must be. All others count as before the true class: an
    order by name is no ranking, and would make the top-3 and top-5 of a head that can't decide a matter of spelling.
    """
    own = probabilities[np.arange(len(truth)), truth]
    predicted = probabilities.argmax(1)
    others = (probabilities >= own[:, None]).sum(1) - 1
    return Predictions(
        predicted=tuple(predicted.tolist()),
        confidence=tuple(probabilities.max(1).tolist()),
        truth=tuple(own.tolist()),
        rank=tuple(np.where(predicted == truth, 0, others).tolist()),
    )


def measure(
    truth: Codes,
    probabilities: Probabilities,
    classes: Sequence[str],
    train_counts: Sequence[int],
    clustered: Estimate | None = None,
    repeats: int = 1,
) -> Scores:
    """All figures of one head.

    Parameters
    ----------
    truth : (N,) int
        Places in `classes`.
    probabilities : (N, K)
    classes : sequence of K str
    train_counts : sequence of K int
        Training pictures of each class, to be shown beside its figures.
    clustered : Estimate, optional
        The accuracy with an interval by artists (statistics.py).
    repeats : int
        How often each picture is among the rows.

    Returns
    -------
    Scores
    """
    from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score

    answers = predictions(truth, probabilities)
    predicted, rank = np.array(answers.predicted), np.array(answers.rank)
    tested = np.unique(truth)
    per_class = class_figures(truth, probabilities, classes, train_counts)
    precisions = [c.average_precision for c in per_class if c.average_precision is not None]
    reliability = reliability_bins(np.array(answers.confidence), predicted == truth)
    return Scores(
        accuracy=wilson(int((predicted == truth).sum()), len(truth)),
        clustered=clustered,
        macro_f1=float(f1_score(truth, predicted, labels=tested, average="macro", zero_division=0)),
        balanced_accuracy=_quietly(balanced_accuracy_score, truth, predicted),
        mean_average_precision=float(np.mean(precisions)),
        top3=float(np.mean(rank < 3)),
        top5=float(np.mean(rank < 5)),
        calibration_error=expected_calibration_error(reliability),
        calibration_chance=calibration_by_chance(np.array(answers.confidence), repeats),
        log_loss=_log_loss(np.array(answers.truth)),
        per_class=per_class,
        reliability=reliability,
        confusion=tuple(map(tuple, confusion_matrix(truth, predicted, labels=np.arange(len(classes))).tolist())),
    )


def class_figures(
    truth: Codes, probabilities: Probabilities, classes: Sequence[str], train_counts: Sequence[int]
) -> tuple[ClassFigures, ...]:
    """Precision, recall, F1 and average precision of each class.

    Average precision is sum over n of (R_n - R_{n-1}) P_n along the pictures sorted by the class's probability, as
    scikit-learn has it; RASTA reports the same.
    """
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support

    predicted = probabilities.argmax(1)
    codes = np.arange(len(classes))
    precision, recall, f1, test = precision_recall_fscore_support(truth, predicted, labels=codes, zero_division=0)
    figures = []
    for code, name in enumerate(classes):
        there, said = bool(test[code]), bool((predicted == code).any())
        figures.append(
            ClassFigures(
                name=name,
                train=int(train_counts[code]),
                test=int(test[code]),
                precision=float(precision[code]) if said else None,
                recall=float(recall[code]) if there else None,
                f1=float(f1[code]) if there else None,
                average_precision=float(average_precision_score(truth == code, probabilities[:, code]))
                if there
                else None,
            )
        )
    return tuple(figures)


def reliability_bins(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = BINS) -> tuple[Bin, ...]:
    """Confidence against accuracy in equally wide bins (low, high].

    Parameters
    ----------
    confidence : (N,)
        Probability of the predicted class.
    correct : (N,)
    bins : int
    """
    edges = np.linspace(0, 1, bins + 1)
    which = _bin_of(confidence, bins)
    out = []
    for n in range(bins):
        here = which == n
        count = int(here.sum())
        means = (float(confidence[here].mean()), float(correct[here].mean())) if count else (None, None)
        out.append(Bin(float(edges[n]), float(edges[n + 1]), count, *means))
    return tuple(out)


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Mean over pictures of |accuracy - confidence| of their bin (Guo et al., ICML 2017, equation 3)."""
    total = sum(b.count for b in bins)
    gaps = [
        b.count * abs(b.accuracy - b.confidence) for b in bins if b.accuracy is not None and b.confidence is not None
    ]
    return float(sum(gaps) / total)


def calibration_by_chance(confidence: NDArray[np.float64], repeats: int = 1, bins: int = BINS) -> float:
    """The calibration error that a head shows on average whose probabilities hold exactly: what few pictures do alone.

    The hits of a bin then differ from their expectation by a sum of independent deviations with variance sum p (1 - p),
    whose mean absolute value is sqrt(2 variance / pi), as that of a normal distribution. Pictures count as independent.

    Parameters
    ----------
    confidence : (N,)
        Probability of the predicted class.
    repeats : int
        How often each picture is among them: its answers are no independent ones, and count as one.
    bins : int
    """
    which = _bin_of(confidence, bins)
    variances = repeats * np.bincount(which, confidence * (1 - confidence), bins)
    return float(np.sqrt(2 / np.pi * np.maximum(variances, 0)).sum() / len(confidence))


def _bin_of(confidence: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    which: NDArray[np.intp] = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return which


def _log_loss(own: NDArray[np.float64]) -> float | None:
    return float(-np.log(own).mean()) if (own > 0).all() else None


def _quietly(score: Any, truth: Codes, predicted: Codes) -> float:
    """Without scikit-learn's warning about classes that are predicted but not there, which is no news here."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return float(score(truth, predicted))
