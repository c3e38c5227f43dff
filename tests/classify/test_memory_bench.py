"""The benchmark of memory goes the users' way and cleans up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_memory.py"


def test_a_small_one_prints_its_table_and_leaves_nothing(tmp_path: Path) -> None:
    one = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    arguments = ["--rows", "400", "--features", "8", "--classes", "3", "--folder", tmp_path / "made"]
    command = [sys.executable, SCRIPT, *arguments, "--heads", "prototype", "logreg:C=0.01"]
    done = subprocess.run(command, env=one, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, _, *lines = done.stdout.splitlines()
    assert first.startswith("400 x 8 float16, 3 classes")
    assert [line.split()[0] for line in lines] == ["prototype", "logreg:C=0.01"]
    assert all(0 < float(line.split()[2]) < 3 for line in lines), "GiB"
    assert not (tmp_path / "made").exists()
