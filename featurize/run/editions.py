"""Looking for what earlier editions of the decoder left in a cache: vectors of wrong pixels, and refusals.

A cache's artifacts hold the ids that this edition has looked at or embedded itself. All others are looked at once: a
vector of a picture that an earlier edition may have decoded wrongly is dropped, as is a failure, and both are embedded
again. What can't be looked at, because its file is gone, stays, and is looked at when it is there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from cache import OK, Artifacts, Kind, Store
from cache.ids import ID_DTYPE, Ids
from cache.rows import ABSENT
from featurize.errors import Undecodable
from featurize.pictures.file import Picture
from featurize.pictures.mended import EDITION, was_wrong
from featurize.wording import counted

_SEEN = Kind(f"seen-by-edition-{EDITION}", ".ids")


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
    found: dict[str, list[bytes]] = {"wrong": [], "refused": [], "unseen": []}
    for place in np.flatnonzero((status != ABSENT) & ~np.isin(ids, _seen(cache.artifacts))):
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
    records = list(artifacts.every(_SEEN))
    known = _seen(artifacts)
    if np.isin(ids, known).all():
        return
    artifacts.keep(_SEEN, np.union1d(known, ids).tobytes())
    for record in records:
        artifacts.forget(_SEEN, record)


def _seen(artifacts: Artifacts) -> Ids:
    records = [np.frombuffer(record, ID_DTYPE) for record in artifacts.every(_SEEN)]
    return np.concatenate(records) if records else np.empty(0, ID_DTYPE)


def _judge(picture: Picture) -> str:
    try:
        return "wrong" if was_wrong(picture.path) else ""
    except (OSError, Undecodable):
        return "unseen"
