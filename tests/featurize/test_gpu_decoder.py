"""What a GPU decodes is what a processor decodes, but for roundings; what it can't decode, a processor does.

Without a GPU the same way is gone with torchvision's decoder for processors.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from featurize.dataset.prepare import prepare
from featurize.engines.fake import FakeEngine
from featurize.errors import BackboneError, Undecodable
from featurize.networks.recipes import formulas
from featurize.pictures import decoder_processes, gpu_decoder
from featurize.pictures.file import pixels_of
from featurize.pictures.gpu_decoder import is_plain, pixels_of_several
from featurize.pictures.squares.views import Views
from featurize.pictures.transform import Transform
from featurize.reasons import Reason
from featurize.run.extract import Settings, extract
from featurize.run.pipeline import Pipeline
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


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> str:
    found = "cuda" if torch.cuda.is_available() else "cpu"
    monkeypatch.setattr(gpu_decoder, "DEVICE", found)
    return found


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
def test_pixels_are_those_of_a_processor(device: str, transform: Transform, size: tuple[int, int]) -> None:
    """To three of 255 levels, and a quarter of one on average: Pillow rounds between its two passes."""
    data = jpeg(painting(*size))
    assert is_plain(data)
    found = pixels_of(data, transform)
    assert found.shape == transform.shape
    difference = np.abs(found.astype(int) - decoder_processes.pixels_here(data, transform))
    assert difference.max() <= (3 if device == "cpu" else 12)
    assert difference.mean() < (0.25 if device == "cpu" else 1)


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
def test_what_is_not_plain_is_left_to_a_processor(name: str, data: bytes) -> None:
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


def test_a_refused_picture_costs_its_neighbours_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the GPU can't decode a processor does; the others come from the GPU; what nobody decodes has its reason."""
    plain, bad = gpu_decoder._decode, jpeg(painting(seed=3))
    asked: list[int] = []

    def refusing(contents: list[bytes]) -> list[torch.Tensor]:
        asked.append(len(contents))
        if bad in contents:
            raise RuntimeError("nvJPEG says no")
        return plain(contents)

    monkeypatch.setattr(gpu_decoder, "_decode", refusing)
    contents = [*(jpeg(painting(seed=n)) for n in range(6)), b"no picture", _saved("PNG")]
    assert contents[3] == bad
    found = pixels_of_several(contents, SMALL)
    assert asked == [6, *[1] * 6]
    assert isinstance(found[6], Undecodable)
    assert found[6].reason == Reason.NOT_A_PICTURE
    for n in (3, 7):
        assert np.array_equal(found[n], decoder_processes.pixels_here(contents[n], SMALL))
    for n in (0, 1, 2, 4, 5):
        difference = np.abs(found[n].astype(int) - decoder_processes.pixels_here(contents[n], SMALL))
        assert 0 < difference.max() <= 12


def test_a_run_has_the_same_outcomes_as_with_exact_decoding(
    paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row its vector, near that of exact decoding, or the same reason; a batch is decoded in several parts."""
    plain, asked = gpu_decoder._decode, []

    def counting(contents: list[bytes]) -> list[torch.Tensor]:
        asked.append(len(contents))
        return plain(contents)

    monkeypatch.setattr(gpu_decoder, "_decode", counting)
    monkeypatch.setattr(gpu_decoder, "TOGETHER", 3)
    files = sorted(paintings.rglob("*.jpg"))
    files[0].write_bytes(files[0].read_bytes()[:-40])
    table = prepare(paintings, tmp_path / "dataset.csv").table
    files[4].unlink()
    vectors, outcomes = [], []
    for decode in ("exact", "gpu"):
        transform = replace(SMALL, decode=decode)
        batch = [table.picture(n) for n in range(len(table))] + [None]
        engine = FakeEngine(formulas("avgpool"), len(batch))
        engine.parallel = False  # as a GPU is
        with Pipeline(engine, transform, 2) as pipeline:
            (done,) = pipeline.batches([batch])
        outcomes.append({place: why.reason for place, why in done.failed.items()})
        vectors.append(next(iter(done.vectors.values())))
    assert outcomes[0] == outcomes[1]
    assert Reason.MISSING in outcomes[0].values()
    assert np.abs(vectors[0] - vectors[1]).max() < 3
    assert sum(asked) == len(table) - 2
    assert max(asked) == 3


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_is_refused_in_a_sentence(paintings: Path, tmp_path: Path) -> None:
    table = prepare(paintings, tmp_path / "dataset.csv").table
    settings = Settings("all", "squeezenet1_1", "random", size=64, decode="gpu")
    with pytest.raises(BackboneError, match="no GPU of NVIDIA's is there: use --decode exact or fast"):
        extract(table, tmp_path / "features", settings)
    assert not (tmp_path / "features").exists(), "a folder for a key that holds nothing"
