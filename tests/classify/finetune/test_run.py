"""A fine-tuning survives what happens to it, changes only what it may, and leaves a backbone and a head to use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cache import find_cache
from cache.ids import from_hex
from classify.data import load_rows
from classify.errors import FinetuneError
from classify.evaluation.familiar import Familiar
from classify.finetune.learner import Learner
from classify.finetune.network import build
from classify.finetune.result import Finetuned, load_finetuned
from classify.finetune.run import fine_tune
from classify.finetune.team import Team
from classify.headfile import load_head
from classify.prediction import predict
from classify.report.events import events
from featurize.dataset.table import DatasetTable
from featurize.networks.network import choose_network
from featurize.networks.weights_file import read_card, read_state
from featurize.run.extract import Settings, extract
from tests.classify.finetune.worlds import curve, quick


class Stopped(Exception):
    """As a kill between two epochs."""


@pytest.fixture(scope="module")
def finished(world: DatasetTable, tmp_path_factory: pytest.TempPathFactory) -> Finetuned:
    """A run that nobody disturbed."""
    from tests.classify.serve import rooms

    with rooms.without_companions():
        return fine_tune(world, tmp_path_factory.mktemp("runs") / "a", quick(mixup=0.2, ema=0.5))


@pytest.mark.parametrize("after", [2, 4])
def test_a_run_that_was_stopped_goes_on_as_if_it_never_had_been(
    world: DatasetTable, tmp_path: Path, finished: Finetuned, after: int
) -> None:
    """Same curve, same bits of the weights; stopped while the epoch is chosen, and while all is learned again."""
    seen: list[Any] = []

    def stop(record: dict[str, Any]) -> None:
        seen.append(record)
        if len(seen) == after:
            raise Stopped

    with pytest.raises(Stopped):
        fine_tune(world, tmp_path, quick(mixup=0.2, ema=0.5), on_epoch=stop)
    with pytest.raises(FinetuneError, match="not finished"):
        load_finetuned(tmp_path)
    again = fine_tune(world, tmp_path, quick(mixup=0.2, ema=0.5))
    assert curve(again.history()) == curve(finished.history())
    assert again.weights_file.read_bytes() == finished.weights_file.read_bytes()
    assert not list(tmp_path.glob("*.checkpoint.*"))
    assert fine_tune(world, tmp_path, quick(mixup=0.2, ema=0.5)) == again, "a finished run is given as it is"


def test_what_is_frozen_stays_bit_for_bit(world: DatasetTable, tmp_path: Path) -> None:
    """Statistics of BatchNorm, too, also those of retrained layers unless they are asked to learn."""
    before = choose_network("resnet18", "random", size=32).load().state_dict()
    run = fine_tune(
        world, tmp_path, quick(backbone="resnet18", layers=2, epochs=1, refit=False, held_out=0.34, rate=0.1)
    )
    after = read_state(run.weights_file)
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    if run.epoch:
        assert changed == {"layer4.1.conv2.weight", "layer4.1.bn2.weight", "layer4.1.bn2.bias"}
    else:
        assert changed == set()


def test_the_result_embeds_and_predicts(world: DatasetTable, finished: Finetuned, tmp_path: Path) -> None:
    """`featurize run --weights` makes vectors on which the saved head gives what `classify predict` gives."""
    card = read_card(finished.weights_file)
    assert card is not None
    assert card.network == "squeezenet1_1"
    assert card.transform.crop == 32
    train = [i for i, s in zip(world.columns["id"], world.columns["split"], strict=True) if s == "train"]
    assert card.more["trained on"] == sorted(train)
    settings = Settings(backbone="squeezenet1_1", weights=finished.weights_file, engine="torch", device="cpu")
    done = extract(world, tmp_path / "features", settings)
    saved = load_head(finished.head_file)
    assert done.key == saved.key
    cache = find_cache(tmp_path / "features", done.key)
    assert cache is not None
    rows = world.rows_of("test")
    probabilities = saved.head.predict_proba(cache.gather(world.ids[rows], saved.recipes[0]))
    paths = [world.folder / world.columns["path"][n] for n in rows]
    told = [dict(p.styles) for p in predict(saved, paths, device="cpu", features=tmp_path / "none")]
    for row, own in zip(probabilities, told, strict=True):
        assert row == pytest.approx([own[c] for c in saved.classes], abs=1e-4)


def test_the_head_notices_pictures_that_are_unlike_all_it_learned_from(
    world: DatasetTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is that of the rows which were held out; nothing but the head learned, so it can be computed again."""
    monkeypatch.setattr("classify.evaluation.familiar.SHARE", 0.8)
    monkeypatch.setattr("classify.evaluation.familiar.FEWEST", 4)
    monkeypatch.setattr("classify.finetune.learner.FEWEST", 4)
    settings = quick(epochs=1, head_only=True, held_out=0.3)
    run = fine_tune(world, tmp_path / "run", settings)
    saved = load_head(run.head_file)
    assert saved.familiar is not None
    assert saved.familiar.rows == run.held_out
    done = extract(
        world, tmp_path / "features", Settings(backbone="squeezenet1_1", weights=run.weights_file, engine="torch")
    )
    cache = find_cache(tmp_path / "features", done.key)
    assert cache is not None
    rows = load_rows(world, "style", "train")
    vectors = cache.gather(from_hex(rows.ids), saved.recipes[0])
    tuned = build(choose_network("squeezenet1_1", "random", size=32), settings, 3, "cpu")
    fit, held = Learner(tuned, None, rows, settings, 8, Team()).held_out(np.arange(len(rows)))
    again = Familiar.learn(vectors, [(fit, held)])
    assert again is not None
    assert saved.familiar.limit == pytest.approx(again.limit, abs=1e-4)
    assert np.abs(saved.familiar.basis @ again.basis.T).max(1) == pytest.approx(1, abs=1e-3)
    marked = [p.unlike for p in predict(saved, [rows.paths[n] for n in held], device="cpu", features=tmp_path / "no")]
    assert marked == [again.unlike(vectors[n]) for n in held]
    monkeypatch.setattr("classify.finetune.learner.FEWEST", 99)
    assert load_head(fine_tune(world, tmp_path / "few", settings).head_file).familiar is None


def test_pictures_of_val_and_test_are_never_looked_at(world: DatasetTable, tmp_path: Path) -> None:
    gone = [
        p if s == "train" else "nowhere.png" for p, s in zip(*map(world.columns.get, ("path", "split")), strict=True)
    ]
    other = [i if s == "train" else "0" * 64 for i, s in zip(*map(world.columns.get, ("id", "split")), strict=True)]
    run = fine_tune(world.with_columns(path=gone, id=other), tmp_path, quick(epochs=1, head_only=True))
    assert run.rows == 24
    assert not run.left_out


def test_a_broken_picture_stops_nothing(world: DatasetTable, tmp_path: Path) -> None:
    paths = list(world.columns["path"])
    paths[0] = "nowhere.png"
    run = fine_tune(world.with_columns(path=paths), tmp_path, quick(epochs=1, head_only=True))
    assert list(run.left_out) == [str(world.folder / "nowhere.png")]
    assert run.rows == 23


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"style": "Fauvism"}, "table has changed"),
        ({"epochs": 3}, "epochs .2 then, 3 now."),
        ({"backbone": "resnet18"}, "backbone"),
    ],
    ids=["labels", "settings", "network"],
)
def test_another_run_in_the_same_folder_is_refused(
    world: DatasetTable, finished: Finetuned, change: dict[str, Any], said: str
) -> None:
    """And what is there stays as it is."""
    before = finished.weights_file.read_bytes()
    labels = change.pop("style", None)
    table = world.with_columns(style=[labels, *world.columns["style"][1:]]) if labels else world
    with pytest.raises(FinetuneError, match=said):
        fine_tune(table, finished.folder, quick(mixup=0.2, ema=0.5, **change))
    assert finished.weights_file.read_bytes() == before


def test_the_head_begins_as_the_one_that_is_fitted_to_frozen_vectors(world: DatasetTable, tmp_path: Path) -> None:
    """Before any training, `--head-only` with a saved head answers as that head does."""
    from cache import open_cache
    from classify.fitting.fit import fit
    from classify.headfile import save_head

    settings = Settings(backbone="squeezenet1_1", weights="random", size=32, engine="torch", device="cpu")
    extract(world, tmp_path / "features", settings)
    cache = open_cache(tmp_path / "features")
    fitted = fit(world, cache, "logreg:C=0.1,calibrate=true")
    save_head(fitted.saved, tmp_path / "start.safetensors")
    start = str(tmp_path / "start.safetensors")
    run = fine_tune(world, tmp_path / "run", quick(epochs=1, head_rate=0.0, head_only=True, init_head=start))
    rows = world.rows_of("train")
    X = cache.gather(world.ids[rows], fitted.saved.recipes[0])
    mine = load_head(run.head_file).head
    assert np.allclose(mine.scores(X), fitted.saved.head.scores(X) / fitted.saved.head.temperature_, atol=1e-3)
    assert run.epoch == 0


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(world: DatasetTable, tmp_path: Path) -> None:
    """To 1e-5: sums in another order. Only the first process speaks."""
    options = "--backbone squeezenet1_1 --weights random --size 32 --layers 3 --epochs 2 --batch-size 8 --device cpu"
    command = ["-m", "classify", "finetune", *options.split(), "--dataset", str(world.folder / "dataset.csv"), "--out"]
    two = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    told = []
    for start, name in (([sys.executable], "one"), (two, "two")):
        done = subprocess.run([*start, *command, str(tmp_path / name)], capture_output=True, text=True, check=True)
        told.append(done.stdout.count("predict with it"))
    assert told == [1, 1]
    one, other = (curve(load_finetuned(tmp_path / name).history()) for name in ("one", "two"))
    for ours, theirs in zip(one, other, strict=True):
        assert ours.pop("stage") == theirs.pop("stage")
        assert ours == pytest.approx(theirs, rel=1e-5)


def test_the_epochs_are_written_for_tensorboard(tmp_path: Path) -> None:
    """Each once, also those that are handed in again by a run that goes on."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for epochs in (2, 3):
        with events(tmp_path) as write:
            for epoch in range(epochs):
                write({"stage": "search", "fold": 1, "epoch": epoch, "held_out_loss": 3.0 - epoch})
    found = EventAccumulator(str(tmp_path / "fold-1/search"))
    found.Reload()
    assert [(e.step, e.value) for e in found.Scalars("loss/held out")] == [(0, 3.0), (1, 2.0), (2, 1.0)]
