"""Support vector machines in a kernel's space, all classes and all values of C in the same matrix products.

Newton's method on the primal problem with the squared hinge loss (Chapelle, Training a support vector machine in the
primal, Neural Computation 2007), each step by conjugate gradients in the kernel's inner product (his section 4.4), so
that a step cut short still goes down. A problem is one class against the rest at one C, and one product of the
kernel matrix with all problems' vectors advances all of them.
"""

from __future__ import annotations

import numpy as np

from classify.heads.rows.blocks import Array
from classify.heads.solvers.parallel import Team, team

NEWTON_STEPS = 50
CG_STEPS = 50  # of one Newton step, at most
FORCING = 0.1  # a Newton step is cut short when its residual is this share of the gradient
BISECTIONS = 10


def rbf(A: Array, B: Array, gamma: float) -> Array:
    """exp(-gamma |a - b|^2) for rows of A (n, D) and B (m, D): (n, m)."""
    K = np.empty((len(A), len(B)), A.dtype)
    squares = np.einsum("ij,ij->i", B, B)

    def work(at: slice) -> None:
        part = K[at]
        np.matmul(A[at], B.T, out=part)
        part *= 2
        part -= np.einsum("ij,ij->i", A[at], A[at])[:, None]
        part -= squares
        np.minimum(part, 0, out=part)  # rounding leaves the distance of a row to itself a little off zero
        part *= gamma
        np.exp(part, out=part)

    with team(K.size * A.shape[1]) as threads:
        step = max(1, -(-len(A) // threads.size))
        threads.map(work, [slice(start, start + step) for start in range(0, len(A), step)])
    return K


def solve_squared_hinge(K: Array, Y: Array, ridge: Array, tolerance: float) -> Array:
    """Minimise b^T K b / 2 + sum_i max(0, 1 - y_i (K b)_i)^2 / (2 ridge_i) for each problem.

    Parameters
    ----------
    K : (n, n) float32, symmetric and positive semi-definite
    Y : (q, n) float32, +1 or -1
    ridge : (q, n) float32, 1 / (2 C weight_i)
    tolerance : the gradient's norm at the end, relative to its norm at b = 0

    Returns
    -------
    b (q, n) float32
    """
    with team(K.size * len(Y)) as threads:
        product = Product(K, threads)
        b, f = np.zeros_like(Y), np.zeros_like(Y)  # f = K b
        start = np.full(len(Y), -1.0)  # the squared norm of the gradient at b = 0
        todo = np.arange(len(Y))
        for _ in range(NEWTON_STEPS):
            y, r = Y[todo], ridge[todo]
            descent = y * np.maximum(1 - y * f[todo], 0) / r - b[todo]  # minus the gradient
            image = product(descent)
            norms = _dots(descent, image)
            start[todo] = np.where(start[todo] < 0, norms, start[todo])
            going = norms > tolerance**2 * start[todo]
            if not going.any():
                break
            todo, y, r, descent, image = todo[going], y[going], r[going], descent[going], image[going]
            active = (y * f[todo] < 1) / r
            d, Kd = _newton_direction(product, active, descent, image)
            t = _line_search(b[todo], f[todo], d, Kd, y, r)
            b[todo] += t * d
            f[todo] += t * Kd
        return b


class Product:
    """Products P K of rows P (q, n) with a kernel matrix, each thread making some of the columns."""

    def __init__(self, K: Array, threads: Team):
        step = max(1, -(-len(K) // threads.size))
        self._K, self._threads = K, threads
        self._parts = [slice(start, start + step) for start in range(0, len(K), step)]

    def __call__(self, P: Array) -> Array:
        out = np.empty_like(P)
        self._threads.map(lambda at: np.matmul(P, self._K[:, at], out=out[:, at]), self._parts)
        return out


def _newton_direction(product: Product, active: Array, residual: Array, image: Array) -> tuple[Array, Array]:
    """Solve (I + active K) d = residual by conjugate gradients in the inner product u^T K v; d and K d.

    `image` is K residual; both are overwritten. Problems that are solved drop out.
    """
    solution, solution_image = np.zeros_like(residual), np.zeros_like(residual)
    at = np.arange(len(residual))
    d, Kd, p, Kp = np.zeros_like(residual), np.zeros_like(residual), residual.copy(), image.copy()
    power = _dots(residual, image)
    target = FORCING**2 * power
    for step in range(CG_STEPS):
        Bp = active * Kp
        Bp += p
        length = (power / np.maximum(_dots(Kp, Bp), 1e-30)).astype(np.float32)[:, None]
        d += length * p
        Kd += length * Kp
        residual -= length * Bp
        image = product(residual)
        before, power = power, _dots(residual, image)
        going = power > target
        if not going.any() or step == CG_STEPS - 1:
            break
        if going.mean() < 0.8:  # narrow the products
            solution[at], solution_image[at] = d, Kd
            at, d, Kd, p, Kp = at[going], d[going], Kd[going], p[going], Kp[going]
            residual, image, active = residual[going], image[going], active[going]
            before, power, target = before[going], power[going], target[going]
        ratio = (power / np.maximum(before, 1e-30)).astype(np.float32)[:, None]
        p *= ratio
        p += residual
        Kp *= ratio
        Kp += image
    solution[at], solution_image[at] = d, Kd
    return solution, solution_image


def _line_search(b: Array, f: Array, d: Array, Kd: Array, y: Array, r: Array) -> Array:
    """The length (q, 1) of the step d that minimises each objective, by bisecting its slope in [0, 1]."""
    linear, square = _dots(d, f), _dots(d, Kd)

    def slope(t: Array) -> Array:
        slack = np.maximum(1 - y * (f + t[:, None] * Kd), 0)
        slopes: Array = linear + t * square - _dots(y * Kd / r, slack)
        return slopes

    low, high = np.zeros(len(b), np.float32), np.ones(len(b), np.float32)
    full = slope(high) <= 0
    for _ in range(0 if full.all() else BISECTIONS):
        middle = (low + high) / 2
        rising = slope(middle) > 0
        low, high = np.where(rising, low, middle), np.where(rising, middle, high)
    length: Array = np.where(full, np.float32(1), (low + high) / 2)
    return length[:, None]


def _dots(A: Array, B: Array) -> Array:
    """Products (q,) of the rows of A and B (q, n)."""
    products: Array = np.einsum("ij,ij->i", A, B)
    return products
