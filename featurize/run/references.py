"""A few pictures' pixels, kept with a cache: what new rows are compared by where no stored picture is at hand.

A table may hold new pictures only, and the old ones may be gone. Without these, nothing would show that the network now
gives other numbers than before.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cache import Recipe, Store
from cache.artifacts import Artifacts, Kind
from cache.ids import from_hex
from featurize.errors import Undecodable
from featurize.pictures.file import Picture, pixels
from featurize.pictures.squares.views import Shown

REFERENCES = Kind("references", ".npz")

Pixels = NDArray[np.uint8]  # (side, side, 3), or (count, side, side, 3) for several views
References = Mapping[str, Pixels]  # id -> pixels, as the network is shown them


def load_references(artifacts: Artifacts, shape: Sequence[int]) -> References:
    """The reference pictures of a cache that can be shown as pixels of this shape; none where none were kept."""
    found: dict[str, Pixels] = {}
    for data in artifacts.every(REFERENCES):  # runs of other views, or on several machines, may each have kept some
        with np.load(io.BytesIO(data), allow_pickle=False) as kept:
            for name, one in zip(kept["ids"].tolist(), kept["pixels"], strict=True):
                if (shown := _as_shape(one, tuple(shape))) is not None:
                    found.setdefault(name, shown)
    return found


def comparable(cache: Store, recipes: Sequence[Recipe], references: References) -> dict[str, Pixels]:
    """Those of the references whose vectors of any of the recipes are stored: the others tell nothing."""
    if not references:
        return {}
    ids = from_hex(list(references))
    known = np.any([cache.embedded(ids, recipe) for recipe in recipes], axis=0)
    return {name: references[name] for name, there in zip(references, known.tolist(), strict=True) if there}


def keep_references(cache: Store, recipes: Sequence[Recipe], shown: Shown, chosen: Sequence[Picture]) -> None:
    """Keep the pixels of stored pictures, unless some are kept that every one of the recipes can be compared by.

    Parameters
    ----------
    cache : Store
    recipes : sequence of Recipe
    shown : Transform or Views
        What the network sees of a picture for these recipes.
    chosen : sequence of Picture
        Four or so: at 224 pixels a side each square of each takes 0.1 MB.
    """
    references = load_references(cache.artifacts, shown.shape)
    if all(comparable(cache, [recipe], references) for recipe in recipes):
        return
    found: dict[str, Pixels] = {}
    for picture in chosen:
        try:
            found[picture.id] = pixels(picture, shown)
        except Undecodable:  # it changed since it was embedded
            continue
    if found:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, ids=np.array(list(found)), pixels=np.stack(list(found.values())))
        cache.artifacts.keep(REFERENCES, buffer.getvalue())


def _as_shape(kept: Pixels, shape: tuple[int, ...]) -> Pixels | None:
    """Pixels as fewer views want them: the first of several squares are those of fewer. None where they don't fit."""
    squares = kept if kept.ndim == 4 else kept[None]
    count = shape[0] if len(shape) == 4 else 1
    if len(squares) < count or squares.shape[1:] != shape[-3:]:
        return None
    return squares[:count] if len(shape) == 4 else squares[0]
