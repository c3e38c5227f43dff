"""The picture of an explanation: what the network sees, the heat over it, and the likeliest classes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from classify.explain.explainer import Explanation
from featurize.canvas import DOTS, Canvas, Pixels, coloured, dots, fitting, wrapped
from featurize.theme import DIVERGING, MUTED, RULE, SERIES
from featurize.wording import percent, plain_names, visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

_SIDE, _EDGE = 216.0, 16.0  # points of a picture's side, and of the paper around everything
_TOP = 46.0  # from the upper edge to the pictures: room for two lines
_SCALE = 2 * _EDGE + 2 * _SIDE + 8  # where the scale of the heat begins
_BARS, LONGEST = _SCALE + 78, 172.0  # where the bars begin, and how long 100 % is
_WIDTH = _BARS + LONGEST + 62
_SMALL, _NOTE = 8.0, 7.5  # sizes of letters
_NEARLY = 0.001  # shares below it, and as near to 1, are not told from 0 and 1
_GREY = np.array([0.299, 0.587, 0.114], np.float32)  # luma of ITU-R BT.601
_HOW = {
    "cam": "class activation map; the heat's sum, {sum:+.2f}, and the mean training picture's score, {base:+.2f}, make "
    "the score {score:+.2f}",
    "gradcam": "gradients through the head, their mean on the way from the mean training picture to this one; the "
    "heat's sum, {sum:+.2f}, and {base:+.2f} make the score {score:+.2f}",
    "occlusion": "how far the score, {score:+.2f}, falls where a square a quarter of the side wide is covered; each "
    "place lies under four such squares, and shows their mean",
}


def explanation_picture(explanation: Explanation, name: str = "") -> Image:
    """The picture as the network sees it, the heat over it in grey, and the five likeliest classes.

    Parameters
    ----------
    explanation : Explanation
    name : str
        The picture's, for the title.

    Returns
    -------
    PIL.Image.Image
        RGB, 112 dots an inch; `numpy.asarray` makes an array of it.
    """
    shown = plain_names(explanation.classes)
    note = wrapped(_note(explanation), _NOTE, _WIDTH - 2 * _EDGE)
    below = _TOP + _SIDE + 14
    canvas = Canvas(_WIDTH, below + len(note) * _NOTE * 1.3 + 10)
    title = f"Why {shown[explanation.label]}?{' (untrained network)' if explanation.untrained else ''}"
    canvas.text(_EDGE, 24, fitting(title, 11, _WIDTH - 2 * _EDGE, bold=True), 11, bold=True, anchor="ls")
    canvas.text(_EDGE, 38, fitting(visible(name), _SMALL, _WIDTH - 2 * _EDGE), _SMALL, MUTED, anchor="ls")
    canvas.picture(_EDGE, _TOP, _SIDE, _SIDE, np.asarray(explanation.pixels))
    most = float(np.abs(explanation.heat).max()) or 1.0
    canvas.picture(2 * _EDGE + _SIDE, _TOP, _SIDE, _SIDE, heat_over(explanation.pixels, explanation.heat / most))
    _draw_scale(canvas, most, "fall of the score" if explanation.method == "occlusion" else "score for each place")
    _draw_bars(canvas, explanation, shown)
    for number, line in enumerate(note):
        canvas.text(_EDGE, below + number * _NOTE * 1.3, line, _NOTE, MUTED)
    return canvas.image


def explanation_figure(explanation: Explanation, name: str = "") -> Figure:
    """The picture of `explanation_picture` as a figure of matplotlib."""
    from matplotlib.figure import Figure

    drawn = explanation_picture(explanation, name)
    figure = Figure((drawn.width / DOTS, drawn.height / DOTS), DOTS)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(drawn)
    axes.set_axis_off()
    return figure


def heat_over(pixels: Pixels, heat: NDArray[np.float64]) -> Pixels:
    """Heat over a picture in grey, (H, W, 3): orange where the heat is positive, purple where negative.

    Parameters
    ----------
    pixels : ndarray (H, W, 3) uint8
    heat : ndarray (h, w) float64
        From -1 to 1. The stronger it is, the more it covers; at 0 the picture is seen as it is.
    """
    from PIL import Image

    down, across = pixels.shape[:2]
    small = Image.fromarray(heat.astype(np.float32))
    fine = np.asarray(small.resize((across, down), Image.Resampling.BICUBIC)).clip(-1, 1)
    kept, tint = _shown()
    level = ((fine + 1) * ((len(kept) - 1) / 2) + 0.5).astype(np.intp)
    blended: Pixels = ((pixels @ _GREY * kept[level])[..., None] + tint[level]).astype(np.uint8)
    return blended


@cache
def _shown() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For heat from -1 to 1 in 511 steps: how much of the grey is seen, (511,), and what is added, (511, 3)."""
    heat = np.linspace(-1, 1, 511)
    cover = 0.75 * np.minimum(1, np.abs(heat) * 1.5) ** 0.7
    added = cover[:, None] * coloured(0.5 + 0.5 * heat, DIVERGING) + 0.5  # a half, to round
    return (1 - cover).astype(np.float32), added.astype(np.float32)


def _note(explanation: Explanation) -> str:
    numbers = {"sum": explanation.heat.sum(), "base": explanation.base, "score": explanation.score}
    how = _HOW[explanation.method].format(**numbers).replace("-", "−")
    grid = " × ".join(map(str, explanation.heat.shape))
    return (
        f"{explanation.head} on {explanation.network}, {explanation.method}: {how}. Scores count from the mean of all "
        f"{len(explanation.classes)} classes. Orange places speak for the class, purple ones against it; {grid} places "
        "of 1 picture."
    )


def _draw_scale(canvas: Canvas, most: float, unit: str) -> None:
    ramp = np.linspace(1, 0, dots(_SIDE))[:, None].repeat(dots(8), 1)
    canvas.picture(_SCALE, _TOP, 8, _SIDE, coloured(ramp, DIVERGING))
    for place, value, anchor in ((0.0, f"+{most:.2g}", "lt"), (0.5, "0", "lm"), (1.0, f"−{most:.2g}", "lb")):
        canvas.text(_SCALE + 12, _TOP + place * _SIDE, value, 7, MUTED, anchor=anchor)
    canvas.upwards(_SCALE + 48, _TOP + _SIDE / 2, unit, _NOTE, MUTED)


def _draw_bars(canvas: Canvas, explanation: Explanation, shown: dict[str, str]) -> None:
    top = explanation.top()
    foot = _TOP + _SIDE - 26
    for mark in (0, 50, 100):
        x = _BARS + LONGEST * mark / 100
        canvas.box(x, _TOP, 0, foot - _TOP, RULE)
        canvas.text(x, foot + 4, f"{mark}{' %' if mark == 100 else ''}", 7, MUTED, anchor="mt")
    canvas.text(_BARS + LONGEST / 2, foot + 15, f"probability of each {explanation.target}", _NOTE, MUTED, anchor="mt")
    step = (foot - _TOP) / len(top)
    for place, (label, share) in enumerate(top):
        explained, y, high = label == explanation.label, _TOP + place * step, min(step - 20, 14)
        name = fitting(shown[label], 8.5, LONGEST + 50, bold=explained)
        canvas.text(_BARS + 1, y + 11, name, 8.5, bold=explained, anchor="ls")
        canvas.box(_BARS, y + 15, LONGEST * share, high, SERIES[0 if explained else 7])
        canvas.text(_BARS + LONGEST * share + 4, y + 15 + high / 2, _percent(share), _SMALL, MUTED, anchor="lm")


def _percent(share: float) -> str:
    """A share that is neither nothing nor all is not written as such."""
    if 0 < share < _NEARLY:
        return f"under {percent(_NEARLY)}"
    return f"over {percent(1 - _NEARLY)}" if 1 - _NEARLY < share < 1 else percent(share)
