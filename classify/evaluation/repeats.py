"""The comparison again over resampled splits: how much of a ranking is the luck of one split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from classify.evaluation.findings import RepeatedHead, Repeats
from classify.evaluation.statistics import corrected_resampled, holm

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def resampled_splits(
    y: NDArray[np.str_], groups: NDArray[np.str_], test_share: float, count: int, *, by_artist: bool, seed: int
) -> Iterator[Split]:
    """Row numbers of training and test part, anew each time.

    Parameters
    ----------
    y, groups : (N,)
        Classes and artists of both parts together.
    test_share : float
        Of the rows (by_artist: of the artists).
    count : int
    by_artist : bool
        Keep each artist on one side; otherwise classes keep their shares.
    seed : int
    """
    from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit

    rarest = int(np.unique(y, return_counts=True)[1].min())
    classes = len(np.unique(y))
    fits = rarest > 1 and min(test_share, 1 - test_share) * len(y) >= classes
    kind = GroupShuffleSplit if by_artist else StratifiedShuffleSplit if fits else ShuffleSplit
    splitter = kind(count, test_size=test_share, random_state=seed)
    yield from splitter.split(np.zeros(len(y)), y, groups if by_artist else None)


def judge_repeats(
    accuracies: Mapping[str, Sequence[float]],
    train_rows: Sequence[int],
    test_rows: Sequence[int],
    kind: str,
    shared: float | None,
) -> Repeats:
    """Means and corrected resampled t-tests against the best.

    Parameters
    ----------
    accuracies : mapping of name to one accuracy a split
    train_rows, test_rows : sequence of int
        One a split.
    kind : str
        "random" or "artist-disjoint".
    shared : float or None
        Mean share of test pictures by an artist of the training part.
    """
    table = {name: np.array(values) for name, values in accuracies.items()}
    ratio = float(np.mean(test_rows) / np.mean(train_rows))
    names = sorted(table, key=lambda name: -float(table[name].mean()))
    best = table[names[0]]
    behind = [corrected_resampled(best - table[name], ratio) for name in names[1:]]
    corrected = holm([p for _, p in behind])
    heads = [RepeatedHead(names[0], tuple(best.tolist()), corrected_resampled(best, ratio)[0], None, None)]
    for name, (difference, _), p in zip(names[1:], behind, corrected, strict=True):
        mean = corrected_resampled(table[name], ratio)[0]
        heads.append(RepeatedHead(name, tuple(table[name].tolist()), mean, difference, p))
    rows = round(float(np.mean(train_rows))), round(float(np.mean(test_rows)))
    return Repeats(len(best), kind, *rows, shared, tuple(heads))
