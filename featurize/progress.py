"""How far long work has come: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

_LINE_SECONDS = 10  # between two plain lines


@contextlib.contextmanager
def progress_bar(what: str, unit: str = "pictures") -> Iterator[Callable[[int, int], None]]:
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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=False) as bar:
        task = bar.add_task(what, total=None, rate="")
        started = time.perf_counter()

        def show(done: int, total: int) -> None:
            rate = done / max(time.perf_counter() - started, 1e-9)
            bar.update(task, completed=done, total=total, rate=f"{rate:.1f} {unit}/s")

        yield show


def _plain_lines(what: str, unit: str) -> Callable[[int, int], None]:
    started = last = time.perf_counter()

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.perf_counter()
        if done < total and now - last < _LINE_SECONDS:
            return
        last = now
        rate = done / max(now - started, 1e-9)
        left = (total - done) / rate if rate else 0
        print(f"{what}: {done} of {total} {unit}, {rate:.1f}/s, {left:.0f} s left", file=sys.stderr, flush=True)

    return show
