"""Pages of this room: one frame, the style sheet of the reports, nothing from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cache import Key, files
from cache.writable import check_folder
from classify.errors import DataError
from classify.explore.works import Works
from featurize import pages, wording
from featurize.pictures.thumbnail import Thumbnail, thumbnail

PAGE = "index.html"
_MOST_COLUMNS = 6  # of the user's that stand under a picture
_LONGEST = 90  # characters of a cell that are shown there
_KEPT = 4096  # thumbnails that are kept while a page is made
_OURS = b'<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'  # in the head of each page
_HEAD = 4096  # bytes of a page in which that stands


@dataclass(frozen=True)
class Plate:
    """A picture as a page shows it.

    Parameters
    ----------
    small : Thumbnail or None
        None where the file is missing or can't be decoded.
    path, name, who : str
        Where it lies, its file's name, and artist and year as far as they are known.
    facts : tuple of (str, str)
        The user's other columns and what they say.
    """

    small: Thumbnail | None
    path: str
    name: str
    who: str
    facts: tuple[tuple[str, str], ...]


def render(template: str, works: Works, facts: Mapping[str, Any]) -> bytes:
    """A page about works, in UTF-8.

    Parameters
    ----------
    template : str
        A file of this package's templates.
    works : Works
    facts : mapping
        What the template speaks of, beside `works`, `network` and the function `plate(row)`.
    """

    @lru_cache(_KEPT)
    def plate(row: int) -> Plate:
        return plate_of(works, row)

    common = {"works": works, "network": network_name(works.key), "plate": plate, "file": picture_file}
    text = pages.render("classify.explore", template, {**common, **facts}, _filters(), sheet="classify.report")
    return text.encode("utf-8", "replace")


def plate_of(works: Works, row: int) -> Plate:
    """A work as a page shows it."""
    artist, year = wording.artist(works.artists[row]), works.column("year")[row]
    names = [name for name in works.labels() if name not in ("artist", "year")][:_MOST_COLUMNS]
    facts = tuple((name, wording.cut(works.column(name)[row], _LONGEST)) for name in names if works.column(name)[row])
    who = ", ".join(filter(None, [artist or "unknown artist", year]))
    return Plate(thumbnail(works.file(row)), works.paths[row], works.file(row).name, who, facts)


def picture_file(path: Path) -> Thumbnail | None:
    """A picture that is no work of the collection."""
    return thumbnail(path)


def network_name(key: Key) -> str:
    """The network of the embeddings, as a reader is to know it."""
    return key.backbone + (" (untrained)" if key.untrained else "")


def check_out(out: Path) -> None:
    """See that a page can be written into a folder, and that it takes the place of no page of somebody else's.

    Raises
    ------
    StorageFailed
        Nothing can be written there.
    DataError
        An `index.html` is there that is no page of artstyle.
    """
    check_folder(out)
    try:
        with (out / PAGE).open("rb") as file:
            beginning = file.read(_HEAD)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"{str(out / PAGE)!r} can't be read ({error.strerror}): choose another --out") from error
    if _OURS not in beginning:
        raise DataError(f"{str(out / PAGE)!r} is no page of artstyle, and would be replaced: choose another --out")


def write_folder(out: Path, parts: Mapping[str, Callable[[], bytes]]) -> Path:
    """Write files into a folder, each before the next is made; gives the path of the page.

    Parameters
    ----------
    out : Path
        Made where it is missing; files of the same names are replaced.
    parts : mapping of str to callable
        Name of each file, and what makes its content.

    Raises
    ------
    StorageFailed
        The file system refused.
    DataError
        See `check_out`.
    """
    check_out(out)
    files.make_folder(out.absolute())
    for name, make in parts.items():
        files.write_atomic(out / name, [make()])
    return out / PAGE


def _filters() -> dict[str, Callable[..., Any]]:
    functions: tuple[Callable[..., Any], ...] = (
        wording.percent, wording.artist, wording.counted, wording.listing,
    )  # fmt: skip
    named = {function.__name__: function for function in functions}
    return named | {"signed": _signed, "decimal": _decimal, "plain": _label}


def _label(name: str) -> str:
    return wording.isolated(wording.cut(wording.plain(name), wording.MOST_SHOWN))


def _decimal(value: float | None, digits: int = 2) -> str:
    return "–" if value is None or value != value else f"{value:.{digits}f}".replace("-", "−")


def _signed(value: float | None, digits: int = 2) -> str:
    return "–" if value is None or value != value else f"{value:+.{digits}f}".replace("-", "−")
