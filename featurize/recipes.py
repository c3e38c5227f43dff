"""Recipes: how the feature maps of a network's stages become one vector for a picture.

A recipe is plain data (its definition goes into the feature cache) and a function on torch tensors that an
engine runs behind the network, so that any number of recipes cost one pass over the pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cache import Recipe
from featurize.errors import BackboneError

if TYPE_CHECKING:
    import torch

Stages = Sequence["torch.Tensor"]  # feature maps (B, C, H, W), early to late


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
    """

    recipe: Recipe
    stages: tuple[int, ...]
    vectors: Callable[[Stages], torch.Tensor]


def _avgpool(stages: Stages) -> torch.Tensor:
    return stages[-1].mean((2, 3))  # (B, C)


FORMULAS: Mapping[str, Formula] = {
    f.recipe.name: f
    for f in (Formula(Recipe("avgpool", {"formula": "mean over positions", "stages": [-1]}), (-1,), _avgpool),)
}
DEFAULT = "avgpool"


def formulas(names: str | Sequence[str]) -> list[Formula]:
    """Formulas by name.

    Parameters
    ----------
    names : str or sequence of str
        "avgpool,stats" or a list of such names.

    Raises
    ------
    BackboneError
        A name is not known; the message lists those that are.
    """
    listed = names.split(",") if isinstance(names, str) else list(names)
    unknown = [n for n in listed if n not in FORMULAS]
    if unknown:
        raise BackboneError(f"{unknown[0]!r} is not a known embedding; choose among: {', '.join(FORMULAS)}")
    return [FORMULAS[n] for n in dict.fromkeys(listed)]
