"""What is said of heads, by the definitions: which may be the best, how sure the first place is, what differs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom, norm, t

from classify.evaluation.contrasts import judge, judge_folds
from classify.evaluation.findings import Contrast
from classify.evaluation.ordering import related_order
from classify.evaluation.recommendation import recommend
from classify.evaluation.repeats import judge_repeats, resampled_splits
from classify.evaluation.statistics import holm, mcnemar, power, resampled_means, smallest_difference, wilson
from classify.evaluation.winner import judge_winner


def scored(seed: int, accuracies: list[float], artists: int = 12, works: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Hits (N, M) of heads that are good at different artists, and artists (N,)."""
    rng = np.random.default_rng(seed)
    ability = np.clip(np.array(accuracies) + 0.15 * rng.standard_normal((artists, len(accuracies))), 0, 1)
    groups = np.repeat(np.arange(artists), works)
    return rng.random((len(groups), len(accuracies))) < ability[groups], groups.astype(str)


def beyond(artists: int) -> float:
    """Hesterberg's (2015) share of resamples beyond either end of a 95 % interval."""
    return float(norm.cdf(-np.sqrt(artists / (artists - 1)) * t.ppf(0.975, artists - 1)))


def nadeau_bengio(one: np.ndarray, other: np.ndarray, ratio: float) -> float:
    d = one - other
    error = np.sqrt((1 / len(d) + ratio) * d.var(ddof=1))
    if error < 1e-12:
        return 1.0 if abs(d.mean()) < 1e-12 else 2.0 ** (1 - len(d))
    return float(2 * t.sf(abs(d.mean()) / error, len(d) - 1))


@pytest.mark.parametrize("folded", [False, True], ids=["pictures", "pictures and folds"])
@pytest.mark.parametrize("seed", range(8))
def test_equals_are_those_that_no_other_head_beats_with_all_in_view(seed: int, folded: bool) -> None:
    """Hsu's (1984) comparisons with the best, one head against the largest of all standardised differences."""
    rng = np.random.default_rng(seed)
    hits, groups = scored(seed, rng.choice([0.3, 0.45, 0.5, 0.6], 5).tolist())
    values = hits.astype(float)
    folds = np.stack([hits[np.arange(len(hits)) % 6 == n].mean(0) for n in range(6)], axis=1) if folded else None
    found = recommend(values, groups, [3, 1, 4, 1, 5], 0, folds, 0.2)
    means, drawn = values.mean(0), resampled_means(values, groups, seed=0)
    equals = []
    for m in range(5):
        others = [k for k in range(5) if k != m]
        gaps = drawn[:, others] - drawn[:, [m]]
        spread, ahead = gaps.std(0), means[others] - means[m]
        limit = np.quantile(((gaps - ahead) / spread).max(1), 1 - beyond(12))
        borne = [folds is None or nadeau_bengio(folds[m], folds[k], 0.2) <= 0.1 for k in others]
        if not ((ahead > limit * spread) & borne).any():
            equals.append(m)
    first = int(means.argmax())
    assert (found.first, set(found.equals)) == (first, set(equals))
    near = [m for m in equals if means[first] - means[m] <= (drawn[:, first] - drawn[:, m]).std()]
    assert found.head == min(near, key=lambda m: ([3, 1, 4, 1, 5][m], -means[m]))
    assert found.slack == pytest.approx((drawn[:, first] - drawn[:, found.head]).std())


def test_a_head_that_is_behind_by_as_much_for_every_artist_is_beaten() -> None:
    """There is no spread to judge by, and no doubt; a head that is as good on every picture is equal."""
    groups = np.repeat(np.arange(6), 4).astype(str)
    good = np.tile([1.0, 1, 1, 0], 6)
    worse = np.tile([1.0, 1, 0, 0], 6)
    assert recommend(np.stack([worse, good, good], 1), groups, [0, 1, 2]).equals == (1, 2)
    unsteady = np.array([[0.5, 0.7, 0.2, 0.6], [0.7, 0.8, 0.9, 0.6], [0.7, 0.8, 0.9, 0.6]])
    assert recommend(np.stack([worse, good, good], 1), groups, [0, 1, 2], 0, unsteady, 0.3).equals == (1, 2, 0)


@pytest.mark.parametrize("seed", range(4))
def test_the_winners_interval_is_that_of_heads_which_hold_together(seed: int) -> None:
    hits, groups = scored(seed, [0.5, 0.5, 0.45, 0.4])
    hits = hits[:, np.argsort(-hits.mean(0), kind="stable")]
    drawn = resampled_means(hits, groups, seed=1)
    found = judge_winner(hits, drawn, 12, by_artist=True)
    value, spread = hits.mean(0), drawn.std(0)
    unlucky = np.quantile(((drawn - value) / spread).min(1), 0.025)
    level = max(0.95, 1 - 2 * norm.cdf(unlucky))
    assert level > 0.95
    share = norm.cdf(-np.sqrt(12 / 11) * t.ppf(0.5 + level / 2, 11))
    own = np.quantile(drawn[:, 0], [beyond(12), 1 - beyond(12)])
    right, n = int(hits[:, 0].sum()), len(hits)
    low = min(wilson(right, n, level).low, value[0] + norm.ppf(share) * spread[0], own[0])
    assert found.accuracy.value == pytest.approx(value[0])
    assert found.accuracy.low == pytest.approx(low)
    assert found.accuracy.high == pytest.approx(max(wilson(right, n).high, own[1]))
    best = drawn == drawn.max(1)[:, None]
    assert found.first == pytest.approx([(best[:, m] / best.sum(1)).mean() for m in range(4)])
    assert (found.resamples, found.by_artist) == (2000, True)


def test_a_winner_that_is_never_right_has_a_share_for_an_interval() -> None:
    hits = np.zeros((10, 2), bool)
    found = judge_winner(hits, np.zeros((2000, 2)), 10, by_artist=False)
    assert (found.accuracy.value, found.accuracy.low) == (0, 0)
    assert 0 < found.accuracy.high < 1
    assert found.first == (0.5, 0.5)


@pytest.mark.parametrize("artists", [4, 12])
def test_contrasts_are_tests_intervals_and_counts_of_each_pair(artists: int) -> None:
    hits, groups = scored(3, [0.75, 0.5, 0.45], artists, 72 // artists)
    clustered, verdict = judge(hits, groups)
    drawn = resampled_means(hits, groups if artists >= 5 else np.arange(72))
    units = artists if artists >= 5 else 72
    pairs = [(0, 1), (0, 2), (1, 2)]
    alone = [(int((hits[:, a] > hits[:, b]).sum()), int((hits[:, b] > hits[:, a]).sum())) for a, b in pairs]
    ps = [mcnemar(*counts) for counts in alone]
    for contrast, (a, b), counts, p, p_holm in zip(verdict.contrasts, pairs, alone, ps, holm(ps), strict=True):
        low, high = np.quantile(drawn[:, a] - drawn[:, b], [beyond(units), 1 - beyond(units)])
        assert (contrast.first, contrast.second, contrast.only_first, contrast.only_second) == (a, b, *counts)
        assert (contrast.p, contrast.p_holm) == pytest.approx((p, p_holm))
        assert contrast.difference.value == pytest.approx(hits[:, a].mean() - hits[:, b].mean())
        assert (contrast.difference.low, contrast.difference.high) == pytest.approx((low, high))
        assert contrast.differ == (p_holm <= 0.05 and not low <= 0 <= high)
    assert [one is not None for one in clustered] == [artists >= 5] * 3
    assert verdict.winner is not None
    assert verdict.winner.by_artist == (artists >= 5)
    discordant = float(np.median([sum(counts) / 72 for counts in alone]))
    assert verdict.discordant == pytest.approx(discordant)
    assert verdict.smallest_difference == pytest.approx(smallest_difference(72, discordant))
    assert verdict.smallest_corrected == pytest.approx(smallest_difference(72, discordant, 0.05 / 3))


def test_one_pair_needs_no_correction_and_one_head_no_verdict() -> None:
    hits, groups = scored(3, [0.75, 0.5])
    verdict = judge(hits, groups)[1]
    assert verdict.smallest_corrected == verdict.smallest_difference is not None
    alone = judge(hits[:, :1], groups)[1]
    assert (alone.contrasts, alone.groups, alone.winner, alone.discordant) == ((), ((0,),), None, None)
    same = judge(hits[:, [0, 0]], groups)[1]
    assert (same.discordant, same.smallest_difference, same.smallest_corrected) == (0, None, None)
    assert not same.contrasts[0].differ


@pytest.mark.parametrize("seed", range(3))
def test_contrasts_by_folds_are_those_of_nadeau_and_bengio(seed: int) -> None:
    """Each repeat names each picture once; who is right alone is counted in the first."""
    both = [scored(seed + 10 * n, [0.8, 0.5, 0.45]) for n in range(2)]
    groups, hits = both[0][1], np.stack([hits for hits, _ in both])
    accuracies = np.concatenate([[one[np.arange(72) % 6 == n].mean(0) for n in range(6)] for one in hits])
    verdict = judge_folds(hits, groups, accuracies, 0.2)
    values = hits.mean(0)
    drawn = resampled_means(values, groups)
    ps = [nadeau_bengio(accuracies[:, a], accuracies[:, b], 0.2) for a, b in ((0, 1), (0, 2), (1, 2))]
    for contrast, p, p_holm in zip(verdict.contrasts, ps, holm(ps), strict=True):
        a, b = contrast.first, contrast.second
        low, high = np.quantile(drawn[:, a] - drawn[:, b], [beyond(12), 1 - beyond(12)])
        assert (contrast.p, contrast.p_holm) == pytest.approx((p, p_holm))
        assert contrast.difference.value == pytest.approx(values[:, a].mean() - values[:, b].mean())
        assert (contrast.difference.low, contrast.difference.high) == pytest.approx((low, high))
        assert contrast.only_first == int((hits[0, :, a] > hits[0, :, b]).sum())
        assert contrast.only_second == int((hits[0, :, b] > hits[0, :, a]).sum())
        assert contrast.differ == (p_holm <= 0.05 and not low <= 0 <= high)
    assert verdict.winner is not None
    assert verdict.winner.by_artist
    assert verdict.groups == groups_of(verdict.contrasts)
    assert judge_folds(hits[:, :, :1], groups, accuracies[:, :1], 0.2).winner is None
    few = judge_folds(hits[:, :4], groups[:4], accuracies, 0.2)
    assert few.winner is None
    assert [(one.difference.low, one.difference.high) for one in few.contrasts] == [(-1, 1)] * 3
    single = judge_folds(hits, np.arange(72).astype(str), accuracies, 0.2)
    assert single.winner is not None
    assert not single.winner.by_artist


def groups_of(contrasts: tuple[Contrast, ...]) -> tuple[tuple[int, ...], ...]:
    """Largest sets of three heads without two that differ, by looking at all."""
    differ = {(one.first, one.second) for one in contrasts if one.differ}
    sets = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    alike = [s for s in sets if not any(a in s and b in s for a, b in differ)]
    return tuple(sorted(s for s in alike if not any(set(s) < set(other) for other in alike)))


def test_repeats_are_set_against_the_best_mean() -> None:
    rng = np.random.default_rng(0)
    accuracies = {name: mean + 0.02 * rng.standard_normal(8) for name, mean in (("a", 0.5), ("b", 0.6), ("c", 0.55))}
    found = judge_repeats(accuracies, [80] * 8, [16, 24] * 4, "random", 0.25)
    assert (found.splits, found.kind, found.train_rows, found.test_rows, found.shared) == (8, "random", 80, 20, 0.25)
    assert [head.name for head in found.heads] == ["b", "c", "a"]
    best = found.heads[0]
    assert (best.behind, best.p_holm) == (None, None)
    ps = [nadeau_bengio(accuracies["b"], accuracies[name], 20 / 80) for name in ("c", "a")]
    for head, p in zip(found.heads[1:], holm(ps), strict=True):
        assert head.p_holm == pytest.approx(p)
        assert head.behind is not None
        assert head.behind.value == pytest.approx((accuracies["b"] - accuracies[head.name]).mean())
        own = accuracies[head.name]
        reach = t.ppf(0.975, 7) * np.sqrt((1 / 8 + 0.25) * own.var(ddof=1))
        assert (head.mean.low, head.mean.value) == pytest.approx((own.mean() - reach, own.mean()))
        assert head.accuracies == pytest.approx(tuple(own))


@pytest.mark.parametrize(
    ("rarest", "share", "kept"), [(2, 0.2, True), (1, 0.2, False), (2, 0.1, False), (2, 0.9, False)]
)
def test_resampled_splits_keep_class_shares_where_each_part_has_room_for_each_class(
    rarest: int, share: float, kept: bool
) -> None:
    """Ten rows of two classes: a tenth is one row, which can't hold both."""
    y = np.array(["a"] * (10 - rarest) + ["b"] * rarest)
    splits = list(resampled_splits(y, np.arange(10).astype(str), share, 20, by_artist=False, seed=0))
    sizes = {len(test) for _, test in splits}
    assert (len(splits), sizes) == (20, {round(10 * share)})
    assert all(sorted([*train, *test]) == list(range(10)) for train, test in splits)
    rare = {int((y[test] == "b").sum()) for _, test in splits}
    assert (len(rare) == 1) == kept


@pytest.mark.parametrize("aside", [0.0, 1000.0])
@pytest.mark.parametrize("classes", [1, 2, 3, 6])
def test_classes_that_lie_on_an_arc_stand_in_its_order(classes: int, aside: float) -> None:
    """Seen from their middle, wherever that is; those without a row come last, whatever their number."""
    angles = np.linspace(0, np.pi, classes)
    places = np.random.default_rng(classes).permutation(classes)
    codes = np.repeat(np.arange(classes)[places] * 2, 3)  # odd classes have no rows
    X = np.repeat(np.stack([aside + np.cos(angles), np.sin(angles)], 1), 3, axis=0)
    found = related_order(X, codes, 2 * classes)
    assert found[classes:] == tuple(range(1, 2 * classes, 2))
    along = [int(c) for c in np.arange(classes)[places] * 2]
    expected = (along, along[::-1]) if classes > 2 else (sorted(along),)
    assert list(found[:classes]) in expected


def test_by_folds_a_difference_that_rests_on_few_artists_is_none() -> None:
    """Three of twelve artists make all of it: one in thirty resamples holds none of them, so the interval ends at 0."""
    groups = np.repeat(np.arange(12), 6).astype(str)
    other = np.tile([True, False, True], 24)
    first = other | np.isin(groups, ["0", "1", "2"])
    hits = np.stack([first, other], axis=1)[None]
    accuracies = np.tile([[0.75, 0.66]], (10, 1)) + np.linspace(0, 0.01, 10)[:, None]
    verdict = judge_folds(hits, groups, accuracies, 0.2)
    (contrast,) = verdict.contrasts
    assert contrast.p_holm < 0.01
    assert contrast.difference.low == 0
    assert not contrast.differ
    assert verdict.groups == ((0, 1),)
    assert judge(hits[0], groups)[1].contrasts[0].difference.low == 0


def test_heads_that_never_disagree_have_no_smallest_difference() -> None:
    assert smallest_difference(100, 0.0) is None
    assert smallest_difference(100, -0.1) is None


def test_by_folds_too_a_difference_must_pass_the_corrected_test() -> None:
    """Alone, p is 0.03 for the first head and each of two others; of three pairs that is no finding."""
    groups = np.repeat(np.arange(12), 6).astype(str)
    others = np.tile([True, False, False, True, False, True], 12)
    first = others | np.tile([False, True, False, False, False, False], 12)
    first[2:24:6] = True  # artists differ in by how much
    hits = np.stack([first, others, others], axis=1)[None]
    swing = np.tile([1.0, -1.0], 5)

    def p(size: float) -> float:
        return nadeau_bengio(0.17 + size * swing, np.zeros(10), 0.2) - 0.03

    gap = 0.17 + brentq(p, 0.01, 1.0) * swing
    wobble = 0.01 * np.repeat([1.0, -1.0], 5)
    verdict = judge_folds(hits, groups, np.stack([gap, np.zeros(10), wobble], axis=1), 0.2)
    one, two, none = verdict.contrasts
    assert one.p == pytest.approx(0.03)
    assert 0.025 < two.p < 0.05 < min(one.p_holm, two.p_holm) < 0.1
    assert one.difference.low > 0
    assert none.p > 0.5
    assert not any(contrast.differ for contrast in verdict.contrasts)
    alone = judge_folds(hits[:, :, :2], groups, np.stack([gap, np.zeros(10)], axis=1), 0.2)
    assert alone.contrasts[0].differ, "it is a finding where nothing else is compared"


@pytest.mark.parametrize(
    ("difference", "discordant", "n", "alpha"),
    [(0.3, 0.4, 20, 0.05), (0.0, 0.5, 24, 0.05), (0.2, 0.2, 30, 0.01), (0.1, 0.3, 33, 0.2), (0.5, 0.6, 12, 0.0625)],
)
def test_a_power_is_the_probability_of_all_outcomes_that_the_test_rejects(
    difference: float, discordant: float, n: int, alpha: float
) -> None:
    share, total = (discordant + difference) / (2 * discordant), 0.0
    for disagree in range(n + 1):
        rejected = [k for k in range(disagree + 1) if mcnemar(k, disagree - k) <= alpha]
        total += binom.pmf(disagree, n, discordant) * binom.pmf(rejected, disagree, share).sum()
    assert power(difference, discordant, n, alpha) == pytest.approx(total, rel=1e-9)
