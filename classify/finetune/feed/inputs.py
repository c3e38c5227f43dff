"""What the retrained part is fed with: pictures through the frozen part, each time anew.

Rows come in two steps. `fetch` reads and decodes, which takes processors and may go on in a thread of its own while a
device computes; `maps` brings what was fetched to the device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from classify.finetune.feed.views import MIRRORED, PLAIN, View, canvas, crop, crops, cut_of
from classify.finetune.network import Tuned
from featurize import processors
from featurize.errors import Undecodable
from featurize.pictures.file import Picture, pixels
from featurize.pictures.transform import Pixels, Transform

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Fetched:
    """Rows in memory, as `Inputs.maps` takes them.

    Parameters
    ----------
    values : torch.Tensor (B, ...)
        Pixels (H, W, 3) uint8 of each row, or its stored map, flat, float16.
    whole : ndarray (B,) bool
        Which rows could be read; the others are black.
    cuts : torch.Tensor (B, 5), optional
        Where the pixels are canvases: what is to be cut from them on the device (see `views.crops`).
    """

    values: torch.Tensor
    whole: NDArray[np.bool_]
    cuts: torch.Tensor | None = None

    def part(self, rows: slice) -> Fetched:
        """Some of the rows."""
        return Fetched(self.values[rows], self.whole[rows], None if self.cuts is None else self.cuts[rows])

    def pinned(self) -> Fetched:
        """The same where a GPU copies from without waiting (page-locked memory)."""
        return self if self.values.is_pinned() else replace(self, values=self.values.pin_memory())


class Inputs(Protocol):
    """Gives maps of rows as the retrained part takes them."""

    def fetch(self, rows: Sequence[int], views: Sequence[View]) -> Fetched:
        """Rows, each as one view shows it, brought into memory."""

    def maps(self, rows: Fetched) -> torch.Tensor:
        """What was fetched, or a part of it, as maps (b, C, h, w) or tokens (b, T, C) on the device."""


@dataclass
class Pictures:
    """Picture files as pixels, decoded by threads and kept in memory up to a limit.

    Parameters
    ----------
    pictures : sequence of Picture
        One a row.
    transform : Transform
    workers : int
    memory : int
        Bytes of pixels to keep.
    """

    pictures: Sequence[Picture]
    transform: Transform
    workers: int
    memory: int
    failed: dict[int, Undecodable] = field(default_factory=dict)
    _kept: dict[tuple[int, bool], Pixels] = field(default_factory=dict)

    def take(self, rows: Sequence[int], views: Sequence[View]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Pixels (B, H, W, 3) uint8 of rows, each as one view shows it, and which of them could be decoded (B,)."""
        side = self.transform.crop
        out = np.zeros((len(rows), side, side, 3), np.uint8)
        whole = np.zeros(len(rows), bool)

        def fill(place: int) -> None:
            found = self._look(rows[place], views[place])
            if found is not None:
                out[place], whole[place] = found, True

        self._each(fill, len(rows))
        return out, whole

    def canvases(self, rows: Sequence[int], out: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Fill in the canvases (B, S, S, 3) that crops of rows are cut from; tells which could be decoded (B,)."""
        whole = np.zeros(len(rows), bool)

        def fill(place: int) -> None:
            found = self._canvas(rows[place])
            whole[place] = found is not None
            out[place] = 0 if found is None else found

        self._each(fill, len(rows), alone=all((row, True) in self._kept for row in rows))
        return whole

    def _each(self, fill: Callable[[int], None], count: int, alone: bool = False) -> None:
        """Fill so many places, by all threads; by this one where there is nothing to decode."""
        if self.workers == 1 or alone:
            for place in range(count):
                fill(place)
        else:
            with ThreadPoolExecutor(self.workers, thread_name_prefix="picture") as pool:
                list(pool.map(fill, range(count)))

    def only(self, rows: Sequence[int]) -> Pictures:
        """Some of the pictures, in that order, with what is kept of them."""
        places = {row: n for n, row in enumerate(rows)}
        kept = {(places[row], whole): p for (row, whole), p in self._kept.items() if row in places}
        failed = {places[row]: why for row, why in self.failed.items() if row in places}
        chosen = [self.pictures[row] for row in rows]
        return Pictures(chosen, self.transform, self.workers, self.memory, failed, kept)

    def _look(self, row: int, view: View) -> Pixels | None:
        if view.draw:
            square = self._canvas(row)
            return None if square is None else crop(square, view, self.pictures[row].id, self.transform.crop)
        square = self._readable(row, False)
        return square[:, ::-1] if view == MIRRORED and square is not None else square

    def _canvas(self, row: int) -> Pixels | None:
        return self._readable(row, True)

    def _readable(self, row: int, whole: bool) -> Pixels | None:
        if row in self.failed:
            return None
        try:
            return self._decoded(row, whole)
        except Undecodable as why:
            self.failed[row] = why
            return None

    def _decoded(self, row: int, whole: bool) -> Pixels:
        """The square that the network sees, or the canvas that crops are cut from."""
        known = self._kept.get((row, whole))
        if known is not None:
            return known
        found = pixels(self.pictures[row], canvas(self.transform) if whole else self.transform)
        if self.memory >= found.nbytes:
            self.memory -= found.nbytes
            self._kept[row, whole] = found
        return found


@dataclass
class Uncached:
    """Pictures, through the frozen part of a network each time they are asked for.

    Parameters
    ----------
    pictures : Pictures
    tuned : Tuned
    cut_there : bool, optional
        Whether random crops are cut on the device: by default on a GPU, which else would wait for them.
    """

    pictures: Pictures
    tuned: Tuned
    cut_there: bool | None = None

    def fetch(self, rows: Sequence[int], views: Sequence[View]) -> Fetched:
        """See `Inputs`."""
        import torch

        there = self.tuned.on_gpu if self.cut_there is None else self.cut_there
        if there and all(view.draw for view in views):
            side = self.pictures.transform.resize
            canvases = torch.empty(len(rows), side, side, 3, dtype=torch.uint8, pin_memory=self.tuned.on_gpu)
            whole = self.pictures.canvases(rows, canvases.numpy())
            cuts = [cut_of(v, self.pictures.pictures[row].id, side) for v, row in zip(views, rows, strict=True)]
            numbers = [(c.left, c.top, c.width, c.height, float(c.mirrored)) for c in cuts]
            return Fetched(canvases, whole, torch.tensor(numbers))
        found, whole = self.pictures.take(rows, views)
        return Fetched(torch.from_numpy(found), whole)

    def maps(self, rows: Fetched) -> torch.Tensor:
        """See `Inputs`."""
        pixels = rows.values.to(self.tuned.device, non_blocking=True)
        if rows.cuts is not None:
            pixels = crops(pixels, rows.cuts, self.pictures.transform.crop)
        return self.tuned.maps(pixels)


def readable(pictures: Pictures, rows: Sequence[int], batch: int) -> dict[int, Undecodable]:
    """Decode the pictures of some rows once; gives those that can't be, by row."""
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        pictures.take(part, [PLAIN] * len(part))
    return pictures.failed


def threads(workers: int | None) -> int:
    """Decoding threads: as many as asked for, or as there are processors."""
    return workers or processors.count()
