"""A few pictures' pixels, kept with a cache: what new rows are compared by where no stored picture is at hand.

A table may hold new pictures only, and the old ones may be gone. Without these, nothing would show that the network now
gives other numbers than before.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from cache.artifacts import Artifacts, Kind
from featurize.errors import Undecodable
from featurize.pictures.file import Picture, pixels
from featurize.pictures.transform import Transform

REFERENCES = Kind("references", ".npz")

References = Mapping[str, NDArray[np.uint8]]  # id -> pixels (side, side, 3), as the network is shown them


def load_references(artifacts: Artifacts) -> References:
    """The reference pictures of a cache; none where none were kept."""
    for data in islice(artifacts.every(REFERENCES), 1):  # writers on several machines may each have kept some
        with np.load(io.BytesIO(data), allow_pickle=False) as kept:
            return dict(zip(kept["ids"].tolist(), kept["pixels"], strict=True))
    return {}


def keep_references(artifacts: Artifacts, transform: Transform, chosen: Sequence[Picture]) -> None:
    """Keep the pixels of stored pictures, unless some are kept already.

    Parameters
    ----------
    artifacts : Artifacts
    transform : Transform
    chosen : sequence of Picture
        Four or so: at 224 pixels a side each takes 0.1 MB.
    """
    if load_references(artifacts):
        return
    found: dict[str, NDArray[np.uint8]] = {}
    for picture in chosen:
        try:
            found[picture.id] = pixels(picture, transform)
        except Undecodable:  # it changed since it was embedded
            continue
    if found:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, ids=np.array(list(found)), pixels=np.stack(list(found.values())))
        artifacts.keep(REFERENCES, buffer.getvalue())
