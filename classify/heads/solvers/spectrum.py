"""The leading principal directions of prepared rows: what makes a linear problem ill-conditioned, and so what a
preconditioner must know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from classify.heads.rows.blocks import Array, Rows

SAMPLE = 4096  # rows it is estimated from: an approximation only costs iterations, never the answer
RANK = 256
PASSES = 2  # subspace iterations (Halko, Martinsson & Tropp, SIAM Review 2011, algorithm 4.4)


class Curvature(Protocol):
    """X^T X / N of rows X (N, D)."""

    def solve(self, gradient: Array, curvature: Array, penalty: float) -> Array:
        """Apply the inverse of curvature_k X^T X / N + penalty to each row of gradient (K, D)."""


@dataclass(frozen=True)
class Axes:
    """X^T X / N of rows along their principal directions: diagonal.

    Parameters
    ----------
    powers : (D,) float32, the mean square of each feature
    """

    powers: Array

    def solve(self, gradient: Array, curvature: Array, penalty: float) -> Array:
        """See Curvature."""
        solution: Array = gradient / (curvature[:, None] * self.powers + penalty).astype(np.float32)
        return solution


@dataclass(frozen=True)
class Spectrum:
    """X^T X / N as r directions and a constant for the rest.

    Parameters
    ----------
    directions : (r, D) float32, orthonormal rows
    powers : (r,) float32, the mean square along each
    rest : float, the mean square along any other
    """

    directions: Array
    powers: Array
    rest: float

    def solve(self, gradient: Array, curvature: Array, penalty: float) -> Array:
        """Apply the inverse of curvature_k X^T X / N + penalty to each row of gradient (K, D)."""
        base = 1 / (curvature[:, None] * self.rest + penalty)  # (K, 1)
        along = 1 / (curvature[:, None] * self.powers + penalty) - base  # (K, r)
        inside = (gradient @ self.directions.T) * along.astype(np.float32)
        solution: Array = gradient * base.astype(np.float32) + inside @ self.directions
        return solution


def leading(rows: Rows, seed: int = 0) -> Spectrum:
    """Estimate the spectrum from a sample of the rows."""
    count, features = rows.shape
    step = max(1, count // SAMPLE)
    X = rows[np.arange(0, count, step)[:SAMPLE]]
    total = float(np.einsum("ij,ij->", X, X)) / len(X)
    rank = min(RANK, *X.shape)
    start = np.random.default_rng(seed).standard_normal((features, rank), dtype=np.float32)
    basis = np.linalg.qr(X.T @ (X @ start))[0]
    for _ in range(PASSES - 1):
        basis = np.linalg.qr(X.T @ (X @ basis))[0]
    projected = X @ basis  # (n, r)
    powers, rotation = np.linalg.eigh(projected.T @ projected / len(X))
    powers = np.maximum(powers, 0)
    rest = max(total - float(powers.sum()), 0.0) / max(features - rank, 1)
    return Spectrum(np.ascontiguousarray((basis @ rotation).T), powers, rest)
