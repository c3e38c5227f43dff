"""What the tests of networks from other libraries share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def remembered_nowhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What libraries say of their networks is remembered in a folder of this run alone."""
    folder = tmp_path_factory.mktemp("user-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("LOCALAPPDATA", str(folder))
        yield folder
