"""What a spreadsheet rewrites by itself is no edit, and is told from what a person changed in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from featurize.dataset.edits.rewriting import Pair, by_people
from featurize.dataset.prepare import prepare
from featurize.dataset.table import read_table
from featurize.errors import TableError
from tests.conftest import save_picture
from tests.featurize.edits.tables import P0, P1, P2, Row, again, edit, notes, rows_of, write_list

GERMAN_MONTHS = ("Jan", "Feb", "Mrz", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez")


def as_excel(path: Path, rewrite: Any = None, encoding: str = "cp1252") -> None:
    """Open and save a table as a German Excel would."""
    rows = list(rows_of(path).values())
    for row in rows:
        row["mtime_ns"] = f"{float(row['mtime_ns']):.5E}".replace(".", ",")
        if rewrite:
            rewrite(row)
    names = list(rows[0])
    lines = [";".join(names), *(";".join(row[name] for name in names) for row in rows)]
    path.write_bytes("".join(line + "\r\n" for line in lines).encode(encoding, "replace"))


def test_excel_s_own_changes_are_no_edits_and_are_put_back(listed: Path) -> None:
    write_list(listed, {n: {"date": f"{n + 1}-{n + 2}", "height": f"{n}.5"} for n in range(10)})
    before = rows_of(again(listed).path)

    def rewrite(row: Row) -> None:
        row["inv"] = str(int(row["inv"]))
        day, month = row["date"].split("-")
        row["date"] = f"{int(day):02}. {GERMAN_MONTHS[int(month) - 1]}"
        row["height"] = row["height"].replace(".", ",")

    as_excel(listed / "dataset.csv", rewrite)
    done = again(listed)
    assert rows_of(listed / "dataset.csv") == before
    assert done.kept.total == 0
    assert done.reused == 10, "the files' times are remembered"
    assert "30 cells that a spreadsheet rewrote without being asked: put back as they were" in notes(done)


def test_an_edit_made_in_excel_is_told_from_excel_s_own_changes(listed: Path) -> None:
    again(listed)

    def rewrite(row: Row) -> None:
        row["inv"] = str(int(row["inv"])) if row["path"] != P1 else "A 17"
        if row["path"] == P0:
            row["style"] = "Frühbarock"

    as_excel(listed / "dataset.csv", rewrite)
    done = again(listed)
    rows = rows_of(listed / "dataset.csv")
    assert (rows[P0]["style"], rows[P1]["inv"], rows[P2]["inv"]) == ("Frühbarock", "A 17", "002")
    assert done.kept.labels == 2
    header = (listed / "dataset.csv").read_bytes().splitlines()[0]
    assert header.startswith(b"\xef\xbb\xbfid;path;"), "it opens in that Excel as before"


def test_letters_that_excel_s_encoding_lacks_come_back(tmp_path: Path) -> None:
    for n, name in enumerate(["葛飾", "Łódź", "plain"]):
        save_picture(tmp_path / "p" / "作品" / f"{name}.jpg", n)
    out = tmp_path / "dataset.csv"
    before = rows_of(prepare(tmp_path / "p", out).path)
    as_excel(out)
    assert b"??" in out.read_bytes()
    done = prepare(tmp_path / "p", out)
    assert rows_of(out) == before
    assert done.kept.total == 0


def test_ids_that_excel_took_for_numbers_are_found_by_their_path(listed: Path) -> None:
    before = rows_of(again(listed).path)
    as_excel(listed / "dataset.csv", lambda row: row.update(id="1,23457E+63"))
    with pytest.raises(TableError, match="is not an id"):
        read_table(listed / "dataset.csv")
    assert again(listed).kept.total == 0
    assert rows_of(listed / "dataset.csv") == before


def test_a_text_editor_s_changes_are_edits_however_they_look(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: [row | {"inv": str(int(row["inv"]))} for row in rows])
    assert again(listed).kept.labels == 10


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("0012", "12"), ("12.5", "12,5"), ("1889.0", "1889"), ("123456789012345", "1.23457E+14"), ("1.234", "1234"),
        ("+5", "5"), ("1.50", "1,5"), ("1234567890123", "1,23457E+12"), ("1-2", "02. Jan"), ("1-2", "2-Jan"),
        ("3/4", "03. Apr"), ("3/4", "4-Mar"), ("2-1889", "02.01.1889"), ("1989-05-03", "03.05.1989"),
        ("1989-05-03", "5/3/1989"), ("3.5.1989", "1989-05-03"), ("5-1989", "May-89"), ("12.5", "12. Mai"),
        ("3.5.", "3-mai"), ("true", "WAHR"), ("false", "FAUX"), ("1:2", "01:02"), ("葛飾 x", "?? x"), ("Łódź", "?ódz"),
        ("x" * 40_000, "x" * 32_767), ("a \r\n b", "a \n b"), ("nai\u0308ve", "naïve"), ("a ", "a"),
    ],
)  # fmt: skip
def test_what_spreadsheets_do_by_themselves(then: str, now: str) -> None:
    assert by_people([Pair(0, then, now)], [], spreadsheet=True) == []


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("12", "13"), ("0012", "13"), ("Baroque", "Rococo"), ("1-2", "03. Jan"), ("1989-05-03", "04.05.1989"),
        ("", "x"), ("x", ""), ("true", "FALSCH"), ("1889", "1890"), ("1889", "1889?"), ("Müller", "Muller"),
        ("12.5", "12,6"), ("123456789012345", "1.23458E+14"), ("abc", "abd"), ("?", "x"),
    ],
)  # fmt: skip
def test_what_only_people_do(then: str, now: str) -> None:
    pair = Pair(0, then, now)
    assert by_people([pair], [], spreadsheet=True) == [pair]


def test_where_cells_of_the_kind_stand_untouched_a_person_changed_the_others() -> None:
    pairs = [Pair(0, "0012", "12")]
    assert by_people(pairs, ["0013"], spreadsheet=True) == pairs
    assert by_people(pairs, ["13", "x"], spreadsheet=True) == []
