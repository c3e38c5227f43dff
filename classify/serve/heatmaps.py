"""Where in a picture a head sees a class, as a picture to lay over it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from classify.explain import Explainer
from classify.head_network import HeadNetwork

_FOR, _AGAINST = (179, 88, 6), (84, 39, 136)  # orange and purple, the ends of the colours of `classify explain`
_OPAQUE = 0.85  # of the strongest place


class Heatmaps:
    """Heatmaps of one head; what they need is loaded when the first is asked for, and they are made one at a time.

    Parameters
    ----------
    make : callable
        Makes the head's `Explainer`.
    network : HeadNetwork
        Decodes the pictures.
    """

    def __init__(self, make: Callable[[], Explainer], network: HeadNetwork) -> None:
        self._make = make
        self._network = network
        self._alone = threading.Lock()

    def __call__(self, data: bytes, label: str) -> bytes:
        """A PNG with transparency of the square that the network sees.

        Parameters
        ----------
        data : bytes
            The picture file.
        label : str
            The class: orange speaks for it, purple against.
        """
        pixels = self._network.decode(data)
        with self._alone:
            heat = self._explainer.explain(pixels, label).heat
        return _overlay(heat, self._network.transform.crop)

    @cached_property
    def _explainer(self) -> Explainer:
        return self._make()


def _overlay(heat: NDArray[np.float64], side: int) -> bytes:
    """Heat (h, w) as a PNG, (side, side) RGBA."""
    from PIL import Image

    most = float(np.abs(heat).max()) or 1.0
    coloured = np.where(heat[..., None] > 0, _FOR, _AGAINST).astype(np.uint8)  # (h, w, 3)
    opacity = (255 * _OPAQUE * np.abs(heat) / most).astype(np.uint8)
    colours = Image.fromarray(coloured).resize((side, side), Image.Resampling.BILINEAR)
    colours.putalpha(Image.fromarray(opacity).resize((side, side), Image.Resampling.BICUBIC))
    file = io.BytesIO()
    colours.save(file, "PNG")
    return file.getvalue()
