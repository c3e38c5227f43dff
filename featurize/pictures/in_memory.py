"""Pictures that a caller hands over, as paths or in memory -> files, so that all go one way.

A picture in memory becomes a file that holds the same pixels; so it has an id, as every other picture has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from featurize.errors import SourceError, Undecodable
from featurize.reasons import Reason

if TYPE_CHECKING:
    from PIL import Image

    APicture = str | Path | Image.Image | NDArray[np.uint8]

_FORMS = {
    **dict.fromkeys(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), "PNG"),
    "CMYK": "TIFF",
}
_PLAINER = {"La": "LA", "PA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "HSV": "RGB"}


@dataclass(frozen=True)
class PictureFiles:
    """The pictures of one call as files.

    Parameters
    ----------
    paths : sequence of Path
    names : sequence of str
        What they are called in messages.
    failed : dict of int to Undecodable
        Pictures in memory that could not be made files.
    """

    paths: Sequence[Path]
    names: Sequence[str]
    failed: dict[int, Undecodable]


def listed_pictures(X: Any) -> list[APicture]:
    """The pictures one by one."""
    if isinstance(X, str | Path):
        raise SourceError(f"{str(X)!r} is no list of pictures: give several, as in [{str(X)!r}]")
    if hasattr(X, "getexif") or (isinstance(X, np.ndarray) and X.ndim == 3 and X.shape[2] in (3, 4)):
        raise SourceError("one picture is no list of pictures: give several, as in [picture]")
    column = np.asarray(X) if hasattr(X, "columns") else X  # a table with one column of paths
    if not hasattr(column, "__len__") or getattr(column, "ndim", 1) == 0 or isinstance(column, dict | set | bytes):
        raise SourceError(
            f"a {type(X).__name__} is no list of pictures: give a list of paths, of pictures of Pillow or of arrays"
        )
    if isinstance(column, np.ndarray) and column.dtype != np.uint8 and column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    listed: list[APicture] = list(column)
    if not listed:
        raise SourceError("there are no pictures to embed: the list is empty")
    return listed


@contextmanager
def as_files(pictures: Sequence[APicture]) -> Iterator[PictureFiles]:
    """All pictures as files; those in memory lie in a folder that is removed afterwards."""
    with TemporaryDirectory(prefix="artstyle-") as folder:
        files = PictureFiles([], [], {})
        paths: list[Path] = []
        names: list[str] = []
        for n, picture in enumerate(pictures):
            if isinstance(picture, str | Path):
                paths.append(Path(picture).absolute())
                names.append(repr(str(picture)))
                continue
            paths.append(Path(folder) / f"{n}.picture")
            names.append(f"picture {n} of the list")
            if not isinstance(picture, np.ndarray) and not hasattr(picture, "getexif"):
                raise SourceError(
                    f"{names[n]} is of type {type(picture).__name__}: give a path, a picture of Pillow or an array"
                )
            try:
                save_lossless(picture, paths[n], names[n])
            except Undecodable as why:
                files.failed[n] = why
        yield PictureFiles(paths, names, files.failed)


def save_lossless(picture: Image.Image | NDArray[Any], path: Path, name: str) -> None:
    """Write a picture with all that decides how it looks: pixels, coverage, colour profile, orientation.

    Parameters
    ----------
    picture : PIL.Image.Image or ndarray
        An array is (H, W), (H, W, 3) or (H, W, 4) of type uint8: grey, red-green-blue, and with coverage.
    path : Path
        Its ending is not looked at.
    name : str
        What the picture is called in messages.

    Raises
    ------
    SourceError
        It is no such array, or a picture whose brightness has no known range.
    Undecodable
        It was opened from a file that can't be decoded.
    """
    plain = _from_array(picture, name) if isinstance(picture, np.ndarray) else picture
    if not all(plain.size):
        raise Undecodable(Reason.TOO_SMALL, "it has no pixels")
    try:
        plain.load()
    except Exception as error:  # decoders of hostile bytes raise nearly anything
        raise Undecodable(Reason.BROKEN, str(error).partition("\n")[0]) from error
    if plain.mode in _PLAINER:
        plain = plain.convert(_PLAINER[plain.mode])
    if plain.mode not in _FORMS:
        raise SourceError(
            f"{name} has the mode {plain.mode!r}, whose values have no known range: convert it to RGB first, as in "
            "picture.convert('RGB')"
        )
    form = _FORMS[plain.mode]
    faster = {"compress_level": 1, "exif": plain.getexif()} if form == "PNG" else {}
    profile = {"icc_profile": plain.info["icc_profile"]} if "icc_profile" in plain.info else {}
    plain.save(path, form, **faster, **profile)


def _from_array(pixels: NDArray[Any], name: str) -> Image.Image:
    from PIL import Image

    shape = pixels.shape
    if pixels.dtype != np.uint8 or not (len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))):
        raise SourceError(
            f"{name} is an array of shape {shape} and type {pixels.dtype}: give (height, width, 3) of type uint8, with "
            "values from 0 to 255"
        )
    return Image.fromarray(np.ascontiguousarray(pixels))
