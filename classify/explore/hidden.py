"""A collection as a head sees it: each work as what the last hidden layer of the head makes of its vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cache import Store
from classify.errors import HeadError, HeadMismatch
from classify.explore.works import Works, check_different, load_works
from classify.headfile import SavedHead
from classify.heads.mlp import NetworkHead
from classify.heads.rows.blocks import block_rows
from featurize.dataset.periods import period_number, years_of_period
from featurize.dataset.table import DatasetTable
from featurize.wording import counted

Floats = NDArray[np.float64]
_PERIODS = 24  # at most, in a picture
_LENGTHS = (10, 25, 50, 100, 250, 500)  # years of a period


def load_hidden(table: DatasetTable, cache: Store, saved: SavedHead, split: str = "all", *, fewest: int = 2) -> Works:
    """The pictures of a dataset table, each as the values of a head's last hidden layer.

    Parameters
    ----------
    table, cache, split, fewest
        As in `load_works`.
    saved : SavedHead
        A head with a hidden layer, as `mlp` is, fitted to embeddings of this cache.

    Raises
    ------
    HeadError
        The head has no hidden layer.
    HeadMismatch
        It was fitted to other embeddings.
    TableError, DataError, NotStored
        As `load_works` does.
    """
    head = saved.head
    if not isinstance(head, NetworkHead) or len(head.layers_) < 2:
        raise HeadError(
            f"the head {saved.kind} has no hidden layer: give one that has, as `classify fit --head mlp` makes it, or "
            "leave --head out to look at the embedding itself"
        )
    if saved.key != cache.key:
        raise HeadMismatch(
            f"the head was fitted to embeddings of {saved.key.folder_name}, and these are {cache.key.folder_name}: "
            "choose the feature cache with --features and --key"
        )
    names = "+".join(recipe.name for recipe in saved.recipes)
    works = load_works(table, cache, names, split, fewest=fewest)
    if list(works.recipes) != list(saved.recipes):
        raise HeadMismatch(
            f"the embedding {names} in the feature cache is defined otherwise than the head's: fit again"
        )
    step = block_rows(works.X.shape[1])
    parts = [head.last_hidden(works.X[start : start + step]) for start in range(0, len(works), step)]
    X = np.concatenate(parts)
    found = replace(works, X=X, layer=f"last hidden layer ({counted(X.shape[1], 'unit')}) of the head {saved.kind}")
    check_different(found)  # a head whose training went wrong may have no unit that is ever active
    return found


@dataclass(frozen=True)
class UnitsInTime:
    """Some units of a hidden layer through time.

    Parameters
    ----------
    units : ndarray (n,) int
        Their numbers, from 0: those that follow the year most closely, from the one that rises most to the one that
        falls most.
    correlation : ndarray (n,)
        Pearson's, of each with the year.
    periods : sequence of str
        P periods that hold works.
    works : sequence of int
        In each of them.
    means : ndarray (n, P)
        Mean activation of the works of each period, in standard deviations from the mean of all works.
    """

    units: NDArray[np.intp]
    correlation: Floats
    periods: Sequence[str]
    works: Sequence[int]
    means: Floats


def units_in_time(works: Works, most: int = 24) -> UnitsInTime:
    """How much the units of a hidden layer are active in works of each time.

    Parameters
    ----------
    works : Works
        From `load_hidden`, all dated.
    most : int
        Units that are shown, at most. Units that are never active say nothing and are left out.
    """
    X = np.asarray(works.X[:], np.float64)
    X = X - X.mean(0)
    spread = X.std(0)
    alive = np.flatnonzero(spread > 0)
    X = X[:, alive] / spread[alive]
    years = works.years - works.years.mean()
    correlation = X.T @ years / (len(years) * years.std())
    chosen = np.argsort(-np.abs(correlation), kind="stable")[:most]
    chosen = chosen[np.argsort(-correlation[chosen], kind="stable")]
    span = int(works.years.max() - works.years.min())
    length = next((n for n in _LENGTHS if span // n < _PERIODS), _LENGTHS[-1])
    numbers = np.array([period_number(int(year), length) for year in works.years])
    there, counts = np.unique(numbers, return_counts=True)
    means = np.stack([X[numbers == n][:, chosen].mean(0) for n in there], axis=1)
    names = [years_of_period(int(n), length) for n in there]
    return UnitsInTime(alive[chosen], correlation[chosen], names, counts.tolist(), means)
