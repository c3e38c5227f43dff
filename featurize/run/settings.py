"""What a run is to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from featurize.choices import CONTROL
from featurize.engines import EngineChoice, device_for
from featurize.errors import BackboneError, FeaturizeError
from featurize.networks.network import Network
from featurize.networks.providers import standard_embedding
from featurize.networks.recipes import Formula, formulas

MOST_AT_ONCE = 30  # embeddings of a run: the head of a segment has place for the checksums of these and the control


@dataclass(frozen=True)
class Settings:
    """What a run is to do.

    Parameters
    ----------
    split : str
        "train", "val", "test" or "all".
    backbone : str, optional
        As on the command line; by default the one that a file of weights names, else resnet50.
    embedding : str, optional
        Recipes; by default what the network's authors evaluate it with.
    weights : str or Path, optional
        The name of published weights, "random", or a file; by default the first that the network's provider publishes.
    block : int, optional
        The block, or stage, that the recipes read; counted from 1, the last by default.
    mirror : bool
        Average each embedding over the picture and its mirror image.
    views : int, optional
        Average each embedding over so many views of the picture: 2 is `mirror`, 4 and 14 are those of
        `featurize.pictures.squares.views`.
    control : bool
        Keep colour and texture of the pictures that are embedded, too, where the network runs on a processor: the
        control row of comparisons.
    size : int, optional
        Side of the square that the network sees; 224 by default.
    decode : str
        "exact", "fast" for JPEGs decoded at reduced size, or "gpu" for JPEGs decoded and resized on an NVIDIA GPU.
    engine, precision, device : str
    store : str
        Type of the vectors on disk, "float32" or "float16".
    batch_size : int, optional
        By default 8 on a CPU and 256 on a GPU.
    compiled : bool
        Use torch.compile.
    workers : int, optional
        Worker threads; as many as processors by default, and one in each worker of a Ray cluster.
    retry_failed : bool
        Try pictures again that failed before.
    shard : str, optional
        A part of the run, as in "3/16": see `featurize.run.shard`. Start every shard with the same table and settings.
    ray : str, optional
        The address of a Ray cluster whose nodes embed; "auto" finds it, or starts one on this machine.
    num_gpus : float
        GPUs of each worker of the cluster.
    """

    split: str = "all"
    backbone: str | None = None
    weights: str | Path | None = None
    embedding: str | None = None
    block: int | None = None
    mirror: bool = False
    views: int | None = None
    control: bool = True
    size: int | None = None
    decode: str = "exact"
    engine: str = "auto"
    precision: str = "fp32"
    device: str = "auto"
    store: str = "float32"
    batch_size: int | None = None
    compiled: bool = False
    workers: int | None = None
    retry_failed: bool = False
    shard: str | None = None
    ray: str | None = None
    num_gpus: float = 0.0

    def check_gpus(self) -> None:
        """See that workers of Ray can have so many GPUs.

        Raises
        ------
        FeaturizeError
            They can't, or there are no workers of Ray.
        """
        if self.num_gpus and self.ray is None:
            raise FeaturizeError(f"--num-gpus {self.num_gpus:g} is for the workers of a Ray cluster: add --ray")
        if not (0 <= self.num_gpus <= 1 or (self.num_gpus > 1 and float(self.num_gpus).is_integer())):
            raise FeaturizeError(
                f"--num-gpus {self.num_gpus:g} can't be given to a worker: give a share of one GPU, such as 0.5, or a "
                "whole number"
            )

    def formulas(self, network: Network) -> list[Formula]:
        """The recipes that are asked for, as a network computes them.

        Raises
        ------
        BackboneError
            There is no such recipe, the network has not what it reads, or there are too many.
        """
        embedding = self.embedding or standard_embedding(network.backbone.identity)
        found = formulas(embedding, self.mirror, self.block, network.backbone, self.views)
        if len(found) > MOST_AT_ONCE:
            raise BackboneError(
                f"--embedding names {len(found)} embeddings, and {MOST_AT_ONCE} at a time can be made: ask for the "
                "others in another run"
            )
        return found

    def beside(self, wanted: Sequence[Formula], precision: str) -> list[Formula]:
        """The control, where it is cheap beside what is to be made: a GPU would wait for it."""
        if not self.control or any(formula.recipe.name == CONTROL for formula in wanted):
            return []
        return formulas(CONTROL) if device_for(self.choice(precision)) == "cpu" else []

    def choice(self, precision: str) -> EngineChoice:
        """What is said about computing, with the precision as it stands in the key."""
        return EngineChoice(self.engine, precision, self.device, self.batch_size, self.compiled)
