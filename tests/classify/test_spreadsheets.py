"""A dataset table that a spreadsheet saved works in every command that reads one."""

from __future__ import annotations

from pathlib import Path

import pytest

from classify.commands.main import cli as classify
from featurize.commands.console import run
from featurize.commands.main import cli as featurize
from featurize.dataset.table import DatasetTable, read_table, write_table
from tests.classify.embedded import make_dataset

STRANGE = {"Baroque": "Frühbarock", "Cubism": "=Cubism", "Naïve Art": "Naïve “Art”, \x07 <b>"}


def saved_as(form: str, folder: Path) -> Path:
    """The table of a folder as a program would save it."""
    text = (folder / "dataset.csv").read_text("utf-8-sig")
    if form == "workbook":
        write_table(read_table(folder / "dataset.csv"), folder / "table.xlsx")
        return folder / "table.xlsx"
    data = {
        "semicolons": lambda: text.replace(",", ";").encode("cp1252"),
        "Unicode text": lambda: text.replace(",", "\t").encode("utf-16"),
        "sep": lambda: ("sep=;\r\n" + text.replace(",", ";")).encode(),
        "old Mac": lambda: text.replace("\r\n", "\r").encode("cp1252"),
        "stray byte": lambda: text.encode().replace("Frühbarock".encode(), "Frühbarock".encode("cp1252"), 1),
        "spaces": lambda: text.replace("\r\n", "  \r\n").replace(",train,", ",Train ,").encode(),
    }[form]()  # fmt: skip
    (folder / "table.csv").write_bytes(data)
    return folder / "table.csv"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    table, _ = make_dataset(tmp_path)
    styles = [STRANGE[style].replace("“", "").replace("”, ", "") for style in table.columns["style"]]
    write_table(table.with_columns(style=styles), tmp_path / "dataset.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


FORMS = ["semicolons", "Unicode text", "sep", "old Mac", "stray byte", "spaces", "workbook"]


@pytest.mark.parametrize("form", FORMS)
def test_a_head_is_fitted_to_the_same_classes_whatever_saved_the_table(place: Path, form: str) -> None:
    wanted = read_table(place / "dataset.csv")
    table = str(saved_as(form, place))
    assert list(read_table(Path(table)).column("style")) == list(wanted.column("style"))
    assert read_table(Path(table)).columns["split"] == wanted.columns["split"]
    assert run(classify, ["fit", "--head", "prototype", "--dataset", table, "--no-tune", "--out", "h.safetensors"]) == 0
    assert run(classify, ["evaluate", "--head", "h.safetensors", "--dataset", table, "--split", "all"]) == 0
    assert run(featurize, ["export", "all.npz", "--dataset", table]) == 0
    assert run(featurize, ["audit", "--dataset", table, "--no-pictures"]) == 0


@pytest.mark.parametrize("form", ["semicolons", "stray byte", "workbook"])
def test_heads_are_compared_whatever_saved_the_table(
    place: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["compare", "--heads", "prototype", "--no-tune", "--dataset", str(saved_as(form, place)), "--test", "val"]
    assert run(classify, command) == 0, capsys.readouterr().err
    assert "Frühbarock" in (place / "reports/comparison/index.html").read_text("utf-8")


def test_a_column_of_one_name_twice_is_an_error_that_names_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (place / "dataset.csv").read_text("utf-8-sig").splitlines()
    (place / "table.csv").write_text("\n".join([lines[0] + ",style", *(line + ",x" for line in lines[1:])]))
    assert run(classify, ["fit", "--head", "prototype", "--dataset", "table.csv"]) == 1
    assert "two of its columns are named 'style'" in capsys.readouterr().err


def test_a_row_without_an_id_is_named(place: Path) -> None:
    from featurize.errors import TableError

    table = read_table(place / "dataset.csv")
    with pytest.raises(TableError, match=r"'pictures/Baroque/0\.jpg' has no id: `featurize prepare`"):
        DatasetTable({**table.columns, "id": ["", *list(table.columns["id"])[1:]]}, place)


def test_empty_rows_that_a_spreadsheet_leaves_are_none(place: Path) -> None:
    text = (place / "dataset.csv").read_text("utf-8-sig")
    (place / "table.csv").write_text(text + "\n" + "," * 7 + "\n")
    assert len(read_table(place / "table.csv")) == len(read_table(place / "dataset.csv"))


def test_labels_that_differ_by_a_space_are_one_class(place: Path) -> None:
    text = (place / "dataset.csv").read_text("utf-8-sig").replace("Frühbarock,", "Frühbarock ,", 3)
    (place / "table.csv").write_text(text)
    assert len(set(read_table(place / "table.csv").column("style"))) == 3


@pytest.mark.parametrize(
    "label",
    [
        "佚名 作者不詳",
        "$\\frac{1}$ and $",
        "a\x07b\x1b[31m",
        "two\nlines",
        "long " * 1000,
        "\U0001f600",
        "שלום",
        "'=1+1",
    ],
    ids=["Chinese", "dollars", "control characters", "two lines", "long", "emoji", "right to left", "formula"],
)
def test_any_text_is_a_label(place: Path, label: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = read_table(place / "dataset.csv")
    styles = [label if style == "Frühbarock" else style for style in table.columns["style"]]
    write_table(table.with_columns(style=styles), place / "dataset.csv")
    assert run(classify, ["compare", "--heads", "prototype", "--no-tune", "--test", "val"]) == 0, (
        capsys.readouterr().err
    )
    assert run(classify, ["fit", "--head", "prototype", "--no-tune"]) == 0, capsys.readouterr().err
