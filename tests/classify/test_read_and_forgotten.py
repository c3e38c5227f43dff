"""Rows on disk are read a few at a time and forgotten, work is shared out by its size, and blocks are of few bytes."""

from __future__ import annotations

import mmap
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classify.evaluation import nearest
from classify.heads import make_head
from classify.heads.rows import blocks
from classify.heads.rows.folds import make_folds
from classify.heads.solvers import kernel, linear_path
from classify.heads.solvers.parallel import ALONE
from classify.heads.solvers.sgd import Schedule, work_of


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What the system may take back: offset and length, in bytes of the file's map."""
    if not hasattr(mmap.mmap, "madvise"):
        pytest.skip("the system can't be told")
    seen: list[tuple[int, int]] = []

    class Watched(mmap.mmap):
        def madvise(self, option: int, start: int = 0, length: int = 0) -> None:
            assert option == mmap.MADV_DONTNEED
            seen.append((start, length))
            super().madvise(option, start, length)

    monkeypatch.setattr(mmap, "mmap", Watched)
    return seen


def mapped(folder: Path, rows: int, features: int, mode: Any = "r", offset: int = 0) -> Any:
    X = np.arange(rows * features, dtype=np.float32).reshape(rows, features)
    (folder / "rows").write_bytes(bytes(offset) + X.tobytes())
    return np.memmap(folder / "rows", np.float32, mode, offset, (rows, features))


@pytest.mark.parametrize("offset", [0, 64, 5000])
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (100, 700), (1023, 1024), (900, 5000), (512, 512)])
def test_whole_pages_of_the_rows_are_given_back(
    start: int, stop: int, offset: int, tmp_path: Path, forgotten: list[tuple[int, int]]
) -> None:
    """From the page in which the first begins to the end of the last, or of the file; of a view and of all rows."""
    X, page, row = mapped(tmp_path, 1024, 25, offset=offset), mmap.PAGESIZE, 100
    for rows, before in ((X, 0), (X[200:], 200)):
        if stop - before < 0:
            continue
        forgotten.clear()
        blocks.forget(rows, start, stop)
        first = offset % mmap.ALLOCATIONGRANULARITY + (before + start) * row  # numpy maps from a multiple of it on
        last = min(
            offset % mmap.ALLOCATIONGRANULARITY + (before + stop) * row,
            offset % mmap.ALLOCATIONGRANULARITY + 1024 * row,
        )
        expected = [(first - first % page, last - (first - first % page))] if last > first - first % page else []
        assert forgotten == expected
    np.testing.assert_array_equal(X[:3], np.arange(75).reshape(3, 25))


def test_rows_that_may_hold_changes_or_are_no_rows_of_a_file_are_kept(
    tmp_path: Path, forgotten: list[tuple[int, int]]
) -> None:
    for mode in ("r+", "c"):
        X = mapped(tmp_path, 64, 25, mode)
        blocks.forget(X, 0, 64)
        np.testing.assert_array_equal(blocks.take(X, np.array([5, 1])), np.asarray(X)[[5, 1]])
    blocks.forget(np.ones((64, 25)), 0, 64)
    blocks.forget(mapped(tmp_path, 64, 25)[:, ::2], 0, 64)
    assert forgotten == []


@pytest.mark.parametrize("seed", range(4))
def test_rows_are_taken_a_few_at_a_time_in_the_order_of_the_file(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most so many rows, of at most so many large pages; each is forgotten, and parts are as few as that allows."""
    monkeypatch.setattr(blocks, "TAKE_ROWS", 20)
    monkeypatch.setattr(blocks, "TAKE_PAGES", 4)
    monkeypatch.setattr(blocks, "LARGE_PAGE", 800)  # 8 rows
    X, rng, parts = mapped(tmp_path, 1000, 25), np.random.default_rng(seed), []
    monkeypatch.setattr(blocks, "forget", lambda _, start, stop: parts.append((start, stop)))
    index = rng.integers(0, 1000, 300) if seed % 2 else rng.permutation(np.arange(100, 160))
    np.testing.assert_array_equal(blocks.take(X, index), np.asarray(X)[index])
    ordered = np.sort(index)
    assert parts[0][0] == ordered[0]
    assert parts[-1][1] == ordered[-1] + 1
    counts = [int(((ordered >= start) & (ordered < stop)).sum()) for start, stop in parts]
    pages = [len(np.unique(ordered[(ordered >= start) & (ordered < stop)] // 8)) for start, stop in parts]
    assert max(pages) <= 5
    assert max(counts) <= 20 + np.bincount(index).max(), "a row that is asked for twice may stand in two parts"
    assert len(parts) <= -(-len(index) // 20) + -(-len(np.unique(ordered // 8)) // 4)
    parts.clear()
    assert blocks.take(X, np.array([], np.intp)).shape == (0, 25)
    assert parts == []


def test_work_is_shared_out_by_the_number_of_its_multiplications(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[float] = []

    @contextmanager
    def team(multiplications: float) -> Any:
        counted.append(multiplications)
        yield ALONE

    monkeypatch.setattr(kernel, "team", team)
    monkeypatch.setattr(linear_path, "team", team)
    rng = np.random.default_rng(0)
    X, codes = rng.standard_normal((90, 7)).astype(np.float32), np.arange(90) % 3
    kernel.rbf(X[:20], X[:30], 0.1)
    assert counted == [20 * 30 * 7]
    counted.clear()
    kernel.solve_squared_hinge(
        np.eye(20, dtype=np.float32), np.ones((4, 20), np.float32), np.ones((4, 20), np.float32), 0.1
    )
    assert counted == [20 * 20 * 4]
    counted.clear()
    make_head("logreg", calibrate=False).out_of_fold(X, codes, make_folds(codes, None, 3), [{"C": 1.0}, {"C": 2.0}])
    assert counted == [3 * 3 * 90 * 7], "folds x classes, rows and features"
    counted.clear()
    wide = rng.standard_normal((90, 200)).astype(np.float32)
    make_head("logreg", calibrate=False).out_of_fold(wide, codes, make_folds(codes, None, 3), [{"C": 1.0}])
    assert counted[0] == 3 * 60**2 * 3, "each fold among its own rows"
    assert work_of(Schedule((512, 256), batch=32), 2048) == 32 * 2048 * 512
    assert work_of(Schedule((), batch=32), 2048) == 0


@pytest.mark.parametrize(
    ("width", "step"), [(1, 4096), (1024, 4096), (2048, 2048), (4_000_000, 1), (10**8, 1), (0, 4096)]
)
def test_neighbours_are_looked_for_in_blocks_of_32_mb(width: int, step: int) -> None:
    class Asked:
        shape = (5000, width)

        def __len__(self) -> int:
            return 5000

        def __getitem__(self, block: slice) -> Any:
            return np.zeros(block.stop - block.start)

    found = [numbers for numbers, _ in nearest._blocks(Asked())]
    assert len(found[0]) == step
    assert np.concatenate(found).tolist() == list(range(5000))
    assert {len(numbers) for numbers in found[:-1]} <= {step}
