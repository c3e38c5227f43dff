"""Ids that were exchanged between rows are noticed, though sizes and times of the files are those of the table."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.table import DatasetTable, read_table, write_table
from featurize.engines.fake import FakeEngines
from featurize.pictures import rehash as module
from featurize.pictures.file import Picture, digest
from featurize.pictures.rehash import rehash, rehash_sample
from featurize.reasons import Reason
from tests.conftest import save_picture
from tests.featurize import fake

RUN = ["run", "--backbone", "resnet18", "--weights", "random", "--batch-size", "4"]
DEEP = ["verify", "--deep", "--weights", "random"]
AUDIT = ["audit", "--out", "audit"]
Screen = pytest.CaptureFixture[str]


def call(*arguments: object) -> int:
    return run(cli, [str(a) for a in arguments], FakeEngines())


@pytest.fixture
def here(paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table, and a feature cache that holds all of it."""
    monkeypatch.chdir(tmp_path)
    fake.decode_here(monkeypatch)
    assert call("prepare", "paintings") == 0
    assert call(*RUN) == 0
    return tmp_path


def swapped(ids: list[str]) -> list[str]:
    return [ids[8], *ids[1:8], ids[0], *ids[9:]]


def shifted(ids: list[str]) -> list[str]:
    return [*ids[1:], ids[0]]


def repeated(ids: list[str]) -> list[str]:
    """One id in two rows: the second row's file is another picture."""
    return [*ids[:8], ids[0], *ids[9:]]


@pytest.mark.parametrize(("spoil", "wrong"), [(swapped, 2), (shifted, 21), (repeated, 1)])
def test_exchanged_ids_are_noticed_and_preparing_again_mends_them(
    here: Path, capsys: Screen, spoil: Callable[[list[str]], list[str]], wrong: int
) -> None:
    table = read_table(here / "dataset.csv")
    write_table(table.with_columns(id=spoil(list(table.columns["id"]))), here / "dataset.csv")
    capsys.readouterr()
    assert call(*RUN) == 1
    assert f"error: {wrong} file{'s' if wrong > 1 else ''} changed since the dataset table" in capsys.readouterr().err
    assert call(*DEEP) == 1
    said = capsys.readouterr()
    assert f"{wrong} skipped" in said.out
    assert f"error: {wrong} file" in said.err
    assert "not the picture that the dataset table names" in said.err
    assert call(*AUDIT) == 0
    said = capsys.readouterr()
    assert f"! {wrong} file" in said.out
    assert f"Files that are not the picture that their row names: {wrong}" in said.out
    assert call("prepare", "paintings") == 0
    capsys.readouterr()
    for command in (RUN, DEEP, AUDIT):
        assert call(*command) == 0
        said = capsys.readouterr()
        assert "not the picture" not in said.out + said.err


def test_deep_counts_and_names_what_it_skips(here: Path, capsys: Screen) -> None:
    table = read_table(here / "dataset.csv")
    gone, changed = (here / table.columns["path"][n] for n in (3, 5))
    gone.unlink()
    save_picture(changed, 999)
    capsys.readouterr()
    assert call(*DEEP, "--sample", 12) == 1
    said = capsys.readouterr()
    assert "21 files read again, 2 skipped; 12 pictures embedded again: largest relative difference" in said.out
    assert f"skipped: {gone}: there is no such file" in said.err
    assert f"error: 1 file is not the picture that the dataset table names ({changed})" in said.err


def test_a_key_that_names_no_cache_is_no_good_news(here: Path, capsys: Screen) -> None:
    assert call("verify", "--key", "resnet18") == 0
    assert "every byte is as it was written" in capsys.readouterr().out
    assert call("verify", "--key", "vgg") == 1
    said = capsys.readouterr()
    assert "every byte" not in said.out
    assert "vgg" in said.err


def test_deep_says_so_where_nothing_is_left_to_compare(here: Path, capsys: Screen) -> None:
    shutil.rmtree(here / "paintings")
    assert call(*DEEP) == 0
    assert "21 files read again, 21 skipped; 0 pictures embedded again: nothing to compare" in capsys.readouterr().out


def test_a_row_whose_file_is_another_picture_has_no_vector_of_its_own(here: Path) -> None:
    """Of two rows with one id, the one whose file is right is no failure."""
    from featurize.run.extract import Settings, extract

    table = read_table(here / "dataset.csv")
    spoiled = table.with_columns(id=repeated(list(table.columns["id"])))
    done = extract(spoiled, here / "features", Settings(backbone="resnet18", weights="random"), engines=FakeEngines())
    assert [(f.path, f.reason) for f in done.failed] == [(here / table.columns["path"][8], Reason.CHANGED)]


def pictures(folder: Path, count: int) -> list[Picture]:
    found = []
    for n in range(count):
        path = folder / f"{n}.bin"
        path.write_bytes(f"picture {n}".encode())
        facts = path.stat()
        found.append(Picture(digest(path.read_bytes()), path, facts.st_size, facts.st_mtime_ns))
    return found


def test_one_wrong_file_in_the_sample_has_all_files_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second id is wrong, so a sample of 20 misses them all less than once in a million times."""
    good = pictures(tmp_path, 60)
    wrong = {n: Picture(good[n - 1].id, p.path, p.size, p.mtime_ns) for n, p in enumerate(good) if n % 2}
    spoiled = [wrong.get(n, picture) for n, picture in enumerate(good)]
    assert all(picture.trouble() is None for picture in spoiled), "by size and time nothing is wrong"
    assert set(rehash_sample(spoiled, 20)) == set(wrong)
    read: list[Picture] = []
    original = Picture.reread
    monkeypatch.setattr(Picture, "reread", lambda self: (read.append(self), original(self))[1])
    assert rehash_sample(good, 20) == {}
    assert len(read) == 20


def test_a_file_of_another_size_is_read_even_if_its_time_is_the_same(tmp_path: Path) -> None:
    """As after copying with times kept."""
    (picture,) = pictures(tmp_path, 1)
    picture.path.write_bytes(b"another picture, longer")
    os.utime(picture.path, ns=(picture.mtime_ns, picture.mtime_ns))
    assert picture.path.stat().st_mtime_ns == picture.mtime_ns
    assert picture.trouble().reason == Reason.CHANGED


def test_files_that_can_not_be_read_are_named_but_are_no_other_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHUNK", 4)
    files = pictures(tmp_path, 10)
    files[6].path.unlink()
    files[9].path.write_text("another picture")
    steps: list[tuple[int, int]] = []
    found = rehash(files, workers=2, progress=lambda done, total: steps.append((done, total)))
    assert {n: why.reason for n, why in found.items()} == {6: Reason.MISSING, 9: Reason.CHANGED}
    assert steps == [(4, 10), (8, 10), (10, 10)]
    assert set(rehash_sample(files)) == {9}
    assert rehash_sample([]) == {}


def test_the_audit_names_every_wrong_file_that_it_reads(here: Path, capsys: Screen, monkeypatch: Any) -> None:
    """It reads all that have no fingerprint yet; no sample has to find them."""
    monkeypatch.setattr(module.random.SystemRandom, "sample", lambda self, numbers, count: [])
    table = read_table(here / "dataset.csv")
    write_table(table.with_columns(id=swapped(list(table.columns["id"]))), here / "dataset.csv")
    capsys.readouterr()
    for _ in range(2):
        assert call(*AUDIT) == 0
        assert "Files that are not the picture that their row names: 2" in capsys.readouterr().out


def test_the_audit_keeps_no_fingerprint_under_a_wrong_id(here: Path) -> None:
    from featurize.dataset.audit.fingerprints import load_prints, prints_path

    table: DatasetTable = read_table(here / "dataset.csv")
    write_table(table.with_columns(id=swapped(list(table.columns["id"]))), here / "dataset.csv")
    assert call(*AUDIT) == 0
    kept = set(load_prints(prints_path(here / "dataset.csv"))["id"].tolist())
    assert kept == set(table.ids.tolist()) - {table.ids[0], table.ids[8]}
