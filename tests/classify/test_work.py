"""The work of each head, counted by hand from the products that its solver makes (classify/heads/work.py)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from classify.heads import make_head
from classify.heads.work import COSTS, Size, work

FEW, MANY, LARGE = Size(8, 100, 3), Size(1000, 10, 3), Size(20_000, 10, 3)  # rows, features, classes

# head, size, values tried together, multiplications
BY_HAND = [
    # passes: each multiplies the rows with the coefficients and back, takes the loss of each score, and costs itself
    ("logreg", MANY, 1, 30 * (3e6 + 1000 * 3 * (2 * 10 + 60))),
    ("logreg", MANY, 7, 7 * 30 * (3e6 + 1000 * 3 * (2 * 10 + 60))),
    ("linear-svm", MANY, 7, 7 * 50 * (3e6 + 1000 * 3 * (2 * 10 + 60))),
    # few rows: rotated once, and then as many directions as rows
    ("logreg", FEW, 7, 4 * 8**2 * 100 + 20 * 8**3 + 7 * 60 * (3e6 + 8 * 3 * (2 * 8 + 60))),
    ("linear-svm", FEW, 7, 4 * 8**2 * 100 + 20 * 8**3 + 7 * 150 * (3e6 + 8 * 3 * (2 * 8 + 60))),
    # the matrix of all pairs of rows, and a hundred products with it for each value and class
    ("svm", MANY, 7, 1000**2 * (10 + 100 * 7 * 3)),
    ("svm", replace(MANY, rows=5000), 1, 5000**2 * (10 + 100 * 3)),
    # landmarks: features of all rows, solved as triangles, and thirty passes, or ten where it is tuned
    ("svm", LARGE, 1, 20_000 * 2048 * (10 + 1024) + 2 * 30 * 20_000 * 2048 * 3),
    ("svm", LARGE, 7, 20_000 * 2048 * (10 + 1024) + 2 * 10 * 7 * 20_000 * 2048 * 3),
    # all weights with each row three times, and one step of Adam for each batch of 32
    ("softmax", MANY, 1, 12 * 1000 * (3 * (10 * 3) + 8e6 / 32)),
    ("softmax:epochs=5,batch=8", MANY, 1, 5 * 1000 * (3 * (10 * 3) + 8e6 / 8)),
    ("softmax:epochs=5,batch=8", MANY, 2, 12 * 1000 * (3 * (10 * 3) + 8e6 / 8)),  # the longest training answers for all
    ("mlp", MANY, 1, 12 * 1000 * (3 * (10 * 512 + 512 * 256 + 256 * 3) + 8e6 / 32)),
    # half of the symmetric matrix of features, or of rows, a Cholesky factorisation for each value, and back
    ("ridge", MANY, 7, 1000 * 10 * (10 / 2 + 3) + 7 * 10**2 * (10 / 3 + 3)),
    ("lda", FEW, 7, 2 * 8 * 100 * (8 / 2 + 3) + 2 * 7 * (8**2 * (8 / 3 + 3) + 2 * 8 * 100 * 3)),
    ("lda", Size(10, 10, 3), 1, 2 * 10 * 10 * (10 / 2 + 3) + 2 * (10**2 * (10 / 3 + 3) + 2 * 10 * 10 * 3)),
    # rows are kept; where k is tuned on folds, each pair of rows is compared, and the nearest are found
    ("knn", MANY, 1, 1000 * 10),
    ("knn", MANY, 7, 1000**2 / 4 * (10 + 240)),
    ("prototype", MANY, 1, 1000 * 10 * 3),
    ("simpleshot", MANY, 1, 1000 * 10 * 3),
]


@pytest.mark.parametrize(("spec", "size", "values", "multiplications"), BY_HAND)
def test_the_products_of_a_solver_are_counted(spec: str, size: Size, values: int, multiplications: float) -> None:
    found = COSTS[spec.partition(":")[0]](make_head(spec), replace(size, values=values))
    assert found == pytest.approx(multiplications, rel=1e-9)


@pytest.mark.parametrize(("rows", "among_rows"), [(75, True), (76, False)])
def test_a_problem_counts_as_one_of_few_rows_where_it_is_solved_as_one(rows: int, among_rows: bool) -> None:
    """Up to three rows for each four features, as the solver decides."""
    few = 4 * rows**2 * 100 + 20 * rows**3 + 60 * (3e6 + rows * 3 * (2 * rows + 60))
    many = 30 * (3e6 + rows * 3 * (2 * 100 + 60))
    assert COSTS["logreg"](make_head("logreg"), Size(rows, 100, 3)) == pytest.approx(few if among_rows else many)


def counted(spec: str, size: Size, tuned: dict[str, tuple[float, ...]], folds: int, dear: int | None = None) -> float:
    return work(spec.partition(":")[0], make_head(spec), size, tuned=tuned, folds=folds, dear=dear)


def test_a_head_is_fitted_once_and_on_each_fold() -> None:
    """Folds learn from four fifths of the rows, all values of the shared parameter together."""
    fold, once = Size(800, 10, 3), COSTS["logreg"](make_head("logreg"), MANY)
    held_out = COSTS["logreg"](make_head("logreg"), replace(fold, values=7))
    assert counted("logreg", MANY, {"C": (1.0,) * 7}, 5) == pytest.approx(once + 5 * held_out)
    assert counted("logreg", MANY, {"C": (1.0,) * 7}, 0) == once
    calibrated = once + 5 * COSTS["logreg"](make_head("logreg"), fold)
    assert counted("logreg", MANY, {}, 5) == pytest.approx(calibrated)


def test_a_network_is_trained_for_each_rate_and_decay_on_as_many_folds_as_it_looks_at() -> None:
    """And three in ten more, for values beyond the edges of the grid; without a grid nothing lies beyond."""
    head, grid = make_head("softmax"), {"lr": (1e-4, 1e-3), "weight_decay": (0.0, 0.3, 1.0), "epochs": (3.0, 6.0, 12.0)}
    once, fold = COSTS["softmax"](head, MANY), COSTS["softmax"](head, Size(800, 10, 3, 3))
    assert counted("softmax", MANY, grid, 5) == pytest.approx(once + 5 * 2 * 3 * 1.3 * fold)
    assert counted("softmax", MANY, grid, 5, dear=2) == pytest.approx(once + 2 * 2 * 3 * 1.3 * fold)
    assert counted("softmax", MANY, {}, 5, dear=2) == pytest.approx(once + 2 * COSTS["softmax"](head, Size(800, 10, 3)))
    large, part = Size(10_000, 10, 3), Size(8000, 10, 3, 3)  # one fold holds out 2,000 rows: enough
    assert counted("softmax", large, grid, 5) == pytest.approx(
        COSTS["softmax"](head, large) + 2 * 3 * 1.3 * COSTS["softmax"](head, part)
    )


def test_an_ensemble_is_its_members_tuned_and_held_out_once_more() -> None:
    members = {"ridge": {"alpha": (1.0,) * 7}, "prototype": {}}
    whole = sum(
        counted(kind, MANY, tuned, 5) + 2 * 5 * COSTS[kind](make_head(kind), MANY) for kind, tuned in members.items()
    )
    assert counted("ensemble:members=ridge+prototype", MANY, {}, 5) == pytest.approx(whole)
