"""Prediction sets: the classes among which the true one is, for a wanted share of pictures.

A head that is right for 40 % of pictures names one class all the same. A set says how many classes it hesitates
between: one where it knows, ten where it doesn't. How large sets must be is read from pictures that were held out of
the training (split conformal prediction). That needs no assumption about the head, only that the new picture is like
the held-out ones.

The score is that of Romano, Sesia and Candès, "Classification with valid and adaptive coverage" (NeurIPS 2020),
without their random part: the probability of all classes that come before the true one. So the likeliest class is
always in the set, and one picture always has the same set. See also Angelopoulos and Bates, "A gentle introduction to
conformal prediction" (2021), section 2.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SLACK = 1e-9  # of a product that should be whole: 0.9 x 10 must not be more than 9


@dataclass(frozen=True)
class HeldOut:
    """What a head said of pictures that were held out of its training.

    Parameters
    ----------
    before : ndarray (n,) float64
        For each picture the probability of all classes that the head put before the true one, sorted.
    """

    before: NDArray[np.float64]

    @classmethod
    def of(cls, probabilities: NDArray[np.float64], truth: NDArray[np.intp]) -> HeldOut:
        """From probabilities (n, K) of held-out pictures and their true classes (n,)."""
        own = mass_before(probabilities)[np.arange(len(truth)), truth]
        return cls(np.sort(own))

    def __len__(self) -> int:
        return len(self.before)

    @property
    def most(self) -> float:
        """The largest share of pictures that sets can be promised for: n of n + 1."""
        return len(self) / (len(self) + 1)

    def limit(self, coverage: float) -> float:
        """How much probability may come before a class of the set, so that sets hold the true class so often.

        It is the ceil((n + 1) coverage)-th smallest of the n values (Romano et al. 2020, theorem 1).

        Parameters
        ----------
        coverage : float
            Share of pictures whose true class is in the set, above 0 and below 1.

        Raises
        ------
        ValueError
            It is out of bounds, or more than so many held-out pictures can promise.
        """
        if not 0 < coverage < 1:
            raise ValueError(f"the coverage {coverage:g} is out of bounds: it must be above 0 and below 1")
        rank = math.ceil((len(self) + 1) * coverage - _SLACK)
        if rank > len(self):
            raise ValueError(
                f"the coverage {coverage:g} can't be promised from {len(self):,} held-out pictures: "
                f"ask for {_below(self.most)} at most, or fit the head on more pictures"
            )
        return float(self.before[rank - 1])


def mass_before(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability (n, K) of all classes that come before each class in the order of probabilities (n, K).

    Of equally likely classes the first comes first.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    sums = np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1)
    before = np.zeros_like(sums)
    before[:, 1:] = sums[:, :-1]
    out = np.empty_like(before)
    np.put_along_axis(out, order, before, axis=1)
    return out


def sets(probabilities: NDArray[np.float64], limit: float) -> NDArray[np.bool_]:
    """Which classes are in the set of each picture (n, K), from probabilities (n, K) and `HeldOut.limit`."""
    return mass_before(probabilities) <= limit


def _below(share: float) -> str:
    """A share rounded down to three digits, so that what is proposed is possible."""
    return f"{math.floor(1000 * share) / 1000:g}"
