"""Fewer rows than features: the same rows in as many dimensions as there are rows, by a rotation that loses nothing.

A penalty on |W|^2 does not change when rows and coefficients are rotated together, and a best W is a sum of the rows
(the representer theorem: Schölkopf, Herbrich & Smola, COLT 2001). So a linear head on n rows of D features, n < D, is
found among n directions, to rounding. Along the rows' principal directions the data's curvature is diagonal, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from classify.heads.rows.blocks import Array

TINY = 1e-38
SMALLEST = 1e-6  # share of the largest singular value below which a direction is rounding (float64's eps squared root)


@dataclass(frozen=True)
class RowSpace:
    """Rows along their principal directions.

    Parameters
    ----------
    rows : (n, r) float32
    directions : (r, D) float32, orthonormal
    """

    rows: Array
    directions: Array

    @classmethod
    def of(cls, Z: Array) -> RowSpace:
        """Of rows Z (n, D), n <= D, each feature on its final scale."""
        Z = Z.astype(np.float64)
        squares, left = np.linalg.eigh(Z @ Z.T)
        kept = squares > SMALLEST**2 * max(float(squares[-1]), TINY)
        lengths, left = np.sqrt(squares[kept]), left[:, kept]
        directions = (left / lengths).T @ Z
        return cls((left * lengths).astype(np.float32), directions.astype(np.float32))

    @property
    def powers(self) -> Array:
        """The mean square along each direction, (r,) float32."""
        powers: Array = np.square(self.rows).mean(0)
        return powers
