"""A month in a museum with the installed wheel; `python -m tests.walkthrough` prints it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.installed import install
from tests.walkthrough import walk


@pytest.mark.slow
def test_a_month_in_a_museum(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    walk(install(tmp_path / "installed"), folder)
