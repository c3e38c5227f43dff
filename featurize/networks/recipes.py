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
its mirror image (RASTA's "bagging", Lecoutre et al. 2017), with `-views14` over fourteen views of it
(`featurize.pictures.squares.views`).

`colour` is none of a network: colour and texture of the picture (`featurize.pictures.squares.colours`), the control.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cache import Recipe
from featurize.choices import CONTROL
from featurize.errors import BackboneError
from featurize.networks.base import CLASS, MAP, POOLED, Backbone
from featurize.pictures.squares.colours import NUMBERS
from featurize.pictures.squares.views import SQUARES, Shown, Views
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import torch

Stages = Sequence["torch.Tensor"]  # feature maps (B, C, H, W), early to late
MIRROR = "-mirror"
VIEWS = "-views"  # and how many
PIXELS = "pixels"  # the kind of a formula that reads no stage
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
        Whether it is averaged over each square and its mirror image.
    squares : int
        Over how many squares of the picture it is averaged.
    kind : str
        Of the stages that it reads, see `Stage.kind`; places are counted among these alone. `PIXELS`: it reads none.
    tokens : bool or None
        Whether it is for networks of tokens, for those of feature maps, or for both.
    """

    recipe: Recipe
    stages: tuple[int, ...]
    vectors: Callable[[Stages], torch.Tensor]
    mirror: bool = False
    squares: int = 1
    kind: str = MAP
    tokens: bool | None = None

    def of(self, backbone: Backbone) -> Formula:
        """The same with the places of its stages among all of a network's.

        Raises
        ------
        BackboneError
            The network has not what it reads.
        """
        if self.kind == PIXELS:
            return self
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
_BLOCK = re.compile(r"([a-z]+)-block([1-9][0-9]{0,3})")


def _mirrored(formula: Formula) -> Formula:
    return _mean_over(formula, MIRROR, "picture and mirror image")


def _mean_over(formula: Formula, suffix: str, what: str, squares: int = 1) -> Formula:
    plain = formula.recipe
    recipe = Recipe(plain.name + suffix, {**plain.definition, "mean over": what})
    return replace(formula, recipe=recipe, mirror=True, squares=squares)


def _seen_often(count: int, what: str) -> Callable[[Formula], Formula]:
    return lambda formula: _mean_over(formula, f"{VIEWS}{count}", what, count // 2)


# what a name ends in -> what it makes of the formula that is named before it
_VARIANTS: Mapping[str, Callable[[Formula], Formula]] = {
    MIRROR: _mirrored,
    **{f"{VIEWS}{count}": _seen_often(count, what) for count, what in SQUARES.items()},
}
_CONTROL = Formula(
    Recipe(CONTROL, {"formula": "colour and texture, 1", "numbers": len(NUMBERS)}), (), _first, kind=PIXELS
)
FORMULAS: Mapping[str, Formula] = {f.recipe.name: f for f in (*_PLAIN, *map(_mirrored, _PLAIN), _CONTROL)}


def _named(name: str) -> Formula | None:
    for suffix, variant in _VARIANTS.items():
        if name.endswith(suffix):
            plain = _named_plainly(name.removesuffix(suffix))
            return variant(plain) if plain and plain.kind != PIXELS else None
    return _named_plainly(name)


def _named_plainly(name: str) -> Formula | None:
    found = _BLOCK.fullmatch(name)
    if not found:
        return next((f for f in (*_PLAIN, _CONTROL) if f.recipe.name == name), None)
    return _OF_ONE[found[1]](name, int(found[2]) - 1) if found[1] in _OF_ONE else None


def shown_to(formulas: Sequence[Formula], transform: Transform) -> Shown:
    """What these formulas need to see of a picture: the transform's square, or several squares."""
    squares = max((formula.squares for formula in formulas), default=1)
    return Views(transform, squares) if squares > 1 else transform


def formula_of(recipe: Recipe, backbone: Backbone) -> Formula | None:
    """The formula behind a stored recipe, of a network; None where this version has none, or another of that name."""
    found = _named(recipe.name)
    return found.of(backbone) if found and found.recipe.digest == recipe.digest else None


def formulas(
    names: str | Sequence[str],
    mirror: bool = False,
    block: int | None = None,
    backbone: Backbone | None = None,
    views: int | None = None,
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
    views : int, optional
        Take the form of each that is averaged over so many views: 2 is `mirror`, 1 the plain form.

    Raises
    ------
    BackboneError
        There is no such number of views; or a name is not known, and the message lists those that are; or the network
        has not what it reads.
    """
    listed = [n.strip() for n in re.split(r"[,+]", names)] if isinstance(names, str) else list(names)
    chosen = [_full_name(name, _variant(mirror, views), block) for name in listed]
    found = {name: _named(name) for name in chosen}
    for name, formula in found.items():
        if formula is None:
            raise BackboneError(f"{name!r} is not a known embedding; choose among: {', '.join(FORMULAS)}")
    known = [formula for formula in found.values() if formula]
    return [formula.of(backbone) for formula in known] if backbone else known


def _variant(mirror: bool, views: int | None) -> str:
    """What the names are to end in."""
    known = {1: "", 2: MIRROR, **{count: f"{VIEWS}{count}" for count in SQUARES}}
    if views is None:
        return MIRROR if mirror else ""
    if views not in known:
        raise BackboneError(f"--views {views}: choose one of {', '.join(map(str, known))}")
    if mirror and views > 2:
        raise BackboneError(f"--views {views} holds the mirror images: leave --mirror out")
    return MIRROR if mirror else known[views]


def _full_name(name: str, variant: str, block: int | None) -> str:
    own = next((suffix for suffix in _VARIANTS if name.endswith(suffix)), "")
    plain = name.removesuffix(own)
    if plain == CONTROL:
        return name
    if block is not None and "-block" not in plain:
        if plain in FORMULAS and plain not in _OF_ONE:
            raise BackboneError(f"the embedding {plain!r} is not of one block: leave --block out, or use another one")
        plain += f"-block{block}"
    if variant and own not in ("", variant):
        raise BackboneError(f"the embedding {name!r} is averaged already: leave --views and --mirror out")
    return plain + (variant or own)
