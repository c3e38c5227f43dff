"""The scores of a fitted head as a form that has slopes; the same numbers as `Head.scores` gives.

Linear heads are coefficients, as arrays. The others are functions in torch, which finds their gradients. A head whose
scores jump (k nearest neighbours) has no such form.
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
    line = _line(head)
    if line:
        return _scaled(head.scaling_, _linear(*line))
    make = next((make for kind, make in _CURVES.items() if isinstance(head, kind)), None)
    scores = make(head) if make else None
    return _scaled(head.scaling_, scores) if scores else None


def coefficients(head: Head) -> tuple[Array, Array] | None:
    """W (K, D) and b (K,), float64, of a head whose scores are W x + b for a row x; None where they are not.

    Parameters
    ----------
    head : Head
        Fitted.
    """
    line, scaling = _line(head), head.scaling_
    if line is None or scaling.sqrt or scaling.l2:
        return None
    W, b = line
    if scaling.scale is not None:
        W = W / scaling.scale
    return W, b if scaling.mean is None else b - W @ scaling.mean


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


def _line(head: Head) -> tuple[Array, Array] | None:
    """W (K, D) and b (K,), float64, of scores that are linear in prepared rows."""
    if isinstance(head, LinearHead | LDA | Ridge):
        return head.coef_.astype(np.float64), head.intercept_.astype(np.float64)
    if isinstance(head, Prototype):
        means = head.means_.astype(np.float64)
        return means, -0.5 * np.einsum("kd,kd->k", means, means)
    if isinstance(head, NetworkHead) and len(head.layers_) == 1:
        ((W, b),) = head.layers_
        return W.T.astype(np.float64), b.astype(np.float64)
    return None


def _linear(coef: Array, intercept: Array) -> Scores:
    W, b = _tensor(coef), _tensor(intercept)
    return lambda rows: rows @ W.T + b


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


_CURVES: Mapping[type[Head], Callable[..., Scores | None]] = {
    SimpleShot: _of_simpleshot,
    NetworkHead: _of_network,
    SVM: _of_svm,
    Ensemble: _of_ensemble,
}
