"""A date says the right year or none: eras, calendars, ranges, centuries in words, in the languages of museums."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.dataset.choosing.selection import Selection
from featurize.dataset.dates import FAR_AHEAD, LONG_AGO, WIDEST, read_date, says_no_date
from featurize.dataset.dates.calendars import islamic
from featurize.dataset.dates.words import MONTHS, ORDINALS, WORDS, words_in
from featurize.dataset.labels import settle
from featurize.dataset.periods import period_length, period_of, periods_of, year_number
from featurize.dataset.prepare import prepare
from featurize.errors import SourceError
from tests.featurize.miniatures import jpeg, put

ONE_YEAR = {
    1889: """1889|1889.0|1889,0|c.1889|c. 1889|ca. 1889|circa1889|c1889|©1889|1889?|1889 (?)|[1889]|1889~|~1889
        um 1889
        vers 1889|hacia 1889|verso il 1889|intorno al 1889|rond 1889|omstreeks 1889|omkring 1889|around 1889
        около 1889
        possibly 1889|wohl 1889|dated 1889|signed and dated 1889|bez. u. dat. 1889|im Jahr 1889|Anno 1889|1889 г.
        1889年
        1889年頃|AD 1889|A.D. 1889|1889 CE|1889 n. Chr.|1889-05-12|+1889-05-12T00:00:00Z|1889-05-12 00:00:00|1889/05/12
        1889.05.12|12.05.1889|12. 5. 1889|05/12/1889|12-05-1889|May 1889|12 May 1889|May 12, 1889|May 12th, 1889
        12–14 May 1889|May–June 1889|12. Mai 1889|12 mai 1889|1er mai 1889|12 de mayo de 1889|12 maggio 1889|mei 1889
        1889, May 12|Spring 1889|Frühjahr 1889|late 1889|Ende 1889|05/1889|MDCCCLXXXIX|Arles, 1889|1889 (Arles)
        Meiji 22|Meiji 22 (1889)|明治22年|明治二十二年|Third Republic, 1889|19th century, 1889|1889 (19. Jh.)
        Meiji era (1868–1912), 1889|n.d. (ca. 1889)|no. 312, 1889|1889; 1889|Dec. 1889|12.05.1889 00:00:00
        5/12/1889 12:00:00 AM|12-MAY-1889|12.XII.1889|١٨٨٩|1889 n.e.|cast 1889""",
    1776: "MDCCLXXVI|1776 (MDCCLXXVI)|July 4, 1776|4 juillet 1776",
    1930: "Showa 5|昭和5年|昭和五年",
    1834: "Tenpo 5|Tenpō 5|天保5年|天保五年頃",
    1624: "寛永元年",
    850: "850|c. 850|AD 850",
    79: "AD 79|79 AD|79 n. Chr.|79 ap. J.-C.|79 d.C.|79 CE|79 н. э.|0079",
    -300: """300 BCE|300 BC|300 b.c.|300 B.C.E.|c. 300 BC|-300|−300|c. -300|-0300|300 v. Chr.|300 v.Chr.
        300 vor Christus
        300 v. u. Z.|300 av. J.-C.|300 av. J.C.|300 avant J.-C.|300 avant notre ère|300 a.C.|300 a. C.|300 a. de C.
        300 antes de Cristo|300 avanti Cristo|300 f.Kr.|300 f. Kr.|300 f.v.t.|300 v.C.|300 v. C.|300 voor Christus
        300 p.n.e.|300 př. n. l.|300 př. Kr.|300 до н. э.|300 до н.э.|300 π.Χ.|紀元前300年|前300年|公元前300年
        300 (BCE)""",
    -44: "-0044-03-15|44 BC|15 March 44 BC|-44",
    -12000: "12000 BCE",
}  # fmt: skip

SPANS = {
    # date: first, last, year
    "'500": (1500, 1599, 1549),  # Italian: the years from 1500
    "fine dell'800": (1866, 1899, 1882),
    "primi del ’900": (1900, 1932, 1916),
    "metà ‘600": (1633, 1665, 1649),
    "I metà XVII sec.": (1600, 1649, 1624),
    "II metà XVII sec.": (1650, 1699, 1674),
    "I. Hälfte 17. Jh.": (1600, 1649, 1624),
    "Anf. 20. Jh.": (1900, 1932, 1916),
    "250? BC": (-250, -250, -250),
    # brackets around one end of a range
    "[1889]-1900": (1889, 1900, 1894),
    "1889-[1900]": (1889, 1900, 1894),
    "[1889?] – [1900]": (1889, 1900, 1894),
    "(ca. 1889)-1900": (1889, 1900, 1894),
    "[1889-]1900": (1889, 1900, 1894),
    "[1889] to 1900": (1889, 1900, 1894),
    "1888-[95] (signed)": (1888, 1895, 1891),
    "[1889]/1890": (1889, 1890, 1889),
    "1503-1506": (1503, 1506, 1504),
    "1503–1506": (1503, 1506, 1504),
    "1503 - 1506": (1503, 1506, 1504),
    "1889-90": (1889, 1890, 1889),
    "1889/90": (1889, 1890, 1889),
    "1850-5": (1850, 1855, 1852),
    "winter 1889–90": (1889, 1890, 1889),
    "ca. 1650–55": (1650, 1655, 1652),
    "ca. 1640–ca. 1650": (1640, 1650, 1645),
    "1640(?)-1650": (1640, 1650, 1645),
    "um 1500/10": (1500, 1510, 1500),  # or October
    "1903-05": (1903, 1905, 1903),  # or May
    "1898-02": (1898, 1898, 1898),
    "1899/00": (1899, 1900, 1899),
    "1899-1901": (1899, 1901, 1900),
    "1600–1700": (1600, 1700, 1650),
    "between 1600 and 1650": (1600, 1650, 1625),
    "zwischen 1600 und 1650": (1600, 1650, 1625),
    "tussen 1600 en 1650": (1600, 1650, 1625),
    "entre 1600 et 1650": (1600, 1650, 1625),
    "tra il 1600 e il 1650": (1600, 1650, 1625),
    "de 1600 à 1650": (1600, 1650, 1625),
    "dal 1600 al 1650": (1600, 1650, 1625),
    "von 1600 bis 1650": (1600, 1650, 1625),
    "from 1600 to 1650": (1600, 1650, 1625),
    "after 1600, before 1610": (1600, 1610, 1605),
    "post 1600 ante 1610": (1600, 1610, 1605),
    "1889 and 1890": (1889, 1890, 1889),
    "1889, 1890": (1889, 1890, 1889),
    "Dec 1889–Jan 1890": (1889, 1890, 1889),
    "c. 1353–1336 BCE": (-1353, -1336, -1345),
    "New Kingdom, Dynasty 18, reign of Akhenaten, ca. 1353–1336 B.C.": (-1353, -1336, -1345),
    "-1353/-1336": (-1353, -1336, -1345),
    "-1353--1336": (-1353, -1336, -1345),
    "-300 to -250": (-300, -250, -275),
    "1650 BC–1600 BC": (-1650, -1600, -1625),
    "300–250 av. J.-C.": (-300, -250, -275),
    "100–50 BCE": (-100, -50, -75),
    "50–100 AD": (50, 100, 75),
    "1028 AH/AD 1618-1619 (Qajar)": (1618, 1619, 1618),
    "dated A.H. 1028/ A.D. 1618–19": (1618, 1619, 1618),
    "1028 AH/AD 1617": (1617, 1617, 1617),
    "AH 1265 (AD 1848-49)": (1848, 1849, 1848),
    "A.H. 1265–66/A.D. 1848–50": (1848, 1850, 1849),
    "signed 1889/dated 1890": (1889, 1890, 1889),
    "s. XV in.": (1400, 1432, 1416),  # ineunte, and exeunte: the beginning and the end
    "saec. XV ex.": (1466, 1499, 1482),
    "AH 1265": (1848, 1849, 1848),
    "١٢٦٥ هـ": (1848, 1849, 1848),
    "An VII": (1798, 1799, 1798),
    "an II (1793-1794)": (1793, 1794, 1793),
    "Meiji 20-30": (1887, 1897, 1892),
    "Edo period (1615–1868), 1830s": (1830, 1839, 1834),
    "Ming dynasty (1368–1644), Wanli period (1573–1620)": (1573, 1620, 1596),
    "1640s": (1640, 1649, 1644),
    "1640's": (1640, 1649, 1644),
    "early 1640s": (1640, 1642, 1641),
    "1640s–50s": (1640, 1659, 1649),
    "1830er-40er Jahre": (1830, 1849, 1839),
    "1640er Jahre": (1640, 1649, 1644),
    "années 1640": (1640, 1649, 1644),
    "anni 1640": (1640, 1649, 1644),
    "jaren 1640": (1640, 1649, 1644),
    "década de 1640": (1640, 1649, 1644),
    "1640-talet": (1640, 1649, 1644),
    "1640-е годы": (1640, 1649, 1644),
    "164x": (1640, 1649, 1644),
    "1600s": (1600, 1699, 1649),  # the century, perhaps the decade
    "16--": (1600, 1699, 1649),
    "16xx": (1600, 1699, 1649),
    "16??": (1600, 1699, 1649),
    "Late 18th–early 19th century": (1766, 1832, 1799),
    "Ende 17./Anfang 18. Jahrhundert": (1666, 1732, 1699),
    "fin XVIIIe - début XIXe siècle": (1766, 1832, 1799),
    "3.-4. Viertel 19. Jh.": (1850, 1899, 1874),
    "mid-to-late 19th century": (1833, 1899, 1866),
    "17th century, 1650s": (1650, 1659, 1654),
    "4th century BCE": (-400, -301, -351),
    "4. Jh. v. Chr.": (-400, -301, -351),
    "IVe siècle av. J.-C.": (-400, -301, -351),
    "s. IV a. C.": (-400, -301, -351),
    "紀元前4世紀": (-400, -301, -351),
    "4th quarter of the 6th century BCE": (-525, -501, -513),
    "1st century BC": (-100, -1, -51),
    "I secolo a.C.": (-100, -1, -51),
    "1st century AD": (1, 99, 50),
    "Ier siècle": (1, 99, 50),
}  # fmt: skip

CENTURIES = {
    (1500, 1599): """16th century|16th c.|16th cent.|sixteenth century|16th-century|C16th|16. Jahrhundert|16. Jh.
        16.Jh.
        16. Jhdt.|XVI. Jh.|XVIe siècle|XVIème siècle|XVIe s.|XVIe|16e siècle|XVI secolo|sec. XVI|XVI sec.|siglo XVI
        s. XVI
        S. XVI|16e eeuw|16de eeuw|século XVI|séc. XVI|segle XVI|16. århundrede|1500-tallet|1500-talet|XVI w.|XVI wiek
        16. století|16. stol.|XVI век|XVI в.|16世紀|16世纪|16세기|Cinquecento|16th century (?)|probably 16th century""",
    (1566, 1599): """late 16th century|late-16th century|end of the 16th century|Ende 16. Jh.|Ende des 16. Jahrhunderts
        spätes 16. Jahrhundert|fin du XVIe siècle|fin XVIe s.|fine XVI secolo|fine del sec. XVI|finales del siglo XVI
        einde 16e eeuw|laat 16e eeuw|slutet av 1500-talet|konec 16. stol.|koniec XVI w.|конец XVI века
        last third 16th c.
        letztes Drittel 16. Jh.|dernier tiers du XVIe siècle|último tercio del siglo XVI|16世紀末""",
    (1500, 1532): """early 16th century|Anfang 16. Jh.|frühes 16. Jahrhundert|début du XVIe siècle|début XVIe
        inizi XVI secolo
        inizio del XVI secolo|principios del siglo XVI|begin 16e eeuw|begyndelsen af 1500-tallet|начало XVI века""",
    (1533, 1565): """mid-16th century|mid 16th century|middle of the 16th century|Mitte 16. Jh.
        um die Mitte des 16. Jahrhunderts
        milieu du XVIe siècle|metà XVI secolo|metà del sec. XVI|mediados del siglo XVI|midden 16e eeuw
        середина XVI века""",
    (1500, 1549): """first half of the 16th century|1st half 16th c.|1. Hälfte 16. Jh.|1. H. 16. Jh.
        erste Hälfte 16. Jahrhundert
        16. Jh., 1. Hälfte|1re moitié du XVIe siècle|première moitié du XVIe s.|XVIe siècle (1re moitié)
        prima metà XVI secolo
        prima metà del sec. XVI|XVI secolo, prima metà|prima metà, XVI secolo|1ª metà XVI sec.
        primera mitad del siglo XVI
        1.ª mitad s. XVI|eerste helft 16e eeuw|1e helft 16e eeuw|1. pol. 16. stol.|первая половина XVI века
        16世紀前半""",
    (1575, 1599): """last quarter 16th century|4th quarter of the 16th century|letztes Viertel 16. Jh.
        4. Viertel 16. Jh.
        4e quart du XVIe siècle|dernier quart XVIe s.|ultimo quarto del XVI secolo|último cuarto del siglo XVI
        vierde kwart 16e eeuw|sista fjärdedelen av 1500-talet""",
    (1550, 1574): "third quarter 16th century|terzo quarto del XVI secolo|3. Viertel 16. Jh.|3e quart du 16e siècle",
}  # fmt: skip

NO_SINGLE_YEAR = """after 1600|(after) 1600|nach 1600|après 1600|dopo il 1600|na 1600|post 1600|before 1700|vor 1700
    avant 1700
    ante 1700|voor 1700|not later than 1700|spätestens 1700|1650 or later|1650 oder später|1650 of later
    in or after 1650
    nicht vor 1650|not before 1650|ab 1650|seit 1650|from 1650 on|1650 ff.|1650-|–1650|bis 1650|until 1650
    terminus ante quem 1650|terminus post 1650|kurz nach 1650|>1642|< 1642|≥1642|<=1642|≤ 1642
    1644–1911|1028/1618|16th–17th century|17.-18. Jh.|17th and 18th century|18th or 19th century|XVe-XVIe siècle
    27 BC–14 AD|1st century BC - 1st century AD|2nd–1st century BCE|ca. 3200–3000 BCE"""

NOT_READ = """active 1600–1650|tätig um 1650|born 1600|* 1600|† 1669|acquired 1920|acc. 1920|inv. 1888|Saka 1700
    Saka era, 1700
    Samvat 1890|B.E. 2400|SH 1345|1345 solar|民國20年|5650 (1890)|Juche 58|1720 (17. Jh.)|modeled 1872, cast 1917
    1889 or 1895
    1889 (1950)|1889, reworked 1892|1650 (later copy)|1650 (Kopie)|20. Jh. (Nachguss)|Arles 1888|London 1650|1888.12
    1888-1
    12/5/90|12.05.90|May 90|'90|90|79|the 40s|années 40|16[50]|1,889|20230514|99999|2150|32.12.1890|1900-1800
    332–30 BCE
    300 BCE - 200|Heisei 40|turn of the 20th century|fin de siècle|Edo period|20th|long ago|1250 1350|0|1890 ± 10
    1234567|188?|c. 188?|188?-1890|180?-190?|1100-188?|850?|'850|dell'850|d. 1669|Paris (d. 1669)|AH 1642
    né en 1889|ne 1889|née 1889|E. 19. Jh.|e. 1889|1889/printed 1920|1872/cast 1917|modeled 1872 – cast 1917
    gemalt 1889/gedruckt 1920|1650 (reprint)|1650 (modern cast)|1650 (birth)|H 1245|۱۲۶۸|12.XIII.1889|32-MAY-1889
    17th quarter|5. Viertel 19. Jh.|25th century|1650 x 1660|RP-P-1898-A-1234|1265 h.|30 cm|vol. 1650|Room 1650"""

UNDATED = """n.d.|N. D.|undated|o. J.|o.J.|ohne Jahr|undatiert|s.d.|s. d.|S/D|sans date|non daté|senza data
    sin fecha|s. f.|z.j.
    zonder jaar|ongedateerd|unknown|unbekannt|u.å.|bez daty|без даты|?|-|—||  |n/a|NaN|None|[n.d.]|date unknown"""


def entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.replace("\n", "|").split("|")]


@pytest.mark.parametrize(("year", "date"), [(year, date) for year, text in ONE_YEAR.items() for date in entries(text)])
def test_a_date_that_is_one_year(year: int, date: str) -> None:
    dated = read_date(date)
    assert dated is not None
    assert (dated.first, dated.last, dated.year) == (year, year, year)


@pytest.mark.parametrize("date", SPANS)
def test_a_date_that_is_several_years_has_the_one_in_the_middle(date: str) -> None:
    dated = read_date(date)
    assert dated is not None
    assert (dated.first, dated.last, dated.year) == SPANS[date]


@pytest.mark.parametrize(("span", "date"), [(span, date) for span, text in CENTURIES.items() for date in entries(text)])
def test_a_century_in_words_is_that_century(span: tuple[int, int], date: str) -> None:
    dated = read_date(date)
    assert dated is not None
    assert (dated.first, dated.last) == span


@pytest.mark.parametrize("date", entries(NO_SINGLE_YEAR))
def test_a_date_that_is_open_or_too_long_has_no_year(date: str) -> None:
    dated = read_date(date)
    assert dated is not None
    assert dated.year is None


@pytest.mark.parametrize("date", entries(NOT_READ))
def test_what_is_not_certain_is_not_read(date: str) -> None:
    assert read_date(date) is None


@pytest.mark.parametrize("date", entries(UNDATED))
def test_cells_that_say_that_there_is_no_date(date: str) -> None:
    assert says_no_date(date)
    assert read_date(date) is None


MONTH_NAMES = sorted(words_in(MONTHS.replace("\n", " ").replace(" ", "|")))
AROUND = (
    "{}",
    "c. {}",
    "um {}",
    "[{}]",
    "{} (?)",
    "3 {m} {}",
    "{m} {}",
    "{m} 3, {}",
    "{}-05-12",
    "12.5.{}",
    "London, {}",
)


@given(st.integers(100, 2100), st.sampled_from(AROUND), st.sampled_from(MONTH_NAMES))
def test_any_year_is_read_as_itself(year: int, around: str, month: str) -> None:
    written = f"{year:04}" if "-05" in around or around.startswith("12.5") else str(year)
    dated = read_date(around.format(written, m=month))
    assert dated is not None
    assert (dated.first, dated.last, dated.year) == (year, year, year)


@given(
    st.integers(1000, 2000), st.integers(0, 99), st.sampled_from(["-", "–", " - ", "/", " bis ", " to "]), st.booleans()
)
def test_any_range_lies_between_its_ends(first: int, length: int, dash: str, short: bool) -> None:
    last = first + length
    short = short and first // 100 == last // 100 and length > 0
    dated = read_date(f"{first}{dash}{last % 100:02}" if short else f"{first}{dash}{last}")
    assert dated is not None
    assert (dated.first, dated.last) == (first, last)
    assert dated.year is not None
    assert first <= dated.year <= last


@given(
    st.integers(1, 4000), st.integers(0, 99), st.sampled_from(["BCE", "B.C.", "v. Chr.", "av. J.-C.", "a.C.", "f.Kr."])
)
def test_before_christ_is_never_after(later: int, length: int, era: str) -> None:
    dated = read_date(f"{later + length}–{later} {era}")
    if dated:  # "332–30 BCE" can mean two things
        assert (dated.first, dated.last) == (-later - length, -later)
        assert dated.year is not None
        assert -later - length <= dated.year <= -later


PIECES = [
    *(word for text in (*WORDS.values(), *ORDINALS.values()) for word in words_in(text)),
    *map(str, (0, 1, 5, 17, 19, 50, 79, 90, 300, 1618, 1650, 1700, 1889, 2000, -300)),
    *("17th", "XVII", "XVIIe", "1640s", "-", "–", "/", "(", ")", ",", ";", ".", "?", "Saka", "AH", "Rembrandt"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=7), st.sampled_from(["", " "]))
def test_whatever_is_read_is_one_time(pieces: list[str], between: str) -> None:
    dated = read_date(between.join(pieces))
    if dated:
        assert dated.first <= dated.last
        assert 0 not in (dated.first, dated.last)
        if dated.year is not None:
            assert dated.first <= dated.year <= dated.last <= 2100
            assert dated.last - dated.first <= WIDEST
            assert dated.first > LONG_AGO
            assert dated.last < FAR_AHEAD


@given(st.text(max_size=30))
def test_any_text_is_read_or_not(text: str) -> None:
    read_date(text)
    says_no_date(text)


@given(
    st.integers(1, 99), st.sampled_from(["{}", "c. {}", "'{}", "{}?", "May {}", "12.5.{:02}", "5/{:02}", "um {}/10"])
)
def test_two_digits_are_never_a_year(digits: int, around: str) -> None:
    assert read_date(around.format(digits)) is None


@pytest.mark.parametrize(
    ("year", "span"),
    [(1, (622, 623)), (1028, (1618, 1619)), (1265, (1848, 1849)), (1300, (1882, 1883)), (1421, (2000, 2001))],
)
def test_years_of_the_islamic_calendar(year: int, span: tuple[int, int]) -> None:
    """1 Muharram 1421 was 6 April 2000, 1 Muharram 1300 12 November 1882."""
    assert islamic(year) == span


def test_dates_stay_as_they_were_written_and_what_was_not_read_is_named() -> None:
    columns, notes = settle({"year": ["1900.0", "long ago", "", "n.d.", "after 1650", "c. 1900"]}, "style")
    assert columns["year"] == ["1900", "", "", "", "", "1900"]
    assert columns["date"] == ["1900.0", "long ago", "", "n.d.", "after 1650", "c. 1900"]
    assert [(note.count, list(note.examples)) for note in notes] == [
        (1, ["long ago (1 rows)"]),
        (1, ["after 1650 (1 rows)"]),
    ]


def test_plain_years_need_no_second_column() -> None:
    assert set(settle({"year": ["1900", "1901.0", "-300", ""]}, "style")[0]) == {"year"}
    assert set(settle({"year": ["c. 1900"], "Datierung": ["c. 1900"]}, "style")[0]) == {"year", "Datierung"}
    assert settle({"year": ["c. 1900"], "date": ["x"]}, "style")[0]["year_as_written"] == ["c. 1900"]


@pytest.mark.parametrize(
    ("date", "years", "period"),
    [
        ("1850", 50, "1850-1899"),
        ("1899", 50, "1850-1899"),
        ("1900", 100, "20th century"),
        ("1512", 100, "16th century"),
        ("1150", 100, "12th century"),
        ("2001", 100, "21st century"),
        ("1887", 10, "1880-1889"),
        ("1887", 1, "1887"),
        ("79 AD", 100, "1st century"),
        ("-300", 100, "3rd century BCE"),
        ("-301", 100, "4th century BCE"),
        ("-1", 100, "1st century BCE"),
        ("c. 1353–1336 BCE", 100, "14th century BCE"),
        ("-1353", 50, "1400-1351 BCE"),
        ("-300", 10, "300-291 BCE"),
        ("-300", 1, "300 BCE"),
        ("16th century", 100, "16th century"),
        ("16th century", 10, ""),
        ("late 16th century", 50, "1550-1599"),
        ("1590–1610", 100, ""),
        ("1640s", 10, "1640-1649"),
        ("after 1650", 100, ""),
        ("27 BC–14 AD", 100, ""),
        ("", 50, ""),
    ],
)
def test_periods(date: str, years: int, period: str) -> None:
    assert period_of(read_date(date), years) == period


@given(st.integers(-3000, 2100).filter(bool), st.sampled_from([1, 10, 25, 50, 100]))
def test_a_year_lies_in_the_period_that_it_gets(year: int, years: int) -> None:
    name = period_of(read_date(str(year) if abs(year) > 99 else f"{abs(year)} {'BCE' if year < 0 else 'CE'}"), years)
    assert ("BCE" in name) == (year < 0)
    if years != 100:
        ends = list(map(int, name.removesuffix(" BCE").split("-")))
        assert min(ends) <= abs(year) <= max(ends)
        assert max(ends) - min(ends) == (years - 1 if len(ends) > 1 else 0)


def test_a_long_date_is_in_no_decade_though_it_has_a_year() -> None:
    """Also where a dataset table says the year and the date beside it; a year that was changed counts by itself."""
    labels = {"year": ["1549", "1549", "1600", ""], "Datierung": ["16. Jh.", "um 1549", "16. Jh.", "s.d."]}
    names, (note,) = periods_of(labels, 10)
    assert names == ["", "1540-1549", "1600-1609", ""]
    assert (note.count, note.examples) == (1, ["1500 to 1599"])
    assert periods_of(labels, 100)[0] == ["16th century", "16th century", "17th century", ""]


@pytest.mark.parametrize(("target", "years"), [("century", 100), ("decade", 10), ("period:25", 25), ("style", 0)])
def test_targets_that_are_periods(target: str, years: int) -> None:
    assert period_length(target) == years


@pytest.mark.parametrize("target", ["period:", "period:x", "period:0", "period:-5"])
def test_a_period_without_years_is_refused(target: str) -> None:
    with pytest.raises(SourceError, match="give whole years"):
        period_length(target)


@pytest.mark.parametrize(
    ("cell", "number"), [("1889", 1889), ("-300", -300), (" 12 ", 12), ("", None), ("c. 1889", None)]
)
def test_the_number_of_a_year(cell: str, number: int | None) -> None:
    assert year_number(cell) == number


DATES = ("c. 1353–1336 BCE", "-300", "350 av. J.-C.", "1028 AH/AD 1618-1619 (Qajar)")


@pytest.fixture
def museum(tmp_path: Path) -> Path:
    lines = [f'dated-{n}.jpg,{"aabb"[n]},"{date}"' for n, date in enumerate(DATES)]
    put(tmp_path / "list.csv", "\n".join(["file,style,date", *lines]).encode())
    for n in range(len(DATES)):
        put(tmp_path / f"dated-{n}.jpg", jpeg(n))
    return tmp_path / "list.csv"


def test_years_before_christ_from_a_list_to_table_condition_target_and_split(museum: Path, tmp_path: Path) -> None:
    out = tmp_path / "d.csv"
    table = prepare(museum, out).table
    assert list(table.columns["year"]) == ["-1345", "-300", "-350", "1618"]
    assert list(table.columns["date"]) == list(DATES)
    done = prepare(museum, out, target="century")
    assert list(done.table.columns["century"]) == [
        "14th century BCE", "3rd century BCE", "4th century BCE", "17th century",
    ]  # fmt: skip
    for condition, left in (
        ("year < 0", 3),
        ("year < -300", 2),
        ("-1400 < year <= -300", 3),
        ("year in (-300, 1618)", 2),
    ):
        assert len(prepare(museum, out, selection=Selection(where=condition)).table) == left
    table = prepare(museum, out, split="time", before=-300, val=0).table
    assert dict(zip(table.columns["year"], table.columns["split"], strict=True)) == {
        "-1345": "train", "-350": "train", "-300": "test", "1618": "test",
    }  # fmt: skip
    again = prepare(out, tmp_path / "again.csv", target="decade").table
    assert list(again.columns["decade"]) == ["", "300-291 BCE", "350-341 BCE", "1610-1619"]
