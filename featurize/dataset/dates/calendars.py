"""Days, months and years of other calendars -> years as everybody counts them, where this can be computed.

Eras of Japan since 1596 are known by the year that they began in; year n of an era is its first year + n - 1, as
catalogues write it. Months of the Islamic calendar follow the moon; the civil (tabular) calendar is within a day of the
observed one, so that a year of it lies in the two years that are given here (Reingold & Dershowitz, Calendrical
Calculations, ch. 7). A year of the French Republic began in September.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from featurize.dataset.dates.words import MONTHS, words_in

_ERAS = """
    keicho 慶長 1596|genna 元和 1615|kanei 寛永 1624|shoho 正保 1644|keian 慶安 1648|joo 承応 1652|meireki 明暦 1655
    manji 万治 1658|kanbun 寛文 1661|enpo 延宝 1673|tenna 天和 1681|jokyo 貞享 1684|genroku 元禄 1688|hoei 宝永 1704
    shotoku 正徳 1711|kyoho 享保 1716|genbun 元文 1736|kanpo 寛保 1741|enkyo 延享 1744|kanen 寛延 1748|horeki 宝暦 1751
    meiwa 明和 1764|anei 安永 1772|tenmei 天明 1781|kansei 寛政 1789|kyowa 享和 1801|bunka 文化 1804|bunsei 文政 1818
    tenpo 天保 1830|koka 弘化 1844|kaei 嘉永 1848|ansei 安政 1854|manen 万延 1860|bunkyu 文久 1861|genji 元治 1864
    keio 慶応 1865|meiji 明治 1868|taisho 大正 1912|showa 昭和 1926|heisei 平成 1989|reiwa 令和 2019"""
_NO_END = 2100  # of the era that goes on
_KANJI = {c: n for n, c in enumerate("〇一二三四五六七八九")}
_ISLAMIC_EPOCH = 1948439.5  # Julian day of 1 Muharram 1, 16 July 622
_FIRST_REPUBLICAN = 1792  # An I began on 22 September
_LAST_REPUBLICAN = 14
_ROMAN_YEAR = re.compile(r"(?<!\w)M{1,2}(?:CM|CD|D?C{0,4})(?:XC|XL|L?X{0,4})(?:IX|IV|V?I{0,4})(?!\w)")
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_SHORTEST_ROMAN_YEAR = 3


def _first_years() -> Mapping[str, tuple[int, int]]:
    """Name of an era -> its first and its last year."""
    eras = [entry.split() for entry in words_in(_ERAS)]
    begins = [int(era[-1]) for era in eras] + [_NO_END]
    return {name: (begins[n], begins[n + 1]) for n, era in enumerate(eras) for name in era[:2]}


_JAPANESE = _first_years()
_NUMBER = r"(?:\d{1,2}|元|[一二三四五六七八九十]{1,3})"
_IN_ERA = re.compile(
    rf"(?<![^\W\d_])({'|'.join(_JAPANESE)})[ -]?({_NUMBER})年?"
    rf"(?:\s?[-\u2013\u2014~〜]\s?({_NUMBER})年?)?(?![0-9a-z]|[./]\d)"
)
_MONTH = rf"(?:{'|'.join(sorted(words_in(MONTHS), key=len, reverse=True))})\b\.?"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th|er|e|o)?\.?"
_DAYS = rf"{_DAY}(?:\s*(?:-|\u2013|/|and|und|et|e|y|en|og)\s*{_DAY})?"
_YEAR_BEHIND = r"(?=\d{3,4}(?!\d)|\d{1,2}\s*(?:b\.?\s?c|a\.?\s?d|v\.|av\.))"
_OF = r"\s*(?:\bde\b|\bof\b|\bdel\b|\bdi\b|d'|,)?\s*"
_BEFORE_YEAR = re.compile(
    rf"(?<![\w.])(?:{_DAYS}{_OF})?(?<![^\W\d_]){_MONTH}(?:\s*{_DAYS}(?=\s|,))?{_OF}{_YEAR_BEHIND}"
    rf"|(?<![\w.]){_MONTH}\s*[-\u2013/]\s*(?=(?:{_DAY}\s*)?{_MONTH})"
)
_BEHIND_YEAR = re.compile(rf"(?<!\d)(\d{{4}}),?\s*{_MONTH}(?:\s*{_DAY})?(?!\w)")
_TIME = r"(?:[t ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:z|[ap]m|[+-]\d{2}:?\d{2})?)?"
_ISO = re.compile(rf"(?<![\d])\+?(\d{{4}})-(?:0\d|1[0-2])-(?:[0-2]\d|3[01]){_TIME}(?![\d-])")
_DAY_MONTH_YEAR = re.compile(
    r"(?<![\d./-])(\d{1,2})(?:\.\s?|[/-])(\d{1,2})(?:\.\s?|[/-])(\d{4})" + _TIME + r"(?![\d./-]*\d)"
)
_YEAR_MONTH_DAY = re.compile(r"(?<![\d./-])(\d{4})([./])(\d{1,2})\2(\d{1,2})(?![\d./-]*\d)")
_MONTH_YEAR = re.compile(r"(?<![\d./-])(?:0?[1-9]|1[0-2])[./](\d{4})(?![\d./-]*\d)")
_DAY_NAME_YEAR = re.compile(
    rf"(?<![\w.])(?:0?[1-9]|[12]\d|3[01])([./-])(?:{_MONTH}|i{{1,3}}|iv|vi{{0,3}}|ix|xi{{0,2}})\1(\d{{4}})(?![\d./-]*\d)"
)
_CJK = re.compile(r"(?<!\d)(\d{1,4})年(?:\d{1,2}月(?:\d{1,2}日)?)?")
_REPUBLIC = re.compile(r"(?<!\w)(?:l')?an ([ivx]+|\d{1,2})(?!\w)(?: de la republique)?")


def roman(word: str) -> int:
    """The number that a Roman numeral in small letters means; 0 for another word."""
    if not word or set(word) - set(_ROMAN):
        return 0
    values = [_ROMAN[c] for c in word]
    return sum(-v if v < following else v for v, following in zip(values, [*values[1:], 0], strict=True))


def with_roman_years(text: str) -> str:
    """A text with its years in Roman numerals, as MDCCLXXVI, in digits; capital letters alone are meant."""

    def digits(found: re.Match[str]) -> str:
        return str(roman(found[0].lower())) if len(found[0]) >= _SHORTEST_ROMAN_YEAR else found[0]

    return _ROMAN_YEAR.sub(digits, text)


def in_years(text: str) -> str:
    """A plain text with its days and months left out, and eras of Japan and the French Republic as years."""
    text = _IN_ERA.sub(_japanese, text)
    text = _REPUBLIC.sub(_republican, text)
    text = _ISO.sub(r"\1", text)
    text = _YEAR_MONTH_DAY.sub(lambda m: m[1] if _is_day(m[3], m[4]) else m[0], text)
    text = _DAY_MONTH_YEAR.sub(lambda m: m[3] if _is_day(m[1], m[2]) else m[0], text)
    text = _DAY_NAME_YEAR.sub(r"\2", text)
    text = _MONTH_YEAR.sub(r"\1", text)
    text = _CJK.sub(r"\1 ", text)
    text = _BEHIND_YEAR.sub(r"\1", text)
    return _BEFORE_YEAR.sub("", text)


def islamic(year: int) -> tuple[int, int]:
    """The first and the last year that a year of the Islamic calendar lies in."""

    def begins(hijri: int) -> int:
        day = 354 * (hijri - 1) + (3 + 11 * hijri) // 30 + _ISLAMIC_EPOCH
        return int((day - 1721425.5) / 365.2425) + 1  # Julian day of 1 January of the year 1 (Gregorian)

    return begins(year), begins(year + 1)


def _is_day(one: str, other: str) -> bool:
    """Whether two numbers are a day and a month, in whichever order."""
    low, high = sorted((int(one), int(other)))
    return 1 <= low <= 12 and high <= 31


def _japanese(found: re.Match[str]) -> str:
    first, last = _JAPANESE[found[1]]
    years = [first + _kanji_number(number) - 1 for number in found.groups()[1:] if number]
    if not all(first <= year <= last for year in years):
        return found[0]
    return "-".join(map(str, years)) + " "


def _kanji_number(number: str) -> int:
    if number.isascii():
        return int(number)
    if number == "元":
        return 1
    tens, ten, ones = number.rpartition("十")
    return (10 * _KANJI.get(tens, 1) if ten else 0) + _KANJI.get(ones, 0)


def _republican(found: re.Match[str]) -> str:
    year = int(found[1]) if found[1].isdecimal() else roman(found[1])
    if not 1 <= year <= _LAST_REPUBLICAN:
        return found[0]
    begins = _FIRST_REPUBLICAN + year - 1
    return f"{begins}\u2013{begins + 1} "
