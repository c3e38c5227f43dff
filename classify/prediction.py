"""Picture files -> styles with probabilities, through the very backbone, weights and transform of a head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache import Recipe, artifacts_of, has_cache
from cache.places import remembered_places
from cache.schema1 import refuse_unadopted
from classify.errors import HeadMismatch, PictureError
from classify.headfile import SavedHead
from featurize import processors
from featurize.engines import Engine, EngineChoice, EngineFactory, make_engine
from featurize.errors import Undecodable
from featurize.networks.network import network_from
from featurize.networks.recipes import Formula, formula_of
from featurize.pictures.file import Picture
from featurize.progress import Progress
from featurize.run.pipeline import Batch, Pipeline


@dataclass(frozen=True)
class Prediction:
    """What a head says of one picture.

    Parameters
    ----------
    path : Path
    styles : sequence of (str, float)
        The likeliest classes with their probabilities, best first; empty where the picture could not be read.
    trouble : Undecodable or None
        Why it could not.
    """

    path: Path
    styles: Sequence[tuple[str, float]]
    trouble: Undecodable | None = None


class Predictor:
    """A head together with the network that makes its embeddings; loaded once, used many times.

    Parameters
    ----------
    saved : SavedHead
    weights : str, optional
        Name or file of the weights; by default those the head was trained on, if they can be found.
    features : Path
        The features folder, where an exported or calibrated network may lie.
    batch_size : int, optional
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
        weights: str | None = None,
        *,
        features: Path = Path("features"),
        batch_size: int | None = None,
        workers: int | None = None,
        device: str = "auto",
        engines: EngineFactory = make_engine,
    ) -> None:
        artifacts = artifacts_of(features, saved.key)
        network = network_from(saved.key, weights, [*_places(saved), *remembered_places(artifacts)])
        wanted = [_formula(recipe) for recipe in saved.recipes]
        self.saved = saved
        self._transform = network.transform
        self._workers = workers or processors.count()
        kept = has_cache(features, saved.key)  # elsewhere nothing is written
        if not kept and saved.key.precision.startswith("int8"):
            refuse_unadopted(features, saved.key)
            raise HeadMismatch(
                f"the head was trained on 8-bit embeddings, and their calibrated network is not in {str(features)!r}: "
                "give the features folder where it is with --features"
            )
        choice = EngineChoice("auto" if kept else "torch", saved.key.precision, device, batch_size)
        self._engine: Engine = engines(network, wanted, choice, artifacts)

    def predict(self, paths: Sequence[Path], top: int = 3, progress: Progress | None = None) -> Iterator[Prediction]:
        """Predictions in the order of the paths.

        Parameters
        ----------
        paths : sequence of Path
        top : int
            How many classes to give.
        progress : callable, optional
            Called with (pictures done, pictures in all).
        """
        size = self._engine.batch_size
        pictures = [Picture("", path) for path in paths]
        batches = [pictures[n : n + size] for n in range(0, len(pictures), size)]
        done = 0
        with Pipeline(self._engine, self._transform, self._workers) as pipeline:
            for batch in pipeline.batches(batches):
                best = self._likeliest(batch, top)
                done += len(batch.places)
                if progress:
                    progress(done, len(pictures))
                for place, picture in enumerate(batch.places):
                    assert picture is not None
                    trouble = batch.failed.get(place)
                    yield Prediction(picture.path, () if trouble else best[place], trouble)

    def _likeliest(self, batch: Batch, top: int) -> list[list[tuple[str, float]]]:
        if not batch.vectors:
            return []
        X = np.concatenate([batch.vectors[r] for r in self.saved.recipes], axis=1)[: len(batch.places)]
        logs = self.saved.head.predict_log_proba(X)  # (B, K); they differ where the smallest probabilities are all 0
        order = np.argsort(-logs, axis=1, kind="stable")[:, :top]
        classes = self.saved.classes
        return [[(classes[k], float(p[k])) for k in ks] for p, ks in zip(np.exp(logs), order, strict=True)]


def find_pictures(given: Sequence[Path]) -> list[Path]:
    """The files given, and all files below the folders given.

    Raises
    ------
    PictureError
        A path is not there, or a folder holds no file.
    """
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            below = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            if not below:
                raise PictureError(f"there are no pictures in {str(path)!r}: give a picture or a folder of pictures")
            found += below
        elif path.exists() or path.is_symlink():
            found.append(path)
        else:
            raise PictureError(f"there is no {str(path)!r}: give a picture or a folder of pictures")
    return found


def _places(saved: SavedHead) -> list[Path]:
    """Where the head says that the file of its network's weights was."""
    recorded = saved.training.get("weights")
    listed = [recorded] if isinstance(recorded, str) else recorded or []  # a text in heads of an earlier version
    return [Path(place) for place in listed]


def _formula(recipe: Recipe) -> Formula:
    found = formula_of(recipe)
    if found is None:
        raise HeadMismatch(f"the embedding {recipe.name!r} is defined otherwise in this version: fit the head again")
    return found
