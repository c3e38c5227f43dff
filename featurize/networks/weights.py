"""A network's weights: named, from a file, or untrained. Who they are, and where they are; loading them comes later.

Identity costs no torch: published weights are known by their name, a file by the sha256 of its bytes, an untrained
network by its seed and the versions of what draws it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from featurize.errors import WeightsError
from featurize.networks.base import Backbone, Published
from featurize.networks.bundle import Bundle, bundle_at
from featurize.networks.providers import provider_of
from featurize.networks.weights_file import Card, file_digest, read_card
from featurize.pictures.transform import Transform

RANDOM = "random"
RANDOM_SEED = 0
_FILE = "sha256:"


@dataclass(frozen=True)
class Weights:
    """Which weights, and the pixels they expect.

    Parameters
    ----------
    identity : str
        As it stands in the key.
    transform : Transform
        The pixels these weights expect.
    published : Published or None
        Those of the provider, where they are to be fetched from there.
    file : Path or None
        The user's file.
    licence : str
        Under which terms they may be used; "" where nothing is known.
    assumed : str
        A sentence for the user where the transform is a guess; else "".
    also : str
        The identity of published weights that the file is a copy of; else "".
    """

    identity: str
    transform: Transform
    published: Published | None = None
    file: Path | None = None
    licence: str = ""
    assumed: str = ""
    also: str = ""

    @property
    def untrained(self) -> bool:
        """Whether the network was never trained."""
        return self.published is None and self.file is None


def choose(backbone: Backbone, chosen: str | None = None) -> Weights:
    """Weights as a user names them, without loading them.

    Parameters
    ----------
    backbone : Backbone
    chosen : str, optional
        The name of published weights ("imagenet-v1"), "random", or the path of a `.pth` or `.safetensors` file; by
        default the first that the provider publishes.

    Raises
    ------
    WeightsError
        There is no such name or file, or the file says that it belongs to another network.
    """
    if provider_of(backbone.provider).weights_within and chosen is not None and backbone.file != Path(chosen):
        raise WeightsError(f"{backbone.full_name} has its weights in it: leave --weights {chosen} out")
    names = ", ".join((*backbone.published, RANDOM))
    if chosen is None:
        if backbone.file:
            return _of_file(backbone, backbone.file)
        if not backbone.published:
            raise WeightsError(f"nobody publishes weights of {backbone.full_name}: give a file, or {RANDOM}")
        chosen = next(iter(backbone.published))
    if chosen in backbone.published:
        return _of_provider(provider_of(backbone.provider).identified(backbone.published[chosen]))
    if chosen == RANDOM:
        return Weights(_random_identity(backbone), backbone.transform)
    path = Path(chosen)
    if not path.is_file():
        raise WeightsError(
            f"{chosen!r} names no weights of {backbone.full_name}: choose one of {names}, or an existing .pth or "
            ".safetensors file"
        )
    return _of_file(backbone, path)


def find(backbone: Backbone, identity: str, places: Sequence[Path] = ()) -> Weights:
    """Weights by their identity in a key.

    Parameters
    ----------
    backbone : Backbone
    identity : str
    places : sequence of Path
        Where a file of weights was seen; it is taken only if its bytes are the right ones.

    Raises
    ------
    WeightsError
        They can't be found, or can't be drawn by what is installed.
    """
    for path in dict.fromkeys(places):
        with contextlib.suppress(WeightsError):  # a place is only a hint: what lies there may be anything
            if path.is_file() and (bundle := bundle_at(path)) and bundle.weights == identity:
                return _of_file(backbone, path)
    for published in backbone.published.values():
        if published.identity == identity:
            return _of_provider(published)
        if identity.startswith(f"{published.identity}-"):
            known = provider_of(backbone.provider).identified(published)
            if known.identity == identity:
                return _of_provider(known)
    if identity.startswith(_FILE):
        for path in dict.fromkeys(places):
            if path.is_file() and _FILE + file_digest(path) == identity:
                return _of_file(backbone, path)
        seen = f"is not {str(places[0])!r} any more" if places else "is at no known place"
        raise WeightsError(
            f"the file of weights of {backbone.full_name} with sha256 {identity.removeprefix(_FILE)[:12]}... {seen}: "
            "give it with --weights FILE"
        )
    if identity.startswith(RANDOM) and identity == _random_identity(backbone):
        return Weights(identity, backbone.transform)
    raise WeightsError(
        f"the weights {identity} of {backbone.full_name} can't be had with what is installed: install the versions "
        "they were made with, or embed the pictures again with `featurize run`"
    )


def _of_provider(published: Published) -> Weights:
    return Weights(published.identity, published.transform, published, licence=published.licence)


def _of_file(backbone: Backbone, path: Path) -> Weights:
    """A file's transform: its own; else, where it is a copy of published weights, theirs; else the network's."""
    if bundle := bundle_at(path):
        return _of_bundle(backbone, path, bundle)
    digest, card = file_digest(path), read_card(path)
    if card and card.full_name != backbone.full_name:
        raise of_another(path, card, backbone.full_name)
    copied = next((p for p in backbone.published.values() if p.digest and digest.startswith(p.digest)), None)
    weights = Weights(_FILE + digest, backbone.transform, file=path)
    if copied:
        weights = replace(weights, transform=copied.transform, licence=copied.licence, also=copied.identity)
    if card and card.licence:
        weights = replace(weights, licence=card.licence)
    if card and card.transform:
        return replace(weights, transform=card.transform)
    known = copied or (backbone.file and path == backbone.file)
    return weights if known else replace(weights, assumed=_assumption(backbone, path))


def _of_bundle(backbone: Backbone, path: Path, bundle: Bundle) -> Weights:
    if bundle.card.full_name != backbone.full_name:
        raise of_another(path, bundle.card, backbone.full_name)
    transform = bundle.card.transform or backbone.transform
    return Weights(bundle.weights, transform, file=path, licence=bundle.card.licence)


def of_another(path: Path, card: Card, name: str) -> WeightsError:
    """What is said of weights that belong to another network."""
    return WeightsError(
        f"{str(path)!r} holds weights of {card.full_name}, not of {name}: use --backbone {card.full_name}, or other "
        "weights"
    )


def _assumption(backbone: Backbone, path: Path) -> str:
    source = next((name for name, p in backbone.published.items() if p.transform == backbone.transform), "")
    whose = f"that of {source}" if source else "the network's own"
    return (
        f"{path.name} does not say which pixels it expects; assumed is {whose}: {backbone.transform.describe()}. "
        "Wrong pixels cost accuracy (docs/weights.md)"
    )


def _random_identity(backbone: Backbone) -> str:
    packages = provider_of(backbone.provider).drawn_by
    versions = (f"{package}={metadata.version(package).partition('+')[0]}" for package in packages)
    return f"{RANDOM}:" + ",".join((f"seed={RANDOM_SEED}", *versions))
