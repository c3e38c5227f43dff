"""How far long work has come: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

Progress = Callable[[int, int], None]  # called with how much is done, and how much there is in all

ProgressBar = Callable[[str, str], AbstractContextManager[Progress]]  # what goes on, and the unit -> a bar

_LINE_SECONDS = 10  # between two plain lines


@contextlib.contextmanager
def progress_bar(what: str, unit: str = "pictures") -> Iterator[Progress]:
    """Show progress on stderr while the block runs.

    Parameters
    ----------
    what : str
        What is going on, as in "embedding".
    unit : str

    Yields
    ------
    callable
        To be called with (done, total).
    """
    if not sys.stderr.isatty():
        yield _plain_lines(what, unit)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Bar(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task(what, total=None, rate="")
        clock = _Clock()

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, rate=pace(clock.rate(done), unit))

        yield show


def pace(rate: float, unit: str = "pictures") -> str:
    """How fast work goes, in the unit that a reader can count: "12.3 pictures/s", "4.2 s each", "3.5 min each".

    Parameters
    ----------
    rate : float
        Pieces of work a second; 0 where it is not known yet, which gives an empty text.
    unit : str
    """
    if rate <= 0:
        return ""
    return f"{rate:,.1f} {unit}/s" if rate >= 1 else f"{duration(1 / rate, 1)} each"


def duration(seconds: float, digits: int = 0) -> str:
    """ "40 s", "3.5 min", "2.3 h": seconds, with some digits, up to two minutes, and so on."""
    for limit, size, name in ((120, 1, "s"), (7200, 60, "min")):
        if seconds < limit:
            return f"{seconds / size:.{digits if size == 1 else 1}f} {name}"
    return f"{seconds / 3600:.1f} h"


class _Clock:
    """Pictures a second since the first call, which may already count some that were done before; 0 at first."""

    def __init__(self) -> None:
        self._started: tuple[float, int] | None = None

    def rate(self, done: int) -> float:
        now = time.perf_counter()
        if self._started is None:
            self._started = now, done
        seconds, before = self._started
        return max(done - before, 0) / max(now - seconds, 1e-9)


def _plain_lines(what: str, unit: str) -> Progress:
    last = time.perf_counter()
    clock = _Clock()

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.perf_counter()
        rate = clock.rate(done)
        if done < total and now - last < _LINE_SECONDS:
            return
        last = now
        left = f"{duration((total - done) / rate)} left" if rate > 0 and done < total else ""
        line = ", ".join(filter(None, [f"{what}: {done} of {total} {unit}", pace(rate, unit), left]))
        print(line, file=sys.stderr, flush=True)

    return show
