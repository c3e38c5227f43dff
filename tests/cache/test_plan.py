"""A plan fixes who stands where, and survives being interrupted, cut or foreign."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache import Plan
from cache.plan import unfinished
from tests.cache.samples import ids_of


@given(st.integers(0, 300), st.integers(1, 40), st.integers(1, 9))
def test_pieces_hold_everyone_once_in_order(count: int, batch: int, batches: int) -> None:
    plan = Plan(ids_of(list(range(count))), ["r"], batch, batches)
    pieces = list(plan.pieces())
    assert [i for p in pieces for b in p for i in b.tolist()] == plan.ids.tolist()
    full = [len(b) for p in pieces for b in p]
    assert all(n == batch for n in full[:-1]), "only the last batch is short"
    assert all(len(p) == batches for p in pieces[:-1])


def test_a_saved_plan_is_found_again_and_forgotten(tmp_path: Path) -> None:
    plan = Plan(ids_of([3, 1, 2]), ["b", "a"], 2, 8)
    plan.save(tmp_path)
    (found,) = unfinished(tmp_path)
    assert found.ids.tolist() == plan.ids.tolist()
    assert (found.digest, found.batch_size) == (plan.digest, 2)
    found.forget(tmp_path)
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{", '{"ids": ["zz"]}', "[]"])
def test_a_damaged_plan_is_passed_over(tmp_path: Path, text: str) -> None:
    path = Plan(ids_of([1]), ["r"], 2, 8).save(tmp_path)
    path.write_text(text)
    assert unfinished(tmp_path) == []


def test_a_plan_under_a_wrong_name_is_passed_over(tmp_path: Path) -> None:
    path = Plan(ids_of([1]), ["r"], 2, 8).save(tmp_path)
    path.rename(path.with_name("0" * 64 + ".json"))
    assert unfinished(tmp_path) == []


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        Plan(ids_of([1]), ["r"], 0, 8)
