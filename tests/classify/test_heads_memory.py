"""Rows on disk train in bounded memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from classify.heads.rows.blocks import blocks

# a map of 64 MiB (128 MiB as float32) is trained on while at most 2 MiB of rows may be kept
TRAIN = """
import resource, sys
import numpy as np
from classify.heads import make_head
from classify.heads.rows import blocks
blocks.KEEP_BYTES, blocks.BLOCK_BYTES = 1 << 21, 1 << 21
spec, path = sys.argv[1:]
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
small = np.random.default_rng(0).random((600, 512), dtype=np.float32)
make_head(spec).fit(small, np.arange(600) % 5)  # what libraries need once
before = peak()
X = np.memmap(path, np.float16, "r").reshape(-1, 512)
make_head(spec).fit(X, np.arange(len(X)) % 5)
print(peak() - before)
"""


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "float16"
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for _ in range(16):
            rng.random((4096, 512), dtype=np.float32).astype(np.float16).tofile(file)
    return path


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's account of shared pages")
@pytest.mark.parametrize("indexed", [False, True])
def test_pages_that_were_read_are_given_back(indexed, mapped):
    def shared():
        return int(Path("/proc/self/statm").read_text().split()[2]) * resource.getpagesize() / 2**20

    X = np.memmap(mapped, np.float16, "r").reshape(-1, 512)
    before = shared()
    most = 0.0
    for part in blocks(X, np.arange(0, len(X), 3) if indexed else None):
        part.max()
        most = max(most, shared() - before)
    assert most < 32, "MiB of a map of 64"


@pytest.mark.parametrize(
    "spec", ["logreg:max_iter=3", "softmax:epochs=1,batch=256", "prototype", "simpleshot", "ridge"]
)
def test_rows_on_disk_are_never_held_at_once(spec, mapped):
    one = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", TRAIN, spec, str(mapped)]
    done = subprocess.run(command, env=one, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 48, "MiB more than 600 rows took"
