"""An order of the classes in which those that look alike stand together, for confusion matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def related_order(X: NDArray[Any], codes: NDArray[np.intp], count: int) -> tuple[int, ...]:
    """Order classes by the likeness of their mean embeddings.

    Average-linkage clustering on the cosine distance between class means, taken from the overall mean; the leaves are
    turned so that neighbours are as near as can be (Bar-Joseph, Gifford & Jaakkola, Bioinformatics 2001).

    Parameters
    ----------
    X : (N, D)
    codes : (N,) int
        Classes; those without rows come last.
    count : int
        Number of classes.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import pdist

    present = np.unique(codes)
    absent = np.setdiff1d(np.arange(count), present)
    if len(present) < 3:
        return tuple(np.concatenate([present, absent]).tolist())
    means = np.stack([X[codes == code].mean(0, dtype=np.float64) for code in present])  # (K, D)
    means -= means.mean(0)
    means += np.finfo(np.float64).eps  # a mean of exactly zero has no direction
    distances = np.nan_to_num(pdist(means, "cosine"), nan=1.0).clip(0)
    leaves = leaves_list(linkage(distances, "average", optimal_ordering=True))
    return tuple(np.concatenate([present[leaves], absent]).tolist())
