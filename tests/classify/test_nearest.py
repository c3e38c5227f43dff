"""Finding the nearest rows: by groups, as a sort finds them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from classify.heads.neighbours import _largest


@settings(max_examples=60, deadline=None)
@given(data=st.data(), count=st.integers(1, 300))
def test_the_nearest_are_those_of_a_sort(data: st.DataObject, count: int) -> None:
    """Whatever groups they are looked for in; many are equal."""
    most = data.draw(st.integers(1, count))
    kinds = data.draw(st.integers(1, 50))
    similar = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, kinds, (3, count)).astype(np.float32)
    found = _largest(similar, most)
    assert np.array_equal(np.take_along_axis(similar, found, 1), -np.sort(-similar, axis=1)[:, :most])
    assert all(len(set(line)) == most for line in found.tolist())
