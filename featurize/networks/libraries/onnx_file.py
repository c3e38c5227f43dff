"""A network in an ONNX file, whoever made it: "onnx:net.onnx", and `net.toml` beside it for the pixels it expects.

    size = 224                      # side of the square that it sees
    mean = [0.485, 0.456, 0.406]    # of values from 0 to 1
    std = [0.229, 0.224, 0.225]
    output = "features"             # where it has several outputs, or for a value within it

An output of two dimensions is the embedding `pooled`; one of four is a feature map, with the recipes of such. The
weights are in the file, whose sha256 is in the key. It runs in ONNX Runtime alone; PyTorch is never loaded for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cache.key import Json
from featurize.choices import DEFAULT_EMBEDDING
from featurize.errors import BackboneError
from featurize.networks.base import POOLED, Backbone, Provider, Published, Stage
from featurize.networks.libraries.own import facts_of, transform_of
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import onnx
    import torch

ONNX = "onnx"
OUTPUT, LAYOUT = "output", "layout"
LAYOUTS = ("NCHW", "NHWC")
_NEEDED = {"size": int, "mean": list, "std": list}
_OPTIONAL = {"resize": int, "fit": str, "interpolation": str, "fill": list, OUTPUT: str, LAYOUT: str}
_EXTERNAL = 1  # of an array whose numbers lie in another file


class OnnxFile(Provider):
    """Files of ONNX."""

    packages = ("onnxruntime",)
    drawn_by = ()
    weights_within = True

    def names(self) -> Sequence[str]:
        return []

    def backbone(self, name: str) -> Backbone:
        path = Path(name)
        if not path.is_file():
            raise BackboneError(f"there is no file {name!r}: write onnx:FILE, as in onnx:models/net.onnx")
        facts = facts_of(path.with_suffix(".toml"), _NEEDED, _OPTIONAL)
        layout = facts.get(LAYOUT, LAYOUTS[0])
        if layout not in LAYOUTS:
            raise BackboneError(f"{LAYOUT} = {layout!r} beside {name!r}: use one of {', '.join(LAYOUTS)}")
        model = read_model(path)
        output, rank = _output(model, facts.get(OUTPUT), name)
        return Backbone(
            provider=ONNX,
            name=path.name.replace(":", "_"),
            stages=(Stage(POOLED if rank == 2 else output),),
            transform=transform_of(facts),
            variant={OUTPUT: output, LAYOUT: layout},
            file=path,
        )

    def rebuild(self, identity: Mapping[str, Json]) -> Backbone:
        """The network as its key describes it; its file is found by its hash."""
        variant = {what: identity[what] for what in (OUTPUT, LAYOUT)}
        return Backbone(ONNX, identity["name"], tuple(map(Stage, identity["stages"])), Transform(), {}, variant)

    def standard(self, identity: Mapping[str, Json]) -> str:
        return POOLED if POOLED in identity["stages"] else DEFAULT_EMBEDDING

    def fetch(self, published: Published) -> Path:
        raise NotImplementedError("nobody publishes weights of a file of the user's own")

    def build(self, backbone: Backbone, side: int) -> torch.nn.Module:
        _refuse(backbone)

    def classifier(self, backbone: Backbone) -> tuple[str, ...]:
        return ()

    def cut(self, backbone: Backbone, network: torch.nn.Module, nodes: Sequence[str]) -> torch.nn.Module:
        _refuse(backbone)


def read_model(path: Path) -> onnx.ModelProto:
    """The model in a file, which must hold all of its weights.

    Raises
    ------
    BackboneError
        It is no ONNX file, or its weights lie elsewhere.
    """
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf raises kinds of its own
        raise BackboneError(f"{str(path)!r} can't be read as an ONNX file: export the network again") from error
    if not model.graph.input or not model.graph.output:
        raise BackboneError(f"{str(path)!r} is no network in ONNX: it has no input or no output")
    if any(array.data_location == _EXTERNAL for array in model.graph.initializer):
        raise BackboneError(
            f"{str(path)!r} keeps its weights in other files, whose content its hash says nothing about: save it as "
            "one file (torch.onnx.export(..., external_data=False), or onnx.save)"
        )
    return model


def with_output(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """A model that gives one value, which may stand within it; the shapes of all values are worked out."""
    import onnx

    known = {value.name: value for value in model.graph.output}
    if name not in known:
        model = onnx.shape_inference.infer_shapes(model)
        known = {value.name: value for value in model.graph.value_info}
    kept = known.get(name) or onnx.helper.make_empty_tensor_value_info(name)
    del model.graph.output[:]
    model.graph.output.append(kept)
    return model


def _output(model: onnx.ModelProto, wanted: str | None, where: str) -> tuple[str, int]:
    """The name and the number of dimensions of what is read."""
    outputs = [value.name for value in model.graph.output]
    if wanted is None and len(outputs) > 1:
        raise BackboneError(
            f"{where!r} has several outputs ({', '.join(outputs)}): name one in its .toml, as in "
            f"{OUTPUT} = {outputs[0]!r}"
        )
    name = wanted or outputs[0]
    if name not in {*outputs, *(out for node in model.graph.node for out in node.output)}:
        raise BackboneError(f"{where!r} has no output {name!r}; its outputs are: {', '.join(outputs)}")
    kind = with_output(model, name).graph.output[0].type.tensor_type
    if not kind.HasField("shape"):
        raise BackboneError(f"{where!r} does not say which shape {name!r} has: run onnx.shape_inference on it first")
    rank = len(kind.shape.dim)
    if rank not in (2, 4):
        raise BackboneError(
            f"the output {name!r} of {where!r} has {rank} dimensions: one of 2, vectors, or of 4, a feature map, is "
            f"needed; name another value in its .toml ({OUTPUT} = ...)"
        )
    return name, rank


def _refuse(backbone: Backbone) -> NoReturn:
    raise BackboneError(
        f"{backbone.full_name} is an ONNX file: it runs in ONNX Runtime alone, and this needs the network in PyTorch; "
        "use the network that it was exported from"
    )
