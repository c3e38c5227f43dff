"""The small world, made once, and pictures decoded in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from featurize.dataset.table import DatasetTable
from tests.classify.finetune.worlds import make_world
from tests.classify.serve import rooms


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> DatasetTable:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(autouse=True)
def _here() -> Iterator[None]:
    with rooms.without_companions():
        yield
