"""The list of rows without a vector: a run of one split hides nothing that failed in another."""

from __future__ import annotations

from pathlib import Path

import pytest

from featurize.dataset.prepare import prepare
from featurize.dataset.sheets import read_sheet
from featurize.dataset.table import DatasetTable
from featurize.engines.fake import FakeEngines
from featurize.run.extract import Extraction, Settings, extract
from tests.featurize import fake
from tests.featurize.hazards import REASONS


def listed(done: Extraction) -> list[str]:
    """Names in `failures.csv`, in its order."""
    if done.failures_path is None:
        return []
    return [Path(path).name for path in read_sheet(done.failures_path).cells[0]]


def test_failures_of_another_split_stay_on_the_list(
    paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.decode_here(monkeypatch)
    in_train = paintings / "wikipaintings_train" / "Baroque" / "artist-0_cut-1600.jpg"
    in_val = paintings / "wikipaintings_val" / "Baroque" / "artist-0_gone-1601.jpg"
    for path in (in_train, in_val):
        path.write_bytes(REASONS["JPEG, cut"][0]() + path.name.encode())
    table = prepare(paintings, tmp_path / "a.csv").table

    def run(split: str, rows: DatasetTable) -> Extraction:
        chosen = Settings(backbone="resnet18", weights="random", batch_size=4, split=split)
        return extract(rows, tmp_path / "features", chosen, engines=FakeEngines())

    assert listed(run("train", table)) == [in_train.name], "val was not tried"
    assert listed(run("val", table)) == [in_val.name, in_train.name], "this run's first"
    done = run("train", table)
    assert (listed(done), len(done.failed)) == ([in_train.name, in_val.name], 1)
    without = table.take([n for n, path in enumerate(table.columns["path"]) if Path(path).name != in_train.name])
    done = run("train", without)
    assert (listed(done), len(done.failed)) == ([in_val.name], 0), "what left the table leaves the list"
