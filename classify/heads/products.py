"""The two matrix products of a pass over the rows, by numpy or on CUDA; all else of a linear solver is small."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from classify.heads.rows import Array, Rows

if TYPE_CHECKING:
    import torch


class Block(Protocol):
    """Some consecutive rows."""

    def scores(self, W: Array) -> Array:
        """Coefficients (q, D) -> scores (q, n) float32."""

    def gather(self, R: Array) -> Array:
        """Weights (q, n) of the rows -> their weighted sums (q, D) float32."""


class Products(Protocol):
    """All rows, block by block."""

    def __iter__(self) -> Iterator[tuple[slice, Block]]:
        """Pairs of a slice of row numbers and those rows."""


class NumpyBlock:
    """A block in memory."""

    def __init__(self, X: Array):
        self._X = X

    def scores(self, W: Array) -> Array:
        """See Block."""
        product: Array = W @ self._X.T
        return product

    def gather(self, R: Array) -> Array:
        """See Block."""
        product: Array = R @ self._X
        return product


class NumpyProducts:
    """The rows as they come."""

    def __init__(self, rows: Rows):
        self._rows = rows

    def __iter__(self) -> Iterator[tuple[slice, Block]]:
        for at, X in self._rows:
            yield at, NumpyBlock(X)


class TorchBlock:
    """A block on a device of torch's."""

    def __init__(self, X: torch.Tensor):
        self._X = X

    def scores(self, W: Array) -> Array:
        """See Block."""
        import torch

        product: Array = (torch.from_numpy(W).to(self._X.device) @ self._X.t()).cpu().numpy()
        return product

    def gather(self, R: Array) -> Array:
        """See Block."""
        import torch

        product: Array = (torch.from_numpy(R).to(self._X.device) @ self._X).cpu().numpy()
        return product


class TorchProducts:
    """The rows on a device: held there when they are held in memory, else sent there at each pass."""

    def __init__(self, rows: Rows, device: str):
        self._rows, self._device = rows, device
        self._held = list(self._blocks()) if rows.kept else None

    def _blocks(self) -> Iterator[tuple[slice, Block]]:
        import torch

        for at, X in self._rows:
            yield at, TorchBlock(torch.from_numpy(X).to(self._device))

    def __iter__(self) -> Iterator[tuple[slice, Block]]:
        return self._blocks() if self._held is None else iter(self._held)


def make_products(rows: Rows, device: str) -> Products:
    """The products on "cpu", "cuda" or "auto"; torch is loaded for the latter two only.

    Raises
    ------
    ValueError
        Where CUDA is asked for and missing.
    """
    if device == "cpu":
        return NumpyProducts(rows)
    from classify.heads.sgd import pick_device

    device = pick_device(device)
    return NumpyProducts(rows) if device == "cpu" else TorchProducts(rows, device)
