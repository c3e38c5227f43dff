"""Which head to take for a question: the better one, or the simplest of those that are equally good.

With many heads the first is partly the luckiest, and heads that learned from other pictures might have changed
places. So a head counts as worse only where the choice among all heads and the few training parts are both allowed
for; the others are equally good, and simplicity decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classify.evaluation.statistics import (
    ALPHA,
    FEWEST_GROUPS,
    corrected_resampled,
    resampled_means,
    resampling_groups,
    tail,
)


@dataclass(frozen=True)
class Recommendation:
    """Which head to take.

    Parameters
    ----------
    head : int
        The one to take: the simplest of `equals` that is less than one standard error behind the first.
    first : int
        The one with the highest accuracy.
    equals : tuple of int
        Heads of which each may be the best, the highest accuracy first; the others are worse than one of these.
    slack : float
        By how much `head` may be behind the first at most: one standard error of that difference; 0 where it is first.
    """

    head: int
    first: int
    equals: tuple[int, ...]
    slack: float

    @property
    def better(self) -> bool:
        """Whether one head is better than all others."""
        return len(self.equals) == 1


def recommend(
    values: NDArray[np.floating],
    groups: NDArray[np.str_],
    simplicity: Sequence[int],
    seed: int = 0,
    folds: NDArray[np.float64] | None = None,
    test_share: float = 1.0,
) -> Recommendation:
    """Choose among heads.

    A head is left out of `equals` where it is significantly worse than another one, with all comparisons in view:
    multiple comparisons with the best (Hsu, The Annals of Statistics 1984), the distribution of the largest
    standardised difference taken from the resamples by artist (as in Beran, JASA 1988). So the truly best head is
    among `equals` with a probability of 97.5 % or more, however many heads there are. Resamples of the pictures that
    were scored don't show what other training pictures would have changed; so the corrected resampled t-test over the
    folds (Nadeau & Bengio 2003) must say it, too. Among equals the rule of one standard error (Breiman et al.,
    Classification and Regression Trees, 1984, section 3.4.3) chooses the simplest.

    Parameters
    ----------
    values : (N, M)
        How often each picture was named right by each head: 0 or 1, or a mean over repeats.
    groups : (N,)
        Artists.
    simplicity : sequence of M int
        The smaller the simpler.
    seed : int
        Of the resamples.
    folds : (M, J), optional
        Accuracy of each head on each fold of all repeats; without it the training parts are not allowed for.
    test_share : float
        n_test / n_train of a fold.
    """
    means = values.mean(0)
    order = np.argsort(-means, kind="stable")
    first = int(order[0])
    drawn = resampling_groups(groups)
    units = len(np.unique(drawn))
    if units < FEWEST_GROUPS:  # nothing can be said: all are equal
        head = min(order.tolist(), key=lambda m: simplicity[m])
        return Recommendation(head, first, tuple(order.tolist()), float(means[first] - means[head]))
    resampled = resampled_means(values, drawn, seed=seed)
    borne = _borne_by(folds, test_share) if folds is not None else np.ones((len(means), len(means)), bool)
    equals = tuple(m for m in order.tolist() if not _beaten(m, means, resampled, units, borne[m]))
    slack = np.array([_spread(resampled[:, first] - resampled[:, m]) for m in range(len(means))])
    near = [m for m in equals if means[first] - means[m] <= slack[m]]
    head = min(near, key=lambda m: (simplicity[m], -means[m]))
    return Recommendation(head, first, equals, float(slack[head]))


def _borne_by(folds: NDArray[np.float64], test_share: float) -> NDArray[np.bool_]:
    """For each two heads, whether the folds bear that they differ, (M, M)."""
    ps = [[corrected_resampled(one - other, test_share)[1] for other in folds] for one in folds]
    return np.asarray(np.array(ps) <= 2 * ALPHA)  # one-sided: only the head ahead can be the better one


def _beaten(
    m: int, means: NDArray[np.float64], resampled: NDArray[np.float64], units: int, borne: NDArray[np.bool_]
) -> bool:
    """Whether another head is better than head m, with all others in view; `borne` says of which that may be said."""
    ahead, borne = np.delete(means, m) - means[m], np.delete(borne, m)  # (M - 1,)
    drawn = np.delete(resampled, m, axis=1) - resampled[:, [m]]  # (draws, M - 1)
    spread = np.array([_spread(column) for column in drawn.T])
    moved = spread > 0
    if (borne & ~moved & (ahead > 0)).any():  # by as much for every artist
        return True
    if not moved.any():
        return False
    standardised = (drawn[:, moved] - ahead[moved]) / spread[moved]
    furthest = float(np.quantile(standardised.max(1), 1 - tail(units)))
    return bool((borne[moved] & (ahead[moved] > furthest * spread[moved])).any())


def _spread(column: NDArray[np.float64]) -> float:
    return float(column.std())
