"""What heat asks of a head: its scores of a row, and the slope of one class's score.

A score is counted from the mean of all classes' scores: probabilities depend on differences of scores alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from classify.explain.scores import Scores, coefficients, scores_in_torch
from classify.heads.base import Head

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]
STEPS = 32  # points on the way from the mean training row at which the gradient is taken


class Slopes(ABC):
    """A head as heat sees it."""

    linear: bool = False  # whether the slope is the same for all rows

    @abstractmethod
    def scores(self, row: Floats) -> Floats:
        """The scores (K,) of a row (D,), less their mean."""

    @abstractmethod
    def slope(self, row: Floats, label: int, start: Floats | None) -> Floats:
        """The gradient (D,) of a class's score at a row, or its mean on the way from a start (D,) to the row."""


@dataclass(frozen=True)
class Straight(Slopes):
    """A linear head.

    Parameters
    ----------
    weights : ndarray (K, D)
    constants : ndarray (K,)
        Both less their mean over the classes.
    """

    weights: Floats
    constants: Floats
    linear = True

    def scores(self, row: Floats) -> Floats:
        found: Floats = self.weights @ row + self.constants
        return found

    def slope(self, row: Floats, label: int, start: Floats | None) -> Floats:
        found: Floats = self.weights[label]
        return found


@dataclass(frozen=True)
class Curved(Slopes):
    """A head whose gradient torch finds.

    Parameters
    ----------
    of_rows : callable
        Rows (n, D) -> scores (n, K), float64.
    """

    of_rows: Scores

    def scores(self, row: Floats) -> Floats:
        import torch

        found: Floats = self._centred(torch.from_numpy(row[None]))[0].numpy()
        return found

    def slope(self, row: Floats, label: int, start: Floats | None) -> Floats:
        import torch

        points = row[None]
        if start is not None:
            points = start + (np.arange(STEPS)[:, None] + 0.5) / STEPS * (row - start)  # (S, D)
        leaf = torch.from_numpy(points).requires_grad_()
        (gradient,) = torch.autograd.grad(self._centred(leaf)[:, label].sum(), leaf)
        found: Floats = gradient.mean(0).numpy()
        return found

    def _centred(self, rows: torch.Tensor) -> torch.Tensor:
        given = self.of_rows(rows)
        return given - given.mean(1, keepdim=True)


def slopes_of(head: Head) -> Slopes | None:
    """A fitted head with its slopes; None where it has none."""
    line = coefficients(head)
    if line:
        W, b = line
        return Straight(W - W.mean(0), b - b.mean())
    scores = scores_in_torch(head)
    return Curved(scores) if scores else None
