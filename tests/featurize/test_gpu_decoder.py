"""What a GPU decodes is what a processor decodes, but for roundings; what it can't decode, a processor does.

Without a GPU the same way is gone with torchvision's decoder for processors.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from featurize.dataset.prepare import prepare
from featurize.errors import BackboneError
from featurize.pictures import decoder_processes, gpu_decoder
from featurize.pictures.file import pixels_of
from featurize.pictures.gpu_decoder import GpuDecoder, is_plain
from featurize.pictures.squares.views import Views
from featurize.pictures.transform import Transform
from featurize.run.extract import Settings, extract
from tests.featurize.hazards import linear_profile, srgb

pytestmark = pytest.mark.filterwarnings("ignore:The image decoding and encoding capabilities:DeprecationWarning")

SMALL = Transform(resize=72, crop=64, decode="gpu")
TRANSFORMS = [
    SMALL,
    replace(SMALL, interpolation="bicubic"),
    replace(SMALL, fit="squash"),
    replace(SMALL, fit="pad", resize=64, fill=(9, 8, 7)),
    replace(SMALL, whole="floor"),
    replace(SMALL, resize=300, crop=280),
    Views(SMALL, 2),
    Views(SMALL, 7),
]


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> GpuDecoder:
    made = GpuDecoder("cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.setattr(gpu_decoder, "_made", [made])
    return made


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_processes, "pixels_of", decoder_processes.pixels_here)


def painting(width: int = 150, height: int = 110, seed: int = 0) -> Image.Image:
    """Soft colours, as in a photograph."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def jpeg(picture: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (picture or painting()).save(buffer, "JPEG", **{"quality": 90, "subsampling": 0, **options})
    return buffer.getvalue()


@pytest.mark.parametrize("size", [(150, 110), (110, 150), (97, 98), (400, 60)])
@pytest.mark.parametrize("transform", TRANSFORMS, ids=repr)
def test_pixels_are_those_of_a_processor(decoder: GpuDecoder, transform: Transform, size: tuple[int, int]) -> None:
    """To three of 255 levels, and a quarter of one on average: Pillow rounds between its two passes."""
    data = jpeg(painting(*size))
    found = decoder.ask(data, transform)
    assert found is not None
    assert found.shape == transform.shape
    difference = np.abs(found.astype(int) - decoder_processes.pixels_here(data, transform))
    assert difference.max() <= (3 if decoder.device == "cpu" else 12)
    assert difference.mean() < (0.25 if decoder.device == "cpu" else 1)


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return jpeg(exif=exif)


def without_middle() -> bytes:
    whole = jpeg()
    return whole[: len(whole) // 2]


def odd() -> Iterator[tuple[str, bytes]]:
    yield "grey", jpeg(painting().convert("L"))
    yield "CMYK", jpeg(painting().convert("CMYK"))
    yield "progressive", jpeg(progressive=True)
    yield "turned", turned()
    yield "profile", jpeg(icc_profile=linear_profile("built-in", "(linear)"))
    yield "cut", without_middle()
    yield "without its end", jpeg()[:-2]
    yield "PNG", _saved("PNG")
    yield "WebP", _saved("WEBP")
    yield "empty", b""
    yield "tiny", jpeg(painting(7, 7))
    yield "RGB", jpeg(keep_rgb=True)


def _saved(form: str) -> bytes:
    buffer = io.BytesIO()
    painting().save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "data"), list(odd()), ids=[name for name, _ in odd()])
def test_what_is_not_plain_is_left_to_a_processor(decoder: GpuDecoder, name: str, data: bytes) -> None:
    """So it has the pixels, or the reason, of exact decoding."""
    assert not is_plain(data)

    def outcome(decode: object) -> object:
        try:
            return decode(data, SMALL).tobytes()  # type: ignore[operator]
        except Exception as error:
            return repr(error)

    assert outcome(pixels_of) == outcome(decoder_processes.pixels_here)


def test_plain_pictures_are_plain() -> None:
    for data in (jpeg(), jpeg(subsampling=2), jpeg(icc_profile=srgb()), jpeg(icc_profile=b"none"), jpeg() + b"\0" * 9):
        assert is_plain(data)


def test_a_refused_picture_costs_its_neighbours_nothing(decoder: GpuDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the GPU can't decode a processor does; the others of the batch come from the GPU."""
    plain, bad = decoder._decode, jpeg(painting(seed=3))
    alone: list[int] = []

    def refusing(contents: list[bytes]) -> list[torch.Tensor]:
        if bad in contents:
            alone.append(len(contents))
            raise RuntimeError("nvJPEG says no")
        return plain(contents)

    monkeypatch.setattr(decoder, "_decode", refusing)
    contents = [jpeg(painting(seed=n)) for n in range(6)]
    assert bad in contents
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda data: pixels_of(data, SMALL), contents))
    for data, pixels in zip(contents, found, strict=True):
        assert np.abs(pixels.astype(int) - decoder_processes.pixels_here(data, SMALL)).max() <= 12
    assert np.array_equal(found[3], decoder_processes.pixels_here(bad, SMALL))
    assert 1 in alone


def test_a_failure_of_the_device_is_heard_by_all_who_wait(decoder: GpuDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(batch: object) -> None:
        raise MemoryError("the device is full")

    monkeypatch.setattr(decoder, "_squares", failing)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(pixels_of, jpeg(), SMALL) for _ in range(9)]
    assert all(isinstance(future.exception(), MemoryError) for future in waiting)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_is_refused_in_a_sentence(paintings: Path, tmp_path: Path) -> None:
    table = prepare(paintings, tmp_path / "dataset.csv").table
    settings = Settings("all", "squeezenet1_1", "random", size=64, decode="gpu")
    with pytest.raises(BackboneError, match="no GPU of NVIDIA's is there: use --decode exact or fast"):
        extract(table, tmp_path / "features", settings)
    assert not list((tmp_path / "features").rglob("*.h5"))
