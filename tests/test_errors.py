"""Every error of the packages stands in one tree, survives the way between processes, and becomes one sentence."""

from __future__ import annotations

import errno
import importlib
import inspect
import pickle
import pkgutil
import sys

import click
import numpy as np
import pytest

import cache
import classify
import featurize
from cache import ArtstyleError
from cache.errors import ArtifactDamaged, SegmentDamaged
from classify.errors import Refusal
from featurize.commands.console import run
from featurize.commands.explain import explain
from featurize.errors import Misfit, Undecodable
from featurize.reasons import Reason

PACKAGES = (cache, featurize, classify)
ARGUMENTS = {
    ArtifactDamaged: ("body.onnx", "features/body.onnx"),
    SegmentDamaged: ("a.h5", "features/a.h5", "it is cut"),
    Undecodable: (Reason.BROKEN, "bad marker"),
    Misfit: (3, "is cut", True),
    Refusal: (503, "busy", "try again", 2),
}


def error_classes() -> list[type[BaseException]]:
    """Every exception class that a module of the packages defines for others.

    Wrong usage of the command line is click's: those classes descend from its `ClickException`, and loading the
    tree's root for them would make `--help` slow. Warnings descend from Python's, so that filters find them.
    """
    found = set()
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("__main__"):
                continue  # it would run
            members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
            found |= {kind for _, kind in members if issubclass(kind, BaseException)}
    ours = [kind for kind in found if kind.__module__.partition(".")[0] in {p.__name__ for p in PACKAGES}]
    for_others = [k for k in ours if not (k.__name__.startswith("_") or issubclass(k, click.ClickException | Warning))]
    return sorted(for_others, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", error_classes())
def test_every_error_class_is_in_the_tree(kind: type[BaseException]) -> None:
    assert issubclass(kind, ArtstyleError)
    package = kind.__module__.partition(".")[0]
    branch = {"cache": "CacheError", "featurize": "FeaturizeError", "classify": "ClassifyError"}[package]
    assert kind is ArtstyleError or branch in {base.__name__ for base in kind.__mro__}


@pytest.mark.parametrize("kind", error_classes())
def test_every_error_class_is_drawn(kind: type[BaseException]) -> None:
    assert f"{kind.__name__} " in f"{sys.modules[kind.__module__].__doc__}".replace("\n", " ")


@pytest.mark.parametrize("kind", error_classes())
def test_every_error_comes_whole_out_of_another_process(kind: type[BaseException]) -> None:
    error = kind(*ARGUMENTS.get(kind, ("'x' is not there: look elsewhere",)))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def library_failed() -> None:
    """An error that numpy raises for itself."""
    np.linalg.cholesky(-np.eye(2))


def own_mistake() -> None:
    raise ValueError("a column is missing")


def raised_by(function: object) -> BaseException:
    try:
        function()  # type: ignore[operator]
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


SENTENCES: dict[str, tuple[BaseException, str]] = {
    "full disk": (OSError(errno.ENOSPC, "No space left", "/big/x.csv"), "'/big/x.csv' can't be used: the disk is full"),
    "no permission": (PermissionError(errno.EACCES, "denied", "x.csv"), "'x.csv' can't be used: permission is denied"),
    "no such file": (FileNotFoundError(errno.ENOENT, "none", "x.csv"), "there is no such file or folder: check the"),
    "two names": (OSError(errno.EXDEV, "Cross-device link", "a", None, "b"), "'a' and 'b' can't be used: Cross-device"),
    "without a number": (OSError("the line went dead"), "the system can't be used: the line went dead"),
    "memory": (MemoryError(), "too little free memory: close other programs"),
    "memory of a tensor": (
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
        "can't allocate memory): close other programs",
    ),
    "memory of an array": (MemoryError("Unable to allocate 3. TiB"), "(Unable to allocate 3. TiB): close other"),
    "a missing package": (ModuleNotFoundError("No module named 'h5py'"), "'h5py'); install the project again"),
    "a screen without accents": (UnicodeEncodeError("ascii", "naïve", 2, 3, "no"), "can't show 'ï': set PYTHONUTF8=1"),
    "a library": (raised_by(library_failed), "the library numpy failed with LinAlgError (Matrix is not positive"),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_errors_of_the_system_and_of_libraries_get_a_sentence(name: str) -> None:
    error, expected = SENTENCES[name]
    sentence = explain(error)
    assert expected in sentence
    assert "\n" not in sentence
    assert "unexpected" not in sentence


def test_a_mistake_of_our_own_asks_to_be_reported() -> None:
    namespace: dict[str, object] = {"__name__": "classify.made_up"}
    exec(compile(inspect.getsource(own_mistake), "made_up.py", "exec"), namespace)
    assert explain(raised_by(namespace["own_mistake"])) == (
        "unexpected ValueError (a column is missing) (--debug shows where; please report it)"
    )


def test_the_command_line_knows_errors_by_their_root_not_by_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    """A class that is merely called like one of ours is no error of ours; a new branch is."""
    strange = type("CacheError", (Exception,), {})
    branch = type("ServeError", (ArtstyleError,), {})

    def run_with(error: Exception) -> str:
        def fail() -> None:
            raise error

        assert run(click.Command("x", callback=fail), []) == 1
        return capsys.readouterr().err

    assert run_with(branch("'8080' is taken: choose another")) == "error: '8080' is taken: choose another\n"
    assert run_with(strange("no sentence")) != "error: no sentence\n"
