"""Looking for what earlier editions of the decoder left in a cache: vectors of wrong pixels, and refusals.

A cache's artifacts hold the ids that this edition has looked at or embedded itself. All others are looked at once: a
vector of a picture that an earlier edition may have decoded wrongly is dropped, as is a failure, and both are embedded
again. What can't be looked at, because its file is gone, stays, and is looked at when it is there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cache import OK, Artifacts, Kind, Store
from cache.ids import ID_BYTES, ID_DTYPE, Ids
from cache.rows import ABSENT
from featurize.errors import Undecodable
from featurize.pictures.file import Picture
from featurize.pictures.mended import EDITION, was_wrong
from featurize.wording import counted

_SEEN = Kind(f"seen-by-edition-{EDITION}", ".ids")
_LARGE = 1 << 17  # ids of a record that stays as it is; smaller ones become one


@dataclass(frozen=True)
class Earlier:
    """What earlier editions left of some pictures.

    Parameters
    ----------
    wrong : ndarray (N,) S32
        Pictures with vectors that may be of wrong pixels.
    refused : ndarray (M,) S32
        Pictures that failed.
    unseen : ndarray (K,) S32
        Pictures that could not be looked at.
    """

    wrong: Ids
    refused: Ids
    unseen: Ids

    @property
    def outdated(self) -> Ids:
        """All that is to be embedded again."""
        return np.concatenate([self.wrong, self.refused])

    def describe(self) -> list[str]:
        """Lines for the user; none where there is nothing to say."""
        lines = {
            "that an earlier version may have decoded wrongly: embedding again": self.wrong,
            "that failed with an earlier version: trying again": self.refused,
            "of an earlier version can't be looked at now, and stay as they are": self.unseen,
        }
        return [f"{counted(len(ids), 'picture')} {what}" for what, ids in lines.items() if len(ids)]


def look(cache: Store, ids: Ids, pictures: Mapping[bytes, Picture], gone: Collection[bytes]) -> Earlier:
    """Look at those pictures of a cache that this edition has not seen.

    Parameters
    ----------
    cache : Store
    ids : ndarray (N,) S32
    pictures : mapping of bytes to Picture
        By id.
    gone : collection of bytes
        Ids of pictures whose files are not those of the table.
    """
    status = cache.status(ids)
    if (status == ABSENT).all() or cache.artifacts.holds(_SEEN, _record(ids)):
        return Earlier(*(np.empty(0, ID_DTYPE) for _ in range(3)))
    found: dict[str, list[bytes]] = {"wrong": [], "refused": [], "unseen": []}
    for place in np.flatnonzero((status != ABSENT) & ~_seen(cache.artifacts, ids)):
        picture_id = ids[place : place + 1].tolist()[0]
        what = "unseen" if picture_id in gone else "refused" if status[place] != OK else _judge(pictures[picture_id])
        if what:
            found[what].append(picture_id)
    return Earlier(**{what: np.array(listed, ID_DTYPE) for what, listed in found.items()})


def note_seen(artifacts: Artifacts, ids: Ids) -> None:
    """Write down that whatever vectors these pictures have, now or later, are of this edition's pixels.

    Raises
    ------
    StorageFailed
        The storage refused.
    """
    record = _record(ids)
    if artifacts.holds(_SEEN, record):
        return
    if len(ids) >= _LARGE:
        artifacts.keep(_SEEN, record)
        return
    if _seen(artifacts, ids).all():
        return
    small = [other for other in artifacts.every(_SEEN) if len(other) < _LARGE * ID_BYTES]
    artifacts.keep(_SEEN, _record(np.concatenate([ids, *(np.frombuffer(other, ID_DTYPE) for other in small)])))
    for other in small:
        artifacts.forget(_SEEN, other)


def _record(ids: Ids) -> bytes:
    return np.unique(ids).tobytes()


def _seen(artifacts: Artifacts, ids: Ids) -> NDArray[np.bool_]:
    """Which pictures stand in a record; one record is in memory at a time."""
    seen = np.zeros(len(ids), bool)
    for record in artifacts.every(_SEEN):
        seen |= np.isin(ids, np.frombuffer(record, ID_DTYPE))
    return seen


def _judge(picture: Picture) -> str:
    try:
        return "wrong" if was_wrong(picture.path) else ""
    except (OSError, Undecodable):
        return "unseen"
