"""Maps before the retrained part, kept in the feature cache: epochs then need no pictures and no frozen layers.

They are a recipe like others, `map@layer4`, in the folder of the frozen network's key, as 16-bit floats: the picture
whole, its mirror image, and a fixed number of random crops.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cache import OK, Recipe, Rows, Store, create_cache
from cache.ids import Ids, first_seen, from_hex
from cache.places import remember_place
from cache.segments.mapped import Mapped
from classify.errors import FinetuneError
from classify.finetune.feed.inputs import Fetched, Pictures
from classify.finetune.feed.schedule import all_views
from classify.finetune.feed.views import PLAIN, View
from classify.finetune.network import Tuned
from featurize.choices import MAPS
from featurize.progress import Progress

if TYPE_CHECKING:
    import torch

_BLOCK = 32  # pictures in a segment: what a crash can cost at most
_GIGABYTE = 1e9


def recipe_of(start: str, view: View) -> Recipe:
    """The maps of one view before a node, as a recipe of the feature cache."""
    suffix = "" if view == PLAIN else f"-{view.name.replace(' ', '')}"
    return Recipe(f"{MAPS}{start}{suffix}", {"formula": "map before node", "node": start, **view.definition()})


@dataclass
class StoredMaps:
    """The stored maps of some rows; `Inputs` for a training.

    Parameters
    ----------
    cache : Store
        Of the frozen network's key.
    ids : sequence of str
        One a row.
    recipes : mapping of View to Recipe
    shape : tuple of int
        (C, h, w) of a map, or (T, C) of tokens.
    device : str
    """

    cache: Store
    ids: Sequence[str]
    recipes: dict[View, Recipe]
    shape: tuple[int, ...]
    device: str
    _mapped: dict[View, Mapped] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of all maps of all pictures, when they are stored."""
        return len(set(self.ids)) * len(self.recipes) * int(np.prod(self.shape)) * 2

    def lacking(self) -> NDArray[np.intp]:
        """Rows of which maps are not stored yet, each picture once."""
        ids = from_hex(self.ids)
        there = np.ones(len(ids), bool)
        for recipe in self.recipes.values():
            there &= self.cache.embedded(ids, recipe)
        once = first_seen(ids)
        return once[~there[once]]

    def fill(self, pictures: Pictures, tuned: Tuned, progress: Progress | None = None) -> float:
        """Compute and store what is lacking of rows that can be read; gives the seconds that it took.

        Raises
        ------
        FinetuneError
            A map has numbers that 16 bits can't hold.
        StorageFailed
            What was stored before stays.
        """
        started = time.perf_counter()
        todo = self.lacking()
        for start in range(0, len(todo), _BLOCK):
            block = todo[start : start + _BLOCK]
            whole = np.ones(len(block), bool)
            found: dict[Recipe, NDArray[np.float16]] = {}
            for view, recipe in self.recipes.items():
                found[recipe], sound = self._computed(block.tolist(), view, pictures, tuned)
                whole &= sound
            places = np.flatnonzero(whole)
            if len(places):
                ids: Ids = from_hex([self.ids[n] for n in block[places].tolist()])
                vectors = {recipe: maps[places] for recipe, maps in found.items()}
                environment = {"engine": "torch", "device": self.device, **tuned.network.versions()}
                self.cache.append(Rows(ids, np.full(len(ids), OK, np.uint8), vectors, environment=environment))
            if progress:
                progress(min(start + _BLOCK, len(todo)), len(todo))
        return time.perf_counter() - started

    def fetch(self, rows: Sequence[int], views: Sequence[View]) -> Fetched:
        """See `Inputs`."""
        import torch

        out = np.empty((len(rows), int(np.prod(self.shape))), np.float16)
        for place, (row, view) in enumerate(zip(rows, views, strict=True)):
            mapped = self._of(view)
            out[place] = mapped.arrays[mapped.number[row]][mapped.row[row]]
        return Fetched(torch.from_numpy(out), np.ones(len(rows), bool))

    def maps(self, rows: Fetched) -> torch.Tensor:
        """See `Inputs`."""
        import torch

        maps = rows.values.to(self.device, non_blocking=True).float().view(len(rows.values), *self.shape)
        return maps.contiguous(memory_format=torch.channels_last) if maps.ndim == 4 else maps  # or tokens

    def _of(self, view: View) -> Mapped:
        if view not in self._mapped:
            self._mapped[view] = self.cache.mapped(from_hex(self.ids), self.recipes[view])
        return self._mapped[view]

    def _computed(
        self, rows: Sequence[int], view: View, pictures: Pictures, tuned: Tuned
    ) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        import torch

        tuned.mode(training=False)
        pixels, whole = pictures.take(rows, [view] * len(rows))
        maps = tuned.maps(torch.from_numpy(pixels), exact=True).cpu()
        if float(maps.abs().max()) > float(np.finfo(np.float16).max):
            raise FinetuneError("the maps have numbers that 16 bits can't hold: use --no-cache, or another node")
        return maps.contiguous().flatten(1).numpy().astype(np.float16), whole


def open_maps(
    features: str | Path, tuned: Tuned, ids: Sequence[str], say: Callable[[str], None] = lambda line: None
) -> StoredMaps:
    """Where the maps of some pictures lie or will lie; says what they cost before anything is computed.

    Raises
    ------
    FinetuneError
        They are larger than is allowed; nothing was made.
    """
    import torch

    settings = tuned.settings
    assert settings.start is not None
    side = tuned.network.transform.crop
    shape = tuple(tuned.maps(torch.zeros(1, side, side, 3, dtype=torch.uint8)).shape[1:])
    recipes = {view: recipe_of(settings.start, view) for view in dict.fromkeys([PLAIN, *all_views(settings)])}
    each = int(np.prod(shape)) * 2
    whole = each * len(recipes) * len(set(ids))
    parts = " x ".join(map(str, shape))
    size = f"{len(set(ids)):,} pictures x {len(recipes)} views x {each:,} bytes ({parts} half floats)"
    if whole > settings.map_limit * _GIGABYTE:
        raise FinetuneError(
            f"the maps before {settings.start} would take {whole / _GIGABYTE:.2g} GB ({size}), more than --map-limit "
            f"{settings.map_limit:g}: choose a later node, fewer --views or --no-cache, or raise the limit"
        )
    cache = create_cache(features, tuned.network.key())
    if tuned.network.weights.file:
        remember_place(cache.artifacts, tuned.network.weights.file)
    maps = StoredMaps(cache, ids, recipes, shape, tuned.device)
    lacking = len(maps.lacking())
    say(f"maps before {settings.start}: {size}, {whole / 1e6:.1f} MB; {lacking:,} pictures are to be stored now")
    return maps
