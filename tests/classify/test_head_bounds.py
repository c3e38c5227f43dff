"""Both sides of each bound of a head: what is just let pass and just refused, and from where another way is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from classify.heads import base, make_head, svm
from classify.heads.calibration import fit_calibration
from classify.heads.checks import check_numbers, check_rows, check_weights
from classify.heads.prompted import ClassTexts
from classify.heads.rows.folds import make_folds, whole_folds
from classify.heads.rows.scaling import Scaling
from classify.heads.tuning import Tuning, tune


def rows(count: int = 60, features: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    codes = np.arange(count) % 3
    X = rng.standard_normal((3, features))[codes] + rng.standard_normal((count, features))
    return X.astype(np.float32), np.array(["a", "b", "c"])[codes]


@pytest.mark.parametrize(
    ("kind", "options", "least", "greatest"),
    [
        (np.float32, {"standardize": True}, 1e-30, 1e36),
        (np.float32, {"l2": True}, 1e-30, 1e36),
        (np.float64, {"standardize": True}, 1e-140, 1e140),
        (np.float32, {}, 1e-12, 1e12),
        (np.float64, {}, 1e-12, 1e12),
        (np.float32, {"sqrt": True}, 1e-24, 1e24),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_features_may_reach_from_the_least_to_the_greatest(
    kind: type, options: dict[str, bool], least: float, greatest: float, sign: int
) -> None:
    """The largest of them counts, whatever its sign."""
    chosen = {"standardize": False, "sqrt": False, "l2": False, **options}
    for reach, allowed in (
        (1.001 * least, True),
        (0.999 * least, False),
        (0.999 * greatest, True),
        (1.001 * greatest, False),
    ):
        X = np.zeros((3, 2), kind)
        X[1, 1] = sign * reach
        if allowed:
            check_rows(X, **chosen)
        else:
            with pytest.raises(ValueError, match=f"must reach {least:g} to {greatest:g}: ".replace("+", r"\+")):
                check_rows(X, **chosen)


def test_half_precision_is_never_out_of_range() -> None:
    for reach in (np.finfo(np.float16).smallest_subnormal, np.finfo(np.float16).max):
        check_rows(np.array([[0, reach]], np.float16).T, standardize=True, sqrt=False, l2=False)


def test_rows_that_differ_in_one_number_differ() -> None:
    X = np.ones((5, 3))
    X[3, 2] = 2
    check_rows(X, standardize=True, sqrt=False, l2=False)
    with pytest.raises(ValueError, match="all 5 rows are the same"):
        check_rows(np.ones((5, 3)), standardize=True, sqrt=False, l2=False)


@pytest.mark.parametrize("weight", [0.0, 1e-9, 1.0, 1e9])
def test_weights_at_the_bounds_are_taken(weight: float) -> None:
    assert check_weights([1, weight], 2).tolist() == [1, weight]


@pytest.mark.parametrize("weight", [9e-10, 1.1e9, -1.0, np.nan, np.inf])
def test_weights_beyond_the_bounds_are_named_with_their_row(weight: float) -> None:
    with pytest.raises(
        ValueError,
        match=rf"sample_weight of row 1 is {weight:g}: a weight must be from 1e-09 to 1e\+09".replace(
            "1.1e+09", r"1.1e\+09"
        ),
    ):
        check_weights([1, weight, weight], 3)


def test_weights_are_one_for_each_row_and_not_all_zero() -> None:
    with pytest.raises(ValueError, match=r"has the shape \(2,\), but there are 3 rows"):
        check_weights([1, 2], 3)
    with pytest.raises(ValueError, match="zero for all rows"):
        check_weights([0, 0], 2)


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        (0, True),
        (2.5, True),
        ((0, 2.5), True),
        (2.6, False),
        (-0.1, False),
        ((1, 3), False),
        ((), False),
        ("x", False),
        (None, False),
    ],
)
def test_a_parameter_may_be_at_its_bounds(value: object, allowed: bool) -> None:
    """Or each of several numbers, of which there is one at least."""
    if allowed:
        check_numbers("p", value, (0, 2.5))
    else:
        with pytest.raises(ValueError, match=r"p=.* is out of bounds: it must be from 0 to 2.5$"):
            check_numbers("p", value, (0, 2.5))


def test_rows_that_can_not_be_scored_are_counted_and_the_first_is_told_by_its_size() -> None:
    X, y = rows()
    X = 1e-6 * X
    head = make_head("ridge").fit(X, y)
    asked = np.concatenate([X[:2], X[:2]])
    asked[1], asked[3] = [0, 3e38, -3.3e38, 0], 3.2e38
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(ValueError, match=r"2 rows can't be scored: the features of one reach 3.3e\+38"),
    ):
        head.scores(asked)


@pytest.mark.parametrize("spec", ["ridge", "logreg:C=0.1,tol=1e-8", "lda", "knn:k=3", "svm:C=1"])
def test_a_class_that_the_weights_do_not_name_weighs_one(spec: str) -> None:
    """In a fit, and in the folds, where classes are known by their number."""
    X, y = rows()
    some, all_named = {"b": 3.0}, {"a": 1.0, "b": 3.0, "c": 1.0}
    one, two, plain = (make_head(spec, class_weight=weights, calibrate=False) for weights in (some, all_named, None))
    np.testing.assert_array_equal(one.fit(X, y).scores(X), two.fit(X, y).scores(X))
    assert np.abs(one.scores(X) - plain.fit(X, y).scores(X)).max() > 1e-3
    folds = make_folds(y)
    held_out = [head.out_of_fold(X, y, folds, [{}])[0] for head in (one, two, plain)]
    np.testing.assert_array_equal(held_out[0], held_out[1])
    assert np.abs(held_out[0] - held_out[2]).max() > 1e-3


def test_a_calibration_holds_out_fifths_that_keep_groups_together(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = rows()
    groups, seen = np.arange(60) // 6, []
    monkeypatch.setattr(base, "make_folds", lambda *how: seen.append(how) or make_folds(*how))
    make_head("ridge").fit(X, y, groups)
    make_head("ridge", calibrate=False).fit(X, y, groups)
    ((codes, apart, count),) = seen
    assert (codes.tolist(), apart.tolist(), count) == ((np.arange(60) % 3).tolist(), groups.tolist(), 5)


@pytest.mark.parametrize("classes", [2, 3])
def test_of_two_classes_a_decision_is_how_far_the_second_is_ahead(classes: int) -> None:
    X, y = rows()
    X, y = (X, y) if classes == 3 else (X[y != "c"], y[y != "c"])
    head = make_head("ridge").fit(X, y)
    expected = head.scores(X) if classes == 3 else np.diff(head.scores(X), axis=1)[:, 0]
    np.testing.assert_allclose(head.decision_function(X), expected)


def test_a_saved_head_that_fits_no_classes_is_refused_with_both_numbers() -> None:
    X, y = rows()
    head = make_head("ridge").fit(X, y)
    remake = type(head).from_state
    with pytest.raises(ValueError, match="it scores 3 classes, but names 4"):
        remake(head.get_params(), head.state(), list("abcd"))
    for names in (["b", "a", "c"], ["a", "a", "c"]):
        with pytest.raises(ValueError, match="its classes are not in order"):
            remake(head.get_params(), head.state(), names)
    without = {name: array for name, array in head.state().items() if name not in ("coef", "temperature")}
    with pytest.raises(ValueError, match="it lacks coef, temperature"):
        remake(head.get_params(), without, list("abc"))
    narrow = {**head.state(), "features": np.array(3)}
    with pytest.raises(ValueError, match="its arrays don't fit each other"):
        remake(head.get_params(), narrow, list("abc"))
    doubtless = {name: array for name, array in head.state().items() if name != "doubt"}
    assert remake(head.get_params(), doubtless, list("abc")).doubt_ == 0, "as earlier versions saved it"


@pytest.mark.parametrize(
    ("rows_", "landmarks", "tuned", "slack"),
    [(5000, 2048, 5000, 10), (5001, 2048, 5001, 30), (40_000, 2048, 40_000, 30), (40_001, 2048, 40_000, 30),
     (65_536, 2048, 40_000, 30), (65_537, 2047, 40_000, 30), (2**27, 1, 40_000, 30), (2**28, 1, 40_000, 30)],
)  # fmt: skip
def test_from_how_many_rows_the_kernel_machine_takes_another_way(
    rows_: int, landmarks: int, tuned: int, slack: int
) -> None:
    head = make_head("svm")
    assert head.landmarks_of(rows_) == landmarks
    assert head.tuned_on(rows_) == tuned
    assert head._slack(rows_) == slack
    chosen = make_head("svm:landmarks=300,exact=400")
    assert (chosen.landmarks_of(200), chosen.landmarks_of(rows_)) == (200, 300)
    assert (chosen.tuned_on(400), chosen._slack(400), chosen._slack(401)) == (400, 10, 30)
    large = make_head("svm:exact=50000")
    assert (large.tuned_on(50_000), large.tuned_on(50_001)) == (50_000, 40_000)


@pytest.mark.parametrize(("count", "exact"), [(60, True), (61, False)])
def test_up_to_exact_rows_the_kernel_is_exact(count: int, exact: bool) -> None:
    X, y = rows(count)
    head = make_head("svm:exact=60,landmarks=20,calibrate=false").fit(X, y)
    assert head.approximation == (None if exact else f"its kernel is approximated from 20 of {count} rows")
    assert head.drawn is not exact
    assert len(head.support_) == (20 if not exact else head.dual_.any(1).sum())


def test_a_kernel_machine_is_solved_less_exactly_while_its_c_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, real = [], svm.solve_squared_hinge
    monkeypatch.setattr(svm, "solve_squared_hinge", lambda *how: seen.append(how[-1]) or real(*how))
    X, y = rows()
    head = make_head("svm:tol=0.001", calibrate=False)
    head.out_of_fold(X, y, make_folds(y, None, 2), [{}])
    head.fit(X, y)
    assert seen == pytest.approx([0.01, 0.01, 0.001])


def test_the_width_of_a_kernel_without_variance_is_one() -> None:
    head = make_head("svm")
    assert head._width(np.ones((4, 3), np.float32), None) == head._width(np.ones((4, 3), np.float32), np.ones(4)) == 1
    spread = np.array([[0.0, 2], [2, 0]], np.float32)
    assert head._width(spread, None) == head._width(spread, np.ones(2)) == pytest.approx(1 / 2)


@pytest.mark.parametrize(("grouped", "folds"), [(False, 5), (True, 4)])
def test_folds_are_five_unless_there_are_fewer_groups(grouped: bool, folds: int) -> None:
    y = np.arange(60) % 3
    found = whole_folds(y, np.arange(60) // 15 if grouped else None)
    assert len(found) == folds
    assert sorted(np.concatenate([held for _, held in found]).tolist()) == list(range(60))


def test_what_is_prepared_is_said_by_what_was_learned() -> None:
    X = rows()[0].astype(np.float64)
    assert Scaling.fit(X, standardize=False, sqrt=False, l2=False).state() == {}
    assert set(Scaling.fit(X, standardize=False, sqrt=False, l2=False, centred=True).state()) == {"mean"}
    assert set(Scaling.fit(X, standardize=True, sqrt=False, l2=False).state()) == {"mean", "scale"}


@pytest.mark.parametrize("kind", ["zero-shot", "tip-adapter"])
def test_a_head_of_texts_needs_a_prompt_for_each_class_and_leaves_rows_as_they_are(kind: str) -> None:
    X, y = rows()
    head: Any = make_head(kind)
    assert (head.standardize, head.sqrt, head.l2, head.class_weight) == (False, False, False, None)
    assert head.calibrate == (kind == "tip-adapter")
    with pytest.raises(ValueError, match="it compares with prompts: `classify compare` and `classify fit` give it"):
        head.fit(X, y)
    prompts = {name: np.eye(4, dtype=np.float32)[n] for n, name in enumerate("ab")}
    head.class_texts = ClassTexts(prompts, 100.0, "")
    with pytest.raises(ValueError, match="there is no prompt for the class 'c'"):
        head.fit(X, y)
    head.class_texts = ClassTexts({**prompts, "c": prompts["a"], "d": prompts["b"]}, 100.0, "")
    with pytest.raises(ValueError, match="it compares texts of 4 numbers with rows of 3: use the embedding pooled"):
        head.fit(X[:, :3], y)
    assert head.fit(X, y).texts_.tolist() == np.eye(4)[[0, 1, 0]].tolist()


def test_no_ensemble_is_fitted_past_its_members() -> None:
    with pytest.raises(NotImplementedError):
        make_head("ensemble")._fit(*rows(), None)
    with pytest.raises(ValueError, match="an ensemble needs members, as in members=logreg"):
        make_head("ensemble", members=())


def tuning(params: dict[str, float], points: list[dict[str, float]], accuracy: list[float]) -> Tuning:
    return Tuning(params, tuple(points), np.array(accuracy)[:, None], np.full((2, 2), params["a"], np.float32))


@pytest.mark.parametrize(
    ("values", "accuracy", "best", "edge"),
    [
        ([1.0], [0.5], 1.0, False),  # nothing was chosen
        ([1.0, 2.0], [0.4, 0.5], 2.0, True),
        ([1.0, 2.0], [0.5, 0.4], 1.0, True),
        ([1.0, 2.0], [0.5, 0.5], 1.0, False),  # as good as its neighbour
        ([0.0, 2.0], [0.5, 0.4], 0.0, False),  # a parameter that is not used
        ([3.0, 1.0, 2.0], [0.4, 0.3, 0.5], 2.0, False),  # in the middle, whatever the order of the grid
        ([3.0, 1.0, 2.0], [0.5, 0.3, 0.4], 3.0, True),
        ([3.0, 1.0, 2.0], [0.4, 0.6, 0.5], 1.0, True),
    ],
)
def test_an_edge_is_the_outermost_value_and_better_than_the_one_beside_it(
    values: list[float], accuracy: list[float], best: float, edge: bool
) -> None:
    found = tuning({"a": best}, [{"a": value} for value in values], accuracy)
    assert found.edges == ({"a": best} if edge else {})
    assert (found.complete, found.rows) == (True, 0)


@pytest.mark.parametrize(("later", "taken"), [(0.4, 1.0), (0.5, 1.0), (0.6, 9.0)])
def test_what_is_tried_later_wins_where_it_is_better(later: float, taken: float) -> None:
    one, more = tuning({"a": 1.0}, [{"a": 1.0}, {"a": 2.0}], [0.5, 0.3]), tuning({"a": 9.0}, [{"a": 9.0}], [later])
    both = one.followed_by(more)
    assert both.params == {"a": taken}
    assert [point["a"] for point in both.points] == [1, 2, 9]
    assert both.mean_accuracy.tolist() == [0.5, 0.3, later]
    assert (both.scores == taken).all()


def test_a_refit_is_calibrated_on_what_folds_held_out_though_it_be_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fitted again for it; only where no row was held out are new folds made."""
    X, y = rows()
    held = np.arange(0, 60, 2)
    found = tune(make_head("ridge"), X, y, [(np.arange(1, 60, 2), held)])
    assert np.isfinite(found.scores).all(1).tolist() == np.isin(np.arange(60), held).tolist()
    ridge = type(make_head("ridge"))
    with monkeypatch.context() as patch:
        patch.setattr(ridge, "out_of_fold", lambda *_: pytest.fail("fitted again"))
        head = found.refit(make_head("ridge"), X, y)
    codes = np.unique(y, return_inverse=True)[1]
    assert head.calibration == fit_calibration(found.scores[held], codes[held])
    assert head.calibrate
    nothing = tune(make_head("ridge"), X, y, [])
    assert (nothing.params, nothing.accuracy.shape, nothing.scores.shape) == ({}, (7, 0), (60, 3))
    assert nothing.refit(make_head("ridge"), X, y).calibration == make_head("ridge").fit(X, y).calibration
