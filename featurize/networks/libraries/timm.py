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
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cache.key import Json
from featurize.errors import BackboneError, WeightsError
from featurize.networks.base import POOLED, Backbone
from featurize.networks.described import Description, Offer, described, need
from featurize.networks.hub import HUB, HubProvider
from featurize.networks.tokens import Steps, TokenNetwork
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
            raise BackboneError(
                f"timm has no weights {tag!r} of {plain} with its activation; there are: {offered}; those trained with "
                "QuickGELU are of networks that have it in their name"
            )
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
        return as_tokens(network).cut(nodes) if backbone.of_tokens else cut_maps(network, nodes)


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
        meant = (
            f"is one of {', '.join(near)} meant?"
            if near
            else "`featurize networks WORD` lists those with WORD in their name, of all libraries"
        )
        raise BackboneError(f"timm has no network {name!r}: {meant}")
    with built.without_numbers():
        network = timm.create_model(name).eval()
    if not hasattr(network, "forward_intermediates"):
        raise BackboneError(f"timm gives no intermediate features of {name}: choose another network")
    return _description(network, _transform(network.pretrained_cfg), _offers(name))


def _offers(name: str) -> dict[str, Offer]:
    """All weights that timm names, its default first; without those that are not for this network's pixels or numbers.

    timm lists weights that were trained with QuickGELU under networks with GELU, too, and says so in a note alone.
    """
    import timm

    first = timm.get_pretrained_cfg(name).to_dict().get("tag")
    listed = [tagged.partition(".")[2] for tagged in timm.list_pretrained(f"{name}.*")]
    found = {}
    for tag in sorted(listed, key=lambda tag: tag != first):
        config = timm.get_pretrained_cfg(f"{name}.{tag}").to_dict()
        if "quickgelu" not in name and any("QuickGELU" in note for note in config.get("notes") or ()):
            continue
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
        whole="round",
    )


def _description(network: Any, transform: Transform, offers: Mapping[str, Offer]) -> Description:
    """What a forward pass of one picture shows, shapes and no numbers."""
    import torch

    from featurize.networks import built

    heads = network.pretrained_cfg.get("classifier") or ()
    classifier = [f"{name}." for name in ((heads,) if isinstance(heads, str) else heads)]
    variant: dict[str, Json] = {"activation": built.activations(network)}
    picture = torch.empty(1, 3, transform.crop, transform.crop, device="meta")
    with torch.inference_mode(), built.quiet():
        last = network.forward_features(picture)
    if last.ndim == 3:
        if getattr(network, "pos_embed", None) is not None:
            variant["positions"] = "bicubic, antialiased"
        return as_tokens(network).describe(transform, offers, variant, classifier)
    return describe_maps(network, transform, offers, variant, classifier)


def describe_maps(
    network: Any,
    transform: Transform,
    offers: Mapping[str, Offer],
    variant: Mapping[str, Json],
    classifier: Sequence[str],
    pool: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> Description:
    """A network of feature maps of timm's, that was built without numbers."""
    import torch

    from featurize.networks import built

    picture = torch.empty(1, 3, transform.crop, transform.crop, device="meta")
    with torch.inference_mode(), built.quiet():
        last, found = network.forward_intermediates(picture)
        pooled = (pool or _pool(network))(last)
        cost = built.gigaflops(network, lambda: network.forward_features(picture))
    shapes = [(m, f.shape[1], transform.crop // f.shape[2]) for m, f in zip(_modules(network), found, strict=True)]
    final = _as_map(network, last)
    reduction = transform.crop // final.shape[2]
    stages: list[tuple[str, int, int | None]] = [*[s for s in shapes if s[2] < reduction][-(_STAGES - 1) :]]
    stages += [(FEATURES, final.shape[1], reduction), (POOLED, pooled.shape[1], None)]
    own = sum(a.numel() for n, a in network.named_parameters() if not n.startswith(tuple(classifier)))
    return Description(stages, variant, transform, offers, classifier, own, cost)


def as_tokens(network: Any, pool: Callable[[torch.Tensor], torch.Tensor] | None = None) -> TokenNetwork:
    """A network of tokens of timm's.

    Parameters
    ----------
    network : torch.nn.Module
    pool : callable, optional
        The last features -> (B, D); by default what the network's own head works on.
    """
    has_prefix = _has_prefix(network)
    has_class = has_prefix and getattr(network, "cls_token", None) is not None
    before = int(getattr(network, "num_prefix_tokens", 0))

    def read(pixels: torch.Tensor, blocks: Sequence[int], pooled: bool) -> tuple[list[tuple[Any, Any]], Any]:
        more = {"return_prefix_tokens": True} if has_prefix else {}
        more |= {} if pooled else {"intermediates_only": True, "stop_early": True}
        found = network.forward_intermediates(pixels, indices=list(blocks), norm=True, **more)
        last, features = found if pooled else (pixels, found)
        pairs = [(f[0], f[1][:, 0] if has_class else None) if has_prefix else (f, None) for f in features]
        return pairs, (pool or _pool(network))(last) if pooled else None

    return TokenNetwork(network, _modules(network), before, has_class, read, _steps(network, pool or _pool(network)))


def _steps(network: Any, pool: Callable[[torch.Tensor], torch.Tensor]) -> Steps | None:
    """The steps of a plain vision transformer; None for its many relatives, which do more between two blocks."""
    from timm.models.vision_transformer import VisionTransformer

    if type(network) is not VisionTransformer:
        return None

    def begin(pixels: torch.Tensor) -> torch.Tensor:
        tokens: torch.Tensor = network.norm_pre(network.patch_drop(network._pos_embed(network.patch_embed(pixels))))
        return tokens

    return Steps(begin, network.blocks, network.norm, lambda last: pool(network.norm(last)))


def _pool(network: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    def pool(last: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = network.forward_head(last, pre_logits=True)
        return found

    return pool


def _modules(network: Any) -> list[str]:
    return [str(entry["module"]) for entry in network.feature_info]


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


def cut_maps(
    network: Any, nodes: Sequence[str], pool: Callable[[torch.Tensor], torch.Tensor] | None = None
) -> torch.nn.Module:
    """See `Provider.cut`; of a network of feature maps of timm's."""
    import torch

    modules = _modules(network)
    unknown = [node for node in nodes if node not in (*modules, FEATURES, POOLED)]
    if unknown:
        raise BackboneError(f"the network has no {unknown[0]!r}; there are: {', '.join(modules)}, {FEATURES}, {POOLED}")
    stages = [modules.index(node) for node in nodes if node in modules]
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
                by_node[POOLED] = (pool or _pool(self.network))(last) if POOLED in nodes else None
            return {str(place): by_node[node] for place, node in enumerate(nodes)}

    return Cut()
