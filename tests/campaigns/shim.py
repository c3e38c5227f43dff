"""The shim between this process and the C library, built when it is needed and armed from Python."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")

OPEN, CREATE, WRITE, FSYNC, RENAME, UNLINK, MKDIR, TRUNCATE, CLOSE, READ = (1 << n for n in range(10))
CHANGES = CREATE | WRITE | FSYNC | RENAME | UNLINK | MKDIR | TRUNCATE
ALL = CHANGES | OPEN | CLOSE | READ
COUNT, ONCE, ON, SHORT_ONCE, SHORT_ON, INTERRUPT, KILL = range(7)


def available() -> bool:
    """Whether there is a C compiler, on a system with LD_PRELOAD."""
    return sys.platform == "linux" and shutil.which("gcc") is not None


def start_again_with_it() -> None:
    """Replace this process by itself with the shim loaded; returns where it is loaded already."""
    if hasattr(ctypes.CDLL(None), "shim_arm"):
        shutil.rmtree(Path(os.environ.pop("LD_PRELOAD")).parent)  # loaded, so the file has done its part
        return
    library = Path(tempfile.mkdtemp(prefix="shim-")) / "shim.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE)], check=True)
    os.environ["LD_PRELOAD"] = str(library)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def arm(folder: Path | None, kinds: int = 0, nth: int = 1, error: int = 0, mode: int = COUNT, trace: int = -1) -> None:
    """What is to happen at calls that touch a folder.

    Parameters
    ----------
    folder : Path, optional
        None disarms.
    kinds : int
        Which calls count, as a sum.
    nth : int
        The call, from 1, at which something happens.
    error : int
        An errno.
    mode : int
    trace : int
        A descriptor to which calls are written; -1 for none.
    """
    library = ctypes.CDLL(None)
    name = os.fsencode(folder) if folder else b""
    library.shim_arm(name, ctypes.c_uint(kinds), ctypes.c_long(nth), error, mode, trace)


def calls() -> int:
    """How many calls were counted since it was armed."""
    counted = ctypes.CDLL(None).shim_calls
    counted.restype = ctypes.c_long
    return int(counted())


def mark(data: bytes) -> None:
    """Write something of one's own into the trace."""
    ctypes.CDLL(None).shim_mark(data, ctypes.c_size_t(len(data)))
