"""A function in a process of its own: the same result, the same errors, and nothing left behind."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from featurize import processes
from featurize.errors import BackboneError, WeightsError


def shouted(text: str) -> tuple[int, str]:
    print("this is no answer")
    os.write(1, b"nor is this\n")
    return os.getpid(), text.upper()


def refused() -> None:
    raise WeightsError("'x.pth' is no file of weights")


def lost(how: int) -> None:
    os.kill(os.getpid(), how)


def interrupted() -> None:
    raise KeyboardInterrupt


def broken() -> None:
    raise ZeroDivisionError


def test_the_result_comes_from_another_process() -> None:
    process, text = processes.call(shouted, "naïve art")
    assert text == "NAÏVE ART"
    assert process != os.getpid()


def test_what_is_loaded_here_already_is_used_here() -> None:
    assert processes.call(shouted, "x", unless_loaded="json")[0] == os.getpid()
    assert processes.call(shouted, "x", unless_loaded="no_such_module")[0] != os.getpid()


def test_expected_errors_arrive_as_they_were_raised() -> None:
    with pytest.raises(WeightsError, match=r"^'x.pth' is no file of weights$"):
        processes.call(refused)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_is_lost_is_named(how: signal.Signals) -> None:
    with pytest.raises(BackboneError, match=f"ended with {how.name}: is there enough memory"):
        processes.call(lost, int(how))


def test_an_interrupted_process_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C reaches the caller, too, who tells of it."""
    with pytest.raises(BackboneError, match="exit status 130"):
        processes.call(interrupted)
    assert capfd.readouterr().err == ""


def test_an_unexpected_error_shows_where_it_was_raised(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BackboneError, match="exit status 1"):
        processes.call(broken)
    assert "ZeroDivisionError" in capfd.readouterr().err
