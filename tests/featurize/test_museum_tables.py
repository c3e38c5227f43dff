"""Lists as museums hand them out, through the command: the right value for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.table import read_table
from tests.conftest import save_picture

NAMES = [f"p{k}.png" for k in range(6)]
TEXT = "file;style;artist\n" + "".join(f"p{k}.png;{'ab'[k % 2]};Müller\n" for k in range(4))


@pytest.fixture
def museum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for k, name in enumerate(NAMES):
        save_picture(tmp_path / name, k)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prepared(data: bytes, name: str = "list.csv") -> list[tuple[str, ...]]:
    """File, style and artist of each row of the table that `featurize prepare` makes of a list."""
    Path(name).write_bytes(data)
    assert run(cli, ["prepare", name, "--split", "random"]) == 0
    table = read_table(Path("dataset.csv"))
    columns = [table.columns.get(c, [""] * len(table)) for c in ("path", "style", "artist")]
    return list(zip(*columns, strict=True))


FOUR = [(f"p{k}.png", "ab"[k % 2], "Müller") for k in range(4)]


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode("utf-16"),
        ("sep=;\r\n" + TEXT).encode(),
        TEXT.encode() + b"p4.png;a;Andr\xe9\n",
        TEXT.replace("Müller", "x" * 140_000, 1).encode(),
        TEXT.encode("cp1252"),
        TEXT.replace("\n", "\r").encode("cp1252"),
        TEXT.replace(".png;", ".png ; ").replace(";Müller", " ;Müller\u00a0").encode(),
    ],
    ids=["UTF-16", "sep=", "stray byte", "140,000 characters", "Windows-1252", "old Mac", "spaces"],
)
def test_a_list_gives_its_labels_whatever_program_wrote_it(
    museum: Path, data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = prepared(data)
    wanted = list(FOUR)
    if b"Andr" in data:
        wanted.append(("p4.png", "a", "André"))
        assert "line 6: p4.png;a;André" in capsys.readouterr().out
    if b"xxx" in data:
        wanted[0] = ("p0.png", "a", "x" * 140_000)
    assert rows == wanted


def test_an_open_quote_in_tsv_swallows_no_rows(museum: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"p{k}.png\t{'ab'[k % 2]}\tX{k}\t{1700 + k}\tT{k}" for k in range(6)]
    lines[1], lines[4] = 'p1.png\tb\tX1\t1701\t"Head', 'p4.png\ta\tX4\t1704\tNude (12" x 8")'
    rows = prepared(("file\tstyle\tartist\tyear\ttitle\n" + "\n".join(lines) + "\n").encode(), "list.tsv")
    assert rows == [(f"p{k}.png", "ab"[k % 2], f"X{k}") for k in range(6)]
    titles = read_table(museum / "dataset.csv").columns["title"]
    assert [titles[1], titles[4]] == ['"Head', 'Nude (12" x 8")']
    assert "line 3" in capsys.readouterr().out


def test_two_columns_of_one_name_are_said_and_the_first_counts(
    museum: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = prepared(b"file,style,style\np0.png,a,x\np1.png,b,x\np2.png,a,x\np3.png,b,y\n")
    assert [style for _, style, _ in rows] == list("abab")
    assert "column is named 'style', as an earlier one: it is kept as 'style_2'" in capsys.readouterr().out
    assert list(read_table(museum / "dataset.csv").columns["style_2"]) == list("xxxy")


def test_spaces_behind_names_of_files_are_none(museum: Path) -> None:
    assert prepared(b"file,style\np0.png ,a\np1.png ,b\n") == [("p0.png", "a", ""), ("p1.png", "b", "")]


@pytest.mark.parametrize("encoding", ["cp1251", "cp932"])
def test_another_alphabet_is_said_and_read_when_it_is_named(
    museum: Path, capsys: pytest.CaptureFixture[str], encoding: str
) -> None:
    artist = {"cp1251": "Илья Репин", "cp932": "葛飾北斎"}[encoding]
    data = TEXT.replace("Müller", artist).encode(encoding)
    Path("list.csv").write_bytes(data)
    assert run(cli, ["prepare", "list.csv"]) == 1
    assert "line 2 is n" in (said := capsys.readouterr().err)
    assert "--encoding" in said
    assert run(cli, ["prepare", "list.csv", "--encoding", encoding]) == 0
    assert set(read_table(museum / "dataset.csv").columns["artist"]) == {artist}
    assert run(cli, ["prepare", "list.csv", "--encoding", "latin-99"]) == 2
    assert "'latin-99' is not a known encoding" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"file,style\np0.png,a,b\n", "line 2 has 3 fields, the header 2"),
        (b"file,style\np0.png,a\0\n", "line 2 holds a NUL"),
        (
            b'file;title;style\np0.png;"Head;a\np1.png;T;b\np2.png;Queen";a\n',
            "line 2 opens a quote that is closed on line 4",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .xlsx"),
        (b"", "its first line must name the columns"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_one_sentence(
    museum: Path, capsys: pytest.CaptureFixture[str], data: bytes, message: str
) -> None:
    Path("list.csv").write_bytes(data)
    assert run(cli, ["prepare", "list.csv"]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert said.count("error:") == 1
    assert not Path("dataset.csv").exists()


def test_the_column_that_was_taken_for_names_of_files_is_told_where_none_is_there(
    museum: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (museum / "m.csv").write_text("Inventarnummer,Stil\nINV 1,Barock\nINV 2,Rokoko\n")
    assert run(cli, ["prepare", str(museum / "m.csv")]) == 1
    said = capsys.readouterr().err
    assert "m.csv' names in its column 'Inventarnummer' is there (the first: 'INV 1'" in said
    assert "or which column names them with --path-column" in said


def test_a_workbook_is_a_list_and_a_table(museum: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for line in TEXT.splitlines():
        book.active.append(line.split(";"))
    book.save("list.xlsx")
    assert run(cli, ["prepare", "list.xlsx", "--out", "dataset.xlsx", "--split", "random"]) == 0
    table = read_table(museum / "dataset.xlsx")
    assert list(table.columns["artist"]) == ["Müller"] * 4
    assert openpyxl.load_workbook("dataset.rejected.xlsx").active["A1"].value == "path"
    assert run(cli, ["audit", "--dataset", "dataset.xlsx", "--no-pictures"]) == 0


def test_a_list_without_a_header_may_repeat_itself(museum: Path) -> None:
    assert prepared(b"p0.png,a,a\np1.png,b,b\n") == [("p0.png", "a", ""), ("p1.png", "b", "")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_artgan_s_lists_and_lists_of_classes_saved_by_a_spreadsheet(
    museum: Path, encoding: str, separator: str
) -> None:
    (museum / "style_train.csv").write_bytes(f"p0.png{separator}0\r\np1.png{separator}1\r\n".encode(encoding))
    (museum / "style_class.txt").write_bytes("0 Frühbarock\r1 Rococo\r".encode(encoding))
    (museum / "wanted.txt").write_bytes("frühbarock\r\n".encode("cp1252" if encoding == "utf-8" else encoding))
    assert run(cli, ["prepare", ".", "--classes", "wanted.txt"]) == 0
    assert list(read_table(museum / "dataset.csv").columns["style"]) == ["Frühbarock"]
