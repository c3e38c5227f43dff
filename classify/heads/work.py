"""How much work a head is: multiplications of its tuning and its fit, from the sizes alone.

The counts follow from each solver's products. How often a solver goes through the rows depends on the data; PASSES are
what was counted on embeddings of paintings and on made-up rows. An estimate is right within a factor of about three.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

PASSES = {"logreg": 25, "linear-svm": 25, "svm": 30}  # through the rows, for each value of C
LOOSE_PASSES = 10  # of an approximated svm that is tuned: it is solved less exactly
KERNEL_PRODUCTS = 25  # of an exact kernel machine with its matrix, for each value of C
PRODUCTS = 2  # of all weights with a batch, for each row and epoch: those of small batches with Adam's update in them
STEP = 8e6  # multiplications that take as long as what a step of Adam needs beside its products


@dataclass(frozen=True)
class Size:
    """Of one training: rows, features, classes, and values that are tried together."""

    rows: int
    features: int
    classes: int
    values: int = 1


def work(kind: str, head: Any, size: Size, *, tuned: Mapping[str, tuple[float, ...]], folds: int) -> float:
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
    """
    if kind == "ensemble":
        return sum(work(spec.kind, spec.make(), size, tuned=spec.grid, folds=folds) for spec in head.specs)
    once = COSTS[kind](head, size)
    if not folds:
        return once
    together = len(tuned.get(head.path_param or "", (None,)))
    trainings = 1
    for name, values in tuned.items():
        trainings *= 1 if name == head.path_param else len(values)
    rows = head.tuned_on(round(size.rows * (1 - 1 / folds)))
    used: int = head.folds_needed([size.rows // folds] * folds)
    return once + used * trainings * COSTS[kind](head, Size(rows, size.features, size.classes, together))


def _linear(kind: str) -> Callable[[Any, Size], float]:
    return lambda head, s: 2.0 * PASSES[kind] * s.values * s.rows * s.features * s.classes


def _svm(head: Any, s: Size) -> float:
    if s.rows <= head.exact:
        return float(s.rows**2) * (s.features + KERNEL_PRODUCTS * s.values * s.classes)
    wide: int = head.landmarks_of(s.rows)
    features = s.rows * wide * (s.features + wide / 2)
    passes = PASSES["svm"] if s.values == 1 else LOOSE_PASSES
    return features + 2.0 * passes * s.values * s.rows * wide * s.classes


def _closed(head: Any, s: Size) -> float:
    return s.rows * s.features * (s.features / 2 + s.classes) + s.values * s.features**2 * (s.features / 3 + s.classes)


def _network(head: Any, s: Size) -> float:
    widths = (s.features, *getattr(head, "hidden", ()), s.classes)
    weights = sum(a * b for a, b in pairwise(widths))
    epochs = max(head.tunable["epochs"]) if s.values > 1 else head.epochs
    return float(epochs * s.rows * (PRODUCTS * weights + STEP / head.batch))


def _neighbours(head: Any, s: Size) -> float:
    return s.rows * s.features if s.values == 1 else s.rows**2 / 4 * s.features


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
