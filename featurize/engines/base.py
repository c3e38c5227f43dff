"""The contract of an engine: a batch of pixels in, vectors out.

Engines of the same precision are interchangeable: what they compute agrees to 1e-4 and usually to 1e-6, so the
engine is not part of the key. A batch always has the same shape; empty places are filled with black, and a
place's vector does not depend on what stands in the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cache import Recipe
from cache.key import Json
from featurize.networks.recipes import Formula

Vectors = Mapping[Recipe, NDArray[np.float32]]


class Engine(ABC):
    """A backbone with weights and recipes, ready to run.

    Parameters
    ----------
    formulas : sequence of Formula
    batch_size : int
        Pictures in every batch.

    Attributes
    ----------
    parallel : bool
        Whether `embed` may run in several threads at once, each with one processor; else it wants all of the
        device for itself.
    """

    parallel: bool = False

    def __init__(self, formulas: Sequence[Formula], batch_size: int) -> None:
        self.formulas = list(formulas)
        self.batch_size = batch_size

    def embed(self, pixels: NDArray[np.uint8]) -> Vectors:
        """Vectors of a batch; recipes that ask for it are averaged over each picture and its mirror image.

        Parameters
        ----------
        pixels : ndarray (B, H, W, 3) uint8
            B is `batch_size`.

        Returns
        -------
        mapping of Recipe to ndarray (B, D) float32
        """
        plain = self.run(pixels)
        if not any(f.mirror for f in self.formulas):
            return {f.recipe: v for f, v in zip(self.formulas, plain, strict=True)}
        mirrored = self.run(np.ascontiguousarray(pixels[:, :, ::-1]))
        return {
            f.recipe: np.float32(0.5) * (v + m) if f.mirror else v
            for f, v, m in zip(self.formulas, plain, mirrored, strict=True)
        }

    @abstractmethod
    def run(self, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The formulas' vectors of a batch as it stands, in their order: (B, H, W, 3) -> [(B, D), ...]."""

    @abstractmethod
    def environment(self) -> Mapping[str, Json]:
        """What is recorded beside each segment: engine, versions, device, threads, batch size."""

    def describe(self) -> str:
        """One line for the screen."""
        facts = self.environment()
        return f"{facts['engine']} {facts['precision']} on {facts['device']}, batches of {self.batch_size}"
