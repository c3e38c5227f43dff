"""What `classify predict` writes for a curator: their columns, every row, safe cells, sets and doubts."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from classify import load_head, save_head
from classify import predict as predict_pictures
from classify.commands.main import cli
from classify.evaluation.conformal import HeldOut
from classify.evaluation.familiar import Familiar
from classify.headfile import SavedHead
from classify.prediction import gallery
from featurize.commands.console import run
from featurize.dataset.sheets import write_sheet
from featurize.engines.fake import DIMENSION, FakeEngines
from featurize.wording import plain
from tests.classify.serve import rooms

Screen = pytest.CaptureFixture[str]

TABLE = {
    "Inventarnummer": ["007", "1889/12", "=1+1", "0012", "@sum", "00099"],
    "Titel": ["Der Hafen", "Frau", "x", "leer", "fehlt", "Ende"],
    "Künstler": ["Müller", "佚名", "<b>", "", "-1", "Ende"],
    "Datei": ["a.png", "sub folder/ü.png", "c.png", "empty.jpg", "gone.png", ""],
}


def careful(saved: SavedHead, limit: float = 2.0) -> SavedHead:
    """The head with what a fit would have kept: sets of nearly all classes, and nothing unlike below a limit."""
    basis = np.eye(2, DIMENSION, dtype=np.float32)
    return replace(
        saved,
        held_out=HeldOut(np.linspace(0, 0.999, 200)),
        familiar=Familiar(basis, limit, 200),
        training={**saved.training, "question": "new"},
    )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Pictures, a table of them, and a head."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub folder").mkdir()
    for n, name in enumerate(["a.png", "sub folder/ü.png", "c.png", "d.png"]):
        (tmp_path / name).write_bytes(rooms.picture(n))
    (tmp_path / "empty.jpg").touch()
    write_sheet(TABLE, tmp_path / "new.xlsx")
    save_head(careful(rooms.make_head()), tmp_path / "style.safetensors")
    with rooms.without_companions():
        yield tmp_path


def call(*arguments: object) -> int:
    return run(cli, [str(a) for a in ("predict", "--head", "style.safetensors", *arguments)], FakeEngines())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_of_the_table_is_in_what_is_written_with_its_columns(place: Path, capsys: Screen) -> None:
    """Rows that can't be read among them, with the reason; and the exit status says that there are some."""
    assert call("--table", "new.xlsx", "--out", "out.csv") == 1
    rows = rows_of(place / "out.csv")
    assert [row["Titel"] for row in rows] == TABLE["Titel"]
    assert [bool(row["style_1"]) for row in rows] == [True, True, True, False, False, False]
    assert [row["reason"] for row in rows[:3]] == ["", "", ""]
    assert [row["reason"] for row in rows[3:]] == [
        "the file is empty", "there is no such file", "this row of the table names no picture",
    ]  # fmt: skip
    screen = capsys.readouterr()
    assert "wrote 3 predictions and 3 reasons why there is none to out.csv" in screen.out
    assert screen.err.count("error: ") == 3


def test_no_cell_is_computed_by_a_spreadsheet_and_numbers_keep_their_zeros(place: Path) -> None:
    assert call("--table", "new.xlsx", "--out", "out.csv", "--csv", "same.csv") == 1
    assert (place / "out.csv").read_bytes() == (place / "same.csv").read_bytes()
    for row in rows_of(place / "out.csv"):
        assert not [cell for cell in row.values() if cell[:1] in ("=", "@", "+") or cell == "-1+1"]
    assert call("--table", "new.xlsx", "--out", "out.xlsx") == 1
    sheet = openpyxl.load_workbook(place / "out.xlsx").active
    header = [cell.value for cell in sheet[1]]
    assert header[:4] == list(TABLE)
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == TABLE["Inventarnummer"]
    assert {cell.data_type for cell in cells} == {"s"}, "text, no number and no formula"


def test_probabilities_are_numbers_in_a_workbook(place: Path) -> None:
    assert call("--table", "new.xlsx", "--out", "out.xlsx") == 1
    sheet = openpyxl.load_workbook(place / "out.xlsx").active
    header = [cell.value for cell in sheet[1]]
    for name in ("probability_1", "set_size"):
        column = [row[header.index(name)] for row in sheet.iter_rows(min_row=2)]
        assert {cell.data_type for cell in column[:3]} == {"n"}
        assert [cell.value for cell in column[3:]] == [None] * 3


def test_json_holds_the_answers_of_the_service_and_the_rows(place: Path) -> None:
    assert call("--table", "new.xlsx", "--out", "out.json") == 1
    found = json.loads((place / "out.json").read_text("utf-8"))
    assert (found["target"], found["question"], found["coverage"]) == ("style", "new", 0.9)
    assert found["holds"] == "probabilities hold for painters who are not in the training pictures"
    assert [one["row"]["Datei"] for one in found["pictures"]] == TABLE["Datei"]
    first = found["pictures"][0]
    assert first["set"][0] == first["predictions"][0]["label"]
    assert first["unlike"] is False
    assert first["unsure"] is (len(first["set"]) > 1)


def test_given_pictures_take_their_columns_from_the_table_by_path(place: Path, capsys: Screen) -> None:
    assert call("--table", "new.xlsx", "d.png", "sub folder", place / "c.png", "--out", "out.csv") == 0
    rows = rows_of(place / "out.csv")
    assert [row["Titel"] for row in rows] == ["", "Frau", "x"]
    assert all(row["style_1"] and not row["reason"] for row in rows)
    told = capsys.readouterr().err
    assert "note (1): pictures are not named by the table: its columns are empty for them: d.png" in told
    assert "note (4): rows of the table name none of the pictures given: left out" in told


@pytest.mark.parametrize("name", [r"C:\museum\sub folder\ü.png", r".\sub folder\ü.png", "/elsewhere/sub folder/Ü.PNG"])
def test_names_are_found_as_prepare_finds_them(place: Path, name: str) -> None:
    write_sheet({"file": [name], "no": ["01"]}, place / "other.csv")
    assert call("--table", "other.csv", "--out", "out.csv") == 0
    assert call("--table", "other.csv", "sub folder/ü.png", "--out", "joined.csv") == 0
    assert rows_of(place / "out.csv")[0]["no"] == rows_of(place / "joined.csv")[0]["no"] == "01"


def test_a_column_of_the_user_is_never_replaced(place: Path) -> None:
    write_sheet({"path": ["a.png"], "style_1": ["mine"], "reason": ["loan"]}, place / "own.csv")
    assert call("--table", "own.csv", "--out", "out.csv") == 0
    (row,) = rows_of(place / "out.csv")
    assert (row["path"], row["style_1"], row["reason"]) == ("a.png", "mine", "loan")
    assert row["style_1_2"] in rooms.STYLES
    assert row["reason_2"] == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--table", "gone.csv", "--out", "o.csv"], "there is no table 'gone.csv'"),
        (["--table", "empty.csv", "--out", "o.csv"], "'empty.csv' holds no table"),
        (["--table", "header.csv", "--out", "o.csv"], "no column of 'header.csv' names picture files"),
        (["--table", "new.xlsx", "--path-column", "Pfad", "--out", "o.csv"], "--path-column Pfad: 'new.xlsx' has no"),
        (["--table", "inventory.csv", "--out", "o.csv"], "none lies here under what stands in 'Inv', such as 'INV 1'"),
        (["http://127.0.0.1/a.png", "--out", "o.csv"], "is no path on this machine: give it with --url"),
        (["--table", "style.safetensors", "--out", "o.csv"], "can't be read as a table"),
        (["--table", "a.png", "--out", "o.csv"], "can't be read as a table"),
        (["a.png", "--out", "o.doc"], "let it end with .csv, .xlsx, .json or .parquet"),
        (["a.png", "--out", "sub folder.csv"], "it is a folder"),
        (["a.png", "--html", "page.pdf"], "let it end with .html or .htm"),
        (["--table", "new.xlsx", "--out", "./new.xlsx"], "'new.xlsx' is read here, and would be replaced"),
        (["a.png", "--coverage", "0.999"], "can't be promised from 200 held-out pictures: ask for 0.995 at most"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_sentence(place: Path, arguments: list[str], said: str, capsys: Screen) -> None:
    (place / "empty.csv").touch()
    (place / "header.csv").write_text("a,b\n1,2\n")
    (place / "inventory.csv").write_text("Inv,Stil\nINV 1,Barock\nINV 2,Rokoko\n")
    (place / "sub folder.csv").mkdir()
    before = (place / "new.xlsx").read_bytes()
    assert call(*arguments) in (1, 2)
    told = capsys.readouterr().err
    assert said in " ".join(told.split())
    assert "Traceback" not in told
    assert (place / "new.xlsx").read_bytes() == before
    assert not list(place.glob("o.*"))


def test_a_head_without_held_out_pictures_says_how_to_get_some(place: Path, capsys: Screen) -> None:
    """Heads of earlier versions go on working; sets that were asked for are refused."""
    save_head(replace(rooms.make_head(), held_out=None, familiar=None), place / "style.safetensors")
    assert call("a.png") == 0
    assert "unsure between" not in capsys.readouterr().out
    assert call("a.png", "--coverage", "0.9") == 1
    assert "it can't make prediction sets: fit it again with `classify fit`" in capsys.readouterr().err


def test_what_a_head_keeps_survives_its_file_and_damage_to_it_is_noticed(place: Path) -> None:
    saved, again = careful(rooms.make_head()), load_head(place / "style.safetensors")
    assert again.held_out.before.tobytes() == saved.held_out.before.tobytes()
    assert again.familiar.basis.tobytes() == saved.familiar.basis.tobytes()
    assert (again.familiar.limit, again.familiar.rows, again.question) == (2.0, 200, "new")
    from classify.errors import HeadFileError

    for wrong in (
        replace(saved, held_out=HeldOut(np.array([0.5, 0.1]))),
        replace(saved, held_out=HeldOut(np.array([np.nan]))),
        replace(saved, familiar=Familiar(saved.familiar.basis[:, :-1], 1.0, 200)),
        replace(saved, familiar=Familiar(np.full((2, DIMENSION), np.nan, np.float32), 1.0, 200)),
    ):
        save_head(wrong, place / "wrong.safetensors")
        with pytest.raises(HeadFileError, match="is damaged"):
            load_head(place / "wrong.safetensors")


def test_a_picture_unlike_the_training_is_said_to_be_and_sets_are_named(place: Path, capsys: Screen) -> None:
    save_head(careful(rooms.make_head(), limit=0.0), place / "style.safetensors")
    assert call("a.png", "--coverage", "0.99") == 0
    assert "; unlike all training pictures; unsure between 4: " in capsys.readouterr().out


def test_from_python_the_same_comes_as_a_sequence(place: Path) -> None:
    found = predict_pictures("style.safetensors", table="new.xlsx", coverage=0.5, engines=FakeEngines())
    assert len(found) == 6
    assert [one.trouble is None for one in found] == [True] * 3 + [False] * 3
    assert found.coverage == 0.5
    table = found.to_pandas()
    assert list(table["Titel"]) == TABLE["Titel"]
    assert table["probability_1"].dtype == float
    found.write("out.csv")
    assert len(rows_of(place / "out.csv")) == 6


def test_the_page_shows_every_picture_with_its_caption_and_what_could_not_be_read(place: Path) -> None:
    assert call("--table", "new.xlsx", "--html", "pages/out.html") == 1
    page = (place / "pages/out.html").read_text("utf-8")
    for text in ("Der Hafen", "Müller", "007", "&lt;b&gt;", "../sub%20folder/%C3%BC.png", "the file is empty"):
        assert text in page
    assert "<b><bdi>x" in page, "a title stands first"
    assert page.count('<img src="data:image/jpeg') == 3
    assert "Probabilities hold for painters who are not in the training pictures" in page


def test_a_class_that_is_read_from_the_right_turns_no_figure_around(place: Path) -> None:
    found = predict_pictures("style.safetensors", table="new.xlsx", engines=FakeEngines())
    one = replace(found[0], styles=(("שלום", 0.9), ("x", 0.1)), among=(), unlike=False)
    page = gallery.html(replace(found, every=[one], columns={}), place)
    assert page.count("שלום") == page.count("\u2068שלום\u2069") > 0


def test_the_page_counts_each_picture_once_and_calls_nothing_certain(place: Path) -> None:
    """A picture that is unlike all others is no sure answer; the classes that can be named are said."""
    found = predict_pictures("style.safetensors", table="new.xlsx", engines=FakeEngines())
    one, other = found.saved.classes[:2]
    answers = [(0.9996, (one,), False), (0.6, (one, other), False), (0.9996, (one,), True), (0.6, (one, other), True)]
    every = [
        replace(found[0], styles=((one, share), (other, 1 - share)), among=among, unlike=unlike)
        for share, among, unlike in answers
    ]
    page = re.sub(r"[ \n]+", " ", gallery.html(replace(found, every=every, columns={}), place))
    assert "4 pictures were read: 1 answer is one style, 1 is a choice of several, 2 pictures are unlike" in page
    assert page.count("over 99\u202f%") == page.count("under 1\u202f%") == 2
    assert not re.search(r"<span>(100|0)\u202f%", page)
    assert f"names one of them for every picture: {', '.join(map(plain, found.saved.classes))}" in page
