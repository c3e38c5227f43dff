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
MAPS = "map@"  # how recipes begin that hold maps for fine-tuning


def is_embedding(recipe: str) -> bool:
    """Whether a recipe of a feature cache is an embedding of the network's, by its name.

    The control reads pixels alone, and maps before a layer are what fine-tuning learns from; no command takes either
    unless it is named.

    Examples
    --------
    >>> [name for name in ("avgpool-mirror", "colour", "map@layer4-crop1") if is_embedding(name)]
    ['avgpool-mirror']
    """
    return recipe != CONTROL and not recipe.startswith(MAPS)
