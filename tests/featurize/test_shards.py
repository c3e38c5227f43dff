"""Shards of a run need nothing of each other: together they give the bits of one run, in any order."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from cache import open_cache
from cache.plan import Plan, unfinished
from featurize.commands import console
from featurize.commands.main import cli
from featurize.dataset import parts
from featurize.dataset.prepare import prepare
from featurize.dataset.table import DatasetTable
from featurize.engines.fake import FakeEngines
from featurize.errors import FeaturizeError
from featurize.networks.recipes import FORMULAS
from featurize.run import plans
from featurize.run.extract import Extraction, Settings, extract
from featurize.run.lacking import Lacking, lacking
from featurize.run.shard import Shard
from tests.featurize import fake
from tests.featurize.hazards import REASONS

AVGPOOL = FORMULAS["avgpool"].recipe


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> FakeEngines:
    fake.decode_here(monkeypatch)
    monkeypatch.setattr(plans, "SEGMENT_PICTURES", 4)
    monkeypatch.setattr(plans, "_LEAST_BATCHES", 1)
    return FakeEngines()


@pytest.fixture
def table(paintings: Path, tmp_path: Path) -> DatasetTable:
    return prepare(paintings, tmp_path / "dataset.csv").table


def run(table: DatasetTable, root: Path, engines: FakeEngines, shard: str | None = None, batch: int = 2) -> Extraction:
    settings = Settings(backbone="resnet18", weights="random", batch_size=batch, shard=shard)
    return extract(table, root, settings, engines=engines)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16])
def test_all_shards_in_any_order_and_twice_give_the_bits_of_one_run(
    count: int, table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    alone = run(table, tmp_path / "alone", engines)
    order = [number for number in range(1, count + 1) for _ in range(2)]
    random.Random(count).shuffle(order)
    left = set(range(1, count + 1))
    for number in order:
        done = run(table, tmp_path / "shared", engines, f"{number}/{count}")
        left.discard(number)
        assert not done.failed
        assert (done.left == 0) == (not left) or count > 6, "more shards than pieces: some have nothing to do"
    assert open_cache(done.folder).gather(table.ids, AVGPOOL).tobytes() == (
        open_cache(alone.folder).gather(table.ids, AVGPOOL).tobytes()
    )
    assert unfinished(open_cache(done.folder).artifacts) == []


def test_a_shard_embeds_its_own_pieces_only(table: DatasetTable, tmp_path: Path, engines: FakeEngines) -> None:
    done = [run(table, tmp_path / "shared", engines, f"{n}/3") for n in (2, 3, 1)]
    assert [d.embedded for d in done] == [8, 5, 8]
    assert [d.left for d in done] == [13, 8, 0]


def test_what_is_missing_is_known_by_picture_and_by_shard(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    """By any number of shards: the shards that are named, and no others, embed what is missing."""
    done = run(table, tmp_path / "shared", engines, "2/3")
    cache = open_cache(done.folder)
    assert lacking(cache, table) == Lacking(21, 8, 0, 13)
    assert lacking(cache, table, shards=3).shards == (1, 3)
    left = lacking(cache, table, shards=4).shards
    idle = [run(table, tmp_path / "shared", engines, f"{n}/4").embedded for n in {1, 2, 3, 4}.difference(left)]
    assert not any(idle)
    for number in left:
        assert run(table, tmp_path / "shared", engines, f"{number}/4").embedded
    assert lacking(open_cache(done.folder), table, shards=4) == Lacking(21, 21, 0, 0)
    with pytest.raises(FeaturizeError, match="there can't be -1 shards"):
        lacking(cache, table, shards=-1)


def test_what_no_plan_has_is_missing_in_every_shard(table: DatasetTable, tmp_path: Path, engines: FakeEngines) -> None:
    done = run(table.take(range(6)), tmp_path / "shared", engines, "1/3")
    assert lacking(open_cache(done.folder), table, shards=3).shards == (1, 2, 3)


def test_a_long_table_is_looked_at_in_parts_and_each_picture_counts_once(
    paintings: Path, tmp_path: Path, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 8)
    min((paintings / "wikipaintings_train" / "Baroque").iterdir()).write_bytes(REASONS["JPEG, cut"][0]())
    table = prepare(paintings, tmp_path / "dataset.csv").table
    long = table.take([*range(17), 0, 16])
    done = run(long, tmp_path / "shared", engines, "3/4")
    assert lacking(open_cache(done.folder), long, shards=4) == Lacking(17, 0, 0, 17, (1, 2))
    assert lacking(open_cache(done.folder), long) == Lacking(17, 0, 0, 17)
    run(long, tmp_path / "shared", engines)
    assert lacking(open_cache(done.folder), long) == Lacking(17, 16, 1, 0)


def test_a_shard_without_a_piece_says_so(table: DatasetTable, tmp_path: Path, engines: FakeEngines) -> None:
    said: list[str] = []
    for number in (6, 7):
        settings = Settings(backbone="resnet18", weights="random", batch_size=2, shard=f"{number}/7")
        extract(table, tmp_path / "shared", settings, say=said.append, engines=engines)
    assert [line for line in said if "nothing to do" in line] == [
        "shard 7 of 7 has nothing to do here: there are 6 pieces of about 4 pictures; give no more shards than pieces"
    ]
    said.clear()
    one, two = (Plan(table.ids[:n], ["r"], 2, 2) for n in (4, 8))
    plans.tell_idle([one, two], Shard(2, 2), said.append)
    assert said == [], "it has a piece of the second plan"
    plans.tell_idle([one], Shard(2, 2), said.append)
    assert "there is 1 piece of" in said[0]


def test_info_says_what_is_missing_of_a_table(
    table: DatasetTable,
    tmp_path: Path,
    engines: FakeEngines,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    run(table, tmp_path / "features", engines, "2/3")

    def info(*options: str) -> tuple[int, list[str], str]:
        status = console.run(cli, ["info", *options])
        said = capsys.readouterr()
        return status, [line.partition(": ")[2] for line in said.out.splitlines() if "missing" in line], said.err

    missing = "of 21 pictures of dataset.csv, 8 have a vector, 0 failed, 13 are missing: `featurize run"
    command = "--backbone resnet18 --weights random"
    assert info() == (0, [f"{missing} {command}` embeds those that can be read"], "")
    assert info("--shards", "3")[1][1:] == ["missing in 2 of 3 shards: 1,3"]
    assert info("--shards", "2")[1][1:] == ["missing in every shard"]
    assert info("--split", "train")[1][0].startswith("of 12 pictures of dataset.csv, split train, ")
    run(table.take([*table.rows_in("train")]), tmp_path / "features", engines)
    assert info("--split", "train", "--shards", "3")[1] == [
        "of 12 pictures of dataset.csv, split train, 12 have a vector, 0 failed, 0 are missing"
    ]
    (tmp_path / "my works.csv").write_bytes((tmp_path / "dataset.csv").read_bytes())
    (named,) = info("--dataset", "my works.csv")[1]
    assert named.endswith(f": `featurize run {command} --dataset 'my works.csv'` embeds those that can be read")
    assert info("--dataset", "gone.csv")[:2] == (1, [])
    (tmp_path / "dataset.csv").write_text("a table of somebody else\n")
    status, found, errors = info()
    assert (status, found) == (0, [])
    assert errors.startswith("left out: ")
    (tmp_path / "dataset.csv").unlink()
    assert info() == (0, [], ""), "nobody spoke of a table"
    assert info("--shards", "3")[:2] == (1, [])


def test_shards_go_on_with_the_plan_of_a_run_that_was_stopped(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    def stop(done: int, total: int) -> None:
        if done >= 6:
            raise KeyboardInterrupt

    settings = Settings(backbone="resnet18", weights="random", batch_size=2)
    with pytest.raises(KeyboardInterrupt):
        extract(table, tmp_path / "shared", settings, stop, engines=engines)
    for number in (2, 1):
        done = run(table, tmp_path / "shared", engines, f"{number}/2")
    alone = run(table, tmp_path / "alone", engines)
    assert open_cache(done.folder).gather(table.ids, AVGPOOL).tobytes() == (
        open_cache(alone.folder).gather(table.ids, AVGPOOL).tobytes()
    )


def test_a_picture_that_is_missing_on_one_machine_leaves_no_gap(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    """Its shard names it, and embeds it when it is run again; the other shards are not moved by it."""
    alone = run(table, tmp_path / "alone", engines)
    gone = Path(table.picture(0).path)
    held = gone.read_bytes(), gone.stat().st_mtime_ns
    gone.unlink()
    first = run(table, tmp_path / "shared", engines, "1/2")
    gone.write_bytes(held[0])
    import os

    os.utime(gone, ns=(held[1], held[1]))
    second = run(table, tmp_path / "shared", engines, "2/2")
    again = run(table, tmp_path / "shared", engines, "1/2")
    assert len(first.failed) == 1
    assert (second.left, again.left, again.failed) == (1, 0, [])
    assert open_cache(again.folder).gather(table.ids, AVGPOOL).tobytes() == (
        open_cache(alone.folder).gather(table.ids, AVGPOOL).tobytes()
    )


def test_a_shard_with_other_batches_than_the_one_before_is_warned(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    said: list[str] = []

    def shard(number: int, batch: int) -> Extraction:
        settings = Settings(backbone="resnet18", weights="random", batch_size=batch, shard=f"{number}/3")
        return extract(table, tmp_path / "shared", settings, say=said.append, engines=engines)

    shard(1, 2)
    shard(2, 2)
    assert not [line for line in said if "batches of" in line and "unfinished" in line]
    shard(3, 4)
    assert [line for line in said if "an unfinished plan here has batches of 2, this shard has batches of 4" in line]
    done = run(table, tmp_path / "shared", engines)
    assert (done.left, done.failed, done.whole) == (0, [], 21), "a run without a shard completes it"


def test_an_option_that_is_given_empty_is_not_passed_over(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    """As a variable that is not set gives it: a shard would embed everything, and a cluster would be left idle."""
    for settings, said in (
        (Settings(backbone="resnet18", weights="random", shard=""), "'' is no shard"),
        (Settings(backbone="resnet18", weights="random", ray=" "), "' ' is no address of a Ray cluster"),
        (Settings(backbone="resnet18", weights="random", ray=""), "'' is no address of a Ray cluster"),
    ):
        with pytest.raises(FeaturizeError, match=said):
            extract(table, tmp_path / "shared", settings, engines=engines)


@pytest.mark.parametrize(
    ("ray", "gpus", "said"),
    [
        (None, 1.0, "--num-gpus 1 is for the workers of a Ray cluster: add --ray"),
        ("auto", float("nan"), "--num-gpus nan can't be given to a worker"),
        ("auto", -1.0, "--num-gpus -1 can't be given to a worker"),
        ("auto", float("inf"), "--num-gpus inf can't be given to a worker"),
        ("auto", 1.5, "--num-gpus 1.5 can't be given to a worker: give a share of one GPU, such as 0.5, or a whole"),
    ],
)
def test_gpus_that_no_worker_can_have_are_named(
    ray: str | None, gpus: float, said: str, table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    """Ray takes a share of one GPU or whole ones; without Ray the number would be passed over."""
    with pytest.raises(FeaturizeError, match=said):
        extract(
            table,
            tmp_path / "f",
            Settings(backbone="resnet18", weights="random", ray=ray, num_gpus=gpus),
            engines=engines,
        )


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/0", "", "1", "one/two", "-1/4", "1/4/2", "1.5/2"])
def test_what_is_no_shard_is_named(text: str) -> None:
    with pytest.raises(FeaturizeError, match="--shard 3/16"):
        Shard.parse(text)
