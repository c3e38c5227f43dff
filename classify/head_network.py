"""The network that a head's embeddings come from, loaded once: picture files in, the rows that the head takes out.

On a processor each picture is a batch of its own. That costs nothing there (see `featurize.engines`: each processor
works alone), and so a picture's numbers can't depend on how many others arrive with it: a service and the command line
give the same bits. A GPU gets batches of one fixed size, filled up with black.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import Artifacts, Key, Recipe, artifacts_of, has_cache
from cache.buckets.memory import MemoryBucket
from cache.places import remembered_places
from cache.schema1 import refuse_unadopted
from classify.errors import HeadMismatch
from classify.headfile import SavedHead
from featurize import processors
from featurize.engines import Engine, EngineChoice, EngineFactory, Vectors, device_for, make_engine
from featurize.networks.base import Backbone
from featurize.networks.libraries.onnx_file import ONNX
from featurize.networks.network import Network, network_from
from featurize.networks.recipes import Formula, formula_of, shown_to
from featurize.pictures.file import Picture, pixels_of
from featurize.pictures.transform import Pixels
from featurize.run.pipeline import Batch, Pipeline

BATCH_ON_CPU = 1
BATCH_ON_GPU = 32


class HeadNetwork:
    """The frozen network of a head, ready to run; heads on the same embeddings can share it.

    Parameters
    ----------
    saved : SavedHead
    weights : str or Path, optional
        Name or file of the weights; by default those the head was trained on, if they can be found.
    features : str or Path
        The features folder, where an exported or calibrated network may lie.
    batch_size : int, optional
        By default 1 on a processor, 32 on a GPU.
    workers : int, optional
        Decoding threads.
    device : str
    engines : callable
        What makes the engine.

    Raises
    ------
    HeadMismatch
        This version makes another embedding under the name of the head's, or its calibrated network is not there.
    EarlierVersion
        An earlier version calibrated its network, and that was not taken over yet.
    WeightsError
        The weights are not those of the head's embeddings, or can't be found.
    BackboneError
        This version can't build the network of the head's embeddings.
    """

    def __init__(
        self,
        saved: SavedHead,
        weights: str | Path | None = None,
        *,
        features: str | Path = "features",
        batch_size: int | None = None,
        workers: int | None = None,
        device: str = "auto",
        engines: EngineFactory = make_engine,
    ) -> None:
        network = network_behind(saved, weights, features)
        formulas = formulas_behind(saved, network.backbone)
        kept = has_cache(features, saved.key)  # elsewhere nothing is written
        if not kept and saved.key.precision.startswith("int8"):
            refuse_unadopted(features, saved.key)
            raise HeadMismatch(
                f"the head was trained on 8-bit embeddings, and their calibrated network is not in {str(features)!r}: "
                "give the features folder where it is with --features"
            )
        artifacts = artifacts_of(features, saved.key) if kept else Artifacts(MemoryBucket(), saved.key.digest)
        exported = kept or network.backbone.provider == ONNX
        choice = EngineChoice("auto" if exported else "torch", saved.key.precision, device, batch_size)
        if batch_size is None:
            size = BATCH_ON_CPU if device_for(choice) == "cpu" else BATCH_ON_GPU
            choice = EngineChoice(choice.engine, choice.precision, device, size)
        self.key: Key = saved.key
        self.recipes: Sequence[Recipe] = saved.recipes
        self.workers = workers or processors.count()
        self.transform = network.transform
        self.shown = shown_to(formulas, network.transform)
        self.description = network.describe()
        self._engine: Engine = engines(network, formulas, choice, artifacts)
        self._alone = threading.Lock()

    @property
    def batch_size(self) -> int:
        """How many pictures `embed` takes at most."""
        return self._engine.batch_size

    @property
    def parallel(self) -> bool:
        """Whether several threads can embed at the same time."""
        return self._engine.parallel

    def fits(self, saved: SavedHead) -> bool:
        """Whether a head was trained on exactly the rows that `embed` gives."""
        return saved.key == self.key and list(saved.recipes) == list(self.recipes)

    def describe(self) -> str:
        """The engine in one line."""
        return self._engine.describe()

    def decode(self, data: bytes) -> Pixels:
        """The pixels that the network sees of a picture file, uint8, decoded in another process: a square, or several.

        Raises
        ------
        Undecodable
        """
        return pixels_of(data, self.shown)

    def embed(self, pictures: Sequence[Pixels]) -> NDArray[np.float32]:
        """The rows of some pictures, (N, D); may be called from several threads.

        Parameters
        ----------
        pictures : sequence of ndarray uint8
            As `decode` gives them, at most `batch_size`.
        """
        batch = np.zeros((self.batch_size, *self.shown.shape), np.uint8)
        batch[: len(pictures)] = pictures
        if self.parallel:
            return self._rows(self._engine.embed(batch), len(pictures))
        with self._alone:
            return self._rows(self._engine.embed(batch), len(pictures))

    def batches(self, paths: Sequence[Path]) -> Iterator[tuple[Batch, NDArray[np.float32]]]:
        """Picture files in batches, in their order, each with its rows (B, D); no rows where none could be decoded."""
        size = self.batch_size
        pictures = [Picture("", path) for path in paths]
        with Pipeline(self._engine, self.shown, self.workers) as pipeline:
            for batch in pipeline.batches(pictures[n : n + size] for n in range(0, len(pictures), size)):
                yield batch, self._rows(batch.vectors, len(batch.places))

    def _rows(self, vectors: Vectors, count: int) -> NDArray[np.float32]:
        if not vectors:
            return np.empty((0, 0), np.float32)
        return np.concatenate([vectors[r] for r in self.recipes], axis=1)[:count]


def network_behind(saved: SavedHead, weights: str | Path | None = None, features: str | Path = "features") -> Network:
    """The network that made the embeddings of a head, without loading it.

    Raises
    ------
    WeightsError
        The weights are not those of the head's embeddings, or can't be found.
    BackboneError
        This version can't build the network of the head's embeddings.
    """
    places = [*_places(saved), *remembered_places(artifacts_of(features, saved.key))]
    return network_from(saved.key, weights, places)


def formulas_behind(saved: SavedHead, backbone: Backbone) -> list[Formula]:
    """What makes the rows of a head from the maps of its network, in their order.

    Raises
    ------
    HeadMismatch
        This version makes another embedding under the name of the head's.
    """
    return [_formula(recipe, backbone) for recipe in saved.recipes]


def _places(saved: SavedHead) -> list[Path]:
    """Where the head says that the file of its network's weights was."""
    recorded = saved.training.get("weights")
    listed = [recorded] if isinstance(recorded, str) else recorded or []  # a text in heads of an earlier version
    return [Path(place) for place in listed]


def _formula(recipe: Recipe, backbone: Backbone) -> Formula:
    found = formula_of(recipe, backbone)
    if found is None:
        raise HeadMismatch(f"the embedding {recipe.name!r} is defined otherwise in this version: fit the head again")
    return found
