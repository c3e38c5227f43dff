"""Folds that can be trusted, and a choice among parameters that is made on them alone."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classify.heads import HEADS, make_head, mlp
from classify.heads.base import Head
from classify.heads.calibration import Calibration, fit_calibration, fit_temperature, softmax
from classify.heads.tuning import can_group, make_folds, tune
from tests.sizes import HYPOTHESIS_EXAMPLES


def data(rows=200, features=30, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(rows) % 4)
    X = rng.standard_normal((4, features))[y] * 0.5 + noise * rng.standard_normal((rows, features))
    return X.astype(np.float32), np.array(["a", "b", "c", "d"])[y]


# ---- folds

LABELS = st.lists(st.integers(0, 5), min_size=1, max_size=60)


@settings(max_examples=HYPOTHESIS_EXAMPLES, deadline=None)
@given(LABELS, st.integers(2, 7), st.integers(0, 3))
def test_folds_of_any_labels_can_be_used(y, n, seed):
    """Whatever the classes: no crash, disjoint sides, each row held out at most once and of a class that is trained."""
    folds = make_folds(y, n=n, seed=seed)
    y = np.asarray(y)
    held = Counter()
    for train, held_out in folds:
        assert len(held_out)
        assert not set(train) & set(held_out)
        assert set(y[held_out]) <= set(y[train])
        assert len(set(y[train])) > 1
        held.update(held_out.tolist())
    assert len(folds) <= n
    assert all(times == 1 for times in held.values())


@settings(max_examples=HYPOTHESIS_EXAMPLES, deadline=None)
@given(LABELS.flatmap(lambda y: st.tuples(st.just(y), st.lists(st.integers(0, 8), min_size=len(y), max_size=len(y)))))
def test_folds_of_any_groups_can_be_used(pair):
    y, groups = (np.asarray(part) for part in pair)
    for train, held_out in make_folds(y, groups):
        assert set(y[held_out]) <= set(y[train])
        if can_group(y, groups):
            assert not set(groups[train]) & set(groups[held_out])


def test_every_row_is_held_out_once_where_classes_allow_it():
    y = np.repeat(["a", "b", "c"], [10, 25, 40])
    folds = make_folds(y, n=5)
    assert sorted(np.concatenate([held_out for _, held_out in folds]).tolist()) == list(range(75))
    for train, held_out in folds:
        assert Counter(y[held_out]) == {"a": 2, "b": 5, "c": 8}
        assert len(train) + len(held_out) == 75


def test_a_single_row_of_a_class_trains_but_is_not_held_out():
    y = np.array(["a"] * 10 + ["b"] * 10 + ["c"])
    folds = make_folds(y, n=5)
    assert len(folds) == 5
    assert not any(20 in held_out for _, held_out in folds)
    assert sum(20 in train for train, _ in folds) == 4


@pytest.mark.parametrize(
    ("y", "groups", "count"),
    [
        ("aabb", None, 2),
        ("aaabbb", None, 3),
        ("ab", None, 0),
        ("abc", None, 0),
        ("aaaa", None, 0),
        ("aaaabbbb", "12341234", 4),
        ("aaaabbbb", "11221122", 2),
    ],
)
def test_there_are_fewer_folds_where_rows_or_groups_are_few(y, groups, count):
    assert len(make_folds(list(y), None if groups is None else list(groups), n=5)) == count


def test_groups_are_left_out_of_account_where_a_class_is_one_artist():
    """With an artist to a style, folds by artist would hold out whole styles and measure noise."""
    y = np.repeat(["a", "b", "c"], 10)
    assert not can_group(y, y)
    folds = make_folds(y, groups=y)
    assert sum(len(held_out) for _, held_out in folds) == 30
    artists = np.tile(np.arange(5), 6)
    assert can_group(y, artists)
    assert all(not set(artists[train]) & set(artists[held_out]) for train, held_out in make_folds(y, artists))


@pytest.mark.parametrize(("shared", "grouped"), [(4, False), (5, True), (6, True), (9, True)])
def test_artists_are_kept_apart_where_half_of_the_rows_allow_it(shared, grouped):
    """`shared` of ten rows are of a class by two artists, the others of classes by one artist each."""
    y = ["a"] * shared + ["b"] * (10 - shared)
    groups = ["one"] + ["two"] * (shared - 1) + ["three"] * (10 - shared)
    assert can_group(y, groups) is grouped


def test_groups_of_one_row_change_no_folds():
    """Rows by unknown artists are split as rows without artists are."""
    y = np.arange(60) % 4
    np.testing.assert_equal(make_folds(y, np.arange(60)), make_folds(y))
    np.testing.assert_equal(make_folds(y, [f"painter {n}" for n in range(60)], 3, 7), make_folds(y, None, 3, 7))
    twice = np.concatenate([np.arange(30), np.arange(30)])  # each picture stands in two rows
    for train, held_out in make_folds(np.concatenate([y[:30], y[:30]]), twice):
        assert not set(twice[train]) & set(twice[held_out])


@pytest.mark.parametrize("name", HEADS)
def test_without_folds_no_row_is_scored(name):
    X, y = data(8)
    scores = make_head(name).out_of_fold(X, y, [], [{}, {}])
    assert scores.shape == (2, 8, 4)
    assert np.isnan(scores).all()


def test_the_same_seed_gives_the_same_folds():
    y = np.arange(60) % 3
    one, same, other = make_folds(y, seed=1), make_folds(y, seed=1), make_folds(y, seed=2)
    np.testing.assert_equal(one, same)
    assert any(not np.array_equal(a[1], b[1]) for a, b in zip(one, other, strict=True))


# ---- tuning


@pytest.mark.parametrize("name", [name for name in HEADS if name not in ("mlp", "softmax", "ensemble")])
def test_tuning_is_cross_validation(name):
    """Its figures are those of fitting and scoring fold by fold."""
    X, y = data()
    folds = make_folds(y, n=3)
    head = make_head(name, calibrate=False)
    grid = {parameter: values[1::2] for parameter, values in head.tunable.items()}
    tuning = tune(head, X, y, folds, grid)
    assert tuning.accuracy.shape == (len(tuning.points), 3)
    for point, row in zip(tuning.points, tuning.accuracy, strict=True):
        plain = make_head(name, calibrate=False).set_params(**point)
        wanted = [plain.fit(X[train], y[train]).score(X[held_out], y[held_out]) for train, held_out in folds]
        np.testing.assert_allclose(row, wanted, atol=0.031)  # two rows of a fold: tuning stops a little earlier
    best = tuning.points[int(tuning.mean_accuracy.argmax())]
    assert tuning.params == best


def test_a_planted_best_value_is_found():
    """Few rows, many features of noise: a strong penalty wins, and by much."""
    X, y = data(120, 300, noise=2.0)
    X[:, :4] += 3 * (y[:, None] == np.array(["a", "b", "c", "d"]))
    tuning = tune(make_head("linear-svm"), X, y, make_folds(y))
    assert tuning.params["C"] <= 1e-3
    assert tuning.mean_accuracy.max() > tuning.mean_accuracy[-1]


def test_a_grid_is_the_product_of_its_values_and_ties_go_to_the_first():
    X, y = data(noise=0.01)  # everything is right everywhere
    grid = {"C": (0.1, 1.0), "standardize": (True, False)}
    tuning = tune(make_head("logreg"), X, y, make_folds(y), grid)
    assert [tuple(point.values()) for point in tuning.points] == [(0.1, True), (0.1, False), (1.0, True), (1.0, False)]
    assert (tuning.accuracy == 1).all()
    assert tuning.params == {"C": 0.1, "standardize": True}


@pytest.mark.parametrize("spec", ["softmax", "mlp:hidden=8"])
def test_a_network_s_epochs_share_one_training(spec):
    """The scores after 3 of 6 epochs are those of a training of 3."""
    X, y = data()
    folds, head = make_folds(y, n=3), make_head(spec, calibrate=False)
    shared = head.out_of_fold(X, y, folds, [{"epochs": 3}, {"epochs": 6}])
    for epochs, scores in zip((3, 6), shared, strict=True):
        alone = head.out_of_fold(X, y, folds, [{"epochs": epochs}])[0]
        np.testing.assert_array_equal(scores, alone)


def test_a_network_is_tuned_on_as_many_folds_as_hold_out_enough_rows(monkeypatch):
    X, y = data()
    monkeypatch.setattr(mlp, "ENOUGH", 70)
    tuning = tune(make_head("softmax"), X, y, make_folds(y), {"epochs": (1, 2)})
    assert tuning.accuracy.shape[1] == 2  # of 40 rows each
    assert not tuning.complete
    assert np.isfinite(tuning.scores).all(1).sum() == 80


class Peaked(type(make_head("ridge"))):
    """Out of fold it is the better the nearer alpha is to a peak."""

    peak = 0.0

    def out_of_fold(self, X, y, folds, points):
        codes = np.unique(y, return_inverse=True)[1]
        right = np.eye(4, dtype=np.float32)[codes]
        out = np.stack([right] * len(points))
        for scores, point in zip(out, points, strict=True):
            wrong = round(10 * abs(np.log10(point["alpha"] / self.peak)))
            scores[:wrong] = np.roll(scores[:wrong], 1, axis=1)
        return out


@pytest.mark.parametrize(
    ("peak", "chosen", "edge"),
    [
        (1e2, 1e2, False),
        (1e6, 1e6, False),
        (1e8, 1e8, True),
        (1e7, 1e7, False),
        (1e-1, 1e-1, False),
        (1e-5, 1e-2, True),
    ],
)
def test_a_best_value_at_the_edge_is_looked_for_beyond_it_and_told_where_it_stays_there(peak, chosen, edge):
    X, y = data()
    head = Peaked()
    head.peak = peak
    tuning = tune(head, X, y, make_folds(y))
    assert tuning.params == {"alpha": chosen}
    assert tuning.edges == ({"alpha": chosen} if edge else {})
    assert len(tuning.points) == len(tuning.accuracy)


@pytest.mark.parametrize(("peak", "tried"), [(1e6, [1e7]), (1e7, [1e7, 1e8]), (1e8, [1e7, 1e8])])
def test_dear_values_beyond_an_edge_are_tried_while_they_get_better(peak, tried):
    """Where each value is a training of its own, as a network's rate is."""
    X, y = data()
    head = Peaked()
    head.peak, head.path_param = peak, None
    tuning = tune(head, X, y, make_folds(y))
    assert [point["alpha"] for point in tuning.points[len(head.tunable["alpha"]) :]] == tried
    assert tuning.params == {"alpha": peak}


def test_a_tie_at_the_edge_is_no_edge():
    X, y = data(noise=0.01)  # everything is right everywhere
    tuning = tune(make_head("logreg"), X, y, make_folds(y))
    assert tuning.params["C"] == min(make_head("logreg").tunable["C"])
    assert tuning.edges == {}
    assert len(tuning.points) == len(make_head("logreg").tunable["C"])


def test_rows_that_a_fold_learns_from_are_those_of_the_largest():
    X, y = data()
    folds = make_folds(y)
    assert tune(make_head("ridge"), X, y, folds).rows == max(len(train) for train, _ in folds)
    assert tune(make_head("ridge"), X, y, []).rows == 0


def test_every_head_with_a_penalty_or_a_rate_has_a_grid():
    """An untuned head is never set against a tuned one."""
    for name in HEADS:
        head = make_head(name)
        adjustable = {"C", "alpha", "shrinkage", "k", "lr", "epochs", "weight_decay"} & set(head.get_params())
        assert adjustable == set(head.tunable), name


def test_the_head_that_is_tuned_is_left_as_it_was():
    X, y = data()
    head = make_head("ridge")
    before = dict(vars(head))
    tune(head, X, y, make_folds(y))
    assert vars(head) == before


def test_without_folds_the_parameters_stay():
    X, y = data(8)
    tuning = tune(make_head("logreg:C=0.5"), X, y, [])
    assert tuning.params == {}
    assert tuning.refit(make_head("logreg:C=0.5"), X, y).C == 0.5


def test_refitting_calibrates_on_the_scores_at_hand(monkeypatch):
    """No second cross-validation, and the temperature is that of the held-out scores."""
    X, y = data()
    tuning = tune(make_head("svm"), X, y, make_folds(y))

    def fail(*arguments):
        raise AssertionError("cross-validated again")

    monkeypatch.setattr(Head, "out_of_fold", fail)
    head = tuning.refit(make_head("svm"), X, y)
    assert head.calibrate
    assert tuning.params == {"C": head.C}
    assert head.calibration == fit_calibration(tuning.scores, np.unique(y, return_inverse=True)[1])


def test_scores_are_missing_where_no_fold_held_a_row_out():
    X, y = data(100)
    tuning = tune(make_head("ridge"), X, y, make_folds(y)[:2])
    held = np.concatenate([held_out for _, held_out in make_folds(y)[:2]])
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(tuning.scores).all(1)), np.sort(held))


def test_a_class_unknown_to_a_fold_has_no_score_there():
    X, y = data(100)
    train = np.flatnonzero(y != "c")[:60]
    held_out = np.setdiff1d(np.arange(100), train)
    for name in ("logreg", "ridge", "lda", "knn", "svm", "prototype", "simpleshot"):
        scores = tune(make_head(name), X, y, [(train, held_out)]).scores[held_out]
        assert (scores[:, 2] == -np.inf).all()
        assert np.isfinite(scores[:, [0, 1, 3]]).all()


def test_an_ensemble_tunes_its_members():
    X, y = data()
    tuning = tune(make_head("ensemble:members=ridge+knn"), X, y, make_folds(y))
    ridge, knn = (tune(make_head(name), X, y, make_folds(y)).params for name in ("ridge", "knn"))
    members = [make_head(spec) for spec in tuning.params["members"]]
    assert members[0].alpha == ridge["alpha"]
    assert members[1].k == knn["k"]
    head = tuning.refit(make_head("ensemble:members=ridge+knn"), X, y)
    assert [member.get_params() for member in head.members_] == [
        {**member.get_params(), "calibrate": True} for member in members
    ]


def test_an_ensemble_tunes_no_option_of_its_members():
    X, y = data()
    tuning = tune(make_head("ensemble:members=ridge:alpha=1+knn"), X, y, make_folds(y))
    assert tuning.params["members"][0] == "ridge:alpha=1"
    assert tuning.params["members"][1].startswith("knn:k=")


def test_an_ensemble_averages_probabilities_and_not_their_logarithms():
    """Two members who disagree: the mean of 0.9 and 0.1 is a half, whatever their product is."""
    X, y = data(noise=2.0)
    head = make_head("ensemble:members=knn:k=1+prototype").fit(X[:120], y[:120])
    members = [member.predict_proba(X[120:]) for member in head.members_]
    geometric = np.exp(np.mean(np.log(np.array(members) + 1e-12), axis=0))
    geometric /= geometric.sum(1, keepdims=True)
    assert np.abs(np.mean(members, axis=0) - geometric).max() > 0.05
    np.testing.assert_allclose(head.predict_proba(X[120:]), np.mean(members, axis=0), atol=1e-5)


def test_a_class_that_all_members_rule_out_has_a_number_for_a_score():
    """The logarithm of a very small probability, not of none."""
    X, y = data()
    head = make_head("ensemble:members=knn+prototype").fit(X, y)
    sure = SimpleNamespace(probabilities=lambda scores: scores)
    member = SimpleNamespace(calibration=sure, scaling_=lambda rows: rows, _scores=lambda rows: np.eye(3))
    head.members_ = [member, member]
    scores = head.scores(X[:3])
    assert np.isfinite(scores).all()
    assert (scores.argmax(1) == [0, 1, 2]).all()
    assert -30 < scores.min() < -25
    np.testing.assert_allclose(scores.max(1), 0, atol=1e-6)


def test_an_ensemble_is_held_out_as_it_answers():
    """The held-out scores are the logarithms of the same mean."""
    X, y = data(noise=2.0)
    folds, codes = make_folds(y), np.unique(y, return_inverse=True)[1]
    found = make_head("ensemble:members=knn:k=1+prototype").out_of_fold(X, y, folds, [{}])[0]
    scores = [make_head(name).out_of_fold(X, y, folds, [{}])[0] for name in ("knn:k=1", "prototype")]
    wanted = np.mean([fit_calibration(one, codes).probabilities(one) for one in scores], axis=0)
    np.testing.assert_allclose(np.exp(found), wanted, atol=1e-5)


# ---- calibration


@pytest.mark.parametrize("wanted", [0.05, 1.0, 30.0])
def test_a_planted_temperature_is_found(wanted):
    rng = np.random.default_rng(0)
    scores = wanted * 2 * rng.standard_normal((20_000, 5))
    chances = softmax(scores, wanted)
    codes = (rng.random((20_000, 1)) > chances.cumsum(1)).sum(1).clip(0, 4)
    assert fit_temperature(scores, codes) == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize(("temperature", "doubt"), [(3.0, 0.2), (0.1, 0.5), (50.0, 0.05), (1.0, 0.0)])
def test_a_planted_share_of_doubt_is_found_with_the_temperature(temperature, doubt):
    rng = np.random.default_rng(0)
    scores = temperature * 3 * rng.standard_normal((4000, 5))
    chances = Calibration(temperature, doubt).probabilities(scores)
    codes = (rng.random((4000, 1)) > chances.cumsum(1)).sum(1).clip(0, 4)
    found = fit_calibration(scores, codes)
    assert found.temperature == pytest.approx(temperature, rel=0.12)
    assert found.doubt == pytest.approx(doubt, abs=0.03)


def test_scores_whose_size_says_nothing_are_calibrated_by_doubt():
    """One row in ten is ten times as long, as painters who are unlike all others are: one temperature is too modest."""
    rng = np.random.default_rng(0)
    scores = 2 * rng.standard_normal((4000, 5))
    codes = (rng.random((4000, 1)) > softmax(scores).cumsum(1)).sum(1).clip(0, 4)
    scores[::10] *= 10
    right = scores.argmax(1) == codes
    errors = [
        abs(probabilities.max(1).mean() - right.mean())
        for probabilities in (
            softmax(scores, fit_temperature(scores, codes)),
            fit_calibration(scores, codes).probabilities(scores),
        )
    ]
    assert errors[0] > 0.04
    assert errors[1] < 0.02


@settings(max_examples=HYPOTHESIS_EXAMPLES, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.floats(0, 0.9))
def test_calibrated_probabilities_sum_to_one_and_keep_the_order(seed, temperature, doubt):
    scores = np.random.default_rng(seed).standard_normal((20, 6)) * temperature * 3
    found = Calibration(temperature, doubt)
    probabilities = found.probabilities(scores)
    np.testing.assert_allclose(probabilities.sum(1), 1)
    np.testing.assert_array_equal(probabilities.argsort(1), scores.argsort(1))
    np.testing.assert_allclose(found.logs(scores), np.log(probabilities))
    np.testing.assert_allclose(probabilities, (1 - doubt) * softmax(scores, temperature) + doubt / 6)


def test_a_temperature_needs_rows_whose_class_was_known():
    scores = np.full((4, 3), np.nan)
    assert fit_temperature(scores, np.zeros(4, int)) == 1.0
    scores = np.array([[5.0, 0, -np.inf]] * 30 + [[0.0, 1, -np.inf]] * 10)
    codes = np.array([0] * 30 + [2] * 10)  # the last ten are of the class that the fold did not know
    assert fit_temperature(scores, codes) == fit_temperature(scores[:30], codes[:30])


# head -> by how much calibration may miss: three have scores that are nearly log-probabilities to begin with
UNCALIBRATED = {"svm": 0, "linear-svm": 0, "ridge": 0, "prototype": 0.03, "simpleshot": 0, "lda": 0.03, "knn": 0.03}


@pytest.mark.parametrize(("name", "slack"), UNCALIBRATED.items(), ids=list(UNCALIBRATED))
def test_calibration_makes_new_rows_likelier(name, slack):

    def loss(calibrate):
        losses = []
        for X, y in (data(420, seed=seed) for seed in range(4)):
            head = make_head(name, calibrate=calibrate).fit(X[:120], y[:120])
            codes = np.searchsorted(head.classes_, y[120:])
            losses.append(-np.log(head.predict_proba(X[120:])[np.arange(300), codes] + 1e-300))
        return np.mean(losses)

    assert loss(True) < loss(False) + slack
    assert loss(True) < np.log(4)
