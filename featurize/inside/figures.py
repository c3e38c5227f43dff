"""Figures of filters, of activation maps and of attention; each says its shape, its scale and how many are shown."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from featurize.inside.activations import Activations, Pixels
from featurize.inside.attention import Attention
from featurize.inside.filters import Filters
from featurize.inside.mosaic import Mosaic, around_zero, between_extremes, of_most
from featurize.theme import DIVERGING, INK, MUTED, SEQUENTIAL, drawing
from featurize.wording import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDE = 430  # points of a grid's longer side
_NARROWEST = 460  # points across a figure, so that its title has room


def filters_figure(filters: Filters) -> Figure:
    """A grid of filters.

    Filters that see colours are shown in colour, a grey of one half being zero. Of deeper ones each row is a filter and
    each column an input channel, white being zero; 1 x 1 filters are one matrix. Each filter is divided by its own
    largest absolute weight.
    """
    weights = filters.weights
    count, channels, height, width = weights.shape
    scaled = around_zero(weights)
    numbers = [*filters.numbers]
    if filters.coloured:
        mosaic, numbered = Mosaic.square(scaled.transpose(0, 2, 3, 1)), numbers
    elif channels == 1:
        mosaic, numbered = Mosaic.square(scaled[:, 0]), numbers
    else:
        mosaic, numbered = Mosaic(scaled.reshape(-1, height, width), channels), []
    gap = 0.06 if height > 1 else 0.0  # 1 x 1 filters are one matrix
    high = mosaic.high(gap, bool(numbered))
    across = _SIDE if high <= 1 else _SIDE / high
    shown = f"{count} of {filters.shape[0]} filters"
    seen = "" if filters.coloured or channels == 1 else f", {channels} of {filters.shape[1]} input channels"
    zero = "grey" if filters.coloured else "white"
    scale = "" if filters.coloured else ", orange positive, purple negative"
    note = f"{filters.network}: each filter is divided by its own largest absolute weight; {zero} is zero{scale}."
    top = 38 if numbered else 68  # room for the title, and for the numbers of input channels
    left = 16 if numbered else 48  # room for the numbers of filters
    with drawing(max(left + across + 16, _NARROWEST), across * high + top + 40, layout=None) as figure:
        wide, tall = figure.get_figwidth() * 72, figure.get_figheight() * 72
        axes = figure.add_axes((left / wide, 36 / tall, across / wide, (tall - top - 40) / tall), anchor="NW")
        mosaic.draw(axes, DIVERGING, numbered, gap)
        if not numbered:
            _number_both(axes, mosaic, filters, gap)
        _titles(figure, f"{filters.layer}: {shown}{seen}, {height} × {width} weights", note, filters.untrained)
    return figure


def activations_figure(activations: Activations) -> Figure:
    """A grid of activation maps, the picture beside it; each map from its smallest to its largest value."""
    maps = activations.maps
    mosaic = Mosaic.square(between_extremes(maps))
    block, blocks = activations.block
    which = f"block {block} of {blocks}, " if blocks else ""
    how = "strongest by mean absolute value" if activations.strongest else "chosen" if _are_chosen(activations) else ""
    shown = f"{len(maps)} of {activations.channels} maps{f' ({how})' if how else ''}"
    title = f"{which}{activations.layer}: {shown}, {maps.shape[1]} × {maps.shape[2]}"
    low, top = (f"{value:.3g}".replace("-", "−") for value in (maps.min(), maps.max()))
    note = (
        f"{activations.network}: each map from its own smallest value (dark) to its own largest (bright); values of "
        f"all maps shown lie between {low} and {top}. Numbers are those of the channels."
    )
    seen = f"The picture as the network sees it: {_size(activations.pixels)}."
    return _beside_maps(mosaic, activations.numbers, [(activations.pixels, seen)], title, note, activations.untrained)


def attention_figure(attention: Attention) -> Figure:
    """A grid of the heads' attention maps, each from 0 to the weight that 99 % of its patches stay below.

    Beside it stand the picture, and the picture lit by the mean of all heads.
    """
    maps = attention.maps
    place, of = attention.block
    shown = (
        f"{len(maps)} of {attention.heads} heads{' (those that look at patches most)' if attention.strongest else ''}"
    )
    title = f"attention {place} of {of}, {attention.layer}: {shown}, {maps.shape[1]} × {maps.shape[2]}"
    note = (
        f"{attention.network}: how much of the attention of {attention.query} goes to each patch: each map from 0 "
        "(dark) to the value that 99 % of its patches stay below (bright); the largest of all maps shown is "
        f"{maps.max():.2g}. On average of all heads, patches get {percent(float(attention.mean.sum()), 0)} of the "
        "attention. Numbers are those of the heads."
    )
    mean = f"All {attention.heads} heads, their mean: what is bright gets the most."
    pictures = [(attention.pixels, f"The picture as the network sees it: {_size(attention.pixels)}."),
                (_lit(attention.pixels, attention.mean), mean)]  # fmt: skip
    mosaic = Mosaic.square(of_most(maps))
    return _beside_maps(mosaic, attention.numbers, pictures, title, note, attention.untrained)


def _lit(pixels: Pixels, weights: NDArray[np.float32]) -> Pixels:
    """A picture, as bright at each place as its weight allows; a fifth of the light is everywhere."""
    from PIL import Image

    size = (pixels.shape[1], pixels.shape[0])
    fine = Image.fromarray(of_most(weights[None], 0.97)[0]).resize(size, Image.Resampling.BICUBIC)
    lit: Pixels = (pixels * (0.2 + 0.8 * np.asarray(fine).clip(0, 1)[..., None])).astype(np.uint8)
    return lit


def _size(pixels: Pixels) -> str:
    return f"{pixels.shape[1]}\u00a0×\u00a0{pixels.shape[0]} pixels"  # not to be torn apart at a line's end


def _beside_maps(
    mosaic: Mosaic, numbers: Sequence[int], pictures: Sequence[tuple[Pixels, str]], title: str, note: str,
    untrained: bool,
) -> Figure:  # fmt: skip
    """A grid of maps with pictures and their captions to its left, one below the other."""
    side, picture, caption = _SIDE, 190, 34
    column = len(pictures) * (picture + caption)
    width, height = side + picture + 60, max(side * mosaic.high(0.06, True), column) + 92
    with drawing(width, height, layout=None) as figure:
        bottom, room = 46 / height, (height - 92) / height
        for number, (pixels, text) in enumerate(pictures):
            top = bottom + room - number * (picture + caption) / height
            beside = figure.add_axes((16 / width, top - picture / height, picture / width, picture / height))
            beside.imshow(pixels)
            beside.set_axis_off()
            under = textwrap.fill(text, 40)
            beside.text(0, -0.03, under, transform=beside.transAxes, va="top", fontsize=8, color=MUTED)
        axes = figure.add_axes(((picture + 40) / width, bottom, side / width, room))
        mosaic.draw(axes, SEQUENTIAL, list(numbers))
        axes.set_anchor("NW")
        _titles(figure, title, note, untrained)
    return figure


def _are_chosen(activations: Activations) -> bool:
    return list(activations.numbers) != list(range(len(activations.numbers)))


def _number_both(axes: Axes, mosaic: Mosaic, filters: Filters, gap: float) -> None:
    """Filters down the side, input channels along the top."""
    step = 1 + gap
    for count, set_ticks, numbers in (
        (mosaic.columns, axes.set_xticks, filters.inputs),
        (mosaic.rows, axes.set_yticks, filters.numbers),
    ):
        every = -(-count // 12)
        places = range(0, count, every)
        set_ticks([n * step + 0.5 for n in places], [str(numbers[n]) for n in places], fontsize=7)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("input channel", fontsize=8)
    axes.set_ylabel("filter", fontsize=8)


def _titles(figure: Figure, title: str, note: str, untrained: bool) -> None:
    wide, tall = figure.get_size_inches() * 72
    title = textwrap.fill(f"{title}{' (untrained network)' if untrained else ''}", int(wide / 6.6))
    figure.text(16 / wide, 1 - 10 / tall, title, va="top", fontsize=10.5, weight="bold", color=INK)
    wrapped = textwrap.fill(note, int(wide / 4.3))
    figure.text(16 / wide, 8 / tall, wrapped, va="bottom", fontsize=7.5, color=MUTED, linespacing=1.25)
