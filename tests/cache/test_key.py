"""A key is what decides the numbers: nothing more, nothing less."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache import ForeignKey, Key, Recipe
from cache.key import canonical_json
from tests.cache.samples import KEY, network

names = st.text(min_size=1, max_size=20).filter(lambda t: t == t.strip() and t.isprintable() and ":" not in t)
plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
networks = st.builds(
    lambda provider, name, stages, more: {**more, "provider": provider, "name": name, "stages": stages},
    st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True),
    names,
    st.lists(st.text(), max_size=4),
    st.dictionaries(st.text(), plain_json, max_size=2),
)
keys = st.builds(Key, networks, st.text(), st.dictionaries(st.text(), plain_json, max_size=4), st.text())


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
        {"network": network("resnet18")},
        {"network": network("resnet50", provider="timm")},
        {"network": network("resnet50", stages=("layer3", "layer4.2.conv1"))},
        {"network": {**network("resnet50"), "activation": "quick_gelu"}},
        {"weights": "random:seed=1,torch=2.14.1"},
        {"transform": {"resize": 232, "mean": [0.5, 0.25, 0.125]}},
        {"transform": {"resize": 256, "mean": [0.5, 0.25, 0.126]}},
        {"precision": "bf16"},
    ],
    ids=[
        "name",
        "provider",
        "stage nodes",
        "activation",
        "weights",
        "resize",
        "mean",
        "precision",
    ],
)
def test_whatever_decides_the_numbers_changes_the_digest(change: dict[str, object]) -> None:
    assert dataclasses.replace(KEY, **change).digest != KEY.digest


def test_a_known_key_keeps_its_digest_across_versions() -> None:
    """Caches on people's disks depend on it."""
    assert KEY.digest == "06d91d42e13362fa0cddded01eff28974c22413f6a08a94d5c87a1c66bb1469b"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"schema": 2, "network": "resnet50", "weights": "w", "transform": {}}',
        b'{"schema": 2, "network": {"provider": "timm", "name": "a"}, "weights": "w", "transform": {}}',
        canonical_json({**json.loads(KEY.canonical), "network": network("timm:resnet50")}),
        canonical_json({**json.loads(KEY.canonical), "schema": 99}),
        canonical_json({**json.loads(KEY.canonical), "extra": 1}),
    ],
    ids=[
        "empty",
        "no fields",
        "a list",
        "a network that is a name",
        "no stages",
        "a colon in the name",
        "newer schema",
        "unknown field",
    ],
)
def test_what_is_no_key_is_refused(text: bytes) -> None:
    with pytest.raises(ForeignKey):
        Key.from_json(text)


def test_nothing_enters_a_key_that_json_would_change() -> None:
    with pytest.raises(TypeError, match="plain"):
        _ = dataclasses.replace(KEY, transform={"mean": (0.5, 0.5)}).digest
    with pytest.raises(ValueError, match="JSON"):
        _ = dataclasses.replace(KEY, transform={"mean": float("nan")}).digest


@pytest.mark.parametrize(
    ("provider", "name", "shown", "folder"),
    [
        ("torchvision", "resnet50", "resnet50", "resnet50"),
        ("timm", "resnet50", "timm:resnet50", "timm-resnet50"),
        ("open_clip", "ViT-B-32", "open_clip:ViT-B-32", "open_clip-ViT-B-32"),
        ("timm", "vit_s14_dinov2.lvd142m", "timm:vit_s14_dinov2.lvd142m", "timm-vit_s14_dinov2.lvd142m"),
        ("hf", "facebook/dinov2-small", "hf:facebook/dinov2-small", "hf-facebook-dinov2-small"),
        ("torchvision", "con.x", "con.x", "_con.x"),
        ("torchvision", ".hidden", ".hidden", "_.hidden"),
    ],
)
def test_networks_have_the_names_that_people_use(provider: str, name: str, shown: str, folder: str) -> None:
    key = dataclasses.replace(KEY, network=network(name, provider))
    assert key.backbone == shown
    assert key.folder_name == f"{folder}-{key.digest[:12]}"


@given(keys)
def test_a_folder_s_name_is_a_file_name_on_every_system(key: Key) -> None:
    name = key.folder_name
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", name)
    assert name.partition(".")[0].upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT1"}
    assert name.endswith("-" + key.digest[:12])


@pytest.mark.parametrize("length", [79, 80, 81, 200])
def test_of_a_long_name_eighty_letters_are_shown(length: int) -> None:
    """As versions before gave it: else a cache would not be found again."""
    key = dataclasses.replace(KEY, network=network("x" * length))
    assert key.folder_name == f"{'x' * min(length, 80)}-{key.digest[:12]}"


def test_names_that_differ_in_unsafe_characters_only_share_no_folder() -> None:
    twins = [dataclasses.replace(KEY, network=network(n, "hf")) for n in ("a/b", "a-b", "a b", "A-b")]
    assert len({k.folder_name.lower() for k in twins}) == len(twins)


def test_only_untrained_weights_are_called_untrained() -> None:
    assert KEY.untrained
    assert not dataclasses.replace(KEY, weights="torchvision:resnet50-0676ba61").untrained


def test_recipes_of_the_same_name_and_another_formula_differ() -> None:
    assert Recipe("gram", {"seed": 0}) != Recipe("gram", {"seed": 1})
    assert Recipe("gram", {"seed": 0}).digest != Recipe("gram", {"seed": 1}).digest
