"""The list of pictures that the tests of edits start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import save_picture
from tests.featurize.edits.tables import write_list


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list of ten pictures with style, artist, inventory number and date; `dataset.csv` is made of it beside."""
    for n in range(10):
        save_picture(tmp_path / "pictures" / f"p{n}.jpg", n)
    write_list(tmp_path)
    return tmp_path
