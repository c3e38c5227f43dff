"""What every head keeps: scikit-learn's contract, a state of plain arrays, probabilities, the same bits each time."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from classify.heads import HEADS, head_class, make_head
from classify.heads.watch import Watch

ALL = list(HEADS)
# made small, so that scikit-learn's hundreds of fits stay quick
QUICK = {"mlp": "mlp:hidden=16,lr=0.01", "ensemble": "ensemble:members=lda+ridge"}

# check -> (heads, reason)
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        ALL,
        "equal to seven digits only without calibration and in float64; tests/classify/test_weights.py has the limits",
    ),
    "check_class_weight_classifiers": (
        ("prototype", "simpleshot"),
        "a class mean does not depend on the weight of its rows",
    ),
}


def data(rows=240, features=20, classes=4, seed=0):
    """Non-negative classes that overlap a little: X (rows, features) float32, y (rows,) names."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.arange(rows) % classes)
    centres = 1.2 * rng.standard_normal((classes, features))
    X = np.maximum(centres[codes] + rng.standard_normal((rows, features)), 0).astype(np.float32)
    return X, np.array(["Baroque", "Cubism", "Naïve Art", "Ukiyo-e"])[codes]


def fitted(name, **params):
    X, y = data()
    return make_head(QUICK.get(name, name), **params).fit(X[:160], y[:160]), X[160:], y[160:]


WITH_WEIGHTS = (
    "check_sample_weights_pandas_series",
    "check_sample_weights_not_an_array",
    "check_sample_weights_list",
    "check_all_zero_sample_weights_error",
    "check_sample_weights_shape",
    "check_sample_weights_not_overwritten",
    "check_classifiers_one_label_sample_weights",
)
EXPECTED_FAILURES |= dict.fromkeys(WITH_WEIGHTS, (("knn",), "it counts votes, and refuses weights"))


def expected(head):
    return {
        check: reason
        for check, (names, reason) in EXPECTED_FAILURES.items()
        if any(type(head) is head_class(name) for name in names)
    }


@parametrize_with_checks([make_head(QUICK.get(name, name)) for name in ALL], expected_failed_checks=expected)
@pytest.mark.filterwarnings("default")  # scikit-learn's checks provoke warnings of its own
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module", params=ALL)
def head(request):
    """A fitted head of each kind, with rows that it has not seen."""
    return fitted(request.param)


def test_a_head_learns(head):
    model, X, y = head
    assert model.score(X, y) > 0.8


def test_probabilities_are_probabilities(head):
    model, X, _ = head
    P = model.predict_proba(X)
    assert P.shape == (len(X), 4)
    assert P.dtype == np.float64
    assert (P >= 0).all()
    np.testing.assert_allclose(P.sum(1), 1)
    np.testing.assert_array_equal(model.classes_[P.argmax(1)], model.predict(X))


def test_logarithms_of_probabilities_do_not_end_at_zero(head):
    """They are those of the probabilities, and order classes whose probabilities are all too small for a float."""
    model, X, _ = head
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), atol=1e-12)
    before, model.temperature_ = model.temperature_, model.temperature_ * 1e-5
    logs = model.predict_log_proba(X)
    model.temperature_ = before
    assert np.isfinite(logs).all()
    np.testing.assert_array_equal(logs.argsort(1)[:, -1], model.scores(X).argmax(1))
    assert (np.sort(logs, 1)[:, 0] < np.sort(logs, 1)[:, 1]).all()


def test_decisions_are_scores_and_of_two_classes_the_lead_of_the_second(head):
    model, X, y = head
    np.testing.assert_array_equal(model.decision_function(X), model.scores(X))
    two = make_head("ridge").fit(X, y == "Cubism")
    assert two.decision_function(X).shape == (len(X),)
    np.testing.assert_array_equal(two.decision_function(X) > 0, two.predict(X))


def test_a_head_comes_back_from_its_state_with_the_same_bits(head):
    """Through JSON and plain arrays only, as a file would keep them."""
    model, X, _ = head
    state = model.state()
    assert all(type(array) is np.ndarray and array.dtype.kind in "fi" for array in state.values())
    params = json.loads(json.dumps(model.get_params()))
    again = type(model).from_state(params, state, [str(name) for name in model.classes_])
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_equal(again.state(), state)


def test_a_state_that_lacks_an_array_is_refused_by_name(head):
    model = head[0]
    state = {name: array for name, array in model.state().items() if name != "temperature"}
    with pytest.raises(ValueError, match="lacks temperature"):
        type(model).from_state(model.get_params(), state, list(model.classes_))


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_gives_the_same_bits(name):
    one, X, _ = fitted(name)
    two, _, _ = fitted(name)
    np.testing.assert_equal(one.state(), two.state())
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


@pytest.mark.parametrize("name", ALL)
def test_a_training_can_be_watched_whatever_the_head(name):
    """Heads with epochs show each of them; the others take the watcher and have nothing to show."""
    X, y = data()
    seen = []
    model = make_head(QUICK.get(name, name)).fit(X[:160], y[:160], watch=Watch(X[160:], y[160:], seen.append))
    assert seen == list(model.history)
    assert len(seen) == model.get_params().get("epochs", 0)
    assert all(0 <= record["val_accuracy"] <= 1 for record in seen)


@pytest.mark.parametrize("name", ALL)
def test_warming_up_leaves_a_head_unfitted(name):
    head = make_head(QUICK.get(name, name))
    before = dict(vars(head))
    head.warm_up()
    assert vars(head) == before


@pytest.mark.parametrize("name", ["mlp", "softmax"])
def test_another_seed_gives_other_bits(name):
    one, X, _ = fitted(name)
    two, _, _ = fitted(name, seed=1)
    assert not np.array_equal(one.predict_proba(X), two.predict_proba(X))


@pytest.mark.parametrize("name", ALL)
def test_half_precision_rows_are_enough(name):
    """A cache may hold float16: the same rows train and are told apart as well."""
    X, y = data()
    model = make_head(QUICK.get(name, name)).fit(X[:160].astype(np.float16), y[:160])
    assert model.score(X[160:].astype(np.float16), y[160:]) > 0.8


@pytest.mark.parametrize("name", ALL)
def test_the_order_of_the_classes_in_the_rows_does_not_matter_to_their_names(name):
    """Names are sorted once; a row's class is found by name, never by when it was first seen."""
    X, y = data()
    swapped = np.where(y == "Baroque", "Zen", y)
    a = make_head(QUICK.get(name, name)).fit(X, y)
    b = make_head(QUICK.get(name, name)).fit(X, swapped)
    assert list(a.classes_) == ["Baroque", "Cubism", "Naïve Art", "Ukiyo-e"]
    assert list(b.classes_) == ["Cubism", "Naïve Art", "Ukiyo-e", "Zen"]
    assert np.mean(np.where(a.predict(X) == "Baroque", "Zen", a.predict(X)) == b.predict(X)) > 0.97


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("prototype", "simpleshot")])
def test_balanced_weights_find_more_of_a_rare_class(name):
    X, y = data(400)
    rare = y == "Cubism"
    keep = ~rare | (np.cumsum(rare) <= 12)
    X[:, 4:] = np.random.default_rng(1).random(X[:, 4:].shape)  # most features say nothing: classes overlap
    X, y, rare = X[keep], y[keep], rare[keep]
    plain = make_head(QUICK.get(name, name)).fit(X, y).predict_proba(X)[rare, 1].mean()
    balanced = make_head(QUICK.get(name, name), class_weight="balanced").fit(X, y).predict_proba(X)[rare, 1].mean()
    assert balanced > plain


HEAVY = "torch", "torchvision"
WITHOUT_TORCH = [name for name in ALL if name not in ("mlp", "softmax")]
TRAIN = """
import sys
import numpy as np
from classify.heads import make_head
rng = np.random.default_rng(0)
X, y = rng.random((60, 5)), np.array(["a", "b", "c"] * 20)
for name in sys.argv[1:]:
    make_head(name, calibrate=True).fit(X, y).predict_proba(X)
assert not {"torch", "torchvision"} & set(sys.modules), "torch was loaded"
"""


def python(code, *arguments):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_heads_that_need_no_torch_do_not_load_it():
    done = python(TRAIN, *WITHOUT_TORCH)
    assert done.returncode == 0, done.stderr


def test_the_table_of_heads_loads_nothing_heavy():
    done = python("import sys, classify.heads; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    assert not {"sklearn", "scipy", "numpy", "torch"} & set(done.stdout.split())


def spoiled(X, value):
    X[3, 3] = value
    return X


BAD_ROWS = [
    ("one class", lambda X, y: (X, np.repeat("Baroque", len(y))), "one class, 'Baroque'"),
    ("not a number", lambda X, y: (spoiled(X, np.nan), y), "NaN"),
    ("infinity", lambda X, y: (spoiled(X, np.inf), y), "infinity"),
    ("another length", lambda X, y: (X, y[:-1]), "inconsistent"),
]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("break_", "message"), [row[1:] for row in BAD_ROWS], ids=[row[0] for row in BAD_ROWS])
def test_bad_rows_are_refused(name, break_, message):
    with pytest.raises(ValueError, match=message):
        make_head(QUICK.get(name, name)).fit(*break_(*data()))


@pytest.mark.parametrize("name", ALL)
def test_a_class_of_a_single_row_is_no_obstacle(name):
    X, y = data(80)
    y = np.where(np.arange(80) == 5, "Rayonism", y)
    model = make_head(QUICK.get(name, name), calibrate=True).fit(X, y)
    assert "Rayonism" in model.classes_
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.parametrize("name", ["lda", "prototype", "simpleshot", "knn", "ridge"])
def test_one_row_a_class_is_learned_without_a_warning(name):
    X = np.random.default_rng(0).random((300, 64), np.float32)
    y = np.array([f"Style {n:03}" for n in range(300)])
    assert (make_head(name).fit(X, y).predict(X) == y).mean() > 0.9


@pytest.mark.parametrize("name", ALL)
def test_features_that_never_change_are_no_obstacle(name):
    X, y = data(120)
    X[:, 2], X[:, 7] = 0, 1e6
    assert make_head(QUICK.get(name, name)).fit(X, y).score(X, y) > 0.8


@pytest.mark.parametrize("k", [1, 3, 9])
def test_neighbours_order_classes_by_votes_then_by_their_most_similar_row(k):
    """Against a plain loop; before, classes without votes came in alphabetical order, as if that were a ranking."""
    X, y = data(200, features=6)
    head = make_head("knn:calibrate=false", k=k).fit(X[:120], y[:120])
    known, asked = (head.scaling_(part) for part in (X[:120], X[120:]))
    known, asked = (part / np.linalg.norm(part, axis=1)[:, None] for part in (known, asked))
    for row, chances in zip(asked, head.predict_proba(X[120:]), strict=True):
        similar = known @ row
        voters = y[:120][np.argsort(-similar)[:k]]
        wanted = sorted(head.classes_, key=lambda c: (-np.sum(voters == c), -similar[y[:120] == c].max()))
        assert head.classes_[np.argsort(-chances)].tolist() == wanted


def test_the_names_of_the_classes_decide_nothing_between_neighbours():
    X, y = data(200, features=6)
    turned = dict(zip(np.unique(y), np.unique(y)[::-1], strict=True))
    head = make_head("knn:k=3").fit(X[:120], y[:120])
    other = make_head("knn:k=3").fit(X[:120], np.array([turned[name] for name in y[:120]]))
    np.testing.assert_allclose(other.predict_proba(X[120:])[:, ::-1], head.predict_proba(X[120:]), atol=0.05)


TIES = {
    "yes or no": lambda z: (z > 0.5).astype(float),
    "whole numbers": np.round,
    "one feature": lambda z: z[:, :1],
    "copies": lambda z: z[np.arange(len(z)) // 6 * 6],
    "empty rows": lambda z: z * (np.arange(len(z)) % 4 > 0)[:, None],
}


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("kind", TIES)
def test_neighbours_that_are_equally_near_share_their_votes(kind, standardize):
    """Neither the order of the rows nor the names of their classes says which of them are the k nearest."""
    rng = np.random.default_rng(0)
    X, codes = TIES[kind](rng.standard_normal((90, 5))).astype(np.float32), rng.integers(0, 4, 90)
    for k in (1, 3, 9):
        head = make_head("knn:calibrate=false", k=k, standardize=standardize)
        chances = head.fit(X[:60], codes[:60]).predict_proba(X)
        turned = np.random.default_rng(k).permutation(60)
        other = head.fit(X[turned], 3 - codes[turned]).predict_proba(X)[:, ::-1]
        np.testing.assert_allclose(other, chances, atol=1e-4)


def test_a_neighbour_of_two_classes_is_half_of_either():
    """Two pictures with the same embedding and different labels: nothing says which is right."""
    X = np.array([[1, 0], [1, 0], [0, 1], [-1, 0]], np.float32)
    head = make_head("knn:k=1,calibrate=false,standardize=false").fit(X, list("cbad"))
    chances = dict(zip(head.classes_, head.predict_proba(X[:1])[0], strict=True))
    assert chances["b"] == pytest.approx(chances["c"], rel=1e-6)
    assert chances["b"] > chances["a"] > chances["d"]


@pytest.mark.parametrize("weighted", [False, True])
def test_a_class_whose_rows_cancel_each_other_points_nowhere(weighted):
    """Rounding would point somewhere, and differently for each order of the rows."""
    rows = np.random.default_rng(0).standard_normal((30, 7))
    X = (5.3 + np.stack([rows, -rows], 1).reshape(60, 7)).astype(np.float32)
    head = make_head("simpleshot:calibrate=false")
    head.fit(X, np.repeat([0, 1, 2], 20), sample_weight=np.full(60, 0.3) if weighted else None)
    assert not head.means_.any()
