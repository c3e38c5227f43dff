"""Prediction sets hold the true class as often as they promise, and a picture unlike all others is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classify.evaluation.conformal import HeldOut, mass_before, sets
from classify.evaluation.familiar import Familiar
from classify.heads.rows.folds import make_folds


def answers(rng: np.random.Generator, count: int, classes: int = 8, sharp: float = 1.5):
    """Probabilities (n, K) and true classes drawn from others than these: a head that is too sure of itself."""
    logits = sharp * rng.normal(size=(count, classes))
    shares = np.exp(0.5 * logits) / np.exp(0.5 * logits).sum(1, keepdims=True)
    truth = (shares.cumsum(1) > rng.random((count, 1))).argmax(1)
    said = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return said, truth


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_sets_cover_as_often_as_promised_over_200_resamplings(coverage: float) -> None:
    """Whatever the probabilities are worth: 90 +- 2 %, from 120 held-out pictures each."""
    inside = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        said, truth = answers(rng, 320)
        limit = HeldOut.of(said[:120], truth[:120]).limit(coverage)
        inside.append(sets(said[120:], limit)[np.arange(200), truth[120:]].mean())
    assert abs(np.mean(inside) - coverage) < 0.02


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_mass_before_is_what_a_loop_says_and_grows_with_rank(seed: int, classes: int) -> None:
    said = np.random.default_rng(seed).dirichlet(np.full(classes, 0.3), 5)
    before = mass_before(said)
    for row, own in zip(said, before, strict=True):
        order = sorted(range(classes), key=lambda k: (-row[k], k))
        for rank, k in enumerate(order):
            assert own[k] == pytest.approx(sum(row[j] for j in order[:rank]), abs=1e-12)
        assert own[order[0]] == 0


def test_a_set_holds_the_likeliest_class_and_every_class_before_its_last() -> None:
    said, truth = answers(np.random.default_rng(0), 300)
    for coverage in (0.05, 0.5, 0.9, 0.99):
        inside = sets(said, HeldOut.of(said, truth).limit(coverage))
        ranks = (-said).argsort(1).argsort(1)
        sizes = inside.sum(1)
        assert (sizes >= 1).all()
        assert ((ranks < sizes[:, None]) == inside).all()


def test_a_larger_coverage_gives_larger_sets_and_one_that_cannot_be_promised_is_refused() -> None:
    said, truth = answers(np.random.default_rng(0), 50)
    kept = HeldOut.of(said, truth)
    sizes = [sets(said, kept.limit(c)).sum() for c in (0.3, 0.6, 0.9, 0.98)]
    assert sizes == sorted(sizes)
    with pytest.raises(
        ValueError, match=r"the coverage 0.99 can't be promised from 50 held-out pictures: ask for 0.98 at"
    ):
        kept.limit(0.99)
    for wrong in (0, 1, -0.1, 90, float("nan")):
        with pytest.raises(ValueError, match="is out of bounds: it must be above 0 and below 1"):
            kept.limit(wrong)


def test_nine_held_out_pictures_are_enough_for_ninety_percent() -> None:
    assert HeldOut(np.arange(9) / 10).limit(0.9) == 0.8


# ---- unlike


def paintings(rng: np.random.Generator, count: int, shift: float = 0.0) -> np.ndarray:
    """Rows near a few directions, as embeddings of paintings are; others (shift) lie beside them."""
    base = np.random.default_rng(7).normal(size=(5, 40))
    rows = rng.gamma(2.0, size=(count, 5)) @ np.abs(base) + 0.3 * rng.normal(size=(count, 40))
    return (rows + shift * np.abs(np.random.default_rng(8).normal(size=40))).astype(np.float32)


def test_one_percent_of_paintings_is_flagged_and_nearly_all_that_is_none() -> None:
    flagged, found = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X = paintings(rng, 300)
        familiar = Familiar.learn(X, make_folds(np.arange(300) % 3))
        flagged.append(np.mean([familiar.unlike(row) for row in paintings(rng, 200)]))
        found.append(np.mean([familiar.unlike(row) for row in paintings(rng, 50, shift=20)]))
        found.append(np.mean([familiar.unlike(row) for row in rng.random((50, 40))]))
    assert 0.002 < np.mean(flagged) < 0.02
    assert np.mean(found) > 0.9


def test_the_length_of_a_row_does_not_matter_and_odd_rows_are_unlike() -> None:
    X = paintings(np.random.default_rng(0), 300)
    familiar = Familiar.learn(X, make_folds(np.arange(300) % 3))
    with np.errstate(over="raise"):
        near = familiar.residuals(X[:5])
        assert familiar.residuals(1e30 * X[:5]) == pytest.approx(near, abs=1e-6)
        assert familiar.residuals(1e-30 * X[:5]) == pytest.approx(near, abs=1e-5)
    assert familiar.unlike(np.zeros(40, np.float32))


def test_too_few_rows_give_no_flag_and_many_are_sampled() -> None:
    enough = paintings(np.random.default_rng(0), 99)  # below, none is above 99 %
    assert Familiar.learn(enough, make_folds(np.arange(99) % 3)).rows == 99
    X = enough[:98]
    assert Familiar.learn(X, make_folds(np.arange(len(X)) % 3)) is None
    assert Familiar.learn(X[:, :1], make_folds(np.arange(len(X)) % 3)) is None
    many = paintings(np.random.default_rng(1), 12_000)
    familiar = Familiar.learn(many, make_folds(np.arange(len(many)) % 3))
    assert familiar.basis.shape == (20, 40)
    assert familiar.rows == 10_000
    assert sum(array.nbytes for array in familiar.state().values()) < 10_000


@pytest.mark.parametrize("features", [40, 12])
def test_the_limit_is_the_residual_that_99_percent_of_held_out_rows_do_not_exceed(features: int) -> None:
    """Residuals of ViM by numpy's singular vectors: as many as a quarter of a fold's rows, or half of the features."""
    X = paintings(np.random.default_rng(3), 150)[:, :features]
    folds = make_folds(np.arange(150) % 3)
    familiar = Familiar.learn(X, folds)
    assert familiar is not None
    units = X / np.linalg.norm(X, axis=1, keepdims=True)
    count = min(features // 2, 120 // 4)

    def residual(rows: np.ndarray, learned: np.ndarray) -> np.ndarray:
        basis = np.linalg.svd(learned, full_matrices=False)[2][:count]
        return np.linalg.norm(rows - rows @ basis.T @ basis, axis=1)

    held_out = np.sort(np.concatenate([residual(units[held], units[learn]) for learn, held in folds]))
    assert familiar.limit == pytest.approx(held_out[149], abs=1e-3), "150 of 151 are more than 99 %"
    assert familiar.rows == 150
    np.testing.assert_allclose(familiar.basis @ familiar.basis.T, np.eye(count), atol=1e-5)
    np.testing.assert_allclose(familiar.residuals(X), residual(units, units), atol=2e-3)
    other = paintings(np.random.default_rng(4), 80)[:, :features]
    moved = familiar.in_space_of(other)
    assert (moved.limit, moved.rows, moved.basis.shape) == (familiar.limit, 150, (count, features))
    assert moved.residuals(other).mean() < familiar.residuals(other).mean()


def test_of_more_held_out_rows_one_in_a_hundred_lies_beyond_the_limit() -> None:
    X = paintings(np.random.default_rng(5), 499)
    familiar = Familiar.learn(X, make_folds(np.arange(499) % 3))
    assert familiar is not None
    again = Familiar.from_state(familiar.state(), 40)
    assert (again.limit, again.rows) == (familiar.limit, 499)
    assert again.basis.tobytes() == familiar.basis.tobytes()
    for name in ("basis", "limit", "rows"):
        with pytest.raises(ValueError, match="is not whole"):
            Familiar.from_state({key: value for key, value in familiar.state().items() if key != name}, 40)
    spoiled = [{"limit": np.array(np.nan)}, {"basis": familiar.basis * np.nan}, {"basis": familiar.basis[0]}]
    for change in spoiled:
        with pytest.raises(ValueError, match="don't fit 40 features"):
            Familiar.from_state({**familiar.state(), **change}, 40)
    with pytest.raises(ValueError, match="don't fit 39 features"):
        Familiar.from_state(familiar.state(), 39)


def test_a_row_at_the_limit_is_not_unlike() -> None:
    rows = np.eye(3, dtype=np.float32)
    familiar = Familiar(rows[:1], 1.0, 99)
    assert not familiar.unlike(rows[1])
    assert Familiar(rows[:1], 0.999, 99).unlike(rows[1])
    assert familiar.residuals(np.array([[3.0, 4, 0]], np.float32)) == pytest.approx([0.8])


def test_at_most_64_directions_and_four_rows_for_each() -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 200)).astype(np.float32)
    for count, directions in ((400, 64), (125, 25)):  # four fifths are learned from
        familiar = Familiar.learn(X[:count], make_folds(np.arange(count) % 3))
        assert familiar is not None
        assert familiar.basis.shape == (directions, 200)
    assert Familiar.learn(X[:100], [(np.arange(4), np.arange(4, 100)), (np.arange(4, 8), np.arange(5))]) is not None
    assert Familiar.learn(X[:104], [(np.arange(3), np.arange(3, 104))]) is None
    assert Familiar.learn(X[:100, :2], make_folds(np.arange(100) % 3)) is not None
    assert Familiar.learn(X[:100], []) is None


def test_what_can_be_promised_is_rounded_down() -> None:
    """99 of 100 held-out pictures: what is proposed can be asked for."""
    for count in (1, 6, 13, 98, 999):
        kept = HeldOut(np.linspace(0, 1, count))
        assert (len(kept), kept.most) == (count, count / (count + 1))
        with pytest.raises(ValueError, match=f"from {count:,} held-out pictures: ask for ") as raised:
            kept.limit(0.9995)
        proposed = float(str(raised.value).partition("ask for ")[2].partition(" ")[0])
        assert kept.most - 0.001 < proposed <= kept.most
        assert kept.limit(proposed) == kept.before[np.ceil((count + 1) * proposed - 1e-9).astype(int) - 1]
