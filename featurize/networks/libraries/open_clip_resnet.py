"""CLIP's ResNets, "open_clip:RN50-quickgelu": feature maps, and attention in place of the average behind them.

See Radford et al. 2021, section 2.4. The attention adds a position to each place of the last map; for squares of
another size these positions are resized as those of CLIP's vision transformers are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from featurize.errors import BackboneError
from featurize.networks.base import POOLED
from featurize.networks.described import Description, Offer
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import torch

    from cache.key import Json

_LAYERS = ("layer1", "layer2", "layer3", "layer4")
_POSITIONS = "visual.attnpool.positional_embedding"
_AS_A_TRANSFORMER = "visual.positional_embedding"


def is_resnet(tower: Any) -> bool:
    """Whether a part for pictures is such a network."""
    return hasattr(tower, "attnpool")


def describe_resnet(
    tower: Any, transform: Transform, offers: Mapping[str, Offer], variant: Mapping[str, Json]
) -> Description:
    """Such a network, that was built without numbers."""
    import torch

    from featurize.networks import built

    side = transform.crop
    picture = torch.empty(1, 3, side, side, device="meta")
    with torch.inference_mode(), built.quiet():
        found = cut_resnet(tower, [*_LAYERS, POOLED])(picture)
        cost = built.gigaflops(tower, lambda: tower(picture))
    *maps, pooled = found.values()
    stages: list[tuple[str, int, int | None]] = [
        (layer, each.shape[1], side // each.shape[2]) for layer, each in zip(_LAYERS, maps, strict=True)
    ]
    stages.append((POOLED, pooled.shape[1], None))
    own = sum(array.numel() for array in tower.parameters())
    return Description(stages, variant, transform, offers, (), own, cost)


def cut_resnet(tower: Any, nodes: Sequence[str]) -> torch.nn.Module:
    """See `Provider.cut`."""
    import torch

    unknown = [node for node in nodes if node not in (*_LAYERS, POOLED)]
    if unknown:
        raise BackboneError(f"the network has no {unknown[0]!r}; there are: {', '.join(_LAYERS)}, {POOLED}")
    needed = len(_LAYERS) if POOLED in nodes else max(_LAYERS.index(node) for node in nodes) + 1

    class Cut(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = tower

        def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
            by_node = {}
            x = self.network.stem(pixels)
            for layer in _LAYERS[:needed]:
                x = by_node[layer] = getattr(self.network, layer)(x)
            if POOLED in nodes:
                by_node[POOLED] = self.network.attnpool(x)
            return {str(place): by_node[node] for place, node in enumerate(nodes)}

    return Cut()


def resize_positions(whole: dict[str, torch.Tensor], tower: Any) -> None:
    """Make the positions in a network's arrays fit the squares of `tower`, in place."""
    from open_clip.factory import resize_pos_embed

    if _POSITIONS in whole:
        side = tower.image_size // 32
        as_transformer = {_AS_A_TRANSFORMER: whole[_POSITIONS]}
        resize_pos_embed(as_transformer, SimpleNamespace(visual=SimpleNamespace(grid_size=(side, side))))
        whole[_POSITIONS] = as_transformer[_AS_A_TRANSFORMER]
