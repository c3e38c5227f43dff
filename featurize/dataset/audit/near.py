"""Near-duplicates: the same picture encoded again, resized, mirrored, slightly cropped, in other brightness.

Three sieves, each finer and slower than the one before: descriptions all against all (`candidates`), tiny
versions laid over each other, and for the few pairs that are left the pictures themselves, opened again at 96
pixels, where fine detail must agree as well. Different paintings of the same composition pass the second sieve
and are stopped by the third.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from featurize import processors
from featurize.dataset.audit.align import LARGEST, Stack, Windows, align, detail_agreement, inner_agreement
from featurize.dataset.audit.candidates import Candidates, find_candidates
from featurize.dataset.audit.fingerprints import Prints, small
from featurize.errors import Undecodable
from featurize.pictures.file import Picture, read
from featurize.progress import Progress

# Where the lines are drawn; measured on paintings, see docs/datasets.md.
AGREEMENT = 0.85  # of the tiny versions, of the whole and of the inner part
STRETCH = 0.15  # by which the ratio of the sides may differ from what the crop explains (logarithm)
DETAIL = 0.5  # of the fine detail at 96 pixels ...
SMOOTH = 0.93  # ... or of the inner part, where there is no fine detail left
_CONFIRM_SIDE = 96
_BATCH = 256
_ROUGH = 0.75  # of versions half as large, before the finer steps
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Near:
    """Two pictures that are one.

    Parameters
    ----------
    first, second : int
        Row numbers of the fingerprints.
    agreement : float
        Correlation of the grey values, at most 1.
    detail : float
        Correlation of the fine detail; -1 where the files could not be opened.
    mirrored : bool
    cropped : float
        Share of a side by which one exceeds the other, at least roughly.
    confirmed : bool
        Whether the files were opened and agreed.
    """

    first: int
    second: int
    agreement: float
    detail: float
    mirrored: bool
    cropped: float
    confirmed: bool

    @property
    def rows(self) -> tuple[int, int]:
        """Both row numbers, the smaller first."""
        return self.first, self.second


def find_near(
    prints: Prints, pictures: Sequence[Picture], workers: int | None = None, progress: Progress | None = None
) -> list[Near]:
    """Near-duplicates among distinct pictures, best agreement first.

    Parameters
    ----------
    prints : ndarray (N,) of PRINT
    pictures : sequence of Picture
        N files, in the same order.
    workers : int, optional
    progress : callable, optional
        Called with (pairs looked at, pairs in all).
    """
    from threadpoolctl import threadpool_limits

    candidates = find_candidates(prints)
    opened = lru_cache(maxsize=256)(lambda n: _grey(pictures[n]))

    def sieve(start: int) -> list[Near]:
        laid = _laid_over(prints, candidates[start : start + _BATCH])
        looked_at = (_confirmed(pair, opened(pair.first), opened(pair.second)) for pair in laid)
        return [near for near in looked_at if near is not None]

    if progress and len(candidates):
        progress(0, len(candidates))
    best: dict[tuple[int, int], Near] = {}
    # many small products: threads of one product would only wait for each other
    with threadpool_limits(1), ThreadPoolExecutor(workers or processors.count()) as pool:
        for done, found in enumerate(pool.map(sieve, range(0, len(candidates), _BATCH)), 1):
            for near in found:
                if near.rows not in best or near.agreement > best[near.rows].agreement:
                    best[near.rows] = near
            if progress:
                progress(min(done * _BATCH, len(candidates)), len(candidates))
    return sorted(best.values(), key=lambda near: (-near.agreement, near.rows))


@dataclass(frozen=True)
class _Laid:
    """A pair whose tiny versions agree: one is a window of the other, the first mirrored before where it says so."""

    first: int
    second: int
    mirrored: bool
    backwards: bool  # whether the first is the window of the second
    window: Windows  # (1, 4)
    agreement: float


def _laid_over(prints: Prints, pairs: Candidates) -> list[_Laid]:
    """The pairs whose tiny versions agree, each in the better of its two directions."""
    a, b = (np.asarray(prints["grey"][rows], np.float32) for rows in (pairs.first, pairs.second))
    a[pairs.mirrored] = a[pairs.mirrored][:, :, ::-1]
    ratio = prints["size"][:, 0] / prints["size"][:, 1]
    stretch = np.log(ratio[pairs.second] / ratio[pairs.first])
    best: dict[int, _Laid] = {}
    for backwards in (False, True):
        moving, fixed = (b, a) if backwards else (a, b)
        rough, windows = align(_halved(moving), _halved(fixed), steps=4)
        rows = np.flatnonzero(rough >= _ROUGH)
        agreement, windows = align(moving[rows], fixed[rows], windows[rows], steps=4)
        agreement = np.minimum(agreement, inner_agreement(moving[rows], fixed[rows], windows))
        explained = np.log((1 + windows[:, 0]) / (1 + windows[:, 2]))
        unexplained = np.abs((-stretch if backwards else stretch)[rows] - explained)
        good = (agreement >= AGREEMENT) & (unexplained <= STRETCH) & (np.abs(windows).max(1, initial=0) < LARGEST)
        for n in np.flatnonzero(good).tolist():
            k = int(rows[n])
            if k not in best or agreement[n] > best[k].agreement:
                first, second, mirrored = int(pairs.first[k]), int(pairs.second[k]), bool(pairs.mirrored[k])
                best[k] = _Laid(first, second, mirrored, backwards, windows[n : n + 1], float(agreement[n]))
    return list(best.values())


def _halved(pictures: Stack) -> Stack:
    """(B, 32, 32) -> (B, 16, 16), means of four."""
    count, n, _ = pictures.shape
    halved: Stack = pictures.reshape(count, n // 2, 2, n // 2, 2).mean((2, 4))
    return halved


def _confirmed(pair: _Laid, first: Stack | None, second: Stack | None) -> Near | None:
    """The pair after a look at the files; None where they differ after all."""
    cropped = float(np.abs(pair.window[0, ::2]).max())
    if first is None or second is None:
        return Near(pair.first, pair.second, pair.agreement, -1, pair.mirrored, cropped, False)
    turned = first[:, :, ::-1] if pair.mirrored else first
    moving, fixed = (second, turned) if pair.backwards else (turned, second)
    agreement, window = align(moving, fixed, pair.window)
    inner = float(inner_agreement(moving, fixed, window)[0])
    detail = float(detail_agreement(moving, fixed, window)[0])
    if inner < AGREEMENT or (detail < DETAIL and inner < SMOOTH):
        return None
    return Near(pair.first, pair.second, float(agreement[0]), detail, pair.mirrored, cropped, True)


def _grey(picture: Picture) -> Stack | None:
    """A picture's grey values, (1, 96, 96); None where the file can't be read."""
    try:
        return (small(read(picture.path), _CONFIRM_SIDE)[1] @ _LUMA)[None]
    except Undecodable:
        return None
