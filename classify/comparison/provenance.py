"""Where a comparison comes from: versions, machine, caches, in words that let somebody make it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cache import Store
from classify.comparison.result import Provenance
from featurize.machine import machine, versions
from featurize.networks.licences import licence_of

_PACKAGES = ("python", "artstyle", "numpy", "scipy", "scikit-learn", "statsmodels", "torch", "h5py", "matplotlib")


def gather_provenance(caches: Sequence[Store], seconds: float, seed: int, command: str) -> Provenance:
    """Collect what is known now.

    Parameters
    ----------
    caches : sequence of Store
    seconds : float
        Time the comparison took.
    seed : int
    command : str
        As typed; "" where it was called from Python.
    """
    return Provenance(
        command=command,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 2),
        seed=seed,
        versions=versions(*_PACKAGES),
        machine=machine(),
        caches=tuple(_told(cache) for cache in caches),
    )


def _told(cache: Store) -> Mapping[str, Any]:
    key = cache.key
    return {
        "folder": key.folder_name,
        "digest": key.digest,
        "backbone": key.backbone,
        "network": dict(key.network),
        "weights": key.weights,
        "licence": licence_of(cache),
        "untrained": key.untrained,
        "precision": key.precision,
        "transform": dict(key.transform),
        "recipes": {r.name: {"digest": r.digest, "definition": dict(r.definition)} for r in cache.recipes()},
    }
