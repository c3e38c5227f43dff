"""A world in which painters are easy to recognise, and its comparison by folds, made once."""

from __future__ import annotations

import pytest

from classify import compare
from classify.comparison.result import Comparison
from tests.classify.worlds import World, make_world

HEADS_ASKED = ["simpleshot", "knn:k=1", "ridge"]


@pytest.fixture(scope="session")
def world() -> World:
    """Painters are easy to recognise, styles less so: remembering painters helps with those who were met."""
    return make_world(style=0.8, by_artist=1.5, artists=8, train=120, test=120, seed=4)


@pytest.fixture(scope="session")
def folded(world: World) -> Comparison:
    return compare(world.table, world.cache, HEADS_ASKED, folds=4, repeats=2)
