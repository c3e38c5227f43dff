"""Which processors may be used, and which thread keeps to which of them. On macOS and Windows threads are not bound."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

THIS_THREAD = 0


def allowed() -> set[int]:
    """Numbers of the processors that the calling thread may run on; empty where the system doesn't say."""
    return os.sched_getaffinity(THIS_THREAD) if hasattr(os, "sched_getaffinity") else set()


def count() -> int:
    """How many processors there are to use."""
    return len(allowed()) or os.cpu_count() or 1


def keep_to(processors: Iterable[int], process: int = THIS_THREAD) -> None:
    """Let the calling thread, or another process of one thread, run on these only, as far as they are there."""
    with contextlib.suppress(OSError):  # taken away in the meantime
        os.sched_setaffinity(process, processors)


def one_each(workers: int) -> list[int]:
    """A processor for each worker; none where they are fewer or more, or the system doesn't say.

    Fewer would crowd on processors of which some may be two halves of one. Beside other programs that compute, it
    changes nothing: the system moves those.
    """
    processors = sorted(allowed())
    return processors if len(processors) == workers else []
