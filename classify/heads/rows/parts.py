"""Parts of the same rows (folds), each with its own standardisation: what the closed-form heads work on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from classify.heads.rows.blocks import Array, Rows


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


def make_parts(rows: Rows, trains: Sequence[Array], standardize: bool) -> list[Part]:
    """Each part with its moments; without `standardize` the scale is 1, and the mean is still taken off."""
    members = np.zeros((len(trains), rows.shape[0]), np.float32)
    for member, train in zip(members, trains, strict=True):
        member[train] = 1
    sums = np.zeros((len(trains), rows.shape[1]))
    squares = np.zeros_like(sums)
    for at, X in rows:
        sums += members[:, at] @ X
        squares += members[:, at] @ np.square(X)
    counts = np.array([[len(train)] for train in trains])
    means = sums / counts
    variances = squares / counts - means**2
    constant = variances <= 1e-6 * (means**2 + 1e-6)
    scales = np.where(constant, 1, np.sqrt(np.maximum(variances, 0))) if standardize else np.ones_like(means)
    triples = zip(trains, means.astype(np.float32), scales.astype(np.float32), strict=True)
    return [Part(*triple) for triple in triples]


def class_means(rows: Rows, codes: Array, part: Part, sizes: Array) -> Array:
    """Mean (K, D) float32 of each class's standardised rows; 0 for a class without any."""
    sums = np.zeros((len(sizes), rows.shape[1]))
    for at, Z in part.blocks(rows):
        sums += (codes[at] == np.arange(len(sizes))[:, None]).astype(np.float32) @ Z
    means: Array = sums / np.maximum(sizes, 1)[:, None]
    return means.astype(np.float32)
