"""The figure of an explanation: the picture, the heat over it, and the likeliest classes."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from classify.explain.explainer import Explanation
from featurize.theme import DIVERGING, INK, MUTED, RULE, SERIES, drawing
from featurize.wording import cut, percent, plain_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDE = 216  # points of a picture's side
_HOW = {
    "cam": "class activation map; the heat's sum, {sum:+.2f}, and the mean training picture's score, {base:+.2f}, make "
    "the score {score:+.2f}",
    "gradcam": "gradients through the head at this picture, against the mean training picture; score {score:+.2f}",
    "occlusion": "fall of the score where a quarter of the side is covered, mean of four; score {score:+.2f}",
}


def explanation_figure(explanation: Explanation, name: str = "") -> Figure:
    """The picture as the network sees it, the heat over it in grey, and the five likeliest classes.

    Parameters
    ----------
    explanation : Explanation
    name : str
        The picture's, for the title.
    """
    width, height = 2 * _SIDE + 340, _SIDE + 92
    shown = plain_names(explanation.classes)
    with drawing(width, height, layout=None) as figure:
        bottom, side = 52 / height, (_SIDE / width, _SIDE / height)
        seen = figure.add_axes((16 / width, bottom, *side))
        seen.imshow(explanation.pixels)
        seen.set_axis_off()
        heated = figure.add_axes(((32 + _SIDE) / width, bottom, *side))
        scale = figure.add_axes(((38 + 2 * _SIDE) / width, bottom, 8 / width, _SIDE / height))
        _draw_heat(heated, scale, explanation)
        bars = figure.add_axes(((110 + 2 * _SIDE) / width, bottom + 0.06, 190 / width, _SIDE / height - 0.06))
        _draw_bars(bars, explanation, shown)
        title = f"Why {shown[explanation.label]}?{f'  {cut(name, 60)}' if name else ''}"
        untrained = " (untrained network)" if explanation.untrained else ""
        figure.text(16 / width, 1 - 10 / height, title + untrained, va="top", weight="bold", fontsize=10.5, color=INK)
        figure.text(16 / width, 14 / height, _note(explanation), va="bottom", fontsize=7.5, color=MUTED)
    return figure


def _note(explanation: Explanation) -> str:
    numbers = {"sum": explanation.heat.sum(), "base": explanation.base, "score": explanation.score}
    how = _HOW[explanation.method].format(**numbers)
    grid = " × ".join(map(str, explanation.heat.shape))
    return textwrap.fill(
        f"{explanation.head} on {explanation.network}, {explanation.method}: {how}. Scores count from the mean of all "
        f"{len(explanation.classes)} classes. Orange places speak for the class, purple ones against it; {grid} places "
        "of 1 picture.",
        150,
    )


def _draw_heat(axes: Axes, scale: Axes, explanation: Explanation) -> None:
    import matplotlib

    heat = explanation.heat
    most = float(np.abs(heat).max()) or 1.0
    down, across = explanation.pixels.shape[:2]
    grey = explanation.pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=(0, across, down, 0))
    fine = _enlarged(heat / most, (down, across))
    rgba = matplotlib.colormaps[DIVERGING](0.5 + 0.5 * fine)
    rgba[..., 3] = 0.75 * np.minimum(1, np.abs(fine) * 1.5) ** 0.7
    axes.imshow(rgba, extent=(0, across, down, 0))
    axes.set_axis_off()
    ramp = np.linspace(1, -1, 64)[:, None]
    scale.imshow(ramp, cmap=DIVERGING, vmin=-1, vmax=1, aspect="auto", extent=(0, 1, -most, most))
    scale.set(xticks=[], yticks=[-most, 0, most])
    scale.set_yticklabels([f"{-most:.2g}", "0", f"{most:.2g}"], fontsize=7)
    scale.yaxis.tick_right()
    unit = "fall of the score" if explanation.method == "occlusion" else "score for each place"
    scale.set_ylabel(unit, fontsize=7.5, labelpad=2)
    scale.yaxis.set_label_position("right")
    scale.grid(False)


def _enlarged(heat: np.ndarray[tuple[int, ...], np.dtype[np.float64]], size: tuple[int, int]) -> np.ndarray[
    tuple[int, ...], np.dtype[np.float32]
]:  # fmt: skip
    """Heat (h, w) at the picture's size, smooth between the middles of places."""
    from PIL import Image

    small = Image.fromarray(heat.astype(np.float32))
    return np.asarray(small.resize((size[1], size[0]), Image.Resampling.BICUBIC)).clip(-1, 1)


def _draw_bars(axes: Axes, explanation: Explanation, shown: dict[str, str]) -> None:
    top = explanation.top()
    colours = [SERIES[0] if label == explanation.label else SERIES[7] for label, _ in top]
    axes.barh(range(len(top)), [100 * share for _, share in top], color=colours, height=0.42)
    for place, (label, share) in enumerate(top):
        weight = "bold" if label == explanation.label else "normal"
        axes.text(0, place - 0.3, cut(shown[label], 34), va="bottom", fontsize=8.5, color=INK, weight=weight)
        axes.text(100 * share + 1.5, place, percent(share), va="center", fontsize=8, color=MUTED)
    axes.set_ylim(len(top) - 0.4, -0.75)
    axes.set_xlim(0, 100)
    axes.set(yticks=[], xticks=[0, 50, 100])
    axes.set_xticklabels(["0", "50", "100 %"], fontsize=7)
    axes.set_xlabel(f"probability of each {explanation.target}", fontsize=7.5)
    axes.grid(axis="x", color=RULE, lw=0.6)
    axes.spines[["left"]].set_visible(False)
