"""Networks of pictures of transformers: "hf:facebook/dinov2-small", or "hf:FOLDER" with files as the hub has them.

DINOv2 (with registers, too), ViT, and the part for pictures of CLIP and of SigLIP 1 and 2. The whole configuration is
in the key, so that a network can be built again from its key alone. A pooler that is not part of what the authors
trained is not used: `pooled` of a ViT or DINOv2 is the normalised class token, of CLIP and SigLIP what is compared
with texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache.key import Json
from featurize.errors import BackboneError, WeightsError
from featurize.networks.base import Backbone, Stage
from featurize.networks.described import Description, Offer, described, need
from featurize.networks.hub import HUB, HubProvider, from_hub
from featurize.networks.tokens import TokenNetwork, split
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import torch

CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
PUBLISHED = "hub"  # the name of the one set of weights that a repository has
_NOT_ARCHITECTURE = ("architectures", "dtype", "torch_dtype", "transformers_version", "_name_or_path")
_RESAMPLE = {2: "bilinear", 3: "bicubic"}
_RESCALE = 1 / 255


@dataclass(frozen=True)
class _Kind:
    """How a type of model is built and read.

    Parameters
    ----------
    built : str
        The name of its class in transformers.
    norm : str
        Of the last norm.
    has_class : bool
    standard : str
        The embedding that its authors evaluate it with.
    """

    built: str
    norm: str
    has_class: bool
    standard: str


_CLIP = _Kind("CLIPVisionModelWithProjection", "post_layernorm", True, "cls")
_SIGLIP = _Kind("SiglipVisionModel", "post_layernorm", False, "pooled")
_KINDS: Mapping[str, _Kind] = {
    "clip_vision_model": _CLIP,
    "siglip_vision_model": _SIGLIP,
    "dinov2": _Kind("Dinov2Model", "layernorm", True, "cls+mean"),
    "dinov2_with_registers": _Kind("Dinov2WithRegistersModel", "layernorm", True, "cls+mean"),
    "vit": _Kind("ViTModel", "layernorm", True, "cls"),
}


class HuggingFace(HubProvider):
    """transformers, whose networks are read block by block."""

    packages = ("torch", "transformers")
    drawn_by = ("torch", "transformers")

    def names(self) -> Sequence[str]:
        return []  # the hub has too many to list

    def backbone(self, name: str) -> Backbone:
        need("transformers", "transformers")
        folder = Path(name)
        beside = folder.is_dir()
        files = [_text(name, file, needed=file == CONFIG) for file in (CONFIG, PREPROCESSOR)]
        found = described("transformers", describe, folder.resolve().name if beside else name, *files)
        if not beside:
            offer = Offer(f"{HUB}{name}/", "", found.transform)
            return replace(found, offers={PUBLISHED: offer}).backbone("hf", name)
        known = [folder / file for file in self.files if (folder / file).is_file()]
        return replace(found.backbone("hf", folder.resolve().name), file=known[0] if known else None)

    def rebuild(self, identity: Mapping[str, Json]) -> Backbone:
        """The network as its key describes it: no file has to be there but its weights."""
        need("transformers", "transformers")
        name = identity["name"]
        variant = {what: v for what, v in identity.items() if what not in ("provider", "name", "stages")}
        found = Backbone("hf", name, tuple(map(Stage, identity["stages"])), Transform(), {}, variant)
        return replace(found, published=_published(found)) if "/" in name else found

    def standard(self, identity: Mapping[str, Json]) -> str:
        return _KINDS[identity["config"]["model_type"]].standard

    def build(self, backbone: Backbone, side: int) -> torch.nn.Module:
        return _build(backbone.variant["config"])

    def classifier(self, backbone: Backbone) -> tuple[str, ...]:
        return ("embeddings.mask_token",)  # no picture is masked here

    def fill(
        self, backbone: Backbone, network: torch.nn.Module, state: Mapping[str, torch.Tensor], source: str
    ) -> None:
        # names changed between versions of transformers, which knows how
        from featurize.networks import built

        built_again: Any = type(network)
        more = {"add_pooling_layer": False} if built_again.__name__ == "ViTModel" else {}
        with built.quiet():
            filled, said = built_again.from_pretrained(
                None, config=network.config, state_dict=dict(state), output_loading_info=True, **more
            )
        lacking = sorted(name for name in said["missing_keys"] if not name.startswith(self.classifier(backbone)))
        if lacking or said["mismatched_keys"]:
            wrong = lacking[0] if lacking else next(iter(said["mismatched_keys"]))
            raise WeightsError(
                f"{source!r} holds no weights of {backbone.full_name}: {wrong!r} is missing or has another shape; "
                "choose the backbone they belong to"
            )
        super().fill(backbone, network, filled.state_dict(), source)

    def cut(self, backbone: Backbone, network: torch.nn.Module, nodes: Sequence[str]) -> torch.nn.Module:
        return _as_tokens(network).cut(nodes)


def _published(found: Backbone) -> dict[str, Any]:
    offers = {PUBLISHED: Offer(f"{HUB}{found.name}/", "", found.transform)}
    description = Description([], found.variant, found.transform, offers)
    return dict(description.backbone("hf", found.name).published)


def _text(name: str, file: str, needed: bool) -> str:
    """A small file of a folder or of a repository of the hub."""
    if Path(name).is_dir():
        path = Path(name) / file
        if path.is_file():
            return path.read_text(encoding="utf-8")
        if needed:
            raise BackboneError(f"{name!r} holds no {file}: give a folder with the files of a model")
        return "{}"
    if name.count("/") != 1:
        raise BackboneError(f"hf:{name}: give OWNER/NAME of the Hugging Face hub, or an existing folder")
    return from_hub(name, [file]).read_text(encoding="utf-8")


def describe(name: str, config: str, preprocessor: str) -> Description:
    """What the two files of a model say, and a network built without numbers after them.

    Raises
    ------
    BackboneError
        The type of model is not known here, or its pixels can't be made.
    """
    from featurize.networks import built

    vision = _vision(name, json.loads(config))
    transform = _transform(json.loads(preprocessor), vision)
    with built.without_numbers():
        network: Any = _build(vision).eval()
    variant = {"activation": [str(network.config.hidden_act)], "positions": "bicubic", "config": vision}
    return _as_tokens(network).describe(transform, {}, variant)


def _vision(name: str, config: Mapping[str, Any]) -> dict[str, Json]:
    """The configuration of the part for pictures."""
    import transformers

    kind = str(config.get("model_type"))
    if isinstance(config.get("vision_config"), Mapping):
        whole = transformers.AutoConfig.for_model(**config)
        vision = whole.vision_config
        if kind == "clip":
            vision.projection_dim = whole.projection_dim
    elif kind in _KINDS:
        vision = transformers.AutoConfig.for_model(**config)
    else:
        vision = None
    if vision is None or vision.model_type not in _KINDS:
        raise BackboneError(f"hf:{name} is a {kind!r}, and known here are: clip, siglip, {', '.join(_KINDS)}")
    plain = json.loads(vision.to_json_string(use_diff=True))
    return {**{n: v for n, v in plain.items() if n not in _NOT_ARCHITECTURE}, "model_type": vision.model_type}


def _transform(said: Mapping[str, Any], vision: Mapping[str, Json]) -> Transform:
    """The transform of an image processor of transformers.

    Raises
    ------
    BackboneError
        It does something else than resizing, cutting and normalising.
    """
    import transformers

    side = int(transformers.AutoConfig.for_model(**vision).image_size)
    size = said.get("size", side)
    size = {"shortest_edge": size} if isinstance(size, int) else size
    square = "height" in size
    resize = int(size["height"] if square else size["shortest_edge"])
    crop = said.get("crop_size", resize) if said.get("do_center_crop") else resize
    kept = int(crop["height"] if isinstance(crop, Mapping) else crop)
    resample = _RESAMPLE.get(said.get("resample", 3))
    for what, sound in (
        ("resample", resample is not None),
        ("rescale_factor", abs(said.get("rescale_factor", _RESCALE) - _RESCALE) < 1e-9),
        ("size", not square or size["height"] == size["width"]),
        ("do_rescale", said.get("do_rescale", True)),
    ):
        if not sound:
            raise BackboneError(f"pictures can't be made as {PREPROCESSOR} asks: its {what} is {said.get(what)!r}")
    normalised = said.get("do_normalize", True)
    return Transform(
        resize=resize,
        crop=kept,
        interpolation=resample or "",
        mean=tuple(said.get("image_mean", (0.5, 0.5, 0.5)) if normalised else (0.0, 0.0, 0.0)),
        std=tuple(said.get("image_std", (0.5, 0.5, 0.5)) if normalised else (1.0, 1.0, 1.0)),
        fit="squash" if square else "crop",
        whole="floor",
    )


def _build(vision: Mapping[str, Json]) -> torch.nn.Module:
    import transformers

    from featurize.networks import built

    config = transformers.AutoConfig.for_model(**vision)
    kind = _KINDS[config.model_type]
    config._attn_implementation = "sdpa"
    more = {"add_pooling_layer": False} if kind.built == "ViTModel" else {}
    with built.quiet():
        network: torch.nn.Module = getattr(transformers, kind.built)(config, **more)
    return network


def _as_tokens(network: Any) -> TokenNetwork:
    kind = _KINDS[network.config.model_type]
    inner = getattr(network, "vision_model", network)
    encoder = getattr(inner, "encoder", inner)
    layers = encoder.layers if hasattr(encoder, "layers") else encoder.layer
    norm = getattr(inner, kind.norm)
    before = int(kind.has_class) + int(getattr(network.config, "num_register_tokens", 0) or 0)
    own_size = kind.built.startswith("Dinov2")  # resizes its positions without being asked

    def read(pixels: torch.Tensor, blocks: Sequence[int], pooled: bool) -> tuple[list[tuple[Any, Any]], Any]:
        other = pixels.shape[-1] != network.config.image_size
        tokens = inner.embeddings(pixels, **({} if own_size else {"interpolate_pos_encoding": other}))
        tokens = inner.pre_layrnorm(tokens) if hasattr(inner, "pre_layrnorm") else tokens
        found, last = [], len(layers) - 1 if pooled else max(blocks)
        for place, layer in enumerate(layers[: last + 1]):
            tokens = layer(tokens, None)
            if place in blocks:
                found.append(split(norm(tokens), before, kind.has_class))
        return found, _pooled(network, inner, norm(tokens)) if pooled else None

    return TokenNetwork(network, [f"block.{n}" for n in range(len(layers))], before, kind.has_class, read)


def _pooled(network: Any, inner: Any, normalised: torch.Tensor) -> torch.Tensor | None:
    if hasattr(inner, "head"):
        found: torch.Tensor = inner.head(normalised)
        return found
    token = normalised[:, 0]
    return network.visual_projection(token) if hasattr(network, "visual_projection") else token
