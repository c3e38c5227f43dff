"""Limited-memory BFGS in steps: it gives a point and takes its value, so many problems share one pass over the data.

Nocedal & Wright, Numerical Optimization (2006), algorithm 7.4, with a changing initial inverse Hessian given by the
caller and backtracking. The sufficient decrease is relaxed by the rounding error of a float32 objective
(the approximate Wolfe idea of Hager & Zhang, 2005).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from classify.heads.rows.blocks import Array

SLOPE = 1e-4  # share of the promised decrease that a step must bring
ROUNDING = 1e-6  # relative error of a float32 objective
MEMORY = 10  # pairs remembered
TRIES = 12  # halvings of a step before the point is taken as the best that float32 can tell


class LBFGS:
    """Minimises one smooth function of an array.

    Parameters
    ----------
    x
        Where to start.
    tolerance
        Relative distance from the minimum at which to stop.
    null
        The value of a trivial solution. The distance is relative to the value and to what has been gained over
        `null`, whichever is smaller: under a strong penalty all solutions have nearly the trivial one's value.

    Attributes
    ----------
    trial
        The point whose value is wanted next.
    x
        The best point so far.
    done
        Whether the decrease still to be expected is under the tolerance, or no step helps.
    """

    def __init__(self, x: Array, tolerance: float, null: float):
        self.x = self.trial = x
        self.done = False
        self.steps = 0
        self._tolerance, self._null = tolerance, null
        self._value = np.inf
        self._slope = self._length = 0.0
        self._tries = 0
        self._gradient = self._direction = np.zeros_like(x)
        self._pairs: deque[tuple[Array, Array, float]] = deque(maxlen=MEMORY)

    def tell(self, value: float, gradient: Array, precondition: Callable[[Array], Array]) -> None:
        """Take value and gradient at `trial`, and choose the next trial.

        `precondition` applies an approximate inverse Hessian; gradient . precondition(gradient) / 2 estimates how
        far the value is above its minimum.
        """
        bound = self._value + SLOPE * self._length * self._slope + ROUNDING * abs(self._value)
        if np.isfinite(self._value) and not value <= bound:
            self._shorten(value)
            return
        if np.isfinite(self._value):
            self._remember(gradient)
        self.x, self._value, self._gradient = self.trial, value, gradient
        self.steps += 1
        self._tries = 0
        distance = 0.5 * _dot(gradient, precondition(gradient))
        if distance <= self._tolerance * min(value, max(self._null - value, 0.0)):
            self.done = True
            return
        self._direction = -self._two_loops(gradient, precondition)
        self._slope = _dot(self._direction, gradient)
        self._length = 1.0
        self.trial = self.x + self._direction

    def _shorten(self, value: float) -> None:
        self._tries += 1
        if self._tries > TRIES:
            self.done = True
            return
        # the parabola through the value and slope here and the value there, kept within a tenth and a half
        bend = value - self._value - self._length * self._slope
        best = -self._slope * self._length / (2 * bend) if np.isfinite(value) and bend > 0 else 0.1
        self._length *= float(np.clip(best, 0.1, 0.5))
        self.trial = self.x + np.float32(self._length) * self._direction

    def _remember(self, gradient: Array) -> None:
        step, change = self.trial - self.x, gradient - self._gradient
        product = _dot(step, change)
        if product > 1e-10 * np.sqrt(_dot(step, step) * _dot(change, change)):
            self._pairs.append((step, change, 1 / product))

    def _two_loops(self, gradient: Array, precondition: Callable[[Array], Array]) -> Array:
        q = gradient.copy()
        factors = []
        for step, change, rho in reversed(self._pairs):
            factors.append(rho * _dot(step, q))
            q -= np.float32(factors[-1]) * change
        q = precondition(q)
        for (step, change, rho), factor in zip(self._pairs, reversed(factors), strict=True):
            q += np.float32(factor - rho * _dot(change, q)) * step
        return q


def _dot(a: Array, b: Array) -> float:
    return float(np.multiply(a, b).sum())  # pairwise, and not in BLAS, whose threads would not pay
