"""Is a picture unlike everything that was learned from? How far its row lies from the space that training rows fill.

A head names a class for any picture, a photograph of a page of text among them. Rows of paintings, brought to unit
length, lie near a few directions of the embedding; what remains of a row beside these directions is small for
paintings and large for other things. It is the residual of Wang, Li, Feng and Zhang, "ViM: Out-of-distribution with
virtual-logit matching" (CVPR 2022, equation 4), of rows at unit length, as Sun, Ming, Zhu and Li, "Out-of-distribution
detection with deep nearest neighbors" (ICML 2022) advise. What is kept does not grow with the number of rows.

A picture counts as unlike where its residual is above that of 99 % of training pictures, each of which was held out
while the directions were found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARE = 0.99  # of held-out pictures that are not flagged
MOST_DIRECTIONS = 64
ROWS_A_DIRECTION = 4  # fewer rows than that don't determine one
MOST_ROWS = 10_000  # of the training that are looked at: more change nothing
FEWEST = math.ceil(SHARE / (1 - SHARE) - 1e-9)  # held-out pictures, below which none is above 99 %

Folds = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]


@dataclass(frozen=True)
class Familiar:
    """The directions that training rows fill, and how far from them a row may lie.

    Parameters
    ----------
    basis : ndarray (q, D) float32
        Directions, orthonormal.
    limit : float
        The residual that 99 % of held-out rows don't exceed.
    rows : int
        Held-out rows that the limit rests on.
    """

    basis: NDArray[np.float32]
    limit: float
    rows: int

    @classmethod
    def learn(cls, X: Any, folds: Folds, seed: int = 0) -> Familiar | None:
        """From training rows X (N, D), each held out by one of the folds.

        Parameters
        ----------
        X : (N, D)
            An array, or anything that gives rows by their numbers.
        folds : pairs of row numbers
            To find directions from, and to measure; painters are kept apart where the head is for new ones.
        seed : int
            Of the choice of rows where there are very many.

        Returns
        -------
        Familiar, or None where fewer than 99 rows can be held out, or the rows are too few or too short to have
        directions.
        """
        count, features = X.shape
        chosen = np.arange(count)
        if count > MOST_ROWS:
            chosen = np.sort(np.random.default_rng(seed).choice(count, MOST_ROWS, replace=False))
        place = np.full(count, -1)
        place[chosen] = np.arange(len(chosen))
        units = _units(np.asarray(X[chosen], np.float32))
        parts = [(place[learn], place[held]) for learn, held in folds]
        parts = [(learn[learn >= 0], held[held >= 0]) for learn, held in parts]
        held_out = sum(len(held) for _, held in parts)
        directions = min(
            MOST_DIRECTIONS, features // 2, min((len(learn) for learn, _ in parts), default=0) // ROWS_A_DIRECTION
        )
        if held_out < FEWEST or directions < 1:
            return None
        residuals = [_residuals(units[held], _directions(units[learn], directions, seed)) for learn, held in parts]
        found = np.sort(np.concatenate(residuals))
        rank = math.ceil((held_out + 1) * SHARE - 1e-9)
        return cls(_directions(units, directions, seed), float(found[rank - 1]), held_out)

    def in_space_of(self, X: NDArray[np.floating], seed: int = 0) -> Familiar:
        """The same limit with the directions of rows X (N, D) of another network, trained alike on more pictures.

        A network that was trained again on all pictures has none left that it has not learned from; how far such lie
        from the directions is known from the network before.
        """
        return replace(self, basis=_directions(_units(np.asarray(X, np.float32)), len(self.basis), seed))

    def residuals(self, X: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far rows X (n, D), at unit length, lie from the directions: (n,), from 0 to 1."""
        return _residuals(_units(np.asarray(X, np.float32)), self.basis)

    def unlike(self, row: NDArray[np.floating]) -> bool:
        """Whether a row (D,) is unlike the training rows."""
        return bool(self.residuals(row[None])[0] > self.limit)

    def state(self) -> dict[str, NDArray[Any]]:
        """Plain arrays, for `from_state`."""
        return {
            "basis": self.basis,
            "limit": np.asarray(self.limit, np.float64),
            "rows": np.asarray(self.rows, np.int64),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, NDArray[Any]], features: int) -> Familiar:
        """What `state` gave, for rows of so many features.

        Raises
        ------
        ValueError
            An array is missing, not finite, or of another shape.
        """
        basis, limit, rows = (state.get(name) for name in ("basis", "limit", "rows"))
        if basis is None or limit is None or rows is None:
            raise ValueError("how far training rows lie apart is not whole")
        if basis.ndim != 2 or basis.shape[1] != features or not (np.isfinite(basis).all() and np.isfinite(limit).all()):
            raise ValueError(f"the directions of training rows don't fit {features} features")
        return cls(basis, float(limit), int(rows))


def _units(X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows at unit length; a row of zeros stays one, and lies as far away as a row can."""
    largest: NDArray[np.float32] = np.abs(X).max(axis=1, keepdims=True)  # or squares of large numbers would overflow
    scaled = X / np.where(largest > 0, largest, 1)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.asarray(scaled / np.where(lengths > 0, lengths, 1), np.float32)


def _residuals(units: NDArray[np.float32], basis: NDArray[np.float32]) -> NDArray[np.float64]:
    inside = (units @ basis.T).astype(np.float64)
    out: NDArray[np.float64] = np.sqrt(np.maximum(1 - (inside**2).sum(1), 0))
    return out


def _directions(units: NDArray[np.float32], count: int, seed: int) -> NDArray[np.float32]:
    """The first right singular vectors (count, D) of rows (n, D)."""
    from sklearn.utils.extmath import randomized_svd

    found = randomized_svd(units, count, random_state=seed)[2]
    return np.ascontiguousarray(found, np.float32)
