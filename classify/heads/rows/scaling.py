"""What is done to a row before a head sees it: square root, unit length, standardisation, in that order.

One place for all heads, so that an option means the same everywhere and travels with the saved head. The
square root of non-negative features (the Hellinger map: Arandjelović & Zisserman, CVPR 2012) and the unit
length look at one row alone; standardisation comes last, so that what is learned from other rows is affine and a
linear solver can fold it into its coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from classify.heads.rows.blocks import Array
from classify.heads.rows.float16 import widen
from classify.heads.rows.moments import Moments, moments


@dataclass(frozen=True)
class Scaling:
    """A fitted preparation of rows.

    Parameters
    ----------
    sqrt, l2
        Whether rows go through the square root and are brought to unit length.
    mean, scale
        (D,) float64, subtracted and divided by after that; None where that is not done. A constant feature has an
        infinite scale, and becomes 0 in every row.
    """

    sqrt: bool
    l2: bool
    mean: Array | None = None
    scale: Array | None = None

    @classmethod
    def fit(
        cls,
        X: Array,
        index: Array | None = None,
        weights: Array | None = None,
        *,
        standardize: bool,
        sqrt: bool,
        l2: bool,
        centred: bool = False,
    ) -> Scaling:
        """Learn mean and deviation from X (N, D), or from its rows `index`, in blocks and one pass.

        Parameters
        ----------
        weights : (N,) > 0, optional
            How often each row of X counts.
        standardize, sqrt, l2 : see Head
        centred : bool
            Subtract the mean even where features are not standardised.

        Raises
        ------
        ValueError
            With `sqrt`, when a feature is negative.
        """
        plain = cls(sqrt, l2)
        if not (standardize or centred):
            return plain
        return plain.standardising(moments(plain.rowwise, X, index, weights), standardize)

    def standardising(self, found: Moments, standardize: bool) -> Scaling:
        """This row-wise preparation, followed by taking off a mean and, with `standardize`, dividing by a deviation."""
        return Scaling(self.sqrt, self.l2, found.mean, found.scale if standardize else None)

    def rowwise(self, X: Array) -> Array:
        """The part that looks at one row alone: (n, D) -> (n, D), float64 from float64, else float32."""
        X = widen(X) if X.dtype == np.float16 else X.astype(np.float64 if X.dtype == np.float64 else np.float32)
        if self.sqrt:
            if X.min(initial=0) < 0:
                raise ValueError(
                    f"sqrt=true needs non-negative features, but one is {X.min():.4g}: "
                    "use sqrt=false for this embedding"
                )
            np.sqrt(X, out=X)
        if self.l2:
            unit(X)
        return X

    def __call__(self, X: Array) -> Array:
        """(n, D) of any float type -> a prepared copy (n, D), float64 from float64, else float32."""
        X = self.rowwise(X)
        if self.mean is not None:
            X -= self.mean.astype(X.dtype)
        if self.scale is not None:
            X /= self.scale.astype(X.dtype)
        return X

    def state(self) -> dict[str, Array]:
        """What was learned, as plain arrays."""
        both = {"mean": self.mean, "scale": self.scale}
        return {name: array for name, array in both.items() if array is not None}


def unit(rows: Array) -> Array:
    """Rows (n, D) at length 1, in place; zero rows stay.

    Each is divided by its largest number first, so that no square leaves the range of the floats.
    """
    largest = np.maximum(rows.max(1, initial=0), -rows.min(1, initial=0))
    rows /= np.where(largest > 0, largest, 1)[:, None]
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    rows /= np.where(lengths > 0, lengths, 1)[:, None]
    return rows
