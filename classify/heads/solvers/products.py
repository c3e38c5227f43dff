"""The two matrix products of a pass over the rows, by numpy or on CUDA; all else of a linear solver is small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from classify.heads.rows.blocks import Array, Rows

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

    threads: bool  # whether several threads may work on different blocks

    def block(self, at: slice) -> Block:
        """Some consecutive rows."""


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

    threads = True

    def __init__(self, rows: Rows):
        self._rows = rows

    def block(self, at: slice) -> Block:
        """See Products."""
        return NumpyBlock(self._rows[at])


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

    threads = False

    def __init__(self, rows: Rows, device: str):
        self._rows, self._device = rows, device
        self._held: dict[tuple[int, int], Block] = {}

    def block(self, at: slice) -> Block:
        """See Products."""
        import torch

        key = (at.start, at.stop)
        if key in self._held:
            return self._held[key]
        block = TorchBlock(torch.from_numpy(self._rows[at]).to(self._device))
        if self._rows.kept:
            self._held[key] = block
        return block


def make_products(rows: Rows, device: str) -> Products:
    """The products on "cpu", "cuda" or "auto"; torch is loaded for the latter two only.

    Raises
    ------
    ValueError
        Where CUDA is asked for and missing.
    """
    if device == "cpu":
        return NumpyProducts(rows)
    from classify.heads.solvers.device import pick_device

    device = pick_device(device)
    return NumpyProducts(rows) if device == "cpu" else TorchProducts(rows, device)
