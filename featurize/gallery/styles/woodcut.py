"""What a woodblock print has before and around its view: wave, branch, gate, rain, hairpins; title and seal."""

from __future__ import annotations

import numpy as np

from featurize.gallery.brush import Floats, mix, points
from featurize.gallery.pen import Pen
from featurize.gallery.scene import Brief, Scene

_VERMILION = np.array([0.74, 0.17, 0.13], np.float32)


def draw_foreground(brief: Brief, scene: Scene, pen: Pen) -> None:
    """A breaking wave before a harbour; a branch, a gate or rain before a landscape; pins in a sitter's hair."""
    if brief.subject == "harbour" and brief.rng.random() < 0.7:
        _wave(brief, pen)
    elif brief.subject == "landscape":
        (_branch, _gate, _rain)[int(brief.rng.integers(3))](brief, pen)
    elif brief.subject == "portrait" and not any(shape.role == "beard" for shape in scene.shapes):
        _hairpins(brief, scene, pen)


def draw_sheet(brief: Brief, pen: Pen, paper: Floats) -> None:
    """The margin, a cartouche with brushed signs, the red seal."""
    rng, pigments = brief.rng, brief.artist.pigments
    dark = pigments["dark"]
    left, top = (brief.aspect - 0.13 if rng.random() < 0.7 else 0.06), 0.06
    tall = rng.uniform(0.20, 0.27)
    label = np.array([(left, top), (left + 0.06, top), (left + 0.06, top + tall), (left, top + tall)])
    pen.polygon(label, mix(pigments["field"], paper, 0.3), dark, 0.004)
    for sign in np.arange(0.025, tall - 0.02, 0.034):
        for _ in range(4):
            start = np.array((left + rng.uniform(0.01, 0.04), top + sign + rng.uniform(-0.01, 0.012)))
            stroke = (0.016, 0.001) if rng.random() < 0.6 else (0.003, 0.015)
            pen.line([start, start + stroke], dark, 0.004)
    x, y = left + 0.01, top + tall + 0.015
    pen.box(x, y, x + 0.04, y + 0.04, _VERMILION)
    pen.line([(x + 0.01, y + 0.012), (x + 0.03, y + 0.012)], paper, 0.004)
    pen.line([(x + 0.02, y + 0.01), (x + 0.02, y + 0.03)], paper, 0.004)
    pen.frame(0.0, paper, 0.022)
    pen.frame(0.022, dark, 0.004)


def _smooth(line: Floats) -> Floats:
    """A polyline with its corners cut three times (Chaikin 1974)."""
    for _ in range(3):
        cut = np.stack([0.75 * line[:-1] + 0.25 * line[1:], 0.25 * line[:-1] + 0.75 * line[1:]], 1)
        line = np.concatenate([line[:1], cut.reshape(-1, 2), line[-1:]])
    return line


def _mirror(brief: Brief, outline: Floats, mirrored: bool) -> Floats:
    return np.array((brief.aspect, 0)) + outline * (-1, 1) if mirrored else outline


def _wave(brief: Brief, pen: Pen) -> None:
    """A wave that rears up at one side, its crest all claws and spray."""
    rng, pigments = brief.rng, brief.artist.pigments
    grow, mirrored = rng.uniform(0.8, 1.1) * min(1.0, brief.aspect), bool(rng.random() < 0.5)
    back = _smooth(points("-12,0 -10,-27 -2,-52 12,-69 30,-75 46,-66 50,-55"))
    face = _smooth(points("100,2 66,-9 42,-24 31,-42 34,-56 43,-59 50,-55"))

    def place(outline: Floats) -> Floats:
        return _mirror(brief, outline * grow + (0, 1.02), mirrored)

    body = np.concatenate([back, face[::-1]])
    pen.polygon(place(body), pigments["water"], pigments["dark"], 0.004)
    for k, share in enumerate(np.linspace(0.12, 0.9, 7)):
        line = place(back + (face - back) * share)
        if k % 2:
            pen.line(line[:29], pigments["light"], 0.008)
        else:
            pen.line(line[:26], pigments["dark"], 0.004)
    crest = np.concatenate([back[16:], face[-18:-1]])
    claws = crest[rng.integers(len(crest), size=46)] + rng.normal(0, 0.014, (46, 2))
    for at in place(claws):
        pen.disc(at, rng.uniform(0.010, 0.024) * grow, pigments["light"], pigments["dark"])
    for at in place(np.array([0.52, -0.60]) + rng.normal(0, 0.085, (26, 2))):
        pen.disc(at, rng.uniform(0.003, 0.007) * grow, pigments["light"])


def _gate(brief: Brief, pen: Pen) -> None:
    """A torii over the way."""
    rng, pigments = brief.rng, brief.artist.pigments
    tall = rng.uniform(0.42, 0.6)
    top = np.array([rng.uniform(0.3, 0.7) * brief.aspect, rng.uniform(0.82, 0.95) - tall])
    lintel = "-52,-6 -25,-2 0,-1 25,-2 52,-6 50,7 0,9 -50,7"
    for part in ("-30,0 -35,0 -38,100 -33,100", "30,0 35,0 38,100 33,100", "-42,22 42,22 42,29 -42,29", lintel):
        pen.polygon(points(part) * tall + top, pigments["accent"], pigments["dark"], 0.004)
    pen.polygon(points(lintel) * (1.05 * tall, 0.4 * tall) + top - (0, 0.025 * tall), pigments["dark"])


def _rain(brief: Brief, pen: Pen) -> None:
    """A shower: long parallel lines over everything, in two slants."""
    rng = brief.rng
    lean = rng.uniform(0.12, 0.3) * rng.choice([-1, 1])
    for slant, count in ((lean, 110), (lean * 1.35, 60)):
        for x, y, length in rng.uniform((-0.2, -0.1, 0.2), (1.2, 0.8, 0.6), (count, 3)):
            x *= brief.aspect
            pen.line([(x, y), (x + slant * length, y + length)], brief.artist.pigments["dark"], 0.002)


def _branch(brief: Brief, pen: Pen) -> None:
    """A bough in blossom that reaches in from the side."""
    rng, pigments = brief.rng, brief.artist.pigments
    mirrored = bool(rng.random() < 0.4)
    bloom = pigments["accent" if rng.random() < 0.75 else "leaf"]
    x = np.linspace(-0.04, rng.uniform(0.45, 0.62), 7) * brief.aspect
    bough = np.stack([x, rng.uniform(0.1, 0.2) + np.cumsum(rng.normal(0.012, 0.035, 7))], 1)
    twigs = [(bough, 0.022, 9)]
    for knot in bough[2:]:
        reach = rng.uniform(0.06, 0.15)
        bend, tip = (0.5, 0.5 * rng.choice([-1, 1])), (1, rng.uniform(-0.3, 0.8))
        twigs.append((knot + reach * np.array([(0, 0), bend, tip]), 0.009, 5))
    for twig, thick, blossoms in twigs:
        line = _mirror(brief, _smooth(twig), mirrored)
        taper = np.linspace(thick, thick * 0.2, len(line))[:, None] * (0, 1)
        pen.polygon(np.concatenate([line - taper, (line + taper)[::-1]]), pigments["dark"])
        for at in line[rng.integers(len(line) // 3, len(line), blossoms)] + rng.normal(0, 0.022, (blossoms, 2)):
            size = rng.uniform(0.007, 0.013)
            for petal in np.arange(5) * (2 * np.pi / 5) + rng.uniform(0, 1):
                pen.disc(at + size * np.array([np.cos(petal), np.sin(petal)]), size * 0.75, bloom)
            pen.disc(at, size * 0.5, pigments["light"])


def _hairpins(brief: Brief, scene: Scene, pen: Pen) -> None:
    """A topknot, two pins and a comb."""
    pigments = brief.artist.pigments
    hair = next(shape.outline for shape in scene.shapes if shape.role == "hair")
    x, top = float(hair[:, 0].mean()), float(hair[:, 1].min())
    pen.disc((x, top - 0.01), (0.11, 0.06), pigments["dark"])
    for lean in (-1, 1):
        end = (x + lean * 0.21, top - 0.03)
        pen.line([(x - lean * 0.04, top + 0.03), end], pigments["field"], 0.01)
        pen.disc(end, 0.012, pigments["accent"])
    comb = np.linspace(-1.1, 1.1, 9)
    pen.line(np.stack([x + 0.07 * np.sin(comb), top + 0.02 - 0.05 * np.cos(comb)], 1), pigments["accent"], 0.014)
