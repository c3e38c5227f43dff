"""A frozen network with its weights and its transform: the one road from a key, or from a user's choice, to it.

Nothing is loaded on the way. Whoever computes vectors, makes keys, checks a cache or predicts comes along here, so a
wrong node, transform or file of weights is found here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from cache import Key
from cache.key import PLAIN_PROVIDER
from featurize.choices import DEFAULT_BACKBONE
from featurize.errors import BackboneError, WeightsError
from featurize.networks.base import Backbone
from featurize.networks.bundle import bundle_at, check_golden
from featurize.networks.providers import backbone, provider_of
from featurize.networks.weights import RANDOM_SEED, Weights, choose, find, of_another
from featurize.networks.weights_file import read_card, read_state
from featurize.pictures.transform import MIN_CROP, Transform

if TYPE_CHECKING:
    import torch

_MOST_PATCHES = 128  # along a side: at 16 pixels a square of 2,048


@dataclass(frozen=True)
class Network:
    """Everything that decides the vectors of pictures, recipes and precision apart.

    Parameters
    ----------
    backbone : Backbone
    weights : Weights
    transform : Transform
        How pictures become its pixels.
    """

    backbone: Backbone
    weights: Weights
    transform: Transform

    def key(self, precision: str = "fp32") -> Key:
        """The key of the embeddings that it makes."""
        return Key(self.backbone.identity, self.weights.identity, self.transform.as_json(), precision)

    def describe(self) -> str:
        """The network and its weights in a few words."""
        return f"{self.backbone.full_name} ({self.weights.identity})"

    def versions(self) -> dict[str, str]:
        """The versions of the packages that compute it in PyTorch."""
        return {package: metadata.version(package) for package in provider_of(self.backbone.provider).packages}

    def fetch(self) -> Path | None:
        """The file of its weights, downloaded first if it has to be; None for an untrained network.

        Raises
        ------
        WeightsError
            It can't be downloaded, or an earlier download is damaged.
        """
        published = self.weights.published
        return provider_of(self.backbone.provider).fetch(published) if published else self.weights.file

    def load(self) -> torch.nn.Module:
        """The whole network with its weights, in evaluation mode, on the CPU, in float32.

        Raises
        ------
        WeightsError
            The weights can't be downloaded, are no plain state dict, or belong to another network.
        """
        import torch

        provider = provider_of(self.backbone.provider)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(RANDOM_SEED)
            network = provider.build(self.backbone, self.transform.crop)
        path = self.fetch()
        if path:
            provider.fill(self.backbone, network, read_state(path), str(path))
        network = network.eval().requires_grad_(False)
        if path:
            check_golden(self, network, path)
        return network

    def cut(self, network: torch.nn.Module, stages: int) -> torch.nn.Module:
        """The loaded network up to one of its stages; see `Provider.cut`."""
        nodes = self.backbone.nodes[:stages]
        return provider_of(self.backbone.provider).cut(self.backbone, network, nodes)


def choose_network(
    name: str | None = None, weights: str | Path | None = None, *, size: int | None = None, decode: str = "exact"
) -> Network:
    """The network that a user asks for.

    Parameters
    ----------
    name : str, optional
        "resnet50", "torchvision:resnet50", "timm:..."; by default the one that a file of weights names, else resnet50.
    weights : str or Path, optional
        The name of published weights, "random", or a file; by default the first that the provider publishes.
    size : int, optional
        Side of the square that the network sees, where it is not to be the weights' own.
    decode : str
        "exact" or "fast".

    Raises
    ------
    BackboneError, WeightsError
        There is no such network, size or way to decode; or no such weights of it.
    """
    spec = _named(name, weights)
    chosen = choose(spec, None if weights is None else str(weights))
    transform = chosen.transform.with_options(size, decode)
    if transform.crop != chosen.transform.crop:
        _check_patches(spec, transform.crop)
    return Network(spec, chosen, transform)


def _check_patches(spec: Backbone, side: int) -> None:
    """Raise where patches don't fill a square that the user chose: its right and lower edge would not be seen.

    And where they are so many that each compared with each other would take this machine for hours.
    """
    patch = max((stage.reduction or 0 for stage in spec.stages), default=0)
    if not spec.of_tokens or not patch:
        return
    if side // patch > _MOST_PATCHES:
        raise BackboneError(
            f"--size {side}: {spec.full_name} would compare {(side // patch) ** 2:,} patches with each other; use "
            f"{_MOST_PATCHES * patch} or less"
        )
    if side % patch:
        lower = max(side // patch, -(-MIN_CROP // patch)) * patch
        raise BackboneError(
            f"--size {side}: the patches of {spec.full_name} are {patch} pixels wide and don't fill it: use {lower} or "
            f"{lower + patch}"
        )


def _named(name: str | None, weights: str | Path | None) -> Backbone:
    """The network of that name; where there is none, the one that the weights name."""
    path = Path(weights) if weights is not None else None
    card = read_card(path) if path and path.is_file() else None
    if path is None or card is None:
        return backbone(DEFAULT_BACKBONE if name is None else name)
    stated = card.full_name if name is None else name
    bundle = bundle_at(path)
    if bundle is None:
        return backbone(stated)
    plain = stated.removeprefix(f"{PLAIN_PROVIDER}:")
    if plain.partition(".")[0] != card.full_name.partition(".")[0]:  # what stands behind a point is a tag of weights
        raise of_another(path, card, plain)
    return bundle.backbone()


def network_from(key: Key, weights: str | Path | None = None, places: Sequence[Path] = ()) -> Network:
    """The network that made the embeddings of a key: same nodes, same weights, same transform.

    Parameters
    ----------
    key : Key
    weights : str or Path, optional
        The name or file of the weights, as given to `featurize run`; by default they are found by their identity.
    places : sequence of Path
        Where a file of weights was seen; it is taken only if its bytes are the right ones.

    Raises
    ------
    BackboneError
        This version can't build the network, or makes other pixels.
    WeightsError
        The weights given are others than those of the key, or can't be found.
    """
    provider = provider_of(key.network["provider"])
    spec = provider.rebuild(key.network)
    found = choose(spec, str(weights)) if weights else find(spec, key.weights, places)
    if key.weights not in (found.identity, found.also):
        raise WeightsError(
            f"the embeddings {key.folder_name} were made with the weights {key.weights}, and {str(weights)!r} stands "
            f"for {found.identity}: give the same --weights as to `featurize run`"
        )
    network = Network(spec, replace(found, identity=key.weights), Transform.from_json(key.transform))
    if network.key(key.precision).digest != key.digest:
        raise BackboneError(f"the key {key.folder_name} can't be read without loss: embed the pictures again")
    return network
