"""Simulated datasets and heads whose truth is known, to see how often tests, intervals and warnings are right.

`python -m tests.classify.simulations` prints all figures at the sizes of tests/sizes.py, or those whose description has
one of the words given ("artists"); `pytest -m slow` asks for them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from unittest import mock

import numpy as np
from scipy import stats

from cache import Recipe, Rows, cache_in_memory
from cache.ids import from_hex
from classify.comparison.compare import compare
from classify.comparison.contest import Contest
from classify.comparison.matched import match_whole
from classify.comparison.questions.plan import Plan
from classify.comparison.questions.put import put_questions
from classify.evaluation.contrasts import judge, pair_tests
from classify.evaluation.entry import Seeds
from classify.evaluation.questions import Asked
from classify.evaluation.repeats import resampled_splits
from classify.evaluation.statistics import corrected_resampled, percentile_interval, resampled_means, wilson
from classify.evaluation.winner import judge_winner
from classify.heads import HeadSpec
from tests import sizes
from tests.classify.worlds import KEY, World, fill, make_world

TRUTH = 0.4  # accuracy of every simulated head


def artists_and_ability(
    rng: np.random.Generator, heads: int, artists: int = 60, least: int = 1, most: int = 9
) -> tuple[np.ndarray, np.ndarray]:
    """Artists (N,) of some 270 pictures, and how able each of the heads is on each picture (N, heads).

    Each artist has at least `least` and under `most` pictures. Heads are right 40 % of the time, but on some artists
    nearly always and on others nearly never; half of that they have in common.
    """
    groups = np.repeat(np.arange(artists), rng.integers(least, most, artists))
    ability = rng.beta(0.8, 1.2, (artists, heads + 1))
    return groups, (0.5 * ability[:, :1] + 0.5 * ability[:, 1:])[groups]


def coverage(count: int) -> dict[str, float]:
    """How often the truth lies in the interval by artist, in that of a difference, and in Wilson's."""
    inside = np.zeros(3)
    for seed in range(count):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(60), rng.integers(1, 9, 60))
        hits = rng.random(len(groups)) < rng.beta(0.8, 1.2, 60)[groups]
        resampled = resampled_means(hits[:, None], groups, draws=1000, seed=seed)[:, 0]
        intervals = [(percentile_interval(float(hits.mean()), resampled, len(np.unique(groups))), TRUTH)]
        groups, ability = artists_and_ability(rng, 2)
        (contrast,) = judge(rng.random(ability.shape) < ability, groups, seed)[1].contrasts
        intervals += [(contrast.difference, 0.0), (wilson(int(hits.sum()), len(hits)), TRUTH)]
        inside += [e.low <= truth <= e.high for e, truth in intervals]
    return dict(zip(("by artist", "difference", "Wilson"), (inside / count).tolist(), strict=True))


def few_artists(count: int, artists: int) -> float:
    """How often the interval by artist covers with so few artists of very different difficulty."""
    inside = 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(artists), rng.integers(4, 40, artists))
        hits = rng.random(len(groups)) < rng.beta(0.8, 1.2, artists)[groups]
        resampled = resampled_means(hits[:, None], groups, draws=1000, seed=seed)[:, 0]
        with mock.patch("classify.evaluation.statistics.FEWEST_GROUPS", 2):  # that it is not shown is the consequence
            found = percentile_interval(float(hits.mean()), resampled, artists)
        inside += found.low <= TRUTH <= found.high
    return inside / count


def winner_coverage(count: int, heads: int, kind: str) -> tuple[float, float]:
    """How often the truth of the head that came first lies in its interval, and in one that ignores the choice.

    All heads are equally good. Their pictures are independent, or by 60 or 8 artists (`artists_and_ability`).
    """
    inside = np.zeros(2)
    for seed in range(count):
        rng = np.random.default_rng(seed)
        if kind == "independent":
            groups, ability = np.arange(250), np.repeat(0.2 + 0.4 * rng.random((250, 1)), heads, axis=1)
        else:
            groups, ability = artists_and_ability(
                rng, heads, *{"60 artists": (60, 1, 9), "8 artists": (8, 10, 30)}[kind]
            )
        hits = rng.random(ability.shape) < ability
        hits = hits[:, np.argsort(-hits.mean(0), kind="stable")]
        resampled = resampled_means(hits, groups, draws=1000, seed=seed)
        artists = len(np.unique(groups))
        corrected = judge_winner(hits, resampled, artists, by_artist=artists < len(hits)).accuracy
        plain = percentile_interval(float(hits[:, 0].mean()), resampled[:, 0], artists)
        inside += [e.low <= TRUTH <= e.high for e in (corrected, plain)]
    corrected, plain = (inside / count).tolist()
    return corrected, plain


def wilson_coverage(count: int) -> float:
    """How often Wilson's interval covers, where 250 pictures are independent."""
    rng = np.random.default_rng(0)
    shares = rng.uniform(0.1, 0.9, count)
    estimates = [wilson(int(rng.binomial(250, share)), 250) for share in shares]
    return float(np.mean([e.low <= share <= e.high for e, share in zip(estimates, shares, strict=True)]))


def false_alarms(count: int, heads: int) -> float:
    """How often any two of some equally good heads, right on different pictures, are told apart."""
    alarms = 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        hits = rng.random((200, heads)) < rng.random((200, 1))  # some pictures are easy for all
        alarms += any(t.p_holm <= 0.05 for t in pair_tests(hits))
    return alarms / count


def alarms_by_artist(count: int) -> tuple[float, float]:
    """The same of two heads that are good at different artists: by the exact test alone, and as reported.

    Their pictures are not independent, which the exact test takes for granted.
    """
    alone = reported = 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        groups, ability = artists_and_ability(rng, 2)
        (contrast,) = judge(rng.random(ability.shape) < ability, groups, seed)[1].contrasts
        alone, reported = alone + (contrast.p <= 0.05), reported + contrast.differ
    return alone / count, reported / count


def repeat_alarms(count: int, splits: int = 10) -> tuple[float, float]:
    """How often two equally good heads differ over resampled splits: corrected t-test, and the naive one.

    Each head sees its own half of the features, which tell equally much; it names the nearest class mean.
    """
    corrected = naive = 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        y = np.arange(120) % 2
        X = rng.normal(size=(120, 2, 6)) + 0.35 * y[:, None, None]
        parts = list(resampled_splits(y, y, 0.25, splits, by_artist=False, seed=seed))
        accuracies = np.array([[_nearest_mean(X[:, h], y, a, b) for h in (0, 1)] for a, b in parts])
        differences = accuracies[:, 0] - accuracies[:, 1]
        corrected += corrected_resampled(differences, 1 / 3)[1] <= 0.05
        if differences.any():
            naive += stats.ttest_1samp(differences, 0).pvalue <= 0.05
    return corrected / count, naive / count


def _nearest_mean(X: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    means = np.stack([X[train][y[train] == c].mean(0) for c in (0, 1)])
    named = ((X[test][:, None] - means) ** 2).sum(-1).argmin(1)
    return float((named == y[test]).mean())


def seeds_spread(count: int, many: int = 24) -> tuple[float, float]:
    """What the spread over four seeds says of that over many, for a small MLP on three classes.

    Gives the spread over four as a share of the other (both as root mean squares), and how often the first seed's
    accuracy lies within two spreads (of its own four) from the mean of many.
    """
    from classify.heads import make_head

    four, all_, near = 0.0, 0.0, 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        y = np.arange(360) % 3
        X = (rng.normal(size=(360, 8)) + 0.7 * rng.normal(size=(3, 8))[y]).astype(np.float32)
        heads = (make_head("mlp", hidden=(16,), epochs=4, seed=n).fit(X[:60], y[:60].astype(str)) for n in range(many))
        accuracies = tuple(float((h.predict(X[60:]) == y[60:].astype(str)).mean()) for h in heads)
        some, every = Seeds(0, (0, 1, 2, 3), accuracies[:4]), Seeds(0, tuple(range(many)), accuracies)
        four, all_ = four + some.deviation**2, all_ + every.deviation**2
        near += abs(accuracies[0] - every.mean) <= 2 * some.deviation
    return float(np.sqrt(four / all_)), near / count


def shuffled_labels(count: int) -> tuple[float, float]:
    """Mean accuracy of whole comparisons of four equal classes with shuffled labels, and how often they warn."""
    accuracies, warned = [], 0
    for seed in range(count):
        world = make_world(style=2.0, train=160, test=160, seed=seed)
        labels = np.random.default_rng(seed).permutation(world.table.columns["style"]).tolist()
        c = compare(world.relabelled(style=labels).table, [world.cache], ["logreg:C=0.01", "prototype"])
        accuracies += [e.scores.accuracy.value for e in c.entries]
        warned += any(caution.kind == "near-chance" for caution in c.cautions)
    return float(np.mean(accuracies)), warned / count


def planted_leaks(count: int) -> tuple[float, int, float]:
    """Share of planted near-duplicates that are found, how many others are called so, and of artists counted right."""
    found = false = artists = 0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        world = make_world(dimension=64, train=100, test=60, seed=seed)
        X = world.X.copy()
        X[100:105] = X[:5] + rng.uniform(0.05, 0.3) * rng.normal(size=(5, 64))
        cache = cache_in_memory(KEY)
        fill(cache, world.table, X)
        leaks = compare(world.table, [cache], ["prototype"]).leaks
        pairs = {(d.row, d.train_path) for d in leaks.duplicates}
        planted = {(n, f"pictures/{n}.jpg") for n in range(5)}
        found, false = found + len(pairs & planted), false + len(pairs - planted)
        shared = set(world.artists[:100])
        artists += leaks.artists is not None and leaks.artists.shared_pictures == sum(
            a in shared for a in world.artists[100:]
        )
    return found / (5 * count), false, artists / count


def two_questions(count: int) -> dict[str, dict[str, object]]:
    """What is recommended for each question where one head remembers painters and another doesn't.

    The collections have 240 pictures of 4 styles by 40 painters, who are easier to tell than styles. The nearest
    neighbour remembers painters; class means don't. Which head is truly the better one is known from the mean accuracy
    over all collections. Shares of the collections: `fair`, the recommendation is the truly better head or "equally
    good"; `better`, one head is called better; `false`, one is that is not.
    """
    heads = ["simpleshot:calibrate=false", "knn:k=1,calibrate=false"]
    found: dict[str, list[tuple[Asked, list[float]]]] = {"new": [], "known": []}
    for seed in range(count):
        world = make_world(style=0.8, by_artist=1.2, artists=10, train=240, test=0, seed=seed)
        for asked in _asked(world, heads):
            accuracies = [asked.answer(n).scores.accuracy.value for n in range(len(heads))]
            found[asked.question].append((asked, accuracies))
    return {question: _fairness(asked, heads) for question, asked in found.items()}


def equal_heads(count: int, heads: int = 2) -> dict[str, float]:
    """How often one of some equally good heads is called better.

    Each head, the class means, has an embedding of its own: the same styles, painters and noise drawn anew.
    """
    better = {"new": 0, "known": 0}
    recipes = [Recipe(f"view{n}", {"formula": "made up"}) for n in range(heads)]
    for seed in range(count):
        world = make_world(style=0.0, by_artist=0.0, artists=10, train=240, test=0, seed=seed)
        rng = np.random.default_rng(seed)
        styles, y = 0.8 * rng.normal(size=(4, 16)), np.arange(240) % 4
        painter = np.unique(world.artists, return_inverse=True)[1]
        views = [styles[y] + 1.2 * rng.normal(size=(40, 16))[painter] + rng.normal(size=(240, 16)) for _ in recipes]
        cache, ids = cache_in_memory(KEY), from_hex(world.table.columns["id"])
        vectors = {r: view.astype(np.float32) for r, view in zip(recipes, views, strict=True)}
        cache.append(Rows(ids, np.zeros(len(ids), np.uint8), vectors))
        names = [r.name for r in recipes]
        for asked in _asked(replace(world, cache=cache), ["simpleshot:calibrate=false"], names):
            better[asked.question] += asked.recommendation.better
    return {question: times / count for question, times in better.items()}


def _asked(world: World, heads: Sequence[str], embeddings: Sequence[str] | None = None) -> tuple[Asked, ...]:
    """What compare asks, without its report."""
    matched = match_whole(world.table, [world.cache], embeddings, "style", "all")
    rows = matched.parts[0]
    specs = [HeadSpec.parse(head) for head in heads]
    contest = Contest(matched, specs, np.unique(rows.y), True, 0, (), "new")
    put = put_questions(contest, Plan(("new", "known")))
    truth = np.searchsorted(contest.classes, rows.y)
    named = [(spec, view) for view in matched.views for spec in specs]
    runs = [mock.Mock(spec=spec, dimension=16) for spec, _ in named]
    for run, (spec, view) in zip(runs, named, strict=True):
        run.name = contest.name(spec, view)
        run.spec = spec
    return tuple(one.judged(runs, truth, 0) for one in put)


def _fairness(found: Sequence[tuple[Asked, list[float]]], heads: Sequence[str]) -> dict[str, object]:
    means = np.mean([accuracies for _, accuracies in found], axis=0)
    best = int(means.argmax())
    better = [asked.recommendation.better for asked, _ in found]
    right = [asked.recommendation.head == best for asked, _ in found]
    false = [b and not r for b, r in zip(better, right, strict=True)]
    return {
        "means": dict(zip(heads, means.round(3).tolist(), strict=True)),
        "best": heads[best],
        "fair": 1 - float(np.mean(false)),
        "better": float(np.mean(better)),
        "false": float(np.mean(false)),
        "kept": float(np.mean([best in asked.recommendation.equals for asked, _ in found])),
    }


def main() -> None:
    """Print every figure, or those that are asked for."""
    words = sys.argv[1:]
    nulls, intervals, worlds = sizes.NULLS_SLOW, sizes.INTERVALS_SLOW, sizes.WORLDS_SLOW

    def tell(what: str, figure: Callable[[], object]) -> None:
        if not words or any(word in what for word in words):
            started = time.perf_counter()
            print(f"{what}: {figure()} ({time.perf_counter() - started:.0f} s)", flush=True)

    tell(f"false alarms, 2 equal heads, {nulls} comparisons", lambda: false_alarms(nulls, 2))
    tell(f"any false alarm, 5 equal heads, {nulls} comparisons", lambda: false_alarms(nulls, 5))
    tell(
        f"false alarms, 2 heads good at different artists, exact test alone and as reported, {nulls} comparisons",
        lambda: alarms_by_artist(nulls),
    )
    tell(f"coverage, independent pictures, Wilson, {intervals} datasets", lambda: wilson_coverage(intervals))
    tell(f"coverage, 60 artists of very different difficulty, {intervals} datasets", lambda: coverage(intervals))
    for artists in (2, 3, 4, 5, 6, 8, 12):
        tell(f"coverage, {artists} artists, {intervals} datasets", lambda n=artists: few_artists(intervals, n))
    for heads in (2, 5, 10):
        for kind in ("independent", "60 artists", "8 artists"):
            tell(
                f"coverage, the first of {heads} equal heads, {kind}: with and without correction, {nulls} comparisons",
                lambda m=heads, k=kind: winner_coverage(nulls, m, k),
            )
    tell(f"10 resampled splits, corrected and naive t-test, {nulls} comparisons", lambda: repeat_alarms(nulls))
    tell(f"4 seeds: their spread beside that of 24, the first within two, {worlds} heads", lambda: seeds_spread(worlds))
    tell(f"shuffled labels, chance 0.25: accuracy, warned, {worlds} comparisons", lambda: shuffled_labels(worlds))
    tell(f"questions: a head that remembers painters, {worlds} collections", lambda: two_questions(worlds))
    tell(f"questions: two equal heads, called better, {worlds} collections", lambda: equal_heads(worlds))
    tell(
        f"planted: copies found, others called copies, artists right, {worlds} comparisons",
        lambda: planted_leaks(worlds),
    )


if __name__ == "__main__":
    with mock.patch("gc.collect"):  # statsmodels collects garbage in each correction, which takes a tenth of a second
        main()
