"""Tokens of a statement -> the years that it allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from featurize.dataset.dates.calendars import islamic
from featurize.dataset.dates.tokens import Token
from featurize.dataset.dates.words import Kind

LATEST = 2100
LONG_AGO, FAR_AHEAD = -1_000_000, 1_000_000  # the ends of a span that is open
_LAST_CENTURY = 21
_FEWEST_DIGITS = 3  # of a year that says no era
_MONTHS = range(1, 13)
_PARTS = {Kind.HALF: 2, Kind.THIRD: 3, Kind.QUARTER: 4}
_PHASES = {Kind.EARLY: 1, Kind.MIDDLE: 2, Kind.LATE: 3}  # thirds
_ERAS = (Kind.BCE, Kind.CE, Kind.HIJRI)
_ALTERNATIVES = (Kind.AND, Kind.OR)


@dataclass(frozen=True)
class Span:
    """The years that a statement allows, both ends included; years before Christ are negative, and none is 0.

    Parameters
    ----------
    first, last : int
    year : int, optional
        The year that stands for the span, where it isn't the one in its middle.
    era : Kind, optional
        The era that was said.
    """

    first: int
    last: int
    year: int | None = None
    era: Kind | None = None

    def __contains__(self, other: Span) -> bool:
        return self.first <= other.first and other.last <= self.last


ANY = Span(LONG_AGO, FAR_AHEAD)


def spans_of(tokens: Sequence[Token]) -> list[Span] | None:
    """The spans of a statement, of which one alone or all in a row hold; None where it is not understood.

    Several calendars side by side, as in "1028 AH/AD 1618", are statements of their own.
    """
    kinds = [token.kind for token in tokens]
    if Kind.LATER in kinds:
        rest = [t for t in tokens if t.kind not in (Kind.LATER, *_ALTERNATIVES, Kind.FROM)]
        return [ANY] if rest and _span(rest) else None
    if Kind.HIJRI in kinds and kinds.count(Kind.SLASH) == 1:
        cut = kinds.index(Kind.SLASH)
        sides = [spans_of(tokens[:cut]), spans_of(tokens[cut + 1 :])]
        return None if None in sides else [span for side in sides if side for span in side]
    if kinds and kinds[0] in _ALTERNATIVES:
        return None if tokens[0].text == "e" else spans_of(tokens[1:])  # "en 1650", but "E. 19. Jh." is its end
    for kind in () if Kind.BEFORE in kinds or Kind.AFTER in kinds else _ALTERNATIVES:
        if kinds.count(kind) == 1 and Kind.BETWEEN not in kinds:
            cut = kinds.index(kind)
            ends = _ends(tokens[:cut], tokens[cut + 1 :])
            each = [_resolved(end) for end in ends] if ends else [None]
            return None if None in each else [span for span in each if span]
    span = _span(list(tokens))
    return None if span is None else [span]


def _span(tokens: list[Token]) -> Span | None:
    """The years between what a statement says they are, before, after or in."""
    kinds = {token.kind for token in tokens}
    if Kind.BEFORE in kinds or Kind.AFTER in kinds:
        return _bounded(tokens)
    if Kind.BETWEEN in kinds:
        tokens = [Token(Kind.TO) if t.kind == Kind.AND else t for t in tokens if t.kind != Kind.BETWEEN]
        return _range(tokens) if any(t.kind == Kind.TO for t in tokens) else None
    if Kind.FROM in kinds:
        tokens = [t for t in tokens if t.kind != Kind.FROM]
        return _range(tokens) if any(t.kind == Kind.TO for t in tokens) else ANY if _range(tokens) else None
    return _range(tokens)


def _bounded(tokens: Sequence[Token]) -> Span | None:
    """What lies before or after a time, or after one and before another."""
    bounds: dict[Kind, list[Token]] = {}
    for token in tokens:
        if token.kind in (Kind.BEFORE, Kind.AFTER):
            if token.kind in bounds:
                return None
            bounds[token.kind] = []
        elif not bounds:
            if token.kind not in _ALTERNATIVES:  # "in or after 1650"
                return None
        elif token.kind not in (*_ALTERNATIVES, Kind.SLASH) and not (token.kind == Kind.TO and token.text):
            bounds[next(reversed(bounds))].append(token)
    spans = {kind: _range(some) for kind, some in bounds.items()}
    earliest, latest = spans.get(Kind.AFTER), spans.get(Kind.BEFORE)
    if None in spans.values():
        return None
    if earliest and latest:
        return Span(earliest.first, latest.last) if earliest.first <= latest.last else None
    return Span(earliest.first, FAR_AHEAD) if earliest else Span(LONG_AGO, latest.last) if latest else None


@dataclass(frozen=True)
class _End:
    """One end of a range, or all of a statement that is none."""

    value: Token | None = None
    century: bool = False
    years: bool = False
    part: tuple[int, int] | None = None  # the second of four quarters is 2, 4
    era: Kind | None = None


def _range(tokens: Sequence[Token]) -> Span | None:
    connectors = [n for n, token in enumerate(tokens) if token.kind in (Kind.TO, Kind.SLASH)]
    if not connectors:
        end = _end(tokens)
        return _resolved(end) if end else None
    if len(connectors) > 1:
        return None
    cut = connectors[0]
    if cut in (0, len(tokens) - 1):
        rest = [*tokens[:cut], *tokens[cut + 1 :]]
        return ANY if rest and _range(rest) else None  # "1650-", "bis 1650"
    ends = _ends(tokens[:cut], tokens[cut + 1 :])
    if not ends:
        return None
    left, right = ends[0], _in_full(*ends)
    if _is_year(left) and _is_year(right):
        return _years(left, right, tokens[cut].text in ("-", "/") or tokens[cut].kind == Kind.SLASH)
    first, last = _resolved(left), _resolved(right)
    if first is None or last is None or first.first > last.last:
        return None
    return Span(first.first, last.last, era=right.era)


def _ends(left: Sequence[Token], right: Sequence[Token]) -> tuple[_End, _End] | None:
    """Both ends of a range; what one of them leaves out is taken from the other."""
    one, other = _end(left), _end(right)
    if one is None or other is None:
        return None
    if one.value is None and other.value is not None:
        one = replace(one, value=other.value, century=other.century, years=other.years)
    elif other.value is None and one.value is not None and one.value.kind == Kind.ORDINAL:
        return None
    if one.value and one.value.kind == Kind.ORDINAL and not one.century and other.century:
        if other.part and not one.part and one.value.number <= other.part[1]:  # 3.-4. Viertel 19. Jh.
            one = replace(one, value=other.value, part=(one.value.number, other.part[1]))
        one = replace(one, century=True)
    elif other.value and other.value.kind == Kind.ORDINAL and one.century:
        other = replace(other, century=True)  # s. XVI-XVII
    if one.era is None:
        one = replace(one, era=other.era)
    elif other.era is None:
        if one.era == Kind.BCE:
            return None  # "300 BCE - 200"
        other = replace(other, era=one.era)
    return one, other


def _end(tokens: Sequence[Token]) -> _End | None:
    end = _End()
    for n, token in enumerate(tokens):
        before = tokens[n - 1] if n else None
        behind = tokens[n + 1].kind if n + 1 < len(tokens) else None
        if token.kind in _PARTS:
            which = before.number if before and before.kind in (Kind.ORDINAL, Kind.NUMBER) else 0
            which = token.number if token.kind == Kind.HALF and token.number else which  # 後半
            of = _PARTS[token.kind]
            which = of if before and before.kind == Kind.LAST else which
            if end.part or which > of:
                return None
            if not which and (token.kind != Kind.HALF or token.text == "h"):
                return None
            end = replace(end, part=(which, of) if which else (2, 3))  # "metà XVII secolo" is its middle
        elif token.kind in _PHASES and end.part is None:
            end = replace(end, part=(_PHASES[token.kind], 3))
        elif token.kind in (Kind.ORDINAL, Kind.NUMBER, Kind.DECADE):
            if behind in _PARTS and token.kind != Kind.DECADE:
                continue
            if end.value:
                return None
            end = replace(end, value=token)
        elif token.kind == Kind.LAST and behind in _PARTS:
            continue
        elif token.kind == Kind.CENTURY and not end.century:
            end = replace(end, century=True)
        elif token.kind == Kind.YEARS:
            end = replace(end, years=True)
        elif token.kind in _ERAS and end.era in (None, token.kind):
            end = replace(end, era=token.kind)
        else:
            return None
    return None if end.value and end.value.cut and end.era is None else end


def _in_full(left: _End, right: _End) -> _End:
    """The second of two decades with the digits that it shares with the first, as in 1640s-50s."""
    if not left.value or not right.value or right.value.kind != Kind.DECADE or right.value.number >= 100:
        return right
    if left.value.number < 1000:
        return right
    return replace(right, value=right.value._replace(number=left.value.number // 100 * 100 + right.value.number))


def _is_year(end: _End) -> bool:
    return bool(end.value and end.value.kind == Kind.NUMBER and not end.century and not end.years)


def _resolved(end: _End) -> Span | None:
    """The years of one end."""
    base = _base(end)
    if base is None or end.part is None or base.last == base.first:
        return base
    which, of = end.part
    length = base.last - base.first + 1
    return replace(base, first=base.first + length * (which - 1) // of, last=base.first + length * which // of - 1)


def _base(end: _End) -> Span | None:
    if end.value is None:
        return None
    number = end.value.number
    if end.century:
        return _century(number, end.era) if 0 < number <= _LAST_CENTURY and end.value.kind != Kind.DECADE else None
    if end.value.kind == Kind.ORDINAL:
        return None
    if end.value.kind == Kind.DECADE or end.years:
        if not (100 <= number <= LATEST and number % 10 == 0) or end.era not in (None, Kind.CE):
            return None
        return Span(number, number + (99 if number % 100 == 0 else 9), era=end.era)  # "1600s" can be the century
    year = _year(end.value, end.era)
    if year is None:
        return None
    if end.era == Kind.HIJRI:
        return Span(*islamic(year), era=end.era)
    return Span(year, year, era=end.era)


def _century(number: int, era: Kind | None) -> Span | None:
    """A century as people count: the 19th has the years 1800 to 1899, the 4th before Christ 400 to 301."""
    if era == Kind.HIJRI:
        return None
    if era == Kind.BCE:
        return Span(-100 * number, -100 * (number - 1) - 1, era=era)
    return Span(max(1, 100 * (number - 1)), 100 * number - 1, era=era)


def _year(token: Token, era: Kind | None) -> int | None:
    number = token.number
    if era == Kind.BCE:
        return -number if 0 < number < -LONG_AGO else None
    if number < 0:
        return number if era is None else None
    if not 0 < number <= LATEST or (era is None and len(token.text) < _FEWEST_DIGITS):
        return None
    return number


def _years(left: _End, right: _End, short: bool) -> Span | None:
    """From one year to another, which may be written without the digits that it shares with the first."""
    assert left.value is not None
    assert right.value is not None
    first = _year(left.value, left.era)
    digits = right.value.text
    shortened = len(digits) < len(left.value.text) and left.value.number > 0 and right.value.number >= 0
    if shortened and right.era != Kind.BCE and right.era == left.era:
        return _abbreviated(left, digits, short)
    last = _year(right.value, right.era)
    if first is None or last is None:
        return None
    if Kind.BCE in (left.era, right.era) and shortened and left.era == right.era:
        full = int(left.value.text[: -len(digits)] + digits)
        if full < left.value.number:
            return None  # "332-30 BCE" may end in 30 or in 330
    if Kind.HIJRI in (left.era, right.era):
        return Span(islamic(first)[0], islamic(last)[1], era=right.era) if first <= last else None
    return Span(first, last, era=right.era) if first <= last else None


def _abbreviated(left: _End, digits: str, short: bool) -> Span | None:
    """ "1889-90", "1500/10", and what may be a month: "1903-05" and "1898-02"."""
    assert left.value is not None
    first = _year(left.value, left.era)
    if first is None:
        return None
    last = int(left.value.text[: -len(digits)] + digits)
    month = len(digits) == 2 and int(digits) in _MONTHS and short
    if left.era == Kind.HIJRI:
        return Span(islamic(first)[0], islamic(last)[1], era=left.era) if last > first else None
    if last <= first:
        if month:
            return Span(first, first, era=left.era)
        return Span(first, first + 1, era=left.era) if int(digits) == (first + 1) % 10 ** len(digits) else None
    return Span(first, last, year=first if month else None, era=left.era)
