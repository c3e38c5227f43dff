"""Heat: how much each place of a picture adds to a score.

A score is counted from the mean of all classes' scores: probabilities depend on differences of scores alone. For a
vector x of mean features it is, around the mean training row m,

    f(m) + gradient f(x) . (x - m),

exactly so where f is linear. Each feature is the mean of a map A over its positions, so the second term is a sum over
positions of gradient . (A - m) / positions: that is the heat (Zhou et al. 2016, equation 2, with the mean training
row as origin). Where f is no straight line, the mean gradient on the way from m to x takes the place of the
coefficients (Integrated Gradients, Sundararajan et al. 2017, equation 1), so that the sum holds again. The gradient at
x alone would not do: near a training picture an SVM's score falls in all directions, though it is high. Where there
is no m, it is the gradient at the picture (Grad-CAM, Selvaraju et al. 2017, here position by position as in Draelos &
Carin 2020, and with both signs).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from classify.explain.scores import Scores
from featurize.networks.base import MAP
from featurize.networks.recipes import Formula

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]
STEPS = 32  # points on the way from the mean training row at which the gradient is taken
POOLED = ("mean over positions", "mean over patch tokens")  # formulas of recipes whose features are means of maps


def is_pooled(formula: Formula) -> bool:
    """Whether each feature of a recipe is the mean of a map over its positions."""
    return formula.recipe.definition.get("formula") in POOLED


def has_places(formula: Formula) -> bool:
    """Whether a recipe is made of maps; a class token, or a network's own pooling, has no places."""
    return formula.kind == MAP


def heat_of(
    maps: Sequence[torch.Tensor], formulas: Sequence[Formula], scores: Scores, label: int, mean: Floats | None
) -> tuple[Floats, Floats]:
    """The heat of a class and the scores of all classes, less their mean.

    Parameters
    ----------
    maps : sequence of torch.Tensor (B, C, h, w)
        What is read at every stage (the formulas read maps alone): of the picture and, where a recipe wants it, of its
        mirror image.
    formulas : sequence of Formula
        Side by side in this order they make the row.
    scores : callable
        Rows (1, D) -> (1, K).
    label : int
        Number of the class.
    mean : ndarray (D,), optional
        The mean training row; without it the heat is against features of zero.

    Returns
    -------
    heat : ndarray (h, w)
        On the grid of the finest stage that is read.
    scores : ndarray (K,)
    """
    import torch

    places = sorted({place for f in formulas for place in f.places(len(maps))})
    leaves = {place: maps[place].detach().double().requires_grad_() for place in places}
    stages = [leaves.get(n, m) for n, m in enumerate(maps)]
    vector = torch.cat([_vector(f, stages) for f in formulas], 1)  # (1, D)
    pooled = mean is not None and all(map(is_pooled, formulas))
    slope = _slope(scores, vector.detach(), label, mean if pooled else None)
    gradients = torch.autograd.grad(vector, list(leaves.values()), slope)
    origins = _origins(formulas, stages, mean)
    shape = max((m.shape[2:] for m in leaves.values()), key=lambda side: side[0] * side[1])
    heat = np.zeros(shape)
    for (place, values), gradient in zip(leaves.items(), gradients, strict=True):
        origin = origins.get(place, 0.0)
        here = (gradient * (values.detach() - origin)).sum(1).numpy()  # (B, h, w)
        heat += spread(here[0] + sum(mirrored[:, ::-1] for mirrored in here[1:]), (shape[0], shape[1]))
    return heat, centred(scores, vector)[0].detach().numpy()


def scores_of(maps: Sequence[torch.Tensor], formulas: Sequence[Formula], scores: Scores) -> Floats:
    """The scores (K,) of all classes, less their mean."""
    import torch

    stages = [m.double() for m in maps]
    found: Floats = centred(scores, torch.cat([_vector(f, stages) for f in formulas], 1))[0].numpy()
    return found


def centred(scores: Scores, rows: torch.Tensor) -> torch.Tensor:
    """Scores of rows (n, K), less the mean of each row's."""
    given = scores(rows)
    return given - given.mean(1, keepdim=True)


def _slope(scores: Scores, vector: torch.Tensor, label: int, mean: Floats | None) -> torch.Tensor:
    """The gradient (1, D) of a class's score at a vector; where there is a mean, its mean on the way from there."""
    import torch

    points = vector
    if mean is not None:
        start = torch.from_numpy(np.array(mean, np.float64))
        points = start + (torch.arange(STEPS, dtype=torch.float64)[:, None] + 0.5) / STEPS * (vector - start)  # (S, D)
    points = points.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(centred(scores, points)[:, label].sum(), points)
    return gradient.mean(0, keepdim=True)


def _vector(formula: Formula, stages: Sequence[torch.Tensor]) -> torch.Tensor:
    both = formula.vectors([stages[place] for place in formula.places(len(stages))])  # (B, D)
    return both.mean(0, keepdim=True) if formula.mirror else both[:1]


def _origins(
    formulas: Sequence[Formula], stages: Sequence[torch.Tensor], mean: Floats | None
) -> dict[int, torch.Tensor]:
    """What each map is compared with: the mean training row, where features are means of maps. (1, C, 1, 1) a stage.

    Where several recipes read a stage, they read the same means.
    """
    import torch

    if mean is None or not all(map(is_pooled, formulas)):
        return {}
    found, start = {}, 0
    for formula in formulas:
        for place in formula.places(len(stages)):
            channels = stages[place].shape[1]
            found[place] = torch.from_numpy(np.array(mean[start : start + channels], np.float64)).view(1, -1, 1, 1)
            start += channels
    return found


def spread(heat: Floats, shape: tuple[int, int]) -> Floats:
    """Heat (h, w) on another grid: each cell gives to those that it overlaps, so the sum stays."""
    down, across = _overlaps(heat.shape[0], shape[0]), _overlaps(heat.shape[1], shape[1])
    spreaded: Floats = down @ heat @ across.T
    return spreaded


def _overlaps(cells: int, wanted: int) -> Floats:
    """(wanted, cells): which share of a cell lies in each of the wanted ones, along one side."""
    starts, ends = np.arange(wanted)[:, None] / wanted, np.arange(1, wanted + 1)[:, None] / wanted
    low, high = np.arange(cells) / cells, np.arange(1, cells + 1) / cells
    shared: Floats = np.clip(np.minimum(ends, high) - np.maximum(starts, low), 0, None) * cells
    return shared
