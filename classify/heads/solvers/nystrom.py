"""An RBF kernel by its values at some landmark rows, for more rows than a kernel matrix can hold.

Williams & Seeger, Using the Nyström method to speed up kernel machines, NIPS 2001: with L L^T the kernel matrix of the
landmarks, a row's features are L^-1 k(landmarks, row), and products of features approximate the kernel.
"""

from __future__ import annotations

import numpy as np

from classify.heads.rows.blocks import Array
from classify.heads.solvers.kernel import rbf

JITTER = 1e-5  # added to the diagonal, which is 1, so that float32 can factor it


class Nystrom:
    """The feature map of some landmarks.

    Parameters
    ----------
    landmarks : (m, D) float32, prepared rows
    gamma : width of the kernel
    """

    def __init__(self, landmarks: Array, gamma: float):
        from scipy.linalg import cholesky

        K = rbf(landmarks, landmarks, gamma)
        K[np.diag_indices_from(K)] += JITTER
        self.landmarks, self.gamma = landmarks, gamma
        self._factor = cholesky(K, lower=True, overwrite_a=True, check_finite=False)

    def __call__(self, rows: Array) -> Array:
        """Prepared rows (n, D) -> features (n, m) float32."""
        from scipy.linalg import solve_triangular

        K = rbf(rows.astype(np.float32, copy=False), self.landmarks, self.gamma)
        features: Array = solve_triangular(self._factor, K.T, lower=True, overwrite_b=True, check_finite=False).T
        return features

    def dual(self, W: Array) -> Array:
        """Coefficients (K, m) of features -> of kernel values at the landmarks, (m, K)."""
        from scipy.linalg import solve_triangular

        coefficients: Array = solve_triangular(self._factor, W.T, lower=True, trans="T", check_finite=False)
        return np.ascontiguousarray(coefficients)


def draw(index: Array, count: int, seed: int) -> Array:
    """`count` of the row numbers `index`, at random, in order."""
    return np.sort(np.random.default_rng(seed).choice(index, min(count, len(index)), replace=False))


def draw_evenly(index: Array, codes: Array, count: int, seed: int) -> Array:
    """About `count` of the row numbers `index`, at random, in order: each class (N,) keeps its share, and one row."""
    order = np.random.default_rng(seed).permutation(index)
    order = order[np.argsort(codes[order], kind="stable")]  # class after class, shuffled inside
    places = np.linspace(0, len(order) - 1, min(count, len(order))).astype(np.int64)
    firsts = np.unique(codes[order], return_index=True)[1]
    chosen: Array = np.sort(order[np.union1d(places, firsts)])
    return chosen
