"""A question put to all heads by cross-validation: how good on painters they have not met, or on painters they have.

Every picture is scored once in each repeat, by a head that was tuned, fitted and calibrated without it. Heads are
numbered by their place in `Comparison.entries`, pictures by that in `Comparison.asked_rows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from classify.evaluation.entry import Estimate, Predictions, Scores
from classify.evaluation.metrics import measure, predictions
from classify.evaluation.recommendation import Recommendation, recommend
from classify.evaluation.statistics import (
    FEWEST_GROUPS,
    corrected_resampled,
    difference_interval,
    holm,
    resampled_means,
    resampling_groups,
    share_interval,
    wilson,
)

Hits = NDArray[np.float64]


@dataclass(frozen=True)
class Folding:
    """How pictures were divided.

    Parameters
    ----------
    question : str
        "new": artists were kept apart; "known": they were not.
    fold : (R, N) int
        Of each of R repeats, the fold that held a picture out, from 0.
    groups : (N,)
        Artists; a picture of an unknown one is a group of its own.
    artists : int
        Known ones.
    train_rows : float
        Pictures that a head learned from, on average.
    unlearned : int
        Pictures whose class was not in the training part of their fold, on average over the repeats: no head can name
        them, and they count as wrong.
    """

    question: str
    fold: NDArray[np.intp]
    groups: NDArray[np.str_]
    artists: int
    train_rows: float
    unlearned: int

    @property
    def count(self) -> int:
        """Folds of a repeat."""
        return int(self.fold.max()) + 1

    def accuracies(self, hits: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Hits (R, N) -> the accuracy of each fold, (R K,)."""
        repeats = zip(self.fold, hits, strict=True)
        return np.array([right[fold == n].mean() for fold, right in repeats for n in range(self.count)])

    @property
    def test_share(self) -> float:
        """n_test / n_train of a fold, for the corrected resampled t-test."""
        return float((len(self.groups) - self.train_rows) / self.train_rows)


@dataclass(frozen=True)
class Answer:
    """One head under one question.

    Parameters
    ----------
    scores : Scores
        Over all pictures and repeats; the intervals allow for as many pictures as there are, whatever the repeats.
    folds : tuple of float
        The accuracy of each fold, one repeat after the other.
    over_folds : Estimate
        Their mean, with the interval of the corrected resampled t-test (Nadeau & Bengio 2003).
    behind : Estimate or None
        How far behind the first head of this question it is, with an interval by resampling artists; None for that one.
    p, p_holm : float or None
        Corrected resampled t-test of that difference over the folds; by itself, and corrected for the number of heads.
    predictions : tuple of Predictions
        One a repeat.
    """

    scores: Scores
    folds: tuple[float, ...]
    over_folds: Estimate
    behind: Estimate | None
    p: float | None
    p_holm: float | None
    predictions: tuple[Predictions, ...]

    @property
    def interval(self) -> Estimate:
        """The accuracy with an interval by artist, or Wilson's where artists are too few."""
        return self.scores.clustered or self.scores.accuracy


@dataclass(frozen=True)
class Asked:
    """A question put to all heads.

    Parameters
    ----------
    question : str
        "new" or "known" painters.
    fold_count, repeats : int
        Folds of a repeat, and repeats.
    pictures, train_rows : int
        Pictures that were scored, and those that each head learned from, on average.
    unlearned : int
        Pictures whose class was not in the training part of their fold: no head can name them, and they count as wrong.
    fold : tuple of tuple of int
        For each repeat, the fold that held each picture out, from 0.
    answers : tuple of Answer or None
        None for an entry that learned from one split alone.
    recommendation : Recommendation
    """

    question: str
    fold_count: int
    repeats: int
    pictures: int
    train_rows: int
    unlearned: int
    fold: tuple[tuple[int, ...], ...]
    answers: tuple[Answer | None, ...]
    recommendation: Recommendation

    @property
    def ranking(self) -> list[int]:
        """Heads that were asked, the best first."""
        asked = [(answer.scores.accuracy.value, n) for n, answer in enumerate(self.answers) if answer is not None]
        return [n for _, n in sorted(asked, key=lambda pair: -pair[0])]

    def answer(self, head: int) -> Answer:
        """That of a head which was asked."""
        found = self.answers[head]
        assert found is not None
        return found


def answer_of(
    truth: NDArray[np.intp],
    probabilities: NDArray[np.float64],
    folding: Folding,
    classes: Sequence[str],
    counts: Sequence[int],
    seed: int = 0,
) -> Answer:
    """Figures of one head.

    Parameters
    ----------
    truth : (N,) int
        Places in `classes`.
    probabilities : (R, N, K)
        Of each picture from the head that had not seen it, in each repeat.
    folding : Folding
    classes : sequence of K str
    counts : sequence of K int
        Pictures of each class.
    seed : int
        Of the bootstrap.
    """
    repeats = len(probabilities)
    hits = probabilities.argmax(2) == truth  # (R, N)
    scores = measure(np.tile(truth, repeats), probabilities.reshape(-1, len(classes)), classes, counts, repeats=repeats)
    value = float(hits.mean())
    plain = wilson(value * len(truth), len(truth))
    accuracies = folding.accuracies(hits)
    return Answer(
        scores=replace(scores, accuracy=plain, clustered=_by_artist(hits.mean(0), folding, seed)),
        folds=tuple(accuracies.tolist()),
        over_folds=_over_folds(accuracies, folding.test_share),
        behind=None,
        p=None,
        p_holm=None,
        predictions=tuple(predictions(truth, one) for one in probabilities),
    )


def judge_question(
    answers: Sequence[Answer | None],
    folding: Folding,
    truth: NDArray[np.intp],
    simplicity: Sequence[int],
    seed: int = 0,
) -> Asked:
    """All heads under one question: set against the first, and which to take.

    Parameters
    ----------
    answers : sequence of Answer or None
        In the order of the entries.
    folding : Folding
    truth : (N,) int
    simplicity : sequence of int
        Of each entry; the smaller the simpler.
    """
    asked = [n for n, answer in enumerate(answers) if answer is not None]
    known = [answer for answer in answers if answer is not None]
    values = np.stack([_hits(answer, truth) for answer in known], axis=1)  # (N, M)
    folds = np.array([answer.folds for answer in known])  # (M, J)
    first = int(np.argmax(values.mean(0)))
    ps = [corrected_resampled(folds[first] - one, folding.test_share)[1] for one in folds]
    others = [m for m in range(len(known)) if m != first]
    corrected = dict(zip(others, holm([ps[m] for m in others]), strict=True))
    found = list(answers)
    for m in others:
        gap = difference(values[:, first] - values[:, m], folding.groups, seed)
        found[asked[m]] = replace(known[m], behind=gap, p=ps[m], p_holm=corrected[m])
    order = [simplicity[n] for n in asked]
    one = recommend(values, folding.groups, order, seed, folds, folding.test_share)
    named = replace(one, head=asked[one.head], first=asked[one.first], equals=tuple(asked[m] for m in one.equals))
    return Asked(
        question=folding.question,
        fold_count=folding.count,
        repeats=len(folding.fold),
        pictures=len(truth),
        train_rows=round(folding.train_rows),
        unlearned=folding.unlearned,
        fold=tuple(map(tuple, folding.fold.tolist())),
        answers=tuple(found),
        recommendation=named,
    )


def gains(
    new: Asked, known: Asked, truth: NDArray[np.intp], groups: NDArray[np.str_], seed: int = 0
) -> tuple[Estimate | None, ...]:
    """What having met the artist is worth to each head: its accuracy under "known" less that under "new".

    The same pictures are named under both, so the differences are taken picture by picture. Part of it is that a class
    has fewer pictures to learn from where all works of one of its artists are held out.

    Parameters
    ----------
    new, known : Asked
        The same heads under both questions.
    truth : (N,) int
    groups : (N,)
        Artists.
    seed : int
        Of the resamples.

    Returns
    -------
    tuple of Estimate or None
        One for each head, with an interval by resampling artists; None where it was not asked.
    """
    both = zip(new.answers, known.answers, strict=True)
    return tuple(
        difference(_hits(met, truth) - _hits(unmet, truth), groups, seed) if unmet and met else None
        for unmet, met in both
    )


def difference(values: Hits, groups: NDArray[np.str_], seed: int = 0) -> Estimate:
    """The mean of differences (N,) picture by picture, with an interval by resampling artists.

    Pictures are resampled where there are fewer than five artists; with fewer than five pictures it is all that a
    difference can be.
    """
    drawn = resampling_groups(groups)
    units = len(np.unique(drawn))
    value = float(values.mean())
    if units < FEWEST_GROUPS:
        return Estimate(value, -1.0, 1.0)
    return difference_interval(value, resampled_means(values[:, None], drawn, seed=seed)[:, 0], units)


def _over_folds(accuracies: NDArray[np.float64], test_share: float) -> Estimate:
    found = corrected_resampled(accuracies, test_share)[0]
    return Estimate(found.value, max(found.low, 0.0), min(found.high, 1.0))


def _by_artist(values: Hits, folding: Folding, seed: int) -> Estimate | None:
    if folding.artists < FEWEST_GROUPS:
        return None
    resampled = resampled_means(values[:, None], folding.groups, seed=seed)[:, 0]
    return share_interval(float(values.mean()), resampled, len(np.unique(folding.groups)))


def _hits(answer: Answer, truth: NDArray[np.intp]) -> Hits:
    """How often each picture was named right, (N,): the mean over the repeats."""
    right: Hits = np.mean([np.array(one.predicted) == truth for one in answer.predictions], axis=0)
    return right
