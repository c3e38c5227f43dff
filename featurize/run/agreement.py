"""New rows must be comparable with stored ones: a few stored pictures are embedded again and must agree.

Engine, versions and device are not part of a key, because they should not matter. Before rows are added to
existing ones this is tested, on the pictures themselves. Where fewer stored pictures are at hand than that takes, the
pixels that are kept with the cache serve (references.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from cache import Recipe, Store
from cache.ids import ID_DTYPE, from_hex
from featurize.engines import Engine
from featurize.errors import Disagreement, Undecodable
from featurize.pictures.file import Picture, pixels
from featurize.pictures.squares.views import Shown
from featurize.run.references import Pixels, References, comparable

SAMPLE = 4  # pictures; a difference in engine, weights or transform shows in every one of them
TOLERANCE = 1e-4  # largest difference relative to the vector's largest component
TOLERANCE_FLOAT16 = 1e-3  # where vectors are stored in 16 bits: their own rounding is 5e-4


def check(
    cache: Store,
    engine: Engine,
    transform: Shown,
    recipes: Sequence[Recipe],
    chosen: Sequence[Picture],
    references: References = MappingProxyType({}),
) -> float:
    """Embed stored pictures again and compare.

    Parameters
    ----------
    cache : Store
    engine : Engine
    transform : Transform or Views
    recipes : sequence of Recipe
    chosen : sequence of Picture
        From `choose`.
    references : mapping of str to uint8 arrays
        Pixels by id, as the transform gives them: to be used where fewer pictures than `SAMPLE` are chosen, or can be
        read.

    Returns
    -------
    float
        The largest relative difference found; 0.0 where nothing could be compared.

    Raises
    ------
    Disagreement
        It is above the tolerance.
    """
    shown: list[tuple[Picture, Pixels]] = []
    for picture in chosen:
        try:
            shown.append((picture, pixels(picture, transform)))
        except Undecodable:
            continue  # changed since: the run itself reports it
    known = {picture.id for picture, _ in shown}
    spare = [one for one in comparable(cache, recipes, references).items() if one[0] not in known]
    for name, kept in spare[: max(SAMPLE - len(shown), 0)]:
        shown.append((Picture(name, Path(f"reference picture {name[:12]}")), kept))
    worst = 0.0
    for start in range(0, len(shown), engine.batch_size):
        part = shown[start : start + engine.batch_size]
        batch = np.zeros((engine.batch_size, *transform.shape), np.uint8)
        batch[: len(part)] = [pixel for _, pixel in part]
        worst = max(worst, _compare(cache, engine.embed(batch), recipes, [picture for picture, _ in part]))
    return worst


def blind(cache: Store, recipes: Sequence[Recipe], chosen: Sequence[Picture], references: References) -> bool:
    """Whether vectors of the recipes are stored, and nothing is at hand to compare new ones with.

    The arguments are those of `check`.
    """
    if chosen or comparable(cache, recipes, references):
        return False
    ids = cache.ids()
    return any(bool(cache.embedded(ids, recipe).any()) for recipe in recipes)


def relative_difference(found: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Largest difference in each row, relative to the row's largest component: (N, D), (N, D) -> (N,)."""
    stored = stored.astype(np.float32)
    scale = np.abs(stored).max(axis=1).clip(min=np.finfo(np.float32).tiny)
    relative: np.ndarray = np.abs(found - stored).max(axis=1) / scale
    return relative


def choose(
    cache: Store, recipes: Sequence[Recipe], at_hand: Mapping[bytes, Picture], sample: int = SAMPLE
) -> list[Picture]:
    """Stored pictures to compare by, evenly over the ids.

    Parameters
    ----------
    cache : Store
    recipes : sequence of Recipe
        A picture must have a vector of one of them.
    at_hand : mapping of bytes to Picture
        Pictures whose files can be read.
    sample : int
        How many at most.
    """
    ids = np.sort(np.array(list(at_hand), ID_DTYPE))
    known = np.zeros(len(ids), bool)
    for recipe in recipes:
        known |= cache.embedded(ids, recipe)
    candidates = ids[known].tolist()
    places = np.linspace(0, max(len(candidates) - 1, 0), min(sample, len(candidates))).astype(int)
    return [at_hand[candidates[n]] for n in places]


def _compare(
    cache: Store,
    vectors: Mapping[Recipe, np.ndarray],
    recipes: Sequence[Recipe],
    part: Sequence[Picture],
) -> float:
    worst = 0.0
    ids = from_hex([picture.id for picture in part])
    for recipe in recipes:
        known = cache.embedded(ids, recipe)
        if not known.any():
            continue
        places = np.flatnonzero(known)
        stored = cache.gather(ids[known], recipe)
        tolerance = TOLERANCE_FLOAT16 if stored.dtype == np.float16 else TOLERANCE
        difference = relative_difference(vectors[recipe][places], stored)
        worst = max(worst, float(difference.max()))
        if difference.max() > tolerance:
            bad = part[int(places[difference.argmax()])]
            raise Disagreement(
                f"embedding {str(bad.path)!r} again differs from the stored {recipe.name!r} vector by "
                f"{difference.max():.1e} (up to {tolerance:.0e} is allowed), so new rows would not fit those in "
                f"{cache.place!r}: the software or the machine has changed; use another --features folder, or "
                "remove this one to embed everything anew"
            )
    return worst
