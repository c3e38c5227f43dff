"""Whether all that a feature cache holds is still true, and belongs to the pictures of the dataset table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache import Store, list_caches, open_cache
from cache.ids import plain
from cache.places import remembered_places
from featurize.dataset.table import DatasetTable
from featurize.engines import EngineChoice, EngineFactory, make_engine
from featurize.errors import TableError, Undecodable
from featurize.networks.network import network_from
from featurize.networks.recipes import formula_of, shown_to
from featurize.pictures.rehash import rehash
from featurize.progress import Progress
from featurize.reasons import Reason
from featurize.run import agreement
from featurize.run.summary import Summary, summary_of


def verify(root: str | Path = "features", key: str | None = None) -> list[Summary]:
    """Figures of every cache under a features folder, or of the one named, after every byte of it was checked."""
    caches = list_caches(root) if key is None else [open_cache(root, key)]
    checked = [(cache, cache.verify()) for cache in caches]
    return [summary_of(cache, problems) for cache, problems in checked]


@dataclass(frozen=True)
class Deep:
    """What reading the pictures again and embedding some of them again showed.

    Parameters
    ----------
    read : int
        Rows of the table whose picture the cache holds; the file of each was read and compared with its id.
    skipped : mapping of Path to Undecodable
        Files among them that are another picture now (reason CHANGED) or can't be read; none of them is embedded.
    embedded : int
        Pictures that were embedded again.
    worst : float
        The largest relative difference from what is stored.
    """

    read: int
    skipped: Mapping[Path, Undecodable]
    embedded: int
    worst: float

    @property
    def changed(self) -> list[Path]:
        """Files that are not the picture that the table names."""
        return [path for path, why in self.skipped.items() if why.reason == Reason.CHANGED]


def verify_deep(
    cache: Store,
    table: DatasetTable,
    weights: str | None,
    sample: int,
    device: str = "auto",
    engines: EngineFactory = make_engine,
    progress: Progress | None = None,
) -> Deep:
    """Read the files of all stored pictures again, embed a sample of them again, and compare with what is stored.

    Parameters
    ----------
    cache : Store
    table : DatasetTable
        Where the pictures' files are.
    weights : str, optional
        The name or file given to `featurize run`, where it is not found by itself.
    sample : int
        Pictures to embed again.
    device : str
    engines : callable
        What makes the engine.
    progress : callable, optional
        Called with (files read, files in all).

    Raises
    ------
    Disagreement
        A stored vector is not what its picture gives.
    WeightsError, BackboneError
        The weights are not those of the cache or can't be found, or this version can't build its network.
    TableError
        None of its pictures is in the table.
    """
    network = network_from(cache.key, weights, remembered_places(cache.artifacts))
    wanted = [f for r in cache.recipes() if (f := formula_of(r, network.backbone))]
    rows = np.flatnonzero(np.isin(table.ids, cache.ids())).tolist()
    if not rows:
        raise TableError(f"none of the pictures in {cache.key.folder_name} is in the dataset table")
    pictures = [table.picture(row) for row in rows]
    skipped = rehash(pictures, progress=progress)
    sound = {plain(picture.id): picture for n, picture in enumerate(pictures) if n not in skipped}
    recipes = [f.recipe for f in wanted]
    chosen = agreement.choose(cache, recipes, sound, sample)
    worst = 0.0
    if chosen:
        choice = EngineChoice(device=device, precision=cache.key.precision)
        engine = engines(network, wanted, choice, cache.artifacts)
        worst = agreement.check(cache, engine, shown_to(wanted, network.transform), recipes, chosen)
    return Deep(len(rows), {pictures[n].path: why for n, why in skipped.items()}, len(chosen), worst)
