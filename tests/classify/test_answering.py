"""The figures of a question follow from who named which picture right, recomputed here by their definitions."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm, t

from classify.evaluation.entry import Cost, Entry, Estimate, Seeds
from classify.evaluation.findings import ArtistOverlap, Duplicate, LeakAudit
from classify.evaluation.metrics import measure, predictions
from classify.evaluation.nearest import centre_of, nearest, rounded, unit
from classify.evaluation.questions import Folding, answer_of, judge_question
from classify.evaluation.recommendation import Recommendation, recommend
from classify.evaluation.statistics import holm, resampled_means, wilson

N, K, R, FOLDS = 48, 4, 3, 4
CLASSES = list("abcd")


def world(seed: int = 0, artists: int = 12) -> tuple[np.ndarray, list[np.ndarray], Folding]:
    """True classes, probabilities (R, N, K) of three heads of different worth, and how pictures were divided."""
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(N) % K)
    heads = []
    for worth in (0.1, 0.6, 0.35):
        raw = rng.random((R, N, K)) + worth * np.eye(K)[truth]
        heads.append(raw / raw.sum(2, keepdims=True))
    fold = np.stack([rng.permutation(np.arange(N) % FOLDS) for _ in range(R)])
    groups = (np.arange(N) % artists).astype(str)
    return truth, heads, Folding("new", fold, groups, artists, 35.6, 2)


def t_test(d: np.ndarray, ratio: float) -> tuple[float, float]:
    """p and half the 95 % interval of Nadeau & Bengio's test."""
    error = np.sqrt((1 / len(d) + ratio) * d.var(ddof=1))
    p = 2 * t.sf(abs(d.mean()) / error, len(d) - 1) if error > 1e-12 else 1.0
    return float(p), float(t.ppf(0.975, len(d) - 1) * error)


def by_artist(values: np.ndarray, groups: np.ndarray, seed: int) -> tuple[float, float]:
    """Hesterberg's expanded percentiles."""
    count = len(np.unique(groups))
    share = norm.cdf(-np.sqrt(count / (count - 1)) * t.ppf(0.975, count - 1))
    drawn = resampled_means(values[:, None], groups, seed=seed)[:, 0]
    low, high = np.quantile(drawn, [share, 1 - share])
    return float(low), float(high)


@pytest.mark.parametrize("artists", [4, 12])
def test_an_answer_counts_each_picture_once_whatever_the_repeats(artists: int) -> None:
    truth, heads, folding = world(artists=artists)
    hits = heads[1].argmax(2) == truth
    found = answer_of(truth, heads[1], folding, CLASSES, [7, 8, 9, 10], seed=3)
    whole = measure(np.tile(truth, R), heads[1].reshape(-1, K), CLASSES, [7, 8, 9, 10], repeats=R)
    plain = wilson(hits.mean() * N, N)
    assert found.scores.accuracy == plain
    assert replace(found.scores, accuracy=whole.accuracy, clustered=None) == whole
    folds = [hits[r][folding.fold[r] == n].mean() for r in range(R) for n in range(FOLDS)]
    assert found.folds == pytest.approx(folds)
    reach = t_test(np.array(folds), (N - 35.6) / 35.6)[1]
    assert (found.over_folds.value, found.over_folds.low) == pytest.approx((np.mean(folds), np.mean(folds) - reach))
    assert found.predictions == tuple(predictions(truth, one) for one in heads[1])
    assert (found.behind, found.p, found.p_holm) == (None, None, None)
    if artists < 5:
        assert found.scores.clustered is None
        assert found.interval == plain
    else:
        low, high = by_artist(hits.mean(0), folding.groups, 3)
        assert (found.interval.low, found.interval.high) == pytest.approx((low, high))
        assert found.interval.value == pytest.approx(hits.mean())


@pytest.mark.parametrize("seed", range(3))
def test_heads_are_set_against_the_first_of_those_that_were_asked(seed: int) -> None:
    """The second entry learned from one split alone, and was not asked: all numbers of heads pass over it."""
    truth, heads, folding = world(seed)
    answers: list[Any] = [answer_of(truth, one, folding, CLASSES, [9] * K) for one in heads]
    answers.insert(1, None)
    found = judge_question(answers, folding, truth, [4, 1, 3, 2], seed=5)
    assert (found.question, found.fold_count, found.repeats, found.pictures) == ("new", FOLDS, R, N)
    assert (found.train_rows, found.unlearned, found.fold) == (36, 2, tuple(map(tuple, folding.fold.tolist())))
    values = np.stack([(one.argmax(2) == truth).mean(0) for one in heads], axis=1)
    folds = np.array([answers[n].folds for n in (0, 2, 3)])
    ratio = (N - 35.6) / 35.6
    ps = [t_test(folds[1] - folds[m], ratio)[0] for m in (0, 2)]
    assert found.answers[1] is None
    assert found.answer(2) == answers[2], "nothing stands behind the first"
    for entry, m, p, p_holm in zip((0, 3), (0, 2), ps, holm(ps), strict=True):
        gap = values[:, 1] - values[:, m]
        behind = found.answer(entry).behind
        assert behind is not None
        assert (behind.value, behind.low, behind.high) == pytest.approx(
            (gap.mean(), *by_artist(gap, folding.groups, 5))
        )
        assert (found.answer(entry).p, found.answer(entry).p_holm) == pytest.approx((p, p_holm))
        assert replace(found.answer(entry), behind=None, p=None, p_holm=None) == answers[entry]
    assert found.ranking == [(0, 2, 3)[m] for m in np.argsort(-values.mean(0), kind="stable")]
    one = recommend(values, folding.groups, [4, 3, 2], 5, folds, ratio)
    entries = (0, 2, 3)
    named = Recommendation(entries[one.head], entries[one.first], tuple(entries[m] for m in one.equals), one.slack)
    assert found.recommendation == named
    assert named.better == (len(named.equals) == 1)


def test_of_heads_that_are_equally_accurate_the_earlier_entry_comes_first() -> None:
    truth, heads, folding = world()
    answer = answer_of(truth, heads[1], folding, CLASSES, [9] * K)
    found = judge_question([None, answer, answer], folding, truth, [1, 2, 3])
    assert found.ranking == [1, 2]
    assert (found.recommendation.first, found.recommendation.equals) == (1, (1, 2))
    assert found.answer(1).behind is None
    assert found.answer(2).behind == Estimate(
        0, pytest.approx(-found.answer(2).behind.high), found.answer(2).behind.high
    )  # type: ignore[union-attr]
    with pytest.raises(AssertionError):
        found.answer(0)


def test_shares_and_sums_of_findings() -> None:
    overlap = ArtistOverlap(8, 5, 2, 1, None, None)
    assert (overlap.share, replace(overlap, test_pictures=0, shared_pictures=0).share) == (0.25, 0)
    pairs = [
        Duplicate(row, f"t{row}", "p", "c", 1.0, same) for row, same in ((3, True), (3, False), (4, False), (6, True))
    ]
    leaks = LeakAudit(None, None, tuple(pairs))
    assert (leaks.same_files, leaks.copies) == ({3, 6}, {4})
    assert Cost(3.0, 0.5, 9.0, 7).training_seconds == 3.5
    assert Seeds(0, (0, 1, 2), (0.5, 0.7, 0.9)).mean == pytest.approx(0.7)
    assert Seeds(0, (0, 1, 2), (0.5, 0.7, 0.9)).deviation == pytest.approx(0.2)


def test_an_entry_is_compared_and_shown_without_its_probabilities() -> None:
    """They are many numbers, and arrays have no single truth value."""
    values: dict[str, Any] = {field.name: field.name for field in fields(Entry)}
    one, two = (Entry(**{**values, "probabilities": np.full((3, 2), n)}) for n in (0.25, 0.75))
    assert one == two
    assert one != replace(one, name="another")
    assert "0.25" not in repr(one)
    assert "predictions='predictions'" in repr(one)


def test_nothing_is_near_where_there_is_nothing() -> None:
    none = np.empty((0, 3), np.float32)
    assert centre_of(none).tolist() == [0, 0, 0]
    assert nearest(none, np.eye(3, dtype=np.float32), 2).rows.shape == (0, 2)
    one = np.eye(3, dtype=np.float32)[:1]
    found = nearest(one, one, 5, own=np.array([0]))
    assert (found.rows.tolist(), found.similarity.tolist()) == ([[-1]], [[-np.inf]])


def test_a_similarity_is_a_cosine_to_six_decimals_and_at_most_1() -> None:
    centre = np.array([1.0, 0, 0])
    found = unit([[1, 3, 4], [1, 0, 0], [0, 0, 0]], centre)
    np.testing.assert_allclose(found, [[0, 0.6, 0.8], [0, 0, 0], [-1, 0, 0]], atol=1e-7)
    assert rounded([1.0000004, 0.12345649, -0.9999996]).tolist() == [1, 0.123456, -1]
