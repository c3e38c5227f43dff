"""The pictures of a page: each small where it stands, and larger in a window that opens on a click.

The windows are popovers of HTML: they open without a script, also where a page forbids scripts, and the browser closes
them on Escape. A page holds each picture once in either size, however often it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from featurize.pictures.thumbnail import SIDE, Thumbnail, thumbnails

LARGE = 512  # pixels of the longer side in the window: about 40 KB a picture


@dataclass(frozen=True)
class Plate:
    """A picture of a page.

    Parameters
    ----------
    path : str
        As it was asked for.
    window : str
        The id of the window that shows it larger.
    small, large : Thumbnail
    """

    path: str
    window: str
    small: Thumbnail
    large: Thumbnail


class Plates:
    """The pictures of one page, made as they are asked for.

    Parameters
    ----------
    folder : Path
        What paths are relative to.
    side : int
        Pixels of the longer side where they stand.
    """

    def __init__(self, folder: Path, side: int = SIDE) -> None:
        self._folder, self._side = folder, side
        self._made: dict[str, Plate | None] = {}

    def __call__(self, path: str) -> Plate | None:
        """The picture of a file; None where it is missing or no picture."""
        if path not in self._made:
            made = thumbnails(self._folder / path, (self._side, LARGE))
            self._made[path] = Plate(path, f"picture-{len(self._made) + 1}", *made) if made else None
        return self._made[path]

    @property
    def shown(self) -> list[Plate]:
        """All pictures that were asked for and can be shown, in that order."""
        return [plate for plate in self._made.values() if plate is not None]
