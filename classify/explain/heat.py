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

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from classify.explain.slopes import Slopes
from featurize.engines.maps import Maps
from featurize.networks.base import MAP
from featurize.networks.recipes import Formula

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]
POOLED = ("mean over positions", "mean over patch tokens")  # formulas of recipes whose features are means of maps


def is_pooled(formula: Formula) -> bool:
    """Whether each feature of a recipe is the mean of a map over its positions."""
    return formula.recipe.definition.get("formula") in POOLED


def has_places(formula: Formula) -> bool:
    """Whether a recipe is made of maps; a class token, or a network's own pooling, has no places."""
    return formula.kind == MAP


def row_of(maps: Maps, formulas: Sequence[Formula]) -> Floats:
    """The row (D,) that a head takes of a picture.

    Parameters
    ----------
    maps : mapping of int to ndarray (B, C, h, w)
        Of every stage that is read: of the picture and, where a recipe wants it, of its mirror image.
    formulas : sequence of Formula
        Of one network, see `Formula.of`; side by side in this order they make the row.
    """
    if all(map(is_pooled, formulas)):
        return np.concatenate([_shares(f, maps) @ _means(f, maps) for f in formulas])
    import torch

    with torch.no_grad():
        found: Floats = _row_in_torch(_tensors(maps), formulas).numpy()
    return found


def heat_of(
    maps: Maps, formulas: Sequence[Formula], slopes: Slopes, row: Floats, label: int, mean: Floats | None
) -> Floats:
    """The heat (h, w) of a class, on the grid of the finest stage that is read.

    Parameters
    ----------
    maps, formulas
        See `row_of`.
    slopes : Slopes
        The head.
    row : ndarray (D,)
        As `row_of` gives it.
    label : int
        Number of the class.
    mean : ndarray (D,), optional
        The mean training row; without it the heat is against features of zero.
    """
    pooled = all(map(is_pooled, formulas))
    slope = slopes.slope(row, label, mean if pooled else None)
    parts = _by_means(maps, formulas, slope, mean) if pooled else _by_torch(maps, formulas, slope)
    shape = max((maps[place].shape[2:] for f in formulas for place in f.stages), key=lambda side: side[0] * side[1])
    heat = np.zeros(shape)
    for here in parts:
        heat += spread(here[0] + sum(mirrored[:, ::-1] for mirrored in here[1:]), (shape[0], shape[1]))
    return heat


def _by_means(maps: Maps, formulas: Sequence[Formula], slope: Floats, mean: Floats | None) -> Iterator[Floats]:
    """What each stage of each formula adds, (B, h, w): slope . (A - m) / positions."""
    start = 0
    for formula in formulas:
        shares = _shares(formula, maps)
        for place in formula.stages:
            many, channels, down, across = maps[place].shape
            part = slope[start : start + channels]
            flat = maps[place].reshape(many, channels, down * across)
            against = 0.0 if mean is None else float(part @ mean[start : start + channels])
            added = np.stack([part @ one for one in flat]) - against  # (B, positions)
            yield (shares[:, None] * added / (down * across)).reshape(many, down, across)
            start += channels


def _means(formula: Formula, maps: Maps) -> Floats:
    """The vector of the picture, and of its mirror image, (B, D)."""
    return np.concatenate([maps[place].mean((2, 3), dtype=np.float64) for place in formula.stages], 1)


def _shares(formula: Formula, maps: Maps) -> Floats:
    """How much the picture and its mirror image count, (B,)."""
    many = len(maps[formula.stages[0]])
    return np.full(many, 1 / many) if formula.mirror else np.eye(1, many)[0]


def _by_torch(maps: Maps, formulas: Sequence[Formula], slope: Floats) -> Iterator[Floats]:
    """What each stage adds, (B, h, w), by the gradient through any formula: gradient . A."""
    import torch

    leaves = {place: values.requires_grad_() for place, values in _tensors(maps).items()}
    row = _row_in_torch(leaves, formulas)
    gradients = torch.autograd.grad(row, list(leaves.values()), torch.from_numpy(slope))
    for leaf, gradient in zip(leaves.values(), gradients, strict=True):
        yield (gradient * leaf.detach()).sum(1).numpy()


def _tensors(maps: Maps) -> dict[int, torch.Tensor]:
    import torch

    return {place: torch.from_numpy(values.astype(np.float64)) for place, values in maps.items()}


def _row_in_torch(stages: Mapping[int, torch.Tensor], formulas: Sequence[Formula]) -> torch.Tensor:
    import torch

    every = [(f, f.vectors([stages[place] for place in f.stages])) for f in formulas]  # (B, D) each
    return torch.cat([both.mean(0) if f.mirror else both[0] for f, both in every])


def spread(heat: Floats, shape: tuple[int, int]) -> Floats:
    """Heat (h, w) on another grid: each cell gives to those that it overlaps, so the sum stays."""
    if heat.shape == shape:
        return heat
    down, across = _overlaps(heat.shape[0], shape[0]), _overlaps(heat.shape[1], shape[1])
    spreaded: Floats = down @ heat @ across.T
    return spreaded


def _overlaps(cells: int, wanted: int) -> Floats:
    """(wanted, cells): which share of a cell lies in each of the wanted ones, along one side."""
    starts, ends = np.arange(wanted)[:, None] / wanted, np.arange(1, wanted + 1)[:, None] / wanted
    low, high = np.arange(cells) / cells, np.arange(1, cells + 1) / cells
    shared: Floats = np.clip(np.minimum(ends, high) - np.maximum(starts, low), 0, None) * cells
    return shared
