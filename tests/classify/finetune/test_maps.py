"""Epochs on stored maps: the numbers of the way through pictures, without pictures; and never more than is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cache import list_caches
from classify.errors import FinetuneError
from classify.finetune.result import Finetuned
from classify.finetune.run import fine_tune
from featurize.choices import is_embedding
from featurize.dataset.audit import choose_recipe
from featurize.dataset.table import DatasetTable
from tests.classify.finetune.worlds import curve, quick

START = {"start": "features.11", "views": 1, "refit": False}


@pytest.fixture(scope="module")
def cached(world: DatasetTable, tmp_path_factory: pytest.TempPathFactory) -> Finetuned:
    from tests.classify.serve import rooms

    folder = tmp_path_factory.mktemp("cached")
    with rooms.without_companions():
        return fine_tune(world, folder / "run", quick(**START), features=folder / "features")


def test_epochs_on_stored_maps_give_the_numbers_of_the_uncached_way(
    world: DatasetTable, cached: Finetuned, tmp_path: Path
) -> None:
    """With the same views; to 2 %, which the rounding of maps to 16 bits grows to in two epochs."""
    uncached = fine_tune(world, tmp_path, quick(**START, cached=False))
    pairs = list(zip(curve(cached.history()), curve(uncached.history()), strict=True))
    assert len(pairs) == 3
    for ours, theirs in pairs:
        assert ours.pop("stage") == theirs.pop("stage")
        assert ours == pytest.approx(theirs, rel=2e-2)


def test_a_second_run_needs_no_pictures(world: DatasetTable, cached: Finetuned, tmp_path: Path) -> None:
    gone = world.with_columns(path=[f"nowhere/{n}.png" for n in range(len(world))])
    again = fine_tune(gone, tmp_path, quick(**START), features=cached.folder.parent / "features")
    assert curve(again.history()) == curve(cached.history())


def test_what_is_stored_is_a_recipe_like_others_of_as_many_bytes_as_was_said(cached: Finetuned) -> None:
    (cache,) = list_caches(cached.folder.parent / "features")
    names = [recipe.name for recipe in cache.recipes()]
    assert names == ["map@features.11", "map@features.11-crop1", "map@features.11-mirror"]
    vectors = [cache.gather(cache.ids(), recipe) for recipe in cache.recipes()]
    assert sum(v.nbytes for v in vectors) == cached.map_bytes
    assert vectors[0].dtype == "float16"


def test_maps_are_no_embedding_that_a_command_takes_by_itself(cached: Finetuned) -> None:
    """A cache that holds nothing else has no embedding, and so pictures without maps don't fall out of an export."""
    (cache,) = list_caches(cached.folder.parent / "features")
    assert choose_recipe(cache) is None
    assert not any(is_embedding(recipe.name) for recipe in cache.recipes())


def test_maps_beyond_the_limit_are_refused_before_anything_is_computed(world: DatasetTable, tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(FinetuneError, match="24 pictures x 3 views"):
        fine_tune(
            world, tmp_path / "run", quick(**START, map_limit=1e-6), features=tmp_path / "features", say=said.append
        )
    assert not (tmp_path / "features").exists()
