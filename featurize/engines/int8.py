"""Eight-bit networks: calibrated once on pictures of the dataset, then part of the key by their hash.

Static quantisation of ONNX Runtime (QDQ: weights per channel symmetric, activations per tensor), after the
ranges that a few pictures produce. Which pictures follows from their ids and a seed, so the same dataset gives
the same network; once calibrated it stays, whatever is added to the dataset.

Of vision transformers the products with weights are quantised, and nothing else: what their blocks add up, and
attention itself, have values too far apart for one scale.

Networks with depthwise convolutions (MobileNet, EfficientNet) lose most by this. For them ranges are cut at a
percentile, and the first five and the last convolution stay in float32.
"""

from __future__ import annotations

import hashlib
import io
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cache import artifacts_of, create_cache, list_keys
from featurize.dataset.table import DatasetTable
from featurize.engines.exported import BODY, INPUT, export, find_body, plain_bytes, precision_of
from featurize.errors import TableError, Undecodable
from featurize.networks.network import Network
from featurize.pictures.file import Picture, pixels
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import onnx

PICTURES = 100  # to calibrate on
SEED = 0
PERCENTILE = 99.99
_OPERATORS = ["Conv", "Add", "Relu", "Clip", "MaxPool", "AveragePool", "Concat"]
# cosines of a DINOv2-S to float32 (mean, smallest): 0.993, 0.979; with the operators above 0.981, 0.929
_PRODUCTS = ["MatMul", "Gemm"]
_OF_TOKENS: Mapping[str, Any] = {
    "op_types_to_quantize": _PRODUCTS,
    "extra_options": {"MatMulConstBOnly": True, "OpTypesToExcludeOutputQuantization": _PRODUCTS},
}


def calibrated(
    network: Network, table: DatasetTable, root: str | Path, say: Callable[[str], None] = lambda line: None
) -> str:
    """The precision of the 8-bit form of a network, which is calibrated where it is not there yet.

    Parameters
    ----------
    network : Network
    table : DatasetTable
        Pictures to calibrate on; its train split where it has one.
    root : Path
        The features folder.
    say : callable
        Called with a line for the user before it calibrates.

    Returns
    -------
    str
        "int8:<hash of the calibrated body>"

    Raises
    ------
    TableError
        No picture of the table can be read.
    """
    key = network.key()
    for known in list_keys(root):
        if known.precision.startswith("int8:") and replace(known, precision=key.precision) == key:
            find_body(artifacts_of(root, known), known.precision)
            return known.precision
    chosen = sorted_by_chance(table)
    say(f"calibrating {network.backbone.full_name} in 8 bits on up to {PICTURES} pictures")
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder) / "fp32.onnx"
        body.write_bytes(export(network)[BODY])
        quantised = quantise(body, calibration_pixels(chosen, network.transform))
    precision = precision_of(quantised)
    create_cache(root, replace(key, precision=precision)).artifacts.keep(BODY, quantised)
    return precision


def sorted_by_chance(table: DatasetTable) -> list[Picture]:
    """The train split's pictures, or all, in an order that follows from ids and seed alone."""
    split = "train" if "train" in table.columns["split"] else "all"
    pictures = {p.id: p for p in map(table.picture, table.rows_of(split).tolist())}
    return sorted(pictures.values(), key=lambda p: hashlib.sha256(f"{SEED}:{p.id}".encode()).digest())


def calibration_pixels(chosen: list[Picture], transform: Transform) -> NDArray[np.uint8]:
    """Pixels of the first pictures that can be read, (N, H, W, 3)."""

    def readable() -> Iterator[NDArray[np.uint8]]:
        for picture in chosen:
            try:
                yield pixels(picture, transform)
            except Undecodable:
                continue

    found = [p for p, _ in zip(readable(), range(PICTURES), strict=False)]
    if not found:
        raise TableError("none of the pictures can be read, so there is nothing to calibrate 8-bit numbers on")
    return np.stack(found)


def quantise(body: Path, examples: NDArray[np.uint8], options: Mapping[str, Any] | None = None) -> bytes:
    """The 8-bit form of an exported body.

    Parameters
    ----------
    body : Path
    examples : ndarray (N, H, W, 3) uint8
        Pictures whose ranges of activations are taken.
    options : mapping, optional
        Of `onnxruntime.quantization.quantize_static`; by default `care_for`.

    Returns
    -------
    bytes
        An ONNX file.
    """
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Examples(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rest = iter(examples)

        def get_next(self) -> dict[str, Any] | None:
            one = next(self._rest, None)
            return None if one is None else {INPUT: one[None]}

    with _quiet():
        target = body.with_name("int8.onnx")
        quantize_static(
            body,
            target,
            Examples(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            **{"op_types_to_quantize": _OPERATORS, **(care_for(body) if options is None else options)},
        )
    return plain_bytes(onnx.load(target))


@contextmanager
def _quiet() -> Iterator[None]:
    """What the quantiser prints and logs is for its own developers."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(level)


def care_for(body: Path, percentile: float = PERCENTILE) -> dict[str, Any]:
    """How a network with depthwise convolutions, or of tokens, is quantised differently; nothing for others."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod

    # plain values: a node would keep the whole network in memory
    graph = onnx.load(body).graph
    convolutions = {n.name: _is_depthwise(n) for n in graph.node if n.op_type == "Conv"}
    of_tokens = {"Softmax", "LayerNormalization"} <= {n.op_type for n in graph.node}
    del graph
    names = list(convolutions)
    if not any(convolutions.values()):
        return dict(_OF_TOKENS) if of_tokens else {}
    return {
        "calibrate_method": CalibrationMethod.Percentile,
        "extra_options": {"CalibPercentile": percentile, "CalibMaxIntermediateOutputs": 8},
        "nodes_to_exclude": [*names[:5], names[-1]],
    }


def _is_depthwise(node: onnx.NodeProto) -> bool:
    return any(a.name == "group" and a.i > 1 for a in node.attribute)
