"""The contract of a provider of networks: what is known of a network before it is loaded, and how it is loaded.

All that a key needs is plain data, given without loading torch or the provider's library: keys are made and complete
caches recognised in milliseconds. The methods that build, fill and cut a network load what they need themselves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cache.key import PLAIN_PROVIDER, Json
from featurize.choices import DEFAULT_EMBEDDING
from featurize.errors import BackboneError, WeightsError
from featurize.networks.weights_file import misfit
from featurize.pictures.transform import Transform

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from featurize.networks.network import Network

MAP, CLASS, POOLED = "map", "class", "pooled"  # kinds of what is read in a network
TOKENS = "tokens"  # in the variant of a network whose maps are tokens: which tokens stand before those of the patches


@dataclass(frozen=True)
class Stage:
    """A place in a network where something is read.

    Parameters
    ----------
    node : str
        The provider's name of the place; part of the key. What is read there follows from its end, see `kind`.
    channels : int, optional
        Of the feature map; None where that is not known before the network is loaded.
    reduction : int, optional
        Pixels of the picture for each position of the map along one side; None where it is not known.
    """

    node: str
    channels: int | None = None
    reduction: int | None = None

    @property
    def kind(self) -> str:
        """What is read there.

        "map": a feature map, or the patch tokens of a block as one, (B, C, h, w). "class": the class token of a block,
        (B, C). "pooled": what the network's own head works on, or compares with text, (B, C).
        """
        if self.node == POOLED:
            return POOLED
        return CLASS if self.node.endswith(f":{CLASS}") else MAP


@dataclass(frozen=True)
class Published:
    """A set of weights that the provider offers.

    Parameters
    ----------
    identity : str
        As it stands in the key, "torchvision:resnet50-0676ba61".
    transform : Transform
        The one that these weights were evaluated with.
    source : str
        The address they come from.
    licence : str
        Under which terms they may be used.
    digest : str
        The first digits of the file's sha256, so that a copy of the file is recognised; "" where they are not known.
    """

    identity: str
    transform: Transform
    source: str
    licence: str
    digest: str = ""


@dataclass(frozen=True)
class Backbone:
    """A network that can be frozen, as it is known without loading it.

    Parameters
    ----------
    provider : str
        As it stands in the key, "torchvision".
    name : str
        The provider's name of the network, "resnet50".
    stages : tuple of Stage
        Where its feature maps are read, from early to late; the last is the final one.
    transform : Transform
        What is assumed of a file of weights that does not say what it expects.
    published : mapping of str to Published
        By the names that `--weights` takes; the first is the default.
    variant : mapping
        What else of the architecture decides the numbers, as plain JSON: `{"activation": "quick_gelu"}`.
    file : Path or None
        A file of weights that lies beside the network's description: the default where nobody publishes any. Where it
        lies is no part of the network's identity.
    parameters : int
        Of the part that makes embeddings; 0 where that is not known. No part of the network's identity.
    """

    provider: str
    name: str
    stages: tuple[Stage, ...]
    transform: Transform
    published: Mapping[str, Published] = field(default_factory=dict)
    variant: Mapping[str, Json] = field(default_factory=dict)
    file: Path | None = None
    parameters: int = 0

    @property
    def full_name(self) -> str:
        """As users name it: "resnet50", "timm:resnet50"."""
        return self.name if self.provider == PLAIN_PROVIDER else f"{self.provider}:{self.name}"

    @property
    def nodes(self) -> list[str]:
        """The names of the stages' nodes, from early to late."""
        return [stage.node for stage in self.stages]

    @property
    def identity(self) -> dict[str, Json]:
        """As it stands in the key."""
        return {**self.variant, "provider": self.provider, "name": self.name, "stages": self.nodes}

    @property
    def of_tokens(self) -> bool:
        """Whether its maps are the tokens of patches, as in a vision transformer."""
        return TOKENS in self.variant

    def with_nodes(self, nodes: Sequence[str]) -> Backbone:
        """The same network, read at other nodes."""
        known = {stage.node: stage for stage in self.stages}
        return replace(self, stages=tuple(known.get(node, Stage(node)) for node in nodes))


class Provider(ABC):
    """A library, or a kind of file, that networks come from.

    Attributes
    ----------
    packages : tuple of str
        Whose versions are recorded with what PyTorch computes.
    drawn_by : tuple of str
        The packages that draw the numbers of an untrained network: their versions are part of its identity.
    has_texts : bool
        Whether its networks have a part for texts, see `encode_texts`.
    weights_within : bool
        Whether the weights are in the file that is the network, so that none can be chosen.
    """

    packages: tuple[str, ...] = ("torch",)
    drawn_by: tuple[str, ...] = ("torch",)
    has_texts: bool = False
    weights_within: bool = False

    @abstractmethod
    def names(self) -> Sequence[str]:
        """The networks it has."""

    @abstractmethod
    def backbone(self, name: str) -> Backbone:
        """The network of that name, without loading it.

        Raises
        ------
        BackboneError
            There is none; the message lists those there are, or the nearest of many.
        """

    @abstractmethod
    def fetch(self, published: Published) -> Path:
        """The file of published weights, downloaded first if it has to be, and checked.

        Raises
        ------
        WeightsError
            It can't be had.
        """

    def identified(self, published: Published) -> Published:
        """The same with an identity that names the file's bytes; fetched first where nobody says which they are.

        Raises
        ------
        WeightsError
            It can't be had.
        """
        return published

    def standard(self, identity: Mapping[str, Json]) -> str:
        """The embedding that a network's authors evaluate it with: recipes, joined by "+" where there are several.

        Parameters
        ----------
        identity : mapping
            See `Backbone.identity`.
        """
        return POOLED if TOKENS in identity else DEFAULT_EMBEDDING

    @abstractmethod
    def build(self, backbone: Backbone, side: int) -> torch.nn.Module:
        """The whole network, untrained, on the CPU, in float32; its numbers come from torch's generator.

        Parameters
        ----------
        backbone : Backbone
        side : int
            Of the square that it will see, pixels: some networks are built for one size.
        """

    @abstractmethod
    def classifier(self, backbone: Backbone) -> tuple[str, ...]:
        """How the names of arrays begin that a file of weights may lack: those behind the last stage."""

    @abstractmethod
    def cut(self, backbone: Backbone, network: torch.nn.Module, nodes: Sequence[str]) -> torch.nn.Module:
        """The network up to the last of some nodes.

        Parameters
        ----------
        backbone : Backbone
        network : torch.nn.Module
            From `build`, with its weights, in evaluation mode.
        nodes : sequence of str

        Returns
        -------
        torch.nn.Module
            Normalised pixels (B, 3, H, W) -> what the nodes give, by their place: {"0": (B, C, h, w), ...}; see
            `Stage.kind`. Its arithmetic may be rearranged for speed (BatchNorm folded into convolutions).

        Raises
        ------
        BackboneError
            The network has no such node.
        """

    def trainable(self, backbone: Backbone, network: torch.nn.Module, nodes: Sequence[str]) -> torch.nn.Module:
        """As `cut`, but in the network's own arithmetic and with its own parameters: what trains one trains the other.

        Raises
        ------
        BackboneError
            The network has no such node.
        """
        return self.cut(backbone, network, nodes)

    def encode_texts(self, network: Network, texts: Sequence[str]) -> tuple[NDArray[np.float32], float]:
        """Vectors of texts at unit length, (N, D), that are compared with the pooled output of pictures, and a scale.

        Raises
        ------
        BackboneError
            The network has no part for texts.
        WeightsError
            The weights hold none, or the tokenizer can't be had.
        """
        raise BackboneError(f"{network.backbone.full_name} has no part for texts that is known here")

    def rebuild(self, identity: Mapping[str, Json]) -> Backbone:
        """The network that a key names, read at the nodes of the key.

        Raises
        ------
        BackboneError
            There is no network of that name any more, or it would be built in another way than that of the key.
        """
        found = self.backbone(identity["name"]).with_nodes(identity["stages"])
        self.compare(found.full_name, found.identity, identity)
        return found

    @staticmethod
    def compare(name: str, built: Mapping[str, Json], stated: Mapping[str, Json]) -> None:
        """Compare what a network is built with today with what a key states of it.

        Raises
        ------
        BackboneError
            They differ, so its numbers would.
        """
        for what in sorted(built.keys() | stated.keys()):
            if built.get(what) != stated.get(what):
                raise BackboneError(
                    f"the embeddings were made by {name} with {what} {stated.get(what)!r}, this version builds it "
                    f"with {built.get(what)!r}: embed the pictures again with `featurize run`"
                )

    def fill(
        self, backbone: Backbone, network: torch.nn.Module, state: Mapping[str, torch.Tensor], source: str
    ) -> None:
        """Copy a state dict into a network; its classifier may be missing or have other classes.

        Parameters
        ----------
        backbone : Backbone
        network : torch.nn.Module
        state : mapping of str to torch.Tensor
        source : str
            Where it comes from, for the message.

        Raises
        ------
        WeightsError
            It belongs to another network, see `misfit`.
        """
        own, behind = network.state_dict(), self.classifier(backbone)
        needed = [k for k in own if not k.startswith(behind) and not k.endswith("num_batches_tracked")]
        if what := misfit(own, state, needed):
            raise WeightsError(f"{source!r} holds no weights of {backbone.full_name}: {what}")
        network.load_state_dict({k: state.get(k, v) if k in needed else v for k, v in own.items()})
