"""Rows that are fetched ahead are the rows that were asked for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import pytest
import torch

from classify.finetune.checkpoint import optimizer_tensors, restore_optimizer
from classify.finetune.feed.ahead import fetched
from classify.finetune.feed.inputs import Fetched
from classify.finetune.feed.views import PLAIN, View, crop, crops, cut_of
from classify.finetune.optimize import make_optimizer
from featurize.dataset.table import DatasetTable
from featurize.errors import Undecodable
from featurize.reasons import Reason
from tests.classify.finetune.test_parts import one_step
from tests.classify.finetune.worlds import curve


class Counting:
    """Rows whose values are their numbers; remembers who fetched what, and when."""

    def __init__(self, broken: int = -1) -> None:
        self.broken = broken
        self.order: list[int] = []
        self.threads: set[int] = set()

    def fetch(self, rows: Sequence[int], views: Sequence[View]) -> Fetched:
        self.threads.add(threading.get_ident())
        for row in rows:
            if row == self.broken:
                raise OSError(f"row {row} is gone")
            self.order.append(row)
        return Fetched(torch.tensor(rows), np.ones(len(rows), bool))

    def maps(self, rows: Fetched) -> torch.Tensor:
        return rows.values


def asked(steps: int) -> list[tuple[list[int], list[View]]]:
    return [([2 * n, 2 * n + 1], [PLAIN, PLAIN]) for n in range(steps)]


@pytest.mark.parametrize("steps", [0, 1, 7])
@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_rows_come_in_the_order_in_which_they_were_asked_for(steps: int, ahead: int) -> None:
    inputs = Counting()
    found = [f.values.tolist() for f in fetched(inputs, asked(steps), ahead=ahead, pinned=False)]
    assert found == [rows for rows, _ in asked(steps)]
    assert inputs.order == list(range(2 * steps))
    assert len(inputs.threads) <= 1


def test_no_more_is_fetched_ahead_than_was_allowed() -> None:
    """Else the rows of a whole epoch would lie in memory."""
    inputs = Counting()
    coming = fetched(inputs, asked(20), ahead=2, pinned=False)
    for number in range(5):
        next(coming)
        assert len(inputs.order) <= 2 * (number + 3)
    coming.close()
    assert len(inputs.order) <= 2 * 7


@pytest.mark.parametrize("ahead", [0, 2])
def test_what_goes_wrong_in_the_thread_goes_wrong_here(ahead: int) -> None:
    coming = fetched(Counting(broken=4), asked(9), ahead=ahead, pinned=False)
    assert [next(coming).values[0].item() for _ in range(2)] == [0, 2]
    with pytest.raises(OSError, match="row 4 is gone"):
        next(coming)


@pytest.mark.parametrize("options", [{"mixup": 0.3, "accumulate": 3}, {"views": 2, "ema": 0.9}])
def test_a_training_learns_the_same_bits_whether_rows_are_fetched_ahead_or_not(
    world: DatasetTable, options: dict[str, object]
) -> None:
    curves, weights = [], []
    for ahead in (0, 2):
        training, _ = one_step(world, **options)
        training.held = training.fit[::3]
        training.ahead = ahead
        curves.append(curve(training.run(2).history))
        weights.append(torch.cat([v.flatten() for v in training.tuned.state().values()]))
    assert curves[0] == curves[1]
    assert torch.equal(weights[0], weights[1])


def test_crops_on_a_device_are_those_of_pillow() -> None:
    """To one of 255 levels, in which roundings on the way may differ."""
    random = np.random.default_rng(0)
    canvases = random.integers(0, 256, (12, 80, 80, 3), np.uint8)
    ids = [f"{n:016x}" for n in random.integers(1 << 60, size=12).tolist()]
    view = View((3, 7))
    cuts = torch.tensor([astuple(cut_of(view, i, 80)) for i in ids], dtype=torch.float32)
    assert 0 < cuts[:, 4].sum() < 12, "some are mirrored, some are not"
    found = crops(torch.from_numpy(canvases), cuts, 64).numpy()
    expected = np.stack([crop(canvas, view, i, 64) for canvas, i in zip(canvases, ids, strict=True)])
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= 1
    assert difference.mean() < 0.1


def test_a_training_whose_crops_are_cut_on_the_device_learns_nearly_the_same(world: DatasetTable) -> None:
    """And a picture that can't be read counts for nothing in both."""
    curves = []
    for there in (False, True):
        training, _ = one_step(world)
        training.inputs.cut_there = there
        training.inputs.pictures.failed[3] = Undecodable(Reason.BROKEN)
        curves.append([record["loss"] for record in training.run(2).history[1:]])
    assert curves[0] == pytest.approx(curves[1], rel=2e-2)


def test_a_restored_optimizer_has_its_state_laid_out_as_the_parameters(world: DatasetTable) -> None:
    """Fused kernels of a GPU take no other."""
    training, _ = one_step(world, start="features.11", cached=False)
    optimizer = make_optimizer(training.tuned, training.settings)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    kept = {name: tensor.contiguous() for name, tensor in optimizer_tensors(optimizer).items()}
    restore_optimizer(optimizer, kept)
    lain_otherwise = [
        parameter
        for parameter, state in optimizer.state.items()
        if state["exp_avg"].stride() != parameter.stride() or not torch.allclose(state["exp_avg"], torch.tensor(0.1))
    ]
    assert len(optimizer.state) > 3
    assert not lain_otherwise
