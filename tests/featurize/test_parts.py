"""A large table is taken part after part: the same pictures, each once, the same bits whatever stops the run."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from cache import open_cache
from cache.ids import ID_DTYPE, Seen
from cache.plan import unfinished
from cache.segments import listing
from featurize.dataset import parts
from featurize.dataset.prepare import prepare
from featurize.dataset.table import DatasetTable, write_table
from featurize.engines.fake import FakeEngines
from featurize.errors import TableError
from featurize.networks.recipes import FORMULAS
from featurize.run import editions, plans
from featurize.run.extract import Extraction, Settings, extract
from tests.featurize import fake

AVGPOOL = FORMULAS["avgpool"].recipe
ROWS = 8  # of a part; there are 21 pictures


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> FakeEngines:
    fake.decode_here(monkeypatch)
    monkeypatch.setattr(parts, "PART_ROWS", ROWS)
    monkeypatch.setattr(editions, "_LARGE", ROWS)
    monkeypatch.setattr(listing, "IDS_IN_MEMORY", 0)
    monkeypatch.setattr(plans, "SEGMENT_PICTURES", 4)
    monkeypatch.setattr(plans, "_LEAST_BATCHES", 1)
    return FakeEngines()


@pytest.fixture
def table(paintings: Path, tmp_path: Path, engines: FakeEngines) -> DatasetTable:
    """With two rows that repeat pictures of other parts, as a Parquet file `dataset.parquet`."""
    made = prepare(paintings, tmp_path / "dataset.csv").table
    made = made.take([*range(10), 1, *range(10, 21), 2])
    write_table(made, tmp_path / "dataset.parquet")
    return made


def run(folder: Path, features: str, engines: FakeEngines, **changes: object) -> Extraction:
    settings = Settings(**{"backbone": "resnet18", "weights": "random", "batch_size": 2, **changes})  # type: ignore[arg-type]
    return extract(folder / "dataset.parquet", folder / features, settings, engines=engines)


def bits(done: Extraction, table: DatasetTable) -> bytes:
    cache = open_cache(done.folder)
    assert unfinished(cache.artifacts) == []
    return cache.gather(table.ids, AVGPOOL).tobytes()


def test_each_picture_of_all_parts_is_embedded_once_by_one_engine(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    done = run(tmp_path, "f", engines)
    assert (done.rows, done.pictures, done.embedded, done.whole, done.failed) == (23, 21, 21, 23, [])
    assert len(engines.made) == 1
    again = run(tmp_path, "f", engines)
    assert (again.rows, again.pictures, again.embedded) == (23, 21, 0)
    assert len(engines.made) == 1, "nothing is loaded where nothing is missing"


@pytest.mark.parametrize("after", [1, 9, 15, 20])
def test_a_run_that_was_stopped_in_any_part_goes_on_to_the_same_bits(
    after: int, table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    def stop(done: int, total: int) -> None:
        if done >= after:
            raise KeyboardInterrupt

    settings = Settings(backbone="resnet18", weights="random", batch_size=2)
    with pytest.raises(KeyboardInterrupt):
        extract(tmp_path / "dataset.parquet", tmp_path / "f", settings, stop, engines=engines)
    assert bits(run(tmp_path, "f", engines), table) == bits(run(tmp_path, "alone", engines), table)


def test_shards_in_any_order_give_the_bits_of_one_run_and_embed_nothing_twice(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    alone = run(tmp_path, "alone", engines)
    order = [1, 2, 3]
    random.Random(0).shuffle(order)
    done = [run(tmp_path, "f", engines, shard=f"{n}/3") for n in order]
    assert (sum(d.embedded for d in done), done[-1].left) == (21, 0)
    assert bits(done[-1], table) == bits(alone, table)


def test_what_fails_in_one_part_is_named_and_counted_once(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    table.picture(12).path.unlink()
    done = run(tmp_path, "f", engines)
    assert ([f.id for f in done.failed], done.whole) == ([table.picture(12).id], 22)


def test_a_split_that_no_part_has_is_refused_before_anything_is_made(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    with pytest.raises(TableError, match=r"'test' is empty.*train 1[0-9], val"):
        run(tmp_path, "f", engines, split="test")
    assert not (tmp_path / "f").exists()


def test_no_more_than_a_part_of_a_parquet_file_is_read_at_a_time(table: DatasetTable, tmp_path: Path) -> None:
    found = [part.columns["path"] for part, _ in parts.parts_of(tmp_path / "dataset.parquet", "all")]
    assert [len(paths) for paths in found] == [8, 8, 7]
    assert [p for paths in found for p in paths] == list(table.columns["path"])
    in_memory = [part.columns["path"] for part, _ in parts.parts_of(table, "all")]
    assert in_memory == found


def test_seen_ids_are_known_again_and_no_others() -> None:
    rng = np.random.default_rng(0)
    ids = np.unique(rng.integers(0, 256, (5000, 32), np.uint8).view(ID_DTYPE).reshape(-1))
    rng.shuffle(ids)
    seen = Seen()
    for start in range(0, 4000, 700):
        assert seen.note(ids[start : start + 700]).all()
    assert not seen.note(ids[:4000]).any()
    assert seen.note(ids[3000:])[np.arange(len(ids) - 3000) >= 1200].all()
