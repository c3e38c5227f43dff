"""The contract of an engine: a batch of pixels in, vectors out.

Engines of the same precision are interchangeable: what they compute agrees to 1e-4 and usually to 1e-6, so the
engine is not part of the key. A batch always has the same shape; empty places are filled with black, and a
place's vector does not depend on what stands in the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cache import Recipe
from cache.key import Json
from featurize.networks.recipes import PIXELS, Formula
from featurize.pictures.squares.colours import colours

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
    formulas : list of Formula
        Those that the network computes.
    parallel : bool
        Whether `embed` may run in several threads at once, each with one processor; else it wants all of the
        device for itself.
    in_caller : bool
        Whether `embed` computes in the thread that calls it, so that it matters on which processor that thread is.
    """

    parallel: bool = False
    in_caller: bool = True

    def __init__(self, formulas: Sequence[Formula], batch_size: int) -> None:
        self.formulas = [f for f in formulas if f.kind != PIXELS]
        self._of_pixels = [f for f in formulas if f.kind == PIXELS]
        self.batch_size = batch_size

    def embed(self, pixels: NDArray[np.uint8]) -> Vectors:
        """Vectors of a batch; recipes that ask for it are averaged over several views of each picture.

        Parameters
        ----------
        pixels : ndarray (B, H, W, 3) or (B, V, H, W, 3) uint8
            B is `batch_size`. Where there are V squares of each picture, the first is the one that recipes without
            views see.

        Returns
        -------
        mapping of Recipe to ndarray (B, D) float32
        """
        squares = pixels if pixels.ndim == 5 else pixels[:, None]
        found = dict(self._averaged(squares)) if self.formulas else {}
        return {**found, **{f.recipe: colours(squares[:, 0]) for f in self._of_pixels}}

    def _averaged(self, squares: NDArray[np.uint8]) -> Iterator[tuple[Recipe, NDArray[np.float32]]]:
        """The network's vectors, each the mean over the squares and mirror images that its recipe asks for."""
        most = max(f.squares for f in self.formulas)
        sums: list[list[NDArray[np.float32]]] = [[] for _ in self.formulas]
        for n in range(most):
            square = np.ascontiguousarray(squares[:, n])
            wanted = [n < f.squares for f in self.formulas]
            for add, own, vectors in zip(wanted, sums, self.run(square), strict=True):
                own += [vectors] if add else []
            if any(add and f.mirror for add, f in zip(wanted, self.formulas, strict=True)):
                mirrored = self.run(np.ascontiguousarray(square[:, :, ::-1]))
                for add, f, own, vectors in zip(wanted, self.formulas, sums, mirrored, strict=True):
                    own += [vectors] if add and f.mirror else []
        for f, own in zip(self.formulas, sums, strict=True):
            yield f.recipe, _mean(own)

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


def _mean(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The mean of some matrices, added in their order."""
    if len(parts) == 1:
        return parts[0]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    mean: NDArray[np.float32] = np.float32(1 / len(parts)) * total
    return mean
