"""The default transform gives the pixels of torchvision's, which are those of Pillow's antialiased resize."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

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


@given(st.integers(8, 5000), st.integers(8, 5000))
def test_the_part_kept_lies_inside_the_picture_and_is_square(width: int, height: int) -> None:
    left, top, right, bottom = Transform().box(width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert right - left == pytest.approx(bottom - top, rel=0.01)


def test_a_very_long_scroll_costs_no_more_than_a_square() -> None:
    """Resizing the whole of it first would need 1.5 GB."""
    assert Transform()(Image.new("RGB", (100_000, 8), "white")).min() == 255
