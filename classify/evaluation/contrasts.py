"""What all pairs of heads together allow to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from classify.evaluation.entry import Estimate
from classify.evaluation.findings import Contrast, Verdict
from classify.evaluation.statistics import (
    ALPHA,
    FEWEST_GROUPS,
    corrected_resampled,
    difference_interval,
    holm,
    indistinguishable,
    mcnemar,
    resampled_means,
    resampling_groups,
    share_interval,
    smallest_difference,
)
from classify.evaluation.winner import judge_winner


@dataclass(frozen=True)
class PairTest:
    """Exact McNemar test of two heads: who they are, pictures that one alone gets right, p and Holm's p."""

    first: int
    second: int
    only_first: int
    only_second: int
    p: float
    p_holm: float


def pair_tests(hits: NDArray[np.bool_]) -> list[PairTest]:
    """Every pair of heads; hits (N, M)."""
    pairs = list(combinations(range(hits.shape[1]), 2))
    alone = [(int((hits[:, a] & ~hits[:, b]).sum()), int((hits[:, b] & ~hits[:, a]).sum())) for a, b in pairs]
    ps = [mcnemar(*counts) for counts in alone]
    return [
        PairTest(*pair, *counts, p, corrected)
        for pair, counts, p, corrected in zip(pairs, alone, ps, holm(ps), strict=True)
    ]


def judge(hits: NDArray[np.bool_], groups: NDArray[np.str_], seed: int = 0) -> tuple[list[Estimate | None], Verdict]:
    """Accuracies with intervals by artist, and every contrast between two heads.

    Two heads differ where the corrected McNemar test says so and the interval of their difference by artist excludes
    0: the test takes pictures as independent, and raises too many alarms where heads are good at different artists.
    Under five artists there are too few to resample: the accuracies have no such interval, single pictures are
    resampled for all else, and what is said holds for pictures by these artists alone.

    Parameters
    ----------
    hits : (N, M) bool
        Which of N test pictures each of M heads got right; heads in the order of the ranking.
    groups : (N,)
        Artists; a picture of an unknown one is a group of its own.
    seed : int
    """
    by_artist = len(np.unique(groups)) >= FEWEST_GROUPS
    drawn = resampling_groups(groups)
    units = len(np.unique(drawn))
    resampled = resampled_means(hits, drawn, seed=seed)  # (draws, M)
    accuracies = hits.mean(0).tolist()
    clustered = [share_interval(a, resampled[:, m], units) if by_artist else None for m, a in enumerate(accuracies)]
    contrasts = []
    for t in pair_tests(hits):
        a, b = t.first, t.second
        gap = _interval(accuracies[a] - accuracies[b], resampled[:, a] - resampled[:, b], units)
        differ = t.p_holm <= ALPHA and not gap.low <= 0 <= gap.high
        contrasts.append(Contrast(a, b, gap, t.only_first, t.only_second, t.p, t.p_holm, differ))
    verdict = _verdict(contrasts, *hits.shape)
    if hits.shape[1] < 2 or units < FEWEST_GROUPS:
        return clustered, verdict
    return clustered, replace(verdict, winner=judge_winner(hits, resampled, units, by_artist=units < len(hits)))


def judge_folds(
    hits: NDArray[np.bool_],
    groups: NDArray[np.str_],
    accuracies: NDArray[np.float64],
    test_share: float,
    seed: int = 0,
) -> Verdict:
    """Every contrast between two heads that were scored by folds.

    Two heads differ where the corrected resampled t-test over the folds (Nadeau & Bengio 2003), with Holm's correction,
    and the interval of their difference by artist both say so. Pictures that one alone gets right are those of the
    first repeat.

    Parameters
    ----------
    hits : (R, N, M) bool
        Of each repeat, picture and head; heads in the order of the ranking.
    groups : (N,)
        Artists.
    accuracies : (J, M)
        Of each head on each fold of all repeats.
    test_share : float
        n_test / n_train of a fold.
    seed : int
    """
    values = hits.mean(0)  # (N, M)
    drawn = resampling_groups(groups)
    units = len(np.unique(drawn))
    resampled = resampled_means(values, drawn, seed=seed)  # (draws, M)
    pairs = list(combinations(range(values.shape[1]), 2))
    ps = [corrected_resampled(accuracies[:, a] - accuracies[:, b], test_share)[1] for a, b in pairs]
    contrasts = []
    for (a, b), p, p_holm in zip(pairs, ps, holm(ps), strict=True):
        gap = _interval(float(values[:, a].mean() - values[:, b].mean()), resampled[:, a] - resampled[:, b], units)
        alone = int((hits[0, :, a] & ~hits[0, :, b]).sum()), int((hits[0, :, b] & ~hits[0, :, a]).sum())
        differ = p_holm <= ALPHA and not gap.low <= 0 <= gap.high
        contrasts.append(Contrast(a, b, gap, *alone, p, p_holm, differ))
    groups_of = indistinguishable(values.shape[1], [(c.first, c.second) for c in contrasts if c.differ])
    verdict = Verdict(tuple(contrasts), groups_of, None, None, None)
    if values.shape[1] < 2 or units < FEWEST_GROUPS:
        return verdict
    return replace(verdict, winner=judge_winner(values, resampled, units, by_artist=units < len(values)))


def _interval(value: float, resampled: NDArray[np.float64], units: int) -> Estimate:
    """The interval by resampling; everything that a difference can be, where there are fewer than five pictures."""
    return difference_interval(value, resampled, units) if units >= FEWEST_GROUPS else Estimate(value, -1.0, 1.0)


def _verdict(contrasts: Sequence[Contrast], n: int, count: int) -> Verdict:
    groups = indistinguishable(count, [(c.first, c.second) for c in contrasts if c.differ])
    shares = [(c.only_first + c.only_second) / n for c in contrasts]
    discordant = float(np.median(shares)) if shares else None
    if not discordant:
        return Verdict(tuple(contrasts), groups, None, None, discordant)
    one = smallest_difference(n, discordant)
    all_pairs = one if len(contrasts) == 1 else smallest_difference(n, discordant, ALPHA / len(contrasts))
    return Verdict(tuple(contrasts), groups, one, all_pairs, discordant)
