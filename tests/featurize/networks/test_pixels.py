"""Pixel by pixel: what each library's own preprocessing makes of a picture file, whatever its shape and its mode."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from featurize.networks.network import Network, choose_network
from featurize.pictures.decoding import decode
from featurize.pictures.transform import Transform
from tests.featurize.networks import golden

Theirs = Callable[[Image.Image], np.ndarray]  # an RGB picture -> (3, H, W) float32, normalised
NETWORK = choose_network("squeezenet1_1", "random")  # any: its transform is replaced
SIDE = 96
COLOURS = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.25)}


def of_timm(crop_mode: str, **more: Any) -> tuple[Transform, Theirs]:
    """A pair of ours and theirs after one of timm's configurations."""
    timm = pytest.importorskip("timm")
    from featurize.networks.libraries.timm import _transform

    plain = timm.get_pretrained_cfg("test_vit.r160_in1k").to_dict()
    config = {**plain, "input_size": (3, SIDE, SIDE), "crop_pct": 0.9, "crop_mode": crop_mode, **COLOURS, **more}
    theirs = timm.data.create_transform(**timm.data.resolve_data_config({}, pretrained_cfg=config))
    return _transform(config), lambda picture: theirs(picture).numpy()


def of_open_clip(resize_mode: str, **more: Any) -> tuple[Transform, Theirs]:
    """After one of open_clip's settings."""
    open_clip = pytest.importorskip("open_clip")
    from featurize.networks.libraries.open_clip import _transform

    theirs = open_clip.image_transform(SIDE, is_train=False, resize_mode=resize_mode, **COLOURS, **more)
    return _transform(SIDE, {"resize_mode": resize_mode, **COLOURS, **more}), lambda picture: theirs(picture).numpy()


def of_transformers(kind: str, **said: Any) -> tuple[Transform, Theirs]:
    """After one of transformers' image processors."""
    transformers = pytest.importorskip("transformers")
    from featurize.networks.libraries.image_processor import transform_of

    colours = {f"image_{name}": list(value) for name, value in COLOURS.items()}
    theirs = getattr(transformers, kind)(**said, **colours)

    def pixels(picture: Image.Image) -> np.ndarray:
        return np.asarray(theirs(picture, return_tensors="np")["pixel_values"][0])

    return transform_of(theirs.to_dict(), "none"), pixels


_SQUARE = {"height": SIDE, "width": SIDE}
WAYS: dict[str, Callable[[], tuple[Transform, Theirs]]] = {
    "timm, cropped": lambda: of_timm("center"),
    "timm, cropped, bilinear": lambda: of_timm("center", interpolation="bilinear", crop_pct=0.875),
    "timm, squashed": lambda: of_timm("squash"),
    "timm, squashed whole": lambda: of_timm("squash", crop_pct=1.0),
    "timm, padded": lambda: of_timm("border", crop_pct=1.0),
    "timm, padded and cut": lambda: of_timm("border"),
    "open_clip, cropped": lambda: of_open_clip("shortest"),
    "open_clip, squashed": lambda: of_open_clip("squash", interpolation="bilinear"),
    "open_clip, padded": lambda: of_open_clip("longest"),
    "transformers, cropped": lambda: of_transformers(
        "BitImageProcessorPil", size={"shortest_edge": 110}, crop_size=_SQUARE
    ),
    "transformers, cropped as CLIP's": lambda: of_transformers(
        "CLIPImageProcessorPil", size={"shortest_edge": SIDE}, crop_size=_SQUARE
    ),
    "transformers, squashed": lambda: of_transformers("SiglipImageProcessorPil", size=_SQUARE, resample=3),
    "transformers, squashed, bilinear": lambda: of_transformers("ViTImageProcessorPil", size=_SQUARE, resample=2),
}


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[Transform, Theirs]:
    return WAYS[request.param]()


def assert_same(way: tuple[Transform, Theirs], picture: Image.Image) -> None:
    """Fail unless both make the same of it."""
    transform, theirs = way
    network = Network(NETWORK.backbone, NETWORK.weights, transform)
    found = golden.normalised(network, golden.pixels(network, [picture]))[0]
    expected = theirs(picture)
    assert found.shape == expected.shape == (3, SIDE, SIDE)
    assert np.abs(found - expected).max() < 1e-6, picture.size


def noise(width: int, height: int, channels: int = 3, kind: type = np.uint8) -> np.ndarray:
    rng = np.random.default_rng([width, height])
    shape = (height, width, channels)[: 3 if channels > 1 else 2]
    return rng.integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)


@pytest.mark.parametrize("size", [(200, 97), (97, 200), (SIDE, SIDE), (600, 20), (9, 300), (61, 60)], ids=str)
def test_pictures_of_all_shapes_have_the_library_s_pixels(way: tuple[Transform, Theirs], size: tuple[int, int]) -> None:
    """Wider, higher, long and narrow, smaller than the network's square."""
    assert_same(way, Image.fromarray(noise(*size)))


@given(width=st.integers(8, 400), height=st.integers(8, 400))
@settings(max_examples=25)
def test_no_shape_has_other_pixels(way: tuple[Transform, Theirs], width: int, height: int) -> None:
    assert_same(way, Image.fromarray(noise(width, height)))


def _png(array: np.ndarray, mode: str | None = None) -> bytes:
    file = io.BytesIO()
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(file, "PNG")
    return file.getvalue()


_GREY16 = noise(130, 90, 1, np.uint16)
_ALPHA = np.dstack([noise(130, 90), np.full((90, 130), 255, np.uint8)])
FILES: dict[str, tuple[bytes, Image.Image]] = {
    "grey": (_png(noise(130, 90, 1)), Image.fromarray(noise(130, 90, 1)).convert("RGB")),
    "palette": (_png(noise(130, 90), "P"), Image.fromarray(noise(130, 90)).convert("P").convert("RGB")),
    "opaque RGBA": (_png(_ALPHA), Image.fromarray(_ALPHA).convert("RGB")),
    "RGBA": (
        _png(noise(130, 90, 4)),
        Image.alpha_composite(Image.new("RGBA", (130, 90), "white"), Image.fromarray(noise(130, 90, 4))).convert("RGB"),
    ),
    "16 bits": (_png(_GREY16), Image.fromarray(np.round(_GREY16 / 257).astype(np.uint8)).convert("RGB")),
}


@pytest.mark.parametrize("kind", FILES)
def test_files_of_all_modes_have_the_library_s_pixels(way: tuple[Transform, Theirs], kind: str) -> None:
    """Of the picture that a person sees: transparent places are white, and 16 bits are scaled, not clipped."""
    data, seen = FILES[kind]
    picture = decode(data)
    assert np.abs(np.asarray(picture).astype(int) - np.asarray(seen)).max() <= (1 if kind in ("RGBA", "16 bits") else 0)
    assert_same(way, picture)
