"""Parts of the same rows (folds), each with its own standardisation: what the closed-form heads work on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from classify.heads.rows.blocks import Array, Rows
from classify.heads.rows.moments import Moments, Pieces, merged
from classify.heads.rows.scaling import Scaling


@dataclass(frozen=True)
class Part:
    """Some of the rows, and the affine map that standardises those.

    Parameters
    ----------
    index : (n,) row numbers
    mean, scale : (D,) float32
    """

    index: Array
    mean: Array
    scale: Array

    def blocks(self, rows: Rows) -> Iterator[tuple[Array, Array]]:
        """Pairs of row numbers (n_i,) and those rows, standardised, (n_i, D) float32."""
        for start in range(0, len(self.index), rows.step):
            at = self.index[start : start + rows.step]
            Z = rows[at] - self.mean
            Z /= self.scale
            yield at, Z

    def raw(self, W: Array, b: Array) -> tuple[Array, Array]:
        """Coefficients (K, D) and intercepts (K,) for standardised rows -> the same for the rows as they are."""
        W = W / self.scale
        return W, b - W @ self.mean


@dataclass(frozen=True)
class Shared:
    """Rows that all parts read, prepared once, and each part's own standardisation of them.

    Parameters
    ----------
    scaling : Scaling, how the rows are prepared
    rows : Rows
    parts : one for each fold
    """

    scaling: Scaling
    rows: Rows
    parts: Sequence[Part]


def share(X: Array, trains: Sequence[Array], plain: Scaling, standardize: bool, weights: Array | None = None) -> Shared:
    """Prepare X (N, D) once for all parts `trains` of its rows; every part has its own moments.

    Parameters
    ----------
    X : (N, D)
    trains : row numbers of each part
    plain : Scaling, the row-wise preparation
    standardize : bool
        Divide by the deviation; the mean is taken off in any case.
    weights : (N,) > 0, optional
        How often each row counts.
    """
    pieces = Pieces.of(plain.rowwise, X, trains, weights)
    found = pieces.parts()
    whole = found[0] if len(found) == 1 else merged(pieces.moments)
    scaling = plain.standardising(replace(whole, mean=pieces.middle()), standardize)
    if scaling.scale is not None:
        scaling = replace(scaling, scale=_units(scaling.scale, found))
    parts = [_part(index, scaling, one, standardize) for index, one in zip(trains, found, strict=True)]
    return Shared(scaling, Rows(X, scaling), parts)


def _units(scale: Array, parts: Sequence[Moments]) -> Array:
    """What the shared rows are divided by, (D,): the deviation of all rows, or where that is rounding, a part's.

    Near the border between the two a feature may be constant in all rows together, and not in a part of them.
    """
    units: Array = np.where(np.isinf(scale), np.min([part.scale for part in parts], axis=0), scale)
    return units


def _part(index: Array, scaling: Scaling, found: Moments, standardize: bool) -> Part:
    """The affine map from rows prepared by `scaling` to rows standardised by their own moments."""
    mean = found.mean - np.asarray(scaling.mean, found.kind)  # rounded as it was when the rows were prepared
    if not standardize:
        return Part(index, mean.astype(np.float32), np.ones(len(mean), np.float32))
    unit, scale = np.asarray(scaling.scale, found.kind), found.scale
    np.divide(scale, unit, out=scale, where=np.isfinite(scale))  # a constant feature stays one
    return Part(index, (mean / unit).astype(np.float32), scale.astype(np.float32))


def centred(rows: Rows, train: Array) -> Part:
    """The rows `train`, to be shifted to mean 0."""
    total = np.zeros(rows.shape[1])
    for start in range(0, len(train), rows.step):
        total += rows[train[start : start + rows.step]].sum(0, dtype=np.float64)
    return Part(train, (total / len(train)).astype(np.float32), np.ones(rows.shape[1], np.float32))


def class_means(rows: Rows, codes: Array, part: Part, sizes: Array, weights: Array | None = None) -> Array:
    """Mean (K, D) float32 of each class's standardised rows; 0 for a class without any.

    Parameters
    ----------
    sizes : (K,), how many rows each class has in the part, or the sum of their weights
    weights : (N,) > 0, optional
        How often each row counts.
    """
    sums = np.zeros((len(sizes), rows.shape[1]))
    for at, Z in part.blocks(rows):
        members = (codes[at] == np.arange(len(sizes))[:, None]).astype(np.float32)
        sums += (members if weights is None else members * weights[at].astype(np.float32)) @ Z
    means: Array = sums / np.where(sizes > 0, sizes, 1)[:, None]
    return means.astype(np.float32)
