"""What may be said about an accuracy, and between two heads scored on the same pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classify.evaluation.entry import Estimate

LEVEL = 0.95
ALPHA = 0.05
POWER = 0.8
DRAWS = 2000  # bootstrap resamples
FEWEST_GROUPS = 5  # with two artists the interval covers 49 % instead of 95 %, with four 87 % (docs/comparison.md)
ROUNDING = 1e-12  # resamples that differ by less are equal
_BLOCK = 1 << 24  # numbers drawn at once

Floats = NDArray[np.float64]


def wilson(hits: float, n: int, level: float = LEVEL) -> Estimate:
    """A share and Wilson's score interval (Wilson, JASA 1927), from statsmodels.

    Parameters
    ----------
    hits : float
        0 <= hits <= n; no whole number where it is a mean over repeats.
    n : int
        n > 0.
    level : float
    """
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(hits, n, alpha=1 - level, method="wilson")
    share = hits / n
    return Estimate(share, min(float(low), share), max(float(high), share))  # rounding leaves 1 - 2e-16 for n of n


def resampled_means(values: NDArray[Any], groups: NDArray[Any], draws: int = DRAWS, seed: int = 0) -> Floats:
    """Means over pictures when artists are drawn with replacement: the cluster bootstrap (Field & Welsh, JRSS B 2007).

    Pictures by one artist resemble each other, so that they say less than as many independent ones. All columns see
    the same resamples, so that differences of columns are resamples of the difference.

    Parameters
    ----------
    values : (N, M)
        Hits as 0 and 1, a column for each head.
    groups : (N,)
        Artists.
    draws, seed : int

    Returns
    -------
    (draws, M)
    """
    codes = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(codes).astype(np.float64)  # (G,)
    sums = np.stack([np.bincount(codes, column) for column in values.T.astype(np.float64)], axis=1)  # (G, M)
    rng = np.random.default_rng(seed)
    share = np.full(len(sizes), 1 / len(sizes))
    out = np.empty((draws, values.shape[1]))
    step = max(1, _BLOCK // len(sizes))
    for start in range(0, draws, step):
        counts = rng.multinomial(len(sizes), share, size=min(step, draws - start)).astype(np.float64)  # (b, G)
        out[start : start + step] = (counts @ sums) / (counts @ sizes)[:, None]
    return out


def resampling_groups(groups: NDArray[Any]) -> NDArray[Any]:
    """What is drawn when pictures (N,) of these artists are resampled: artists, or under five of them pictures."""
    return groups if len(np.unique(groups)) >= FEWEST_GROUPS else np.arange(len(groups))


def tail(groups: int, level: float = LEVEL) -> float:
    """The share of resamples beyond either end of an interval.

    It is smaller than alpha/2, because with few artists plain percentiles cover too little:
    Phi(-sqrt(G / (G - 1)) t(1 - alpha/2, G - 1)), the "expanded percentile" of Hesterberg (The American Statistician
    2015, section 4.2).

    Raises
    ------
    ValueError
        There are fewer than `FEWEST_GROUPS` groups: such an interval would say more than is known.
    """
    from scipy.stats import norm, t

    if groups < FEWEST_GROUPS:
        raise ValueError(f"an interval by resampling needs {FEWEST_GROUPS} groups or more, but there are {groups}")
    return float(norm.cdf(-np.sqrt(groups / (groups - 1)) * t.ppf(0.5 + level / 2, groups - 1)))


def percentile_interval(value: float, resampled: Floats, groups: int, level: float = LEVEL) -> Estimate:
    """The interval of a bootstrap, with expanded percentiles (see `tail`).

    Parameters
    ----------
    value : float
        The figure itself.
    resampled : (draws,)
        From `resampled_means`.
    groups : int
        Number G of artists that were drawn from.
    level : float

    Raises
    ------
    ValueError
        There are fewer than `FEWEST_GROUPS` groups.
    """
    share = tail(groups, level)
    low, high = np.quantile(resampled, [share, 1 - share])
    return Estimate(value, float(low), float(high))


def share_interval(value: float, resampled: Floats, groups: int) -> Estimate:
    """As `percentile_interval`, for a share such as an accuracy: never without width, and within 0 and 1.

    Where the figure is the same for every artist, all resamples are equal, and their percentiles would promise that
    there is no doubt. Then the interval reaches to where Wilson's interval for none of G artists ends: as far as
    artists who are otherwise, and of whom none was met, might move the figure.
    """
    return _doubtful(value, resampled, groups, 0.0)


def difference_interval(value: float, resampled: Floats, groups: int) -> Estimate:
    """As `share_interval`, for a difference of two shares: within -1 and 1."""
    return _doubtful(value, resampled, groups, -1.0)


def _doubtful(value: float, resampled: Floats, groups: int, least: float) -> Estimate:
    found = percentile_interval(value, resampled, groups)
    if np.ptp(resampled) < ROUNDING:
        reach = wilson(0, groups).high
        found = Estimate(value, value - reach, value + reach)
    return Estimate(value, max(found.low, least), min(found.high, 1.0))


def mcnemar(only_first: int, only_second: int) -> float:
    """p of the exact McNemar test (McNemar, Psychometrika 1947; two-sided binomial), from statsmodels.

    Parameters
    ----------
    only_first, only_second : int
        Pictures that one of the two heads alone gets right.
    """
    from statsmodels.stats.contingency_tables import mcnemar as test

    return float(test([[0, only_first], [only_second, 0]], exact=True).pvalue) if only_first + only_second else 1.0


def holm(ps: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm, Scandinavian Journal of Statistics 1979), from statsmodels."""
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(list(ps), method="holm")[1]] if ps else []


def indistinguishable(count: int, different: Iterable[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """Largest sets of heads of which no two differ, by insertion and absorption (Piepho, JCGS 2004, section 3).

    Parameters
    ----------
    count : int
        Heads 0 ... count - 1.
    different : pairs of heads that differ

    Returns
    -------
    tuple of tuple of int
        Sorted; a head may be in several sets, and is in one at least.
    """
    sets = {frozenset(range(count))}
    for a, b in different:
        split = [s for s in sets if a in s and b in s]
        sets = sets.difference(split) | {s - {x} for s in split for x in (a, b)}
        sets = {s for s in sets if not any(s < other for other in sets)}
    return tuple(sorted(tuple(sorted(s)) for s in sets))


def power(difference: float, discordant: float, n: int, alpha: float = ALPHA) -> float:
    """How often the exact McNemar test finds a difference that is there.

    The number D of pictures on which the heads disagree is binomial (n, discordant); given D, the number that the
    better one gets right is binomial (D, (discordant + difference) / (2 discordant)). The power is the sum over D of
    P(D) P(reject | D); Connor (Biometrics 1987) gives the approximation by normal distributions.

    Parameters
    ----------
    difference : float
        Of the two accuracies, 0 <= difference <= discordant.
    discordant : float
        Share of pictures on which the heads disagree.
    n : int
        Test pictures.
    alpha : float
    """
    from scipy.stats import binom

    sizes = np.arange(n + 1)  # D
    fewest = binom.ppf(alpha / 2, sizes, 0.5)  # rejected at k <= edge, the last k with 2 P(X <= k) <= alpha
    edge = np.where(binom.cdf(fewest, sizes, 0.5) > alpha / 2, fewest - 1, fewest)
    share = (discordant + difference) / (2 * discordant)
    reject = binom.cdf(edge, sizes, share) + binom.sf(sizes - edge - 1, sizes, share)
    return float(np.sum(binom.pmf(sizes, n, discordant) * np.where(edge < 0, 0, reject)))


def smallest_difference(n: int, discordant: float, alpha: float = ALPHA, wanted: float = POWER) -> float | None:
    """The smallest difference of accuracies that n test pictures show with this power.

    Parameters
    ----------
    n : int
    discordant : float
        Share of pictures on which the heads disagree.
    alpha, wanted : float

    Returns
    -------
    float, or None where even the largest possible difference (all disagreements in favour of one) is missed.
    """
    from scipy.optimize import brentq

    if discordant <= 0 or power(discordant, discordant, n, alpha) < wanted:
        return None
    return float(brentq(lambda d: power(d, discordant, n, alpha) - wanted, 0, discordant, xtol=1e-5))


def corrected_resampled(differences: Floats, test_share: float, level: float = LEVEL) -> tuple[Estimate, float]:
    """Mean over J resampled splits, with interval and p (Nadeau & Bengio, Machine Learning 2003, section 5.1).

    The splits share their pictures, so that the variance of the mean is (1/J + n_test/n_train) s^2 instead of s^2/J;
    the statistic has J - 1 degrees of freedom. Where all J differences are the same there is no variance to judge by,
    and the sign test's p, 2^(1 - J), takes its place.

    Parameters
    ----------
    differences : (J,)
        One a split; J >= 2.
    test_share : float
        n_test / n_train.
    level : float
    """
    from scipy.stats import t

    count = len(differences)
    mean = float(differences.mean())
    error = float(np.sqrt((1 / count + test_share) * differences.var(ddof=1)))
    reach = float(t.ppf(0.5 + level / 2, count - 1)) * error
    if error > ROUNDING:
        p = 2 * float(t.sf(abs(mean) / error, count - 1))
    else:
        p = 2.0 ** (1 - count) if abs(mean) > ROUNDING else 1.0
    return Estimate(mean, mean - reach, mean + reach), p
