"""A run's folder holds this run and nothing of the user's, and what is damaged in it is named with the way out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cache.errors import ArtstyleError
from classify.data import LabelledRows
from classify.errors import FinetuneError
from classify.finetune.folds import cross_validate
from classify.finetune.learner import Learner
from classify.finetune.network import build
from classify.finetune.result import Finetuned, load_finetuned
from classify.finetune.run import fine_tune
from classify.finetune.settings import FinetuneSettings
from classify.finetune.team import Team
from featurize.dataset.table import DatasetTable
from featurize.networks.network import choose_network
from tests.classify.finetune.worlds import quick

SETTINGS = quick(epochs=1, head_only=True, refit=False)


class Stopped(Exception):
    """As a kill between two epochs."""


@pytest.fixture(scope="module")
def finished(world: DatasetTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.classify.serve import rooms

    with rooms.without_companions():
        return fine_tune(world, tmp_path_factory.mktemp("runs") / "a", SETTINGS).folder


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """The finished run, to be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


@pytest.mark.parametrize("name", ["head.safetensors", "metrics.jsonl", "search.checkpoint.safetensors", "fold-1.json"])
def test_files_that_are_no_runs_are_never_overwritten_or_taken_for_its_own(
    world: DatasetTable, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("precious")
    for make in (fine_tune, cross_validate):
        with pytest.raises(FinetuneError, match=f"holds {name}, but no run.json"):
            make(world, tmp_path, SETTINGS)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "precious")]


def one_class(table: DatasetTable) -> DatasetTable:
    return table.with_columns(style=["Baroque"] * len(table))


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        (quick(start="layer4"), None),
        (quick(layers=999), None),
        (replace(SETTINGS, device="quantum"), None),
        (quick(head_only=True, init_head="nowhere.safetensors"), None),
        (quick(start="features.12", map_limit=0.0), None),
        (SETTINGS, one_class),
    ],
    ids=["node", "layers", "device", "head", "limit", "class"],
)
def test_what_can_not_begin_leaves_the_folder_free_for_the_corrected_command(
    world: DatasetTable,
    tmp_path: Path,
    settings: FinetuneSettings,
    change: Callable[[DatasetTable], DatasetTable] | None,
) -> None:
    with pytest.raises(ArtstyleError, match=r"--|head|device|one style only"):
        fine_tune(change(world) if change else world, tmp_path / "run", settings, features=tmp_path / "features")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda facts: [],
        lambda facts: {"format": facts["format"]},
        lambda facts: {**facts, "rows": 3},
        lambda facts: {**facts, "asked": "all"},
        lambda facts: {**facts, "rows": {"count": 24}},
        lambda facts: {**facts, "format": "artstyle run 9"},
        lambda facts: {**facts, "result": {"a": 1}},
        lambda facts: {**facts, "result": {**facts["result"], "layers": "three"}},
        lambda facts: {**facts, "result": None},
    ],
)
def test_a_damaged_record_of_a_run_is_named(
    world: DatasetTable, copy: Path, damage: Callable[[dict[str, Any]], Any]
) -> None:
    facts = damage(json.loads((copy / "run.json").read_text()))
    (copy / "run.json").write_text(json.dumps(facts))
    with pytest.raises(FinetuneError, match=r"run.json' can't be read .* choose another"):
        fine_tune(world, copy, SETTINGS)
    with pytest.raises(FinetuneError, match=r"run.json' can't be read .* choose another"):
        load_finetuned(copy)


@pytest.mark.parametrize("name", ["backbone.safetensors", "head.safetensors", "metrics.jsonl"])
def test_a_finished_run_whose_file_is_gone_is_not_praised(world: DatasetTable, copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(FinetuneError, match=f"file '{name}' is not there any more: restore it"):
        fine_tune(world, copy, SETTINGS)


@pytest.mark.parametrize("text", ["{", "3", '{"stage": "search"}'])
def test_damaged_metrics_are_named(copy: Path, text: str) -> None:
    (copy / "metrics.jsonl").write_text(text)
    with pytest.raises(FinetuneError, match=r"metrics.jsonl' can't be read .* restore it"):
        load_finetuned(copy).curve()


def stopped(world: DatasetTable, folder: Path, settings: FinetuneSettings) -> Path:
    """A run that ended after its first epoch; gives its checkpoint."""

    def stop(record: dict[str, Any]) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        fine_tune(world, folder, settings, on_epoch=stop)
    return folder / "search.checkpoint.safetensors"


@pytest.mark.parametrize(
    "facts",
    [
        None,
        {"format": "artstyle checkpoint 1", "history": [{"epoch": 0}], "best": 0, "scaler": {}},
        {"format": "artstyle checkpoint 1", "history": 5, "best": 0, "scaler": {}},
        {"format": "artstyle checkpoint 1", "history": [{"epoch": 0}], "best": "a", "scaler": {}},
    ],
    ids=["noise", "foreign", "history", "best"],
)
def test_a_checkpoint_that_fits_no_training_is_named(
    world: DatasetTable, tmp_path: Path, facts: dict[str, Any] | None
) -> None:
    checkpoint = stopped(world, tmp_path, SETTINGS)
    if facts:
        save_file({"now.x": torch.zeros(2)}, checkpoint, metadata={"artstyle": json.dumps(facts)})
    else:
        checkpoint.write_bytes(b"noise")
    with pytest.raises(FinetuneError, match=r"checkpoint.safetensors' can't be used .* remove it, and the training"):
        fine_tune(world, tmp_path, SETTINGS)


def test_a_run_goes_on_only_with_the_artists_and_pictures_that_it_began_with(
    world: DatasetTable, tmp_path: Path
) -> None:
    """Both decide which rows are held out."""
    stopped(world, tmp_path, SETTINGS)
    table = world.with_columns(artist=["painter-1-0", *world.columns["artist"][1:]])
    with pytest.raises(FinetuneError, match="other labels or artists"):
        fine_tune(table, tmp_path, SETTINGS)
    gone = world.with_columns(path=["nowhere.png", *world.columns["path"][1:]])
    with pytest.raises(FinetuneError, match="while 0 pictures could not be read, and now 1 can't"):
        fine_tune(gone, tmp_path, SETTINGS)
    assert fine_tune(world, tmp_path, SETTINGS).rows == 16


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"epoch": 1, "seconds": 1, "predicted": [0], "history": []}', '{"epoch": 1}'],
)
def test_a_damaged_fold_is_named(world: DatasetTable, folded: Path, text: str) -> None:
    (folded / "fold-1.json").write_text(text)
    with pytest.raises(FinetuneError, match=r"fold-1.json' can't be used .* remove it, and the fold is trained"):
        cross_validate(world, folded, SETTINGS, folds=2, heads="ridge")


@pytest.fixture(scope="module")
def folded(world: DatasetTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-validation that stopped when its first fold was done."""
    from tests.classify.serve import rooms

    def stop(record: dict[str, Any]) -> None:
        if record["fold"] == 2:
            raise Stopped

    folder = tmp_path_factory.mktemp("runs") / "folds"
    with rooms.without_companions(), pytest.raises(Stopped):
        cross_validate(world, folder, SETTINGS, folds=2, heads="ridge", on_epoch=stop)
    return folder


def test_a_plain_run_and_folds_are_not_mixed_up(world: DatasetTable, copy: Path, folded: Path) -> None:
    with pytest.raises(FinetuneError, match=r"began with another --folds \(none then, 2 now\)"):
        cross_validate(world, copy, SETTINGS, folds=2, heads="ridge")
    with pytest.raises(FinetuneError, match="made with --folds and leaves no backbone"):
        load_finetuned(folded)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"map_limit": float("nan")}, "map-limit nan"),
        ({"map_limit": -1.0}, "map-limit -1"),
        ({"views": 10**9}, "choose from 0 to 1000"),
        ({"views": 2, "augment": False}, "leave one out"),
        ({"init_head": "a", "refit": False}, "--init-head and --no-refit"),
    ],
)
def test_settings_that_mean_nothing_or_contradict_each_other_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(FinetuneError, match=said):
        quick(start="features.12", **options)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.34, 0.4, 0.5])
def test_the_share_that_is_held_out_is_the_one_asked_for(share: float) -> None:
    """To a few rows: 0.4 of 300 are not 150."""
    count = 300
    y = np.array(["a", "b", "c"] * (count // 3))
    nothing = [""] * count
    ids = [f"{n:064x}" for n in range(count)]
    rows = LabelledRows(ids, y, np.array(ids), np.zeros(count, bool), [Path()] * count, nothing, nothing, [()] * count)
    settings = quick(head_only=True, held_out=share)
    tuned = build(choose_network("squeezenet1_1", "random", size=32), settings, 3, "cpu")
    fit, held = Learner(tuned, None, rows, settings, 8, Team()).held_out(np.arange(count))  # type: ignore[arg-type]
    assert abs(len(held) - share * count) <= 6
    assert sorted([*fit, *held]) == list(range(count))


def test_weights_that_grow_beyond_all_numbers_end_the_training(world: DatasetTable, tmp_path: Path) -> None:
    """Nothing of them is kept: the run can't be taken for a good one."""
    settings = quick(epochs=4, rate=100.0, head_rate=100.0, optimizer="sgd", clip=0.0, layers=3)
    with pytest.raises(
        FinetuneError, match=r"beyond all numbers: begin another --out with a smaller --rate \(it is 100"
    ):
        fine_tune(world, tmp_path, settings)
    with pytest.raises(FinetuneError, match="not finished"):
        load_finetuned(tmp_path)


@pytest.fixture(scope="module")
def backbone(world: DatasetTable, finished: Path) -> Finetuned:
    return load_finetuned(finished)


def test_a_network_that_is_fine_tuned_again_remembers_all_that_it_has_seen(
    world: DatasetTable, backbone: Finetuned, tmp_path: Path
) -> None:
    """On the same rows again it is warned of; folds over them are refused."""
    from classify.lineage import trained_on_by_file

    weights = str(backbone.weights_file)
    other = replace(SETTINGS, weights=weights, size=None, split="val+test")
    run = fine_tune(world, tmp_path / "other", other)
    learned = {i for i, s in zip(world.columns["id"], world.columns["split"], strict=True) if s != "train"}
    first = trained_on_by_file(backbone.weights_file)
    assert len(first) == 24
    assert trained_on_by_file(run.weights_file) == first | learned
    again = fine_tune(world, tmp_path / "again", replace(other, split="train"))
    assert any("had learned from 8 pictures of the 8 held-out ones" in warning for warning in again.warnings)
    with pytest.raises(FinetuneError, match="trained on 24 pictures of the 24 that folds would hold out"):
        cross_validate(world, tmp_path / "folds", replace(other, split="train"), folds=2)


def test_a_head_from_a_file_that_knows_the_held_out_rows_does_not_choose_the_epoch(
    world: DatasetTable, tmp_path: Path
) -> None:
    """The curve of the choice is that of a run without it; the training on all rows begins with it."""
    from cache import open_cache
    from classify.fitting.fit import fit
    from classify.headfile import save_head
    from featurize.run.extract import Settings, extract

    shuffled = np.random.default_rng(0).permutation(world.columns["style"]).tolist()  # can be known, but not guessed
    world = world.with_columns(style=shuffled)
    extract(world, tmp_path / "features", Settings(backbone="squeezenet1_1", weights="random", size=32, engine="torch"))
    fitted = fit(world, open_cache(tmp_path / "features"), "logreg:C=1e6", tune=False)
    save_head(fitted.saved, tmp_path / "start.safetensors")
    plain = fine_tune(world, tmp_path / "plain", quick(epochs=1, head_only=True))
    settings = quick(epochs=1, head_only=True, init_head=str(tmp_path / "start.safetensors"))
    run = fine_tune(world, tmp_path / "run", settings)
    choice = [[r["held_out_loss"] for r in one.history() if r["stage"] == "search"] for one in (plain, run)]
    assert choice[0] == choice[1]
    assert choice[0][0] > 0.5
    save_head(fit(world, open_cache(tmp_path / "features"), "ridge").saved, tmp_path / "ridge.safetensors")
    save_head(
        fit(world, open_cache(tmp_path / "features"), "logreg", target="artist").saved, tmp_path / "a.safetensors"
    )
    for name, said in (("ridge", "not linear"), ("a", "does not know Baroque, Cubism and Op_Art"), ("no", "no head")):
        with pytest.raises(ArtstyleError, match=said):
            fine_tune(world, tmp_path / name, replace(settings, init_head=str(tmp_path / f"{name}.safetensors")))
        assert not (tmp_path / name).exists()


def test_the_epochs_can_be_looked_at_while_a_run_goes_on(world: DatasetTable, tmp_path: Path) -> None:
    """One line an epoch, whole after each; a run that goes on says so, and gives the epochs that were done once."""
    settings, lines = replace(SETTINGS, epochs=2), []

    def stop(record: dict[str, Any]) -> None:
        lines.append((tmp_path / "metrics.jsonl").read_text().splitlines())
        if record["epoch"] == 1:
            raise Stopped

    with pytest.raises(Stopped):
        fine_tune(world, tmp_path, settings, on_epoch=stop)
    assert [len(found) for found in lines] == [1, 2]
    said: list[str] = []
    run = fine_tune(world, tmp_path, settings, say=said.append)
    assert "going on with the search where it ended" in said
    assert [json.loads(line) for line in lines[-1]] == run.history()[:2]
    assert [record["epoch"] for record in run.history()] == [0, 1, 2]


@pytest.mark.parametrize("keep", [True, False], ids=["some", "all"])
def test_pictures_that_vanish_while_a_network_is_trained_are_counted(
    world: DatasetTable, tmp_path: Path, keep: bool
) -> None:
    """Some of them are named in the end; where all are gone, as with a disk, nothing is made of nothing."""
    shutil.copytree(world.folder / "pictures", tmp_path / "pictures")
    table = DatasetTable(dict(world.columns), tmp_path)

    def vanish(record: dict[str, Any]) -> None:
        if record["epoch"] == 0:
            for path in sorted((tmp_path / "pictures").iterdir())[4 if keep else 0 :: 3 if keep else 1]:
                path.unlink()

    settings = replace(SETTINGS, epochs=1, memory=0)
    if keep:
        run = fine_tune(table, tmp_path / "run", settings, on_epoch=vanish)
        assert any("could not be read any more while the network was trained" in line for line in run.warnings)
        assert run.left_out
    else:
        with pytest.raises(FinetuneError, match="none of the 16 pictures could be read any more in epoch 1"):
            fine_tune(table, tmp_path / "run", settings, on_epoch=vanish)


def test_finished_folds_are_given_as_they_are(world: DatasetTable, tmp_path: Path) -> None:
    """Without training the frozen heads again."""
    folder = tmp_path / "folds"
    done = cross_validate(world, folder, SETTINGS, folds=2, heads="ridge")
    said: list[str] = []
    assert cross_validate(world, folder, SETTINGS, folds=2, heads="ridge", say=said.append) == done
    assert said == [f"the folds in {str(folder)!r} are finished; another --out begins new ones"]
    facts = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**facts, "folded": {"contenders": [3]}}))
    with pytest.raises(FinetuneError, match=r"run.json' can't be read"):
        cross_validate(world, folder, SETTINGS, folds=2, heads="ridge")


@pytest.mark.parametrize("call", ["all_reduce", "broadcast", "barrier"])
def test_a_process_that_is_left_alone_says_so(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """And how to go on, instead of an address of a socket."""

    def fail(*given: object) -> None:
        raise RuntimeError("[pair.cc:545] Connection reset by peer")

    monkeypatch.setattr(f"torch.distributed.{call}", fail)
    team, tensor = Team(0, 2), torch.zeros(1)
    ask = {"all_reduce": lambda: team.add_up([tensor]), "broadcast": lambda: team.as_leader({"a": tensor})}
    with pytest.raises(FinetuneError, match=r"has ended .*reset by peer.* the same command goes on"):
        ask.get(call, team.wait)()
