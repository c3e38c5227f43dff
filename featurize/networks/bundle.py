"""A bundle: a network's weights in one file with all that must be known to use them, where there is no connection.

It is a file of weights with a card (`weights_file`). Under `more` the card has, as "bundle":

    {"weights": identity of the weights, as it stands in the key,
     "network": the network, as it stands in the key,
     "golden": {"embedding": "avgpool", "vector": [...]},
     "checksum": sha256 of the arrays and of everything else in the card}

So vectors that are made with it have the key that they have anywhere else. Before a network with such weights is used,
it embeds a small picture that is drawn here, the same everywhere, and must give the golden vector.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from cache import files
from cache.key import Json, canonical_json
from featurize.errors import WeightsError
from featurize.networks.base import Backbone
from featurize.networks.providers import provider_of, standard_embedding
from featurize.networks.recipes import formulas
from featurize.networks.weights_file import SUFFIX, Card, card_facts, read_card, read_state, weights_bytes
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import torch

    from featurize.networks.network import Network

BUNDLE = "bundle"
_TOLERANCE = 1e-4  # largest difference, relative to the vector's largest number, as for stored vectors
_WIDTH, _HEIGHT = 320, 240  # of the reference picture


@dataclass(frozen=True)
class Bundle:
    """What a bundle says beside its weights, transform and licence.

    Parameters
    ----------
    card : Card
    weights : str
        Identity of the weights, as it stands in the key.
    network : mapping
        The network, as it stands in the key.
    embedding : str
        Recipes of the golden vector, joined by "+".
    vector : sequence of float
    """

    card: Card
    weights: str
    network: Mapping[str, Json]
    embedding: str
    vector: tuple[float, ...]

    def backbone(self) -> Backbone:
        """The network, without asking anybody who would have to be reached.

        Raises
        ------
        BackboneError
            What is installed builds it in another way, or not at all.
        """
        return provider_of(self.network["provider"]).rebuild(self.network)


def write_bundle(network: Network, path: str | Path) -> Path:
    """Write a bundle of a network's weights, fetched first if they have to be.

    Parameters
    ----------
    network : Network
    path : str or Path
        `.safetensors`; nothing may be there yet.

    Raises
    ------
    WeightsError
        The network is untrained, the weights can't be had, or the file is there already or has another ending.
    StorageFailed
        The file system refused; nothing is left behind.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise WeightsError(f"{str(path)!r} can't be a bundle: choose a name that ends in {SUFFIX}")
    if path.exists():
        raise WeightsError(f"{str(path)!r} is there already and is not overwritten: choose another name")
    source = network.fetch()
    if source is None:
        raise WeightsError(f"{network.backbone.full_name} is untrained: there are no weights to put into a bundle")
    state = read_state(source)
    embedding = standard_embedding(network.backbone.identity)
    told = {
        "weights": network.weights.identity,
        "network": network.backbone.identity,
        "golden": {"embedding": embedding, "vector": golden_vector(network, network.load(), embedding).tolist()},
    }
    published = network.weights.published
    card = Card(
        network.backbone.full_name,
        network.weights.transform,
        network.weights.licence,
        published.source if published else "",
        {BUNDLE: told},
    )
    plain = weights_bytes(state, card)
    whole = replace(card, more={BUNDLE: {**told, "checksum": _checksum(card, _arrays_digest(plain))}})
    files.make_folder(path.absolute().parent)
    files.write_atomic(path, [weights_bytes(state, whole)])
    return path


def bundle_at(path: Path) -> Bundle | None:
    """The bundle in a file, checked byte for byte; None where the file is none.

    Raises
    ------
    WeightsError
        It is damaged, or can't be understood.
    """
    facts = path.stat()
    return _bundle_at(path.absolute(), facts.st_mtime_ns, facts.st_size)


@functools.lru_cache(maxsize=8)
def _bundle_at(path: Path, changed: int, size: int) -> Bundle | None:
    """As above; a file that did not change is not read again."""
    card = read_card(path)
    if card is None or BUNDLE not in card.more:
        return None
    try:
        told = dict(card.more[BUNDLE])
        checksum, golden = told.pop("checksum"), told["golden"]
        found = Bundle(card, told["weights"], told["network"], golden["embedding"], tuple(map(float, golden["vector"])))
    except (TypeError, KeyError, ValueError) as error:
        raise WeightsError(f"{str(path)!r} is a bundle that can't be understood ({error}): get it again") from error
    if checksum != _checksum(replace(card, more={BUNDLE: told}), _arrays_digest(path)):
        raise WeightsError(f"{str(path)!r} is damaged, or was changed since it was made: get the bundle again")
    return found


def check_golden(network: Network, module: torch.nn.Module, path: Path) -> None:
    """Raise unless a loaded network gives the golden vector of the bundle that its weights come from, if from one.

    Raises
    ------
    WeightsError
        What is installed computes other vectors with these weights.
    """
    card = read_card(path)
    if card is None or BUNDLE not in card.more:
        return
    if network.transform.crop != network.weights.transform.crop:
        return  # some networks are built for one size
    golden = card.more[BUNDLE]["golden"]
    expected = np.array(golden["vector"])
    found = golden_vector(replace(network, transform=network.weights.transform), module, golden["embedding"])
    worst = np.abs(found - expected).max() / np.abs(expected).max() if found.shape == expected.shape else np.inf
    if not worst <= _TOLERANCE:
        versions = ", ".join(f"{package} {version}" for package, version in network.versions().items())
        raise WeightsError(
            f"{str(path)!r} does not give its golden vector here (relative difference {worst:.1e}): {versions} "
            "computes another network than where the bundle was made; install those versions, or make the bundle anew"
        )


def golden_vector(network: Network, module: torch.nn.Module, embedding: str) -> NDArray[np.float64]:
    """What a loaded network makes of the reference picture: recipes side by side, (D,)."""
    import torch

    wanted = formulas(embedding, backbone=network.backbone)
    count = len(network.backbone.stages)
    cut = provider_of(network.backbone.provider).cut(network.backbone, module, network.backbone.nodes)
    with torch.inference_mode():
        maps = cut(torch.from_numpy(_reference_pixels(network.transform)))
        parts = [f.vectors([maps[str(n)].float() for n in f.places(count)])[0] for f in wanted]
    found: NDArray[np.float64] = torch.cat(parts).double().numpy()
    return found


def _reference_pixels(transform: Transform) -> NDArray[np.float32]:
    """The reference picture as a network sees it, (1, 3, H, W): slopes, a disc and stripes, in whole numbers."""
    from PIL import Image

    y, x = np.mgrid[:_HEIGHT, :_WIDTH]
    disc = (x - 100) ** 2 + (y - 90) ** 2 < 60**2
    red = np.where(disc, 220, x * 255 // _WIDTH)
    green = np.where(x // 20 % 2 == 1, 60, y * 255 // _HEIGHT)
    blue = (x * y // 97) % 256
    pixels = transform(Image.fromarray(np.stack([red, green, blue], 2).astype(np.uint8)))
    mean, std = np.array(transform.mean, np.float32), np.array(transform.std, np.float32)
    normalised = (pixels / np.float32(255) - mean) / std
    batch: NDArray[np.float32] = np.ascontiguousarray(normalised.transpose(2, 0, 1)[None], np.float32)
    return batch


def _checksum(card: Card, arrays: bytes) -> str:
    """Over everything in the card but the checksum, and over the arrays."""
    return hashlib.sha256(canonical_json(card_facts(card)) + arrays).hexdigest()


def _arrays_digest(source: Path | bytes) -> bytes:
    """sha256 of the arrays of a safetensors file with their names, types, shapes and places; without its metadata."""
    import io

    opened: BinaryIO = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    with opened as file:
        header: dict[str, Any] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        header.pop("__metadata__", None)
        digest = hashlib.sha256(canonical_json(header))
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.digest()
