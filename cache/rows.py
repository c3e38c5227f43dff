"""A handful of embedded pictures on their way into or out of the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cache.errors import NotFinite
from cache.ids import Ids
from cache.key import Json, Recipe

OK = 0  # status of a row that has vectors; every other code is a reason why it has none
ABSENT = 255  # status reported for an id that the cache knows nothing of; never stored


@dataclass(frozen=True)
class Rows:
    """N pictures: who they are, what became of them, and their vectors.

    Parameters
    ----------
    ids : ndarray (N,) S32
    status : ndarray (N,) uint8
        0 = embedded, else a reason code.
    vectors : mapping of Recipe to ndarray (N, D) float32 or float16
        Rows that failed hold NaN.
    details : mapping of int to str
        Place of a failed row (0..N-1) to the detail of its reason.
    environment : mapping
        Engine, versions, device, threads, batch size: recorded, not part of any identity.

    Raises
    ------
    ValueError
        The parts differ in length.
    NotFinite
        An embedded row holds a number that is not finite.
    """

    ids: Ids
    status: NDArray[np.uint8]
    vectors: Mapping[Recipe, NDArray[np.floating]]
    details: Mapping[int, str] = field(default_factory=dict)
    environment: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.ids)
        lengths = {"status": len(self.status), **{r.name: len(v) for r, v in self.vectors.items()}}
        for what, length in lengths.items():
            if length != n:
                raise ValueError(f"{n} ids, but {length} rows of {what}")
        if len(np.unique(self.ids)) != n:
            raise ValueError("an id stands twice in one batch of rows")
        embedded = self.status == OK
        for recipe, matrix in self.vectors.items():
            bad = embedded & ~np.isfinite(matrix).all(axis=1)
            if bad.any():
                raise NotFinite(
                    f"{int(bad.sum())} of {n} vectors of {recipe.name!r} hold numbers that are not finite: "
                    "the weights or the precision don't suit this network; choose other weights, or --precision fp32"
                )

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, places: NDArray[np.intp]) -> Rows:
        """The rows at some places, in that order."""
        return Rows(
            self.ids[places],
            self.status[places],
            {recipe: matrix[places] for recipe, matrix in self.vectors.items()},
            {new: self.details[old] for new, old in enumerate(places.tolist()) if old in self.details},
            self.environment,
        )


@dataclass(frozen=True)
class Failure:
    """A picture that could not be embedded.

    Parameters
    ----------
    id : str
        64 hexadecimal digits.
    status : int
        Reason code.
    detail : str
        The decoder's message.
    """

    id: str
    status: int
    detail: str
