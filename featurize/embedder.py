"""Pictures -> embeddings as a scikit-learn transformer, which can stand before any classifier in a pipeline.

It embeds as `featurize run` does. With a features folder each picture is embedded once, whatever the number of folds,
clones and processes; without one nothing is written, and each call embeds its pictures anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from cache import Recipe, artifacts_of, find_cache
from cache.buckets import MemoryBucket
from featurize import processors
from featurize.dataset.table import DatasetTable
from featurize.engines import Engine, EngineFactory, make_engine
from featurize.errors import BackboneError, SourceError, Undecodable
from featurize.networks.network import Network, choose_network
from featurize.networks.recipes import shown_to
from featurize.pictures import archives
from featurize.pictures.decoding import MIN_SIDE
from featurize.pictures.file import Picture, digest, read
from featurize.pictures.in_memory import as_files, listed_pictures
from featurize.progress import progress_bar
from featurize.run.extract import Settings, extract
from featurize.run.pipeline import Pipeline

if TYPE_CHECKING:
    from featurize.pictures.in_memory import APicture
    from featurize.progress import Progress

RAISE, NAN = "raise", "nan"


@dataclass(frozen=True)
class _Found:
    """What became of the files of one call.

    Parameters
    ----------
    places : sequence of int
        Files that have vectors.
    parts : sequence of ndarray (n, D)
        Their vectors, one matrix a recipe; none where there are no vectors at all.
    failed : mapping of int to Undecodable
        All other files.
    """

    places: Sequence[int]
    parts: Sequence[NDArray[np.floating]]
    failed: Mapping[int, Undecodable]


class Embedder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A scikit-learn transformer from pictures to embeddings.

    A picture is a path (`str` or `Path`), a picture of Pillow, or an array of shape (height, width, 3) and type uint8.

    Parameters
    ----------
    backbone : str, optional
        The frozen network, "resnet50".
    weights : str or Path, optional
        The name of published weights, "random", or a file; by default the first that the network's provider publishes.
    embedding : str or sequence of str, optional
        A recipe, "avgpool", or several, "avgpool+stats", whose vectors stand side by side; by default what the
        network's authors evaluate it with.
    block : int, optional
        The block, or stage, that the recipes read; counted from 1, the last by default.
    mirror : bool
        Average each embedding over the picture and its mirror image.
    views : int, optional
        Average each embedding over so many views: 2 as `mirror`, 4 or 14.
    size : int, optional
        Side of the square that the network sees; 224 by default.
    decode, engine, precision, device, batch_size, workers
        As in `featurize.Settings`. Without a features folder the engine is PyTorch.
    features : str or Path, optional
        A features folder. What is in its feature cache is not embedded again, and what is embedded stays there.
    broken : str
        What becomes of a picture that can't be read: "raise" an error that names it, or "nan" for a row of NaN.
    verbose : bool
        Show progress on stderr.
    engines : callable
        What makes the engine; see `featurize.engines.fake` for another.

    Examples
    --------
    A head on the embeddings of paths, cross-validated; the second fold embeds nothing anew.

    >>> from pathlib import Path
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from classify import make_head
    >>> from featurize import Embedder
    >>> paths = sorted(Path("paintings").glob("*/*.jpg"))
    >>> styles = [path.parent.name for path in paths]
    >>> embedder = Embedder("resnet18", "random", size=64, engine="torch", features="features")
    >>> cross_val_score(make_pipeline(embedder, make_head("svm")), paths, styles, cv=2).shape
    (2,)
    >>> embedder.fit_transform(paths[:3]).shape
    (3, 512)
    """

    def __init__(
        self,
        backbone: str | None = None,
        weights: str | Path | None = None,
        embedding: str | Sequence[str] | None = None,
        *,
        block: int | None = None,
        mirror: bool = False,
        views: int | None = None,
        size: int | None = None,
        decode: str = "exact",
        engine: str = "auto",
        precision: str = "fp32",
        device: str = "auto",
        batch_size: int | None = None,
        workers: int | None = None,
        features: str | Path | None = None,
        broken: str = RAISE,
        verbose: bool = False,
        engines: EngineFactory = make_engine,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.embedding = embedding
        self.block = block
        self.mirror = mirror
        self.views = views
        self.size = size
        self.decode = decode
        self.engine = engine
        self.precision = precision
        self.device = device
        self.batch_size = batch_size
        self.workers = workers
        self.features = features
        self.broken = broken
        self.verbose = verbose
        self.engines = engines

    # Settings of the last `transform`, and how long the vectors of each recipe were.
    _widths: tuple[Settings | None, Sequence[int]] = (None, ())

    def fit(self, X: object = None, y: object = None) -> Embedder:
        """Check the parameters; nothing is learned, and no picture is looked at.

        Raises
        ------
        BackboneError, WeightsError
            There is no such network, recipe or setting; or no such weights.
        """
        self._network()
        self._recipes()
        if self.broken not in (RAISE, NAN):
            raise BackboneError(f"broken={self.broken!r}: choose {RAISE!r} or {NAN!r}")
        return self

    def transform(self, X: Sequence[APicture]) -> NDArray[np.float32]:
        """Embeddings (N, D) float32 of N pictures, in their order.

        Parameters
        ----------
        X : sequence of str, Path, PIL.Image.Image or ndarray
            Also an array (N, H, W, 3) of type uint8, or one column of paths.

        Raises
        ------
        SourceError
            A picture can't be read, and `broken` is "raise"; or none of them can be read; or X is no list of pictures.
        BackboneError, WeightsError
            The network can't be had.
        """
        self.fit()
        bar = progress_bar("embedding") if self.verbose else nullcontext()
        with as_files(listed_pictures(X)) as files, bar as progress:
            embed = self._directly if self.features is None else self._through_cache
            known = [n for n in range(len(files.paths)) if n not in files.failed]
            found = embed([files.paths[n] for n in known], progress)
            failures = dict(sorted({**files.failed, **{known[n]: why for n, why in found.failed.items()}}.items()))
            if failures and (self.broken == RAISE or len(failures) == len(files.paths)):
                raise SourceError(_sentence(files.names, failures))
        self._widths = self._settings(), [part.shape[1] for part in found.parts]
        matrix = np.full((len(files.paths), sum(self._widths[1])), np.nan, np.float32)
        matrix[[known[n] for n in found.places]] = np.concatenate(found.parts, axis=1)
        return matrix

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """A name for each number of an embedding, "avgpool_0" and so on; (D,) of str.

        Before the first `transform`, the network is asked for their number.
        """
        settings, widths = self._widths
        if settings != self._settings():
            plain = {"features": None, "engine": "auto", "precision": "fp32", "broken": RAISE, "verbose": False}
            lone = Embedder(**{**self.get_params(), **plain})
            lone.transform([np.zeros((MIN_SIDE, MIN_SIDE, 3), np.uint8)])
            widths = lone._widths[1]
        pairs = zip(self._recipes(), widths, strict=True)
        return np.array([f"{recipe.name}_{n}" for recipe, width in pairs for n in range(width)], object)

    def __sklearn_is_fitted__(self) -> bool:
        return True  # there is nothing to learn

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.requires_fit = False
        return tags

    def _network(self) -> Network:
        return choose_network(self.backbone, self.weights, size=self.size, decode=self.decode)

    def _recipes(self) -> list[Recipe]:
        return [formula.recipe for formula in self._settings().formulas(self._network())]

    def _names(self) -> str | None:
        """The recipes as `featurize run` takes them."""
        if self.embedding is None:
            return None
        names = [self.embedding] if isinstance(self.embedding, str) else self.embedding
        return ",".join(names).replace("+", ",")

    def _settings(self) -> Settings:
        return Settings(
            backbone=self.backbone,
            weights=self.weights,
            embedding=self._names(),
            block=self.block,
            mirror=self.mirror,
            views=self.views,
            control=False,
            size=self.size,
            decode=self.decode,
            engine=self.engine,
            precision=self.precision,
            device=self.device,
            batch_size=self.batch_size,
            workers=self.workers,
        )

    def _through_cache(self, paths: Sequence[Path], progress: Progress | None) -> _Found:
        """By way of the feature cache."""
        assert self.features is not None
        table, failed = _table(paths)
        if not len(table):
            return _Found((), (), failed)
        done = extract(table, self.features, self._settings(), progress, engines=self.engines)
        cache = find_cache(self.features, done.key)
        assert cache is not None, "it was just filled"
        why = {str(f.path): Undecodable(f.reason, f.detail) for f in done.failed}
        failed |= {n: why[str(path)] for n, path in enumerate(paths) if str(path) in why}
        places = [n for n in range(len(paths)) if n not in failed]
        rows = {path: row for row, path in enumerate(table.columns["path"])}
        ids = table.ids[[rows[str(paths[n])] for n in places]]
        return _Found(places, [cache.gather(ids, recipe) for recipe in self._recipes()] if places else (), failed)

    def _directly(self, paths: Sequence[Path], progress: Progress | None) -> _Found:
        """Without a cache."""
        settings, network, recipes = self._settings(), self._network(), self._recipes()
        if settings.engine not in ("auto", "torch") or settings.precision == "int8":
            what = "precision='int8'" if settings.precision == "int8" else f"engine={settings.engine!r}"
            raise BackboneError(
                f"{what} keeps an exported network in a features folder: give features=FOLDER, or leave {what} out"
            )
        engine = _engine(network.key(settings.precision).digest, settings, self.engines)
        pictures = [Picture("", path) for path in paths]
        batches = [pictures[n : n + engine.batch_size] for n in range(0, len(pictures), engine.batch_size)]
        places: list[int] = []
        parts: list[list[NDArray[np.float32]]] = [[] for _ in recipes]
        failed: dict[int, Undecodable] = {}
        done = 0
        with Pipeline(
            engine, shown_to(settings.formulas(network), network.transform), settings.workers or processors.count()
        ) as pipeline:
            for batch in pipeline.batches(batches):
                failed |= {done + n: why for n, why in batch.failed.items()}
                good = [n for n in range(len(batch.places)) if n not in batch.failed]
                places += [done + n for n in good]
                for part, recipe in zip(parts, recipes, strict=True):
                    part += [batch.vectors[recipe][good]] if good else []
                done += len(batch.places)
                if progress:
                    progress(done, len(pictures))
        return _Found(places, [np.concatenate(part) for part in parts] if places else (), failed)


@lru_cache(maxsize=1)
def _engine(key: str, settings: Settings, engines: EngineFactory) -> Engine:
    """The network, loaded once for all clones of an embedder; `key` tells another file of weights under one name."""
    network = choose_network(settings.backbone, settings.weights, size=settings.size, decode=settings.decode)
    choice = Settings(**{**vars(settings), "engine": "torch"}).choice(settings.precision)
    artifacts = artifacts_of(MemoryBucket(), network.key(settings.precision))
    return engines(network, settings.formulas(network), choice, artifacts)


def _table(paths: Sequence[Path]) -> tuple[DatasetTable, dict[int, Undecodable]]:
    """A dataset table of the files that can be read, and why the others can't."""
    columns: dict[str, list[str]] = {name: [] for name in ("id", "path", "size", "mtime_ns", "split")}
    failed: dict[int, Undecodable] = {}
    rows: dict[str, tuple[str, str, str, str, str]] = {}
    for n, path in enumerate(paths):
        place = str(path)
        try:
            if place not in rows:
                content = read(path)
                size, changed = archives.facts(path)
                rows[place] = digest(content), place, str(size), str(changed), ""
        except Undecodable as why:
            failed[n] = why
    for row in rows.values():
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    return DatasetTable(columns, Path()), failed


def _sentence(names: Sequence[str], failed: Mapping[int, Undecodable]) -> str:
    first, why = next(iter(failed.items()))
    more = f" (and {len(failed) - 1} more of {len(names)} pictures can't be read)" if len(failed) > 1 else ""
    way = "leave it out" if len(failed) == len(names) else f"leave it out, or use broken={NAN!r} for a row of NaN"
    return f"{names[first]} can't be embedded: {why}{more}: {way}"
