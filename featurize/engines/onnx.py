"""ONNX Runtime as an engine: the fastest way on a CPU, in float32 and in 8-bit integers.

The body of the network (pixels -> feature maps of all stages) is exported once for a key and kept in its
folder; the recipes' formulas are exported as a small graph of their own and joined to it, so that any set of
recipes runs on the same body. One processor works on one batch: several threads may run batches at once, which
wastes nothing on waiting for each other and makes the numbers independent of the number of threads.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cache import files
from cache.key import Json
from featurize.backbones import Backbone
from featurize.engines.base import Engine
from featurize.engines.network import frozen_body
from featurize.errors import BackboneError
from featurize.recipes import Formula
from featurize.transform import Transform

if TYPE_CHECKING:
    import onnx
    import torch

INPUT = "pixels"
OPSET = 20
_BODY = "body-{}.onnx"
_DIGITS = 16


class OnnxEngine(Engine):
    """A body and formulas in ONNX Runtime.

    Parameters
    ----------
    body : Path
        The exported network.
    formulas : sequence of Formula
    transform : Transform
    batch_size : int
    precision : str
        As recorded: "fp32", or "int8:<hash>" where the body is a calibrated one.
    """

    parallel = True

    def __init__(
        self, body: Path, formulas: Sequence[Formula], transform: Transform, *, batch_size: int, precision: str = "fp32"
    ) -> None:
        import onnxruntime

        super().__init__(formulas, batch_size)
        self.precision = precision
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        model = join(body, formulas, transform)
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._outputs = [o.name for o in self._session.get_outputs()]

    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        return [np.asarray(v) for v in self._session.run(self._outputs, {INPUT: pixels})]

    def environment(self) -> Mapping[str, Json]:
        return {
            "engine": "onnx",
            "precision": self.precision,
            "onnxruntime": metadata.version("onnxruntime"),
            "device": "cpu",
            "batch_size": self.batch_size,
        }


def export_body(backbone: Backbone, network: torch.nn.Module, transform: Transform) -> bytes:
    """The network, from pixels to the feature maps of all stages, as the bytes of an ONNX file."""
    body = frozen_body(backbone, network, transform)
    names = [stage_name(n) for n in range(len(backbone.stages))]
    model = _exported(body, _example(transform), [INPUT], names)
    return plain_bytes(model)


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
    for path in sorted(folder.glob(_BODY.format("*"))):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGITS]
        if path.name == _BODY.format(digest) and precision in ("fp32", f"int8:{digest}"):
            return path
    if precision != "fp32":
        raise BackboneError(
            f"the calibrated network of {str(folder)!r} is missing or damaged: bring it back from a copy, or remove "
            "the folder to calibrate and embed anew"
        )
    return None


def keep_body(folder: Path, model: bytes) -> Path:
    """Write an exported body into a key's folder, under its hash."""
    path = folder / _BODY.format(hashlib.sha256(model).hexdigest()[:_DIGITS])
    files.write_atomic(path, [model])
    return path


def join(body: Path, formulas: Sequence[Formula], transform: Transform) -> onnx.ModelProto:
    """One model from pixels to the vectors of all formulas, the stages between them inside."""
    import onnx

    network = onnx.load(body)
    shapes = {o.name: [d.dim_value for d in o.type.tensor_type.shape.dim][1:] for o in network.graph.output}
    count = len(shapes)
    wanted = sorted({s % count for f in formulas for s in f.stages})
    head = _formula_model(formulas, wanted, count, [shapes[stage_name(n)] for n in wanted])
    names = [stage_name(n) for n in wanted]
    return onnx.compose.merge_models(
        network,
        onnx.compose.add_prefix(head, "recipe/"),
        io_map=[(name, f"recipe/{name}") for name in names],
        outputs=[f"recipe/{o.name}" for o in head.graph.output],
    )


def stage_name(number: int) -> str:
    """Name of a stage's feature map in the exported body."""
    return f"stage{number}"


def _formula_model(
    formulas: Sequence[Formula], wanted: Sequence[int], count: int, shapes: Sequence[Sequence[int]]
) -> onnx.ModelProto:
    import torch

    class Formulas(torch.nn.Module):
        def forward(self, *maps: torch.Tensor) -> tuple[torch.Tensor, ...]:
            by_stage = dict(zip(wanted, maps, strict=True))
            return tuple(f.vectors([by_stage[s % count] for s in f.stages]) for f in formulas)

    example = tuple(torch.zeros(2, *shape) for shape in shapes)
    return _exported(Formulas(), example, [stage_name(n) for n in wanted], [f"vector{n}" for n in range(len(formulas))])


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


def _example(transform: Transform) -> tuple[Any, ...]:
    import torch

    return (torch.zeros(2, transform.crop, transform.crop, 3, dtype=torch.uint8),)
