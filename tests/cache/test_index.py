"""The index finds each id's row and no other's, also where ids begin alike and stand in several segments."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache.ids import ID_DTYPE, Ids
from cache.rows import ABSENT, OK
from cache.segments import listing
from cache.segments.index import Index
from cache.segments.mapped import places_of_each
from cache.store import FeatureCache
from tests.cache.samples import AVGPOOL, KEY, STATS, ids_of, rows_of


@dataclass
class Part:
    """What an index asks of a segment."""

    name: str
    numbers: list[int]
    failed: set[int]
    recipes: dict[Any, None] = field(default_factory=lambda: {AVGPOOL: None})

    @property
    def ids(self) -> Ids:
        return alike(self.numbers)

    @property
    def status(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return np.array([3 if n in self.failed else OK for n in self.numbers], np.uint8)

    def __len__(self) -> int:
        return len(self.numbers)


def alike(numbers: list[int]) -> Ids:
    """Ids of which three and three begin with the same eight bytes."""
    return np.array([bytes([n // 3 + 1]) * 8 + bytes([n % 3 + 1]) * 24 for n in numbers], ID_DTYPE)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 6), max_size=40))
def test_places_of_each_number_are_those_of_a_mask(numbers: list[int]) -> None:
    number = np.array(numbers, np.intp)
    found = {n: places.tolist() for n, places in places_of_each(number)}
    assert found == {n: np.flatnonzero(number == n).tolist() for n in sorted(set(numbers))}
    assert list(found) == sorted(found)


PARTS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 30), unique=True, max_size=12),
        st.sets(st.integers(0, 30)),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
)


@settings(max_examples=100)
@given(PARTS, st.randoms(use_true_random=False), st.integers(0, 6), st.integers(0, 6))
def test_each_id_is_found_where_it_stands(parts: list[Any], rng: Any, first: int, second: int) -> None:
    """Also in an index that was continued, and continued again."""
    made = [
        Part(f"{n}.h5", numbers, failed, {r: None for r, there in ((AVGPOOL, a), (STATS, b)) if there})
        for n, (numbers, failed, a, b) in enumerate(parts)
    ]
    rng.shuffle(made)
    whole: Index = Index(made)  # type: ignore[arg-type]
    begun: Index = Index(made[:first])  # type: ignore[arg-type]
    grown: Index = Index(made, Index(made[: first + second], begun))  # type: ignore[arg-type]
    numbers = list(range(33))
    for index in (whole, grown):
        assert len(index) == sum(map(len, made))
        assert set(index.ids().tolist()) == set(alike([n for p in made for n in p.numbers]).tolist())
        for recipe in (None, AVGPOOL, STATS):
            found = index.find(alike(numbers), recipe)
            for n in numbers:
                expected = best(made, n, recipe)
                place = int(found.segment[n])
                assert (made[place] if place >= 0 else None) is expected
                if expected is None:
                    assert found.status[n] == ABSENT
                else:
                    assert expected.numbers[found.row[n]] == n
                    assert found.status[n] == expected.status[found.row[n]]


def best(parts: list[Part], number: int, recipe: Any) -> Part | None:
    """An embedded row before a failed one, then the segment of the first name."""
    there = [p for p in parts if number in p.numbers and (recipe is None or recipe in p.recipes)]
    if recipe is not None:
        there = [p for p in there if number not in p.failed]
    return min(there, key=lambda p: (number in p.failed, p.name), default=None)


def test_a_cache_that_keeps_no_ids_in_memory_answers_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when another process merges the segments under it."""
    monkeypatch.setattr(listing, "IDS_IN_MEMORY", 0)
    cache = FeatureCache.create(tmp_path, KEY)
    for start in range(0, 40, 8):
        cache.append(rows_of(list(range(start, start + 8)), failed=(3, 17)))
    assert (cache.status(ids_of(list(range(41)))) == OK).sum() == 38
    assert all(s._ids is None for s in cache._segments.opened)
    other = FeatureCache(cache.bucket)
    other.compact()
    assert (cache.status(ids_of(list(range(41)))) == OK).sum() == 38
    assert [f.detail for f in cache.failures()] == [f.detail for f in other.failures()]
    wanted = ids_of([39, 5, 20])
    assert cache.gather(wanted, AVGPOOL).tolist() == other.gather(wanted, AVGPOOL).tolist()
