"""Folds that tuning and calibration share: stratified by class, and grouped (by artist) where groups are known."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from classify.heads.rows.blocks import Array

Folds = Sequence[tuple[Array, Array]]  # (training row numbers, validation row numbers) of each fold


def can_group(y: Any, groups: Any) -> bool:
    """Whether folds by group can tell anything: half of the rows or more are of classes with two groups or more.

    Where most styles are known by a single artist, folds by artist hold out whole styles, and what remains is noise.
    """
    codes = np.unique(np.asarray(y), return_inverse=True)[1]
    names = np.unique(np.asarray(groups).astype(str), return_inverse=True)[1]
    owners = np.bincount(np.unique(np.stack([codes, names]), axis=1)[0], minlength=codes.max(initial=-1) + 1)
    return bool(len(codes)) and float(np.mean(owners[codes] > 1)) >= 0.5


def whole_folds(y: Any, groups: Any = None, n: int = 5, seed: int = 0) -> list[tuple[Array, Array]]:
    """Split rows into folds that hold out each row once; never fails, however few the rows.

    Classes are spread evenly; a group (an artist) is never on both sides, but where `can_group` says that this is
    pointless, and groups are left out of account. Groups of one row each are as none: the folds are the same with them
    and without. There are fewer folds than `n` where no class has `n` rows or there are fewer groups.

    Parameters
    ----------
    y : (N,) classes
    groups : (N,) or None
    n : int, the number of folds wanted
    seed : int

    Returns
    -------
    Folds; an empty list where none is possible (each class has a single row). The training rows of a fold may lack a
    class whose only row or only artist is held out.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    codes, counts = np.unique(np.asarray(y), return_inverse=True, return_counts=True)[1:]
    n = min(n, int(counts.max(initial=0)))
    names = None
    if groups is not None and can_group(y, groups):
        names, sizes = np.unique(np.asarray(groups).astype(str), return_inverse=True, return_counts=True)[1:]
        n = min(n, len(sizes))
        if sizes.max() == 1:  # nothing to keep together; and StratifiedGroupKFold is slow for many groups
            names = None
    if n < 2:
        return []
    kind = StratifiedKFold if names is None else StratifiedGroupKFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class rarer than n is expected here, and said above
        return list(kind(n, shuffle=True, random_state=seed).split(codes, codes, names))


def make_folds(y: Any, groups: Any = None, n: int = 5, seed: int = 0) -> list[tuple[Array, Array]]:
    """Split rows into folds for tuning: those of `whole_folds`, without held-out rows that can teach nothing.

    A validation row whose class the fold does not train on (its only row or its only artist is held out) teaches
    nothing about a head and is left out of that fold's validation part; such a row still trains the other folds.

    Parameters
    ----------
    y : (N,) classes
    groups : (N,) or None
    n : int, the number of folds wanted
    seed : int

    Returns
    -------
    Folds; an empty list where none is possible.
    """
    codes = np.unique(np.asarray(y), return_inverse=True)[1]
    parts = whole_folds(y, groups, n, seed)
    folds = [(train, held_out[np.isin(codes[held_out], codes[train])]) for train, held_out in parts]
    return [(train, held_out) for train, held_out in folds if len(held_out) and len(np.unique(codes[train])) > 1]
