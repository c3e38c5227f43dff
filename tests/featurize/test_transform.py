"""The default transform gives the pixels of torchvision's, which are those of Pillow's antialiased resize."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from featurize.errors import BackboneError
from featurize.pictures.transform import Transform

MOST = 2  # of 255 levels, in a few values of a thousand: the box of the part kept is rounded to 32 bits


def reference(picture: Image.Image, transform: Transform) -> np.ndarray:
    from torchvision.transforms import CenterCrop, InterpolationMode, Resize

    resized = Resize(transform.resize, InterpolationMode(transform.interpolation))(picture)
    return np.asarray(CenterCrop(transform.crop)(resized))


def noise(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng([width, height])
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [(500, 400), (400, 500), (256, 256), (97, 301), (1201, 800), (8, 9), (3000, 100)])
@pytest.mark.parametrize("transform", [Transform(), Transform(resize=232), Transform(interpolation="bicubic")])
def test_pixels_are_torchvision_s(size: tuple[int, int], transform: Transform) -> None:
    picture = noise(*size)
    found, expected = transform(picture).astype(int), reference(picture, transform)
    assert found.shape == (224, 224, 3)
    assert np.abs(found - expected).max() <= MOST
    assert (found != expected).mean() < 0.05


def test_pixels_of_real_paintings_are_torchvision_s(shared: Path) -> None:
    shares = []
    for path in sorted((shared / "data" / "rasta-small").glob("*/*/*.jpg"))[::25]:
        picture = Image.open(path).convert("RGB")
        difference = np.abs(Transform()(picture).astype(int) - reference(picture, Transform()))
        assert difference.max() <= MOST
        shares.append((difference > 0).mean())
    assert np.mean(shares) < 0.005


@pytest.mark.parametrize("size", [(500, 400), (97, 301), (8, 9), (3000, 100)])
@pytest.mark.parametrize(("resize", "crop"), [(224, 224), (256, 224)])
def test_squashed_pixels_are_torchvision_s(size: tuple[int, int], resize: int, crop: int) -> None:
    from torchvision.transforms import CenterCrop, Resize

    picture = noise(*size)
    expected = np.asarray(CenterCrop(crop)(Resize((resize, resize))(picture)))
    found = Transform(resize=resize, crop=crop, fit="squash")(picture)
    assert np.abs(found.astype(int) - expected).max() <= MOST


@pytest.mark.parametrize("size", [(500, 400), (400, 500), (300, 300), (97, 301), (8, 9), (3000, 10)])
@pytest.mark.parametrize(("resize", "crop"), [(224, 224), (256, 224)])
def test_padded_pictures_are_whole_in_the_middle_of_the_colour(size: tuple[int, int], resize: int, crop: int) -> None:
    """Another way to the same pixels: resize everything, then let torchvision pad and cut."""
    from torchvision.transforms.functional import center_crop, pad

    picture = noise(*size)
    scale = resize / max(size)
    resized = picture.resize([max(round(s * scale), 1) for s in size], Image.Resampling.BILINEAR)
    beside = [(crop - s) // 2 if s < crop else 0 for s in resized.size]
    ends = [crop - s - b if s < crop else 0 for s, b in zip(resized.size, beside, strict=True)]
    expected = np.asarray(center_crop(pad(resized, [*beside, *ends], (9, 8, 7)), [crop, crop]))
    found = Transform(resize=resize, crop=crop, fit="pad", fill=(9, 8, 7))(picture)
    assert np.abs(found.astype(int) - expected).max() <= MOST


FULL = Transform(384, 336, "bicubic", (0.5, 0.4, 0.3), (0.1, 0.2, 0.3), "fast", "pad", (1, 2, 3), "floor")


@pytest.mark.parametrize("transform", [Transform(), FULL, Transform(fit="squash", resize=224)])
def test_a_transform_comes_back_whole_from_its_key(transform: Transform) -> None:
    assert Transform.from_json(json.loads(json.dumps(transform.as_json()))) == transform


@pytest.mark.parametrize("field", [f.name for f in fields(Transform)])
def test_every_field_of_a_transform_is_in_the_key(field: str) -> None:
    """As long as it decides a pixel."""
    other = Transform(400, 240, "bilinear", (0.4, 0.4, 0.4), (0.5, 0.5, 0.5), "exact", "squash", (9, 9, 9), "round")
    changed = replace(FULL, **{field: getattr(other, field)})
    assert changed.as_json() != FULL.as_json()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fit": "stretch"}, "no fit 'stretch': choose one of crop, squash, pad"),
        ({"interpolation": "nearest"}, "no interpolation 'nearest'"),
        ({"crop": 300}, "can't resize to 256 and keep 300 pixels"),
        ({"std": [0.1, 0.1]}, "std .* is no colour"),
        ({"std": [0.1, 0.0, 0.1]}, "std .* can't be divided by"),
        ({"resize": "256"}, "a value of the wrong kind"),
        ({"mean": None}, "a value of the wrong kind"),
        ({"policy": 1}, "decoded by version 1 of the rules"),
        ({"rotate": 90}, "has an unknown 'rotate'"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_a_transform_that_can_not_be_made_is_told(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BackboneError, match=message):
        Transform.from_json({**Transform().as_json(), **changes})


def test_a_transform_that_lacks_a_field_is_told() -> None:
    plain = Transform().as_json()
    del plain["mean"]
    with pytest.raises(BackboneError, match="lacks 'mean'"):
        Transform.from_json(plain)


@given(st.integers(8, 5000), st.integers(8, 5000))
def test_the_part_kept_lies_inside_the_picture_and_is_square(width: int, height: int) -> None:
    left, top, right, bottom = Transform().box(width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert right - left == pytest.approx(bottom - top, rel=0.01)


def test_a_very_long_scroll_costs_no_more_than_a_square() -> None:
    """Resizing the whole of it first would need 1.5 GB."""
    assert Transform()(Image.new("RGB", (100_000, 8), "white")).min() == 255


@pytest.mark.parametrize("size", [0, -5, 31])
def test_a_size_that_is_none_is_refused(size: int) -> None:
    """0 is no way to say "the default"."""
    with pytest.raises(BackboneError, match=f"--size {size}: a network needs 32"):
        Transform().with_options(size, "exact")
    assert Transform().with_options(None, "exact") == Transform()


def test_a_size_whose_maps_fill_the_memory_is_refused() -> None:
    with pytest.raises(BackboneError, match=r"--size 50000: .*use 4096 or less"):
        Transform().with_options(50_000, "exact")
    assert Transform().with_options(4096, "exact").crop == 4096
