"""Learning curves: how accuracy grows with the number of training pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHARES = (0.1, 0.2, 0.4, 0.7)  # of the training part; the whole is the comparison itself


def nested_subsets(codes: NDArray[np.intp], seed: int = 0) -> list[NDArray[np.intp]]:
    """Training rows for each share, each subset holding the one before.

    Classes keep their shares; each keeps two pictures at least, or the only one it has.

    Parameters
    ----------
    codes : (N,) int
        Classes.
    seed : int

    Returns
    -------
    list of sorted row numbers, without subsets that are as large as the one before or as the whole
    """
    order = np.random.default_rng(seed).permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]  # class after class, shuffled inside
    sizes = np.bincount(codes)
    place = np.empty(len(codes), int)
    place[order] = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # of a row within its class
    out: list[NDArray[np.intp]] = []
    for share in SHARES:
        rows = np.flatnonzero(place < np.maximum(np.round(share * sizes), 2)[codes])
        if (not out or len(rows) > len(out[-1])) and len(rows) < len(codes):
            out.append(rows)
    return out
