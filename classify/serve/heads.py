"""The heads that a service answers with, and what can be shown beside a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from classify.errors import ServeError
from classify.prediction import Predictor
from classify.serve.waiting import WaitingRoom


@dataclass(frozen=True)
class Similar:
    """A picture of the collection that looks similar.

    Parameters
    ----------
    name : str
        Its file's name, without folders.
    similarity : float
        Cosine, at most 1.
    artist, year, label : str
        "" where they are not known.
    thumbnail : str
        A small square of it as a data address; "" where there is none.
    """

    name: str
    similarity: float
    artist: str = ""
    year: str = ""
    label: str = ""
    thumbnail: str = ""


class Explain(Protocol):
    """Where in a picture a head sees a class."""

    def __call__(self, data: bytes, label: str) -> bytes:
        """A PNG with transparency to lay over the square of the picture that the network sees."""


class FindSimilar(Protocol):
    """Which pictures of a collection look most like one."""

    def __call__(self, data: bytes, row: NDArray[np.float32], count: int) -> Sequence[Similar]:
        """The nearest first, from a picture's file and its embedding (D,)."""


@dataclass(frozen=True)
class ServedHead:
    """A head that answers.

    Parameters
    ----------
    name : str
        As requests call it.
    predictor : Predictor
    room : WaitingRoom
        Shared by heads on the same network.
    explain : Explain, optional
    similar : FindSimilar, optional
    """

    name: str
    predictor: Predictor
    room: WaitingRoom
    explain: Explain | None = None
    similar: FindSimilar | None = None


def open_heads(predictors: Sequence[Predictor], names: Sequence[str], waiting: int) -> dict[str, ServedHead]:
    """Heads by their names, those on one network behind one queue.

    Raises
    ------
    ServeError
        Two have the same name.
    """
    rooms: list[tuple[Predictor, WaitingRoom]] = []
    served: dict[str, ServedHead] = {}
    for predictor, name in zip(predictors, names, strict=True):
        if name in served:
            raise ServeError(f"two heads are called {name!r}: rename one of the files")
        room = next((r for p, r in rooms if p.network is predictor.network), None)
        if room is None:
            room = WaitingRoom(predictor.network, waiting)
            rooms.append((predictor, room))
        served[name] = ServedHead(name, predictor, room)
    return served


def close_heads(served: dict[str, ServedHead]) -> None:
    """Answer what waits, and end the threads."""
    for room in {id(head.room): head.room for head in served.values()}.values():
        room.close()
