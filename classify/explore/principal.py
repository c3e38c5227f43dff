"""Principal components whose figures are the same on every machine.

A sum of floating-point numbers depends on its order, and the order on the processor and the number of threads. So
vectors are first put on a grid: whole numbers of 16 bits and a sign, times a power of two. Products and sums of these
are whole numbers below 2^53 for up to two million vectors, which float64 holds exactly in any order. Only the
eigenvectors are computed in floating point; they are rounded to a grid as well, far coarser than their error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classify.evaluation.nearest import Best, Rows

Floats = NDArray[np.float64]

BITS = 16  # of a component of a vector, beside the sign
AXIS_BITS = 20  # behind the point, of a component of an axis
SCORE_BITS = 16  # of a score, where distances are compared
_BLOCK = 2048  # rows at once
_ASKED = 1024


@dataclass(frozen=True)
class Principal:
    """Vectors in the coordinates of their principal components.

    Parameters
    ----------
    step : float
        A power of two: vectors are whole numbers of it on the grid.
    axes : ndarray (D, k) float64
        Orthonormal directions in whole numbers of 2^-20, the one with the largest variance first.
    offset : ndarray (k,) float64
        The mean's coordinates, in whole numbers.
    scores : ndarray (N, k) float64
        Coordinates of the vectors from their mean: whole numbers of `unit`.
    share : ndarray (r,) float64
        Share of the variance of each component, of all there are.
    """

    step: float
    axes: Floats
    offset: Floats
    scores: Floats
    share: Floats

    @property
    def unit(self) -> float:
        """What a 1 of the scores is, in the units of the vectors."""
        return self.step * 2.0**-AXIS_BITS

    def project(self, X: Rows) -> Floats:
        """Coordinates (M, k) of other vectors (M, D), in whole numbers of `unit`."""
        return project(X, self.step, self.axes, self.offset)


def principal(X: Rows, k: int) -> Principal:
    """The first principal components of vectors.

    Parameters
    ----------
    X : rows (N, D)
    k : int
        How many components; as many as there are if they are fewer (at most N - 1 and D).
    """
    from scipy.linalg import eigh

    N, D = X.shape
    step = _step(X)
    total = np.zeros(D)
    if D < N:
        moments = np.zeros((D, D))
        for _, Q in _grid(X, step):
            total += Q.sum(0)
            moments += Q.T @ Q
        mean = total / N
        values, vectors = eigh(moments / N - np.outer(mean, mean), overwrite_a=True)
        values, axes = values[::-1], vectors[:, ::-1]
    else:  # fewer pictures than dimensions: the same by way of the products of the pictures
        Q = np.concatenate([block for _, block in _grid(X, step)])
        mean = Q.sum(0) / N
        products = Q @ Q.T
        rows = products.sum(1) / N
        centred = (products - rows[:, None] - rows[None] + rows.sum() / N) / N
        values, vectors = eigh((centred + centred.T) / 2)
        values, vectors = values[::-1][: N - 1], vectors[:, ::-1][:, : N - 1]
        length = np.sqrt(np.maximum(N * values, np.finfo(float).tiny))
        axes = ((Q - mean).T @ vectors[:, : min(k, N - 1)]) / length[: min(k, N - 1)]
    kept = max(1, min(k, N - 1, D, int((values > 1e-9 * max(values[0], 1e-300)).sum())))
    axes = _turned(axes[:, :kept])
    scores = project(X, step, axes, np.zeros(kept))
    offset = np.round(scores.sum(0) / N)
    scores -= offset
    values = np.maximum(values, 0)
    return Principal(step, axes, offset, scores, values / max(float(values.sum()), 1e-300))


def project(X: Rows, step: float, axes: Floats, offset: Floats) -> Floats:
    """Coordinates (N, k) of vectors along axes, less an offset; exact."""
    whole = axes * 2.0**AXIS_BITS
    out = np.empty((len(X), axes.shape[1]))
    for start, Q in _grid(X, step):
        out[start : start + len(Q)] = Q @ whole
    out -= offset
    return out


def near_in(scores: Floats, k: int, among: Floats | None = None) -> tuple[NDArray[np.intp], Floats]:
    """The nearest rows of each row by the distance of their scores: numbers (M, k), squared distances (M, k).

    Exact: scores are cut to 16 bits, and squared distances of such are whole numbers that float64 holds. Among equal
    distances the earlier row comes first.

    Parameters
    ----------
    scores : ndarray (M, k)
        Whole numbers, from `principal`.
    k : int
    among : ndarray (N, k), optional
        The rows that are looked at; by default the same, where a row is not its own neighbour.
    """
    from concurrent.futures import ThreadPoolExecutor

    from featurize import processors

    others = scores if among is None else among
    largest = max(float(np.abs(others).max(initial=1)), float(np.abs(scores).max(initial=1)))
    coarse = 2.0 ** max(0.0, np.ceil(np.log2(largest)) - SCORE_BITS + 1)
    asked, known = np.round(scores / coarse), np.round(others / coarse)
    squares = np.einsum("nk,nk->n", known, known)
    k = min(k, len(known) - (among is None))

    def search(start: int) -> tuple[NDArray[np.intp], Floats]:
        part = asked[start : start + _ASKED]
        best = Best(len(part), k)
        for first in range(0, len(known), 2 * _BLOCK):
            columns = np.arange(first, min(first + 2 * _BLOCK, len(known)))
            closeness = part @ (2 * known[columns].T)
            closeness -= squares[columns]
            if among is None:
                own = np.arange(start, start + len(part)) - first
                inside = np.flatnonzero((own >= 0) & (own < len(columns)))
                closeness[inside, own[inside]] = -np.inf
            best.offer(closeness, columns)
        return best.columns, np.einsum("nk,nk->n", part, part)[:, None] - best.values

    with ThreadPoolExecutor(processors.count()) as pool:
        found = list(pool.map(search, range(0, len(asked), _ASKED)))
    return np.concatenate([rows for rows, _ in found]), np.concatenate([d for _, d in found]) * coarse**2


def _step(X: Rows) -> float:
    """The power of two that puts the largest component of the vectors just inside the grid."""
    largest = 0.0
    for start in range(0, len(X), _BLOCK):
        largest = max(largest, float(np.abs(np.asarray(X[start : start + _BLOCK])).max(initial=0)))
    return float(2.0 ** (np.ceil(np.log2(largest or 1.0)) - BITS))


def _grid(X: Rows, step: float) -> Iterator[tuple[int, Floats]]:
    """Blocks of rows on the grid, with the number of their first row."""
    limit = 2.0**BITS
    for start in range(0, len(X), _BLOCK):
        block = np.asarray(X[start : min(start + _BLOCK, len(X))], np.float64)
        yield start, np.clip(np.round(block / step), -limit, limit)


def _turned(axes: Floats) -> Floats:
    """Axes on their grid, the largest component of each positive: their sign has no meaning."""
    rounded = np.round(axes * 2.0**AXIS_BITS) / 2.0**AXIS_BITS
    largest = np.take_along_axis(rounded, np.abs(rounded).argmax(0)[None], 0)[0]
    return np.where(largest < 0, -rounded, rounded) + 0.0
