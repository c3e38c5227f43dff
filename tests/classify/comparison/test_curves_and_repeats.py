"""Learning curves over nested subsets, and repeats over resampled splits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from classify.comparison.curves import nested_subsets
from classify.evaluation.repeats import judge_repeats, resampled_splits
from tests.classify.worlds import make_world, run


def test_subsets_are_nested_and_keep_class_shares() -> None:
    codes = np.repeat([0, 1, 2], [100, 50, 3])
    subsets = nested_subsets(codes)
    for small, large in pairwise(subsets):
        assert set(small) < set(large)
    assert [len(s) for s in subsets] == [17, 32, 62, 107]
    assert all((np.bincount(codes[s], minlength=3) >= 2).all() for s in subsets)


def test_learning_curves_end_in_the_comparison() -> None:
    c = run(make_world(style=1.0, train=200, test=100), ("logreg:C=0.01", "svm:C=1"), learning_curve=True)
    assert [curve.name for curve in c.curves] == [e.name for e in c.entries]
    for curve, entry in zip(c.curves, c.entries, strict=True):
        assert curve.pictures[-1] == 200
        assert curve.accuracy[-1] == entry.scores.accuracy
        assert list(curve.pictures) == sorted(curve.pictures)
        assert curve.accuracy[0].value < curve.accuracy[-1].value


@pytest.mark.parametrize("by_artist", [True, False])
def test_resampled_splits(by_artist: bool) -> None:
    world = make_world()
    y, groups = np.array(world.table.columns["style"]), world.artists
    splits = list(resampled_splits(y, groups, 0.5, 4, by_artist=by_artist, seed=0))
    assert len({tuple(test) for _, test in splits}) == 4
    for train, test in splits:
        assert not set(train) & set(test)
        assert len(train) + len(test) == len(y)
        if by_artist:
            assert not set(groups[train]) & set(groups[test])
        else:
            assert np.ptp(np.unique(y[test], return_counts=True)[1]) <= 1


def test_repeats_split_as_the_comparison_does() -> None:
    apart = run(make_world(style=1.0, disjoint=True), repeats=3).repeats
    mixed = run(make_world(style=1.0), repeats=3).repeats
    assert apart is not None
    assert mixed is not None
    assert (apart.kind, apart.shared) == ("artist-disjoint", 0.0)
    assert mixed.kind == "random"
    assert mixed.shared is not None
    assert mixed.shared > 0.5
    assert apart.splits == len(apart.heads[0].accuracies) == 3


def test_repeats_are_judged_against_the_best() -> None:
    rng = np.random.default_rng(0)
    good, bad = 0.8 + 0.01 * rng.normal(size=10), 0.6 + 0.01 * rng.normal(size=10)
    r = judge_repeats({"bad": bad.tolist(), "good": good.tolist()}, [80] * 10, [20] * 10, "random", None)
    assert [h.name for h in r.heads] == ["good", "bad"]
    assert r.heads[0].behind is None
    reach = stats.t.ppf(0.975, 9) * np.sqrt((1 / 10 + 20 / 80) * good.var(ddof=1))  # Nadeau & Bengio: test / train
    assert r.heads[0].mean.value == pytest.approx(good.mean())
    assert r.heads[0].mean.high - r.heads[0].mean.low == pytest.approx(2 * reach)
    behind = r.heads[1].behind
    assert behind is not None
    assert behind.low < 0.2 < behind.high
    assert r.heads[1].p_holm is not None
    assert r.heads[1].p_holm < 0.001
