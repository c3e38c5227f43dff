"""The script that measures how planning and the index grow runs, and counts what it says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import bench_scale


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["planner", "--rows", "3000"], "1 plans, 3,000 planned, 12 pieces, 3,000 in pieces"),
        (["index", "--rows", "100000"], "524,288 ids asked for, 50,000 of them there"),
        (["open", "--rows", "2000", "--features", "4"], "8 segments became 1"),
        (["counts", "--rows", "1000000000"], "3,906,250 segments of 256 pictures at first; 3,907 requests list them"),
    ],
)
def test_each_measurement_runs(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench_scale.main([*arguments, "--folder", str(tmp_path)]) == 0
    assert said in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [], "nothing is left"


def test_fake_ids_are_distinct_and_repeatable() -> None:
    ids = bench_scale.ids_of(0, 20_000)
    assert len(set(ids.tolist())) == 20_000
    assert bench_scale.ids_of(5_000, 5_010).tolist() == ids[5_000:5_010].tolist()
