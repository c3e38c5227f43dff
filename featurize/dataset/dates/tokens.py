"""A statement of a date, as "2. Hälfte 19. Jh.", cut into tokens with a meaning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from featurize.dataset.dates.calendars import roman
from featurize.dataset.dates.words import (
    DECADE_ENDINGS,
    HALVES,
    HUNDRED_ENDINGS,
    NAMED_CENTURIES,
    ORDINAL_ENDINGS,
    ORDINALS,
    WORDS,
    Kind,
    words_in,
)

_CJK = "\u3040-\u9fff\uac00-\ud7af"
_ATOM = re.compile(rf"\d+|[{_CJK}]|[^\W\d_{_CJK}]+")
_ALIKE = str.maketrans({"\u2019": "'", "\u2018": "'", "`": "'", "\u2212": "-", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe",
                        "\u0640": None})  # fmt: skip
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015"
_LONGEST = 4  # words of an entry
_HIGHEST_ORDINAL = 31
_MOST_DIGITS = 6
_CUT_DIGITS = 3  # of a year whose first or last digit is not written
_SILENT = {"c", "w", "в"}  # about, in
_WEAK = {"s", "ss", *_SILENT}  # mean a century, but only beside an ordinal number
_FRENCH = re.compile(r"x[ivx]*i?(?:e|eme|ieme)")
_PARTS = {Kind.HALF, Kind.THIRD, Kind.QUARTER}
_PHASES = {Kind.EARLY, Kind.MIDDLE, Kind.LATE}
_VALUES = {Kind.NUMBER, Kind.ORDINAL, Kind.DECADE, Kind.CENTURY, Kind.BCE, Kind.CE, Kind.HIJRI}
_SIGNS = {"/": Kind.SLASH, "&": Kind.AND, "?": Kind.NOTHING, ".": Kind.NOTHING, "'": Kind.NOTHING, '"': Kind.NOTHING,
          "°": Kind.NOTHING, "~": Kind.NOTHING, "≈": Kind.NOTHING, "©": Kind.NOTHING, "%": Kind.NOTHING}  # fmt: skip


class Token(NamedTuple):
    """A word, number or sign of a date.

    Parameters
    ----------
    kind : Kind
    number : int
        Of a number or an ordinal; of a decade its first year.
    text : str
        As it stands.
    cut : bool
        Whether it has three digits and a question mark, as in 188?, which may stand for the fourth.
    """

    kind: Kind
    number: int = 0
    text: str = ""
    cut: bool = False


def plain(text: str) -> str:
    """A text in small letters, without accents, with digits of one kind and one kind of apostrophe and of minus."""
    if text.isascii():
        return text.casefold().replace("`", "'")
    letters = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    bare = "".join(c for c in letters if not unicodedata.combining(c) or c in "\u3099\u309a")
    bare = unicodedata.normalize("NFC", bare).translate(_ALIKE)
    return "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in bare)


def tokens_of(statement: str) -> list[Token]:
    """The tokens of a statement in plain text; those that say nothing about the time are left out."""
    return _with_context([t for t in _raw(statement) if t.kind != Kind.NOTHING])


def _raw(statement: str) -> Iterator[Token]:
    atoms = list(_ATOM.finditer(statement))
    end, n = 0, 0
    before: Token | None = None
    while n < len(atoms):
        number = atoms[n][0].isdecimal()
        signs = list(_signs(statement[end : atoms[n].start()], before, number))
        minus = bool(signs and signs[-1].text == "minus")
        yield from signs[:-1] if minus else signs
        token, n = _number(statement, atoms, n, minus) if number else _word(statement, atoms, n, before)
        end = atoms[n - 1].end()
        before = token
        yield token
    yield from _signs(statement[end:], before, False)


def _signs(between: str, before: Token | None, number: bool) -> Iterator[Token]:
    """The tokens of what stands between two words; one of the text "minus" belongs to the number behind it."""
    for n, c in enumerate(between):
        apart = not between[:n] if before is None else between[n - 1 : n] in (" ", "-", "/", ".", *_DASHES) and n
        if c == "-" and number and n == len(between) - 1 and apart and (not before or before.kind not in _VALUES):
            yield Token(Kind.TO, 0, "minus")
        elif c == "-" or c in _DASHES:
            before = Token(Kind.TO, 0, c if between == c else f" {c} ")
            yield before
        elif not c.isspace():
            before = Token(_SIGNS.get(c, Kind.UNKNOWN), 0, c) if c != "." else before
            yield Token(_SIGNS.get(c, Kind.UNKNOWN), 0, c)


def _number(statement: str, atoms: Sequence[re.Match[str]], n: int, minus: bool) -> tuple[Token, int]:
    """The token of a number with the ending that is glued to it, and the place behind it."""
    digits = atoms[n][0]
    if len(digits) > _MOST_DIGITS:
        return Token(Kind.UNKNOWN, 0, digits), n + 1
    value = -int(digits) if minus else int(digits)
    end = atoms[n].end()
    if len(digits) == _CUT_DIGITS and statement[: atoms[n].start()].endswith("'") and statement[end : end + 1] != "'":
        century = 1000 + value  # "fine dell'800" is late in the years from 1800 to 1899
        return Token(Kind.UNKNOWN if value % 100 else Kind.DECADE, century, digits), n + 1
    behind = statement[atoms[n].end() : atoms[n + 1].start()] if n + 1 < len(atoms) else " "
    ending = atoms[n + 1][0] if behind in ("", "-", "'", ".") and n + 1 < len(atoms) else ""
    if ending in HUNDRED_ENDINGS:
        return Token(Kind.DECADE, value, digits), n + 2
    if ending in DECADE_ENDINGS and value % 10 == 0:
        return Token(Kind.DECADE, value, digits), n + 2
    if ending in ORDINAL_ENDINGS and 0 < value <= _HIGHEST_ORDINAL and behind != "'":
        return Token(Kind.ORDINAL, value, digits), n + 2
    if behind.startswith(".") and 0 < value <= _HIGHEST_ORDINAL:
        return Token(Kind.ORDINAL, value, digits), n + 1
    cut = len(digits) == _CUT_DIGITS and statement[end : end + 1] == "?"
    return Token(Kind.NUMBER, value, digits, cut), n + 1


def _word(statement: str, atoms: Sequence[re.Match[str]], n: int, before: Token | None) -> tuple[Token, int]:
    """The token of the longest entry that begins with a word, and the place behind it."""
    word = atoms[n][0]
    following = atoms[n + 1][0] if n + 1 < len(atoms) else ""
    for length in range(min(_LONGEST, len(atoms) - n), 0, -1):
        if length == 1 and (ordinal := _roman_ordinal(word, following, before)):
            return Token(Kind.ORDINAL, ordinal, word), n + 1
        some = atoms[n : n + length]
        between = [statement[a.end() : b.start()] for a, b in pairwise(some)]
        entry = _ENTRIES.get(tuple(m[0] for m in some))
        if entry and all(map(_joins, entry.gaps, between)):
            return Token(entry.kind, entry.number, word), n + length
    if word in NAMED_CENTURIES:
        return Token(Kind.DECADE, 100 * (NAMED_CENTURIES[word] - 1), word), n + 1
    return Token(Kind.UNKNOWN, 0, word), n + 1


def _roman_ordinal(word: str, following: str, before: Token | None) -> int:
    """The number of a Roman numeral, perhaps with an ending as in XVIIe; 0 for another word."""
    number = re.fullmatch(r"([ivx]+)(?:e|eme|ieme|er|o|a)?", word)
    value = roman(number[1]) if number else 0
    if not 0 < value <= _HIGHEST_ORDINAL:
        return 0
    beside = (before is not None and before.kind == Kind.CENTURY) or following in _CENTURY_WORDS
    beside = beside or (word == "i" and following in _PART_WORDS)  # "I metà XVII sec."
    return value if len(word) > 1 or beside or _roman_ordinal(following, "", None) else 0


def _with_context(tokens: Sequence[Token]) -> list[Token]:
    """Tokens whose meaning hangs on their neighbours, settled."""
    has_century = any(token.kind == Kind.CENTURY for token in tokens)
    settled: list[Token] = []
    for n, token in enumerate(tokens):
        before = settled[-1].kind if settled else None
        behind = tokens[n + 1].kind if n + 1 < len(tokens) else None
        if token.kind in (Kind.THIRD, Kind.QUARTER) and token.number:
            if behind in _PARTS or before not in (Kind.ORDINAL, Kind.LAST):
                token = Token(Kind.ORDINAL, token.number, token.text)  # "third quarter", "terzo quarto"
        elif token.kind == Kind.UNKNOWN and token.text in _WEAK:
            if not has_century and Kind.ORDINAL in (before, behind):
                token = Token(Kind.CENTURY, 0, token.text)  # "17th c.", "s. XVII"
            elif token.text in _SILENT:
                continue  # "c. 1650"
        elif token.kind == Kind.TO and token.text == "-" and _is_hyphen(before, behind):
            continue
        settled.append(token)
        follows = tokens[n + 1].text if behind == Kind.UNKNOWN else ""
        if token.kind == Kind.ORDINAL and not has_century and follows not in _WEAK and _FRENCH.fullmatch(token.text):
            settled.append(Token(Kind.CENTURY))  # XVIIe
    return settled


def _is_hyphen(before: Kind | None, behind: Kind | None) -> bool:
    """Whether a dash joins words, as in 19th-century, mid-19th and mid-to-late, and is no range."""
    value_follows = behind in (Kind.ORDINAL, Kind.NUMBER, Kind.DECADE)
    return behind == Kind.CENTURY or (before in _PHASES and value_follows) or Kind.TO in (before, behind)


class _Entry(NamedTuple):
    kind: Kind
    number: int
    gaps: tuple[str, ...]  # what stands between its words: a dot, a space, or nothing


def _joins(gap: str, between: str) -> bool:
    """Whether words that stand in a date with this between them make up an entry with that gap."""
    if not gap or between.strip(" .-'"):
        return gap == between
    return bool(between) and (gap == " " or "." in between or "-" in between)


_WORDS_OF_THEIR_OWN = {"ne"}  # French for "born", not Polish "n.e."


def _entries() -> dict[tuple[str, ...], _Entry]:
    """Words of an entry -> the entry; those of one word are also found with their letters written together."""
    known: dict[tuple[str, ...], _Entry] = {}

    def add(text: str, kind: Kind, number: int = 0) -> None:
        found = list(_ATOM.finditer(text))
        words = [m[0] for m in found]
        gaps = tuple(text[a.end() : b.start()] for a, b in pairwise(found))
        known[tuple(words)] = _Entry(kind, number, gaps)
        if len(words) > 1 and set(gaps) == {"."} and "".join(words) not in _WORDS_OF_THEIR_OWN:
            known.setdefault(("".join(words),), _Entry(kind, number, ()))

    for kind, text in WORDS.items():
        for word in words_in(text):
            add(plain(word), kind)
    for number, text in enumerate(HALVES, 1):
        for word in words_in(text):
            add(word, Kind.HALF, number)
    for number, text in ORDINALS.items():
        for word in words_in(text):
            part = known.get((plain(word),))
            add(plain(word), part.kind if part and part.kind in _PARTS else Kind.ORDINAL, number)
    return known


_ENTRIES = _entries()
_CENTURY_WORDS = {words[0] for words, entry in _ENTRIES.items() if entry.kind == Kind.CENTURY and len(words) == 1}
_PART_WORDS = {words[0] for words, entry in _ENTRIES.items() if entry.kind in _PARTS and len(words) == 1}
