"""Cross-validated fine-tuning: one job that can be stopped, whose figures stand beside those of frozen heads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classify.data import load_rows
from classify.errors import FinetuneError
from classify.finetune.folds import cross_validate
from classify.finetune.run import fine_tune
from classify.heads.rows.folds import make_folds
from featurize.dataset.table import DatasetTable
from tests.classify.finetune.worlds import quick


class Stopped(Exception):
    """As a kill between two epochs."""


def test_folds_that_were_stopped_go_on_and_stand_beside_frozen_heads(world: DatasetTable, tmp_path: Path) -> None:
    """Folds that are done are not trained again; painters are on one side; every contender answers the same rows."""
    seen: list[dict[str, Any]] = []

    def stop(record: dict[str, Any]) -> None:
        seen.append(record)
        if record["fold"] == 2 and record["epoch"] == 1:
            raise Stopped

    settings = quick(epochs=1, refit=False, question="new")
    with pytest.raises(Stopped):
        cross_validate(world, tmp_path / "a", settings, folds=2, heads="ridge", on_epoch=stop)
    again: list[dict[str, Any]] = []
    found = cross_validate(world, tmp_path / "a", settings, folds=2, heads="ridge", on_epoch=again.append)
    assert {record["fold"] for record in again} == {2}
    lines: list[str] = []
    whole = cross_validate(world, tmp_path / "b", settings, folds=2, heads="ridge", say=lines.append)
    assert not any("--folds" in line for line in lines), "as many as asked for"
    assert [c.accuracy for c in found.contenders] == [c.accuracy for c in whole.contenders]
    parts = [json.loads((tmp_path / "a" / f"fold-{n}.json").read_text()) for n in (1, 2)]
    assert sum(len(part["predicted"]) for part in parts) == found.scored == found.rows == 24
    assert [c.name for c in found.contenders] == ["finetuned", "ridge"]
    rows = load_rows(world, settings.target, settings.split)
    held = [part for _, part in make_folds(rows.y, rows.groups, 2, settings.seed)]
    right = [
        rows.classes[code] == rows.y[n]
        for part, of in zip(parts, held, strict=True)
        for code, n in zip(part["predicted"], of, strict=True)
    ]
    assert found.contenders[0].accuracy.value == pytest.approx(np.mean(right)), (
        "each answer is held against its own row"
    )
    with pytest.raises(FinetuneError, match="began with another"):
        fine_tune(world, tmp_path / "a", settings)


def test_more_folds_than_rows_are_fewer_and_it_is_told(world: DatasetTable, tmp_path: Path) -> None:
    def stop(record: dict[str, Any]) -> None:
        raise Stopped

    lines: list[str] = []
    with pytest.raises(Stopped):
        cross_validate(world, tmp_path / "a", quick(epochs=1), folds=1000, on_epoch=stop, say=lines.append)
    assert [line for line in lines if line.startswith("--folds")] == [
        "--folds 1000: 8 are made, for no class has so many rows, or there are fewer artists"
    ]


def test_heads_that_compare_with_prompts_are_refused_before_the_first_fold(world: DatasetTable, tmp_path: Path) -> None:
    with pytest.raises(FinetuneError, match="--heads tip-adapter: it compares with prompts"):
        cross_validate(world, tmp_path / "run", quick(), folds=2, heads="ridge,tip-adapter")
    assert not (tmp_path / "run").exists()
