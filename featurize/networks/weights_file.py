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
import re
import warnings
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cache import files
from cache.key import PLAIN_PROVIDER, Json
from featurize.errors import BackboneError, WeightsError
from featurize.pictures.decoding import POLICY
from featurize.pictures.transform import Transform
from featurize.wording import raised

if TYPE_CHECKING:
    import torch

FORMAT = "artstyle weights 1"
SUFFIX = ".safetensors"
_NAME = "artstyle"
_OURS = {"decode": "exact", "policy": POLICY}  # fields of a transform that a run chooses, not the weights
_PREFIX = "module."  # of the names in a state dict of torch's DataParallel
_PICKLES = (b"PK", b"\x80")  # how files of torch begin: zip archives, and the plain pickles of its early versions
_NUMBER = re.compile(r"\d+")  # of a block, in the name of an array
_SOME = 5  # names in a message


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
            _check_pickle(path)
            with warnings.catch_warnings(action="ignore"):  # of pickle protocols
                state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{str(path)!r} is a pickle with more in it than arrays, which could run code: it was refused and "
            "nothing in it was run; save it as a plain state dict or as .safetensors"
        ) from error
    except WeightsError:
        raise
    except Exception as error:  # torch, zip and safetensors each raise kinds of their own
        raise _no_weights(path, error) from error
    return {name.removeprefix(_PREFIX): array for name, array in _state_in(path, state).items()}


def _check_pickle(path: Path) -> None:
    """Raise where a file is none of torch's: a web page, a pointer of Git LFS, or a safetensors file."""
    with path.open("rb") as file:
        first = file.read(9)
    if first and not first.startswith(_PICKLES):
        also = f", but a safetensors file: give it a name that ends in {SUFFIX}" if first[8:] == b"{" else ""
        raise _no_weights(path, ValueError(f"it is none of torch's files{also}"))


def _state_in(path: Path, saved: Any) -> dict[str, torch.Tensor]:
    """The state dict in what was saved: itself, or the only one among other things, as training scripts save it.

    Raises
    ------
    WeightsError
        There is none, or there are several.
    """
    if _is_state(saved):
        found: dict[str, torch.Tensor] = saved
        return found
    parts = saved if isinstance(saved, dict) else {}
    states = {str(name): part for name, part in parts.items() if _is_state(part)}
    if len(states) == 1:
        return next(iter(states.values()))
    listed = ", ".join(map(str, list(states or parts)[:_SOME])) or "nothing that has a name"
    what = "several state dicts" if states else "no state dict (name -> array)"
    raise WeightsError(
        f"{str(path)!r} holds {what}; it has: {listed}. Save the right one alone, as in "
        "torch.save(loaded[NAME], 'weights.pth')"
    )


def _is_state(saved: Any) -> bool:
    import torch

    return isinstance(saved, dict) and bool(saved) and all(isinstance(v, torch.Tensor) for v in saved.values())


def misfit(own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor], needed: Sequence[str]) -> str:
    """Why a state dict is not that of a network, and the way out; "" where it is.

    A larger network of the same family has all of a smaller one's arrays, in the same shapes, so arrays of further
    blocks count, too.

    Parameters
    ----------
    own : mapping of str to torch.Tensor
        The network's state dict.
    state : mapping of str to torch.Tensor
    needed : sequence of str
        Names in `own` that must be in `state`.
    """
    way_out = "choose the backbone they belong to"
    if absent := [name for name in needed if name not in state]:
        first = f", the file's first is {min(state)!r}" if len(absent) == len(needed) else ""
        return f"{len(absent)} of {len(needed)} arrays are missing, the first is {absent[0]!r}{first}; {way_out}"
    if shaped := [name for name in needed if state[name].shape != own[name].shape]:
        found, expected = (tuple(arrays[shaped[0]].shape) for arrays in (state, own))
        return f"{shaped[0]!r} has shape {found}, {expected} is expected; {way_out}"
    if more := further(own, needed, state):
        return f"{len(more)} arrays are of a larger network, the first is {more[0]!r}; {way_out}"
    for name in needed:
        array = state[name]
        if own[name].is_floating_point() and not array.is_floating_point():
            kind = str(array.dtype).removeprefix("torch.")
            return f"{name!r} holds {kind} numbers; save them as float32, not quantised"
        if own[name].is_floating_point() and not array.float().isfinite().all():
            return (
                f"{name!r} holds NaN or infinity, so no vector would be finite; take a file that was saved before that"
            )
    return ""


def further(own: Container[str], needed: Iterable[str], names: Iterable[str]) -> list[str]:
    """Names of arrays that a network lacks, and that are called like its own but for the number of a block."""
    known = {_NUMBER.sub("#", name) for name in needed}
    return [name for name in names if name not in own and _NUMBER.sub("#", name) in known]


def _no_weights(path: Path, error: Exception) -> WeightsError:
    return WeightsError(
        f"{str(path)!r} is no file of weights ({raised(error)}): give a state dict as .pth or .safetensors"
    )
