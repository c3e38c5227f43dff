"""The head `zero-shot`: the class whose prompts are nearest to a picture. No picture is learned from."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, ClassVar

import numpy as np

from classify.heads.base import Head, Point
from classify.heads.prompted import ClassTexts
from classify.heads.rows.blocks import Array
from classify.heads.rows.folds import Folds
from classify.heads.rows.scaling import Scaling, unit


class ZeroShot(Head):
    """The class whose prompts are nearest, by cosine (Radford et al. 2021, sections 3.1.2 to 3.1.4).

    The score of a class is `scale` times the cosine of a row and the mean of its prompts' vectors. Nothing is learned
    from rows; `fit` takes from them which classes there are.

    Parameters
    ----------
    scale : float
        The network's own; 100 is what CLIP was trained to.

    Attributes
    ----------
    texts_ : (K, D) float32, at unit length
    """

    arrays: ClassVar[tuple[str, ...]] = ("texts",)
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"scale": (1e-6, 1e6)}
    centred: ClassVar[bool] = False

    standardize = sqrt = l2 = calibrate = False
    class_weight: Any = None
    texts_: Array
    class_texts: ClassTexts | None = None

    def __init__(self, *, scale: float = 100.0):
        self.scale = scale

    def _fit(self, X: Array, codes: Array, weights: Array | None) -> None:
        if self.class_texts is None:
            raise ValueError(
                "zero-shot compares with prompts: `classify compare` and `classify fit` give it their vectors"
            )
        names = self.classes_.tolist()
        absent = [name for name in names if name not in self.class_texts.vectors]
        if absent:
            raise ValueError(f"zero-shot has no prompt for the class {absent[0]!r}")
        self.texts_ = np.stack([self.class_texts.vectors[name] for name in names]).astype(np.float32)
        if self.texts_.shape[1] != X.shape[1]:
            raise ValueError(
                f"zero-shot compares texts of {self.texts_.shape[1]} numbers with rows of {X.shape[1]}: "
                "use the embedding pooled"
            )
        self.scaling_ = Scaling(False, False)

    def _scores(self, rows: Array) -> Array:
        scores: Array = self.scale * (unit(rows) @ self.texts_.T.astype(rows.dtype, copy=False))
        return scores

    def out_of_fold(
        self, X: Array, y: Array, folds: Folds, points: Sequence[Point], weights: Array | None = None
    ) -> Array:
        head = copy(self).fit(X, y)  # the same in each fold, since no row is learned from
        out = np.full((len(points), len(X), len(head.classes_)), np.nan, np.float32)
        for _, held_out in folds:
            out[:, held_out] = head._scores_of(X[held_out])
        return out
