"""Years out of dates as catalogues write them, in many languages and calendars: the right year or none.

A date is cut into statements ("Edo period (1615-1868), 1830s"). Each of them has to be understood word by word, or to
hold no number at all; a word that is not known beside a number makes the whole date one that is not read. So a date
may be left without a year, but gets no wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from featurize.dataset.dates.calendars import in_years, with_roman_years
from featurize.dataset.dates.grammar import FAR_AHEAD, LATEST, LONG_AGO, Span, spans_of
from featurize.dataset.dates.tokens import Token, plain, tokens_of
from featurize.dataset.dates.words import MADE_LATER, OTHER_CALENDARS, OTHER_OBJECTS, UNDATED, Kind, words_in

WIDEST = 100  # years from the first to the last of a span that one year can stand for
_YEAR = re.compile(r"(-?[0-9]{3,4})(?:[.,]0+)?")
_WORD = re.compile(r"\w+")
_STATEMENTS = re.compile(r"[;,()\[\]{}<>|\n:=]+")
_LIBRARY = re.compile(r"(?<![\w.])(\d{2})(?:--|\?\?|xx|uu|\.\.)(?!\w)")  # 18-- and 18xx are centuries
_LIBRARY_DECADE = re.compile(r"(?<![\w.])(\d{3})[xu](?!\w)")
_DYNASTY = re.compile(
    r"(?<!\w)(?:dynast(?:y|ie)|dinast[iy]a|dinastia) (?:\d{1,2}|[ivx]+)(?:\s?[-\u2013]\s?(?:\d{1,2}|[ivx]+))?(?!\w)"
    r"|(?<!\w)(?:\d{1,2}(?:st|nd|rd|th|e|\.)|[ivx]+e?) (?:dynast(?:y|ie)|dinast[iy]a)(?!\w)"
    r"|(?<!\w)(?:no|nr|n|num|\u2116)[.°]+\s?\d+(?![\d-])"
)
_DOUBT = re.compile(r"[(\[]\s*(?:\?|ca?\.?|circa|sic|!)\s*[)\]]")
_COMPARED = re.compile(r"([<>\u2264\u2265])=?\s*(?=\d)(?![^<>]*>)")  # >1642, but no brackets as in <1642>
_MADE_LATER = re.compile(rf"\s*[/\u2010-\u2015-]\s*(?=(?:{'|'.join(words_in(MADE_LATER))})\b)")
_CODEX = re.compile(r"(?<!\w)(s\.|saec\.) ?([ivx]+) (in|med|ex)\.?(?!\w)")  # ineunte, medio, exeunte
_PHASES = {"in": "early", "med": "mid", "ex": "late"}
_OTHER_DIGITS = re.compile(r"[\u0660-\u0669\u06f0-\u06f9]")
_LATEST_HIJRI = 1500
_DIED = re.compile(r"(?:^|(?<=[;,(\[]))\s*d\.\s*(?=\d{3,4}(?!\d))")
_BEHIND_BRACKET = re.compile(r"(?<=[)\]])-")  # no minus
_MODIFIERS = {Kind.EARLY, Kind.MIDDLE, Kind.LATE, Kind.HALF, Kind.THIRD, Kind.QUARTER, Kind.LAST, Kind.BCE, Kind.CE,
              Kind.LATER, Kind.OR, Kind.BEFORE, Kind.AFTER}  # fmt: skip


@dataclass(frozen=True)
class Dated:
    """What a date says.

    Parameters
    ----------
    first, last : int
        The years that it allows; years before Christ are negative. A date that is open to one side has
        `LONG_AGO` or `FAR_AHEAD` there.
    year : int, optional
        The year that stands for it: the one in the middle, of two the earlier. None where more than a hundred years
        or the turn of the era lie between first and last.
    """

    first: int
    last: int
    year: int | None


@lru_cache(maxsize=200_000)
def read_date(text: str) -> Dated | None:
    """What a date says; None where it can't be read with certainty.

    Examples
    --------
    >>> [read_date(d).year for d in ("1889.0", "c. 1912", "1500/10", "2. Hälfte 19. Jh.", "c. 1353–1336 BCE")]
    [1889, 1912, 1500, 1874, -1345]
    >>> read_date("Saka 1700"), read_date("12.5.90")
    (None, None)
    """
    simple = _YEAR.fullmatch(text.strip())
    if simple:
        year = int(simple[1])
        return Dated(year, year, year) if year and year <= LATEST else None
    spans: list[Span] = []
    for tokens in _statements(in_years(_in_words(plain(with_roman_years(text))))):
        found = spans_of(tokens)
        if found is None:
            return None
        spans += found
    span = _agreed(spans) if spans else None
    if span and span.era is None and 0 < span.last < _LATEST_HIJRI and _OTHER_DIGITS.search(text):
        return None  # perhaps a year of an Islamic calendar
    return _dated(span) if span and span.first <= LATEST else None


def says_no_date(text: str) -> bool:
    """Whether a cell says that there is no date, as "n.d." or "o. J."; also one without a letter or digit."""
    words = re.sub(r"[\s/.\-_\[\]()]+", "", plain(text))
    return words in _UNDATED or not re.search(r"\w", words)


def _in_words(text: str) -> str:
    """A plain text with the signs for before and after as words, and the year of somebody's death named as one."""
    text = _CODEX.sub(lambda m: f"{_PHASES[m[3]]} {m[1]} {m[2]}", _MADE_LATER.sub("; ", text))
    text = _COMPARED.sub(lambda m: " before " if m[1] in "<\u2264" else " after ", text)
    return _DIED.sub("died ", text)


def _statements(text: str) -> list[list[Token]]:
    """The statements of a date as tokens, without those that hold no number and no word of time."""
    text = _BEHIND_BRACKET.sub("\u2013", _DOUBT.sub(" ", text))
    text = _LIBRARY_DECADE.sub(r"\g<1>0s", _LIBRARY.sub(r"\g<1>00s", text))
    text = _DYNASTY.sub("", text)
    found: list[list[Token]] = []
    waiting: list[Token] = []  # "prima metà, XVII secolo"
    for statement in _STATEMENTS.split(text):
        tokens = tokens_of(statement)
        kinds, numbered = {token.kind for token in tokens}, any(c.isdecimal() for c in statement)
        joined = bool(found and tokens and _JOINING & {found[-1][-1].kind, tokens[0].kind})
        if joined and (numbered or kinds <= _JOINING):
            found[-1] += tokens  # [1889]-1900
        elif kinds & _MODIFIERS and _says_no_time(tokens):
            if found:
                found[-1] += tokens
            else:
                waiting += tokens
        elif numbered or (tokens and Kind.UNKNOWN not in kinds):
            found.append(waiting + tokens)
            waiting = []
        elif any(f" {word} " in f" {' '.join(_WORD.findall(statement))} " for word in _SPOILING):
            found.append([Token(Kind.UNKNOWN)])
    return [*found, waiting] if waiting else found


def _says_no_time(tokens: Sequence[Token]) -> bool:
    """Whether a statement only adds to another one, as "second half" does."""
    following = [*(token.kind for token in tokens[1:]), None]
    return all(
        token.kind in _MODIFIERS or (token.kind == Kind.ORDINAL and behind in _PARTS)
        for token, behind in zip(tokens, following, strict=True)
    )


def _agreed(spans: Sequence[Span]) -> Span | None:
    """The one span that all statements allow: the narrowest, if it lies in all others."""
    if any(span.era == Kind.CE for span in spans):
        spans = [span for span in spans if span.era != Kind.HIJRI]  # both calendars are said: no need to compute
    spans = _closed(spans)
    in_order = sorted(set(spans), key=lambda span: (span.last - span.first, span.first, span.year or 0))
    if all(in_order[0] in span for span in in_order[1:]):
        return in_order[0]
    in_order.sort(key=lambda span: span.first)
    if any(b.first != a.last + 1 for a, b in pairwise(in_order)):
        return None
    return Span(in_order[0].first, in_order[-1].last)  # "1889, 1890"


def _closed(spans: Sequence[Span]) -> Sequence[Span]:
    """Spans, where one that is open ahead and one that is open behind make up one that is not."""
    after = [span for span in spans if span.last == FAR_AHEAD and span.first != LONG_AGO]
    before = [span for span in spans if span.first == LONG_AGO and span.last != FAR_AHEAD]
    if len(after) == len(before) == 1 and after[0].first <= before[0].last:
        rest = [span for span in spans if span not in (after[0], before[0])]
        return [*rest, Span(after[0].first, before[0].last)]
    return spans


def _dated(span: Span) -> Dated:
    wide = span.last - span.first > WIDEST or span.first < 0 < span.last
    return Dated(span.first, span.last, None if wide else span.year or (span.first + span.last) // 2)


_JOINING = {Kind.TO, Kind.SLASH}  # at the edge of a statement they belong to the next one, too
_PARTS = (Kind.HALF, Kind.THIRD, Kind.QUARTER)
_UNDATED = {re.sub(r"[\s/.]+", "", word) for word in words_in(UNDATED)}
_SPOILING = {word for text in (OTHER_CALENDARS, OTHER_OBJECTS) for word in words_in(text)}

__all__ = ["FAR_AHEAD", "LONG_AGO", "WIDEST", "Dated", "read_date", "says_no_date"]
