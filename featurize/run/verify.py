"""What a feature cache holds, and whether all of it is still true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cache import CacheError, Key, Store, list_caches
from cache.ids import plain
from cache.places import remembered_places
from featurize.dataset.table import DatasetTable
from featurize.engines import EngineChoice, make_engine
from featurize.errors import TableError
from featurize.networks.network import network_from
from featurize.networks.recipes import formula_of
from featurize.reasons import Reason
from featurize.run import agreement


@dataclass(frozen=True)
class Summary:
    """One key's cache in figures.

    Parameters
    ----------
    key : Key
    embedded : mapping of str to int
        Recipe name -> vectors.
    failures : mapping of Reason to int
    segments : int
    nbytes : int
    problems : sequence of CacheError
        Damaged or foreign segments, left out of the counts; and what else was found damaged.
    """

    key: Key
    embedded: Mapping[str, int]
    failures: Mapping[Reason, int]
    segments: int
    nbytes: int
    problems: Sequence[CacheError]


def summarise(root: Path) -> list[Summary]:
    """Figures of every key's cache under a features folder, or of the one that it is."""
    return [_summary(cache, cache.problems) for cache in list_caches(root)]


def verify(root: Path) -> list[Summary]:
    """The same after every byte was checked, of segments and of what lies beside them."""
    checked = [(cache, cache.verify()) for cache in list_caches(root)]
    return [_summary(cache, problems) for cache, problems in checked]


def verify_deep(cache: Store, table: DatasetTable, weights: str | None, sample: int, device: str = "auto") -> float:
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
    engine = make_engine(network, wanted, choice, cache.artifacts)
    return agreement.check(cache, engine, network.transform, [f.recipe for f in wanted], pictures, sample)


def _summary(cache: Store, problems: Sequence[CacheError]) -> Summary:
    ids = cache.ids()
    return Summary(
        key=cache.key,
        embedded={r.name: int(cache.embedded(ids, r).sum()) for r in cache.recipes()},
        failures=Counter(Reason(f.status) for f in cache.failures()),
        segments=cache.segment_count,
        nbytes=cache.nbytes,
        problems=problems,
    )
