"""What a head refuses, in one sentence each: numbers that would give wrong answers in silence."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite

from classify.heads.rows.blocks import Array, blocks
from classify.heads.rows.float16 import widen
from classify.heads.rows.scaling import Scaling

# Between these a deviation can be divided by, and between those a sum of squares of very many numbers is no infinity
# and no zero, in float32 as in float64.
STANDARDISED = {np.dtype(np.float64): (1e-140, 1e140), np.dtype(np.float32): (1e-30, 1e36)}
AS_THEY_ARE = (1e-12, 1e12)
WEIGHTS = (1e-9, 1e9)  # of a row, beside 0: what float32 can add up


def check_numbers(name: str, value: Any, bounds: tuple[float, float], word: str | None = None) -> None:
    """Raise unless a parameter's value, or each number of it, lies within the bounds."""
    least, greatest = bounds
    numbers = value if isinstance(value, tuple | list) else [value]
    possible = [isinstance(number, Real) and least <= float(number) <= greatest for number in numbers]
    if not possible or not all(possible):
        other = f", or {word}" if word else ""
        raise ValueError(f"{name}={value} is out of bounds: it must be from {least:g} to {greatest:.10g}{other}")


def check_rows(X: Array, *, standardize: bool, sqrt: bool, l2: bool) -> None:
    """Raise unless rows X (N, D) are finite, differ, and lie in the range in which heads compute."""
    low, high = np.full(X.shape[1], np.inf), np.full(X.shape[1], -np.inf)
    for part in blocks(X):
        part = widen(part) if part.dtype == np.float16 else part
        check_finite(part)
        np.minimum(low, part.min(0), out=low)
        np.maximum(high, part.max(0), out=high)
    if (low == high).all():
        raise ValueError(f"all {len(X)} rows are the same: there is nothing to tell classes apart by")
    largest = float(max(-low.min(), high.max()))
    if standardize or l2:
        least, greatest = STANDARDISED.get(X.dtype, (0.0, np.inf))  # float16 has no number that float32 can't square
        way_out = "multiply them by a constant"
    else:
        least, greatest = (bound**2 if sqrt else bound for bound in AS_THEY_ARE)
        way_out = "use standardize=true or l2=true, or multiply them by a constant"
    if not least <= largest <= greatest:
        raise ValueError(f"the features reach {largest:.3g}, but must reach {least:g} to {greatest:g}: {way_out}")


def check_varied(scaling: Scaling) -> None:
    """Raise where features were standardised, and all of them differ between rows by rounding only."""
    if scaling.mean is not None and scaling.scale is not None and np.isinf(scaling.scale).all():
        size = float(np.abs(scaling.mean).max())
        raise ValueError(
            f"no feature differs between rows by more than rounding (they are about {size:.3g}): there is nothing to "
            "tell classes apart by; subtract what the rows have in common before they are stored, or use "
            "standardize=false"
        )


def check_weights(weights: Any, count: int) -> Array:
    """Weights as (count,) float64; raise where one is negative, NaN or out of range, or all are 0."""
    found = np.asarray(weights, np.float64)
    if found.shape != (count,):
        raise ValueError(f"sample_weight has the shape {found.shape}, but there are {count} rows: give each one weight")
    least, greatest = WEIGHTS
    bad = np.flatnonzero(~((found == 0) | ((found >= least) & (found <= greatest))))
    if len(bad):
        raise ValueError(
            f"sample_weight of row {bad[0]} is {found[bad[0]]:g}: a weight must be from {least:g} to {greatest:g}, "
            "or 0 to leave the row out"
        )
    if not found.any():
        raise ValueError("sample_weight is zero for all rows: give those that a head is to learn from a larger one")
    return found


def check_classes(y: Any) -> None:
    """Raise where classes y (N,) are measurements, as in a regression, or can't be put in order.

    scikit-learn also warns where more than half of the rows have a class of their own. Here that is no mistake: it is a
    collection with one picture of each class.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%", UserWarning)
            check_classification_targets(y)
    except TypeError as error:  # None among names, or numbers among them
        raise ValueError(
            f"y mixes kinds of classes: {error}; leave rows without a class out, and name all as texts"
        ) from error


def check_finite(rows: Array) -> None:
    """Raise where rows hold NaN or infinity."""
    with np.errstate(invalid="ignore"):  # scikit-learn adds up infinities of both signs
        assert_all_finite(rows, input_name="X")


def check_scores(scores: Array, rows: Array) -> None:
    """Raise where scores (n, K) of rows (n, D) are not finite."""
    bad = np.flatnonzero(~np.isfinite(scores).all(1))
    if len(bad):
        largest = float(np.abs(rows[bad[0]]).max())
        raise ValueError(
            f"{len(bad)} row{'s' if len(bad) > 1 else ''} can't be scored: "
            f"the features of one reach {largest:.3g}, too far from the training rows"
        )


def check_arrays(state: Mapping[str, Array]) -> None:
    """Raise unless the saved arrays of a head are finite."""
    for name, array in state.items():
        constant = np.isposinf(array) if name.endswith("scaling.scale") else False  # a constant feature's scale
        if not (np.isfinite(array) | constant).all():
            raise ValueError(f"its {name} holds NaN or infinity")
