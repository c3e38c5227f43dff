"""Made-up datasets with known truths: how much style, artist or nothing at all stands in the embeddings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cache import Key, Recipe, Rows, Store, cache_in_memory
from cache.ids import from_hex
from classify.comparison.compare import compare
from classify.comparison.result import Comparison
from featurize.dataset.table import DatasetTable
from tests.cache.samples import network

AVGPOOL = Recipe("avgpool", {"formula": "made up"})
STATS = Recipe("stats", {"formula": "made up, too"})
KEY = Key(network("tinynet"), "sha256:0123", {"size": 8})
RANDOM_KEY = Key(network("tinynet"), "random:seed=0,torch=0", {"size": 8})


@dataclass(frozen=True)
class World:
    """A dataset table and the embeddings of its pictures."""

    table: DatasetTable
    cache: Store
    X: np.ndarray
    artists: np.ndarray

    def relabelled(self, **columns: list[str]) -> World:
        return World(self.table.with_columns(**columns), self.cache, self.X, self.artists)


def make_world(
    *,
    classes: int = 4,
    train: int = 80,
    test: int = 80,
    style: float = 1.0,
    by_artist: float = 0.0,
    artists: int = 10,
    disjoint: bool = False,
    dimension: int = 16,
    seed: int = 0,
    key: Key = KEY,
    folder: Path = Path("/nowhere"),
) -> World:
    """Gaussian embeddings: a centre for each style, one for each artist, and noise of size 1.

    Parameters
    ----------
    classes, train, test, dimension : int
    style, by_artist : float
        Size of the styles' and the artists' centres; each artist keeps to one style.
    artists : int
        For each style (and each part, if disjoint).
    disjoint : bool
        Whether the two parts have no artist in common.
    """
    rng = np.random.default_rng(seed)
    n = train + test
    y = np.arange(n) % classes
    split = np.array(["train"] * train + ["test"] * test)
    artist = rng.integers(0, artists, n) + artists * y + (split == "test") * (artists * classes if disjoint else 0)
    styles = style * rng.normal(size=(classes, dimension))
    painters = by_artist * rng.normal(size=(2 * artists * classes, dimension))
    X = (styles[y] + painters[artist] + rng.normal(size=(n, dimension))).astype(np.float32)
    names = [f"painter-{a}" for a in artist]
    table = DatasetTable(
        {
            "id": [hashlib.sha256(f"{seed}-{i}".encode()).hexdigest() for i in range(n)],
            "path": [f"pictures/{i}.jpg" for i in range(n)],
            "size": ["1"] * n,
            "mtime_ns": ["1"] * n,
            "split": split.tolist(),
            "style": [f"Style_{c}" for c in y],
            "artist": names,
            "year": [str(1800 + i) for i in range(n)],
        },
        folder,
    )
    cache = cache_in_memory(key)
    fill(cache, table, X)
    return World(table, cache, X, np.array(names))


def fill(cache: Store, table: DatasetTable, X: np.ndarray, recipe: Recipe = AVGPOOL) -> None:
    """Store a vector for each distinct picture of the table."""
    ids = list(dict.fromkeys(table.columns["id"]))
    place = {name: n for n, name in reversed(list(enumerate(table.columns["id"])))}
    rows = X[[place[name] for name in ids]].astype(np.float32)
    cache.append(Rows(from_hex(ids), np.zeros(len(ids), np.uint8), {recipe: rows}))


def run(world: World, heads: tuple[str, ...] = ("logreg:C=0.01",), **options: object) -> Comparison:
    """Compare heads on the world's own split, without folds."""
    return compare(world.table, [world.cache], heads, **{"folds": 0, **options})


def kinds(comparison: Comparison) -> set[str]:
    """The kinds of caution that a comparison gives."""
    return {caution.kind for caution in comparison.cautions}
