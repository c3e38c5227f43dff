"""On a GPU, where there is one: what is learned there is what a CPU learns, in all the ways that can be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classify.finetune.result import Finetuned
from classify.finetune.run import fine_tune
from featurize.dataset.table import DatasetTable
from tests.classify.finetune.worlds import curve, quick

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

CACHED = {"start": "features.11", "views": 1}


def tuned(world: DatasetTable, out: Path, **options: Any) -> Finetuned:
    return fine_tune(world, out, quick(**options), features=out.parent / "features")


@pytest.mark.parametrize("options", [{"layers": 3}, {"everything": True}, CACHED])
def test_a_gpu_learns_what_a_cpu_learns(
    world: DatasetTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    """To 10 %, which roundings grow to in some steps, with all digits of 32-bit numbers."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    here = tuned(world, tmp_path / "cpu" / "run", **options, refit=False)
    there = tuned(world, tmp_path / "gpu" / "run", **options, refit=False, device="cuda")
    for ours, theirs in zip(curve(there.history()), curve(here.history()), strict=True):
        assert ours.pop("stage") == theirs.pop("stage")
        assert ours["held_out_loss"] == pytest.approx(theirs["held_out_loss"], rel=1e-1)


@pytest.mark.parametrize(
    "options",
    [
        {"amp": "bf16"},
        {"amp": "fp16"},
        {"amp": "bf16", "compiled": True},
        {"amp": "bf16", "mixup": 0.3, "ema": 0.9, "accumulate": 2, "checkpointing": True},
        {"optimizer": "sgd", "balanced": True, "batch_stats": True},
        {"amp": "bf16", "compiled": True, **CACHED},
    ],
)
def test_every_way_of_learning_ends_in_a_network_that_predicts(
    world: DatasetTable, tmp_path: Path, options: dict[str, Any]
) -> None:
    from classify.prediction import predict

    run = tuned(world, tmp_path / "run", **options, device="cuda")
    losses = [record["loss"] for record in run.history() if "loss" in record]
    assert losses
    assert np.isfinite(losses).all()
    files = [world.picture(n).path for n in range(3)]
    assert all(p.styles[0][0] in run.classes for p in predict(run.head_file, files))


def test_a_run_that_was_stopped_goes_on(world: DatasetTable, tmp_path: Path) -> None:
    """With the optimizer's state on the GPU; the curve agrees to 1 %."""

    class Stop(Exception):
        pass

    def stop(record: dict[str, Any]) -> None:
        if record["epoch"] == 2:
            raise Stop

    settings = quick(device="cuda", epochs=4, refit=False)
    undisturbed = fine_tune(world, tmp_path / "one", settings)
    with pytest.raises(Stop):
        fine_tune(world, tmp_path / "two", settings, on_epoch=stop)
    resumed = fine_tune(world, tmp_path / "two", settings)
    for ours, theirs in zip(resumed.history(), undisturbed.history(), strict=True):
        assert ours["held_out_loss"] == pytest.approx(theirs["held_out_loss"], rel=1e-2)
