"""Spellings compared: the words of a label or a name, whatever their case, accents and separators."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache

_SEPARATORS = re.compile(
    r"[\s_\-\u2010-\u2015()\[\]{}'`\"\u2018-\u201f\u2032\u2039\u203a\u02bb\u02bc\u00ab\u00bb.,/\\\u00b7\u2022\u2027\u30fb]+"
)
_WITHOUT_ACCENT = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
_MARKS_ARE_LETTERS = "\u0400"  # from Cyrillic on, a mark makes another letter (Russian й, Japanese バ, Hindi, Thai)
_STRESS = {"\u0300", "\u0301"}  # over a Cyrillic vowel they only say how to read it
_CYRILLIC_VOWELS = set("аеиоуыэюяіїє")


@lru_cache(maxsize=200_000)
def words_of(text: str) -> str:
    """The words of a label or a name in small letters without accents, one space between them.

    Examples
    --------
    >>> words_of("Naïve_Art (Primitivism)")
    'naive art primitivism'
    >>> words_of("Søren  KRØYER")
    'soren kroyer'
    """
    letters = ""
    for c in unicodedata.normalize("NFKD", text.casefold()):
        if unicodedata.category(c) == "Cf":  # a zero-width space, a mark of direction: nobody sees it
            continue
        if not unicodedata.combining(c) or _makes_a_letter(c, letters[-1:]):
            letters += c
    plain = unicodedata.normalize("NFC", letters).translate(_WITHOUT_ACCENT)
    return _SEPARATORS.sub(" ", plain).strip()


def _makes_a_letter(mark: str, before: str) -> bool:
    """Whether a mark makes another letter of the one before it."""
    return before >= _MARKS_ARE_LETTERS and not (mark in _STRESS and before in _CYRILLIC_VOWELS)


def spelled_alike(names: Iterable[str], key: Callable[[str], str]) -> list[list[str]]:
    """Names that differ though they have one key: for each such key its spellings, the most frequent one first.

    Parameters
    ----------
    names : iterable of str
        Each as often as it occurs.
    key : callable
        The normal form, as `words_of`.
    """
    counts = Counter(names)
    alike: dict[str, list[str]] = defaultdict(list)
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        alike[key(name)].append(name)
    return [spellings for _, spellings in sorted(alike.items()) if len(spellings) > 1]
