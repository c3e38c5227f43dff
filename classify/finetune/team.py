"""Processes that train together, as torchrun starts them; alone, all of this does nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from classify.errors import FinetuneError

if TYPE_CHECKING:
    import torch

# the others wait while the first stores maps, which may take days; torchrun ends them where one dies
_PATIENCE = timedelta(days=30)


@dataclass(frozen=True)
class Team:
    """One of `size` processes that share each batch.

    Parameters
    ----------
    rank, size : int
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether it is the one that writes."""
        return self.rank == 0

    def add_up(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.size > 1:
            import torch.distributed as dist

            with _as_one():
                for tensor in tensors:
                    dist.all_reduce(tensor)

    def as_leader(self, state: Mapping[str, torch.Tensor]) -> None:
        """Replace tensors by those of the first process."""
        if self.size > 1:
            import torch.distributed as dist

            with _as_one():
                for name in sorted(state):
                    dist.broadcast(state[name], 0)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            import torch.distributed as dist

            with _as_one():
                dist.barrier()


@contextmanager
def _as_one() -> Iterator[None]:
    """Tell that another process has ended, where the library says that nobody answers.

    Raises
    ------
    FinetuneError
    """
    try:
        yield
    except RuntimeError as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FinetuneError(
            f"another of the processes that train together has ended or can't be reached ({why}): its own message says "
            "why; the same command goes on after the last whole epoch"
        ) from error


def speaks() -> bool:
    """Whether this process is the first of those that torchrun started, which alone tells people what goes on."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def team() -> Iterator[Team]:
    """The processes that torchrun started, by NCCL on GPUs and gloo elsewhere; one alone where it did not."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    import torch
    import torch.distributed as dist

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))  # "cuda" is a device of its own for each
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield Team(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()
