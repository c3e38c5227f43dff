"""Random numbers and rows for the parts of solvers."""

from __future__ import annotations

import numpy as np

from classify.heads.rows.blocks import Rows


def rng(seed=0):
    return np.random.default_rng(seed)


def rows_of(X):
    return Rows(X.astype(np.float32), lambda part: part)
