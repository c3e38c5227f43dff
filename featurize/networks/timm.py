"""timm's networks, by timm's names: "timm:resnet50", "timm:vit_small_patch14_dinov2.lvd142m" with a tag of weights.

What timm says of a network and its weights is taken as it is: size, crop, interpolation, mean, deviation, licence. Of a
vision transformer all blocks are read, each normalised by the network's last norm, as DINOv2's authors do (Oquab et al.
2023, `get_intermediate_layers`). Of any other network the last four resolutions are read, the final features last.
"""

from __future__ import annotations

import contextlib
import difflib
import inspect
import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cache.key import Json
from featurize.errors import BackboneError, WeightsError
from featurize.networks.base import CLASS, POOLED, TOKENS, Backbone
from featurize.networks.described import Description, Offer, described, need
from featurize.networks.hub import HUB, HubProvider
from featurize.pictures.transform import INTERPOLATIONS, Transform

if TYPE_CHECKING:
    import torch

FEATURES = "features"  # the node of the final features, which no module's name stands for
_FITS = {"center": "crop", "squash": "squash", "border": "pad"}
_STAGES = 4  # of a network of feature maps, as in torchvision's table


class Timm(HubProvider):
    """timm, whose networks give their intermediate features themselves."""

    packages = ("torch", "timm")
    drawn_by = ("torch", "timm")
    extra = "timm"

    def names(self) -> Sequence[str]:
        need("timm", self.extra)
        import timm

        return [str(name) for name in timm.list_models()]

    def backbone(self, name: str) -> Backbone:
        need("timm", self.extra)
        plain, _, tag = name.partition(".")
        found = described("timm", describe, plain)
        if tag and tag not in found.offers:
            offered = ", ".join(found.offers) or "none"
            raise BackboneError(f"timm has no weights {tag!r} of {plain}; there are: {offered}")
        return found.backbone("timm", plain, tag)

    def description(self, backbone: Backbone) -> Description:
        """What timm says of a network."""
        return described("timm", describe, backbone.name)

    def standard(self, identity: Mapping[str, Json]) -> str:
        # the linear heads that DINOv2's authors publish see both
        return "cls+mean" if "dinov2" in identity["name"] else super().standard(identity)

    def build(self, backbone: Backbone, side: int) -> torch.nn.Module:
        return _build(backbone.name, side)

    def classifier(self, backbone: Backbone) -> tuple[str, ...]:
        return tuple(self.description(backbone).classifier)

    def fill(
        self, backbone: Backbone, network: torch.nn.Module, state: Mapping[str, torch.Tensor], source: str
    ) -> None:
        # names of the authors' own files, and positions for another size; timm keeps it beside the network
        convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
        try:
            converted = convert(dict(state), network) if convert else state
        except (KeyError, RuntimeError, ValueError) as error:
            raise WeightsError(f"{source!r} holds no weights of {backbone.full_name}: {error}") from error
        super().fill(backbone, network, converted, source)

    def cut(self, backbone: Backbone, network: torch.nn.Module, nodes: Sequence[str]) -> torch.nn.Module:
        return (_cut_tokens if backbone.of_tokens else _cut_maps)(network, nodes)


def describe(name: str) -> Description:
    """What timm says of a network, which is built without numbers for it.

    Raises
    ------
    BackboneError
        timm has no such network, or gives no intermediate features of it.
    """
    import timm

    from featurize.networks import built

    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), 5)
        meant = f"is one of {', '.join(near)} meant?" if near else "timm.list_models() names those it has"
        raise BackboneError(f"timm has no network {name!r}: {meant}")
    with built.without_numbers():
        network = timm.create_model(name).eval()
    if not hasattr(network, "forward_intermediates"):
        raise BackboneError(f"timm gives no intermediate features of {name}: choose another network")
    return _description(network, _transform(network.pretrained_cfg), _offers(name))


def _offers(name: str) -> dict[str, Offer]:
    """All weights that timm names, its default first; without those whose pixels can't be made here."""
    import timm

    first = timm.get_pretrained_cfg(name).to_dict().get("tag")
    listed = [tagged.partition(".")[2] for tagged in timm.list_pretrained(f"{name}.*")]
    found = {}
    for tag in sorted(listed, key=lambda tag: tag != first):
        config = timm.get_pretrained_cfg(f"{name}.{tag}").to_dict()
        hub = config.get("hf_hub_id")
        source = f"{HUB}{hub}/{config.get('hf_hub_filename') or ''}" if hub else config.get("url") or ""
        with contextlib.suppress(BackboneError):
            found[tag] = Offer(source, config.get("license") or "", _transform(config))
    return found


def _transform(config: Mapping[str, Any]) -> Transform:
    """The transform of timm's evaluation (`timm.data.create_transform`), as one that keeps its pixels.

    Raises
    ------
    BackboneError
        The network sees no squares, or an interpolation is not known here.
    """
    channels, side, width = config["input_size"]
    if channels != 3 or side != width:
        raise BackboneError(f"a network that sees {width} x {side} pixels in {channels} channels can't be used")
    interpolation = config["interpolation"]
    if interpolation not in INTERPOLATIONS:
        raise BackboneError(f"pictures can't be resized by {interpolation!r} interpolation")
    mean = tuple(config["mean"])
    return Transform(
        resize=math.floor(side / config["crop_pct"]),
        crop=side,
        interpolation=interpolation,
        mean=mean,
        std=tuple(config["std"]),
        fit=_FITS[config.get("crop_mode") or "center"],
        fill=tuple(round(255 * value) for value in mean) if config.get("crop_mode") == "border" else (0, 0, 0),
        whole=True,
    )


def _description(network: Any, transform: Transform, offers: Mapping[str, Offer]) -> Description:
    """What a forward pass of one picture shows, shapes and no numbers."""
    import torch

    from featurize.networks import built

    picture = torch.empty(1, 3, transform.crop, transform.crop, device="meta")
    modules = [str(entry["module"]) for entry in network.feature_info]
    with torch.inference_mode(), built.quiet():
        last, found = network.forward_intermediates(picture)
        pooled = network.forward_head(last, pre_logits=True)
        cost = built.gigaflops(lambda: network.forward_features(picture))
    of_tokens = last.ndim == 3
    variant: dict[str, Json] = {"activation": built.activations(network)}
    stages: list[tuple[str, int, int | None]] = []
    if of_tokens:
        prefix = int(getattr(network, "num_prefix_tokens", 0))
        has_class = _has_prefix(network) and getattr(network, "cls_token", None) is not None
        variant[TOKENS] = {"class": has_class, "before patches": prefix}
        variant["norm"] = "the last norm, of every block"
        if getattr(network, "pos_embed", None) is not None:
            variant["positions"] = "bicubic, antialiased"
        for module, maps in zip(modules, found, strict=True):
            stages.append((module, maps.shape[1], transform.crop // maps.shape[2]))
            stages += [(f"{module}:{CLASS}", maps.shape[1], None)] if has_class else []
    else:
        shapes = [(m, f.shape[1], transform.crop // f.shape[2]) for m, f in zip(modules, found, strict=True)]
        final = _as_map(network, last)
        reduction = transform.crop // final.shape[2]
        stages = [stage for stage in shapes if stage[2] < reduction][-(_STAGES - 1) :]
        stages.append((FEATURES, final.shape[1], reduction))
    stages.append((POOLED, pooled.shape[1], None))
    heads = network.pretrained_cfg.get("classifier") or ()
    classifier = [f"{name}." for name in ((heads,) if isinstance(heads, str) else heads)]
    own = sum(a.numel() for n, a in network.named_parameters() if not n.startswith(tuple(classifier)))
    return Description(stages, variant, transform, offers, classifier, own, cost)


def _has_prefix(network: Any) -> bool:
    """Whether it gives the tokens before those of the patches, too."""
    given = inspect.signature(network.forward_intermediates).parameters
    return bool(getattr(network, "num_prefix_tokens", 0)) and "return_prefix_tokens" in given


def _as_map(network: Any, features: torch.Tensor) -> torch.Tensor:
    """Final features as a map (B, C, h, w); some networks have channels last."""
    last = str(getattr(network, "output_fmt", "NCHW")).endswith("NHWC")
    return features.permute(0, 3, 1, 2) if last else features


def _build(name: str, side: int) -> torch.nn.Module:
    import timm

    from featurize.networks import built

    config = timm.get_pretrained_cfg(name).to_dict()
    other = config.get("fixed_input_size") and side != config["input_size"][1]
    with built.quiet():
        network: torch.nn.Module = timm.create_model(name, **({"img_size": side} if other else {}))
    return network


def _cut_tokens(network: Any, nodes: Sequence[str]) -> torch.nn.Module:
    import torch

    modules = [str(entry["module"]) for entry in network.feature_info]
    blocks = sorted({modules.index(_module_of(node, modules)) for node in nodes if node != POOLED})
    has_prefix = _has_prefix(network)

    class Cut(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
            more = {"return_prefix_tokens": True} if has_prefix else {}
            more |= {} if POOLED in nodes else {"intermediates_only": True, "stop_early": True}
            found = self.network.forward_intermediates(pixels, indices=blocks, norm=True, **more)
            last, features = found if POOLED in nodes else (None, found)
            by_node: dict[str, Any] = {}
            for block, feature in zip(blocks, features, strict=True):
                by_node[modules[block]] = feature[0] if has_prefix else feature
                if has_prefix:
                    by_node[f"{modules[block]}:{CLASS}"] = feature[1][:, 0]
            if POOLED in nodes:
                by_node[POOLED] = self.network.forward_head(last, pre_logits=True)
            return {str(place): by_node[node] for place, node in enumerate(nodes)}

    return Cut()


def _cut_maps(network: Any, nodes: Sequence[str]) -> torch.nn.Module:
    import torch

    modules = [str(entry["module"]) for entry in network.feature_info]
    stages = [modules.index(_module_of(node, modules)) for node in nodes if node not in (FEATURES, POOLED)]
    final = FEATURES in nodes or POOLED in nodes

    class Cut(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
            more = {} if final else {"intermediates_only": True, "stop_early": True}
            found = self.network.forward_intermediates(pixels, indices=stages or [0], **more)
            last, features = found if final else (pixels, found)
            by_node: dict[str, Any] = dict(zip((modules[stage] for stage in stages), features, strict=False))
            if final:
                by_node[FEATURES] = _as_map(self.network, last)
                by_node[POOLED] = self.network.forward_head(last, pre_logits=True) if POOLED in nodes else None
            return {str(place): by_node[node] for place, node in enumerate(nodes)}

    return Cut()


def _module_of(node: str, modules: Sequence[str]) -> str:
    module = node.removesuffix(f":{CLASS}")
    if module not in modules:
        raise BackboneError(f"the network has no {node!r}; there are: {', '.join(modules)}")
    return module
