"""The contract of an engine: a batch of pixels in, vectors out.

Engines of the same precision are interchangeable: what they compute agrees to 1e-4 and usually to 1e-6, so the
engine is not part of the key. A batch always has the same shape; empty places are filled with black, and a
place's vector does not depend on what stands in the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cache import Recipe
from cache.key import Json


class Engine(ABC):
    """A backbone with weights and recipes, ready to run.

    Attributes
    ----------
    batch_size : int
        Pictures in every batch.
    """

    batch_size: int

    @abstractmethod
    def embed(self, pixels: NDArray[np.uint8]) -> Mapping[Recipe, NDArray[np.float32]]:
        """Vectors of a batch.

        Parameters
        ----------
        pixels : ndarray (B, H, W, 3) uint8
            B is `batch_size`.

        Returns
        -------
        mapping of Recipe to ndarray (B, D) float32
        """

    @abstractmethod
    def environment(self) -> Mapping[str, Json]:
        """What is recorded beside each segment: engine, versions, device, threads, batch size."""

    def describe(self) -> str:
        """One line for the screen."""
        facts = self.environment()
        return f"{facts['engine']} on {facts['device']}"
