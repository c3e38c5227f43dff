"""A few small pictures of three styles that can be told apart, as a dataset table."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from classify.finetune.settings import FinetuneSettings
from featurize.dataset.table import DatasetTable, write_table

STYLES = ("Baroque", "Cubism", "Op_Art")


def make_world(folder: Path, per_style: int = 10) -> DatasetTable:
    """`dataset.csv` and pictures in a folder: per style 8/10 train, 1/10 val, 1/10 test; two by each painter."""
    rng = np.random.default_rng(0)
    columns: dict[str, list[str]] = {n: [] for n in ("id", "path", "size", "mtime_ns", "split", "style", "artist")}
    for number, style in enumerate(STYLES):
        for n in range(per_style):
            path = folder / "pictures" / f"{style}-{n}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = rng.integers(0, 120, (36, 48, 3))
            noise[:, :: number + 1, number] += 120
            Image.fromarray(noise.astype(np.uint8)).save(path)
            split = ("train", "val", "test")[max(n % 10 - 7, 0)]
            facts = (
                hashlib.sha256(path.read_bytes()).hexdigest(), f"pictures/{path.name}", str(path.stat().st_size),
                str(path.stat().st_mtime_ns), split, style, f"painter-{number}-{n // 2}",
            )  # fmt: skip
            for column, fact in zip(columns.values(), facts, strict=True):
                column.append(fact)
    table = DatasetTable(columns, folder)
    write_table(table, folder / "dataset.csv")
    return table


def quick(**options: Any) -> FinetuneSettings:
    """Settings of a training that takes a second: an untrained network at 32 pixels."""
    plain: dict[str, Any] = {
        "backbone": "squeezenet1_1", "weights": "random", "size": 32, "epochs": 2, "batch_size": 8, "workers": 1,
        "rate": 1e-3, "device": "cpu",
    }  # fmt: skip
    if not {"layers", "start", "everything", "head_only"} & options.keys():
        plain["layers"] = 3
    return FinetuneSettings(**{**plain, **options})


def curve(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The history without what the clock says."""
    return [{name: value for name, value in r.items() if "seconds" not in name} for r in records]
