"""Words that are drawn once and used again stand where the whole line would stand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from featurize.canvas import SCALE, Canvas, _font, _length, wrapped
from featurize.theme import INK

LINES = ["Why Baroque?", "lda on mobilenet_v2: AVATAR, To-day, fluffy", "7 × 7 places, −9.6 of it", " two  spaces "]


def ink(image: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """How much is drawn in each row and each column."""
    dark = 255.0 - np.asarray(image.convert("L"))
    return dark.sum(1), dark.sum(0)


@pytest.mark.parametrize("anchor", ["la", "ms", "rm", "lt", "rb"])
@pytest.mark.parametrize("line", LINES)
def test_a_line_of_words_lies_where_the_whole_line_would_lie(line: str, anchor: str) -> None:
    canvas = Canvas(400, 60)
    whole = Image.new("RGB", canvas.image.size, "white")
    for _ in range(2):  # drawn, and from memory
        canvas.text(200, 30, line, 9, anchor=anchor)
    once = Canvas(400, 60)
    once.text(200, 30, line, 9, anchor=anchor)
    ImageDraw.Draw(whole).text((200 * SCALE, 30 * SCALE), line, INK, _font(9), anchor)
    for found, expected in zip(ink(once.image), ink(whole), strict=True):
        places = np.arange(len(found))
        assert (places @ found) / found.sum() == pytest.approx((places @ expected) / expected.sum(), abs=0.6)
        assert np.ptp(np.flatnonzero(found)) == pytest.approx(np.ptp(np.flatnonzero(expected)), abs=2)
        assert found.sum() == pytest.approx(expected.sum(), rel=0.03)
    assert _length(line, 9) == pytest.approx(_font(9).getlength(line), abs=1)
    assert (np.asarray(canvas.image) <= np.asarray(once.image)).all()


@pytest.mark.parametrize("line", ["שלום עולם 12", "مرحبا بك"])
def test_a_text_that_is_read_from_the_right_is_not_cut_into_words(line: str) -> None:
    canvas = Canvas(200, 40)
    whole = Image.new("RGB", canvas.image.size, "white")
    canvas.text(10, 20, line, 9, anchor="ls")
    ImageDraw.Draw(whole).text((round(10 * SCALE), round(20 * SCALE)), line, INK, _font(9), "ls")
    assert np.array_equal(np.asarray(canvas.image), np.asarray(whole))


def test_a_word_that_is_too_long_is_a_line_of_its_own() -> None:
    assert wrapped("a bbbbbbbbbbbbbbbbbbbb c  d", 9, 40) == ["a", "bbbbbbbbbbbbbbbbbbbb", "c d"]
    assert wrapped("  ", 9, 40) == []
