"""Which labels may be wrong: each against what the other pictures' vectors and labels say.

Every picture's class is predicted by a classifier that has not seen it (out of fold), and the label is set against
that prediction: confident learning (Northcutt, Jiang & Chuang, JAIR 2021). It knows arrays alone.
docs/datasets.md says how many of planted wrong labels are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FOLDS = 10
FEWEST = 2  # other pictures that a class needs, so that one of its pictures can be judged
_EACH_CLASS = 500  # pictures of a class that others are compared with, so that 100,000 take seconds
_SHARPNESS = 12.0  # of the kernel exp(12 cos): about the five nearest of a class decide
_TILE = 1024

Matrix = NDArray[np.floating]


@dataclass(frozen=True)
class Suspect:
    """A picture whose label may be wrong.

    Parameters
    ----------
    row : int
        Of the dataset table.
    label, suggested : str
        What it is labelled, and what it looks like.
    own, other : float
        Probabilities of the two, by the other pictures.
    """

    row: int
    label: str
    suggested: str
    own: float
    other: float


@dataclass(frozen=True)
class Suspects:
    """What a look at all labels gave.

    Parameters
    ----------
    found : sequence of Suspect
        The most suspicious first.
    judged : int
        Pictures that were looked at.
    agreement : float
        Share of them whose label the prediction names.
    chance : float
        Share of the largest class among them.
    """

    found: Sequence[Suspect] = ()
    judged: int = 0
    agreement: float = 0.0
    chance: float = 0.0


NOTHING_FOUND = Suspects()


def find_suspects(
    vectors: Matrix, labels: Sequence[str], rows: Sequence[int], pictures: Sequence[str], seed: int = 0
) -> Suspects:
    """Set each label against what the other pictures say of it.

    A picture's class is predicted by kernel density: the mean of exp(12 cos) to pictures of each class, those of its
    own fold left out, with a temperature that makes the labels likeliest. As many labels are listed as have another
    class that is at least as probable as it is in the mean for pictures of its own (the confident joint, equation 1 of
    the paper), or more probable than not: those that are least probable themselves, the least probable first.

    Parameters
    ----------
    vectors : ndarray (N, D)
        Of length 1.
    labels : sequence of str
        N class names, none empty.
    rows : sequence of int
        Of the dataset table, for the answer.
    pictures : sequence of str
        Ids; rows of one picture never vouch for each other.
    seed : int
        Of the folds.
    """
    names, codes = np.unique(np.asarray(labels, str), return_inverse=True)
    if len(names) < 2:
        return NOTHING_FOUND
    scores, others = _out_of_fold(vectors, codes, len(names), _folds(pictures, codes, seed), seed)
    judged = np.flatnonzero(others >= FEWEST)
    if not len(judged):
        return NOTHING_FOUND
    probable = _probabilities(scores[judged], codes[judged])  # (n, K)
    given = codes[judged]
    own = probable[np.arange(len(given)), given]
    predicted = probable.argmax(1)
    agreement, chance = float(np.mean(predicted == given)), float(np.bincount(given).max() / len(given))
    count = _how_many(probable, given) if agreement > chance else 0  # else the vectors say nothing about the labels
    order = [n for n in np.argsort(own, kind="stable")[:count].tolist() if predicted[n] != given[n]]
    found = tuple(
        Suspect(int(rows[judged[n]]), str(names[given[n]]), str(names[predicted[n]]), float(own[n]), float(best))
        for n, best in zip(order, probable[order].max(1), strict=True)
    )
    return Suspects(found, len(judged), agreement, chance)


def _folds(pictures: Sequence[str], codes: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """The fold of each row, (N,): classes are spread evenly, rows of one picture are in one."""
    _, first, picture = np.unique(np.asarray(pictures, str), return_index=True, return_inverse=True)
    drawn = np.random.default_rng(seed).permutation(len(first))
    fold = np.empty(len(first), np.intp)
    fold[np.lexsort((drawn, codes[first]))] = np.arange(len(first)) % FOLDS
    return fold[picture]


def _out_of_fold(
    vectors: Matrix, codes: NDArray[np.intp], count: int, fold: NDArray[np.intp], seed: int
) -> tuple[Matrix, NDArray[np.intp]]:
    """Logarithms of the classes' densities at each row, (N, K), and how many pictures of its class were looked at."""
    chosen = _some_of_each(codes, seed)
    member = np.zeros((len(chosen), count), np.float32)
    member[np.arange(len(chosen)), codes[chosen]] = 1
    elsewhere = np.array([member[fold[chosen] != n].sum(0) for n in range(FOLDS)])  # (folds, K)
    scores = np.empty((len(vectors), count), np.float64)
    for start in range(0, len(vectors), _TILE):
        here = slice(start, start + _TILE)
        near = np.exp(_SHARPNESS * (vectors[here] @ vectors[chosen].T - 1))
        near *= fold[here, None] != fold[chosen]
        density = near @ member / np.maximum(elsewhere[fold[here]], 1)
        scores[here] = np.log(np.maximum(density, np.finfo(np.float32).tiny))
    return scores, elsewhere[fold, codes].astype(np.intp)


def _some_of_each(codes: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """Rows to compare with: of each class all, or as many as are enough."""
    drawn = np.random.default_rng(seed).permutation(len(codes))
    order = drawn[np.argsort(codes[drawn], kind="stable")]
    starts = np.searchsorted(codes[order], np.arange(codes.max() + 1))
    return np.sort(order[np.arange(len(order)) - starts[codes[order]] < _EACH_CLASS])


def _probabilities(scores: Matrix, codes: NDArray[np.intp]) -> Matrix:
    """Softmax of scores with the temperature that makes the labels likeliest (Guo et al. 2017)."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def unlikely(log_temperature: float) -> float:
        return -float(log_softmax(scores / np.exp(log_temperature), axis=1)[np.arange(len(codes)), codes].mean())

    best = minimize_scalar(unlikely, bounds=(-4, 4), method="bounded")
    probabilities: Matrix = np.exp(log_softmax(scores / np.exp(best.x), axis=1))
    return probabilities


def _how_many(probable: Matrix, codes: NDArray[np.intp]) -> int:
    """How many labels the confident joint puts beside its diagonal.

    Where classes are told apart well, the mean is near 1, and no wrong label reaches it; so a half is enough.
    """
    pictures = np.bincount(codes, minlength=probable.shape[1])
    own = np.bincount(codes, probable[np.arange(len(codes)), codes], probable.shape[1])
    expected = np.where(
        pictures > 0, np.minimum(own / np.maximum(pictures, 1), 0.5), np.inf
    )  # of a class for its own pictures
    confident = np.where(probable >= expected, probable, -1.0)
    return int(np.sum((confident.max(1) >= 0) & (confident.argmax(1) != codes)))
