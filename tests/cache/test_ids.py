"""Ids in arrays: where they stand, which are new, and how they are written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cache import ids
from tests.cache.samples import ids_of

NUMBERS = st.lists(st.integers(0, 300), unique=True, max_size=30)


@given(st.lists(NUMBERS, max_size=6))
@example([[n] for n in range(9)])
@example([[1, 2, 3], [4, 5], [6], [1, 7, 8, 9]])
def test_what_was_seen_before_is_known_whatever_came_between(parts: list[list[int]]) -> None:
    seen, model = ids.Seen(), set()
    for numbers in parts:
        assert seen.note(ids_of(numbers)).tolist() == [n not in model for n in numbers]
        model.update(numbers)
        lengths = [len(known) for known in seen._sorted]
        assert sum(lengths) == len(model)
        assert lengths == sorted(lengths, reverse=True), "few lists, from large to small"
        assert len(lengths) <= 1 + np.log2(max(len(model), 1))


@given(NUMBERS, NUMBERS)
def test_positions_are_those_of_a_search(wanted: list[int], there: list[int]) -> None:
    known = np.sort(ids_of(there)) if there else ids_of([1])[:0]
    listed = known.tolist()
    expected = [listed.index(one) if one in listed else -1 for one in ids_of(wanted).tolist()]
    assert ids.positions(ids_of(wanted), known).tolist() == expected


@given(st.lists(st.integers(0, 5), max_size=20))
def test_each_id_is_first_seen_once_in_order(numbers: list[int]) -> None:
    expected = [place for place, n in enumerate(numbers) if n not in numbers[:place]]
    assert ids.first_seen(ids_of(numbers)).tolist() == expected


@given(NUMBERS)
def test_ids_are_the_same_as_text_and_as_bytes(numbers: list[int]) -> None:
    made = ids_of(numbers)
    assert ids.from_hex(ids.to_hex(made)).tolist() == made.tolist()
    assert ids.from_bytes(ids.to_bytes(made)).tolist() == made.tolist()
    assert ids.to_bytes(made).shape == (len(numbers), 32)
    order = np.argsort(made, kind="stable")
    assert (np.diff(ids.short(made)[order].astype(object)) >= 0).all(), "the first eight bytes are sorted alike"


@pytest.mark.parametrize("text", ["", "12", "g" * 64, "1" * 63, "1" * 65])
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"64|hexadecimal|digits"):
        ids.from_hex([text])
