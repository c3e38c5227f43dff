"""Recipes: how the feature maps of a network's stages become one vector for a picture.

A recipe is plain data (its definition goes into the feature cache) and a function on torch tensors that an
engine runs behind the network, so that any number of recipes cost one pass over the pictures.

- `avgpool`: mean over the positions of the last feature map (He et al. 2016, section 3.3).
- `multi`: the same of the last three stages, side by side.
- `stats`: mean and standard deviation of every channel of every stage (Huang & Belongie 2017, section 5).
- `gram`: upper triangle of the Gram matrix of a middle stage, after a fixed random projection of its channels
  (Gatys et al. 2015, equation 3; Johnson & Lindenstrauss 1984).
- `cls`: the class token of the last block (Dosovitskiy et al. 2021, equation 4).
- `mean`: mean over the tokens of the patches, of the last block; neither class token nor registers are among them
  (Darcet et al. 2024 on registers).
- `pooled`: what the network's own head works on; of CLIP and SigLIP, what is compared with text (Radford et al. 2021).

`cls-block6` is the same of the sixth block, counted from 1; likewise `mean-block6`, and `avgpool-block3`,
`stats-block3` and `gram-block3` of one stage. With `-mirror` behind its name a recipe is averaged over the picture and
its mirror image (RASTA's "bagging", Lecoutre et al. 2017).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cache import Recipe
from featurize.errors import BackboneError
from featurize.networks.base import CLASS, MAP, POOLED, Backbone

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
    kind : str
        Of the stages that it reads, see `Stage.kind`; places are counted among these alone.
    tokens : bool or None
        Whether it is for networks of tokens, for those of feature maps, or for both.
    """

    recipe: Recipe
    stages: tuple[int, ...]
    vectors: Callable[[Stages], torch.Tensor]
    mirror: bool = False
    kind: str = MAP
    tokens: bool | None = None

    def of(self, backbone: Backbone) -> Formula:
        """The same with the places of its stages among all of a network's.

        Raises
        ------
        BackboneError
            The network has not what it reads.
        """
        name, network = self.recipe.name, backbone.full_name
        if self.tokens is not None and self.tokens != backbone.of_tokens:
            has, instead = ("tokens", "mean") if backbone.of_tokens else ("feature maps", "avgpool")
            raise BackboneError(f"the embedding {name!r} is not for {network}, which has {has}: use {instead}")
        there = [place for place, stage in enumerate(backbone.stages) if stage.kind == self.kind]
        if not there:
            what = {CLASS: "class token", POOLED: "pooled output", MAP: "feature map"}[self.kind]
            others = "mean or pooled" if backbone.of_tokens else "avgpool"
            raise BackboneError(f"{network} has no {what}, so there is no embedding {name!r}: use {others}")
        return replace(self, stages=tuple(there[place] for place in self.places(len(there))))

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


def _first(stages: Stages) -> torch.Tensor:
    (vectors,) = stages
    return vectors  # (B, C)


def _recipe(name: str, formula: str, stages: Sequence[int], **more: object) -> Recipe:
    return Recipe(name, {"formula": formula, **more, "stages": list(stages)})


def _averaged(name: str, *stages: int) -> Formula:
    return Formula(_recipe(name, "mean over positions", stages), stages, _pooled, tokens=False)


def _both(name: str, *stages: int) -> Formula:
    return Formula(_recipe(name, "mean and standard deviation over positions", stages), stages, _stats)


def _products(name: str, stage: int) -> Formula:
    constants = {"projection": f"gaussian, PCG64({_GRAM_SEED})", "channels": _GRAM_CHANNELS}
    return Formula(_recipe(name, "upper triangle of P F F' P' / positions", [stage], **constants), (stage,), _gram)


def _class_token(name: str, block: int) -> Formula:
    return Formula(_recipe(name, "class token", [block]), (block,), _first, kind=CLASS)


def _patches(name: str, block: int) -> Formula:
    return Formula(_recipe(name, "mean over patch tokens", [block]), (block,), _pooled, tokens=True)


_PLAIN = (
    _averaged("avgpool", -1),
    _averaged("multi", -3, -2, -1),
    _both("stats", -4, -3, -2, -1),
    _products("gram", -2),
    _class_token("cls", -1),
    _patches("mean", -1),
    Formula(Recipe("pooled", {"formula": "the network's own pooling"}), (-1,), _first, kind=POOLED),
)
# of one block or stage: name -> its place, from 0 -> the formula
_OF_ONE: Mapping[str, Callable[[str, int], Formula]] = {
    "avgpool": _averaged,
    "stats": _both,
    "gram": _products,
    "cls": _class_token,
    "mean": _patches,
}
_BLOCK = re.compile(r"(?P<name>[a-z]+)-block(?P<block>[1-9][0-9]{0,3})(?P<mirror>-mirror)?")


def _mirrored(formula: Formula) -> Formula:
    plain = formula.recipe
    recipe = Recipe(plain.name + MIRROR, {**plain.definition, "mean over": "picture and mirror image"})
    return replace(formula, recipe=recipe, mirror=True)


FORMULAS: Mapping[str, Formula] = {f.recipe.name: f for f in (*_PLAIN, *map(_mirrored, _PLAIN))}


def _named(name: str) -> Formula | None:
    found = _BLOCK.fullmatch(name)
    if not found:
        return FORMULAS.get(name)
    if found["name"] not in _OF_ONE:
        return None
    plain = f"{found['name']}-block{found['block']}"
    formula = _OF_ONE[found["name"]](plain, int(found["block"]) - 1)
    return _mirrored(formula) if found["mirror"] else formula


def formula_of(recipe: Recipe, backbone: Backbone) -> Formula | None:
    """The formula behind a stored recipe, of a network; None where this version has none, or another of that name."""
    found = _named(recipe.name)
    return found.of(backbone) if found and found.recipe.digest == recipe.digest else None


def formulas(
    names: str | Sequence[str], mirror: bool = False, block: int | None = None, backbone: Backbone | None = None
) -> list[Formula]:
    """Formulas by name.

    Parameters
    ----------
    names : str or sequence of str
        "avgpool,stats", "cls+mean" or a list of such names.
    mirror : bool
        Take the `-mirror` form of each.
    block : int, optional
        Take the form of that block of each, counted from 1.
    backbone : Backbone, optional
        Whose stages they read.

    Raises
    ------
    BackboneError
        A name is not known, the message lists those that are; or the network has not what it reads.
    """
    listed = [n.strip() for n in re.split(r"[,+]", names)] if isinstance(names, str) else list(names)
    chosen = [_full_name(name, mirror, block) for name in listed]
    found = {name: _named(name) for name in chosen}
    for name, formula in found.items():
        if formula is None:
            raise BackboneError(f"{name!r} is not a known embedding; choose among: {', '.join(FORMULAS)}")
    known = [formula for formula in found.values() if formula]
    return [formula.of(backbone) for formula in known] if backbone else known


def _full_name(name: str, mirror: bool, block: int | None) -> str:
    plain = name.removesuffix(MIRROR)
    if block is not None and "-block" not in plain:
        if plain in FORMULAS and plain not in _OF_ONE:
            raise BackboneError(f"the embedding {plain!r} is not of one block: leave --block out, or use another one")
        plain += f"-block{block}"
    return plain + MIRROR if mirror or name.endswith(MIRROR) else plain
