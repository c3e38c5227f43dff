"""Heads that compare pictures with prompts: `zero-shot` with these alone, `tip-adapter` with training rows, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any, ClassVar, Self

import numpy as np

from classify.heads.base import Head, Point
from classify.heads.prompted import ClassTexts
from classify.heads.rows.blocks import Array, take
from classify.heads.rows.folds import Folds
from classify.heads.rows.scaling import Scaling, unit

QUERIES = 512  # rows compared at once


class OfTexts(Head):
    """A head that is given the vectors of prompts before it is fitted.

    Attributes
    ----------
    class_texts : ClassTexts or None
    texts_ : (K, D) float32, at unit length
    """

    lesson: ClassVar[str] = ""  # what is said of it before what is said of its prompts
    centred: ClassVar[bool] = False

    standardize = sqrt = l2 = False
    scale: float
    texts_: Array
    class_texts: ClassTexts | None = None

    def __sklearn_clone__(self) -> Self:
        cloned: Self = super().__sklearn_clone__()
        cloned.class_texts = self.class_texts
        return cloned

    def _texts_of(self, names: Sequence[Any], width: int) -> Array:
        """The vectors of some classes' prompts, (K, D)."""
        if self.class_texts is None:
            raise ValueError("it compares with prompts: `classify compare` and `classify fit` give it their vectors")
        absent = [name for name in names if name not in self.class_texts.vectors]
        if absent:
            raise ValueError(f"there is no prompt for the class {absent[0]!r}")
        texts = np.stack([self.class_texts.vectors[name] for name in names]).astype(np.float32)
        if texts.shape[1] != width:
            raise ValueError(
                f"it compares texts of {texts.shape[1]} numbers with rows of {width}: use the embedding pooled"
            )
        return texts

    def _by_texts(self, rows: Array, texts: Array) -> Array:
        """Scores (n, K) of rows at unit length by prompts alone."""
        scores: Array = self.scale * (rows @ texts.T.astype(rows.dtype, copy=False))
        return scores


class ZeroShot(OfTexts):
    """The class whose prompts are nearest, by cosine (Radford et al. 2021, sections 3.1.2 to 3.1.4).

    The score of a class is `scale` times the cosine of a row and the mean of its prompts' vectors. Nothing is learned
    from rows; `fit` takes from them which classes there are.

    Parameters
    ----------
    scale : float
        The network's own; 100 is what CLIP was trained to.
    """

    arrays: ClassVar[tuple[str, ...]] = ("texts",)
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"scale": (1e-6, 1e6)}
    lesson: ClassVar[str] = "It learned from no picture: it compares with"

    calibrate = False
    class_weight: Any = None

    def __init__(self, *, scale: float = 100.0):
        self.scale = scale

    def _fit(self, X: Array, codes: Array, weights: Array | None) -> None:
        self.texts_ = self._texts_of(self.classes_.tolist(), X.shape[1])
        self.scaling_ = Scaling(False, False)

    def _scores(self, rows: Array) -> Array:
        return self._by_texts(unit(rows), self.texts_)

    def out_of_fold(
        self, X: Array, y: Array, folds: Folds, points: Sequence[Point], weights: Array | None = None
    ) -> Array:
        head = copy(self).fit(X, y)  # the same in each fold, since no row is learned from
        out = np.full((len(points), len(X), len(head.classes_)), np.nan, np.float32)
        for _, held_out in folds:
            out[:, held_out] = head._scores_of(X[held_out])
        return out


class TipAdapter(OfTexts):
    """Prompts and training rows together: Tip-Adapter without its training (Zhang et al. 2022, equations 3 to 6).

    The score of a class is what `zero-shot` gives it, plus `alpha` times the mean of exp(-`beta` (1 - cosine)) over its
    training rows. The paper takes their sum, and as many rows of each class; classes of collections differ in size.

    Parameters
    ----------
    alpha : float
        How much the rows count beside the prompts.
    beta : float
        How near a row must be to count.
    scale : float
        The network's own; 100 is what CLIP was trained to.
    class_weight : None, "balanced" or dict of class -> weight
        Weight of a class's rows in its mean, which does not depend on it where all rows of a class weigh the same.
    calibrate : bool

    Attributes
    ----------
    rows_ : (N, D) float32, the training rows at unit length, class after class
    shares_ : (N,) float32
        Of each row in its class's mean.
    starts_ : (K,) int64
        Where each class begins.
    """

    tunable: ClassVar[dict[str, tuple[float, ...]]] = {
        "alpha": (0.0, 3.0, 10.0, 30.0, 100.0, 300.0), "beta": (1.0, 2.0, 5.5, 15.0),
    }  # fmt: skip
    beyond: ClassVar[dict[str, tuple[float, ...]]] = {"alpha": (1000.0, 3000.0), "beta": (0.3, 40.0)}
    arrays: ClassVar[tuple[str, ...]] = ("texts", "rows", "shares", "starts")
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"scale": (1e-6, 1e6), "alpha": (0, 1e6), "beta": (1e-3, 1e3)}
    lesson: ClassVar[str] = "Beside training pictures it compares with"

    class_weight: Any = None
    rows_: Array
    shares_: Array
    starts_: Array

    def __init__(self, *, alpha: float = 30.0, beta: float = 5.5, scale: float = 100.0, calibrate: bool = True):
        self.alpha = alpha
        self.beta = beta
        self.scale = scale
        self.calibrate = calibrate

    def _fit(self, X: Array, codes: Array, weights: Array | None) -> None:
        self.texts_ = self._texts_of(self.classes_.tolist(), X.shape[1])
        self.scaling_ = Scaling(False, False)
        self.rows_, self.shares_, self.starts_ = _known(X, codes, np.arange(len(codes)), weights)

    def _scores(self, rows: Array) -> Array:
        known = self.rows_, self.shares_, self.starts_
        rows = unit(rows)
        scores = self._by_texts(rows, self.texts_)
        for place, (near,) in _nearness(rows, known, [self.beta]):
            scores[place] += self.alpha * near
        return scores

    def out_of_fold(
        self, X: Array, y: Array, folds: Folds, points: Sequence[Point], weights: Array | None = None
    ) -> Array:
        classes, codes = np.unique(y, return_inverse=True)
        texts = self._texts_of(classes.tolist(), X.shape[1])
        out = np.full((len(points), len(X), len(classes)), np.nan, np.float32)
        betas = sorted({float(point.get("beta", self.beta)) for point in points})
        for train, held_out in folds:
            present = np.unique(codes[train])
            known = _known(X, np.searchsorted(present, codes), train, weights)
            rows = unit(take(X, held_out).astype(np.float32))
            by_texts = self._by_texts(rows, texts)
            for place, several in _nearness(rows, known, betas):
                for number, point in enumerate(points):
                    near = np.full((len(several[0]), len(classes)), -np.inf, np.float32)
                    near[:, present] = several[betas.index(float(point.get("beta", self.beta)))]
                    near[:, present] *= point.get("alpha", self.alpha)
                    out[number, held_out[place]] = by_texts[place] + near
        return out


def _known(X: Array, codes: Array, index: Array, weights: Array | None) -> tuple[Array, Array, Array]:
    """Rows at unit length in the order of their classes, each one's share of its class, and where classes begin."""
    index = index[np.argsort(codes[index], kind="stable")]
    rows = unit(take(X, index).astype(np.float32))
    shares = np.ones(len(index), np.float64) if weights is None else weights[index].astype(np.float64)
    starts = np.flatnonzero(np.diff(codes[index], prepend=-1))
    totals = np.add.reduceat(shares, starts)
    shares /= np.repeat(totals, np.diff(starts, append=len(index)))
    return rows, shares.astype(np.float32), starts.astype(np.int64)


def _nearness(
    rows: Array, known: tuple[Array, Array, Array], betas: Sequence[float]
) -> Iterator[tuple[slice, list[Array]]]:
    """For blocks of rows, for each beta: the mean of exp(-beta (1 - cosine)) over each class's known rows, (n, K)."""
    own, shares, starts = known
    for start in range(0, len(rows), QUERIES):
        place = slice(start, start + QUERIES)
        far = 1 - rows[place] @ own.T.astype(rows.dtype, copy=False)
        yield place, [np.add.reduceat(np.exp(-beta * far) * shares, starts, axis=1) for beta in betas]
