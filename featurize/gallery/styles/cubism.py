"""Cubism: the subject broken into facets, each seen from a slightly different side."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from featurize.gallery.brush import LUMA, Bytes, Floats, mix, polygons, resize, tint
from featurize.gallery.scene import Brief, Scene, underpaint

_LETTERS = {  # strokes: column and row, 0 to 2, of the corners they join
    " ": (),
    "A": ("021022", "0121"),
    "B": ("000212210100", "0010210111"),
    "E": ("20000222", "0111"),
    "I": ("1012",),
    "J": ("20221202", "0201"),
    "L": ("000222",),
    "N": ("02002220",),
    "O": ("0020220200",),
    "R": ("020020210122",),
    "T": ("0020", "1012"),
    "U": ("00022220",),
    "V": ("001220",),
}


def cubism(brief: Brief) -> Floats:
    """Muted facets shaded from one edge; fragments of contour, pasted paper, the start of a newspaper's name."""
    rng, pigments = brief.rng, brief.artist.pigments
    scene = underpaint(brief, 1.3, modelling=0.1)
    height, width = scene.label.shape
    facets = _facets(rng, brief.aspect, round(34 * brief.artist.density), brief.artist.tilt)
    label = polygons(height, width, facets)
    count = len(facets)
    seen, contour, shade = _viewpoints(rng, scene, facets, label, 0.6 if brief.subject == "portrait" else 0.9)
    muted = mix(seen, np.broadcast_to((seen @ LUMA)[..., None], seen.shape), 0.3)
    picture = mix(muted, pigments["earth"], rng.uniform(0.0, 0.32, count).astype(np.float32)[label])
    picture += (shade + _dabs(rng, label, count) * np.float32(0.016))[..., None]
    _collage(rng, pigments, picture, label)
    if brief.subject == "still-life":
        tint(picture, np.flatnonzero(_lettering(rng, height, width)), pigments["dark"], 0.7)
    edge = _contour(label) * rng.uniform(0.1, 0.75, count).astype(np.float32)[label]
    return mix(picture, pigments["dark"], np.clip(contour * 0.65 + edge, 0, 0.85))


def _facets(rng: np.random.Generator, aspect: float, count: int, tilt: float) -> list[Floats]:
    """Convex pieces of the canvas: the largest is split, again and again, along a few preferred directions."""
    pieces: list[Floats] = [np.array([(0, 0), (aspect, 0), (aspect, 1), (0, 1)], np.float32)]
    weights = [1.0]
    slants = np.array([0.35, 1.2, 1.95, 2.8]) + tilt * 0.5
    while len(pieces) < count:
        largest = int(np.argmax(weights))
        piece, _ = pieces.pop(largest), weights.pop(largest)
        angle = float(rng.choice(slants)) + rng.normal(0, 0.12)
        normal = np.array([np.cos(angle), np.sin(angle)])
        side = piece @ normal
        level = side.min() + np.ptp(side) * rng.uniform(0.35, 0.65)
        halves = [_clip(piece, normal, level), _clip(piece, -normal, -level)]
        pieces += halves
        weights += [_area(half) * rng.uniform(0.6, 1.4) for half in halves]
    return pieces


def _area(piece: Floats) -> float:
    x, y = piece.T
    return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)


def _clip(piece: Floats, normal: Floats, level: float) -> Floats:
    """The part of a convex polygon where ``point @ normal <= level`` (Sutherland and Hodgman 1974)."""
    out = []
    for a, b in zip(piece, np.roll(piece, -1, 0), strict=True):
        da, db = float(a @ normal - level), float(b @ normal - level)
        if da <= 0:
            out.append(a)
        if (da < 0 < db) or (db < 0 < da):
            out.append(a + (b - a) * (da / (da - db)))
    return np.array(out, np.float32)


def _viewpoints(
    rng: np.random.Generator, scene: Scene, facets: list[Floats], label: Bytes, unrest: float
) -> tuple[Floats, Floats, Floats]:
    """What each facet shows of the scene, moved by ``unrest`` (1 is usual): colour, contours, a ramp of light."""
    height, width = label.shape
    count = len(facets)
    centre = np.stack([facet.mean(0) for facet in facets]) * height  # (F, 2)
    reach = np.array([np.ptp(facet, 0).mean() for facet in facets], np.float32) * height
    y, x = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
    dx, dy = x - centre[label, 0], y - centre[label, 1]
    turn, zoom = rng.normal(0, 0.22 * unrest, count), rng.uniform(1 - 0.25 * unrest, 1.12, count)
    cos, sin = ((f(turn) * zoom).astype(np.float32)[label] for f in (np.cos, np.sin))
    shift = (rng.normal(0, 0.035 * unrest, (count, 2)) * height).astype(np.float32)
    from_x = np.clip(x + dx * (cos - 1) - dy * sin + shift[label, 0], 0, width - 1).astype(int)
    from_y = np.clip(y + dx * sin + dy * (cos - 1) + shift[label, 1], 0, height - 1).astype(int)
    lean = rng.uniform(0, 2 * np.pi, count)
    slope = (np.stack([np.cos(lean), np.sin(lean)]) * 0.34 / reach).astype(np.float32)
    base = rng.normal(0, 0.05, count).astype(np.float32)
    shade = dx * slope[0][label] + dy * slope[1][label] + base[label]
    return scene.colour[from_y, from_x], _contour(scene.label)[from_y, from_x], shade


def _contour(label: Bytes) -> Floats:
    """1 on the borders between labels, two pixels wide."""
    line = np.zeros(label.shape, np.float32)
    across, along = label[1:] != label[:-1], label[:, 1:] != label[:, :-1]
    line[1:] += across
    line[:-1] += across
    line[:, 1:] += along
    line[:, :-1] += along
    return np.minimum(line, 1)


def _dabs(rng: np.random.Generator, label: Bytes, count: int) -> Floats:
    """Short parallel touches, upright in some facets and level in others, about -1..1."""
    height, width = label.shape
    level = resize(rng.standard_normal((height // 3, width // 14)), height, width)
    upright = resize(rng.standard_normal((height // 14, width // 3)), height, width)
    return np.where((rng.random(count) < 0.5)[label], level, upright)


def _collage(rng: np.random.Generator, pigments: dict[str, Floats], picture: Floats, label: Bytes) -> None:
    """Paste paper on some facets, in place: imitation wood, ruled sheets."""
    for k, facet in enumerate(rng.choice(int(label.max()) + 1, 4, replace=False)):
        here = np.flatnonzero(label.ravel() == facet)  # (P,)
        y, x = np.divmod(here, label.shape[1])
        angle = rng.uniform(0, np.pi)
        across, along = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
        if k % 2:
            line = np.abs((across + 3 * np.sin(along / 17) * np.sin(across / 29)) / 7 % 1 - 0.5) < 0.1
        else:
            line = (np.abs(across / 9 % 1 - 0.5) < 0.14) & (np.sin(along * 0.21 + np.floor(across / 9) * 5) > -0.7)
        tint(picture, here[line], pigments["earth" if k % 2 else "dark"], 0.6)


def _lettering(rng: np.random.Generator, height: int, width: int) -> Bytes:
    """The start of a newspaper's or a wine's name in stencilled capitals, (H, W); drawn, to need no font."""
    image = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(image)
    size = rng.uniform(0.035, 0.05) * height
    x, y = rng.uniform(0.1, 0.55) * width, rng.uniform(0.15, 0.75) * height
    lean, drop = rng.normal(0, 0.15, 2)
    for letter in str(rng.choice(["JOUR", "BAL", "VIN", "LA VIE", "NOTE"])):
        for stroke in _LETTERS[letter]:
            u, v = np.array(list(stroke), float).reshape(-1, 2).T / 2
            line = np.stack([x + (u - lean * v) * size, y + (v * 1.25 + u * drop) * size], 1)
            draw.line(line.ravel().tolist(), fill=255, width=round(size / 4.5))
        x, y = x + 1.35 * size, y + 1.35 * drop * size
    return np.asarray(image)
