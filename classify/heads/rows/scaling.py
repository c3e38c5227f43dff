"""What is done to a row before a head sees it: square root, unit length, standardisation, in that order.

One place for all heads, so that an option means the same everywhere and travels with the saved head. The
square root of non-negative features (the Hellinger map: Arandjelović & Zisserman, CVPR 2012) and the unit
length look at one row alone; standardisation comes last, so that what is learned from other rows is affine and a
linear solver can fold it into its coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from classify.heads.rows.blocks import Array, blocks
from classify.heads.rows.float16 import widen


@dataclass(frozen=True)
class Scaling:
    """A fitted preparation of rows.

    Parameters
    ----------
    sqrt, l2
        Whether rows go through the square root and are brought to unit length.
    mean, scale
        (D,) float64, subtracted and divided by after that; None where features are not standardised.
    """

    sqrt: bool
    l2: bool
    mean: Array | None = None
    scale: Array | None = None

    @classmethod
    def fit(cls, X: Array, index: Array | None = None, *, standardize: bool, sqrt: bool, l2: bool) -> Scaling:
        """Learn mean and deviation from X (N, D), or from its rows `index`, in blocks and one pass.

        Raises
        ------
        ValueError
            With `sqrt`, when a feature is negative.
        """
        plain = cls(sqrt, l2)
        if not standardize:
            return plain
        mean, variance = moments(plain, X, index)
        deviation = np.sqrt(variance)
        # rounding alone gives a constant feature this much deviation; dividing by it would blow up noise
        constant = deviation <= 10 * np.finfo(np.float32).eps * np.abs(mean)
        return cls(sqrt, l2, mean, np.where(constant, 1.0, deviation))

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
            length = np.sqrt(np.einsum("ij,ij->i", X, X))
            X /= np.where(length > 0, length, 1)[:, None]
        return X

    def __call__(self, X: Array) -> Array:
        """(n, D) of any float type -> a prepared copy (n, D), float64 from float64, else float32."""
        X = self.rowwise(X)
        if self.mean is not None and self.scale is not None:
            X -= self.mean.astype(X.dtype)
            X /= self.scale.astype(X.dtype)
        return X

    def state(self) -> dict[str, Array]:
        """What was learned, as plain arrays."""
        return {} if self.mean is None or self.scale is None else {"mean": self.mean, "scale": self.scale}


def moments(scaling: Scaling, X: Array, index: Array | None = None) -> tuple[Array, Array]:
    """Mean and variance (D,) float64 of the row-wise prepared rows.

    Blocks are merged by the pairwise update of Chan, Golub & LeVeque (1983), so that a feature whose mean is
    large beside its deviation keeps its digits.
    """
    count = 0
    mean = np.zeros(X.shape[1])
    total = np.zeros(X.shape[1])  # sum of squared deviations from the mean
    for part in blocks(X, index):
        rows = scaling.rowwise(part)
        n = len(rows)
        centre = rows.mean(0, dtype=np.float64)
        rows -= centre.astype(rows.dtype)
        shift = rows.mean(0, dtype=np.float64)  # what rounding left
        centre += shift
        delta = centre - mean
        total += np.einsum("ij,ij->j", rows, rows) - n * shift**2 + delta**2 * (count * n / (count + n))
        mean += delta * (n / (count + n))
        count += n
    return mean, np.maximum(total / max(count, 1), 0)
