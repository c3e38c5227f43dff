"""Which segments are merged together: small ones, of the same recipes and types, up to a size."""

from __future__ import annotations

import pickle
from threading import Barrier, get_ident
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from cache import SegmentDamaged
from cache.buckets import MemoryBucket
from cache.errors import ArtifactDamaged
from cache.segments.compact import _groups
from tests.cache.samples import AVGPOOL, STATS


def part(size: int, recipes: int, kind: str) -> Any:
    stored = SimpleNamespace(dtype=np.dtype(kind))
    return SimpleNamespace(size=size, recipes=dict.fromkeys([AVGPOOL, STATS][:recipes], stored))


def alike(one: Any) -> Any:
    return sorted((recipe.digest, stored.dtype) for recipe, stored in one.recipes.items())


PARTS = st.lists(st.builds(part, st.integers(1, 60), st.integers(1, 2), st.sampled_from(["<f2", "<f4"])), max_size=20)


@given(PARTS, st.integers(2, 100))
@example([part(40, 1, "<f4") for _ in range(5)], 100)
@example([part(50, 1, "<f4"), part(50, 1, "<f4")], 101)  # half of the size, and no more
@example([part(45, 1, "<f4"), part(50, 1, "<f4"), part(45, 1, "<f2"), part(45, 2, "<f4"), part(49, 1, "<f4")], 100)
def test_groups_are_small_segments_alike_and_stay_under_the_size(parts: list[Any], target: int) -> None:
    groups = list(_groups(parts, target))
    small = [one for one in parts if one.size < target // 2]
    grouped = [id(one) for group in groups for one in group]
    assert len(set(grouped)) == len(grouped)
    assert set(grouped) <= {id(one) for one in small}
    for group in groups:
        assert len(group) > 1
        assert sum(one.size for one in group) <= target
        assert all(alike(one) == alike(group[0]) for one in group)
    for kind in (alike(one) for one in small):
        left = [one for one in small if alike(one) == kind and id(one) not in grouped]
        assert len(left) <= 1, "the last of a kind at most stays alone"


def test_damage_comes_whole_out_of_another_process() -> None:
    for error in (SegmentDamaged("a.h5", "/there/a.h5", "it is cut"), ArtifactDamaged("x.plan", "/there/x.plan")):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert (str(again), vars(again)) == (str(error), vars(error))


def test_work_on_many_objects_comes_back_in_their_order_by_as_many_threads_as_are_allowed() -> None:
    class Far(MemoryBucket):
        at_once = 3

    together = Barrier(3, timeout=60)  # breaks where fewer than three are at work

    def work(n: int) -> int:
        together.wait()
        return -n

    bucket = Far()
    assert bucket.each(work, range(12)) == [-n for n in range(12)]
    assert bucket.each(lambda n: -n, [7]) == [-7]
    assert bucket.each(work, []) == []
    here = MemoryBucket().each(lambda n: get_ident(), range(3))
    assert here == [get_ident()] * 3
