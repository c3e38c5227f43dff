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
from featurize.networks.hub import HUB, HubProvider, from_hub, licence_on_hub
from featurize.networks.libraries.image_processor import PREPROCESSOR, transform_of
from featurize.networks.tokens import NORM, Steps, TokenNetwork
from featurize.networks.weights_file import further
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import torch

CONFIG = "config.json"
PUBLISHED = "hub"  # the name of the one set of weights that a repository has
_NOT_ARCHITECTURE = ("out_features", "out_indices", "stage_names")


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
    processor : str
        How the name of its image processor begins.
    """

    built: str
    norm: str
    has_class: bool
    standard: str
    processor: str


_CLIP = _Kind("CLIPVisionModelWithProjection", "post_layernorm", True, "cls", "CLIP")
_SIGLIP = _Kind("SiglipVisionModel", "post_layernorm", False, "pooled", "Siglip")
_KINDS: Mapping[str, _Kind] = {
    "clip_vision_model": _CLIP,
    "siglip_vision_model": _SIGLIP,
    "dinov2": _Kind("Dinov2Model", "layernorm", True, "cls+mean", "Bit"),
    "dinov2_with_registers": _Kind("Dinov2WithRegistersModel", "layernorm", True, "cls+mean", "Bit"),
    "vit": _Kind("ViTModel", "layernorm", True, "cls", "ViT"),
}
_NO_SQUARES = ("siglip2", "siglip2_vision_model")


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
        files = [_text(name, file) for file in (CONFIG, PREPROCESSOR)]
        found = described("transformers", describe, folder.resolve().name if beside else name, *files)
        if not beside:
            offer = Offer(f"{HUB}{name}/", licence_on_hub(name), found.transform)
            return replace(found, offers={PUBLISHED: offer}).backbone("hf", name)
        known = [folder / file for file in self.files if (folder / file).is_file()]
        return replace(found.backbone("hf", folder.resolve().name), file=known[0] if known else None)

    def rebuild(self, identity: Mapping[str, Json]) -> Backbone:
        """The network as its key describes it: no file has to be there but its weights."""
        need("transformers", "transformers")
        name = identity["name"]
        variant = {what: v for what, v in identity.items() if what not in ("provider", "name", "stages")}
        self.compare(f"hf:{name}", {**variant, **_facts(variant["config"]), "norm": NORM}, variant)
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
        own = network.state_dict()
        if larger := further(own, own, sorted(said["unexpected_keys"])):
            raise WeightsError(
                f"{source!r} holds no weights of {backbone.full_name}: {len(larger)} arrays are of a larger network, "
                f"the first is {larger[0]!r}; choose the backbone they belong to"
            )
        super().fill(backbone, network, filled.state_dict(), source)

    def cut(self, backbone: Backbone, network: torch.nn.Module, nodes: Sequence[str]) -> torch.nn.Module:
        return _as_tokens(network).cut(nodes)


def _published(found: Backbone) -> dict[str, Any]:
    offers = {PUBLISHED: Offer(f"{HUB}{found.name}/", "", found.transform)}
    description = Description([], found.variant, found.transform, offers)
    return dict(description.backbone("hf", found.name).published)


def _text(name: str, file: str) -> str:
    """A small file of a folder or of a repository of the hub; JSON."""
    if Path(name).is_dir():
        path = Path(name) / file
        if not path.is_file():
            raise BackboneError(f"{name!r} holds no {file}: give a folder with the files of a model")
    elif name.count("/") != 1:
        raise BackboneError(f"hf:{name}: give OWNER/NAME of the Hugging Face hub, or an existing folder")
    else:
        path = from_hub(name, [file])
    try:
        text = path.read_text(encoding="utf-8")
        sound = isinstance(json.loads(text), dict)
    except ValueError:
        sound = False
    if not sound:
        raise BackboneError(f"{str(path)!r} is no JSON object: give a folder with the files of a model")
    return text


def describe(name: str, config: str, preprocessor: str) -> Description:
    """What the two files of a model say, and a network built without numbers after them.

    Raises
    ------
    BackboneError
        The type of model is not known here, or its pixels can't be made.
    """
    from featurize.networks import built

    vision = _vision(name, json.loads(config))
    transform = transform_of(json.loads(preprocessor), _KINDS[str(vision["model_type"])].processor)
    with built.without_numbers():
        network: Any = _build(vision).eval()
    variant = {**_facts(vision), "config": vision}
    return _as_tokens(network).describe(transform, {}, variant)


def _facts(config: Mapping[str, Json]) -> dict[str, Json]:
    """What decides the numbers beside the configuration."""
    return {"activation": [str(config.get("hidden_act"))], "positions": "bicubic"}


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
    if kind in _NO_SQUARES:
        raise BackboneError(
            f"hf:{name} is a {kind!r}, whose pictures keep their shapes and so have no fixed number of patches: take "
            "one of fixed size, such as google/siglip2-base-patch16-224"
        )
    if vision is None or vision.model_type not in _KINDS:
        raise BackboneError(f"hf:{name} is a {kind!r}, and known here are: clip, siglip, {', '.join(_KINDS)}")
    # in full, so that a library that changes a default does not change what a key means
    plain, every = (json.loads(c.to_json_string(use_diff=False)) for c in (vision, transformers.PreTrainedConfig()))
    kept = {n: v for n, v in plain.items() if n not in every and n not in _NOT_ARCHITECTURE}
    return {**kept, "model_type": vision.model_type}


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

    def begin(pixels: torch.Tensor) -> torch.Tensor:
        other = pixels.shape[-1] != network.config.image_size
        tokens: torch.Tensor = inner.embeddings(pixels, **({} if own_size else {"interpolate_pos_encoding": other}))
        return inner.pre_layrnorm(tokens) if hasattr(inner, "pre_layrnorm") else tokens

    def read(pixels: torch.Tensor, blocks: Sequence[int], pooled: bool) -> tuple[list[tuple[Any, Any]], Any]:
        found: tuple[list[tuple[Any, Any]], Any] = tokens.read_from(0, begin(pixels), blocks, pooled)
        return found

    steps = Steps(begin, layers, norm, lambda last: _pooled(network, inner, norm(last)), (None,))
    names = [f"block.{n}" for n in range(len(layers))]
    tokens = TokenNetwork(network, names, before, kind.has_class, read, steps)
    return tokens


def _pooled(network: Any, inner: Any, normalised: torch.Tensor) -> torch.Tensor | None:
    if hasattr(inner, "head"):
        found: torch.Tensor = inner.head(normalised)
        return found
    token = normalised[:, 0]
    return network.visual_projection(token) if hasattr(network, "visual_projection") else token
