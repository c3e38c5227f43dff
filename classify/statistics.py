"""What may be said about an accuracy, and between two heads scored on the same pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.comparison import Estimate

LEVEL = 0.95
DRAWS = 2000  # bootstrap resamples


def wilson(hits: int, n: int, level: float = LEVEL) -> Estimate:
    """A share and Wilson's score interval (Wilson, JASA 1927), from statsmodels.

    Parameters
    ----------
    hits, n : int
        0 <= hits <= n, n > 0.
    level : float
    """
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(hits, n, alpha=1 - level, method="wilson")
    return Estimate(hits / n, float(low), float(high))


def cluster_weights(groups: NDArray[Any], draws: int = DRAWS, seed: int = 0) -> NDArray[np.float32]:
    """How often each group stands in each bootstrap resample of the groups.

    Parameters
    ----------
    groups : (N,)
        Artists.
    draws : int
    seed : int

    Returns
    -------
    (draws, G) float32; columns in the order of `np.unique(groups)`.
    """
    count = len(np.unique(groups))
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float32)


def cluster_interval(
    values: NDArray[Any], groups: NDArray[Any], weights: NDArray[np.float32], level: float = LEVEL
) -> Estimate:
    """A mean over pictures with an interval by resampling artists instead of pictures.

    Pictures by one artist resemble each other, so that they say less than as many independent ones (Field & Welsh,
    JRSS B 2007, the cluster bootstrap). Percentiles are widened as by Hesterberg (The American Statistician 2015,
    section 4.2, "expanded percentile"), because with few artists plain ones cover too little: instead of alpha/2,
    Phi(-sqrt(G / (G - 1)) t(1 - alpha/2, G - 1)) is used.

    Parameters
    ----------
    values : (N,)
        Hits as 0 and 1, or differences of hits as -1, 0, 1.
    groups : (N,)
    weights : (draws, G)
        From `cluster_weights` of the same groups.
    level : float
    """
    from scipy.stats import norm, t

    codes = np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(codes, values.astype(np.float64))  # (G,)
    sizes = np.bincount(codes).astype(np.float64)  # (G,)
    means = (weights @ sums) / (weights @ sizes)  # (draws,)
    count = len(sizes)
    value = float(values.mean())
    if count < 2:
        return Estimate(value, min(value, 0.0), 1.0)
    tail = norm.cdf(-np.sqrt(count / (count - 1)) * t.ppf(0.5 + level / 2, count - 1))
    low, high = np.quantile(means, [tail, 1 - tail])
    return Estimate(value, float(low), float(high))
