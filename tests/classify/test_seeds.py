"""A head that draws random numbers is fitted with several seeds, and those of one head move no other."""

from __future__ import annotations

import pytest

from classify.comparison.compare import compare
from classify.comparison.result import Comparison
from classify.errors import HeadError
from classify.evaluation.entry import Seeds
from classify.report import sentences
from classify.report.page import render
from tests.classify.worlds import World, make_world

MLP = "mlp:hidden=8,epochs=2,lr=0.003,weight_decay=0"


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(style=0.5)


@pytest.fixture(scope="module")
def compared(world: World) -> Comparison:
    return run(world, MLP, "logreg", seeds=3)


def run(world: World, *heads: str, **options: object) -> Comparison:
    return compare(world.table, [world.cache], list(heads), **{"folds": 0, **options})


def entry(comparison: Comparison, kind: str):
    return next(e for e in comparison.entries if e.kind == kind)


def test_each_seed_is_the_comparison_with_that_seed_alone(world: World, compared: Comparison) -> None:
    found = entry(compared, "mlp").seeds
    assert (found.scored, found.seeds) == (0, (0, 1, 2))
    alone = [run(world, f"{MLP},seed={seed}").best.scores.accuracy.value for seed in found.seeds]
    assert found.accuracies == pytest.approx(alone)
    assert len(set(alone)) > 1  # or there is nothing to tell


def test_one_head_s_seed_moves_no_other(world: World, compared: Comparison) -> None:
    other = run(world, f"{MLP},seed=7", "logreg", seeds=1)
    one, two = entry(compared, "logreg"), entry(other, "logreg")
    assert (one.tuned, one.predictions) == (two.tuned, two.predictions)
    assert one.seeds is None
    assert entry(other, "mlp").seeds is None  # it was given


def test_mean_and_spread_stand_in_the_row(compared: Comparison) -> None:
    found = entry(compared, "mlp")
    (said,) = sentences.seeds(found)
    assert said.startswith("Over 3 seeds ")
    assert said.endswith("scored here is seed 0.")
    for template in ("page.html", "report.md"):
        assert " ".join(said.split()) in " ".join(render(compared, template).split())


def test_mean_and_deviation_are_those_of_the_sample() -> None:
    seeds = Seeds(0, (0, 1, 2), (0.3, 0.4, 0.5))
    assert (seeds.mean, seeds.deviation) == pytest.approx((0.4, 0.1))


def test_an_approximated_kernel_draws_and_an_exact_one_does_not(world: World) -> None:
    found = run(world, "svm:C=1,exact=20,landmarks=20", "svm:C=1", seeds=2)
    assert {e.spec: e.seeds is not None for e in found.entries} == {
        "svm:C=1,exact=20,landmarks=20": True,
        "svm:C=1": False,
    }


def test_no_seed_is_refused(world: World) -> None:
    with pytest.raises(HeadError, match="--seeds 0"):
        run(world, "logreg", seeds=0)
