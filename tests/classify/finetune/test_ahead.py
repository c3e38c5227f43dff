"""Rows that are fetched ahead are the rows that were asked for."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from classify.finetune.ahead import fetched
from classify.finetune.inputs import Fetched
from classify.finetune.views import PLAIN, View
from featurize.dataset.table import DatasetTable
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

    def maps(self, values: torch.Tensor) -> torch.Tensor:
        return values


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
