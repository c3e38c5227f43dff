"""Files read again and compared with their ids: sizes and times can't show that ids were exchanged between rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from featurize import processors
from featurize.errors import Undecodable
from featurize.pictures.file import Picture
from featurize.progress import Progress
from featurize.reasons import Reason

SAMPLE = 64  # files: they are read in well under a second from a local disk
_CHUNK = 256


def rehash(
    pictures: Sequence[Picture], workers: int | None = None, progress: Progress | None = None
) -> dict[int, Undecodable]:
    """Read every file and compare its content with its id.

    Parameters
    ----------
    pictures : sequence of Picture
    workers : int, optional
        Reading threads.
    progress : callable, optional
        Called with (files read, files in all).

    Returns
    -------
    dict of int to Undecodable
        Numbers of the pictures whose file has another content (reason CHANGED) or can't be read, ascending.
    """
    found: dict[int, Undecodable] = {}
    with ThreadPoolExecutor(workers or processors.count()) as pool:
        for start in range(0, len(pictures), _CHUNK):
            for n, why in enumerate(pool.map(Picture.reread, pictures[start : start + _CHUNK]), start):
                if why is not None:
                    found[n] = why
            if progress:
                progress(min(start + _CHUNK, len(pictures)), len(pictures))
    return found


def rehash_sample(
    pictures: Sequence[Picture], sample: int = SAMPLE, doubted: Sequence[int] = ()
) -> dict[int, Undecodable]:
    """Read a few of the files and compare; where one has another content, read them all.

    Parameters
    ----------
    pictures : sequence of Picture
    sample : int
        How many are drawn by lot.
    doubted : sequence of int
        Numbers of those that are read first.

    Returns
    -------
    dict of int to Undecodable
        Numbers of the pictures whose file has another content; files that can't be read are not among them.
    """
    if _changed(rehash([pictures[n] for n in doubted])):
        return _changed(rehash(pictures))
    # another sample each time, so that repeated runs come to see every file
    chosen = sorted(random.SystemRandom().sample(range(len(pictures)), min(sample, len(pictures))))
    if not _changed(rehash([pictures[n] for n in chosen])):
        return {}
    return _changed(rehash(pictures))


def _changed(found: dict[int, Undecodable]) -> dict[int, Undecodable]:
    return {n: why for n, why in found.items() if why.reason == Reason.CHANGED}
