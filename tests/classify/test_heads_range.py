"""Numbers of any size: a head works on them as on others, or refuses them in a sentence; it never falls to chance."""

from __future__ import annotations

import numpy as np
import pytest

from classify.heads import HEADS, make_head

QUICK = {"mlp": "mlp:hidden=16", "ensemble": "ensemble:members=knn+ridge"}
ALL = [QUICK.get(name, name) for name in HEADS]
WORKING = {np.float32: [-25, -6, 6, 25, 35], np.float64: [-130, -25, 25, 130]}
REFUSED = {np.float32: [-200, -45, -40, -38, -32, 38, 200], np.float64: [-200, 200]}
SENTENCES = "the features reach .*, but must reach .* to .*: multiply them by a constant|infinity|rows are the same"


def data(rows=120, features=8):
    rng = np.random.default_rng(0)
    codes = rng.permutation(np.arange(rows) % 3)
    return 2 * rng.standard_normal((3, features))[codes] + rng.standard_normal((rows, features)), codes


def scaled(X, exponent, kind):
    with np.errstate(over="ignore", under="ignore"):
        return (X * 10.0**exponent).astype(kind)


@pytest.mark.parametrize("kind", WORKING)
@pytest.mark.parametrize(
    "options", [{"standardize": True}, {"l2": True, "standardize": False}], ids=["standardised", "l2"]
)
@pytest.mark.parametrize("spec", ALL)
def test_rows_of_any_size_are_learned_from_or_refused(spec, options, kind):
    X, codes = data()
    plain = make_head(spec, **options).fit(X[:80], codes[:80]).score(X[80:], codes[80:])
    for exponent in WORKING[kind]:
        rows = scaled(X, exponent, kind)
        head = make_head(spec, **options).fit(rows[:80], codes[:80])
        assert head.score(rows[80:], codes[80:]) > plain - 0.05, exponent
    for exponent in REFUSED[kind]:
        with pytest.raises(ValueError, match=SENTENCES):
            make_head(spec, **options).fit(scaled(X, exponent, kind), codes)


@pytest.mark.parametrize("exponent", [-25, -13, 13, 25])
@pytest.mark.parametrize("spec", ALL)
def test_rows_as_they_are_must_be_of_a_size_that_float32_can_square(spec, exponent):
    X, codes = data()
    with pytest.raises(ValueError, match=r"must reach 1e-12 to 1e\+12: use standardize=true or l2=true, or multiply"):
        make_head(spec, standardize=False).fit(scaled(X, exponent, np.float32), codes)


@pytest.mark.parametrize("spec", ALL)
def test_rows_that_are_all_the_same_are_refused(spec):
    with pytest.raises(ValueError, match="all 20 rows are the same: there is nothing to tell classes apart by"):
        make_head(spec).fit(np.ones((20, 3)), np.arange(20) % 2)


@pytest.mark.parametrize("spec", [spec for spec in ALL if spec != "simpleshot"])
def test_rows_that_differ_by_rounding_only_are_refused(spec):
    """Standardised, every feature would become 0, and the head would guess in silence."""
    X, codes = data()
    rows = (1e7 + X).astype(np.float32)
    with pytest.raises(ValueError, match=r"no feature differs .* by more than rounding \(they are about 1e\+07\): .*"):
        make_head(spec).fit(rows, codes)
    assert make_head("simpleshot").fit(rows[:80], codes[:80]).score(rows[80:], codes[80:]) > 0.9


@pytest.mark.parametrize("spec", ALL)
def test_a_fold_whose_rows_are_all_the_same_is_scored(spec):
    rows = np.zeros((60, 4), np.float32)
    rows[:10], codes = data(10, 4)[0], np.arange(60) % 3
    folds = [(np.arange(10, 60), np.arange(10)), (np.arange(50), np.arange(50, 60))]
    assert np.isfinite(make_head(spec).out_of_fold(rows, codes, folds, [{}])[0][:10]).all()


@pytest.mark.parametrize("spec", ALL)
def test_measurements_are_no_classes(spec):
    X, codes = data()
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        make_head(spec).fit(X, codes + np.linspace(0, 0.5, len(codes)))


@pytest.mark.parametrize("spec", [spec for spec in ALL if spec not in ("knn", "simpleshot", "svm", QUICK["ensemble"])])
def test_a_row_too_far_from_the_training_rows_is_refused(spec):
    """Its scores would be infinite, and the first class would win in silence; a cosine or a kernel knows no far."""
    X, codes = data()
    X = scaled(X, -6, np.float32)
    head = make_head(spec).fit(X, codes)
    far = X[:5].copy()
    far[3] = 3e38
    with pytest.raises(ValueError, match=r"1 row can't be scored: the features of one reach 3e\+38"):
        head.predict(far)
