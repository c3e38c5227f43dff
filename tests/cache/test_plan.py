"""A plan fixes who stands where, and survives being interrupted, cut or foreign."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache import Artifacts, Plan
from cache.ids import to_hex
from cache.plan import EARLIER_PLANS, PLANS, unfinished
from tests.cache.samples import KEY, ids_of


@given(st.integers(0, 300), st.integers(1, 40), st.integers(1, 9))
def test_pieces_hold_everyone_once_in_order(count: int, batch: int, batches: int) -> None:
    plan = Plan(ids_of(list(range(count))), ["r"], batch, batches)
    pieces = list(plan.pieces())
    assert [i for p in pieces for b in p for i in b.tolist()] == plan.ids.tolist()
    full = [len(b) for p in pieces for b in p]
    assert all(n == batch for n in full[:-1]), "only the last batch is short"
    assert all(len(p) == batches for p in pieces[:-1])


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path, KEY.digest)


def test_a_saved_plan_is_found_again_and_forgotten(artifacts: Artifacts) -> None:
    plan = Plan(ids_of([3, 1, 2]), ["b", "a"], 2, 8)
    plan.save(artifacts)
    plan.save(artifacts)
    (found,) = unfinished(artifacts)
    assert found.ids.tolist() == plan.ids.tolist()
    assert (found.batch_size, found.segment_batches, set(found.recipes)) == (2, 8, {"a", "b"})
    found.forget(artifacts)
    assert unfinished(artifacts) == []


def test_a_plan_that_an_earlier_version_wrote_is_found_and_forgotten(artifacts: Artifacts) -> None:
    plan = Plan(ids_of([3, 1, 2]), ["b", "a"], 2, 8)
    text = {"batch_size": 2, "ids": to_hex(plan.ids), "recipes": ["a", "b"], "segment_batches": 8}
    artifacts.keep(EARLIER_PLANS, json.dumps(text).encode())
    (found,) = unfinished(artifacts)
    assert found.ids.tolist() == plan.ids.tolist()
    assert (found.batch_size, found.segment_batches, set(found.recipes)) == (2, 8, {"a", "b"})
    found.forget(artifacts)
    assert artifacts.names() == set()


def test_only_plans_that_begin_among_some_pictures_are_loaded(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in (0, 1000, 2000):
        Plan(ids_of(list(range(start, start + 500))), ["r"], 2, 8).save(artifacts)
    loaded: list[str] = []
    load = Artifacts.load
    monkeypatch.setattr(Artifacts, "load", lambda self, name: loaded.append(name) or load(self, name))
    (found,) = unfinished(artifacts, ids_of(list(range(1020, 1700))))
    assert (found.ids.tolist(), len(loaded)) == (ids_of(list(range(1000, 1500))).tolist(), 1)


@pytest.mark.parametrize("text", ["", "{", '{"ids": ["zz"]}', "[]", '{"pictures": 1}\nshort'])
def test_a_damaged_plan_is_passed_over(artifacts: Artifacts, tmp_path: Path, text: str) -> None:
    Plan(ids_of([1]), ["r"], 2, 8).save(artifacts)
    (path,) = tmp_path.iterdir()
    path.write_text(text)
    assert unfinished(artifacts) == []
    artifacts.keep(PLANS, text.encode())  # whole, and no plan
    artifacts.keep(EARLIER_PLANS, text.encode())
    assert unfinished(artifacts) == []


def test_a_plan_that_was_changed_is_passed_over(artifacts: Artifacts, tmp_path: Path) -> None:
    Plan(ids_of([1, 2]), ["r"], 2, 8).save(artifacts)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes().replace(b'"batch_size": 2', b'"batch_size": 3'))
    assert unfinished(artifacts) == []


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        Plan(ids_of([1]), ["r"], 0, 8)
