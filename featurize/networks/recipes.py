"""Recipes: how the feature maps of a network's stages become one vector for a picture.

A recipe is plain data (its definition goes into the feature cache) and a function on torch tensors that an
engine runs behind the network, so that any number of recipes cost one pass over the pictures.

- `avgpool`: mean over the positions of the last feature map (He et al. 2016, section 3.3).
- `multi`: the same of the last three stages, side by side.
- `stats`: mean and standard deviation of every channel of every stage (Huang & Belongie 2017, section 5).
- `gram`: upper triangle of the Gram matrix of a middle stage, after a fixed random projection of its channels
  (Gatys et al. 2015, equation 3; Johnson & Lindenstrauss 1984).

With `-mirror` behind its name a recipe is averaged over the picture and its mirror image (RASTA's "bagging",
Lecoutre et al. 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cache import Recipe
from featurize.errors import BackboneError

if TYPE_CHECKING:
    import torch

Stages = Sequence["torch.Tensor"]  # feature maps (B, C, H, W), early to late
MIRROR = "-mirror"
_GRAM_SEED = 0
_GRAM_CHANNELS = 64  # after the projection: 64 * 65 / 2 = 2080 numbers


@dataclass(frozen=True)
class Formula:
    """A recipe together with what computes it.

    Parameters
    ----------
    recipe : Recipe
        Name and definition, as stored.
    stages : tuple of int
        Which stages it reads: places in `Backbone.stages`, negative from the end.
    vectors : callable
        The feature maps of these stages -> (B, D) float32.
    mirror : bool
        Whether it is averaged over the picture and its mirror image.
    """

    recipe: Recipe
    stages: tuple[int, ...]
    vectors: Callable[[Stages], torch.Tensor]
    mirror: bool = False

    def places(self, count: int) -> list[int]:
        """The stages it reads, as places from 0, of a network with so many stages.

        Raises
        ------
        BackboneError
            The network has fewer stages.
        """
        needed = max(-s if s < 0 else s + 1 for s in self.stages)
        if needed > count:
            raise BackboneError(
                f"the embedding {self.recipe.name!r} reads {needed} stages, the network has {count}: choose another one"
            )
        return [s % count for s in self.stages]


def _pooled(stages: Stages) -> torch.Tensor:
    import torch

    return torch.cat([s.mean((2, 3)) for s in stages], 1)  # (B, sum of C)


def _stats(stages: Stages) -> torch.Tensor:
    import torch

    parts = []
    for s in stages:
        mean = s.mean((2, 3), keepdim=True)
        # the small constant keeps the root's slope finite where a channel is constant
        parts += [mean.flatten(1), ((s - mean) ** 2).mean((2, 3)).add(1e-12).sqrt()]
    return torch.cat(parts, 1)  # (B, 2 * sum of C)


def _gram(stages: Stages) -> torch.Tensor:
    import torch

    (maps,) = stages
    rows = maps.flatten(2)  # (B, C, H * W)
    projection = torch.from_numpy(_projection(rows.shape[1], _GRAM_CHANNELS)).to(rows.device)
    projected = projection @ rows  # (B, 64, H * W)
    gram = projected @ projected.transpose(1, 2) / rows.shape[2]  # (B, 64, 64)
    upper = torch.from_numpy(np.flatnonzero(np.triu(np.ones((_GRAM_CHANNELS, _GRAM_CHANNELS))))).to(rows.device)
    return gram.flatten(1).index_select(1, upper)  # (B, 2080)


def _projection(channels: int, kept: int) -> np.ndarray:
    """Gaussian random projection (kept, channels) float32 that keeps lengths in the mean (Johnson-Lindenstrauss)."""
    drawn = np.random.Generator(np.random.PCG64(_GRAM_SEED)).standard_normal((kept, channels))
    projection: np.ndarray = (drawn / np.sqrt(kept)).astype(np.float32)
    return projection


_PLAIN = (
    Formula(Recipe("avgpool", {"formula": "mean over positions", "stages": [-1]}), (-1,), _pooled),
    Formula(Recipe("multi", {"formula": "mean over positions", "stages": [-3, -2, -1]}), (-3, -2, -1), _pooled),
    Formula(
        Recipe("stats", {"formula": "mean and standard deviation over positions", "stages": [-4, -3, -2, -1]}),
        (-4, -3, -2, -1),
        _stats,
    ),
    Formula(
        Recipe(
            "gram",
            {
                "formula": "upper triangle of P F F' P' / positions",
                "projection": f"gaussian, PCG64({_GRAM_SEED})",
                "channels": _GRAM_CHANNELS,
                "stages": [-2],
            },
        ),
        (-2,),
        _gram,
    ),
)


def _mirrored(formula: Formula) -> Formula:
    plain = formula.recipe
    recipe = Recipe(plain.name + MIRROR, {**plain.definition, "mean over": "picture and mirror image"})
    return replace(formula, recipe=recipe, mirror=True)


FORMULAS: Mapping[str, Formula] = {f.recipe.name: f for f in (*_PLAIN, *map(_mirrored, _PLAIN))}


def formula_of(recipe: Recipe) -> Formula | None:
    """The formula behind a stored recipe; None where this version has none, or another one under that name."""
    found = FORMULAS.get(recipe.name)
    return found if found and found.recipe.digest == recipe.digest else None


def formulas(names: str | Sequence[str], mirror: bool = False) -> list[Formula]:
    """Formulas by name.

    Parameters
    ----------
    names : str or sequence of str
        "avgpool,stats" or a list of such names.
    mirror : bool
        Take the `-mirror` form of each.

    Raises
    ------
    BackboneError
        A name is not known; the message lists those that are.
    """
    listed = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
    unknown = [n for n in listed if n not in FORMULAS]
    if unknown:
        raise BackboneError(f"{unknown[0]!r} is not a known embedding; choose among: {', '.join(FORMULAS)}")
    chosen = [n + MIRROR if mirror and not n.endswith(MIRROR) else n for n in listed]
    return [FORMULAS[n] for n in dict.fromkeys(chosen)]
