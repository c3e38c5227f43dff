"""File names that are not Unicode, as text that every program can hold, and back.

A name on a Linux disk is any bytes. Python shows a byte that is not UTF-8 as a lone surrogate, which no file format
holds. A table holds it as a character of Unicode's private use area, U+F780 to U+F7FF for the bytes 80 to FF.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_SURROGATES = 0xDC00
_PRIVATE = 0xF700
_LONE = re.compile("[\udc80-\udcff]")
_HELD = re.compile("[\uf780-\uf7ff]")
_TO_HOLD = str.maketrans({_SURROGATES + byte: _PRIVATE + byte for byte in range(0x80, 0x100)})


def held(text: str) -> str:
    """A text without lone surrogates; enough for reading, not for going back."""
    return text.translate(_TO_HOLD) if _LONE.search(text) else text


def held_name(name: str) -> str:
    """A file name without lone surrogates, from which `name_of` gets the name back, whatever characters it has."""
    if not (_LONE.search(name) or _HELD.search(name)):
        return name
    return held(_HELD.sub(lambda m: m[0].encode().decode("ascii", "surrogateescape"), name))


def name_of(text: str) -> str:
    """The file name that `held_name` made a text of."""
    if not _HELD.search(text):
        return text
    data = _HELD.sub(lambda m: chr(ord(m[0]) - _PRIVATE + _SURROGATES), text).encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "surrogateescape")


def readable(columns: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Columns for people: stray bytes as the characters that Windows-1252 has for them."""
    return {c: list(map(_as_windows_has_it, v)) if _LONE.search("\n".join(v)) else v for c, v in columns.items()}


def _as_windows_has_it(text: str) -> str:
    return _LONE.sub(lambda m: bytes([ord(m[0]) - _SURROGATES]).decode("cp1252", "replace"), text)
