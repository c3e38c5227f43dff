"""Rows to store, and a key to store them under."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cache import OK, Key, Recipe, Rows
from cache.key import Json


def network(name: str, provider: str = "torchvision", stages: Sequence[str] = ("layer3", "layer4")) -> dict[str, Json]:
    """A network as it stands in a key."""
    return {"provider": provider, "name": name, "stages": list(stages)}


KEY = Key(network("resnet50"), "random:seed=0,torch=2.14.1", {"resize": 256, "mean": [0.5, 0.25, 0.125]})
AVGPOOL = Recipe("avgpool", {"formula": "mean"})
STATS = Recipe("stats", {"formula": "mean and deviation"})


def ids_of(numbers: list[int]) -> np.ndarray:
    """Ids that are easy to tell apart; some of them end in zero bytes, which numpy likes to drop."""
    return np.array([bytes([n % 251 + 1]) + n.to_bytes(4, "little") + bytes(27) for n in numbers], "S32")


def rows_of(numbers: list[int], recipes: tuple[Recipe, ...] = (AVGPOOL,), failed: tuple[int, ...] = ()) -> Rows:
    """A row for each number; its vector follows from number and recipe."""
    status = np.array([3 if n in failed else OK for n in numbers], np.uint8)
    vectors = {r: np.stack([vector_of(n, r, n in failed) for n in numbers]) for r in recipes}
    details = {place: f"cut short at {n}" for place, n in enumerate(numbers) if n in failed}
    return Rows(ids_of(numbers), status, vectors, details, {"engine": "none", "threads": 1})


def vector_of(number: int, recipe: Recipe = AVGPOOL, failed: bool = False) -> np.ndarray:
    if failed:
        return np.full(5, np.nan, np.float32)
    return np.random.default_rng([number, len(recipe.name)]).standard_normal(5).astype(np.float32)
