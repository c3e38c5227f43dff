"""Recipes: known by name, stored by definition, gained later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cache import create_cache, open_cache
from featurize.dataset.prepare import prepare
from featurize.engines.fake import FakeEngines
from featurize.errors import BackboneError
from featurize.networks.network import choose_network
from featurize.networks.recipes import FORMULAS, formulas
from featurize.run.extract import Settings, extract
from featurize.run.settings import MOST_AT_ONCE
from tests.cache.samples import KEY, ids_of, rows_of
from tests.featurize import fake

DIGESTS = {
    "avgpool": "ed0cefb21250",
    "multi": "58bb50087a61",
    "stats": "22f25b32eccb",
    "gram": "44c84bd353ca",
    "cls": "1ce68bc5b47b",
    "mean": "821c88422ca8",
    "pooled": "3e076a5602ca",
    "avgpool-mirror": "4ab4f7ff6a7a",
    "multi-mirror": "7514ec0e91ee",
    "stats-mirror": "cb17739c8bcd",
    "gram-mirror": "dbc2950de151",
    "cls-mirror": "2ce298bff295",
    "mean-mirror": "e24d9056e88d",
    "pooled-mirror": "d40d363b5b19",
    "colour": "5aa64b709f80",
}


def test_definitions_are_fixed() -> None:
    """A changed definition is another recipe, and people's caches would have to be made again."""
    assert {name: f.recipe.digest[:12] for name, f in FORMULAS.items()} == DIGESTS


def test_an_unknown_embedding_lists_the_known_ones() -> None:
    with pytest.raises(BackboneError, match=r"'maxpool'.*avgpool, multi, stats, gram"):
        formulas("avgpool,maxpool")


def test_so_many_embeddings_as_a_run_may_make_fit_into_a_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the control, however large they are; a segment's head would refuse more in the middle of a run."""
    monkeypatch.setattr("cache.segments.spans._SHORTEST", 512)  # as if each embedding had many megabytes
    recipes = tuple(replace(FORMULAS["avgpool"].recipe, name=f"avgpool{n}") for n in range(MOST_AT_ONCE + 1))
    store = create_cache(tmp_path, KEY)
    store.append(rows_of(list(range(300)), recipes))
    assert not store.missing(ids_of(list(range(300))), recipes).any()


def test_more_embeddings_than_a_run_can_make_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("featurize.run.settings.MOST_AT_ONCE", 2)
    network = choose_network("resnet18", "random")
    assert len(Settings(embedding="avgpool,stats").formulas(network)) == 2
    with pytest.raises(BackboneError, match="--embedding names 3 embeddings, and 2 at a time can be made"):
        Settings(embedding="avgpool,stats,multi").formulas(network)


def test_names_are_taken_once_and_in_order() -> None:
    assert [f.recipe.name for f in formulas("stats, avgpool,stats")] == ["stats", "avgpool"]
    assert [f.recipe.name for f in formulas("stats,avgpool-mirror", mirror=True)] == ["stats-mirror", "avgpool-mirror"]


def test_rows_gain_recipes_and_keep_those_they_have(
    paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.decode_here(monkeypatch)
    engines = FakeEngines()
    table = prepare(paintings, tmp_path / "dataset.csv").table
    settings = Settings(backbone="resnet18", weights="random", embedding="avgpool")
    first = extract(table, tmp_path / "features", settings, engines=engines)
    settings = replace(settings, embedding="avgpool,stats")
    more = extract(table, tmp_path / "features", settings, engines=engines)
    assert more.embedded == 21
    assert [f.recipe.name for f in engines.made[-1].formulas] == ["stats"], "only what is missing is computed"
    cache = open_cache(first.folder)
    for name in ("avgpool", "stats"):
        assert cache.embedded(table.ids, FORMULAS[name].recipe).all()


def test_half_precision_on_disk_is_half_as_large_and_nearly_the_same(
    paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.decode_here(monkeypatch)
    engines = FakeEngines()
    table = prepare(paintings, tmp_path / "dataset.csv").table
    found = {}
    for store in ("float32", "float16"):
        settings = Settings(backbone="resnet18", weights="random", store=store)
        done = extract(table, tmp_path / store, settings, engines=engines)
        found[store] = open_cache(done.folder).gather(table.ids, FORMULAS["avgpool"].recipe)
    assert found["float16"].dtype == np.float16
    assert np.allclose(found["float16"], found["float32"], rtol=1e-3)
    again = extract(table, tmp_path / "float16", settings, engines=engines)
    assert again.embedded == 0
