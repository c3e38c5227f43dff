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
            rate = clock.rate(done)
            bar.update(task, completed=done, total=total, rate=f"{rate:.1f} {unit}/s")

        yield show


class _Clock:
    """Pictures a second since the first call, which may already count some that were done before."""

    def __init__(self) -> None:
        self._started: tuple[float, int] | None = None

    def rate(self, done: int) -> float:
        now = time.perf_counter()
        if self._started is None:
            self._started = now, done
        seconds, before = self._started
        return (done - before) / max(now - seconds, 1e-9)


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
        left = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
        print(f"{what}: {done} of {total} {unit}, {rate:.1f}/s{left}", file=sys.stderr, flush=True)

    return show
