"""How much work a head is: multiplications of its tuning and its fit, from the sizes alone.

The counts follow from each solver's products. How often a solver goes through the rows depends on the data; PASSES are
what was counted on embeddings of paintings and on made-up rows. An estimate is right within a factor of two or three.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from classify.heads.solvers.linear_path import FEW

PASSES = {"logreg": 30, "linear-svm": 50, "svm": 30}  # through the rows, for each value of C
AMONG_ROWS = {"logreg": 60, "linear-svm": 150}  # the same where a problem is solved among its few rows
PASS = 3e6  # multiplications that take as long as what a pass needs beside its products
SCORE = 60  # the same for each score of a row, whose loss is taken
LOOSE_PASSES = 10  # of an approximated svm that is tuned: it is solved less exactly
KERNEL_PRODUCTS = 100  # of an exact kernel machine with its matrix, for each value of C
PAIR = 240  # multiplications that take as long as finding the nearest takes for a pair of rows, beside their product
PRODUCTS = 3  # of all weights with a batch, for each row and epoch: those of small batches with Adam's update in them
STEP = 8e6  # multiplications that take as long as what a step of Adam needs beside its products
BEYOND = 1.3  # trainings of a network for values beyond its grid, beside those of the grid


@dataclass(frozen=True)
class Size:
    """Of one training: rows, features, classes, and values that are tried together."""

    rows: int
    features: int
    classes: int
    values: int = 1


def work(
    kind: str, head: Any, size: Size, *, tuned: Mapping[str, tuple[float, ...]], folds: int, dear: int | None = None
) -> float:
    """Multiplications, about, of a head that is tuned on folds and fitted once.

    Parameters
    ----------
    kind : str
        Its name in the table of heads.
    head : Head
        Not fitted.
    size : Size
        Of the training rows.
    tuned : mapping
        Parameter -> values that are tried.
    folds : int
        0 where nothing is tuned or calibrated.
    dear : int, optional
        On how many of the folds a network is tuned; all by default.
    """
    if kind == "ensemble":  # tuned, fitted, and held out once more at the best values
        members = [(spec.kind, spec.make(), spec.grid) for spec in head.specs]
        whole = sum(work(member, made, size, tuned=grid, folds=folds) for member, made, grid in members)
        return whole + sum(2 * folds * COSTS[member](made, size) for member, made, _ in members)
    once = COSTS[kind](head, size)
    if not folds:
        return once
    together = len(tuned.get(head.path_param or "", (None,)))
    trainings = 1.0
    for name, values in tuned.items():
        trainings *= 1 if name == head.path_param else len(values)
    rows = head.tuned_on(round(size.rows * (1 - 1 / folds)))
    used: int = head.folds_needed([size.rows // folds] * folds)
    if head.dear:
        used, trainings = min(used, dear or used), BEYOND * trainings if tuned else trainings
    return once + used * trainings * COSTS[kind](head, Size(rows, size.features, size.classes, together))


def _linear(kind: str) -> Callable[[Any, Size], float]:
    def cost(head: Any, s: Size) -> float:
        if s.rows > FEW * s.features:
            return s.values * PASSES[kind] * (PASS + s.rows * s.classes * (2.0 * s.features + SCORE))
        rotation = 4.0 * s.rows**2 * s.features + 20.0 * s.rows**3  # in float64, with the principal directions
        return rotation + s.values * AMONG_ROWS[kind] * (PASS + s.rows * s.classes * (2.0 * s.rows + SCORE))

    return cost


def _svm(head: Any, s: Size) -> float:
    if s.rows <= head.exact:
        return float(s.rows**2) * (s.features + KERNEL_PRODUCTS * s.values * s.classes)
    wide: int = head.landmarks_of(s.rows)
    features = s.rows * wide * (s.features + wide / 2)
    passes = PASSES["svm"] if s.values == 1 else LOOSE_PASSES
    return features + 2.0 * passes * s.values * s.rows * wide * s.classes


def _closed(head: Any, s: Size) -> float:
    side = min(s.rows, s.features)  # of the matrix that is factored
    gram = s.rows * s.features * (side / 2 + s.classes)
    if s.rows > s.features:
        return gram + s.values * side**2 * (side / 3 + s.classes)
    return 2 * gram + 2.0 * s.values * (side**2 * (side / 3 + s.classes) + 2.0 * s.rows * s.features * s.classes)


def _network(head: Any, s: Size) -> float:
    widths = (s.features, *getattr(head, "hidden", ()), s.classes)
    weights = sum(a * b for a, b in pairwise(widths))
    epochs = max(head.tunable["epochs"]) if s.values > 1 else head.epochs
    return float(epochs * s.rows * (PRODUCTS * weights + STEP / head.batch))


def _neighbours(head: Any, s: Size) -> float:
    return s.rows * s.features if s.values == 1 else s.rows**2 / 4 * (s.features + PAIR)


def _means(head: Any, s: Size) -> float:
    return float(s.rows * s.features * s.classes)


COSTS: dict[str, Callable[..., float]] = {
    "logreg": _linear("logreg"),
    "linear-svm": _linear("linear-svm"),
    "svm": _svm,
    "softmax": _network,
    "mlp": _network,
    "ridge": _closed,
    "lda": _closed,
    "knn": _neighbours,
    "prototype": _means,
    "simpleshot": _means,
}
