"""The words of the project, each explained in about two sentences, for the screen and for the pages.

The text is `words.md` in this package; `docs/words.md` is the same file, for those who read on the web.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_ENTRY = re.compile(r"(?:^|\n)- (?=\*\*)")
_NAMES = re.compile(r"\*\*`?([^*`]+)`?\*\*")
_HEAD_LIKE = re.compile(r"A \*\*(\w+)\*\* ")


@dataclass(frozen=True)
class Word:
    """One entry of the glossary.

    Attributes
    ----------
    names : tuple of str
        The words that the entry explains, for example ("Label", "target").
    text : str
        The explanation, with `code` between backticks and without other marks.
    section : str
        The heading under which it stands.
    """

    names: tuple[str, ...]
    text: str
    section: str


@cache
def glossary() -> tuple[Word, ...]:
    """All entries, in the order of the page."""
    page = (files("featurize") / "words.md").read_text("utf-8")
    words: list[Word] = []
    for part in page.split("\n## ")[1:]:
        section, _, body = part.partition("\n")
        before, *entries = _ENTRY.split(body)
        if found := _HEAD_LIKE.search(before):
            words.append(Word((found[1].capitalize(),), _plain(before), section))
        words += [_entry(text, section) for text in entries]
    return tuple(words)


def _entry(text: str, section: str) -> Word:
    return Word(tuple(_NAMES.findall(text)), _plain(text.split("\n\n")[0]), section)


def _plain(text: str) -> str:
    return " ".join(text.replace("*", "").split())


def look_up(name: str) -> list[Word]:
    """The entries that explain a word.

    Parameters
    ----------
    name : str
        A word in any case; singular or plural.

    Returns
    -------
    list of Word
        Those that have it as a name; without one, those with a similar name, at most three.
    """
    wanted = name.casefold().strip()
    forms = {wanted, wanted.removesuffix("s"), wanted.removesuffix("es")}
    found = [word for word in glossary() if forms & {one.casefold() for one in word.names}]
    if found:
        return found
    named = {one.casefold(): word for word in glossary() for one in word.names}
    near = difflib.get_close_matches(wanted, named, n=3, cutoff=0.7)
    return list(dict.fromkeys(named[one] for one in near))
