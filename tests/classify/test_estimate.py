"""How long heads will take is said beforehand, in proportion to the work that they do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classify.comparison.compare import compare
from classify.fitting import estimate
from classify.fitting.estimate import Plan, Trainings, announcement, in_words, seconds_of
from classify.heads import HEADS, HeadSpec, make_head
from classify.heads.work import COSTS, Size
from tests.classify.worlds import make_world

SPECS = [HeadSpec(kind) for kind in HEADS]


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """One of 60 billion multiplications a second."""
    monkeypatch.setattr(estimate, "multiplications_per_second", lambda numbers: 6e10)


def seconds(spec, *sizes, **options):
    (found,) = seconds_of([HeadSpec.parse(spec)], Plan(*sizes, **options))
    return found


@pytest.mark.parametrize(
    ("spec", "measured"),
    [("logreg", 2.92), ("softmax", 3.02), ("mlp", 17.78), ("linear-svm", 1.82), ("ridge", 1.11), ("lda", 1.03)],
)
def test_an_estimate_is_near_the_figures_of_the_documentation(spec, measured):
    """One fit to 20,000 x 2,048 rows of 27 classes, docs/heads.md, on two cores."""
    assert measured / 3 < seconds(spec, 20_000, 2048, 27, 0) < 3 * measured


@pytest.mark.parametrize("kind", HEADS)
def test_every_head_costs_more_with_more_rows_and_with_tuning(kind):
    small, large = seconds(kind, 1000, 64, 10, 5), seconds(kind, 4000, 64, 10, 5)
    assert 0 < small < large
    assert seconds(kind, 1000, 64, 10, 0) < small


MANY, FEW, WIDE = Size(10**7, 100, 10, 5), Size(100, 10**7, 10, 5), Size(10**6, 10**5, 10, 5)


@pytest.mark.parametrize(
    ("kind", "size", "field", "times"),
    [
        ("logreg", MANY, "rows", 2),
        ("logreg", MANY, "classes", 2),
        ("logreg", MANY, "values", 2),
        ("logreg", WIDE, "features", 2),
        ("logreg", FEW, "features", 2),  # one product of all pairs of rows
        ("logreg", FEW, "rows", 4),
        ("linear-svm", MANY, "rows", 2),
        ("linear-svm", FEW, "rows", 4),
        ("svm", Size(2000, 10**6, 10), "features", 2),  # the matrix of all pairs of rows
        ("svm", Size(2000, 10**6, 10), "rows", 4),
        ("svm", Size(2000, 10, 100), "classes", 2),  # products with that matrix
        ("svm", Size(10**5, 10**7, 10), "features", 2),  # landmarks
        ("svm", Size(10**5, 10, 10**5), "classes", 2),
        ("svm", Size(10**5, 10, 10**5, 5), "values", 2),
        ("ridge", MANY, "rows", 2),
        ("ridge", Size(10**6, 10**5, 10), "features", 4),  # the matrix of all pairs of features
        ("ridge", Size(10**6, 10**5, 10, 10**4), "features", 8),  # factored for each value
        ("ridge", Size(10**6, 10**5, 10, 10**4), "values", 2),
        ("ridge", FEW, "features", 2),
        ("ridge", Size(100, 10**7, 10**6), "classes", 2),
        ("lda", Size(10**4, 10**7, 10), "rows", 4),
        ("lda", Size(10**4, 10**5, 10, 10**4), "rows", 8),
        ("softmax", Size(1000, 10**6, 100), "features", 2),
        ("softmax", Size(1000, 100, 10**6), "classes", 2),
        ("softmax", MANY, "rows", 2),
        ("mlp", Size(1000, 10**6, 10), "features", 2),  # the first layer
        ("mlp", Size(1000, 10, 10**6), "classes", 2),  # the last one
        ("knn", Size(1000, 100, 10), "rows", 2),  # kept as they are
        ("knn", Size(1000, 100, 10, 5), "rows", 4),  # all pairs, when it is tuned
        ("knn", Size(1000, 10**5, 10, 5), "features", 2),
        ("prototype", MANY, "features", 2),
    ],
)
def test_the_work_of_a_head_grows_as_its_products_do(kind, size, field, times):
    """Where one product is nearly all of the work, twice the size is that many times the work."""
    head, twice = make_head(kind), replace(size, **{field: 2 * getattr(size, field)})
    assert COSTS[kind](head, twice) == pytest.approx(times * COSTS[kind](head, size), rel=0.15)


@pytest.mark.parametrize("kind", COSTS)
@pytest.mark.parametrize("size", [Size(300, 2000, 10, 2), Size(3000, 300, 10, 2), Size(30_000, 300, 10, 2)])
def test_each_size_adds_to_the_work_and_takes_nothing_off(kind, size):
    for field in ("rows", "features", "classes", "values"):
        more = replace(size, **{field: getattr(size, field) + 1})
        assert COSTS[kind](make_head(kind), more) >= COSTS[kind](make_head(kind), size) > 0


def test_the_nearest_of_short_rows_take_longer_to_find_than_to_compare():
    """Of the 15 ns of a pair of rows of 64 numbers 4 are the product."""
    short, long = (COSTS["knn"](make_head("knn"), Size(10**5, features, 10, 5)) for features in (64, 64 + 64))
    assert 1.1 < long / short < 1.5


def test_an_ensemble_costs_more_than_its_members():
    members = [spec.kind for spec in make_head("ensemble").specs]
    size = (1000, 64, 10, 5)
    assert seconds("ensemble", *size) > sum(seconds(kind, *size) for kind in members)


def test_what_is_given_is_not_tuned_and_costs_less():
    assert seconds("svm:C=3", 4000, 64, 10, 5) < seconds("svm", 4000, 64, 10, 5) / 3


def test_the_approximated_svm_costs_about_the_same_for_any_number_of_rows():
    few, many = (seconds("svm", rows, 64, 25, 5) for rows in (100_000, 1_000_000))
    assert many < 1.2 * few


def test_tuning_the_svm_on_many_rows_costs_no_more_than_on_some():
    """Of 100,000 rows a fold learns from 40,000."""
    whole, once = (seconds("svm", 100_000, 64, 25, folds) for folds in (5, 0))
    half, half_once = (seconds("svm", 50_000, 64, 25, folds) for folds in (5, 0))
    assert whole - once < 1.2 * (half - half_once)


def test_a_network_s_tuning_grows_no_faster_than_its_fit():
    whole, once = (seconds("mlp", 57_000, 2048, 27, folds) for folds in (5, 0))
    assert whole < 8 * once


def test_further_trainings_and_seeds_count():
    further = [Trainings(1000, 1), Trainings(800, 10)]
    once, smaller = seconds("mlp", 1000, 64, 10, 5), seconds("mlp", 800, 64, 10, 5)
    assert seconds("mlp", 1000, 64, 10, 5, further=further) == pytest.approx(2 * once + 10 * smaller)
    fewer = seconds("mlp", 1000, 64, 10, 5, further=[Trainings(1000, 1, 3)]) - once
    assert 0.55 * once < fewer < 0.7 * once
    assert seconds("ridge", 1000, 64, 10, 5, further=[Trainings(1000, 1, 3)]) == 2 * seconds("ridge", 1000, 64, 10, 5)
    assert seconds("mlp", 1000, 64, 10, 5, refits=3) > seconds("mlp", 1000, 64, 10, 5)
    assert seconds("logreg", 1000, 64, 10, 5, refits=3) == seconds("logreg", 1000, 64, 10, 5)


def test_only_long_work_is_announced():
    assert announcement([HeadSpec("ridge")], Plan(1000, 64, 10, 5)) is None
    said = announcement(SPECS, Plan(100_000, 2048, 25, 5))
    assert said.startswith("100,000 x 2,048: these heads will take about ")
    assert "mlp" in said
    assert announcement([HeadSpec("svm")], Plan(100_000, 64, 25, 5)).startswith("100,000 x 64: svm will take about ")


def test_a_comparison_says_it_before_the_first_head(monkeypatch):
    monkeypatch.setattr(estimate, "multiplications_per_second", lambda numbers: 1e3)
    world, said = make_world(style=0.7), []
    compare(
        world.table,
        [world.cache],
        ["prototype"],
        folds=0,
        tell=said.append,
        progress=lambda done, of: said.append(done),
    )
    assert "prototype will take about" in said[0]
    assert "--no-tune" in said[0]
    assert "--folds" not in said[0]


def test_a_comparison_by_folds_says_how_to_shorten_it(monkeypatch):
    """And counts each training with the rows that it learns from."""
    monkeypatch.setattr(estimate, "multiplications_per_second", lambda numbers: 1e3)
    world, said, plans = make_world(style=0.7), [], []
    real = estimate.seconds_of
    monkeypatch.setattr(estimate, "seconds_of", lambda specs, plan: plans.append(plan) or real(specs, plan))
    compare(world.table, [world.cache], ["prototype"], folds=None, repeats=0, tell=said.append)
    for way in ("`--folds 0`", "`--question new` or `--question known`", "`--no-tune`"):
        assert way in said[0]
    assert (plans[0].rows, [one[:2] for one in plans[0].further if one.times]) == (80, [(128, 10)])


@pytest.mark.parametrize(
    ("value", "words"),
    [(12.3, "10 s"), (57.1, "1 min"), (161.0, "3 min"), (3500.0, "1 h"), (90_000.0, "20 h")],
)
def test_an_estimate_has_one_figure(value, words):
    assert in_words(value) == words
