"""The words that can be chosen among on the command line; loading this loads nothing else."""

from __future__ import annotations

ENGINES = ("auto", "onnx", "openvino", "torch")
PRECISIONS = ("fp32", "bf16", "int8")
STORES = ("float32", "float16")
DECODERS = ("exact", "fast")
DEFAULT_EMBEDDING = "avgpool"
