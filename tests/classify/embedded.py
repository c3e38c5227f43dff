"""A small dataset table with a cache of made-up embeddings in which the styles can be told apart."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from cache import OK, Key, Recipe, Rows, Store, create_cache
from featurize.dataset.table import DatasetTable, write_table
from tests.cache.samples import network

AVGPOOL = Recipe("avgpool", {"formula": "made up"})
STATS = Recipe("stats", {"formula": "made up, too"})
KEY = Key(network("resnet18"), "torchvision:resnet18-f37072fd", {"resize": 256, "crop": 224, "decode": "exact"})
STYLES = ("Baroque", "Cubism", "Naïve Art")


def make_dataset(folder: Path, per_style: int = 12, key: Key = KEY, failed: int = 0) -> tuple[DatasetTable, Store]:
    """`dataset.csv` and `features/` in a folder: per style 7/12 train, 3/12 val, 2/12 test; four artists.

    The first `failed` train rows have no vector.
    """
    rng = np.random.default_rng(0)
    rows = [(s, n) for s in STYLES for n in range(per_style)]
    columns = {
        "id": [hashlib.sha256(f"{s}{n}".encode()).hexdigest() for s, n in rows],
        "path": [f"pictures/{s}/{n}.jpg" for s, n in rows],
        "size": ["1"] * len(rows),
        "mtime_ns": ["1"] * len(rows),
        "split": [("train" if n % 12 < 7 else "val" if n % 12 < 10 else "test") for _, n in rows],
        "style": [s for s, _ in rows],
        "artist": [f"artist-{n % 4}" if n % 5 else "Unknown" for _, n in rows],
        "year": [str(1600 + n) for _, n in rows],
    }
    table = DatasetTable(columns, folder)
    write_table(table, folder / "dataset.csv")
    centres = 3 * rng.standard_normal((len(STYLES), 8))
    X = np.stack([centres[STYLES.index(s)] + rng.standard_normal(8) for s, _ in rows]).astype(np.float32)
    status = np.array([9 if n < failed else OK for n in range(len(rows))], np.uint8)
    X[:failed] = np.nan
    cache = create_cache(folder / "features", key)
    cache.append(Rows(table.ids, status, {AVGPOOL: X, STATS: X[:, :5] * 2}))
    return table, cache
