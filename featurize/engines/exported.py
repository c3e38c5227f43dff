"""A frozen network as ONNX files in its key's folder: exported once, and then run without loading torch.

The body of the network (pixels -> feature maps of all stages) is one file, the formulas of each set of recipes a
small one beside it; joined in memory they go from pixels to vectors, so that any set of recipes runs on the same
body. A file's name holds the hash of its bytes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache import files
from featurize import processes
from featurize.engines.frozen import frozen_body
from featurize.errors import BackboneError
from featurize.networks.recipes import Formula
from featurize.networks.torchvision import Backbone
from featurize.networks.weights import Weights, load
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import onnx
    import torch

INPUT = "pixels"
OPSET = 20
_BODY = "body-{}.onnx"
_RECIPES = "recipes-{}-{}.onnx"
_DIGITS = 16


def export_body(backbone: Backbone, network: torch.nn.Module, transform: Transform) -> bytes:
    """The network, from pixels to the feature maps of all stages, as the bytes of an ONNX file."""
    import torch

    body = frozen_body(backbone, network, transform)
    names = [stage_name(n) for n in range(len(backbone.stages))]
    example = torch.zeros(2, transform.crop, transform.crop, 3, dtype=torch.uint8)
    return plain_bytes(_exported(body, (example,), [INPUT], names))


def export_into(folder: Path, backbone: Backbone, weights: Weights, formulas: Sequence[Formula] = ()) -> Path:
    """Body and formulas as files in a folder, without PyTorch in this process afterwards; gives the body.

    Raises
    ------
    WeightsError
        The weights can't be had.
    """
    return processes.call(_export_into, folder, backbone, weights, formulas, unless_loaded="torch")


def _export_into(folder: Path, backbone: Backbone, weights: Weights, formulas: Sequence[Formula]) -> Path:
    body = keep_body(folder, export_body(backbone, load(backbone, weights), weights.transform))
    if formulas:
        join(body, formulas)  # leaves them beside it
    return body


def plain_bytes(model: onnx.ModelProto) -> bytes:
    """A model without the notes that exporters leave in it: the same network gives the same bytes every time."""
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for value in (*model.graph.input, *model.graph.output):
        value.ClearField("metadata_props")
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def find_body(folder: Path, precision: str = "fp32") -> Path | None:
    """The exported body in a key's folder, checked against the hash in its name, or None.

    Raises
    ------
    BackboneError
        The body of an 8-bit key is missing or damaged: it can't be made again the same.
    """
    path = _find(folder, _BODY)
    if path and precision in ("fp32", "bf16", f"int8:{_digest(path.read_bytes())}"):
        return path
    if precision.startswith("int8"):
        raise BackboneError(
            f"the calibrated network of {str(folder)!r} is missing or damaged: bring it back from a copy, or remove "
            "the folder to calibrate and embed anew"
        )
    return None


def keep_body(folder: Path, model: bytes) -> Path:
    """Write an exported body into a key's folder, under its hash."""
    path = folder / _BODY.format(_digest(model))
    files.write_atomic(path, [model])
    return path


def join(body: Path, formulas: Sequence[Formula]) -> bytes:
    """An ONNX model from pixels to the vectors of all formulas, the stages between them inside.

    Parameters
    ----------
    body : Path
        The exported network; the formulas are exported beside it, where they are not there yet.
    formulas : sequence of Formula

    Returns
    -------
    bytes
        Input `pixels` (B, H, W, 3) uint8; outputs in the formulas' order, (B, D) float32.
    """
    import onnx

    network = onnx.load(body)
    shapes = [[d.dim_value for d in o.type.tensor_type.shape.dim][1:] for o in network.graph.output]
    head = _formula_model(body.parent, formulas, shapes)
    joined = onnx.compose.merge_models(
        network,
        onnx.compose.add_prefix(head, "recipe/"),
        io_map=[(name.name, f"recipe/{name.name}") for name in head.graph.input],
        outputs=[f"recipe/{o.name}" for o in head.graph.output],
    )
    serialised: bytes = joined.SerializeToString()
    return serialised


def stage_name(number: int) -> str:
    """Name of a stage's feature map in the exported body."""
    return f"stage{number}"


def _formula_model(folder: Path, formulas: Sequence[Formula], shapes: Sequence[Sequence[int]]) -> onnx.ModelProto:
    """The formulas as a model whose inputs are the stages they read; kept in the folder."""
    import onnx

    identity = json.dumps([[f.recipe.digest for f in formulas], shapes]).encode()
    pattern = _RECIPES.replace("{}", _digest(identity), 1)
    path = _find(folder, pattern)
    if path is None:
        model = processes.call(_export_formulas, formulas, shapes, unless_loaded="torch")
        path = folder / pattern.format(_digest(model))
        files.write_atomic(path, [model])
    return onnx.load(path)


def _export_formulas(formulas: Sequence[Formula], shapes: Sequence[Sequence[int]]) -> bytes:
    import torch

    count = len(shapes)
    wanted = sorted({s % count for f in formulas for s in f.stages})

    class Formulas(torch.nn.Module):
        def forward(self, *maps: torch.Tensor) -> tuple[torch.Tensor, ...]:
            by_stage = dict(zip(wanted, maps, strict=True))
            return tuple(f.vectors([by_stage[s % count] for s in f.stages]) for f in formulas)

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


def _find(folder: Path, pattern: str) -> Path | None:
    """A file whose name holds the hash of its bytes, where one is there undamaged."""
    for path in sorted(folder.glob(pattern.format("*"))):
        if path.name == pattern.format(_digest(path.read_bytes())):
            return path
    return None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]
