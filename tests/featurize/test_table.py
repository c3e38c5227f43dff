"""The dataset table survives files, people and spreadsheets."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.dataset.table import DatasetTable, read_table, write_table
from featurize.errors import TableError

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=20)
names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[str]]:
    rows = draw(st.integers(1, 5))

    def column(values: st.SearchStrategy[str]) -> list[str]:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
    labels = {name: column(text) for name in draw(st.sets(names, max_size=3))}
    return {
        "id": column(digests),
        "path": draw(st.lists(text.filter(bool), min_size=rows, max_size=rows, unique=True)),
        "size": column(st.integers(0, 2**40).map(str)),
        "mtime_ns": column(st.integers(0, 2**62).map(str)),
        "split": column(st.sampled_from(["train", "val", "test", ""])),
        **{k: v for k, v in labels.items() if k not in ("id", "path", "size", "mtime_ns", "split")},
    }


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@given(columns=tables())
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, ending: str, columns: dict[str, list[str]]
) -> None:
    path = tmp_path_factory.mktemp("table") / f"dataset{ending}"
    write_table(DatasetTable(columns, path.parent), path)
    assert {c: list(v) for c, v in read_table(path).columns.items()} == columns


ROW = "0" * 64


@pytest.mark.parametrize(
    "content",
    [
        f"id;path;split;style\n{ROW};a.jpg;train;Baroque\n",
        f"\ufeffid,path,split,style\r\n{ROW},a.jpg,train,Baroque\r\n",
        f"id\tpath\tsplit\tstyle\n{ROW}\ta.jpg\ttrain\tBaroque\n\n",
        f"style,note,split,path,id\nBaroque,mine,train,a.jpg,{ROW}\n",
    ],
    ids=["semicolons", "byte order mark and CRLF", "tabs and an empty line", "moved and added columns"],
)
def test_what_spreadsheets_do_is_forgiven(tmp_path: Path, content: str) -> None:
    path = tmp_path / "dataset.csv"
    path.write_text(content, encoding="utf-8", newline="")
    table = read_table(path)
    assert table.columns["style"] == ["Baroque"]
    assert table.picture(0).path == tmp_path / "a.jpg"


def test_a_time_rounded_by_a_spreadsheet_counts_as_unknown(tmp_path: Path) -> None:
    path = tmp_path / "dataset.csv"
    path.write_text(f"id,path,size,mtime_ns,split\n{ROW},a.jpg,12,1.79544E+18,train\n")
    assert read_table(path).picture(0).mtime_ns == -1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no column 'id'"),
        ("path,split\na.jpg,train\n", "no column 'id'"),
        ("id,path,split\nxyz,a.jpg,train\n", "'xyz' is not an id"),
        (f"id,path,split\n{ROW},a.jpg,training\n", "split 'training'"),
        (f"id,path,split\n{ROW},a.jpg\n", "line 2 has 2 fields"),
    ],
)
def test_a_broken_table_is_told_in_a_sentence(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "dataset.csv"
    path.write_text(content)
    with pytest.raises(TableError, match=message):
        read_table(path)


def test_bytes_of_names_that_are_no_utf8_are_kept(tmp_path: Path) -> None:
    strange = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    path = tmp_path / "dataset.csv"
    write_table(DatasetTable({"id": [ROW], "path": [strange], "split": ["train"]}, tmp_path), path)
    assert read_table(path).columns["path"] == [strange]


def test_an_empty_split_and_a_missing_target_list_what_there_is(tmp_path: Path) -> None:
    table = DatasetTable({"id": [ROW], "path": ["a"], "split": ["train"], "style": ["x"]}, tmp_path)
    with pytest.raises(TableError, match=r"'test' is empty \(the table has: train 1\)"):
        table.rows_of("test")
    with pytest.raises(TableError, match=r"no labels 'genre' \(it has: style\)"):
        table.column("genre")
    for ask in (lambda empty: empty.rows_of("all"), lambda empty: empty.rows_of("val"), lambda e: e.column("style")):
        with pytest.raises(TableError, match="has no rows: `featurize prepare SOURCE` finds the pictures"):
            ask(table.take([]))


def test_a_period_that_is_no_column_comes_with_the_command_that_makes_it() -> None:
    fact = {"id": ["0" * 64], "path": ["a.jpg"], "size": ["1"], "mtime_ns": ["1"], "split": ["train"], "year": ["1889"]}
    for target, name in (("century", "century"), ("period:30", "period")):
        with pytest.raises(TableError, match=f"`featurize prepare SOURCE --target {target}` makes a column `{name}`"):
            DatasetTable(fact, Path()).column(target)
    with pytest.raises(TableError, match=r"choose one with --target$"):
        DatasetTable(fact, Path()).column("genre")
