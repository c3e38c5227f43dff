"""Intervals cover, tests keep their level, and the figures are those of the papers."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from classify.evaluation.contrasts import judge, judge_folds
from classify.evaluation.statistics import (
    FEWEST_GROUPS,
    corrected_resampled,
    holm,
    indistinguishable,
    mcnemar,
    percentile_interval,
    power,
    resampled_means,
    smallest_difference,
    wilson,
)
from tests import sizes
from tests.classify.simulations import (
    alarms_by_artist,
    coverage,
    false_alarms,
    few_artists,
    planted_leaks,
    repeat_alarms,
    shuffled_labels,
    wilson_coverage,
    winner_coverage,
)


@pytest.fixture(autouse=True)
def _no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """statsmodels collects garbage in each correction, which takes a tenth of a second."""
    monkeypatch.setattr("gc.collect", lambda: 0)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (95, 250), (250, 250), (10, 10), (0, 3)])
def test_wilson_is_the_score_interval(hits: int, n: int) -> None:
    """Its ends are where the score test's z is exactly 1.96 (Wilson 1927)."""
    e = wilson(hits, n)
    z = stats.norm.ppf(0.975)
    for end in (e.low, e.high):
        if 1e-9 < end < 1 - 1e-9:
            assert abs(hits / n - end) / np.sqrt(end * (1 - end) / n) == pytest.approx(z), end
    assert 0 <= e.low <= e.value <= e.high <= 1


@pytest.mark.parametrize("share", [0.1, 0.37, 0.5, 0.8])
def test_wilson_covers_the_truth(share: float) -> None:
    """Coverage computed from the binomial distribution, not simulated: 94-96 %."""
    n = 250
    hits = np.arange(n + 1)
    covered = [e.low <= share <= e.high for e in (wilson(int(k), n) for k in hits)]
    assert 0.94 <= float(stats.binom.pmf(hits, n, share) @ covered) <= 0.96


def test_interval_by_artist_covers_where_wilson_does_not() -> None:
    covered = coverage(sizes.INTERVALS)
    assert min(covered["by artist"], covered["difference"]) > 0.9
    assert covered["Wilson"] < 0.85


@pytest.mark.slow
def test_intervals_by_artist_cover_95_percent() -> None:
    covered = coverage(sizes.INTERVALS_SLOW)
    assert 0.94 <= covered["by artist"] <= 0.96
    assert 0.94 <= covered["difference"] <= 0.96


@pytest.mark.slow
def test_wilson_covers_95_percent_in_a_simulation() -> None:
    assert 0.94 <= wilson_coverage(sizes.INTERVALS_SLOW) <= 0.96


def test_resampling_single_pictures_is_the_plain_bootstrap() -> None:
    """With a picture an artist, means spread by sqrt(p (1 - p) / n)."""
    hits = np.arange(400) < 140
    resampled = resampled_means(hits[:, None], np.arange(400), draws=4000)
    assert resampled.std() == pytest.approx(np.sqrt(0.35 * 0.65 / 400), rel=0.05)
    assert resampled.mean() == pytest.approx(0.35, abs=0.002)


def test_resampling_moves_whole_artists() -> None:
    """Two artists, one always right, one never: a resample is all, half or nothing."""
    resampled = resampled_means(np.array([[1], [1], [0], [0]]), np.array(["a", "a", "b", "b"]), draws=200)
    assert set(np.unique(resampled)) == {0.0, 0.5, 1.0}


def test_columns_see_the_same_resamples_in_blocks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    hits = np.repeat(rng.random((90, 1)) < 0.5, 2, axis=1)
    groups = rng.integers(0, 30, 90)
    whole = resampled_means(hits, groups, draws=100)
    assert (whole[:, 0] == whole[:, 1]).all()
    monkeypatch.setattr("classify.evaluation.statistics._BLOCK", 300)
    assert np.allclose(resampled_means(hits, groups, draws=100), whole)


def test_few_artists_widen_the_interval() -> None:
    resampled = np.random.default_rng(0).normal(0.5, 0.1, 5000)
    few, many = percentile_interval(0.5, resampled, 6), percentile_interval(0.5, resampled, 6000)
    assert few.high - few.low > 1.2 * (many.high - many.low)
    assert (many.low, many.high) == pytest.approx(tuple(np.quantile(resampled, [0.025, 0.975])), abs=1e-3)


@pytest.mark.parametrize("artists", [1, 2, 4])
def test_too_few_artists_have_no_interval(artists: int) -> None:
    with pytest.raises(ValueError, match=f"needs 5 groups or more, but there are {artists}"):
        percentile_interval(0.7, np.full(10, 0.7), artists)


@pytest.mark.parametrize("artists", [1, 4, 5])
def test_under_five_artists_pictures_are_resampled(artists: int) -> None:
    """With artists who are each all right or all wrong, an interval by artist is far wider than one by picture."""
    groups = np.arange(200) % artists
    hits = np.stack([groups == 0, np.arange(200) % 2 == 0], axis=1)
    clustered, verdict = judge(hits, groups.astype(str))
    assert verdict.winner is not None
    assert [e is None for e in clustered] == [artists < 5] * 2
    assert verdict.winner.by_artist is (artists >= 5)
    by_picture = judge(hits, np.arange(200).astype(str))[1]
    assert (verdict.contrasts == by_picture.contrasts) is (artists < 5)


def test_the_first_of_many_is_not_as_good_as_it_looks() -> None:
    """An interval that ignores the choice covers about 80 % with ten equal heads; the corrected one keeps its word."""
    corrected, plain = winner_coverage(sizes.INTERVALS, 10, "60 artists")
    assert corrected >= 0.94
    assert plain < 0.88


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["independent", "60 artists", "8 artists"])
@pytest.mark.parametrize("heads", [2, 5, 10])
def test_the_winners_interval_covers(heads: int, kind: str) -> None:
    assert winner_coverage(sizes.NULLS_SLOW, heads, kind)[0] >= 0.94


@pytest.mark.slow
def test_the_interval_by_artist_is_shown_where_it_covers() -> None:
    assert few_artists(sizes.INTERVALS_SLOW, FEWEST_GROUPS) >= 0.9
    assert few_artists(sizes.INTERVALS_SLOW, 2) < 0.7


def test_a_clear_winner_comes_first_in_nearly_all_resamples_and_an_equal_in_half() -> None:
    rng = np.random.default_rng(0)
    better, equal = rng.random(400) < 0.7, rng.random(400) < 0.5
    winner = judge(np.stack([better, equal, equal], axis=1), np.arange(400).astype(str))[1].winner
    assert winner.first == pytest.approx((1, 0, 0), abs=0.01)
    assert judge(np.stack([equal, equal], axis=1), np.arange(400).astype(str))[1].winner.first == (0.5, 0.5)
    assert winner.accuracy.low < wilson(int(better.sum()), 400).low
    assert sum(winner.first) == pytest.approx(1)


def test_under_five_pictures_nothing_is_claimed() -> None:
    clustered, verdict = judge(np.array([[True, False]] * 4), np.array(list("abcd")))
    (contrast,) = verdict.contrasts
    assert (contrast.difference.low, contrast.difference.high, contrast.differ) == (-1, 1, False)
    assert clustered == [None, None]
    assert verdict.winner is None


@pytest.mark.parametrize(("a", "b"), [(0, 0), (5, 5), (10, 2), (0, 6), (30, 12)])
def test_mcnemar_is_the_two_sided_binomial_test(a: int, b: int) -> None:
    expected = stats.binomtest(a, a + b).pvalue if a + b else 1
    assert mcnemar(a, b) == pytest.approx(expected)


@pytest.mark.parametrize("heads", [2, 5])
def test_equal_heads_are_rarely_told_apart(heads: int) -> None:
    assert false_alarms(sizes.NULLS, heads) <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("heads", [2, 5])
def test_false_alarms_are_5_percent_or_fewer(heads: int) -> None:
    assert false_alarms(sizes.NULLS_SLOW, heads) <= 0.05


@pytest.mark.slow
def test_heads_good_at_different_artists_are_rarely_told_apart() -> None:
    """Where the exact test alone raises too many alarms, the interval by artist holds them down."""
    alone, reported = alarms_by_artist(sizes.NULLS_SLOW)
    assert reported <= 0.05 < alone


def test_a_difference_that_rests_on_one_artist_is_none() -> None:
    """One head is right on all 12 pictures by one artist that the other misses: McNemar's p is 0.0005."""
    groups = np.array(["one"] * 12 + [f"other {n}" for n in range(60)])
    hits = np.stack([np.arange(72) < 40, (np.arange(72) < 40) & (groups != "one")], axis=1)
    (contrast,) = judge(hits, groups)[1].contrasts
    assert contrast.p < 0.001
    assert not contrast.differ
    (alone,) = judge(hits, np.arange(72).astype(str))[1].contrasts
    assert alone.differ


def test_among_many_heads_a_difference_must_pass_the_corrected_test() -> None:
    """Seven pictures that one head alone gets right: p is 0.016 for one pair, and 0.16 among the ten of five heads."""
    base = np.arange(100) < 40
    better = np.arange(100) < 47
    groups = np.arange(100).astype(str)
    (pair,) = judge(np.stack([better, base], axis=1), groups)[1].contrasts
    assert pair.differ
    verdict = judge(np.stack([better, *[base] * 4], axis=1), groups)[1]
    first = [c for c in verdict.contrasts if c.first == 0]
    assert all(c.p == pytest.approx(2 / 2**7) and c.p_holm == pytest.approx(20 / 2**7) for c in first)
    assert all(c.difference.low > 0 for c in first), "the interval alone would call them different"
    assert not any(c.differ for c in verdict.contrasts)
    assert verdict.groups == ((0, 1, 2, 3, 4),)


def test_the_smallest_difference_is_for_a_typical_pair() -> None:
    """Three pairs disagree on 2, 40 and 42 of 100 pictures: the median is taken, not the mean."""
    n = np.arange(100)
    hits = np.stack([n < 50, (n < 48), (n >= 20) & (n < 70)], axis=1)
    verdict = judge(hits, n.astype(str))[1]
    assert sorted(c.only_first + c.only_second for c in verdict.contrasts) == [2, 40, 42]
    assert verdict.discordant == pytest.approx(0.40)
    assert verdict.smallest_difference == smallest_difference(100, 0.40)


def test_repeated_splits_of_equal_heads_rarely_differ() -> None:
    corrected, naive = repeat_alarms(sizes.NULLS)
    assert corrected <= 0.1
    assert naive > 0.15


@pytest.mark.slow
def test_the_corrected_resampled_test_keeps_its_level() -> None:
    """The paper calls the correction approximate: 6 %, where the naive test raises five times as many alarms."""
    corrected, naive = repeat_alarms(sizes.NULLS_SLOW)
    assert corrected <= 0.06
    assert naive > 4 * corrected


@pytest.mark.parametrize(
    "worlds", [pytest.param(sizes.WORLDS, id="few"), pytest.param(sizes.WORLDS_SLOW, id="many", marks=pytest.mark.slow)]
)
def test_shuffled_labels_give_chance_and_a_warning_each_time(worlds: int) -> None:
    """A little below 0.25: a class that the shuffle gave more training pictures, and is named more often, has fewer
    test pictures."""
    accuracy, warned = shuffled_labels(worlds)
    assert accuracy == pytest.approx(0.245, abs=0.01 + 0.07 / worlds**0.5)
    assert warned >= 0.95


@pytest.mark.parametrize(
    "worlds", [pytest.param(sizes.WORLDS, id="few"), pytest.param(sizes.WORLDS_SLOW, id="many", marks=pytest.mark.slow)]
)
def test_planted_leaks_are_found_and_nothing_else(worlds: int) -> None:
    assert planted_leaks(worlds) == (1, 0, 1)


def test_a_real_difference_is_found() -> None:
    rng = np.random.default_rng(0)
    hits = np.stack([rng.random(400) < 0.7, rng.random(400) < 0.5], axis=1)
    clustered, verdict = judge(hits, np.arange(400).astype(str))
    (contrast,) = verdict.contrasts
    assert contrast.differ
    assert contrast.difference.low > 0
    assert verdict.groups == ((0,), (1,))
    assert verdict.smallest_difference == verdict.smallest_corrected is not None
    assert clustered[0].low < hits[:, 0].mean() < clustered[0].high


def test_the_more_pairs_the_larger_the_smallest_difference() -> None:
    hits = np.random.default_rng(0).random((400, 5)) < 0.5
    verdict = judge(hits, np.arange(400).astype(str))[1]
    assert verdict.smallest_difference is not None
    assert verdict.smallest_corrected is not None
    assert verdict.smallest_corrected > 1.2 * verdict.smallest_difference


@pytest.mark.parametrize(("artists", "known"), [(4, False), (5, True), (6, True)])
def test_five_pictures_or_artists_are_enough_for_an_interval_of_a_difference(artists: int, known: bool) -> None:
    """Of single pictures under five artists; and of four pictures nothing is known."""
    hits = np.array([[1, 0], [1, 1], [0, 0], [1, 0], [0, 1], [1, 1]], bool)[:artists]
    names = np.arange(artists).astype(str)
    found = [judge(hits, names)[1], judge_folds(np.stack([hits] * 2), names, hits.astype(float), 0.25)]
    for verdict in found:
        (contrast,) = verdict.contrasts
        assert ((contrast.difference.low, contrast.difference.high) != (-1, 1)) == known
        assert (verdict.winner is not None) == known
    twice = judge(np.repeat(hits, 2, axis=0), np.repeat(names, 2))
    assert [one is not None for one in twice[0]] == [known] * 2


def test_heads_that_are_right_on_the_same_pictures_do_not_differ() -> None:
    hits = np.repeat(np.arange(100)[:, None] < 40, 3, axis=1)
    verdict = judge(hits, np.arange(100).astype(str))[1]
    assert not any(c.differ for c in verdict.contrasts)
    assert verdict.groups == ((0, 1, 2),)
    assert verdict.smallest_difference is None


def test_holm_is_holm() -> None:
    """Holm 1979: the i-th smallest of m is multiplied by m - i, and none gets below the one before."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@st.composite
def heads_that_differ(draw: st.DrawFn) -> tuple[int, set[tuple[int, int]]]:
    """A number of heads, and some pairs of them."""
    count = draw(st.integers(1, 6))
    pairs = list(combinations(range(count), 2))
    return count, draw(st.sets(st.sampled_from(pairs))) if pairs else set()


@given(heads_that_differ())
def test_groups_are_all_largest_sets_without_a_difference(case: tuple[int, set[tuple[int, int]]]) -> None:
    count, different = case
    free = [
        set(s)
        for size in range(1, count + 1)
        for s in combinations(range(count), size)
        if not any(a in s and b in s for a, b in different)
    ]
    largest = sorted(tuple(sorted(s)) for s in free if not any(s < other for other in free))
    assert list(indistinguishable(count, different)) == largest


@pytest.mark.parametrize(("difference", "discordant", "n"), [(0.1, 0.2, 150), (0.05, 0.1, 400), (0.0, 0.3, 100)])
def test_power_is_how_often_the_test_finds_it(difference: float, discordant: float, n: int) -> None:
    rng = np.random.default_rng(0)
    better, worse = (discordant + difference) / 2, (discordant - difference) / 2
    draws = rng.multinomial(n, [better, worse, 1 - discordant], size=4000)
    found = np.mean([mcnemar(int(a), int(b)) <= 0.05 for a, b, _ in draws])
    assert power(difference, discordant, n) == pytest.approx(found, abs=0.02)


def test_so_few_disagreements_that_no_outcome_is_significant_have_no_power() -> None:
    """Of five the least p is 1/16; of six it is 1/32."""
    assert power(1.0, 1.0, 5) == 0
    assert power(1.0, 1.0, 6) == pytest.approx(1)
    assert power(0.5, 0.5, 3) == 0


def test_smallest_difference_has_the_wanted_power() -> None:
    found = smallest_difference(250, 0.15)
    assert found is not None
    assert power(found, 0.15, 250) == pytest.approx(0.8, abs=0.002)
    more = smallest_difference(2500, 0.15)
    assert more is not None
    assert more < found / 2


@pytest.mark.parametrize(("n", "discordant"), [(10, 0.1), (250, 0.0), (4, 1.0)])
def test_too_few_pictures_show_nothing(n: int, discordant: float) -> None:
    assert smallest_difference(n, discordant) is None


def test_corrected_resampled_t_is_nadeau_and_bengio() -> None:
    """t = mean / sqrt((1/J + n2/n1) s^2), J - 1 degrees of freedom."""
    d = np.array([0.02, 0.05, -0.01, 0.03, 0.04])
    estimate, p = corrected_resampled(d, 0.25)
    t = d.mean() / np.sqrt((1 / 5 + 0.25) * d.var(ddof=1))
    assert p == pytest.approx(2 * stats.t.sf(t, 4))
    assert estimate.value == pytest.approx(0.026)
    naive = stats.ttest_1samp(d, 0).confidence_interval()
    assert estimate.low < naive.low
    assert estimate.high > naive.high


@pytest.mark.parametrize(
    ("value", "count", "p"),
    [(0.0, 4, 1.0), (0.1, 4, 0.125), (0.1, 2, 0.5)],
    ids=["no difference", "always the same one", "two folds"],
)
def test_corrected_resampled_t_without_spread(value: float, count: int, p: float) -> None:
    """Two folds in which one head is ahead by the same number of pictures are no proof."""
    assert corrected_resampled(np.full(count, value), 0.25)[1] == p


@pytest.mark.parametrize("right", [0, 1], ids=["all wrong", "all right"])
@pytest.mark.parametrize("artists", [5, 20, 300])
def test_what_is_the_same_for_every_artist_is_still_in_doubt(right: int, artists: int) -> None:
    """Its interval reaches to where Wilson's for all of so many artists ends, in the table and for the winner."""
    hits = np.full((3 * artists, 2), bool(right))
    clustered, verdict = judge(hits, (np.arange(3 * artists) % artists).astype(str))
    assert verdict.winner is not None
    expected = wilson(right * artists, artists)
    for found in (*clustered, verdict.winner.accuracy):
        assert found is not None
        assert found.low <= expected.low + 1e-9
        assert found.high >= expected.high - 1e-9
        assert 0 <= found.low < found.high <= 1
    gap = verdict.contrasts[0].difference
    assert gap.low == -gap.high < 0
