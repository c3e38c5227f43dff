"""What file names say about paintings: `artist_title-year.jpg`, as WikiArt's copies have it.

A name has this form where its artist is words in small letters, joined by hyphens, and a title with letters follows
behind an underscore. Cameras, scanners and telephones write other names, and so do people who number their pictures.
Names are believed where a source is nothing but class folders and most of its names have the form; what was read from
them is noted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

from featurize.dataset.labels import label_key
from featurize.dataset.notes import Note
from featurize.dataset.table import tidy

_CLOSING = tuple("0123456789)")
_YEAR = re.compile(r"-(1[0-9]{3}|20[0-9]{2})(?:-\d{1,2}|\(\d{1,2}\))?$")  # a number behind it tells copies apart
_ARTIST = re.compile(r"[^\W\d_]+(?:[.'\u2019()\-]+[^\W\d_]+)*[.)]*(?:-\d{1,2})?")
_TITLE = re.compile(r"[^\s]*[^\W\d_][^\s]*")
_FEWEST = 10  # one name of so many has to have the form to be spoken of
_NO_ARTIST = {  # words of file names that begin like an artist's
    "abb", "abbildung", "album", "archiv", "archive", "archives", "aug", "augmented", "batch", "bild", "bildschirmfoto",
    "blurred", "box", "canvas", "capture", "catalogue", "class", "clip", "collection", "copy", "crop", "cropped",
    "data", "dataset", "detail", "dia", "download", "drawing", "dsc", "dscf", "dscn", "edit", "edited", "export",
    "fake", "fig", "figure", "file", "flip", "flipped", "fol", "folder", "folio", "foto", "frame", "front", "galerie",
    "gallery", "gen", "generated", "image", "images", "img", "inv", "inventar", "inventarnummer", "inventory", "item",
    "katalog", "landscape", "leaf", "left", "life", "lot", "mask", "ms", "mss", "museum", "neg", "negative", "nr",
    "number", "nummer", "obj", "object", "output", "painting", "paintings", "photo", "photos", "pic", "pics", "picture",
    "pictures", "plate", "portrait", "pxl", "recto", "resized", "result", "right", "roll", "room", "rot", "rotated",
    "saal", "sample", "scan", "scans", "screen", "screenshot", "seite", "sheet", "side", "slide", "style", "taf",
    "tafel", "thumb", "thumbnail", "tile", "transfer", "untitled", "verso", "view", "whatsapp",
}  # fmt: skip


def artist_and_year(stem: str) -> tuple[str, str]:
    """Artist and year of a file name without its ending; empty strings for a name of another form.

    Examples
    --------
    >>> artist_and_year("edgar-degas_dancers-on-set-1880")
    ('edgar-degas', '1880')
    >>> artist_and_year("IMG_1924"), artist_and_year("untitled"), artist_and_year("scan_1")
    (('', ''), ('', ''), ('', ''))
    """
    artist, year = artist_and_year_by_form(stem)
    title = stem.partition("_")[2]
    if not artist or stem != stem.lower() or not _ARTIST.fullmatch(artist) or not _TITLE.fullmatch(title.strip()):
        return "", ""
    return ("", "") if set(re.split(r"[^\w]+", artist)) & _NO_ARTIST else (artist, year)


def artist_and_year_by_form(stem: str) -> tuple[str, str]:
    """Artist and year of a name that is known to be of the form, as in ArtGAN's lists."""
    artist, underscore, title = stem.strip().partition("_")
    if not underscore or not artist:
        return "", ""
    year = _YEAR.search("-" + title) if title[-1:] in _CLOSING else None
    return (artist if artist.isascii() else mended(tidy(artist))), year[1] if year else ""


def lacking_columns(labels: Mapping[str, Sequence[str]]) -> list[str]:
    """Those of `artist` and `year` of which a source says nothing, so that names could say it."""
    return [column for column in ("artist", "year") if not any(labels.get(column, ()))]


def said_by_names(
    stems: Sequence[str],
    labels: Mapping[str, Sequence[str]],
    *,
    asked: bool | None = None,
    class_folders: bool = False,
    classes: Collection[str] = (),
) -> tuple[dict[str, list[str]], list[Note]]:
    """The columns `artist` and `year` that file names say, and notes of what was read or left.

    Parameters
    ----------
    stems : sequence of str
        N names without folders and endings.
    labels : mapping of str to sequence of str
        What the source says itself; a column that says something is left alone.
    asked : bool, optional
        Whether the user wants names to be read; by default they are where most names of class folders have the form.
    class_folders : bool
        Whether the source is nothing but class folders.
    classes : collection of str
        Names of classes; a file that is called after one says no artist.

    Returns
    -------
    columns : dict of str to list of str
        Empty where nothing was read.
    notes : list of Note
    """
    lacking = lacking_columns(labels)
    if asked is False or not lacking:
        return {}, []
    keys = {label_key(name) for name in classes}
    said = [("", "") if label_key(found[0]) in keys else found for found in map(artist_and_year, stems)]
    artists = [artist for artist, _ in said if artist]
    full_names = sum("-" in artist for artist in artists)
    if not artists:
        return {}, []
    if asked or (class_folders and 2 * len(artists) > len(stems) and 2 * full_names >= len(artists)):
        said = [found if found[0] else _with_a_number(stem, keys) for stem, found in zip(stems, said, strict=True)]
        columns = {"artist": [artist for artist, _ in said], "year": [year for _, year in said]}
        return {column: columns[column] for column in lacking}, [note_of_names(stems, said)]
    if len(artists) * _FEWEST < len(stems):
        return {}, []
    text = "file names look like artist_title-year, but nothing was read from them (--names reads them)"
    return {}, [Note(text, len(artists), [stem for stem, (artist, _) in zip(stems, said, strict=True) if artist])]


def note_of_names(stems: Sequence[str], said: Sequence[tuple[str, str]]) -> Note:
    """What was read from file names, in one line."""
    artists, years = (sum(map(bool, column)) for column in zip(*said, strict=True))
    stem, (artist, year) = next((pair for pair in zip(stems, said, strict=True) if all(pair[1])), (stems[0], said[0]))
    what = "artist and year" if years else "artist"
    text = (
        f"{what} read from {artists} of {len(stems)} file names{f' (a year from {years})' if years else ''}, "
        f"for example {stem} = {artist}{', ' + year if year else ''}; --no-names leaves that"
    )
    return Note(text, artists)


def _with_a_number(stem: str, classes: Collection[str]) -> tuple[str, str]:
    """What a name says whose title is a number, beside names of the form; the artist then has two words or more."""
    artist, year = artist_and_year_by_form(stem)
    whole = artist_and_year(f"{artist}_title")[0] if "-" in artist and stem == stem.lower() else ""
    return (artist, year) if whole and label_key(artist) not in classes else ("", "")


def mended(name: str) -> str:
    """A name whose UTF-8 was once read as Latin-1 and made small, as in ArtGAN's lists, put right.

    Examples
    --------
    >>> mended("grã©goire-michonze")
    'grégoire-michonze'
    """
    if name.isascii():
        return name
    try:
        right = name.replace("ã", "Ã").replace("å", "Å").replace("ä", "Ä").encode("latin-1").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return name
    return unicodedata.normalize("NFC", right)
