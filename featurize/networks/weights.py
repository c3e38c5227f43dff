"""A network's weights: named, from a file, or untrained. Who they are, and loading them.

Identity costs no torch: torchvision's own weights are known by the hash in their name, a file by the sha256 of
its bytes, an untrained network by its seed and torch's version.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featurize.errors import WeightsError
from featurize.networks.torchvision import Backbone, Published
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import torch

DOWNLOADS = "https://download.pytorch.org/models/"
MIRROR_VARIABLE = "ARTSTYLE_WEIGHTS_MIRROR"
RANDOM_SEED = 0
_TIMEOUT = 20  # seconds until a server that does not answer counts as out of reach


@dataclass(frozen=True)
class Weights:
    """Which weights, as chosen by the user.

    Parameters
    ----------
    identity : str
        As it stands in the key.
    transform : Transform
        The pixels these weights expect.
    published : Published or None
        torchvision's own.
    file : Path or None
        The user's file.
    """

    identity: str
    transform: Transform
    published: Published | None = None
    file: Path | None = None

    @property
    def untrained(self) -> bool:
        """Whether the network was never trained."""
        return self.published is None and self.file is None


def choose(backbone: Backbone, chosen: str, *, size: int | None = None, decode: str = "exact") -> Weights:
    """Weights by name or file, with the transform they expect, without loading them.

    Parameters
    ----------
    backbone : Backbone
    chosen : str
        "imagenet-v1", "imagenet-v2", "random", or the path of a `.pth` or `.safetensors` file.
    size : int, optional
        Side of the square that the network sees, where it is not to be the weights' own.
    decode : str
        "exact" or "fast".

    Raises
    ------
    WeightsError
        There is no such name or file.
    """
    published = backbone.published.get(chosen)
    transform = (published or backbone.published["imagenet-v1"]).transform.with_options(size, decode)
    if published:
        return Weights(published.identity, transform, published=published)
    if chosen == "random":
        version = metadata.version("torch").partition("+")[0]
        return Weights(f"random:seed={RANDOM_SEED},torch={version}", transform)
    path = Path(chosen)
    if not path.is_file():
        names = ", ".join((*backbone.published, "random"))
        raise WeightsError(
            f"{chosen!r} names no weights of {backbone.name}: choose one of {names}, or an existing .pth or "
            ".safetensors file"
        )
    return Weights("sha256:" + _file_digest(path), transform, file=path)


def fetch(weights: Weights) -> Path | None:
    """The file of the weights, downloaded first if it has to be; None for an untrained network.

    Raises
    ------
    WeightsError
        It can't be downloaded, or an earlier download is damaged.
    """
    if weights.published:
        return _download(weights.published)
    return weights.file


def load(backbone: Backbone, weights: Weights) -> torch.nn.Module:
    """The network with its weights, in evaluation mode, on the CPU, in float32.

    Raises
    ------
    WeightsError
        The weights can't be downloaded, are no plain state dict, or belong to another network.
    """
    import torch
    from torchvision.models import get_model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(RANDOM_SEED)
        network: torch.nn.Module = get_model(backbone.name, weights=None)
    path = fetch(weights)
    if path:
        _fill(network, read_state(path), path, backbone.name)
    return network.eval().requires_grad_(False)


def read_state(path: Path) -> Mapping[str, torch.Tensor]:
    """A state dict from a `.pth` or `.safetensors` file; nothing in the file is ever executed.

    Raises
    ------
    WeightsError
        The file is no state dict, or a pickle that wants to run code.
    """
    import torch

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{str(path)!r} is a pickle with more in it than arrays, which could run code: it was refused and "
            "nothing in it was run; save it as a plain state dict or as .safetensors"
        ) from error
    except Exception as error:  # torch, zip and safetensors each raise kinds of their own
        said = " ".join(f"{type(error).__name__}: {error}".split())[:150]
        raise WeightsError(
            f"{str(path)!r} is no file of weights ({said}): give a state dict as .pth or .safetensors"
        ) from error
    for wrapper in ("state_dict", "model", "model_state_dict"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()) or not state:
        raise WeightsError(f"{str(path)!r} holds no state dict (name -> array)")
    return {name.removeprefix("module."): array for name, array in state.items()}


def _fill(network: torch.nn.Module, state: Mapping[str, torch.Tensor], path: Path, name: str) -> None:
    """Copy a state dict into a network; its classifier may be missing or have other classes."""
    own = network.state_dict()
    classifier = ("fc.", "classifier.", "heads.", "head.", "AuxLogits.", "aux1.", "aux2.")
    needed = [k for k in own if not k.startswith(classifier) and not k.endswith("num_batches_tracked")]
    absent = [k for k in needed if k not in state]
    shaped = [k for k in needed if k in state and state[k].shape != own[k].shape]
    if absent or shaped:
        what = (
            f"{len(absent)} of {len(needed)} arrays are missing, the first is {absent[0]!r}"
            if absent
            else f"{shaped[0]!r} has shape {tuple(state[shaped[0]].shape)}, {tuple(own[shaped[0]].shape)} is expected"
        )
        raise WeightsError(f"{str(path)!r} holds no weights of {name}: {what}; choose the backbone they belong to")
    network.load_state_dict({k: state.get(k, v) if k in needed else v for k, v in own.items()})


def _download(published: Published) -> Path:
    import torch

    target = Path(torch.hub.get_dir()) / "checkpoints" / published.file
    if target.exists():
        if _file_digest(target).startswith(published.hash):
            return target
        raise WeightsError(f"{str(target)!r} is not the published file (its sha256 differs): delete it and try again")
    url = os.environ.get(MIRROR_VARIABLE, DOWNLOADS).rstrip("/") + "/" + published.file
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, target, published.hash)
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"the weights {published.file} can't be downloaded from {url} ({error}): with a connection try again, or "
            f"get the file elsewhere and pass it with --weights FILE, or set {MIRROR_VARIABLE} to a server that has "
            "it, or use --weights random for an untrained backbone"
        ) from error
    return target


def _fetch(url: str, target: Path, digest_start: str) -> None:
    import socket

    import torch

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT)
    try:
        torch.hub.download_url_to_file(url, str(target), hash_prefix=digest_start, progress=sys.stderr.isatty())
    finally:
        socket.setdefaulttimeout(before)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
