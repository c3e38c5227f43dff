"""A key is what decides the numbers: nothing more, nothing less."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache import ForeignKey, Key, Recipe
from cache.key import canonical_json
from tests.cache.samples import KEY

names = st.from_regex(r"[A-Za-z0-9_.]{1,20}", fullmatch=True)
plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
keys = st.builds(Key, names, st.text(), st.dictionaries(st.text(), plain_json, max_size=4), st.text())


@given(keys)
def test_a_key_survives_its_json(key: Key) -> None:
    again = Key.from_json(key.canonical)
    assert again == key
    assert again.digest == key.digest
    assert again.canonical == key.canonical


@given(keys, keys)
def test_different_keys_have_different_digests(a: Key, b: Key) -> None:
    assert (a.digest == b.digest) == (a.canonical == b.canonical)


def test_order_of_the_transform_does_not_matter() -> None:
    turned = dataclasses.replace(KEY, transform=dict(reversed(KEY.transform.items())))
    assert turned.digest == KEY.digest


@pytest.mark.parametrize(
    "change",
    [
        {"backbone": "resnet18"},
        {"weights": "random:seed=1,torch=2.14.1"},
        {"transform": {"resize": 232, "mean": [0.5, 0.25, 0.125]}},
        {"transform": {"resize": 256, "mean": [0.5, 0.25, 0.126]}},
        {"precision": "bf16"},
    ],
    ids=lambda c: next(iter(c)),
)
def test_whatever_decides_the_numbers_changes_the_digest(change: dict[str, object]) -> None:
    assert dataclasses.replace(KEY, **change).digest != KEY.digest


def test_a_known_key_keeps_its_digest_across_versions() -> None:
    """Caches on people's disks depend on it."""
    assert KEY.digest == "5b49d7ef2ad7272e86057975aebf6581e7c768e5dbb91cccd85021470692d486"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"backbone": "a/b", "weights": "w", "transform": {}}',
        canonical_json({**json.loads(KEY.canonical), "schema": 99}),
        canonical_json({**json.loads(KEY.canonical), "extra": 1}),
    ],
    ids=["empty", "no fields", "a list", "a slash in the name", "newer schema", "unknown field"],
)
def test_what_is_no_key_is_refused(text: bytes) -> None:
    with pytest.raises(ForeignKey):
        Key.from_json(text)


def test_nothing_enters_a_key_that_json_would_change() -> None:
    with pytest.raises(TypeError, match="plain"):
        _ = dataclasses.replace(KEY, transform={"mean": (0.5, 0.5)}).digest
    with pytest.raises(ValueError, match="JSON"):
        _ = dataclasses.replace(KEY, transform={"mean": float("nan")}).digest


def test_only_untrained_weights_are_called_untrained() -> None:
    assert KEY.untrained
    assert not dataclasses.replace(KEY, weights="torchvision:resnet50-0676ba61").untrained


def test_recipes_of_the_same_name_and_another_formula_differ() -> None:
    assert Recipe("gram", {"seed": 0}) != Recipe("gram", {"seed": 1})
    assert Recipe("gram", {"seed": 0}).digest != Recipe("gram", {"seed": 1}).digest
