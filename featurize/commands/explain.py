"""One sentence about any error that ends a command: what happened, and the way out.

The packages' own errors carry their sentence. Beside them people meet errors of the system (a full disk, a file that
may not be read, too little memory), of a damaged installation, and of libraries; these get their sentence here.
"""

from __future__ import annotations

import sys
from types import TracebackType

_OWN = ("cache", "featurize", "classify")
_DEBUG = "--debug shows where"
_ALLOCATOR = "DefaultCPUAllocator"  # torch raises a plain RuntimeError where a CPU has no memory left


def explain(error: BaseException) -> str:
    """The sentence for an error.

    Parameters
    ----------
    error : BaseException
        With its traceback, by which an error of a library is told from one of this project.
    """
    from cache.errors import ArtstyleError, NotStored  # only now: `--help` is quick without the cache

    if isinstance(error, NotStored) and error.key:
        from featurize.run.again import run_command

        return f"{error.what}: run `{run_command(error.key, error.embedding, error.place, error.table)}`"
    if isinstance(error, ArtstyleError):
        return str(error)
    if isinstance(error, MemoryError) or _is_of_torch(error, "OutOfMemoryError") or _ALLOCATOR in str(error):
        return (
            f"this machine has too little free memory{_behind_colon(error)}: close other programs, or use smaller "
            "numbers for --workers, --batch-size and --size, fewer heads, or a shorter embedding"
        )
    if isinstance(error, OSError):
        return _of_the_system(error)
    if isinstance(error, ImportError):
        return f"a package can't be loaded{_behind_colon(error)}; install the project again ({_DEBUG})"
    if isinstance(error, UnicodeEncodeError):
        return f"the output can't show {error.object[error.start : error.end]!r}: set PYTHONUTF8=1 and try again"
    library = _library_of(error.__traceback__)
    if library:
        return f"the library {library} failed with {type(error).__name__}{_behind_colon(error)} ({_DEBUG})"
    return f"unexpected {type(error).__name__}{_behind_colon(error)} ({_DEBUG}; please report it)"


def _of_the_system(error: OSError) -> str:
    from cache.files import way_out

    named = [repr(str(name)) for name in (error.filename, error.filename2) if name is not None]
    return f"{' and '.join(named) or 'the system'} can't be used: {way_out(error)} ({_DEBUG})"


def _behind_colon(error: BaseException) -> str:
    """What the error says, on one line."""
    text = " ".join(str(error).split())
    return f" ({text})" if text else ""


def _is_of_torch(error: BaseException, name: str) -> bool:
    kind = getattr(sys.modules.get("torch"), name, None)
    return kind is not None and isinstance(error, kind)


def _library_of(place: TracebackType | None) -> str:
    """The library in whose code an error was raised; empty for code of this project or of Python itself.

    An error in Python's own library belongs to whoever called it, so the innermost frame of another package counts.
    """
    library = ""
    while place is not None:
        package = str(place.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        if package in _OWN:
            library = ""
        elif package and package not in sys.stdlib_module_names and package != "click":
            library = package
        place = place.tb_next
    return library
