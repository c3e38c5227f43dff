"""Laying one picture over another: which part of the first is the second, and how well the two agree.

A picture that was cropped a little is a window of the other: `x -> (1 + s) x + t` along each side. The window is
found by Gauss-Newton steps on the grey values (Lucas & Kanade, IJCAI 1981, with two scales and two shifts), and
agreement is the correlation of the grey values, so that brightness and contrast don't matter. All of it works on
stacks of square pictures, (B, n, n) float32.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Stack = NDArray[np.float32]  # (B, n, n)
Windows = NDArray[np.float32]  # (B, 4): scale and shift across, scale and shift down
LARGEST = 0.2  # scales and shifts stay within this
_DAMPING = 1e-3


def align(
    moving: Stack, fixed: Stack, start: Windows | None = None, steps: int = 6
) -> tuple[NDArray[np.float32], Windows]:
    """The window of each moving picture that agrees best with its fixed one.

    Parameters
    ----------
    moving, fixed : ndarray (B, n, n) float32
    start : ndarray (B, 4), optional
        Where to begin; the whole picture by default.
    steps : int

    Returns
    -------
    agreement : ndarray (B,) float32
        Correlation, at most 1.
    windows : ndarray (B, 4) float32
    """
    windows = np.zeros((len(moving), 4), np.float32) if start is None else start.copy()
    goal = standard(fixed)
    best, kept = np.full(len(moving), -1, np.float32), windows.copy()
    for step in range(steps + 1):
        seen = standard(view(moving, windows))
        agreement = (seen * goal).mean((1, 2))
        better = agreement > best
        best[better], kept[better] = agreement[better], windows[better]
        if step < steps:
            windows = (windows + _step(seen, goal)).clip(-LARGEST, LARGEST).astype(np.float32)
    return best, kept


def view(pictures: Stack, windows: Windows) -> Stack:
    """Each picture through its window, at the same size; edges are continued."""
    n = pictures.shape[1]
    across = _sampling(windows[:, 0], windows[:, 1], n)
    down = _sampling(windows[:, 2], windows[:, 3], n)
    seen: Stack = (down @ pictures @ across.transpose(0, 2, 1)).astype(np.float32, copy=False)
    return seen


def inner_agreement(moving: Stack, fixed: Stack, windows: Windows) -> NDArray[np.float32]:
    """Correlation without the outer sixth, so that a frame or a bright edge does not decide alone; (B,)."""
    rim = moving.shape[1] // 6
    inside = slice(rim, -rim)
    seen, goal = view(moving, windows)[:, inside, inside], fixed[:, inside, inside]
    agreement: NDArray[np.float32] = (standard(seen) * standard(goal)).mean((1, 2))
    return agreement


def detail_agreement(moving: Stack, fixed: Stack, windows: Windows) -> NDArray[np.float32]:
    """Correlation of the fine detail inside: what is left when a blurred version is taken away; (B,)."""
    rim = moving.shape[1] // 6
    inside = slice(rim, -rim)
    fine, wanted = _fine(view(moving, windows)), _fine(fixed)
    agreement: NDArray[np.float32] = (standard(fine[:, inside, inside]) * standard(wanted[:, inside, inside])).mean(
        (1, 2)
    )
    return agreement


def standard(pictures: Stack) -> Stack:
    """Mean 0 and standard deviation 1 each; a picture of one tone becomes 0."""
    centred = pictures - pictures.mean((1, 2), keepdims=True)
    deviation = np.sqrt((centred * centred).mean((1, 2), keepdims=True))
    scaled: Stack = (centred / (deviation + np.float32(1e-3))).astype(np.float32, copy=False)
    return scaled


def _fine(pictures: Stack) -> Stack:
    blur = _blurring(pictures.shape[1])
    fine: Stack = (pictures - blur @ pictures @ blur.T).astype(np.float32, copy=False)
    return fine


def _step(seen: Stack, goal: Stack) -> Windows:
    """One damped Gauss-Newton step towards the goal."""
    count, n, _ = seen.shape
    place = _places(n)
    down, across = (g * n for g in np.gradient(seen, axis=(1, 2)))
    slopes = np.stack([across * place, across, down * place[:, None], down], 1).reshape(count, 4, -1)  # (B, 4, n*n)
    error = (goal - seen).reshape(count, -1, 1)
    normal = slopes @ slopes.transpose(0, 2, 1)  # (B, 4, 4)
    trace = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    normal += np.eye(4, dtype=np.float32) * (_DAMPING * trace + _DAMPING)
    step: Windows = np.linalg.solve(normal, slopes @ error)[:, :, 0].astype(np.float32)
    return step


def _sampling(scale: NDArray[np.float32], shift: NDArray[np.float32], n: int) -> Stack:
    """Matrices (B, n, n) that sample n values linearly at the window's places."""
    places = ((1 + scale)[:, None] * _places(n) + shift[:, None] + np.float32(0.5)) * n - np.float32(0.5)
    places = places.clip(0, n - 1)
    left = np.minimum(places.astype(np.intp), n - 2)
    right_share = (places - left).astype(np.float32)
    matrix = np.zeros((len(scale), n, n), np.float32)
    picture, row = np.arange(len(scale))[:, None], np.arange(n)[None]
    matrix[picture, row, left] = 1 - right_share
    matrix[picture, row, left + 1] = right_share
    return matrix


@lru_cache
def _places(n: int) -> NDArray[np.float32]:
    """Centres of n pixels, from -0.5 to 0.5."""
    places: NDArray[np.float32] = ((np.arange(n) + 0.5) / n - 0.5).astype(np.float32)
    return places


@lru_cache
def _blurring(n: int) -> NDArray[np.float32]:
    """A Gaussian of a standard deviation of n / 24 pixels as a matrix (n, n)."""
    distance = np.arange(n)[:, None] - np.arange(n)[None]
    weights = np.exp(-0.5 * (distance / (n / 24)) ** 2)
    blurring: NDArray[np.float32] = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return blurring
