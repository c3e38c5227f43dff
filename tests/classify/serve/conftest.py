"""A service behind a real socket, with a fake engine; shared by the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from classify.serve.settings import ServeSettings
from tests.classify.serve import rooms
from tests.classify.serve.running import Running, serving


@pytest.fixture(scope="module", autouse=True)  # a session ends too late for the tests of other folders
def _decoding_here() -> Iterator[None]:
    with rooms.without_companions():
        yield


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    """Two heads on one network, with the defaults."""
    with serving(ServeSettings(port=0)) as running:
        yield running
