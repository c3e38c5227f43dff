"""Python processes beside this one: how they are started, and a function that runs in one.

Exporting a network takes PyTorch and more than a gigabyte, once, before a run of hours. In a process of its own all
of it is given back when it is done.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from cache.errors import ArtstyleError
from featurize.errors import BackboneError

T = TypeVar("T")


def command(module: str, *arguments: str) -> list[str]:
    """What starts a module of ours as a program."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment(**more: str) -> dict[str, str]:
    """The environment of such a program, which finds the same modules as this process; `more` is added."""
    where = os.pathsep.join(p or os.getcwd() for p in sys.path)  # noqa: PTH109
    return {**os.environ, "PYTHONPATH": where, **more}


def call(function: Callable[..., T], *arguments: Any, unless_loaded: str = "") -> T:
    """What a function returns, computed in a process of its own.

    Parameters
    ----------
    function : callable
        At the top of a module; arguments and result can be pickled.
    *arguments : object
    unless_loaded : str
        A module; where this process has it already, the function is simply called.

    Raises
    ------
    ArtstyleError
        Raised by the function.
    BackboneError
        The process ended before it answered.
    """
    if unless_loaded in sys.modules:
        return function(*arguments)
    with subprocess.Popen(command(__name__), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as child:
        try:
            error, result = _ask(child, function, arguments)
        except BaseException:
            child.kill()
            raise
    if error:
        raise error
    value: T = result
    return value


def _ask(child: subprocess.Popen[bytes], function: Callable[..., T], arguments: tuple[Any, ...]) -> Any:
    """The error and the result of a function in another process, read as they come: a network is there once."""
    assert child.stdin
    assert child.stdout
    try:
        with child.stdin as questions:
            pickle.dump((function, arguments), questions)
        return pickle.load(child.stdout)  # our own process wrote it
    except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
        status = child.wait()
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        raise BackboneError(
            f"the process that prepares the network ended with {how}: is there enough memory?"
        ) from error


def main() -> None:
    """Entry point: a pickled function with its arguments comes in, its error and result go out."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not stand among the answers
    function, arguments = pickle.load(sys.stdin.buffer)
    error, result = None, None
    try:
        result = function(*arguments)
    except KeyboardInterrupt:
        os._exit(130)
    except ArtstyleError as expected:
        error = expected
    with answers:
        pickle.dump((error, result), answers)
    os._exit(0)  # nothing to tidy up


if __name__ == "__main__":
    main()
