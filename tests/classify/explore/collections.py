"""Made-up collections with pictures on disk, for the tests of pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cache import Rows, create_cache
from cache.ids import from_hex
from featurize.dataset.table import write_table
from featurize.pictures.file import digest
from tests.classify.worlds import AVGPOOL, KEY, World, make_world
from tests.conftest import save_picture

EVIL = '<script>alert("1")</script>'


def make_collection(folder: Path, *, pictures: int = 40, shown: int = 24, **options: object) -> World:
    """A world whose table, cache and first pictures lie in a folder; one artist's name is hostile.

    Parameters
    ----------
    folder : Path
    pictures : int
        Rows of the table.
    shown : int
        So many have a file; the others' files are missing.
    options
        Of `make_world`.
    """
    world = make_world(
        train=pictures // 2, test=pictures - pictures // 2, artists=3, folder=folder, **{"style": 2.0, **options}
    )  # type: ignore[arg-type]
    ids, sizes = list(world.table.columns["id"]), list(world.table.columns["size"])
    for n in range(shown):
        data = save_picture(folder / f"pictures/{n}.jpg", n).read_bytes()
        ids[n], sizes[n] = digest(data), str(len(data))
    artists = [EVIL if n < 2 else name for n, name in enumerate(world.table.columns["artist"])]
    world = world.relabelled(id=ids, size=sizes, artist=artists, title=[f"Work & <i>{n}</i>" for n in range(pictures)])
    write_table(world.table, folder / "dataset.csv")
    cache = create_cache(folder / "features", options.get("key", KEY))  # type: ignore[arg-type]
    cache.append(Rows(from_hex(ids), np.zeros(pictures, np.uint8), {AVGPOOL: world.X}))
    return World(world.table, cache, world.X, world.artists)
