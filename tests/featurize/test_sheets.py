"""Tables come in as they were meant, whatever program wrote them, and go out so that spreadsheets open them."""

from __future__ import annotations

import csv
import datetime
import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from featurize.dataset.sheets import Sheet, csv_bytes, plain_columns, read_sheet, write_sheet
from featurize.dataset.sheets.stray import held_name, name_of, readable

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1"]


def rows_of(sheet: Sheet) -> list[list[str]]:
    return [list(sheet.header), *map(list, zip(*sheet.cells, strict=True))]


def read(folder: Path, data: bytes, name: str = "list.csv") -> Sheet:
    (folder / name).write_bytes(data)
    return read_sheet(folder / name)


@st.composite
def written_tables(draw: st.DrawFn) -> tuple[list[list[str]], str, dict[str, object]]:
    """Rows, the text that `csv` makes of them, and the dialect.

    Left out is what no reader can tell, because two tables give the same text: names of columns with a separator in
    them, line breaks that `csv` leaves without quotes, and a `"` where the dialect quotes with `'` and shows nowhere
    that it does.
    """
    special = st.sampled_from(list("ab1é;,\t|\"'\\\n\r \u00fc\u4e2d\u2028\x0b\x85\ufeff\U0001f600"))
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    cell = st.text(st.one_of(special, special, letters), max_size=6)
    width = draw(st.integers(1, 4))
    header = draw(st.lists(st.text("abc é", min_size=1, max_size=3).filter(str.strip), min_size=width, max_size=width))
    rows = [header, *draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=4))]
    escape = draw(st.sampled_from([None, None, "\\"]))
    dialect = {
        "delimiter": draw(st.sampled_from(",;\t|")),
        "quotechar": draw(st.sampled_from('"""\'')),
        "escapechar": escape,
        "doublequote": escape is None or draw(st.booleans()),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_NONE])),
        "lineterminator": draw(st.sampled_from(["\r\n", "\n", "\r"])),
    }
    cells = "".join(c for row in rows for c in row)
    if dialect["quoting"] != csv.QUOTE_ALL:
        assume(not (set("\r\n") & set(cells)) - set(str(dialect["lineterminator"])))
    if dialect["quotechar"] == "'" and dialect["quoting"] not in (csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC):
        assume(not set('"\r\n') & set(cells))
    stream = io.StringIO(newline="")
    try:
        csv.writer(stream, **dialect).writerows(rows)  # type: ignore[arg-type]
    except csv.Error:
        assume(False)
    return rows, stream.getvalue(), dialect


@given(table=written_tables(), encoding=st.sampled_from(ENCODINGS))
@example(([["a", "b"], ["x", "q\nr,s"], ["y", "t,u"]], 'a,b\r\nx,"q\nr,s"\r\ny,"t,u"\r\n', {}), "utf-16")
def test_any_table_that_csv_writes_comes_back_cell_by_cell_or_an_error_names_the_line(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[list[list[str]], str, dict[str, object]], encoding: str
) -> None:
    rows, text, dialect = table
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        assume(False)
    if encoding in ("cp1252", "latin-1"):
        assume(
            not any(
                line.decode("utf-8", "ignore").encode() == line and not line.isascii() for line in data.splitlines()
            )
        )
        assume(encoding == "cp1252" or not set(data) & set(range(0x80, 0xA0)))  # where the two differ
    try:
        sheet = read(tmp_path_factory.mktemp("sheet"), data)
    except ValueError as error:
        named = "line " in str(error)
    else:
        named = rows_of(sheet) == rows
    assert named, dialect


PLAIN = "file;style;artist\np0.png;a;Müller\np1.png;b;Andrè, “J.”\n"
WANTED = [["file", "style", "artist"], ["p0.png", "a", "Müller"], ["p1.png", "b", "Andrè, “J.”"]]


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("cp1252"),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PLAIN.encode("utf-32"),
        PLAIN.replace("\n", "\r\n").encode("cp1252"),
        PLAIN.replace("\n", "\r").encode("cp1252"),
        PLAIN.replace("\n", "\r\r\n").encode(),
        b"\xef\xbb\xbf" + PLAIN.encode("utf-8-sig"),
        ("sep=;\r\n" + PLAIN).encode(),
        ("\ufeffSEP=;\n" + PLAIN).encode(),
        ('"sep=;"\r\n' + PLAIN).encode("utf-16"),
        PLAIN.replace(";", "\t").encode("utf-16"),
        PLAIN.replace(";", "|").encode(),
        PLAIN.replace("Andrè, “J.”", '"Andrè, “J.”"').replace(";", ",").encode(),
        PLAIN.replace("Andrè, “J.”", '"Andrè, “J.”"').replace(";", ", ").encode(),
        ("\n \n" + PLAIN.replace("\n", "\n\n")).encode(),
        PLAIN.replace("\n", ";;\n").encode(),
        PLAIN.rstrip("\n").encode(),
    ],
    ids=[
        "UTF-8", "byte order mark", "Windows-1252", "UTF-16", "UTF-16, big end first", "UTF-16 without a mark",
        "UTF-16, big end, no mark", "UTF-32", "ends of lines as in Windows", "ends of lines as in old Macs",
        "ends of lines twice", "two marks", "sep=", "sep= after a mark", "sep= in quotes, UTF-16",
        "Unicode text of Excel", "bars", "commas", "spaces after commas", "blank lines", "empty columns",
        "no end of the last line",
    ],
)  # fmt: skip
def test_a_table_reads_the_same_whatever_spreadsheet_saved_it(tmp_path: Path, data: bytes) -> None:
    sheet = read(tmp_path, data)
    columns, _ = sheet.columns()
    assert [list(columns), *map(list, zip(*columns.values(), strict=True))] == WANTED


def test_a_stray_byte_changes_its_own_line_only_and_the_line_is_named(tmp_path: Path) -> None:
    sheet = read(tmp_path, PLAIN.encode() + b"p2.png;a;Andr\xe9\n")
    assert rows_of(sheet) == [*WANTED, ["p2.png", "a", "André"]]
    (note,) = sheet.notes
    assert (note.count, note.examples) == (1, ["line 4: p2.png;a;André"])


@pytest.mark.parametrize("encoding", ["cp1251", "cp932", "gbk", "cp1253"])
def test_another_alphabet_is_never_read_as_windows_1252(tmp_path: Path, encoding: str) -> None:
    names = {"cp1251": "Репин", "cp932": "葛飾北斎", "gbk": "齐白石先生", "cp1253": "Θεοτοκόπουλος"}
    data = f"file,artist\np0.png,x\np1.png,{names[encoding]}\n".encode(encoding)
    with pytest.raises(ValueError, match=r"line 3 is n.*--encoding"):
        read(tmp_path, data)
    assert rows_of(read_sheet(tmp_path / "list.csv", encoding))[2] == ["p1.png", names[encoding]]


def test_a_byte_that_no_encoding_has_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 2 is neither UTF-8 nor cp1252 \(byte 0x81\)"):
        read(tmp_path, b"file,style\np0.png,a\x81\n")
    with pytest.raises(ValueError, match="line 4 is not utf-16-le"):
        read(tmp_path, "file,style\np0.png,a\np1.png,b\n".encode("utf-16") + b"x")


def test_a_field_of_140000_characters_is_one_cell(tmp_path: Path) -> None:
    long = "x" * 140_000
    assert rows_of(read(tmp_path, f"file;note\np0.png;{long}\n".encode()))[1] == ["p0.png", long]


@pytest.mark.parametrize("separator", ["\t", ";", ","])
def test_an_open_quote_swallows_no_rows(tmp_path: Path, separator: str) -> None:
    """A quote that is no quotation is text where each line is a row; the lines are named."""
    rows = [["file", "style", "year", "title"]] + [[f"p{k}.png", "ab"[k % 2], f"{1700 + k}", f"T{k}"] for k in range(6)]
    rows[2][3], rows[5][3], rows[6][3] = '"Head', 'Nude (12" x 8")', "Still life"
    sheet = read(tmp_path, "".join(separator.join(row) + "\n" for row in rows).encode())
    assert rows_of(sheet) == rows
    assert [note.examples for note in sheet.notes] == [["line 3"]]


@pytest.mark.parametrize("separator", ["\t", ";", ","])
@pytest.mark.parametrize("place", ["last", "middle"])
def test_a_quote_that_is_closed_rows_later_is_an_error_with_its_line(
    tmp_path: Path, separator: str, place: str
) -> None:
    rows = [["file", "title", "style"]] + [[f"p{k}.png", f"T{k}", "a"] for k in range(6)]
    column = {"last": 2, "middle": 1}[place]
    rows[2][column], rows[5][column] = '"Head', 'of a king"'
    data = "".join(separator.join(row) + "\n" for row in rows).encode()
    with pytest.raises(ValueError, match="line 3 opens a quote that is closed on line 6"):
        read(tmp_path, data)


def test_a_description_of_several_lines_stays_one_cell(tmp_path: Path) -> None:
    text = 'file,description\np0.png,"Oil on canvas\nsigned, lower left\n"\np1.png,"a ""fine"" one"\n'
    sheet = read(tmp_path, text.encode())
    assert rows_of(sheet)[1:] == [["p0.png", "Oil on canvas\nsigned, lower left\n"], ["p1.png", 'a "fine" one']]
    assert list(sheet.lines) == [2, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,style\np0.png,a\np1.png\np2.png,b\n", "line 3 has 1 fields, the header 2"),
        ("file,style\np0.png,a\np1.png,b,c\n", "line 3 has 3 fields, the header 2"),
        ("sep=;\nfile;style\np0.png;a\np1.png;b;c\n", "line 4 has 3 fields"),
        ("file,style\np0.png,a\np1\0.png,b\n", "line 3 holds a NUL"),
        ("List of 2024\nfile;style\np0.png;a\n", "line 1 has one cell, all lines below have 2"),
        ("a,b;c\nd,e;f\n", "line 1 can be read in two ways.*`sep=,` or `sep=;`"),
        ("file,note\np0.png,a\np1.png,x\\\\y\n", "line 3 has backslashes"),
    ],
    ids=[
        "short",
        "long",
        "long after sep=",
        "NUL",
        "title above",
        "two separators",
        "doubled backslashes",
    ],
)
def test_what_can_be_meant_in_no_way_or_two_is_an_error_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text.encode())


def test_windows_paths_are_no_guarded_characters(tmp_path: Path) -> None:
    assert rows_of(read(tmp_path, b"file,style\nd\\1.png,a\n\\\\server\\x\\2.png,b\n"))[2] == [
        "\\\\server\\x\\2.png",
        "b",
    ]


def test_empty_cells_that_excel_leaves_out_at_the_ends_of_a_block_of_rows_are_empty(tmp_path: Path) -> None:
    """Excel decides it for blocks of 16 rows, the header among the first."""
    full = "".join(f"p{n}.png;a;x\n" for n in range(15))
    sheet = read(
        tmp_path, ("file;style;note\n" + full + "".join(f"q{n}.png;b\n" for n in range(16)) + "r.png;c;y\n").encode()
    )
    assert sheet.cells[2] == ["x"] * 15 + [""] * 16 + ["y"]
    assert [(note.count, note.examples[0]) for note in sheet.notes] == [(16, "line 17")]


def test_two_columns_of_one_name_are_both_kept_and_named(tmp_path: Path) -> None:
    columns, notes = read(tmp_path, b"file,style,style,,\np0.png,a,x,mine,\n").columns()
    assert columns == {"file": ["p0.png"], "style": ["a"], "style_2": ["x"], "column_4": ["mine"]}
    assert ["'style_2'" in notes[0].text, "'column_4'" in notes[1].text, len(notes)] == [True, True, 2]


# Excel workbooks


def workbook(path: Path, rows: list[list[object]], *more: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    for n, sheet_rows in enumerate((rows, *more)):
        sheet = book.active if n == 0 else book.create_sheet(f"Sheet{n}")
        for row in sheet_rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_s_cells_are_read_as_people_see_them(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "x.xlsx",
        [
            ["file", "year", "inv", "date", "ok", "size", "note"],
            ["p0.png", 1889, 12, datetime.date(1889, 5, 3), True, 12.5, " a_x000D_b "],
            [],
            ["p1.png", 1889.0, "0013", datetime.datetime(1889, 5, 3, 12, 30), False, 1e20, None],
        ],
    )
    book = openpyxl.load_workbook(path)
    book.active["C2"].number_format = "0000"
    book.save(path)
    sheet = read_sheet(path)
    assert rows_of(sheet)[1:] == [
        ["p0.png", "1889", "0012", "1889-05-03", "TRUE", "12.5", " a\rb "],
        ["p1.png", "1889", "0013", "1889-05-03 12:30:00", "FALSE", "1e+20", ""],
    ]
    assert list(sheet.lines) == [2, 4]


def test_a_hidden_sheet_is_read_only_where_no_other_holds_something(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    hidden, shown = book.active, book.create_sheet("List")
    for sheet, label in ((hidden, "wrong"), (shown, "right")):
        sheet.append(["file", "style"])
        sheet.append(["p0.png", label])
    hidden.sheet_state = "hidden"
    book.active = 1
    book.save(tmp_path / "list.xlsx")
    read_ = read(tmp_path, (tmp_path / "list.xlsx").read_bytes())
    assert rows_of(read_)[1] == ["p0.png", "right"]
    assert [note.examples for note in read_.notes] == [["Sheet (hidden)"]]


def test_a_second_sheet_that_holds_something_is_named(tmp_path: Path) -> None:
    sheet = read_sheet(workbook(tmp_path / "x.xlsx", [], [["file"], ["p0.png"]], [["old"]], []))
    assert rows_of(sheet) == [["file"], ["p0.png"]]
    assert sheet.notes[0].examples == ["Sheet2"]


def test_merged_cells_have_one_value_each_and_are_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", [["file", "style"], ["p0.png", "a"], ["p1.png"], ["p2.png", "b"], ["p3.png"]])
    book = openpyxl.load_workbook(path)
    book.active.merge_cells("B2:B3")
    book.active.merge_cells("B4:B5")
    book.save(path)
    sheet = read_sheet(path)
    assert sheet.cells[1] == list("aabb")
    assert [note.examples for note in sheet.notes] == [["B2:B3", "B4:B5"]]


def test_a_date_of_which_only_the_year_is_seen_is_a_year(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", [["file", "year"], ["p0.png", datetime.date(1905, 1, 1)]])
    book = openpyxl.load_workbook(path)
    book.active["B2"].number_format = "yyyy"
    book.save(path)
    assert read_sheet(path).cells[1] == ["1905"]


def test_a_workbook_under_another_name_is_read_and_an_old_one_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", [["file"], ["p0.png"]])
    assert rows_of(read(tmp_path, path.read_bytes(), "list.csv")) == [["file"], ["p0.png"]]
    with pytest.raises(ValueError, match=r"save it as \.xlsx"):
        read(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old.xls")
    for data in (path.read_bytes()[:200], b"PK\x03\x04", b""):
        with pytest.raises(ValueError, match="workbook"):
            read(tmp_path, data, "broken.xlsx")


def test_a_formula_that_was_never_computed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="row 2, column B holds a formula"):
        read_sheet(workbook(tmp_path / "x.xlsx", [["file", "style"], ["p0.png", '=CONCAT("a","b")']]))


def test_a_title_above_a_workbook_s_header_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="row 3 has 2 cells, the first row names 1"):
        read_sheet(workbook(tmp_path / "x.xlsx", [["Inventory"], [], ["file", "style"], ["p0.png", "a"]]))


any_cell = st.text(
    st.one_of(
        st.sampled_from("=+-@'\t\r\n\\\x0b_x0041# é1"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=12,
)
columns_of_any_text = st.integers(1, 4).flatmap(
    lambda rows: st.dictionaries(
        st.text("abc=é", min_size=1, max_size=3),
        st.lists(any_cell, min_size=rows, max_size=rows),
        min_size=1,
        max_size=3,
    )
)


@given(columns=columns_of_any_text)
@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, ending: str, columns: dict[str, list[str]]
) -> None:
    columns = {"id": ["x"] * len(next(iter(columns.values()))), **columns}
    path = tmp_path_factory.mktemp("sheet") / f"x{ending}"
    write_sheet(columns, path)
    sheet = read_sheet(path, usual=True)
    back = dict(zip(sheet.header, sheet.cells, strict=True))
    assert (plain_columns(back) if ending == ".csv" else back) == columns


def test_csv_for_spreadsheets_has_a_mark_and_computes_nothing() -> None:
    data = csv_bytes(
        {"path": ["=1+1.jpg"], "year": ["-300"], "note": ["@me"], "a": ["-"], "b": ["'=x"], "c": ["Müller"]}
    )
    assert data.decode("utf-8") == "\ufeffpath,year,note,a,b,c\n'=1+1.jpg,-300,'@me,-,''=x,Müller\n"


def test_a_workbook_computes_nothing(tmp_path: Path) -> None:
    write_sheet({"a": ["=1+1", "#N/A", "0012", "1/2"]}, tmp_path / "x.xlsx")
    types = [c.data_type for (c,) in openpyxl.load_workbook(tmp_path / "x.xlsx").active.iter_rows(min_row=2)]
    assert types == ["s"] * 4


def test_what_does_not_fit_into_a_workbook_is_told_and_leaves_what_was_there(tmp_path: Path) -> None:
    from cache.errors import StorageFailed

    path = tmp_path / "x.xlsx"
    write_sheet({"a": ["1"]}, path)
    with pytest.raises(StorageFailed, match=r"row 2, column 'a' has 40,000 characters.*use \.csv"):
        write_sheet({"a": ["x" * 40_000]}, path)
    assert rows_of(read_sheet(path)) == [["a"], ["1"]]
    assert zipfile.is_zipfile(path)


def test_a_table_keeps_the_semicolons_that_a_spreadsheet_gave_it(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a;b\n1,5;2\n")
    write_sheet({"a": ["1"], "b": ["2"]}, path)
    assert path.read_bytes() == b"\xef\xbb\xbfa;b\n1;2\n"


@given(
    name=st.one_of(
        st.binary(max_size=12).map(lambda b: b.decode("utf-8", "surrogateescape")), st.text("a\uf7e9\udce9é")
    )
)
def test_a_name_of_any_bytes_is_held_as_unicode_and_found_again(name: str) -> None:
    name.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    held_name(name).encode()
    assert name_of(held_name(name)) == name.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def test_a_label_of_stray_bytes_is_read_as_windows_has_it() -> None:
    label = b"M\xfcller".decode("utf-8", "surrogateescape")
    assert readable({"artist": ["Monet", label]}) == {"artist": ["Monet", "Müller"]}
