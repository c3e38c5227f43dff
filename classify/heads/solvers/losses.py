"""Losses of linear scores, for many problems (folds) at once.

Each takes scores with classes before rows, (P, K, n), so that sums over classes run along contiguous memory, and
overwrites them with the derivative; it also returns a curvature for each class, from which a solver
makes its preconditioner.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from classify.heads.rows.blocks import Array

ABSENT = 1e-13


class Loss(Protocol):
    """What a solver asks of a loss."""

    def start(self, fractions: Array) -> Array:
        """Intercepts (P, K) to start from, given the weighted share (P, K) of each class."""

    def __call__(self, Z: Array, codes: Array, weights: Array) -> tuple[Array, Array]:
        """Loss and curvature of a block of rows, summed over them; Z becomes the derivative.

        Parameters
        ----------
        Z : (P, K, n) float32 scores
        codes : (n,) true classes
        weights : (P, n) float32 weight of each row in each problem

        Returns
        -------
        loss (P,) float64, curvature (P, K) float64
        """


class CrossEntropy:
    """Multinomial logistic loss."""

    def start(self, fractions: Array) -> Array:
        """Log shares; a class that a problem does not have starts, and stays, at next to no probability."""
        return np.log(np.maximum(fractions, ABSENT))

    def __call__(self, Z: Array, codes: Array, weights: Array) -> tuple[Array, Array]:
        """See Loss."""
        rows = np.arange(len(codes))
        Z -= Z.max(1, keepdims=True)
        own = Z[:, codes, rows]  # (P, n)
        np.exp(Z, out=Z)
        total = Z.sum(1)
        losses = (np.log(total) - own) * weights
        Z /= total[:, None]
        weighted = Z * weights[:, None]
        curvature = weighted.sum(2, dtype=np.float64) - np.einsum("pkn,pkn->pk", weighted, Z)
        Z[...] = weighted
        Z[:, codes, rows] -= weights
        return losses.sum(1, dtype=np.float64), curvature


class SquaredHinge:
    """One class against the rest, max(0, 1 - margin)^2: the loss of LinearSVC."""

    def start(self, fractions: Array) -> Array:
        """The constant that fits best: 2 share - 1."""
        return 2 * fractions - 1

    def __call__(self, Z: Array, codes: Array, weights: Array) -> tuple[Array, Array]:
        """See Loss."""
        rows = np.arange(len(codes))
        Z[:, codes, rows] *= -1  # now minus the margin
        Z += 1
        np.maximum(Z, 0, out=Z)  # the slack
        curvature = 2 * np.einsum("pkn,pn->pk", (Z > 0).astype(np.float32), weights).astype(np.float64)
        weighted = Z * weights[:, None]
        losses = np.einsum("pkn,pkn->p", weighted, Z).astype(np.float64)
        Z[...] = weighted
        Z *= 2
        Z[:, codes, rows] *= -1
        return losses, curvature
