"""Names, counts and lists as text for people, the same on the screen, in notes and on pages."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def visible(text: object) -> str:
    """A name for the screen: a newline or a stray byte in it is shown, not obeyed."""
    return "".join(
        c if c.isprintable() or unicodedata.category(c) == "Zs" else c.encode("unicode_escape", "replace").decode()
        for c in str(text)
    )


def plural(count: int, noun: str) -> str:
    """ "1 picture", "2 pictures"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listing(names: Iterable[object], most: int = 3) -> str:
    """The first few of some names, and how many more there are."""
    shown = [visible(n) for n in names]
    rest = len(shown) - most
    return ", ".join(shown[:most]) + (f" and {rest} more" if rest > 0 else "")
