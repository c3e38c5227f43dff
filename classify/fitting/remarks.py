"""What must be known of how a head was tuned and fitted: choices at an edge or from noise, approximations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from classify.evaluation.statistics import wilson
from classify.heads import head_class
from classify.heads.calibration import at_bound
from classify.heads.rows.blocks import Array, blocks
from featurize.wording import counted, percent

if TYPE_CHECKING:
    from classify.heads.base import Head
    from classify.heads.tuning import Tuning

FEW = 0.8  # a smaller share of the rows that folds can hold out is told


def remarks(head: Head, tuning: Tuning | None, y: Array, X: Array | None = None) -> tuple[str, ...]:
    """Sentences about a fitted head.

    Parameters
    ----------
    head : Head
        Fitted.
    tuning : Tuning or None
        What was found on the folds of the training rows, if there were any.
    y : (N,)
        Classes of the training rows.
    X : (N, D), optional
        The training rows.
    """
    return (*_all(head, tuning, y), *(_rounding(head, X) if X is not None else ()))


def _all(head: Head, tuning: Tuning | None, y: Array) -> Iterator[str]:
    texts = getattr(head, "class_texts", None)
    if texts is not None:
        yield f"{head.lesson} {texts.remark}."
    if head.approximation:
        yield f"This is an approximation: {head.approximation}."
    if tuning is not None:
        yield from _edges(tuning, head.bounds)
        for member, inside in tuning.members.items():
            bounds = head_class(member.partition(":")[0]).bounds
            yield from (f"{member}, a member: {said}" for said in _edges(inside, bounds))
        yield from _noise(tuning, y)
        yield from _few(tuning, y)
        yield from _sampled(head, tuning)
    if head.calibrate and at_bound(head.temperature_):
        yield _at_bound(head.temperature_, all_right=tuning is not None and _all_right(tuning, y))


def _at_bound(temperature: float, *, all_right: bool) -> str:
    if all_right:
        return (
            "Every training picture that was held out is named right, so that nothing shows how sure this head may be: "
            f"the temperature of the probabilities is at its bound ({temperature:.3g}), and they are near 0 or 1."
        )
    return (
        f"The temperature of the probabilities is at its bound ({temperature:.3g}): no temperature makes the "
        "scores fit the held-out classes, so don't rely on the probabilities."
    )


def _all_right(tuning: Tuning, y: Array) -> bool:
    codes = np.unique(y, return_inverse=True)[1]
    held_out = np.isfinite(tuning.scores).any(1)
    return bool(held_out.any() and (tuning.scores[held_out].argmax(1) == codes[held_out]).all())


def _edges(tuning: Tuning, bounds: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    """Best values with no better one beside them that was tried, though there could be one."""
    for name, value in tuning.edges.items():
        if value in bounds.get(name, ()):
            continue
        tried = sorted({point[name] for point in tuning.points})
        yield (
            f"{name} = {value:g} is the {'largest' if value == tried[-1] else 'smallest'} of the values that were "
            f"tried ({tried[0]:g} to {tried[-1]:g}): a value beyond it may do better."
        )


def _noise(tuning: Tuning, y: Array) -> Iterator[str]:
    """The best accuracy on the folds could be chance."""
    if len(tuning.points) < 2:
        return
    classes, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    held_out = np.isfinite(tuning.scores).any(1)
    if not held_out.any():
        return
    right = int((tuning.scores[held_out].argmax(1) == codes[held_out]).sum())
    found = wilson(right, int(held_out.sum()))
    guess = max(1 / len(classes), float(counts.max()) / len(y))
    if found.low <= guess:
        yield (
            f"The best parameters name {percent(found.value)} of the held-out training pictures, which can't be told "
            f"from guessing ({percent(guess)}): they were chosen by noise."
        )


def _few(tuning: Tuning, y: Array) -> Iterator[str]:
    """Folds could hold out few of the rows."""
    codes = np.unique(y, return_inverse=True)[1]
    usable = int(np.isfinite(tuning.scores[np.arange(len(codes)), codes]).sum())
    if tuning.complete and usable < FEW * len(y):
        yield (
            f"Only {usable:,} of {counted(len(y), 'training picture')} could be held out in the tuning's folds: the "
            "others are of classes with a single picture or a single artist."
        )


def _sampled(head: Head, tuning: Tuning) -> Iterator[str]:
    """Folds learned from some of their rows only."""
    few = head.tuned_on(tuning.rows)
    if few < tuning.rows:
        yield (
            f"In the tuning and the calibration each fold learned from {few:,} of its {tuning.rows:,} pictures, to "
            "save time; the head itself learned from all."
        )


def _rounding(head: Head, X: Array) -> Iterator[str]:
    """Features that differ between rows, but by so little that the standardisation takes it for rounding."""
    scale = head.scaling_.scale
    flat = np.flatnonzero(np.isinf(scale)) if scale is not None else np.empty(0, np.intp)
    if not len(flat):
        return
    low, high = np.full(len(flat), np.inf), np.full(len(flat), -np.inf)
    for part in blocks(X):
        rows = head.scaling_.rowwise(part)[:, flat]
        low, high = np.minimum(low, rows.min(0)), np.maximum(high, rows.max(0))
    count = int((low < high).sum())
    if count:
        yield (
            f"{count:,} of {counted(X.shape[1], 'feature')} differ between pictures by no more than rounding, and have "
            "no say in this head: subtract what all rows have in common before they are stored, if there is more to "
            "them."
        )
