"""A fine-tuned network beside heads on the frozen one; and no praise for pictures that a network has seen."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from cache import Store, open_cache
from classify.comparison.compare import compare
from classify.errors import DataError, HeadMismatch
from classify.finetune.result import Finetuned
from classify.finetune.run import fine_tune
from classify.fitting.fit import fit
from classify.headfile import load_head
from classify.lineage import trained_on
from featurize import energy
from featurize.dataset.table import DatasetTable
from featurize.run.extract import Settings, extract
from tests.classify.finetune.worlds import quick


@pytest.fixture(scope="module")
def run(world: DatasetTable, tmp_path_factory: pytest.TempPathFactory) -> Finetuned:
    from tests.classify.serve import rooms

    looks = itertools.count()
    with rooms.without_companions(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(energy, "read", lambda: {"processor": energy.Counter(2_000_000_000 * next(looks))})
        return fine_tune(world, tmp_path_factory.mktemp("runs") / "a", quick(epochs=1))


def embedded(world: DatasetTable, folder: Path, weights: object = "random") -> Store:
    settings = Settings(backbone="squeezenet1_1", weights=weights, size=32, engine="torch", device="cpu")  # type: ignore[arg-type]
    extract(world, folder, settings)
    return open_cache(folder)


def test_a_run_stands_in_the_same_report_on_the_same_rows_with_its_cost(
    world: DatasetTable, run: Finetuned, tmp_path: Path
) -> None:
    frozen = embedded(world, tmp_path / "features")
    comparison = compare(world, frozen, "ridge", tune=False, finetuned=[run.folder])
    entries = {entry.name: entry for entry in comparison.entries}
    assert set(entries) == {"ridge", "finetuned a"}
    mine = entries["finetuned a"]
    assert mine.cost.fit_seconds == run.seconds
    assert mine.cost.bytes > run.weights_file.stat().st_size
    assert len(mine.predictions.predicted) == comparison.dataset.test_rows == 3
    assert run.joules == 2000 * len(run.history())
    assert f"used {2 * len(run.history())} kJ" in " ".join(mine.remarks)
    assert not any("other rows" in remark for remark in mine.remarks)
    assert mine.remarks[0].startswith("the last ")
    assert replace(run, layers=0).retrained == "the head"
    searched = [r for r in run.history() if r["stage"] == "search" and r["epoch"]]
    assert [e["val_accuracy"] for e in mine.history] == [r["held_out_accuracy"] for r in searched]
    assert mine.watched == "held-out training"
    swapped = {"train": "test", "test": "train", "val": "val"}
    other = world.with_columns(split=[swapped[s] for s in world.columns["split"]])
    with pytest.raises(DataError, match="trained on 24 pictures of the test part"):
        compare(other, frozen, "ridge", tune=False, finetuned=[run.folder])


def test_a_fine_tuned_head_names_the_command_that_embeds_for_it(run: Finetuned, tmp_path: Path) -> None:
    with pytest.raises(HeadMismatch, match=r"featurize run --backbone \S+ --weights \S*backbone.safetensors"):
        load_head(run.head_file).open_cache(tmp_path)


def test_figures_on_pictures_that_a_network_has_seen_are_warned_of_and_folds_over_them_refused(
    world: DatasetTable, run: Finetuned, tmp_path: Path
) -> None:
    cache = embedded(world, tmp_path / "features", run.weights_file)
    train = [i for i, s in zip(world.columns["id"], world.columns["split"], strict=True) if s == "train"]
    assert trained_on(cache) == set(train)
    with pytest.raises(DataError, match="mean nothing"):
        compare(world, cache, "ridge")
    with pytest.raises(DataError, match="mean nothing"):
        fit(world, cache, "ridge")
    swapped = {"train": "val", "test": "test", "val": "train"}
    other = world.with_columns(split=[swapped[s] for s in world.columns["split"]])
    comparison = compare(other, cache, "ridge", train="train", test="val", tune=False)
    assert comparison.cautions[0].kind == "seen-pictures"
