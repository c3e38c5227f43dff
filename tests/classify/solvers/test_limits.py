"""How far solvers go: steps, threads, rows at once; both sides of each limit."""

from __future__ import annotations

from itertools import pairwise
from threading import Barrier, get_ident

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from classify.heads import make_head
from classify.heads.lda import ledoit_wolf
from classify.heads.rows import blocks
from classify.heads.rows.blocks import Rows, block_rows
from classify.heads.solvers import parallel, threads
from classify.heads.solvers.kernel import rbf, solve_squared_hinge
from classify.heads.solvers.lbfgs import LBFGS
from classify.heads.solvers.nystrom import Nystrom, draw
from classify.heads.solvers.products import TorchProducts
from classify.heads.solvers.sgd import shares
from classify.heads.solvers.shifted_systems import Shifted
from tests.classify.drawn import rng, rows_of


def test_a_point_that_no_shorter_step_betters_is_the_solution_after_twelve_tries() -> None:
    """Each step is a tenth to a half of the one before, by the parabola through what is known."""
    solver = LBFGS(np.array([1.0]), 1e-9, np.inf)
    solver.tell(5.0, np.array([1.0]), lambda g: g)
    assert (solver.x.tolist(), solver.trial.tolist()) == ([1.0], [0.0])
    lengths = [1.0]
    for tries in range(13):
        assert not solver.done
        solver.tell(9.0 if tries % 2 else np.inf, np.array([1.0]), lambda g: g)
        if tries < 12:
            lengths.append(1.0 - float(solver.trial[0]))
    assert solver.done
    assert (solver.x.tolist(), solver.steps) == ([1.0], 1)
    ratios = [b / a for a, b in pairwise(lengths)]
    assert all(0.0999 < ratio < 0.5001 for ratio in ratios)
    assert ratios[::2] == pytest.approx([0.1] * 6, rel=1e-4), "of no number there is no parabola"


def test_a_step_is_shortened_to_the_lowest_point_of_the_parabola() -> None:
    """Value 5 and slope -1 here, 5.25 after a step of 1: lowest at 0.4."""
    solver = LBFGS(np.array([1.0]), 1e-9, np.inf)
    solver.tell(5.0, np.array([1.0]), lambda g: g)
    solver.tell(5.25, np.array([9.0]), lambda g: g)
    assert solver.trial.tolist() == pytest.approx([0.6])
    solver.tell(4.7, np.array([0.1]), lambda g: g)
    assert (solver.x.tolist(), solver.steps) == (pytest.approx([0.6]), 2)


@pytest.mark.parametrize(("null", "done"), [(np.inf, True), (5.0, True), (4.2, False), (4.0, False)])
def test_a_solution_is_near_enough_beside_its_value_and_what_it_gained(null: float, done: bool) -> None:
    """Half of gradient times step, 0.02, against a twentieth of the value 4, or of what it is below the trivial one."""
    solver = LBFGS(np.array([1.0]), 0.05, null)
    solver.tell(4.0, np.array([0.2]), lambda g: g)
    assert solver.done is done


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("spec", ["logreg", "linear-svm"])
def test_a_linear_head_goes_through_its_rows_no_more_often_than_it_may(spec: str, passes: int) -> None:
    X, codes = rng().standard_normal((90, 5)), np.arange(90) % 3
    head = make_head(spec, max_iter=passes, tol=1e-12, C=10.0, calibrate=False).fit(X, codes)
    assert head.n_iter_ == passes
    assert make_head(spec, tol=1e-4, calibrate=False).fit(X, codes).n_iter_ < 300


@pytest.mark.parametrize(("work", "size"), [(parallel.SMALL - 1, 1), (parallel.SMALL, 3), (1e12, 3)])
def test_work_is_shared_out_from_four_million_multiplications_on(work: float, size: int) -> None:
    assert parallel.SMALL == 4 * 2**20
    libraries = parallel.Libraries()
    with threadpool_limits(3):
        assert libraries.team_size(work) == size
        with libraries.team(work) as team:
            assert team.size == size
            assert (team is parallel.ALONE) == (size == 1)
    with threadpool_limits(1), libraries.team(work) as team:
        assert team is parallel.ALONE


def test_threads_that_are_started_are_one_fewer_than_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first part is done in the calling thread."""
    started: list[int] = []
    pool = parallel.ThreadPoolExecutor
    monkeypatch.setattr(parallel, "ThreadPoolExecutor", lambda n, **how: started.append(n) or pool(n, **how))
    with threadpool_limits(3), parallel.team(1e12) as team:
        assert team.map(abs, [-1, -2, -3]) == [1, 2, 3]
        assert team.map(abs, [-4]) == [4]
    assert started == [2]


@pytest.mark.parametrize(("more", "alone"), [(0, True), (1, False)])
def test_up_to_two_million_numbers_one_thread_works(more: int, alone: bool) -> None:
    rows = np.broadcast_to(np.float32(0), (threads.ONE_THREAD + more,))
    with threadpool_limits(2), threads.threads_for(rows):
        assert {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"} == {1 if alone else 2}


@pytest.mark.parametrize(
    ("units", "workers", "sizes"),
    [(512, 4, [128] * 4), (128, 4, [64, 64]), (127, 4, [127]), (200, 3, [66, 67, 67]), (8, 2, [8]), (512, 1, [512])],
)
def test_hidden_units_are_shared_out_evenly_and_64_at_least(units: int, workers: int, sizes: list[int]) -> None:
    found = shares(units, workers)
    assert [at.stop - at.start for at in found] == sizes
    assert [at.start for at in found] == [0, *(at.stop for at in found[:-1])]


@pytest.mark.parametrize(
    ("features", "rows"), [(2048, 2048), (64, 65_536), (1, 4_194_304), (0, 4_194_304), (10**9, 64)]
)
def test_a_block_has_16_mib_and_64_rows_at_least(features: int, rows: int) -> None:
    assert block_rows(features) == rows


@pytest.mark.parametrize(("spare", "kept"), [(0, True), (-1, False)])
def test_prepared_rows_are_kept_where_they_fit(spare: int, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not prepared again; a caller sees no difference."""
    X, calls = rng().standard_normal((100, 3)).astype(np.float32), []
    monkeypatch.setattr(blocks, "KEEP_BYTES", 100 * 3 * 4 + spare)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 0)
    rows = Rows(X, lambda part: calls.append(len(part)) or 2 * part)
    assert (rows.kept, rows.shape, rows.step) == (kept, (100, 3), 64)
    assert calls == ([64, 36] if kept else [])
    for _ in range(2):
        np.testing.assert_array_equal(np.concatenate([part for _, part in rows]), 2 * X)
    np.testing.assert_array_equal(rows[np.array([70, 3])], 2 * X[[70, 3]])
    np.testing.assert_allclose(rows.dot(np.eye(3, dtype=np.float32)[:2], np.array([9, 0, 99])), 2 * X[[9, 0, 99], :2])
    assert len(calls) == (2 if kept else 2 * 2 + 1 + 1)


@pytest.mark.parametrize(("count", "drawn"), [(5, 5), (30, 30), (31, 30)])
def test_landmarks_are_some_of_the_rows_in_order(count: int, drawn: int) -> None:
    index = np.arange(100, 190, 3)
    found = draw(index, count, 0)
    assert len(found) == len(set(found)) == drawn
    assert np.isin(found, index).all()
    assert (np.diff(found) > 0).all()
    assert count > 29 or draw(index, count, 1).tolist() != found.tolist()


def test_features_of_landmarks_have_the_kernel_for_their_products() -> None:
    """All rows being landmarks, but for what is added to the diagonal."""
    X = rng().standard_normal((20, 6)).astype(np.float32)
    features = Nystrom(X, 0.2)
    K = np.exp(-0.2 * np.square(X[:, None] - X).sum(2))
    np.testing.assert_allclose(features(X) @ features(X).T, K, atol=1e-4)
    W = rng(1).standard_normal((3, 20)).astype(np.float32)
    np.testing.assert_allclose(K @ features.dual(W), features(X) @ W.T, atol=2e-3)


@pytest.mark.parametrize("patience", [1, 3])
def test_a_training_stops_so_many_epochs_after_the_best(patience: int) -> None:
    """And its weights are those of the best epoch, whatever came later."""
    X, codes = rng().standard_normal((120, 20)).astype(np.float32), np.arange(120) % 3
    head = make_head(f"softmax:epochs=40,lr=0.1,patience={patience}").fit(X, codes)
    losses = [record["held_out_loss"] for record in head.history_]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + patience < 40
    shorter = make_head(f"softmax:epochs={best + 1},lr=0.1,patience=40").fit(X, codes)
    np.testing.assert_array_equal(head.scores(X), shorter.scores(X))


def test_where_nothing_rises_or_falls_the_start_is_the_solution() -> None:
    solver = LBFGS(np.array([1.0, 2.0]), 1e-9, 4.0)
    solver.tell(4.0, np.zeros(2), lambda g: g)
    assert solver.done
    assert solver.x.tolist() == [1, 2]


@pytest.mark.parametrize(("spread", "shrinkage"), [(np.eye(4), 1.0), (np.diag([9.0, 1, 1, 1]), None)])
def test_a_covariance_that_is_a_sphere_is_shrunk_to_it(spread: np.ndarray, shrinkage: float | None) -> None:
    """Its distance from the sphere is none, and nothing is divided by that."""
    rows = np.concatenate([spread, -spread]).astype(np.float32)
    found = ledoit_wolf(Shifted([rows], rows.shape), 8, 4)
    assert found == shrinkage or (shrinkage is None and 0 < found < 1)


def test_an_epoch_that_is_as_good_as_the_best_is_no_better() -> None:
    """At a rate that moves no weight all epochs are alike, and a training ends as soon as it has waited enough."""
    X, codes = rng().standard_normal((120, 20)).astype(np.float32), np.arange(120) % 3
    head = make_head("mlp:hidden=8,epochs=9,patience=2,lr=1e-12").fit(X, codes)
    assert len({record["held_out_loss"] for record in head.history_}) == 1
    assert len(head.history_) == 3


def test_of_two_parts_another_thread_works_on_the_second() -> None:
    def work(n: int) -> int:
        both.wait()  # breaks where one thread does both
        return get_ident()

    both = Barrier(2, timeout=60)
    with threadpool_limits(2), parallel.team(1e12) as team:
        first, second = team.map(work, [0, 1])
    assert first == get_ident() != second


@pytest.mark.parametrize("C", [1e-7, 1e-3, 10.0])
def test_a_kernel_machine_is_solved_relative_to_where_it_starts(C: float) -> None:
    """Under a strong penalty too, where all numbers are small: b_i = 2 C y_i max(0, 1 - y_i f_i) for every row."""
    X = rng().standard_normal((40, 3)).astype(np.float32)
    K = rbf(X, X, 0.4) + 1
    Y = np.where(rng(1).random((2, 40)) < 0.4, 1, -1).astype(np.float32)
    b = solve_squared_hinge(K, Y, np.full_like(Y, 1 / (2 * C)), 1e-3).astype(np.float64)
    wanted = 2 * C * Y * np.maximum(1 - Y * (b @ K), 0)
    assert np.linalg.norm(b - wanted) < 0.02 * np.linalg.norm(wanted)


@pytest.mark.parametrize("kept", [True, False])
def test_blocks_on_a_device_are_held_there_where_rows_are_kept(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    rows = rows_of(rng().standard_normal((10, 3)))
    monkeypatch.setattr(rows, "kept", kept)
    monkeypatch.setattr(Rows, "__getitem__", lambda rows, at: rows._all[at])
    products = TorchProducts(rows, "cpu")
    one, again, other = (products.block(at) for at in (slice(0, 4), slice(0, 4), slice(4, 10)))
    assert (one is again) == kept
    assert other is not one
    W = np.eye(3, dtype=np.float32)
    np.testing.assert_allclose(one.scores(W), rows._all[:4].T, atol=1e-6)
    np.testing.assert_allclose(other.gather(np.ones((1, 6), np.float32))[0], rows._all[4:].sum(0), atol=1e-5)
