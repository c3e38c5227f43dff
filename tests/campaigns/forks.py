"""Processes that cost a fork instead of a start: forked before any thread or HDF5 file is opened.

The parent only forks, waits and kills; whatever opens a file does so in a child.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_POLL = 0.0003  # seconds


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit status, or the negative number of the signal that killed it."""

    status: int
    said: str


def start(work: Callable[[], int], said: Path) -> int:
    """Fork a child that does some work and exits with the status it gives; its words go to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 99
    try:
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.close(out)
        status = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def wait(pid: int, said: Path) -> Ended:
    """Wait for a child."""
    _, how = os.waitpid(pid, 0)
    return _ended(how, said)


def run(work: Callable[[], int], said: Path) -> Ended:
    """Do some work in a child and wait for it."""
    return wait(start(work, said), said)


def ask(question: Callable[[], Any], said: Path) -> Any:
    """A question's answer, worked out in a child."""
    answer = said.with_suffix(".answer")

    def work() -> int:
        answer.write_bytes(pickle.dumps(question()))
        return 0

    ended = run(work, said)
    if ended.status != 0:
        raise RuntimeError(f"the judge itself failed: {ended}")
    return pickle.loads(answer.read_bytes())


def kill_at(pid: int, moment: float, said: Path) -> tuple[Ended, float]:
    """Kill a child with SIGKILL after it has used `moment` seconds of processor time.

    Processor time, so that the moment means the same on a busy machine. Gives how it ended and what it had used.
    """
    clock = (~pid << 3) | 2  # CLOCK_PROCESS_CPUTIME_ID of another process (linux/posix-timers.h)
    used = 0.0
    while True:
        done, how = os.waitpid(pid, os.WNOHANG)
        if done:
            return _ended(how, said), used
        used = max(used, time.clock_gettime(clock))
        if used >= moment:
            os.kill(pid, signal.SIGKILL)
            return wait(pid, said), used
        time.sleep(_POLL)


def _ended(how: int, said: Path) -> Ended:
    status = os.waitstatus_to_exitcode(how)
    return Ended(status, said.read_text(errors="replace")[-4000:] if said.exists() else "")
