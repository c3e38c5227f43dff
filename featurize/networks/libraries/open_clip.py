"""open_clip's networks of pictures, by open_clip's names: "open_clip:ViT-B-32", "open_clip:ViT-B-16-SigLIP.webli".

Of a network for pictures and texts the part for pictures is taken; `pooled` is what it compares with texts, before it
is brought to length 1. Weights that were trained with QuickGELU are offered for the networks that have it alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cache.key import Json
from featurize.errors import BackboneError
from featurize.networks.base import CLASS, Backbone
from featurize.networks.described import Description, Offer, described, need
from featurize.networks.hub import HUB, HubProvider
from featurize.networks.libraries.open_clip_resnet import cut_resnet, describe_resnet, is_resnet, resize_positions
from featurize.networks.tokens import NORM, Steps, TokenNetwork
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from featurize.networks.network import Network

_FITS = {"shortest": "crop", "squash": "squash", "longest": "pad"}
_FIRST = ("openai", "webli", "laion2b_s34b_b79k", "datacomp_xl_s13b_b90k")  # of these the first is the default
# licences of the weights by a part of their repository, tag or network's name, as their publishers state them on the
# hub (OpenAI: with its code), which was looked up by family in November 2026; open_clip itself says nothing
_LICENCES = {
    "visheratin/": "cc-by-nc-4.0",
    "metaclip": "cc-by-nc-4.0",
    "mobileclip": "apple-amlr",
    "apple/": "apple-amlr",
    "ucsc-vlaa/": "apache-2.0",
    "webli": "apache-2.0",
    "pe-core": "apache-2.0",
    "openai": "mit",
    "laion": "mit",
    "jienengchen/": "mit",
    "merged2b": "mit",
    "yfcc15m": "mit",
    "cc12m": "mit",
}
_PICTURES = "visual."  # how the names of the arrays begin


class OpenClip(HubProvider):
    """open_clip, whose networks give their intermediate features themselves."""

    packages = ("torch", "open_clip_torch", "timm")
    drawn_by = ("torch", "open_clip_torch", "timm")
    has_texts = True
    files = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")

    def names(self) -> Sequence[str]:
        need("open_clip", "open-clip")
        import open_clip

        return [str(name) for name in open_clip.list_models()]

    def backbone(self, name: str) -> Backbone:
        need("open_clip", "open-clip")
        plain, _, tag = name.partition(".")
        found = described("open_clip_torch", describe, plain)
        if tag and tag not in found.offers:
            offered = ", ".join(found.offers) or "none"
            raise BackboneError(
                f"open_clip has no weights {tag!r} for {plain} with its activation; there are: {offered}; others "
                f"may be for {plain}-quickgelu"
            )
        return found.backbone("open_clip", plain, tag)

    def standard(self, identity: Mapping[str, Json]) -> str:
        # CLIP's linear probes see the class token before its projection (Radford et al. 2021, appendix A.3)
        return "cls" if any(node.endswith(f":{CLASS}") for node in identity["stages"]) else super().standard(identity)

    def build(self, backbone: Backbone, side: int) -> torch.nn.Module:
        return _tower(backbone.name, side)

    def encode_texts(self, network: Network, texts: Sequence[str]) -> tuple[NDArray[np.float32], float]:
        from featurize.networks.libraries.open_clip_texts import encode
        from featurize.networks.weights_file import read_state

        path = network.fetch()
        if path is None:
            return super().encode_texts(network, texts)
        return encode(network.backbone.name, read_state(path), texts, str(path))

    def classifier(self, backbone: Backbone) -> tuple[str, ...]:
        return ()

    def fill(
        self, backbone: Backbone, network: torch.nn.Module, state: Mapping[str, torch.Tensor], source: str
    ) -> None:
        from types import SimpleNamespace

        from open_clip.factory import resize_pos_embed

        from featurize.networks import built

        whole = {n: a for n, a in state.items() if n.startswith(_PICTURES)} or {
            _PICTURES + n: a for n, a in state.items()
        }
        tower: Any = network
        wanted, own = tower.image_size, _side(backbone.name)
        with built.quiet():
            resize_pos_embed(whole, SimpleNamespace(visual=network))
            if is_resnet(tower):
                resize_positions(whole, tower)
        _resize(tower, own)
        super().fill(backbone, network, {n.removeprefix(_PICTURES): a for n, a in whole.items()}, source)
        _resize(tower, wanted)

    def cut(self, backbone: Backbone, network: torch.nn.Module, nodes: Sequence[str]) -> torch.nn.Module:
        if backbone.of_tokens:
            return _as_tokens(network).cut(nodes)
        if is_resnet(network):
            return cut_resnet(network, nodes)
        from featurize.networks.libraries.timm import cut_maps

        return cut_maps(_trunk(network), nodes, _pool_of(network))


def describe(name: str) -> Description:
    """What open_clip says of a network, which is built without numbers for it.

    Raises
    ------
    BackboneError
        It has no such network, or gives no intermediate features of it.
    """
    import open_clip

    from featurize.networks import built
    from featurize.networks.libraries.timm import describe_maps

    config = open_clip.get_model_config(name)
    if config is None:
        near = difflib.get_close_matches(name, open_clip.list_models(), 5)
        meant = (
            f"is one of {', '.join(near)} meant?"
            if near
            else "`featurize networks WORD` lists those with WORD in their name, of all libraries"
        )
        raise BackboneError(f"open_clip has no network {name!r}: {meant}")
    quick = bool(config.get("quick_gelu"))
    side = config["vision_cfg"]["image_size"]
    offers = _offers(name, side, quick)
    with built.without_numbers():
        tower = _tower(name, side).eval()
    variant: dict[str, Json] = {"activation": built.activations(tower)}
    plain = next(iter(offers.values())).transform if offers else _transform(side, {})
    if is_resnet(tower):
        return describe_resnet(tower, plain, offers, variant)
    if not hasattr(tower, "forward_intermediates"):
        raise BackboneError(f"open_clip gives no intermediate features of {name}: take the same network of timm's")
    if _trunk(tower) is not None and not _of_tokens(tower):
        return describe_maps(_trunk(tower), plain, offers, variant, (), _pool_of(tower))
    if _trunk(tower) is None:
        variant["positions"] = "bicubic, antialiased"
    return _as_tokens(tower).describe(plain, offers, variant)


def _offers(name: str, side: int, quick: bool) -> dict[str, Offer]:
    """Weights by tag, those that were trained with the network's own activation."""
    import open_clip

    found = {}
    tags = open_clip.list_pretrained_tags_by_model(name)
    for tag in sorted(tags, key=lambda tag: _FIRST.index(tag) if tag in _FIRST else len(_FIRST)):
        config = open_clip.get_pretrained_cfg(name, tag)
        if bool(config.get("quick_gelu")) == quick:
            source = f"{HUB}{config['hf_hub'].rstrip('/')}/" if config.get("hf_hub") else config.get("url", "")
            found[tag] = Offer(source, _licence(f"{config.get('hf_hub') or ''} {name} {tag}"), _transform(side, config))
    return found


def _licence(names: str) -> str:
    return next((licence for part, licence in _LICENCES.items() if part in names.lower()), "")


def _transform(side: int, config: Mapping[str, Any]) -> Transform:
    """The transform of open_clip's evaluation (`open_clip.image_transform`)."""
    from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

    return Transform(
        resize=side,
        crop=side,
        interpolation=config.get("interpolation") or "bicubic",
        mean=tuple(config.get("mean") or OPENAI_DATASET_MEAN),
        std=tuple(config.get("std") or OPENAI_DATASET_STD),
        fit=_FITS[config.get("resize_mode") or "shortest"],
        whole="round",
    )


def _tower(name: str, side: int) -> torch.nn.Module:
    """The part for pictures, untrained."""
    import open_clip
    from open_clip.model import _build_vision_tower

    from featurize.networks import built

    config = open_clip.get_model_config(name)
    of_timm = "timm_model_name" in config["vision_cfg"]  # which is built for its own size
    size = config["vision_cfg"]["image_size"] if of_timm else side
    vision = {**config["vision_cfg"], "image_size": size, "timm_model_pretrained": False}
    with built.quiet():
        tower: torch.nn.Module = _build_vision_tower(config["embed_dim"], vision, bool(config.get("quick_gelu")))
    _resize(tower, side)
    return tower


def _side(name: str) -> int:
    """Of the squares that a network of pictures and texts was made for, pixels."""
    import open_clip

    side: int = open_clip.get_model_config(name)["vision_cfg"]["image_size"]
    return side


def _resize(tower: Any, side: int | tuple[int, int]) -> None:
    """Make a network of timm's inside ready for squares of another size; timm resizes its positions."""
    from featurize.networks import built

    square = (side, side) if isinstance(side, int) else tuple(side)
    if _trunk(tower) is not None and tuple(tower.image_size) != square:
        with built.quiet():
            tower.set_input_size(square)


def _trunk(tower: Any) -> Any:
    """The network of timm's inside, or None."""
    return getattr(tower, "trunk", None)


def _of_tokens(tower: Any) -> bool:
    trunk = _trunk(tower)
    return trunk is None or hasattr(trunk, "num_prefix_tokens")


def _pool_of(tower: Any) -> Any:
    return lambda last: tower.head(tower.trunk.forward_head(last))


def _as_tokens(tower: Any) -> TokenNetwork:
    if _trunk(tower) is not None:
        from dataclasses import replace

        from featurize.networks.libraries.timm import as_tokens

        return replace(as_tokens(tower.trunk, _pool_of(tower)), module=tower)

    # CoCa's last norm comes behind an attention that pools, and its class token was not trained to tell anything
    plain = getattr(tower, "attn_pool", None) is None

    def read(pixels: torch.Tensor, blocks: Sequence[int], pooled: bool) -> tuple[list[tuple[Any, Any]], Any]:
        found = tower.forward_intermediates(
            pixels, indices=list(blocks), normalize_intermediates=plain, output_extra_tokens=True,
            intermediates_only=not pooled, stop_early=not pooled,
        )  # fmt: skip
        tokens = [prefix[:, 0] if plain else None for prefix in found["image_intermediates_prefix"]]
        return list(zip(found["image_intermediates"], tokens, strict=True)), found.get("image_features")

    def pool(last: torch.Tensor) -> torch.Tensor:
        pooled: torch.Tensor = tower._pool(last)[0]
        return pooled if tower.proj is None else pooled @ tower.proj

    layers = tower.transformer.resblocks
    steps = Steps(tower._embeds, layers, tower.ln_post, pool) if plain and tower.transformer.batch_first else None
    names = [f"transformer.resblocks.{n}" for n in range(len(layers))]
    return TokenNetwork(tower, names, 1, plain, read, steps, NORM if plain else "none")
