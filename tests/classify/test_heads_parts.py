"""Work shared between folds, on features of every kind: what one direct fit for each fold gives, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from classify.heads import make_head
from classify.heads.base import Head
from classify.heads.rows.folds import make_folds
from classify.heads.rows.moments import Pieces, moments
from classify.heads.rows.scaling import Scaling

ROWS, CLASSES = 60, 3
EXAMPLES = 15  # for each head: an example is a dozen fits

# kind -> how a feature of it looks, given informative noise around 0 of size 1
KINDS = {
    "plain": lambda z, rng: z,
    "zero": lambda z, rng: 0 * z,
    "constant": lambda z, rng: 0 * z + 1000.1,
    "active in one row": lambda z, rng: np.where(np.arange(len(z)) == rng.integers(len(z)), 8.0, 0.0),
    "active in three rows": lambda z, rng: np.where(np.isin(np.arange(len(z)), rng.integers(0, len(z), 3)), 8.0, 0.0),
    "sparse": lambda z, rng: np.where(rng.random(len(z)) < 0.2, np.abs(z), 0),
    "rounding noise": lambda z, rng: 7 * (1 + 1e-7 * rng.integers(-1, 2, len(z))),
    "nearly constant": lambda z, rng: 3 + 1e-4 * z,
    "one row far off": lambda z, rng: np.where(np.arange(len(z)) == rng.integers(len(z)), 1e4, 1e-2 * z),
    "large offset": lambda z, rng: 1e4 + z,
    "constant to some folds": lambda z, rng: 1e6 + 1.15 * z / z.std(),  # 1.19 is rounding
    "tiny": lambda z, rng: 1e-25 * z,
    "huge": lambda z, rng: 1e25 * z,
}
TIGHT = {"logreg": {"tol": 1e-8}, "linear-svm": {"tol": 1e-8}, "svm": {"tol": 1e-6}}
TIGHT["svm:exact=20,landmarks=30"] = {"tol": 1e-8}  # tuning it stops earlier
# of the size of a row's scores; heads whose solver stops near the minimum differ by how near
TOLERANCE = {"logreg": 0.01, "linear-svm": 0.02, "svm": 0.02}
HEADS = ["logreg", "linear-svm", "svm", "svm:exact=20,landmarks=30", "ridge", "lda", "knn", "prototype"]
HEADS += ["simpleshot:standardize=true", "softmax", "mlp:hidden=8,epochs=3"]


def features(kinds, seed):
    """X (ROWS, len(kinds)) float32 and codes (ROWS,) that plain features tell apart a little."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.arange(ROWS) % CLASSES)
    columns = [KINDS[kind](rng.standard_normal(CLASSES)[codes] + rng.standard_normal(ROWS), rng) for kind in kinds]
    return np.stack(columns, 1).astype(np.float32), codes


@pytest.mark.parametrize("spec", HEADS)
@settings(max_examples=EXAMPLES)
@given(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=8), st.integers(0, 1000))
@example(list(KINDS), 0)
@example(["constant to some folds"] * 4, 0)
def test_shared_work_is_a_direct_fit_for_each_fold(spec, kinds, seed):
    """Head._path fits each fold and value anew; what a head does instead gives the same scores of held-out rows."""
    X, codes = features(["plain", "plain", "plain", *kinds], seed)
    head = make_head(spec, calibrate=False, **TIGHT.get(spec, TIGHT.get(spec.partition(":")[0], {})))
    grid = head.tunable.get(head.path_param, (None,))
    values = [grid[place % len(grid)] for place in (2, 4)] if head.tunable else [None]
    folds = make_folds(codes, n=3)
    shared = head._path(X, codes, folds, values)
    plain = Head._path(head, X, codes, folds, values)
    shared, plain = (scores - scores.mean(2, keepdims=True) for scores in (shared, plain))  # what softmax sees
    sizes = abs(plain).max(2, keepdims=True)  # of each row's scores
    sizes = np.maximum(sizes, np.median(sizes, axis=1, keepdims=True))
    assert (abs(shared - plain) / sizes).max() < TOLERANCE.get(spec.partition(":")[0], 1e-4)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("spec", ["ridge", "lda", "prototype", "logreg"])
def test_a_feature_may_be_rounding_in_all_rows_and_not_in_a_fold(spec, weighted):
    """About as large as the border between the two, so that it is constant in some of the folds, or in all rows."""
    different = 0
    for seed in range(20):
        X, codes = features(["plain"] * 6, seed)
        X[:, 3:] = 1e6 + 0.85 * X[:, 3:]
        weights = 2.0 ** np.random.default_rng(seed).integers(-1, 2, ROWS) if weighted else None
        head = make_head(spec, calibrate=False, **TIGHT.get(spec, {}))
        folds = make_folds(codes, n=3)
        scalings = head._fit_scalings(X, [np.arange(ROWS), *(train for train, _ in folds)], weights)
        different += len({tuple(np.isinf(scaling.scale)) for scaling in scalings}) > 1
        values = [head.tunable[head.path_param][2] if head.tunable else None]
        both = head._path(X, codes, folds, values, weights), Head._path(head, X, codes, folds, values, weights)
        shared, plain = (scores - scores.mean(2, keepdims=True) for scores in both)
        np.testing.assert_allclose(shared, plain, atol=TOLERANCE.get(spec, 1e-3) * abs(plain).max())
    assert different > 5


@pytest.mark.parametrize("spec", HEADS)
def test_the_unit_of_a_feature_changes_nothing(spec):
    """Standardised, a feature in ångström is one in light years: nothing over- or underflows on the way."""
    X, codes = features(["plain"] * 6, 1)
    factors = np.float32(2.0) ** np.array([0, 80, -80, 40, -90, 1])
    head = make_head(spec).fit(X, codes)
    other = make_head(spec).fit(X * factors, codes)
    np.testing.assert_allclose(other.predict_proba(X * factors), head.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize("spec", [spec for spec in HEADS if make_head(spec).centred])
def test_a_shift_of_all_rows_changes_nothing(spec):
    """Not even where features are not standardised: distances and means are not differences of large numbers."""
    X, codes = features(["plain"] * 6, 1)
    X = np.round(X * 64) / 64  # so that X + 4096 is exact
    options = {"standardize": False, **TIGHT.get(spec.partition(":")[0], {})}
    head = make_head(spec, **options).fit(X, codes)
    other = make_head(spec, **options).fit(X + 4096, codes)
    np.testing.assert_allclose(other.predict_proba(X + 4096), head.predict_proba(X), atol=2e-3)


@pytest.mark.parametrize("spec", HEADS)
def test_what_never_changed_in_training_says_nothing_later(spec):
    """A dead feature that comes to life, or one whose last bits were noise, does not move a prediction."""
    X, codes = features(["plain", "plain", "zero", "constant", "rounding noise"], 2)
    later = X.copy()
    later[:, 2:] = [500, -1e6, 7.5]
    head = make_head(spec).fit(X, codes)
    np.testing.assert_allclose(head.predict_proba(later), head.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("mean", [1.0, -300.0])
def test_a_deviation_of_a_few_rounding_errors_is_none(kind, mean):
    """Ten times the precision of the arithmetic decides: float32's for half precision, too, which is widened."""
    eps = np.finfo(np.float64 if kind is np.float64 else np.float32).eps
    wide = np.float64 if kind is np.float64 else np.float32
    sides = np.where(np.arange(40) % 2, 1, -1)[:, None]
    X = (mean * (1 + sides * eps * np.array([0, 5, 20, 5000]))).astype(wide)
    assert np.isinf(moments(np.copy, X).scale).tolist() == [True, True, False, False]
    half = (np.float16(mean) * np.ones((40, 2), np.float16)).astype(kind)
    assert np.isinf(Scaling.fit(half, standardize=True, sqrt=False, l2=False).scale).all()


@pytest.mark.parametrize(("kind", "least"), [(np.float32, np.finfo(np.float32).tiny), (np.float64, 1e-150)])
def test_a_deviation_that_is_too_small_to_be_divided_by_is_none(kind, least):
    """Around a mean of 0, where no rounding error of the mean decides."""
    sides = np.where(np.arange(40) % 2, 1, -1)[:, None]
    X = (sides * least * np.array([0.0, 1e-3, 0.5, 4.0])).astype(kind)
    scale = moments(np.copy, X).scale
    assert np.isinf(scale).tolist() == [True, True, True, False]
    assert scale[3] == pytest.approx(4 * least, rel=1e-3)


@given(st.lists(st.integers(0, 4), min_size=6, max_size=40), st.integers(1, 4), st.integers(1, 9), st.integers(0, 99))
def test_parts_have_the_moments_of_their_rows(labels, count, block, seed):
    """Whatever the parts: overlapping, the same, with rows of none."""
    rng = np.random.default_rng(seed)
    labels = np.array(labels)
    X = 1e3 + rng.standard_normal((len(labels), 3))
    trains = [np.flatnonzero(labels <= rng.integers(labels.min(), 5)) for _ in range(count)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("classify.heads.rows.moments.block_rows", lambda features: block)
        pieces = Pieces.of(np.copy, X, trains)
    for found, train in zip(pieces.parts(), trains, strict=True):
        assert found.count == len(train)
        np.testing.assert_allclose(found.mean, X[train].mean(0), rtol=1e-12)
        np.testing.assert_allclose(found.squares, len(train) * X[train].var(0), rtol=1e-9, atol=1e-9)
    assert sum(piece.count for piece in pieces.moments) == len(np.unique(np.concatenate(trains)))
