"""`fit` and `compare` do one thing: the same folds, parameters, calibration and answers for the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from cache import Store
from classify.comparison.compare import compare
from classify.comparison.result import Comparison
from classify.data import Examples, load_examples
from classify.errors import HeadError
from classify.fitting.fit import fit
from classify.fitting.scoring import score
from classify.fitting.trial import folds_of, train_head
from classify.heads import HEADS, HeadSpec, make_head
from classify.heads.calibration import Calibration, fit_calibration
from featurize.dataset.table import DatasetTable
from tests.classify.worlds import AVGPOOL, make_world

QUICK = {"mlp": "mlp:hidden=16,epochs=2,lr=0.001", "ensemble": "ensemble:members=svm+knn"}
ALL = [QUICK.get(name, name) for name in HEADS]

# what is known of the artists: name of the artist and number of the row -> what the table has
ARTISTS: dict[str, Callable[[str, int], str]] = {
    "known": lambda name, n: name,
    "unknown": lambda name, n: "Unknown",
    "half known": lambda name, n: name if n % 2 else "",
    "one a picture": lambda name, n: f"painter {n}",
}


@dataclass(frozen=True)
class Case:
    """A dataset table, its feature cache, and what `compare` made of it."""

    table: DatasetTable
    cache: Store
    comparison: Comparison

    def examples(self, split: str) -> Examples:
        return load_examples(self.table, self.cache, [AVGPOOL], "style", split)


def painted(artists: str = "known") -> tuple[DatasetTable, Store]:
    """Pictures by which a painter is recognised more easily than a style."""
    world = make_world(style=0.7, by_artist=1.5, artists=4, train=96, test=60)
    names = [ARTISTS[artists](name, n) for n, name in enumerate(world.table.columns["artist"])]
    return world.table.with_columns(artist=names), world.cache


@pytest.fixture(scope="module", params=ARTISTS)
def case(request: pytest.FixtureRequest) -> Case:
    table, cache = painted(request.param)
    return Case(table, cache, compare(table, [cache], ALL, seed=3, folds=0))


@pytest.mark.parametrize("spec", ALL)
def test_fit_and_compare_choose_the_same_and_answer_the_same(case: Case, spec: str) -> None:
    """To the bit, for every head, whatever is known of the artists."""
    saved = fit(case.table, case.cache, spec, seed=3).saved
    (entry,) = (e for e in case.comparison.entries if e.spec == spec)
    assert {name: told["chosen"] for name, told in entry.tuned.items()} == saved.training["tuned"]
    params = saved.head.get_params()
    assert entry.params == {name: list(v) if isinstance(v, tuple) else v for name, v in params.items()}
    probabilities = saved.head.predict_proba(case.examples("test").X)
    assert list(case.comparison.classes) == saved.classes
    truth = [row.label for row in case.comparison.rows]
    assert entry.predictions.predicted == tuple(probabilities.argmax(1).tolist())
    assert entry.predictions.confidence == tuple(probabilities.max(1).tolist())
    assert entry.predictions.truth == tuple(probabilities[np.arange(len(truth)), truth].tolist())


@pytest.mark.parametrize("spec", ALL)
def test_a_score_is_what_compare_says(case: Case, spec: str) -> None:
    """Accuracy, its interval and the calibration error come from one computation."""
    saved = fit(case.table, case.cache, spec, seed=3).saved
    (entry,) = (e for e in case.comparison.entries if e.spec == spec)
    got, scores = score(saved.head, case.examples("test"), "test"), entry.scores
    assert (got.accuracy, got.low, got.high) == (scores.accuracy.value, scores.accuracy.low, scores.accuracy.high)
    assert got.calibration_error == scores.calibration_error


def test_all_right_is_an_interval_that_ends_at_one(case: Case) -> None:
    """Wilson's formula alone gives 1 - 2e-16 there, below the accuracy itself."""
    train = case.examples("train")
    head = make_head("knn", k=1, calibrate=False).fit(train.X, train.y)
    for count in range(1, 61):
        got = score(head, train.take(np.arange(count)), "train")
        assert got.low < got.accuracy == got.high == 1


# ---- artists


def test_folds_keep_artists_apart() -> None:
    table, cache = painted()
    rows = load_examples(table, cache, [AVGPOOL], "style", "train").rows
    folds = folds_of(rows, 0)
    assert len(folds) == 5
    for learn, held_out in folds:
        assert not set(rows.groups[learn]) & set(rows.groups[held_out])


@pytest.mark.parametrize("road", ["fit", "compare"])
def test_tuning_does_not_see_the_same_painter_on_both_sides(road: str) -> None:
    """What a fold's accuracy is by artist, and not by chance: 0.56 against 0.83."""
    table, cache = painted()
    train = load_examples(table, cache, [AVGPOOL], "style", "train")
    if road == "fit":
        found = [point["accuracy"] for point in fit(table, cache, "ridge").saved.training["grid"]]
    else:
        found = list(compare(table, [cache], ["ridge"]).entries[0].tuned["alpha"]["accuracy"])
    wanted = []
    for alpha in make_head("ridge").tunable["alpha"]:
        hits = []
        for learn, held_out in folds_of(train.rows, 0):
            head = make_head("ridge", alpha=alpha, calibrate=False).fit(train.X[learn], train.y[learn])
            hits.append(head.score(train.X[held_out], train.y[held_out]))
        wanted.append(np.mean(hits))
    assert found == pytest.approx(wanted, abs=0.011)
    assert max(found) < 0.7


def test_curves_and_repeats_keep_artists_apart_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever rows a head is trained on, its folds are asked for with the painters of those rows."""
    table, cache = painted()
    painters = dict(zip(table.columns["id"], table.columns["artist"], strict=True))
    seen: list[int] = []
    real = folds_of

    def watched(rows, seed):
        folds = real(rows, seed)
        for learn, held_out in folds:
            sides = [{painters[rows.ids[n]] for n in side} for side in (learn, held_out)]
            assert not sides[0] & sides[1]
        seen.append(len(rows))
        return folds

    monkeypatch.setattr("classify.comparison.contest.folds_of", watched)
    compare(table, [cache], ["ridge"], repeats=2, learning_curve=True)
    assert len(seen) == 1 + 2 + 4
    assert len(set(seen)) > 4


@pytest.mark.parametrize("tune", [True, False], ids=["tuned", "as it is"])
@pytest.mark.parametrize("spec", ["svm", "ensemble:members=svm+ridge"])
def test_probabilities_are_calibrated_on_painters_who_were_not_met(spec: str, tune: bool) -> None:
    """Held-out pictures by a painter of the other folds are told too easily, so that heads come out too sure."""
    table, cache = painted()
    train = load_examples(table, cache, [AVGPOOL], "style", "train")
    head = fit(table, cache, spec, tune=tune).saved.head
    for part in getattr(head, "members_", [head]):
        found = [type(part)(**part.get_params()).fit(train.X, train.y, groups) for groups in (train.rows.groups, None)]
        own, apart, mixed = (one.predict_proba(train.X).max(1).mean() for one in (part, *found))
        assert own == pytest.approx(apart, abs=0.02)
        assert own < mixed - 0.1


@pytest.mark.parametrize("spec", ["logreg", "softmax:epochs=3", "ridge", "ensemble:members=ridge+simpleshot"])
def test_a_tuned_head_is_calibrated_whatever_it_is(spec: str) -> None:
    """The scores of held-out rows are at hand; --no-tune and calibrate=false leave it out."""
    table, cache = painted()
    train = load_examples(table, cache, [AVGPOOL], "style", "train")
    trial = train_head(HeadSpec.parse(spec), train, folds_of(train.rows, 0))
    assert trial.tuning is not None
    wanted = fit_calibration(trial.tuning.scores, np.unique(train.y, return_inverse=True)[1])
    assert trial.head.calibration == wanted != Calibration()
    assert trial.head.get_params()["calibrate"]
    plain = HeadSpec.parse(f"{spec}{',' if ':' in spec else ':'}calibrate=false")
    assert train_head(plain, train, folds_of(train.rows, 0)).head.temperature_ == 1
    if not spec.startswith("ridge"):
        assert train_head(HeadSpec.parse(spec), train, (), tune=False).head.temperature_ == 1


# ---- seeds and devices


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_cannot_be_is_refused(seed: int) -> None:
    table, cache = painted()
    for road in (
        lambda: fit(table, cache, "ridge", seed=seed),
        lambda: compare(table, [cache], ["ridge"], seed=seed),
    ):
        with pytest.raises(HeadError, match=rf"seed={seed} is out of bounds: it must be from 0 to 4294967295"):
            road()
