"""Exports and compaction from the command line: whole or not at all, nothing left out silently."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from cache import list_caches
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.engines.fake import FakeEngines
from featurize.exchange.forms.hdf5 import _Patient
from featurize.run import plans
from tests.featurize import fake

Screen = pytest.CaptureFixture[str]


def call(*arguments: object) -> int:
    return run(cli, [str(a) for a in arguments], FakeEngines())


@pytest.fixture
def here(paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen) -> Path:
    """21 paintings, embedded into two segments."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plans, "SEGMENT_PICTURES", 16)
    fake.decode_here(monkeypatch)
    assert call("prepare", "paintings") == 0
    assert call("run", "--backbone", "resnet18", "--weights", "random", "--batch-size", "2") == 0
    capsys.readouterr()
    return tmp_path


def test_compacting_keeps_every_vector(here: Path, capsys: Screen) -> None:
    (before,) = list_caches(here / "features")
    recipe = before.recipe("avgpool")
    expected = before.gather(before.ids(), recipe).tobytes()
    assert before.segment_count == 2
    assert call("compact") == 0
    assert "2 segments before, 1 now" in capsys.readouterr().out
    (after,) = list_caches(here / "features")
    assert after.gather(before.ids(), recipe).tobytes() == expected
    assert call("verify") == 0


def test_compacting_what_is_not_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("compact") == 1
    assert "there is no feature cache in 'features'" in capsys.readouterr().err


def test_rows_of_a_damaged_segment_are_not_left_out_silently(here: Path, capsys: Screen) -> None:
    (cache,) = list_caches(here / "features")
    hurt = min(Path(cache.place).glob("*.h5"))
    hurt.write_bytes(hurt.read_bytes()[:-100])
    assert call("export", "all.h5") == 1
    assert hurt.name in capsys.readouterr().err
    assert not (here / "all.h5").exists()


def test_a_full_disk_costs_the_export_not_the_process(here: Path) -> None:
    """HDF5 itself crashes where writing fails while it closes a file."""
    with pytest.raises(OSError, match="No space left"), _Patient(Path("/dev/full")) as target:  # noqa: SIM117
        with h5py.File(target, "w") as file:
            file["features"] = np.ones((1000, 16))


def test_what_a_killed_export_left_is_removed_by_the_next(here: Path) -> None:
    left = here / ".tmp-somewhere~99~all.h5.part"
    other = here / ".tmp-somewhere~99~other.h5.part"
    for path in (left, other):
        path.touch()
        os.utime(path, (0, 0))  # given up: long ago, on another machine
    assert call("export", "all.h5") == 0
    assert not left.exists()
    assert other.exists(), "only its own"
