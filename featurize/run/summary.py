"""What a feature cache holds, in figures. No picture and no network is looked at, so the answer comes at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cache import CacheError, Key, Store, list_caches
from featurize.reasons import Reason


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


def summarise(root: str | Path) -> list[Summary]:
    """Figures of every key's cache under a features folder, or of the one that it is."""
    return [summary_of(cache, cache.problems) for cache in list_caches(root)]


def summary_of(cache: Store, problems: Sequence[CacheError]) -> Summary:
    """The figures of one cache, with problems that are known of it."""
    ids = cache.ids()
    return Summary(
        key=cache.key,
        embedded={r.name: int(cache.embedded(ids, r).sum()) for r in cache.recipes()},
        failures=Counter(Reason(f.status) for f in cache.failures()),
        segments=cache.segment_count,
        nbytes=cache.nbytes,
        problems=problems,
    )
