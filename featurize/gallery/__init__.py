"""A gallery of sample paintings, so that everything can be tried where there is no picture to try it on.

Ten styles, drawn by numpy and Pillow: one folder a style, files named like RASTA's copy of WikiArt. The painters
are invented; each has a palette and habits that show in every picture, whatever its style, and the same subjects
are painted in many styles. So a classifier has something to learn and something to be fooled by.

A picture's way, file by file: ``catalogue`` says who painted what and when, ``artists`` who they are; ``motifs``
sketches the subject as shapes, ``scene`` blocks them in; ``styles`` (one file a style) paints, with ``brush``,
``strokes`` and ``pen``; ``photograph`` makes a JPEG of it.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from featurize.gallery.catalogue import Picture, catalogue
from featurize.gallery.photograph import encode, paint
from featurize.gallery.styles import STYLES
from featurize.progress import Progress

__all__ = ["Gallery", "draw_gallery"]

_ABANDONED = 600.0  # seconds; a picture is written in milliseconds, so an older part belongs to a killed process


@dataclass(frozen=True)
class Gallery:
    """What stands in a folder after ``draw_gallery``.

    Attributes
    ----------
    folder : Path
    styles : tuple of str
        Names of the folders, sorted.
    artists : tuple of str
        Names of those who have a picture in it, sorted.
    pictures : int
        How many pictures the gallery has.
    drawn : int
        How many of them were made by this call; the others were there.
    """

    folder: Path
    styles: tuple[str, ...]
    artists: tuple[str, ...]
    pictures: int
    drawn: int


def draw_gallery(folder: Path, *, per_style: int = 40, seed: int = 0, progress: Progress | None = None) -> Gallery:
    """Draw ``per_style`` paintings of each style into ``folder/<style>/<artist>_<title>-<year>.jpg``.

    A picture depends on its style, its artist, its place in the style and the seed, never on how many are drawn:
    the same call gives the same bytes on the same machine, and a larger gallery contains the smaller one. A file
    that is already there is left alone, so an interrupted call is taken up where it stopped. Galleries of
    different seeds have different names for most of their pictures; give each its own folder.

    Parameters
    ----------
    folder : Path
        Made if it is missing.
    per_style : int
        Pictures a style, at least 1.
    seed : int
        At least 0; another seed paints another gallery.
    progress : callable, optional
        Called with (done, all) after each picture.

    Returns
    -------
    Gallery

    Raises
    ------
    ValueError
        ``per_style`` or ``seed`` is too small, or ``folder`` is a file.
    """
    if per_style < 1:
        raise ValueError(f"per_style is {per_style}, but a gallery needs at least 1 picture a style: give 1 or more")
    if seed < 0:
        raise ValueError(f"seed is {seed}, but seeds start at 0: give 0 or more")
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file, and a gallery needs a folder: name another one, or remove the file")
    pictures = [picture for style in sorted(STYLES) for picture in catalogue(style, per_style, seed)]
    _sweep(folder)
    drawn = 0
    for done, picture in enumerate(pictures, 1):
        drawn += _hang(folder / picture.style, picture, seed)
        if progress is not None:
            progress(done, len(pictures))
    artists = tuple(sorted({picture.artist.name for picture in pictures}))
    return Gallery(folder, tuple(sorted(STYLES)), artists, len(pictures), drawn)


def _sweep(folder: Path) -> None:
    """Remove what killed processes left half written; a running one's parts are too young."""
    for part in folder.glob("*/.*.part"):
        with suppress(FileNotFoundError):  # its writer was faster
            if time.time() - part.stat().st_mtime > _ABANDONED:
                part.unlink()


def _hang(folder: Path, picture: Picture, seed: int) -> bool:
    """Paint a picture into its place unless one hangs there; whether it was painted."""
    place = folder / picture.file_name
    if place.exists():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    wet = folder / f".{picture.file_name}.{os.getpid()}.part"
    try:
        wet.write_bytes(encode(*paint(picture, seed)))
        wet.replace(place)
    finally:
        wet.unlink(missing_ok=True)
    return True
