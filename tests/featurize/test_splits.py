"""A random split depends on each picture and the seed alone."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.errors import SourceError
from featurize.splits import random_split


def ids_of(count: int, start: int = 0) -> list[str]:
    return [hashlib.sha256(str(n).encode()).hexdigest() for n in range(start, start + count)]


@given(st.integers(40, 120), st.integers(1, 60), st.integers(0, 5))
def test_adding_pictures_moves_nobody(count: int, more: int, seed: int) -> None:
    ids = ids_of(count + more)
    before = random_split(ids[:count], ["a"] * count, seed=seed)
    after = random_split(ids, ["a"] * (count + more), seed=seed)
    assert after[:count] == before


def test_row_order_does_not_matter_and_the_seed_does() -> None:
    ids = ids_of(200)
    split = dict(zip(ids, random_split(ids, ["a"] * 200), strict=True))
    turned = ids[::-1]
    assert dict(zip(turned, random_split(turned, ["a"] * 200), strict=True)) == split
    assert dict(zip(ids, random_split(ids, ["a"] * 200, seed=1), strict=True)) != split


def test_shares_are_those_asked_for() -> None:
    split = random_split(ids_of(20000), ["a"] * 20000, val=0.1, test=0.25)
    assert abs(split.count("val") / 20000 - 0.1) < 0.01
    assert abs(split.count("test") / 20000 - 0.25) < 0.01


@given(st.integers(3, 12), st.integers(0, 30))
def test_every_class_with_enough_pictures_is_in_every_part(size: int, seed: int) -> None:
    labels = [c for c in "abcd" for _ in range(size)]
    split = random_split(ids_of(4 * size), labels, seed=seed)
    for name in "abcd":
        assert {s for s, label in zip(split, labels, strict=True) if label == name} == {"train", "val", "test"}


def test_the_same_picture_under_two_paths_stays_on_one_side() -> None:
    ids = ids_of(50) * 2
    split = random_split(ids, ["a"] * 50 + ["b"] * 50)
    assert split[:50] == split[50:]


@pytest.mark.parametrize(("val", "test"), [(0.5, 0.5), (-0.1, 0.2), (0.0, 1.0), (float("nan"), 0.1)])
def test_shares_that_leave_nothing_are_refused(val: float, test: float) -> None:
    with pytest.raises(SourceError, match="together under 1"):
        random_split(ids_of(3), ["a"] * 3, val=val, test=test)
