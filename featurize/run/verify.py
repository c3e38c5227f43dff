"""Whether all that a feature cache holds is still true."""

from __future__ import annotations

from pathlib import Path

from cache import Store, list_caches
from cache.ids import plain
from cache.places import remembered_places
from featurize.dataset.table import DatasetTable
from featurize.engines import EngineChoice, EngineFactory, make_engine
from featurize.errors import TableError
from featurize.networks.network import network_from
from featurize.networks.recipes import formula_of
from featurize.run import agreement
from featurize.run.summary import Summary, summary_of


def verify(root: Path) -> list[Summary]:
    """Figures of every cache under a features folder, after every byte of it was checked."""
    checked = [(cache, cache.verify()) for cache in list_caches(root)]
    return [summary_of(cache, problems) for cache, problems in checked]


def verify_deep(
    cache: Store,
    table: DatasetTable,
    weights: str | None,
    sample: int,
    device: str = "auto",
    engines: EngineFactory = make_engine,
) -> float:
    """Embed a sample of stored pictures again and compare with what is stored.

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

    Returns
    -------
    float
        The largest relative difference.

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
    wanted = [f for f in map(formula_of, cache.recipes()) if f]
    rows = range(len(table))
    pictures = {plain(p.id): p for p in map(table.picture, rows)}
    if not any(i in pictures for i in cache.ids().tolist()):
        raise TableError(f"none of the pictures in {cache.key.folder_name} is in the dataset table")
    choice = EngineChoice(device=device, precision=cache.key.precision)
    engine = engines(network, wanted, choice, cache.artifacts)
    return agreement.check(cache, engine, network.transform, [f.recipe for f in wanted], pictures, sample)
