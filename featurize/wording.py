"""Names, counts, shares and lists as text for people, the same on the screen, in notes, in cautions and on pages."""

from __future__ import annotations

import hashlib
import math
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

NARROW = "\u202f"  # a space that keeps a figure and its sign together
MOST_SHOWN = 60  # letters of a label on a page
_LONGEST = 300  # letters of a foreign error in a message
_APART = "\u2068{}\u2069"  # first strong isolate: its direction ends where it ends (Unicode, UAX 9)
_TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def visible(text: object) -> str:
    """A name for the screen: a newline or a stray byte in it is shown, not obeyed."""
    return "".join(
        c
        if c.isprintable() or unicodedata.category(c) == "Zs" or c in _APART
        else c.encode("unicode_escape", "replace").decode()
        for c in str(text)
    )


def isolated(text: str) -> str:
    """A name within a sentence: one that is read from right to left must not turn the figures after it around."""
    kinds = {unicodedata.bidirectional(c) for c in text}
    if not kinds & {"R", "AL", "AN", *_TURNING}:
        return text
    return _APART.format("".join(c for c in text if unicodedata.bidirectional(c) not in _TURNING))


def file_name(text: str, most: int = 100) -> str:
    """A text as a part of a file's name: what some file system refuses becomes an underscore.

    A longer one than `most` bytes is cut, and ends in digits that follow from the whole: file systems take 255 bytes
    for a name, and a file that is being written has a longer name than its own.
    """
    name = "".join("_" if c in '/\\:*?"<>|' or not c.isprintable() else c for c in text)
    if len(name.encode()) <= most:
        return name
    ending = f"-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"
    return name.encode()[: most - len(ending)].decode(errors="ignore") + ending


def counted(count: int, noun: str, several: str = "") -> str:
    """ "1 picture", "2,000 pictures"; `several` is the plural where it is not formed with an s."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"


def have(count: int) -> str:
    """The verb of so many: 1 picture has, 2 pictures have."""
    return "has" if count == 1 else "have"


def listing(names: Iterable[object], most: int = 3) -> str:
    """ "a", "a and b", "a, b and c"; of many the first ones, and how many more there are."""
    shown = [isolated(visible(name)) for name in names]
    if len(shown) > most:
        return f"{', '.join(shown[:most])} and {len(shown) - most:,} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def cut(text: str, most: int = 40) -> str:
    """The beginning of a text that is too long for its place."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def raised(error: BaseException) -> str:
    """What other people's code raised, on one line: its kind and its text, which may have pages."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    kind = type(error).__name__
    return textwrap.shorten(f"{kind}: {text}", _LONGEST) if text else kind


def percent(share: float | None, digits: int = 1) -> str:
    """0.3812 -> "38.1 %"; "–" where there is no figure."""
    return "–" if share is None else f"{100 * share:.{digits}f}{NARROW}%"


def decimals(values: Iterable[float], fewest: int = 2, most: int = 6) -> int:
    """How many decimals show two figures of the smallest of some values, so that none of them looks like 0.

    Examples
    --------
    >>> decimals([0.41, 0.0029]), decimals([0.41, 1.2])
    (4, 2)
    """
    least = min((value for value in values if value >= 10.0**-most), default=1.0)
    return min(max(1 - math.floor(math.log10(least)), fewest), most)


def points(share: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{100 * share:+.1f}".replace("-", "−")


def plain(label: str) -> str:
    """A label as people write it: on one line, and without underscores, unless there is nothing else."""
    return " ".join(label.replace("_", " ").split()) if label.strip("_ ") else label


def plain_names(labels: Sequence[str]) -> dict[str, str]:
    """Label -> how it is shown: without underscores, and cut where it is long.

    Where two different labels would look the same, they are shown as they are.
    """
    short = {label: cut(plain(label), MOST_SHOWN) for label in labels}
    counts = Counter(short.values())
    return {label: name if counts[name] == 1 else label for label, name in short.items()}


def artist(name: str) -> str:
    """ "agnes-martin" -> "Agnes Martin"; a name that is written with capitals or spaces stays as it is."""
    if name != name.lower() or " " in name:
        return name
    return " ".join(part.capitalize() for part in plain(name).replace("-", " ").split())
