"""What a library's own code does with a network that it can't handle is a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from featurize.errors import BackboneError
from featurize.networks.described import Description, described


def breaks(name: str) -> Description:
    """A library that stumbles over every network."""
    raise RuntimeError(f"expected input with shape [512],\nbut {name} has 768")


def knows(name: str) -> Description:
    """A library that knows what is wrong."""
    raise BackboneError(f"there is no {name}")


def lacks_memory(name: str) -> Description:
    """A library on a machine that is too small."""
    raise MemoryError(name)


def test_a_network_that_a_library_stumbles_over_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(
        BackboneError, match=r"numpy [\d.]+ can't show the layers of 'a' \(RuntimeError: expected"
    ) as told:
        described("numpy", breaks, "a")
    assert "\n" not in str(told.value)
    with pytest.raises(BackboneError, match=r"^there is no a$"):
        described("numpy", knows, "a")
    with pytest.raises((MemoryError, BackboneError), match=r"^a$|is there enough memory"):  # here, or in its process
        described("numpy", lacks_memory, "a")
    assert not list(tmp_path.rglob("*.json")), "no answer is remembered"
