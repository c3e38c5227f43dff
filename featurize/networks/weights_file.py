"""A file of weights: who it is, what it says about itself, reading and writing it.

A `.safetensors` file may carry a card: one JSON text in its metadata under the name "artstyle", as in

    {"format": "artstyle weights 1",
     "network": "resnet50",
     "transform": {"resize": 256, "crop": 224, "fit": "crop", "interpolation": "bilinear",
                   "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
     "licence": "CC-BY-4.0", "source": "https://...", "more": {"trained on": 4000}}

Only "format" and "network" are needed. It is the only entry of the metadata that `write_weights` makes, because the
library writes several in a random order, and the same weights should be the same file.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache import files
from cache.key import PLAIN_PROVIDER, Json
from featurize.errors import BackboneError, WeightsError
from featurize.pictures.decoding import POLICY
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import torch

FORMAT = "artstyle weights 1"
SUFFIX = ".safetensors"
_NAME = "artstyle"
_OURS = {"decode": "exact", "policy": POLICY}  # fields of a transform that a run chooses, not the weights
_WRAPPERS = ("state_dict", "model", "model_state_dict")


@dataclass(frozen=True)
class Card:
    """What a file of weights says about itself.

    Parameters
    ----------
    network : str
        The network they belong to, as users name it: "resnet50", "timm:resnet50".
    transform : Transform or None
        The pixels they expect.
    licence, source : str
        Under which terms they may be used, and where they come from; "" where nothing is said.
    more : mapping
        Anything else, as plain JSON.
    """

    network: str
    transform: Transform | None = None
    licence: str = ""
    source: str = ""
    more: Mapping[str, Json] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """The network without the provider that may be left out."""
        return self.network.removeprefix(f"{PLAIN_PROVIDER}:")


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_weights(path: Path, state: Mapping[str, torch.Tensor], card: Card) -> None:
    """Write a state dict with its card; the same state and card give the same bytes.

    Parameters
    ----------
    path : Path
        `.safetensors`.
    state : mapping of str to torch.Tensor
    card : Card

    Raises
    ------
    WeightsError
        The name does not end in `.safetensors`.
    StorageFailed
        The file system refused; nothing is left behind.
    """
    if path.suffix != SUFFIX:
        raise WeightsError(f"{str(path)!r} can't hold weights with their card: choose a name that ends in {SUFFIX}")
    files.make_folder(path.absolute().parent)
    files.write_atomic(path, [weights_bytes(state, card)])


def weights_bytes(state: Mapping[str, torch.Tensor], card: Card) -> bytes:
    """The content of a `.safetensors` file with a state dict and its card."""
    from safetensors.torch import save

    arrays = {name: array.detach().cpu().contiguous().clone() for name, array in state.items()}
    return save(arrays, metadata={_NAME: json.dumps(card_facts(card), ensure_ascii=False)})


def card_facts(card: Card) -> dict[str, Json]:
    """A card as plain JSON."""
    facts: dict[str, Json] = {"format": FORMAT, "network": card.network}
    if card.transform:
        facts["transform"] = {n: v for n, v in card.transform.as_json().items() if n not in _OURS}
    facts |= {what: value for what, value in (("licence", card.licence), ("source", card.source)) if value}
    if card.more:
        facts["more"] = dict(card.more)
    return facts


def read_card(path: Path) -> Card | None:
    """What a file of weights says about itself; None where it says nothing. Nothing but its header is read.

    Raises
    ------
    WeightsError
        The file is not what its name says, or its card can't be understood.
    """
    from safetensors import SafetensorError, safe_open

    if path.suffix != SUFFIX:
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(_NAME)
    except (SafetensorError, OSError, ValueError) as error:
        raise _no_weights(path, error) from error
    if text is None:
        return None
    try:
        return _card(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, BackboneError) as error:
        raise WeightsError(f"{str(path)!r} says something about itself that can't be understood: {error}") from error


def _card(facts: Mapping[str, Any]) -> Card:
    if facts["format"] != FORMAT:
        raise ValueError(f"its format is {facts['format']!r}, weights have {FORMAT!r}")
    texts = [facts["network"], facts.get("licence", ""), facts.get("source", "")]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("network, licence and source must be texts")
    network, licence, source = texts
    transform = Transform.from_json({**facts["transform"], **_OURS}) if "transform" in facts else None
    return Card(network, transform, licence, source, dict(facts.get("more", {})))


def read_state(path: Path) -> Mapping[str, torch.Tensor]:
    """A state dict from a `.pth` or `.safetensors` file; nothing in the file is ever executed.

    Raises
    ------
    WeightsError
        The file is no state dict, or a pickle that wants to run code.
    """
    import torch

    try:
        if path.suffix == SUFFIX:
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
        raise _no_weights(path, error) from error
    for wrapper in _WRAPPERS:
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()) or not state:
        raise WeightsError(f"{str(path)!r} holds no state dict (name -> array)")
    return {name.removeprefix("module."): array for name, array in state.items()}


def _no_weights(path: Path, error: Exception) -> WeightsError:
    said = " ".join(f"{type(error).__name__}: {error}".split())[:150]
    return WeightsError(f"{str(path)!r} is no file of weights ({said}): give a state dict as .pth or .safetensors")
