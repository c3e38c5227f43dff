"""Linear systems (Z^T Z + shift I) B = R for many shifts: what ridge regression and shrunk discriminants ask for.

Factored as the D x D matrix, or, where there are fewer rows than features, as the n x n matrix Z Z^T by the Woodbury
identity. Up to some twenty shifts a Cholesky factorisation for each costs less than one eigendecomposition for all.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from classify.heads.rows.blocks import Array

MARGIN = 1000  # rounding errors of the matrix that a shift must exceed for a precision to be enough
EPS32, EPS64 = float(np.finfo(np.float32).eps), float(np.finfo(np.float64).eps)
TINY = 1e-30


class Shifted:
    """The systems of one matrix Z, given in blocks of rows.

    Parameters
    ----------
    blocks : parts (n_i, D) float32 of Z
    shape : (n, D) of Z; it is held whole only where n <= D
    weights : (n,) > 0, optional
        How often each row counts: the matrix is Z^T diag(weights) Z.

    Attributes
    ----------
    trace : float, of Z^T Z
    square : float, the squared Frobenius norm of Z^T Z
    fourth : float, the (weighted) sum over rows of |z|^4
    """

    def __init__(self, blocks: Iterable[Array], shape: tuple[int, int], weights: Array | None = None):
        count, features = shape
        self._rows = np.empty(shape, np.float32) if count <= features else None
        self._matrix: Array = np.zeros((min(shape), min(shape)), np.float32)
        self.trace = self.fourth = 0.0
        start = 0
        for Z in blocks:
            own = None if weights is None else weights[start : start + len(Z)]
            if own is not None:
                Z = Z * np.sqrt(own)[:, None].astype(np.float32)
            norms = np.einsum("ij,ij->i", Z, Z).astype(np.float64)
            self.trace += float(norms.sum())
            self.fourth += float((np.square(norms) if own is None else np.square(norms) / own).sum())
            if self._rows is None:
                self._matrix += np.dot(Z.T, Z)
            else:
                self._rows[start : start + len(Z)] = Z
            start += len(Z)
        if self._rows is not None:
            self._matrix = self._rows @ self._rows.T
        self.square = float(np.einsum("ij,ij->", self._matrix, self._matrix, dtype=np.float64))

    def solve(self, shift: float, R: Array) -> Array:
        """The solution B (D, k) float32 for R (D, k)."""
        shift = max(float(shift), MARGIN * EPS64 * self.trace, TINY)  # a shift of 0 would find a singular matrix
        precise = shift < MARGIN * EPS32 * self.trace
        R = R.astype(np.float64 if precise else np.float32)
        if self._rows is None:
            return self._factored(shift, R).astype(np.float32)
        if precise and self._rows.dtype == np.float32:  # the difference below leaves little of its operands' digits
            self._rows = self._rows.astype(np.float64)
            self._matrix = self._rows @ self._rows.T
        rows = self._rows.astype(R.dtype, copy=False)
        solution: Array = (R - rows.T @ self._factored(shift, rows @ R)) / shift
        return solution.astype(np.float32)

    def _factored(self, shift: float, R: Array) -> Array:
        from scipy.linalg import LinAlgError, cho_factor, cho_solve

        matrix = self._matrix.astype(R.dtype)
        matrix[np.diag_indices_from(matrix)] += shift
        try:
            factor = cho_factor(matrix, lower=True, check_finite=False)
        except LinAlgError:  # rounding left it indefinite: the shift is too small to make a difference
            return self._factored(max(10 * shift, EPS32 * self.trace), R)
        solution: Array = cho_solve(factor, R, check_finite=False)
        return solution
