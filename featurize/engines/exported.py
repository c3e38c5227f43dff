"""A frozen network as ONNX files beside its key's segments: exported once, and then run without loading torch.

The body of the network (pixels -> feature maps of all stages) is one file, the formulas of each set of recipes a
small one beside it; joined in memory they go from pixels to vectors, so that any set of recipes runs on the same
body. Each file is named after its content and checked at every load (see `cache.artifacts`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cache import Artifacts, Kind
from featurize import processes
from featurize.engines.frozen import frozen_body
from featurize.errors import BackboneError
from featurize.networks.network import Network
from featurize.networks.recipes import Formula

if TYPE_CHECKING:
    import onnx
    import torch

INPUT = "pixels"
OPSET = 20
BODY = Kind("body", ".onnx")
LARGEST = 530_000_000  # parameters in float32: an ONNX file may have 2 GiB (https://protobuf.dev, "Total Size")
_DIGITS = 16
Shapes = Sequence[Sequence[int]]  # (C, h, w) of each stage's feature map


def export_body(network: Network, module: torch.nn.Module) -> bytes:
    """The network, from pixels to the feature maps of all stages, as the bytes of an ONNX file."""
    import torch

    body = frozen_body(network, module)
    names = [stage_name(n) for n in range(len(network.backbone.stages))]
    side = network.transform.crop
    example = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    return plain_bytes(_exported(body, (example,), [INPUT], names))


def export(network: Network, formulas: Sequence[Formula] = ()) -> dict[Kind, bytes]:
    """The files of body and formulas, by their kinds, without PyTorch in this process afterwards.

    Raises
    ------
    BackboneError
        It is too large for an ONNX file.
    WeightsError
        The weights can't be had.
    """
    return processes.call(_export, network, formulas, unless_loaded="torch")


def _export(network: Network, formulas: Sequence[Formula]) -> dict[Kind, bytes]:
    import onnx

    module = network.load()
    count = sum(parameter.numel() for parameter in module.parameters())
    if count > LARGEST:
        raise BackboneError(
            f"{network.backbone.full_name} has {count / 1e6:,.0f} million parameters, {LARGEST / 1e6:.0f} fit into an "
            "ONNX file, which int8 and the engines onnx and openvino need: use --engine torch, in fp32 or bf16"
        )
    body = export_body(network, module)
    shapes = _shapes(onnx.load_from_string(body))
    return {BODY: body, **({_kind(formulas, shapes): _export_formulas(formulas, shapes)} if formulas else {})}


def plain_bytes(model: onnx.ModelProto) -> bytes:
    """A model without the notes that exporters leave in it: the same network gives the same bytes every time."""
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for value in (*model.graph.input, *model.graph.output):
        value.ClearField("metadata_props")
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def find_body(artifacts: Artifacts, precision: str = "fp32") -> bytes | None:
    """The exported body among a key's artifacts, or None.

    Raises
    ------
    BackboneError
        The body of an 8-bit key is missing or damaged: it can't be made again the same.
    """
    if not precision.startswith("int8"):
        return artifacts.find(BODY)
    found = next((body for body in artifacts.every(BODY) if precision_of(body) == precision), None)
    if found is None:
        raise BackboneError(
            f"the calibrated network of {artifacts.place!r} is missing or damaged: bring it back from a copy, or "
            "remove the folder to calibrate and embed anew"
        )
    return found


def precision_of(body: bytes) -> str:
    """The precision of a calibrated body as it stands in a key, "int8:<hash>"."""
    return f"int8:{_digest(body)}"


def joined(network: Network, formulas: Sequence[Formula], precision: str, artifacts: Artifacts) -> bytes:
    """The model from pixels to vectors; its body is exported now, and kept, where the key does not have it.

    Raises
    ------
    BackboneError, WeightsError
    """
    body = find_body(artifacts, precision)
    if body is None:
        exported = export(network, formulas)
        for kind, data in exported.items():
            artifacts.keep(kind, data)
        body = exported[BODY]
    return join(body, formulas, artifacts)


def join(body: bytes, formulas: Sequence[Formula], artifacts: Artifacts) -> bytes:
    """An ONNX model from pixels to the vectors of all formulas, the stages between them inside.

    Parameters
    ----------
    body : bytes
        The exported network.
    formulas : sequence of Formula
    artifacts : Artifacts
        Where the formulas lie; they are exported and kept where they are not there yet.

    Returns
    -------
    bytes
        Input `pixels` (B, H, W, 3) uint8; outputs in the formulas' order, (B, D) float32.
    """
    import onnx

    network = onnx.load_from_string(body)
    head = formula_model(formulas, _shapes(network), artifacts)
    model = onnx.compose.merge_models(
        network,
        onnx.compose.add_prefix(head, "recipe/"),
        io_map=[(name.name, f"recipe/{name.name}") for name in head.graph.input],
        outputs=[f"recipe/{o.name}" for o in head.graph.output],
    )
    serialised: bytes = model.SerializeToString()
    return serialised


def stage_name(number: int) -> str:
    """Name of a stage's feature map in the exported body."""
    return f"stage{number}"


def formula_model(formulas: Sequence[Formula], shapes: Shapes, artifacts: Artifacts) -> onnx.ModelProto:
    """The formulas as a model whose inputs are the stages they read."""
    import onnx

    kind = _kind(formulas, shapes)
    model = artifacts.find(kind)
    if model is None:
        model = processes.call(_export_formulas, formulas, shapes, unless_loaded="torch")
        artifacts.keep(kind, model)
    return onnx.load_from_string(model)


def _kind(formulas: Sequence[Formula], shapes: Shapes) -> Kind:
    """The kind of the one file that holds these formulas for a network with these stages."""
    identity = json.dumps([[f.recipe.digest for f in formulas], shapes]).encode()
    return Kind(f"recipes-{_digest(identity)}", ".onnx")


def _shapes(network: onnx.ModelProto) -> Shapes:
    return [[d.dim_value for d in o.type.tensor_type.shape.dim][1:] for o in network.graph.output]


def _export_formulas(formulas: Sequence[Formula], shapes: Shapes) -> bytes:
    import torch

    count = len(shapes)
    wanted = sorted({place for f in formulas for place in f.places(count)})

    class Formulas(torch.nn.Module):
        def forward(self, *maps: torch.Tensor) -> tuple[torch.Tensor, ...]:
            by_stage = dict(zip(wanted, maps, strict=True))
            return tuple(f.vectors([by_stage[n] for n in f.places(count)]) for f in formulas)

    example = tuple(torch.zeros(2, *shapes[n]) for n in wanted)
    names = [f"vector{n}" for n in range(len(formulas))]
    return plain_bytes(_exported(Formulas(), example, [stage_name(n) for n in wanted], names))


def _exported(
    module: torch.nn.Module, example: tuple[Any, ...], inputs: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    import torch

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    batch = torch.export.Dim("batch", min=1, max=65536)
    shapes = tuple({0: batch} for _ in example)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes to its own developers
        program = torch.onnx.export(
            module.eval(),
            example,
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=(shapes,) if len(inputs) > 1 or inputs[0] != INPUT else shapes,
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    return model


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]
