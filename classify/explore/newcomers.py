"""Vectors of picture files: from the cache where it knows their bytes, else made by the network of the cache's key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache import Recipe, Store
from cache.ids import from_hex
from cache.places import remembered_places
from classify.errors import DataError
from featurize import processors
from featurize.engines import EngineChoice, EngineFactory, make_engine
from featurize.errors import Undecodable
from featurize.networks.base import Backbone
from featurize.networks.network import network_from
from featurize.networks.recipes import Formula, formula_of, shown_to
from featurize.pictures.file import Picture, digest, read
from featurize.progress import Progress
from featurize.run.pipeline import Pipeline


def read_pictures(paths: Sequence[Path]) -> tuple[list[Picture], dict[Path, Undecodable]]:
    """Picture files with the ids that their bytes give them, and why the others can't be read."""
    pictures, unread = [], {}
    for path in paths:
        try:
            pictures.append(Picture(digest(read(path)), path))
        except Undecodable as why:
            unread[path] = why
    return pictures, unread


def vectors_of(
    pictures: Sequence[Picture],
    cache: Store,
    recipes: Sequence[Recipe],
    weights: str | None = None,
    *,
    device: str = "auto",
    engines: EngineFactory = make_engine,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float32], dict[int, Undecodable]]:
    """Vectors (M, D) of pictures, the recipes side by side. Nothing is added to the cache.

    Of pictures that can't be decoded the vectors are NaN, and their numbers come with the reason.

    Parameters
    ----------
    pictures : sequence of Picture
        With ids.
    cache : Store
    recipes : sequence of Recipe
    weights : str, optional
        Name or file of the network's weights, where they are not found by themselves.
    device : str
    engines : callable
        What makes the engine.
    progress : callable, optional
        Called with (pictures done, pictures in all).

    Raises
    ------
    DataError
        This version makes another embedding under a recipe's name.
    WeightsError, BackboneError
        The network can't be had.
    """
    ids = from_hex([picture.id for picture in pictures])
    stored = np.ones(len(pictures), bool)
    for recipe in recipes:
        stored &= cache.embedded(ids, recipe)
    parts: dict[int, NDArray[np.floating]] = {}
    failed: dict[int, Undecodable] = {}
    if stored.any():
        known = np.flatnonzero(stored)
        parts.update(zip(known.tolist(), _side_by_side([cache.gather(ids[known], r) for r in recipes]), strict=True))
    if not stored.all():
        new = np.flatnonzero(~stored).tolist()
        made, lost = _embedded([pictures[n] for n in new], cache, recipes, weights, device, engines, progress)
        parts.update({new[n]: vector for n, vector in made.items()})
        failed = {new[n]: why for n, why in lost.items()}
    width = len(next(iter(parts.values()), ()))
    vectors = np.full((len(pictures), width), np.nan, np.float32)
    for n, vector in parts.items():
        vectors[n] = vector
    return vectors, failed


def _embedded(
    pictures: Sequence[Picture],
    cache: Store,
    recipes: Sequence[Recipe],
    weights: str | None,
    device: str,
    engines: EngineFactory,
    progress: Progress | None,
) -> tuple[dict[int, NDArray[np.floating]], dict[int, Undecodable]]:
    """By the pictures' numbers the vectors of those that can be decoded, and why the others can't."""
    network = network_from(cache.key, weights, remembered_places(cache.artifacts))
    formulas = [_formula(r, network.backbone) for r in recipes]
    engine = engines(
        network,
        formulas,
        EngineChoice("auto", cache.key.precision, device),
        cache.artifacts,
    )
    size = engine.batch_size
    made: dict[int, NDArray[np.floating]] = {}
    failed: dict[int, Undecodable] = {}
    starts = range(0, len(pictures), size)
    with Pipeline(engine, shown_to(formulas, network.transform), processors.count()) as pipeline:
        for start, batch in zip(starts, pipeline.batches([pictures[n : n + size] for n in starts]), strict=True):
            failed.update({start + place: why for place, why in batch.failed.items()})
            if batch.vectors:
                rows = _side_by_side([batch.vectors[r] for r in recipes])
                made.update({start + n: rows[n] for n in range(len(batch.places)) if n not in batch.failed})
            if progress:
                progress(len(made) + len(failed), len(pictures))
    return made, failed


def _side_by_side(parts: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
    return np.concatenate(parts, axis=1)


def _formula(recipe: Recipe, backbone: Backbone) -> Formula:
    found = formula_of(recipe, backbone)
    if found is None:
        raise DataError(
            f"the embedding {recipe.name!r} is defined otherwise in this version, so that new pictures can't be "
            "compared with it: run `featurize run` again"
        )
    return found
