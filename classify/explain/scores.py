"""The scores of a fitted head in torch, so that they have gradients; the same numbers as `Head.scores` gives.

A head whose scores jump (k nearest neighbours) has no such form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from classify.heads.base import Head
from classify.heads.ensemble import FLOOR, Ensemble
from classify.heads.lda import LDA
from classify.heads.linear import LinearHead
from classify.heads.mlp import NetworkHead
from classify.heads.neighbours import Prototype, SimpleShot
from classify.heads.ridge import Ridge
from classify.heads.rows.blocks import Array
from classify.heads.rows.scaling import Scaling
from classify.heads.svm import SVM

if TYPE_CHECKING:
    import torch

Scores = Callable[["torch.Tensor"], "torch.Tensor"]  # rows (n, D) -> (n, K), float64
_SMALLEST = 1e-12  # below it the slope of a square root is taken for 0: a feature that is 0 everywhere says nothing


def scores_in_torch(head: Head) -> Scores | None:
    """The scores of a head as a function on tensors; None where they have no gradient.

    Parameters
    ----------
    head : Head
        Fitted.
    """
    for kind, make in _FORMS.items():
        if isinstance(head, kind):
            scores = make(head)
            return _scaled(head.scaling_, scores) if scores else None
    return None


def is_linear(head: Head) -> bool:
    """Whether the scores of a head are a linear function of its rows, plus a constant."""
    if head.scaling_.sqrt or head.scaling_.l2:
        return False
    if isinstance(head, NetworkHead):
        return len(head.layers_) == 1
    return isinstance(head, LinearHead | LDA | Ridge | Prototype)


def mean_row(head: Head) -> Array | None:
    """The mean (D,) of the rows that a head was trained on, where it knows that."""
    if isinstance(head, Ensemble):
        found = (mean_row(member) for member in head.members_)
        return next((mean for mean in found if mean is not None), None)
    scaling = head.scaling_
    return None if scaling.sqrt or scaling.l2 else scaling.mean


def _tensor(array: Array) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.array(array, np.float64))


def _scaled(scaling: Scaling, scores: Scores) -> Scores:
    mean = None if scaling.mean is None else _tensor(scaling.mean)
    scale = None if scaling.scale is None else _tensor(scaling.scale)

    def prepared(rows: torch.Tensor) -> torch.Tensor:
        if scaling.sqrt:
            rows = rows.clamp(min=_SMALLEST).sqrt()
        if scaling.l2:
            rows = rows / rows.norm(dim=1, keepdim=True).clamp(min=_SMALLEST)
        if mean is not None:
            rows = rows - mean
        if scale is not None:
            rows = rows / scale
        return scores(rows)

    return prepared


def _linear(coef: Array, intercept: Array) -> Scores:
    W, b = _tensor(coef), _tensor(intercept)
    return lambda rows: rows @ W.T + b


def _of_linear(head: LinearHead | LDA | Ridge) -> Scores:
    return _linear(head.coef_, head.intercept_)


def _of_prototype(head: Prototype) -> Scores:
    means = head.means_.astype(np.float64)
    return _linear(means, -0.5 * np.einsum("kd,kd->k", means, means))


def _of_simpleshot(head: SimpleShot) -> Scores:
    means = _tensor(head.means_)
    return lambda rows: rows / rows.norm(dim=1, keepdim=True).clamp(min=_SMALLEST) @ means.T


def _of_network(head: NetworkHead) -> Scores:
    layers = [(_tensor(W), _tensor(b)) for W, b in head.layers_]

    def scores(rows: torch.Tensor) -> torch.Tensor:
        for number, (W, b) in enumerate(layers):
            rows = (rows if number == 0 else rows.relu()) @ W + b
        return rows

    return scores


def _of_svm(head: SVM) -> Scores:
    support, dual, intercept = _tensor(head.support_), _tensor(head.dual_), _tensor(head.intercept_)
    gamma = float(head.gamma_)

    def scores(rows: torch.Tensor) -> torch.Tensor:
        squares = (rows**2).sum(1, keepdim=True) + (support**2).sum(1) - 2 * rows @ support.T
        return (-gamma * squares.clamp(min=0)).exp() @ dual + intercept

    return scores


def _of_ensemble(head: Ensemble) -> Scores | None:
    members = [(scores_in_torch(member), member.calibration) for member in head.members_]
    if any(scores is None for scores, _ in members):
        return None

    def scores(rows: torch.Tensor) -> torch.Tensor:
        import torch

        every = [((member(rows) / how.temperature).softmax(1), how.doubt) for member, how in members if member]
        shares = [(1 - doubt) * share + doubt / share.shape[1] for share, doubt in every]
        return (torch.stack(shares).mean(0) + FLOOR).log()

    return scores


_FORMS: Mapping[type[Head], Callable[..., Scores | None]] = {
    LinearHead: _of_linear,
    LDA: _of_linear,
    Ridge: _of_linear,
    Prototype: _of_prototype,
    SimpleShot: _of_simpleshot,
    NetworkHead: _of_network,
    SVM: _of_svm,
    Ensemble: _of_ensemble,
}
