"""The words that can be chosen among on the command line; loading this loads nothing else."""

from __future__ import annotations

SPLITS = ("train", "val", "test")
SPLITTINGS = ("given", "random", "artist", "time")  # ways to decide the split
FORMATS = ("iiif", "painter-by-numbers", "artgan", "parquet", "webdataset", "zip", "table", "folders")  # of a source
SEVERAL = ("first", "whole", "drop")  # what is made of a cell with several labels
SAMPLES = ("proportional", "stratified")  # how many pictures of each class a sample takes
ENGINES = ("auto", "onnx", "openvino", "torch")
PRECISIONS = ("fp32", "bf16", "int8")
STORES = ("float32", "float16")
EXPORTS = ("hdf5", "npz", "parquet", "orange", "atlas", "projector")  # forms of vectors for other programs
DECODERS = ("exact", "fast", "gpu")
DEFAULT_BACKBONE = "resnet50"
DEFAULT_EMBEDDING = "avgpool"
CONTROL = "colour"  # the recipe that reads pixels alone: colour and texture
