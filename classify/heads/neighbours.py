"""Heads that compare a row with training rows or with their means: `knn`, `prototype` and `simpleshot`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from classify.heads.base import Head, Training
from classify.heads.calibration import softmax
from classify.heads.rows.blocks import Array, Rows, blocks, take
from classify.heads.rows.folds import Folds
from classify.heads.rows.parts import Part, class_means
from classify.heads.rows.scaling import Scaling, unit

QUERIES = 512  # rows compared at once
TINY = 1e-30  # votes of a class that the rows do not have
DECIMALS = 6  # of a similarity: what follows is rounding of the products
TIED = 10.0**-DECIMALS
CANCELLED = 1e-6  # length of a mean of rows of length 1 that is rounding
SHARPNESS = 5.0  # how steeply the last vote is shared out by similarity; on digits and paintings 2 to 20 differ little


class KNN(Head):
    """The classes of the k most similar training rows, by cosine.

    The score of a class is log((votes + share) / (k + 1)): one vote more is shared out among all classes by
    exp(5 x similarity of the class's most similar row), so that classes with as many votes, or none, are ordered by
    similarity. Rows that are as similar as the k-th, to rounding, share the votes that are left: neither the order of
    the rows nor that of the classes decides which of them is a neighbour.

    Parameters
    ----------
    k : int
        Number of neighbours.

    The others are those of Head; class weights are weights of the votes.

    Attributes
    ----------
    rows_ : (N, D) float32, the prepared training rows at unit length, class after class
    codes_ : (N,) int64, in increasing order
    weights_ : (K,) float64
    """

    centred: ClassVar[bool] = False
    tunable: ClassVar[dict[str, tuple[float, ...]]] = {"k": (1, 3, 5, 9, 15, 25, 50)}
    beyond: ClassVar[dict[str, tuple[float, ...]]] = {"k": (100, 200)}
    path_param: ClassVar[str | None] = "k"
    arrays: ClassVar[tuple[str, ...]] = ("rows", "codes", "weights")
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"k": (1, 1e9)}

    rows_: Array
    codes_: Array
    weights_: Array

    def __init__(
        self,
        *,
        k: int = 5,
        standardize: bool = True,
        sqrt: bool = False,
        l2: bool = False,
        class_weight: Any = None,
        calibrate: bool = True,
    ):
        self.k = k
        self.standardize = standardize
        self.sqrt = sqrt
        self.l2 = l2
        self.class_weight = class_weight
        self.calibrate = calibrate

    def _fit(self, X: Array, codes: Array, weights: Array | None) -> None:
        self.scaling_ = self._fit_scaling(X, weights)
        places = np.argsort(np.argsort(codes, kind="stable"))  # of each row among those sorted by class
        self.rows_ = np.empty(X.shape, np.float32)
        start = 0
        for part in blocks(X):
            self.rows_[places[start : start + len(part)]] = unit(self.scaling_(part))
            start += len(part)
        self.codes_, self.weights_ = np.sort(codes).astype(np.int64), self._class_weights(codes, np.arange(len(codes)))

    def _validate(self, X: Any, y: Any, groups: Any, sample_weight: Any) -> Training:
        if sample_weight is not None:
            raise ValueError("knn can't weigh rows, since it counts votes of the nearest: leave sample_weight out")
        return super()._validate(X, y, groups, sample_weight)

    def _restore(self, state: Mapping[str, Array]) -> None:
        super()._restore(state)
        if (np.diff(self.codes_) < 0).any():  # a head of an earlier version
            order = np.argsort(self.codes_, kind="stable")
            self.rows_, self.codes_ = self.rows_[order], self.codes_[order]

    def _scores(self, rows: Array) -> Array:
        scores: Array = self._votes(unit(rows), self.rows_, self.codes_, self.weights_, [self.k])[0]
        return scores

    def _path(self, X: Array, codes: Array, folds: Folds, values: Sequence[Any], weights: Array | None = None) -> Array:
        out = np.full((len(values), len(codes), int(codes.max()) + 1), np.nan, np.float32)
        scalings = self._fit_scalings(X, [train for train, _ in folds], weights)
        for scaling, (train, held_out) in zip(scalings, folds, strict=True):
            train = train[np.argsort(codes[train], kind="stable")]
            known, asked = (unit(scaling(take(X, at))).astype(np.float32, copy=False) for at in (train, held_out))
            votes = self._class_weights(codes, train)
            out[:, held_out] = self._votes(asked, known, codes[train], votes, values)
        return out

    @staticmethod
    def _votes(asked: Array, known: Array, codes: Array, weights: Array, ks: Sequence[int]) -> Array:
        """Scores (len(ks), n, K) of unit rows `asked` (n, D) for several numbers of neighbours; codes in order."""
        out = np.empty((len(ks), len(asked), len(weights)), asked.dtype)
        known = known.astype(asked.dtype, copy=False)
        most = min(int(max(ks)) + 1, len(known))
        present, starts = np.unique(codes, return_index=True)
        for start in range(0, len(asked), QUERIES):
            similar = asked[start : start + QUERIES] @ known.T
            share = np.zeros((len(similar), len(weights)))
            nearest = np.maximum.reduceat(similar, starts, axis=1)
            share[:, present] = softmax(SHARPNESS * np.round(nearest, DECIMALS))
            near = _largest(similar, most)
            voters, sizes = codes[near], np.take_along_axis(similar, near, 1)
            lines = np.arange(len(near))[:, None]
            for number, k in enumerate(ks):
                votes = share.copy()
                np.add.at(votes, (lines, voters[:, :k]), weights[voters[:, :k]])
                if k < len(known):
                    tied = np.flatnonzero(sizes[:, k - 1] - sizes[:, k] <= TIED)
                    shared = _shared_votes(similar[tied], sizes[tied, k - 1], k, starts)
                    votes[tied] = share[tied]
                    votes[np.ix_(tied, present)] += weights[present] * shared
                out[number, start : start + QUERIES] = np.log(np.maximum(votes, TINY) / (k + 1))
        return out


def _largest(similar: Array, most: int) -> Array:
    """Places (n, most) of each line's largest values, the largest first.

    Places are put into groups, a place j into j mod the number of groups; each of the largest values lies in one of the
    `most` groups with the largest maxima. So values of a few groups are compared with each other instead of all.
    """
    count = similar.shape[1]
    size = int(np.sqrt(count / most))  # least work: as many groups as values in the chosen ones
    groups = count // size
    maxima = similar[:, : groups * size].reshape(len(similar), size, groups).max(1)
    chosen = np.argpartition(maxima, groups - most, axis=1)[:, -most:]
    inside = (chosen[:, None] + groups * np.arange(size)[:, None]).reshape(len(similar), -1)
    beyond = np.broadcast_to(np.arange(groups * size, count), (len(similar), count - groups * size))
    places = np.hstack([inside, beyond])
    values = np.take_along_axis(similar, places, 1)
    near = np.argpartition(values, values.shape[1] - most, axis=1)[:, -most:]
    order = np.argsort(-np.take_along_axis(values, near, 1), axis=1, kind="stable")
    found: Array = np.take_along_axis(places, np.take_along_axis(near, order, 1), 1)
    return found


def _shared_votes(similar: Array, last: Array, k: int, starts: Array) -> Array:
    """Votes (n, classes) where more rows than one are as similar as the k-th: these share what the others leave.

    Parameters
    ----------
    similar : (n, N), to known rows that lie class after class
    last : (n,), the k-th largest of each line
    starts : where the rows of each class begin
    """
    above = similar > last[:, None] + TIED
    tied = (similar >= last[:, None] - TIED) & ~above
    left = (k - above.sum(1)) / np.maximum(tied.sum(1), 1)
    votes: Array = np.add.reduceat(above, starts, axis=1, dtype=np.float64)
    votes += left[:, None] * np.add.reduceat(tied, starts, axis=1, dtype=np.float64)
    return votes


class Prototype(Head):
    """The nearest class mean.

    The score of a class is x . mean - |mean|^2 / 2: minus half the squared distance, less what all classes share.

    The parameters are those of Head; class weights have no effect, since a mean does not depend on how much its rows
    weigh together.

    Attributes
    ----------
    means_ : (K, D) float32, of prepared rows
    """

    arrays: ClassVar[tuple[str, ...]] = ("means",)

    means_: Array

    def __init__(
        self,
        *,
        standardize: bool = True,
        sqrt: bool = False,
        l2: bool = False,
        class_weight: Any = None,
        calibrate: bool = True,
    ):
        self.standardize = standardize
        self.sqrt = sqrt
        self.l2 = l2
        self.class_weight = class_weight
        self.calibrate = calibrate

    def _fit(self, X: Array, codes: Array, weights: Array | None) -> None:
        self.scaling_ = self._fit_scaling(X, weights)
        rows = Rows(X, self.scaling_)
        none = np.zeros(X.shape[1], np.float32)
        everything = Part(np.arange(len(codes)), none, none + 1)
        self.means_ = class_means(rows, codes, everything, np.bincount(codes, weights), weights)

    def _scores(self, rows: Array) -> Array:
        means = self.means_.astype(rows.dtype, copy=False)
        scores: Array = rows @ means.T - 0.5 * np.einsum("kd,kd->k", means, means)
        return scores

    def _path(self, X: Array, codes: Array, folds: Folds, values: Sequence[Any], weights: Array | None = None) -> Array:
        count = int(codes.max()) + 1
        out = np.full((1, len(codes), count), np.nan, np.float32)
        shared = self._share(X, [train for train, _ in folds], weights)
        for part, (_, held_out) in zip(shared.parts, folds, strict=True):
            own = None if weights is None else weights[part.index]
            sizes = np.bincount(codes[part.index], own, minlength=count)
            means = class_means(shared.rows, codes, part, sizes, weights)
            W, b = part.raw(means, -0.5 * np.einsum("kd,kd->k", means, means))
            out[:, held_out] = shared.rows.dot(W, held_out) + b
        return out


class SimpleShot(Head):
    """The class mean at the smallest angle, among rows that were centred and brought to unit length.

    This is CL2N of Wang et al., "SimpleShot: Revisiting Nearest-Neighbor Classification for Few-Shot Learning" (2019,
    section 3): the mean of all training rows is taken off, then each row is divided by its length. The score of a class
    is the cosine of a row and the mean of the class's rows; the paper takes the distance to that mean. The two differ
    only as far as the class means differ in length. The length of an embedding has no effect.

    The parameters are those of Head, but rows are not standardised by default. Class weights have no effect, since a
    mean does not depend on how much its rows weigh together.

    Attributes
    ----------
    means_ : (K, D) float32, of prepared rows at unit length, themselves at unit length
    """

    arrays: ClassVar[tuple[str, ...]] = ("means",)

    means_: Array

    def __init__(
        self,
        *,
        standardize: bool = False,
        sqrt: bool = False,
        l2: bool = False,
        class_weight: Any = None,
        calibrate: bool = True,
    ):
        self.standardize = standardize
        self.sqrt = sqrt
        self.l2 = l2
        self.class_weight = class_weight
        self.calibrate = calibrate

    def _fit(self, X: Array, codes: Array, weights: Array | None) -> None:
        self.scaling_ = self._fit_scaling(X, weights)
        self.means_ = _directions(X, codes, np.arange(len(codes)), self.scaling_, weights)

    def _scores(self, rows: Array) -> Array:
        scores: Array = unit(rows) @ self.means_.T.astype(rows.dtype, copy=False)
        return scores

    def _path(self, X: Array, codes: Array, folds: Folds, values: Sequence[Any], weights: Array | None = None) -> Array:
        out = np.full((1, len(codes), int(codes.max()) + 1), np.nan, np.float32)
        scalings = self._fit_scalings(X, [train for train, _ in folds], weights)
        for scaling, (train, held_out) in zip(scalings, folds, strict=True):
            means, start = _directions(X, codes, train, scaling, weights), 0
            for part in blocks(X, held_out):
                out[0, held_out[start : start + len(part)]] = unit(scaling(part)) @ means.T
                start += len(part)
        return out


def _directions(X: Array, codes: Array, index: Array, scaling: Scaling, weights: Array | None) -> Array:
    """Where the mean of each class's prepared rows at unit length points, among the rows `index`: (K, D) float32.

    Each is at unit length; a class without any row gets zeros, and one whose rows cancel each other to rounding.
    """
    sums = np.zeros((int(codes.max()) + 1, X.shape[1]))
    sizes, start = np.zeros(len(sums)), 0
    for part in blocks(X, index):
        at = index[start : start + len(part)]
        members = (codes[at] == np.arange(len(sums))[:, None]).astype(np.float32)  # (K, n)
        members = members if weights is None else members * weights[at].astype(np.float32)
        sums += members @ unit(scaling(part))
        sizes += members.sum(1)
        start += len(part)
    sums[np.linalg.norm(sums, axis=1) <= CANCELLED * sizes] = 0  # else rounding would point somewhere
    return unit(sums).astype(np.float32)
