"""What may be said of the head that came first, given that it was chosen because it came first.

The best of many equally good heads is the luckiest one, and an interval made for a single head, chosen beforehand, is
too high for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from classify.evaluation.entry import Estimate
from classify.evaluation.findings import Winner
from classify.evaluation.statistics import LEVEL, share_interval, tail, wilson


def judge_winner(
    hits: NDArray[np.bool_] | NDArray[np.float64], resampled: NDArray[np.float64], groups: int, *, by_artist: bool
) -> Winner:
    """The first head's accuracy with an interval that allows for the choice, and how surely each head comes first.

    The lower end is that of simultaneous intervals: the resamples show how far, in standard deviations, the most
    unlucky head falls with probability alpha/2 (Beran, JASA 1988), and so the level at which all heads' intervals hold
    together. The upper end is that of a single head: the first head's truth is at most that
    of the truly best one, and its accuracy is at least as high. Of Wilson's interval with the same correction and the
    interval by resampling, the lower lower end and the higher higher end count.

    Parameters
    ----------
    hits : (N, M)
        Which of N test pictures each of M heads got right, or how often; the head with most hits first.
    resampled : (draws, M)
        Their accuracies in each resample.
    groups : int
        Artists, or pictures, that were drawn from.
    by_artist : bool
        Whether artists were drawn.
    """
    from scipy.stats import norm

    accuracies = hits.mean(0)
    spread = resampled.std(0)
    deviations = (resampled - accuracies) / np.where(spread > 0, spread, 1)  # (draws, M)
    furthest = float(np.quantile(deviations.min(1), (1 - LEVEL) / 2))
    level = max(LEVEL, 1 - 2 * float(norm.cdf(furthest)))  # of each head's interval, that all hold together
    value = float(accuracies[0])
    right, n = float(hits[:, 0].sum()), len(hits)
    plain = share_interval(value, resampled[:, 0], groups)
    reach = -float(norm.ppf(tail(groups, level))) * float(spread[0])
    low = min(wilson(right, n, level).low, value - reach, plain.low)
    high = max(wilson(right, n).high, plain.high)
    best = resampled == resampled.max(1, keepdims=True)  # heads that tie share a resample
    return Winner(
        accuracy=Estimate(value, max(low, 0.0), high),
        first=tuple((best / best.sum(1, keepdims=True)).mean(0).tolist()),
        resamples=len(resampled),
        by_artist=by_artist,
    )
