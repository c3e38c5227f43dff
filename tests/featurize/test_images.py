"""The decode policy: what every hazard becomes, and what is looked at before anything is decoded."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from PIL import Image

from featurize.errors import Undecodable
from featurize.pictures import damage, decoding
from featurize.pictures.formats import DECODED
from featurize.reasons import Reason
from tests.featurize.hazards import JPEG, PIXELS, PNG, REASONS, encoded, photo, png


def test_there_are_enough_hazards() -> None:
    assert len(PIXELS) + len(REASONS) >= 60
    assert {r for _, r in REASONS.values()} == {r for r in Reason if r.is_about_bytes} - {
        Reason.OK,
        Reason.CRASHED,
        Reason.HUNG,
        Reason.NOT_FINITE,  # of a vector that was imported
    }


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", PIXELS)
def test_what_can_be_decoded_has_its_pixels(name: str) -> None:
    make, expected, tolerance = PIXELS[name]
    picture = decoding.decode(make())
    assert picture.mode == "RGB"
    found = np.asarray(picture).astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", REASONS)
def test_what_can_not_be_decoded_has_its_reason(name: str) -> None:
    make, reason = REASONS[name]
    with pytest.raises(Undecodable) as caught:
        decoding.decode(make())
    assert caught.value.reason == reason, caught.value


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", [n for n in REASONS if "cut" in n or "end" in n])
def test_what_is_cut_is_refused_at_reduced_size_too(name: str) -> None:
    make, reason = REASONS[name]
    with pytest.raises(Undecodable) as caught:
        decoding.decode(make(), draft=32)
    assert caught.value.reason == reason


def test_the_number_of_pixels_is_read_before_any_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    with pytest.raises(Undecodable, match="900000000"):
        decoding.decode(png(30_000, 30_000))


def test_no_other_decoder_is_ever_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where a file begins like one of theirs."""
    asked = []
    opened = Image.open

    def watch(file: object, formats: object = None) -> object:
        asked.append(formats)
        return opened(file, formats=formats)  # type: ignore[arg-type]

    monkeypatch.setattr(Image, "open", watch)
    for data in (JPEG, PNG, encoded(photo(), "PCX"), encoded(photo(), "TGA")):
        with contextlib.suppress(Undecodable):
            decoding.decode(data)
    assert asked == [DECODED] * 3, "PCX is refused by its first bytes"


def test_without_the_checks_half_a_picture_would_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow accepts these: the checks are what refuses them."""
    monkeypatch.setattr(damage, "without_end", lambda data: data)
    monkeypatch.setattr(damage, "check_png_rows", lambda data, picture: None)
    monkeypatch.setattr(damage, "check_tiff", lambda data, tags: None)
    for name in (
        "JPEG, cut and closed",
        "JPEG in grey, cut and closed",
        "PNG with fewer rows than it says",
        "TIFF with JPEG inside that is too small",
    ):
        decoding.decode(REASONS[name][0]())


def test_probing_reads_the_header_alone() -> None:
    assert decoding.probe(JPEG[:-100]) == (64, 48)


def test_a_lack_of_memory_is_a_failure_of_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def lack(self: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lack)
    with pytest.raises(Undecodable) as caught:
        decoding.decode(PNG)
    assert caught.value.reason == Reason.TOO_LARGE
