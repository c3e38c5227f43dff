"""Facts of a network that was built: what it computes with, and what that costs. For providers alone: loads torch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
_NO_ACTIVATIONS = ("MultiheadAttention", "Softmax", "LogSoftmax", "Softmax2d", "Softmin")


def activations(network: torch.nn.Module) -> list[str]:
    """The names of the activation functions that stand in it as modules, sorted."""
    import torch

    plain = torch.nn.modules.activation.__name__
    found = {type(module) for module in network.modules()}
    # open_clip's own stands among its layers
    names = {
        kind.__name__
        for kind in found
        if kind.__module__ == plain or "activation" in kind.__module__ or kind.__name__ == "QuickGELU"
    }
    return sorted(names.difference(_NO_ACTIVATIONS))


def gigaflops(network: torch.nn.Module, compute: Callable[[], Any]) -> float:
    """What a computation costs, a multiplication and an addition being two operations."""
    from torch.utils.flop_counter import FlopCounterMode

    network.requires_grad_(False)  # the counter stumbles over some slopes
    counter = FlopCounterMode(display=False)
    with counter:
        compute()
    return round(counter.get_total_flops() / 1e9, 2)


@contextmanager
def without_numbers() -> Iterator[None]:
    """Networks that are built within have shapes and no numbers: in an instant, without memory."""
    import torch

    with quiet(), torch.device("meta"):
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """What libraries warn and log about while they build a network is for their own developers."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
