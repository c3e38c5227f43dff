"""Subjects, as named shapes before anyone has painted them.

The same motif serves every figurative style, so that a style can't be told by its subject.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from featurize.gallery.artists import Artist
from featurize.gallery.motifs.indoors import still_life
from featurize.gallery.motifs.outdoors import harbour, landscape
from featurize.gallery.motifs.sitters import portrait
from featurize.gallery.motifs.sketch import Shape, Sketch

MOTIFS: dict[str, Callable[[Sketch], None]] = {
    "landscape": landscape,
    "harbour": harbour,
    "still-life": still_life,
    "portrait": portrait,
}


def sketch_motif(rng: np.random.Generator, artist: Artist, subject: str, aspect: float) -> list[Shape]:
    """The shapes of a subject as this artist sees it, for a picture ``aspect`` times as wide as high."""
    sketch = Sketch(rng, artist, aspect)
    MOTIFS[subject](sketch)
    return sketch.shapes
