"""Pictures are decoded in processes of their own: whatever their bytes do to a decoder, it costs one row.

Decoders are written in C and fed with files of unknown origin. A crash there would take the run along, and a loop
could not be stopped in a thread. So each worker thread has a companion process that knows how to turn bytes into
pixels and nothing else: no files, no network, no torch. The thread waits while its companion computes, so still
one processor carries one batch. A companion that dies or takes too long is replaced; the picture is tried once more
in a new one, and if that ends badly too, it gets the reason CRASHED or HUNG. Nobody else notices.

Companions outlive a run and serve the next one; they end when this process does, however it ends.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import warnings
from multiprocessing.connection import Connection, Pipe

import numpy as np

from featurize import processes, processors
from featurize.errors import DecoderMissing, Undecodable
from featurize.pictures import decoding
from featurize.pictures.squares.views import Shown, shown_from
from featurize.pictures.transform import Pixels
from featurize.reasons import Reason

LIMIT = 120.0  # seconds a picture may take; the largest allowed took 28 on a machine eight times overloaded
MEMORY = 4 << 30  # bytes of address space of a companion: a picture that needs more fails, instead of all
PROGRAM = "featurize.pictures.decoder_processes"  # the module that companions run
POSSIBLE = os.name == "posix"  # Windows hands no open line to a new process: there runs decode by themselves
_TRIES = 2  # once more, in case it was the machine and not the picture
_START = 120.0  # seconds a companion may take to start, on a machine that is busy loading a network

_idle: list[Companion] = []


def pixels_of(data: bytes, transform: Shown) -> Pixels:
    """The pixels that a network sees of a picture file, uint8; may be called from many threads.

    They are (crop, crop, 3), or (count, crop, crop, 3) where several views are shown.

    Parameters
    ----------
    data : bytes
        The whole file.
    transform : Transform or Views

    Raises
    ------
    Undecodable
        With the reason; CRASHED or HUNG where a process was lost.
    DecoderMissing
        No companion can be started.
    """
    if not POSSIBLE:
        return pixels_here(data, transform)
    for attempt in range(_TRIES):
        companion = _take()
        try:
            found = companion.decode(data, transform)
        except _Lost as loss:
            companion.close()
            if attempt == _TRIES - 1:
                raise Undecodable(loss.reason, str(loss)) from None
            continue
        except BaseException:
            companion.close()  # interrupted between question and answer
            raise
        _idle.append(companion)
        if isinstance(found, Undecodable):
            raise found
        return found
    raise AssertionError("no attempt was made")


def pixels_here(data: bytes, transform: Shown) -> Pixels:
    """The same in this very process, for bytes that are known to be harmless."""
    return transform(decoding.decode(data, transform.draft))


def start(count: int) -> None:
    """Have so many companions ready; they start while the caller goes on."""
    if POSSIBLE:
        _idle.extend(Companion() for _ in range(count - len(_idle)))


def stop() -> None:
    """End the companions that have nothing to do."""
    while _idle:
        _idle.pop().close()


def idle_processes() -> list[int]:
    """Process ids of the companions that have nothing to do."""
    return [companion.process for companion in _idle]


def _take() -> Companion:
    with contextlib.suppress(IndexError):
        return _idle.pop()  # atomic: two threads never get the same one
    return Companion()


class _Lost(Exception):
    """A companion died, or was killed because it took too long."""

    def __init__(self, reason: Reason, said: str) -> None:
        super().__init__(said)
        self.reason = reason


class Companion:
    """One process that decodes pictures, as its owner sees it."""

    def __init__(self) -> None:
        ours, theirs = Pipe()
        self._line = ours
        self._greeted = False
        self._processors = processors.allowed()
        with theirs:
            self._process = subprocess.Popen(
                processes.command(PROGRAM, str(theirs.fileno()), str(LIMIT)),
                pass_fds=[theirs.fileno()],
                env=processes.environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # C libraries talk about broken pictures there
                start_new_session=True,  # Ctrl-C and Ctrl-Z are for the run
            )

    @property
    def process(self) -> int:
        """Its process id."""
        return self._process.pid

    def decode(self, data: bytes, transform: Shown) -> Pixels | Undecodable:
        """Pixels of the transform's shape, uint8, or why there are none; `_Lost` when the process is gone."""
        self._greet()
        self._follow()
        try:
            self._line.send_bytes(json.dumps(transform.as_json()).encode())
            self._line.send_bytes(data)
            if not self._line.poll(LIMIT):
                raise _Lost(Reason.HUNG, f"stopped after {LIMIT:.0f} s")
            answer = self._line.recv_bytes()
        except (EOFError, OSError):
            raise _Lost(Reason.CRASHED, self._how_it_ended()) from None
        if answer[0] != Reason.OK:
            return Undecodable(Reason(answer[0]), answer[1:].decode())
        return np.frombuffer(answer, np.uint8, offset=1).reshape(transform.shape)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._line.close()
        self._process.kill()
        self._process.wait()

    def _greet(self) -> None:
        if self._greeted:
            return
        with contextlib.suppress(EOFError, OSError):
            self._greeted = self._line.poll(_START) and bool(self._line.recv_bytes())
        if not self._greeted:
            self.close()
            raise DecoderMissing(
                f"the process that decodes pictures does not start: run `{sys.executable} -m {PROGRAM}` to see why"
            )

    def _follow(self) -> None:
        """Compute where the thread that waits may compute; changing processors costs some percent of a run."""
        allowed = processors.allowed()
        if allowed != self._processors:
            processors.keep_to(allowed, self.process)
            self._processors = allowed

    def _how_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(10)
            return signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return "it closed its line"


def serve(line: Connection, limit: float) -> None:
    """What a companion does: it answers pictures with pixels until no more are sent."""
    line.send_bytes(b"ready")
    while True:
        try:
            transform = shown_from(json.loads(line.recv_bytes()))
            data = line.recv_bytes()
        except (EOFError, OSError):
            return
        signal.alarm(round(2 * limit) + 1)  # in case the main process died and can't stop it
        answer = _answer(data, transform)
        signal.alarm(0)
        with contextlib.suppress(OSError):
            line.send_bytes(answer)


def _answer(data: bytes, transform: Shown) -> bytes:
    try:
        return bytes([Reason.OK]) + pixels_here(data, transform).tobytes()
    except Undecodable as why:
        return bytes([why.reason]) + why.detail.encode("utf-8", "replace")
    except MemoryError:
        return bytes([Reason.TOO_LARGE]) + b"it does not fit into memory"


def _limit_resources() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        allowed = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))


def main(arguments: list[str]) -> None:
    """Entry point of a companion: the number of its line, and the limit in seconds."""
    warnings.simplefilter("ignore")  # what is odd about a picture is reported as a reason
    _limit_resources()
    serve(Connection(int(arguments[0])), float(arguments[1]))
    os._exit(0)  # nothing to tidy up


atexit.register(stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # they belong to the parent

if __name__ == "__main__":
    main(sys.argv[1:])
