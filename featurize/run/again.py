"""The command that adds to a cache: `featurize run` with the options that its key stands for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from cache import ArtstyleError, Key, artifacts_of
from cache.addresses import scheme_of
from cache.places import remembered_places
from featurize.choices import DEFAULT_BACKBONE
from featurize.networks.elsewhere import is_imported
from featurize.networks.libraries.onnx_file import ONNX
from featurize.networks.network import network_from
from featurize.networks.providers import standard_embedding
from featurize.networks.weights import RANDOM
from featurize.run.settings import Settings

_STANDARD = Settings()
_FOLDER = "features"  # what --features is where it is not given


def run_command(key: Key, embedding: str = "", place: str = "", table: str = "") -> str:
    """The command line that embeds more pictures, or with another recipe, into the cache of a key.

    Parameters
    ----------
    key : Key
    embedding : str
        Names of recipes, separated by commas; "" for the standard one.
    place : str
        Where the cache lies; "" where that is not known.
    table : str
        The dataset table; "" for the usual one.
    """
    if is_imported(key):
        return shlex.join(["featurize", "import", "VECTORS", "--table", "ROWS", "--name", key.network["name"]])
    words = ["featurize", "run"]
    root = _above(place)
    if key.network["provider"] == ONNX:
        words += ["--backbone", f"{ONNX}:{_file(key, _places(root, key))}"]
    else:
        words += ["--backbone", key.backbone] if key.backbone != DEFAULT_BACKBONE else []
        words += _weights_and_pixels(key, _places(root, key))
    precision = key.precision.partition(":")[0]
    if precision != _STANDARD.precision:
        words += ["--precision", precision]
    if embedding and embedding != standard_embedding(key.network):
        words += ["--embedding", embedding]
    if root and root != _FOLDER:
        words += ["--features", root]
    words += ["--dataset", table] if table else []
    return shlex.join(words)


def _above(place: str) -> str:
    """The features folder, or its address; "" where that is not known."""
    if scheme_of(place):
        return place.rpartition("/")[0]
    return str(Path(place).parent) if place and Path(place).is_dir() else ""


def _places(root: str, key: Key) -> Sequence[Path]:
    try:
        return remembered_places(artifacts_of(root, key)) if root else ()
    except ArtstyleError:  # a store that does not answer now
        return ()


def _file(key: Key, places: Sequence[Path]) -> str:
    """Where the file of a network lies that is a file."""
    try:
        return str(network_from(key, places=places).weights.file)
    except ArtstyleError:  # it is gone
        return "FILE"


def _weights_and_pixels(key: Key, places: Sequence[Path]) -> list[str]:
    """`--weights`, `--size` and `--decode`, where they are not what stands for them by default."""
    words = []
    size, decode = key.transform.get("crop"), key.transform.get("decode", _STANDARD.decode)
    usual = size
    if key.weights.startswith(f"{RANDOM}:"):
        words += ["--weights", RANDOM]
    try:
        network = network_from(key, places=places)
    except ArtstyleError:  # the file of the weights is gone, or this version lacks the network
        words += ["--weights", "FILE"] if key.weights.startswith("sha256:") else []
    else:
        usual = network.weights.transform.crop
        if network.weights.file:
            words += ["--weights", str(network.weights.file)]
        name = next((name for name, known in network.backbone.published.items() if known.identity == key.weights), "")
        if network.weights.published and name != next(iter(network.backbone.published)):
            words += ["--weights", name]
    if size != usual:
        words += ["--size", str(size)]
    if decode != _STANDARD.decode:
        words += ["--decode", str(decode)]
    return words
