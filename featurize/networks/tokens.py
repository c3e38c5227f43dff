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
class Steps:
    """A network of tokens that is a plain sequence: what comes before its blocks, the blocks, what comes behind.

    Parameters
    ----------
    begin : callable
        Normalised pixels (B, 3, H, W) -> tokens before the first block (B, T, C).
    blocks : sequence of torch.nn.Module
        Tokens -> tokens, one after the other.
    norm : callable
        Tokens of any block -> normalised, as `Read` gives them.
    pool : callable
        Tokens of the last block -> what is pooled, (B, D).
    options : sequence
        What each block takes beside tokens.
    """

    begin: Callable[[torch.Tensor], torch.Tensor]
    blocks: Sequence[Any]
    norm: Callable[[torch.Tensor], torch.Tensor]
    pool: Callable[[torch.Tensor], Any]
    options: Sequence[Any] = ()

    def pass_on(self, tokens: torch.Tensor, first: int, behind: int) -> torch.Tensor:
        """Tokens through the blocks from `first` to before `behind`."""
        for block in self.blocks[first:behind]:
            tokens = block(tokens, *self.options)
        return tokens


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
    steps : Steps, optional
        Of a network that can be cut between two blocks.
    norm : str
        How what is read was normalised, as it stands in the key.
    """

    module: torch.nn.Module
    blocks: Sequence[str]
    before: int
    has_class: bool
    read: Read
    steps: Steps | None = None
    norm: str = NORM

    def read_from(self, block: int, tokens: torch.Tensor, places: Sequence[int], pooled: bool) -> Any:
        """As `read`, beginning with the tokens before a block."""
        assert self.steps is not None
        last = len(self.steps.blocks) - 1 if pooled else max(places)
        found = []
        for place in range(block, last + 1):
            tokens = self.steps.pass_on(tokens, place, place + 1)
            if place in places:
                found.append(split(self.steps.norm(tokens), self.before, self.has_class))
        return found, self.steps.pool(tokens) if pooled else None

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
        variant = {**variant, TOKENS: tokens, "norm": self.norm}
        return Description(stages, variant, transform, offers, classifier, own, cost)

    def cut(self, nodes: Sequence[str]) -> torch.nn.Module:
        """See `Provider.cut`."""
        import torch

        names = [node.removesuffix(f":{CLASS}") for node in nodes if node != POOLED]
        unknown = [name for name in names if name not in self.blocks]
        if unknown:
            raise BackboneError(f"the network has no {unknown[0]!r}; there are: {', '.join(self.blocks)}")
        places = sorted({self.blocks.index(name) for name in names}) or [len(self.blocks) - 1]
        tokens = self

        class Cut(torch.nn.Module):
            """From pixels; or, with `first`, from the tokens before that block."""

            def __init__(self, first: int | None = None) -> None:
                super().__init__()
                self.network = tokens.module
                self.first = first

            def forward(self, given: torch.Tensor) -> dict[str, torch.Tensor]:
                first, pool = self.first, POOLED in nodes
                read = (
                    tokens.read(given, places, pool) if first is None else tokens.read_from(first, given, places, pool)
                )
                features, pooled = read
                by_node = {POOLED: pooled}
                for place, (maps, token) in zip(places, features, strict=True):
                    by_node[tokens.blocks[place]] = maps
                    by_node[f"{tokens.blocks[place]}:{CLASS}"] = token
                return {str(place): by_node[node] for place, node in enumerate(nodes)}

            def block_modules(self) -> Mapping[str, torch.nn.Module]:
                return dict(zip(tokens.blocks, tokens.steps.blocks, strict=True)) if tokens.steps else {}

            def halves(self, start: str) -> tuple[torch.nn.Module | None, torch.nn.Module]:
                first = tokens.blocks.index(start)
                if places and first > places[0]:
                    raise BackboneError(f"block {start} comes after {tokens.blocks[places[0]]}, which is read")
                return Before(first), Cut(first)

        class Before(torch.nn.Module):
            """Pixels -> the tokens before a block, (B, T, C)."""

            def __init__(self, first: int) -> None:
                super().__init__()
                self.network = tokens.module
                self.first = first

            def forward(self, pixels: torch.Tensor) -> torch.Tensor:
                assert tokens.steps is not None
                return tokens.steps.pass_on(tokens.steps.begin(pixels), 0, self.first)

        return Cut()


def split(tokens: torch.Tensor, before: int, has_class: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Tokens (B, T, C) -> the patches' as a map (B, C, h, w), and the class token (B, C)."""
    side = math.isqrt(tokens.shape[1] - before)
    patches = tokens[:, before:]
    # the length of a tensor is a plain number, which an export takes for the size of every batch
    maps = patches.transpose(1, 2).reshape(patches.shape[0], patches.shape[2], side, side)
    return maps, tokens[:, 0] if has_class else None
