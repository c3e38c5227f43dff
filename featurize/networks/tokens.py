"""Networks of tokens, whichever library they come from: their stages, and reading them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cache.key import Json
from featurize.errors import BackboneError
from featurize.networks.base import CLASS, POOLED, TOKENS
from featurize.networks.described import Description, Offer
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import torch

NORM = "the last norm, of every block"
# of some blocks: the patches' map (B, C, h, w) and the class token (B, C) or None, both normalised; and what is pooled
Read = Callable[["torch.Tensor", Sequence[int], bool], tuple[list[tuple[Any, Any]], Any]]


@dataclass(frozen=True)
class TokenNetwork:
    """A network of tokens.

    Parameters
    ----------
    module : torch.nn.Module
    blocks : sequence of str
        The names of its blocks, from early to late.
    before : int
        Tokens before those of the patches.
    has_class : bool
        Whether the first of them is a class token.
    read : callable
        Normalised pixels (B, 3, H, W), blocks from 0, whether to pool -> see `Read`.
    """

    module: torch.nn.Module
    blocks: Sequence[str]
    before: int
    has_class: bool
    read: Read

    def describe(
        self,
        transform: Transform,
        offers: Mapping[str, Offer],
        variant: Mapping[str, Json],
        classifier: Sequence[str] = (),
    ) -> Description:
        """What a forward pass of one picture shows; the module may have shapes and no numbers."""
        import torch

        from featurize.networks import built

        device = next(self.module.parameters()).device
        picture = torch.empty(1, 3, transform.crop, transform.crop, device=device)
        places = list(range(len(self.blocks)))
        found: list[Any] = []
        with torch.inference_mode(), built.quiet():
            cost = built.gigaflops(self.module, lambda: found.append(self.read(picture, places, True)))
        ((features, pooled),) = found
        stages: list[tuple[str, int, int | None]] = []
        for block, (maps, _) in zip(self.blocks, features, strict=True):
            stages.append((block, maps.shape[1], transform.crop // maps.shape[2]))
            stages += [(f"{block}:{CLASS}", maps.shape[1], None)] if self.has_class else []
        stages += [(POOLED, pooled.shape[1], None)] if pooled is not None else []
        tokens = {"class": self.has_class, "before patches": self.before}
        own = sum(a.numel() for n, a in self.module.named_parameters() if not n.startswith(tuple(classifier)))
        return Description(stages, {**variant, TOKENS: tokens, "norm": NORM}, transform, offers, classifier, own, cost)

    def cut(self, nodes: Sequence[str]) -> torch.nn.Module:
        """See `Provider.cut`."""
        import torch

        names = [node.removesuffix(f":{CLASS}") for node in nodes if node != POOLED]
        unknown = [name for name in names if name not in self.blocks]
        if unknown:
            raise BackboneError(f"the network has no {unknown[0]!r}; there are: {', '.join(self.blocks)}")
        places = sorted({self.blocks.index(name) for name in names})
        read, module, blocks = self.read, self.module, self.blocks

        class Cut(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = module

            def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
                features, pooled = read(pixels, places, POOLED in nodes)
                by_node = {POOLED: pooled}
                for place, (maps, token) in zip(places, features, strict=True):
                    by_node[blocks[place]] = maps
                    by_node[f"{blocks[place]}:{CLASS}"] = token
                return {str(place): by_node[node] for place, node in enumerate(nodes)}

        return Cut()


def split(tokens: torch.Tensor, before: int, has_class: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Tokens (B, T, C) -> the patches' as a map (B, C, h, w), and the class token (B, C)."""
    side = math.isqrt(tokens.shape[1] - before)
    patches = tokens[:, before:]
    maps = patches.transpose(1, 2).reshape(len(tokens), patches.shape[2], side, side)
    return maps, tokens[:, 0] if has_class else None
