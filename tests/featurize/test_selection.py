"""Conditions that only compare, and samples that follow from seed and names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.dataset.choosing.selection import Selection, read_classes, select
from featurize.dataset.conditions import rows_where
from featurize.dataset.prepare import prepare
from featurize.errors import SourceError
from tests.featurize.miniatures import BROKEN, jpeg, put

COLUMNS = {
    "style": ["Realism", "Art_Nouveau_(Modern)", "Rococo", ""],
    "year": ["1870", "1900", "", "1999"],
    "artist": ["Gustave Courbet", "alphonse-mucha", "Unknown", ""],
}


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("year < 1900", [0]),
        ("year >= 1900", [1, 3]),
        ("1850 < year <= 1900", [0, 1]),
        ("not year < 1900", [1, 3]),
        ("year < '1900'", [0]),
        ("'1900' <= year", [1, 3]),
        ("year != 1900", [0, 3]),
        ("style == 'Art Nouveau (Modern)'", [1]),
        ("style in ('realism', 'rococo')", [0, 2]),
        ("style not in ['Realism', 'Rococo']", [1, 3]),
        ("style != ''", [0, 1, 2]),
        ("'courbet' in artist", [0]),
        ("year < 1900 or style == 'Rococo'", [0, 2]),
        ("year > 1800 and not (style == 'Realism' or year == 1999)", [1]),
        ("year > -5", [0, 1, 3]),
        ("artist < 'b'", [1, 3]),
        ("style == style", [0, 1, 2, 3]),
    ],
)
def test_what_conditions_mean(condition: str, rows: list[int]) -> None:
    assert rows_where(condition, COLUMNS, 4) == rows


@pytest.mark.parametrize(
    "condition",
    [
        "__import__('os').system('touch owned')",
        "().__class__.__bases__[0].__subclasses__()",
        "year.bit_length() < 3",
        "[x for x in year]",
        "lambda: 1",
        "year if year else 1 < 2",
        "f'{year}' == '1'",
        "year ** 9 < 5",
        "9**9**9 < year",
        "(year := 3) < 4",
        "style is 'Realism'",
        "style in 'Realism'",
        "year",
        "1 < 2 <",
        "year < 1900; import os",
        "",
        "(" * 500 + "1 < 2" + ")" * 500,
        "year < 1" + "0" * 3000,
        "style == b'x'",
        "not",
    ],
)
def test_nothing_but_comparisons_is_understood(condition: str) -> None:
    with pytest.raises(SourceError, match="--where"):
        rows_where(condition, COLUMNS, 4)


ODD = {
    "object name": ["vase", "bowl", "plate", ""],
    "Inv. No.": ["7", "8", "9", "10"],
    "class": ["a", "b", "a", "b"],
    "Nº": ["1", "2", "3", "4"],
    "it's": ["x", "y", "x", "y"],
    "year": ["1870", "1900", "", "1999"],
}


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("`object name` == 'vase'", [0]),
        ("`object name` in ('vase', 'bowl') and year < 1900", [0]),
        ("7 < `Inv. No.` <= 9", [1, 2]),
        ("`class` == 'a' or not `object name` != 'bowl'", [0, 1, 2]),
        ("Nº > 2", [2, 3]),
        ("`Nº` > 2", [2, 3]),
        ("`it's` == 'x'", [0, 2]),
        ("'bow' in `object name`", [1]),
        ("`year` == 1900", [1]),
        ("`object name` == '`class`'", []),
        ('`object name` != "a `b` c" and`year`==1870', [0]),
        ("-8 < `Inv. No.` < 8", [0]),
    ],
)
def test_columns_with_any_name_stand_in_backticks(condition: str, rows: list[int]) -> None:
    assert rows_where(condition, ODD, 4) == rows


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("object name == 'vase'", "names have spaces or dots in backticks, like `object name` == 'x'"),
        ("`objekt name` == 'vase'", r"no column 'objekt name' \(there are: `object name`, `Inv. No.`, `class`, "),
        ("`object name`", "'`object name`' is not understood"),
        ("`object name == 'vase'", "in backticks, like `object name`"),
        ("`` == 'vase'", "in backticks"),
    ],
)
def test_an_error_says_how_to_name_such_a_column(condition: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        rows_where(condition, ODD, 4)


def test_an_unknown_column_is_told_with_those_there_are() -> None:
    with pytest.raises(SourceError, match=r"no column 'stile' \(there are: style, year, artist\); texts stand in"):
        rows_where("stile == 'x'", COLUMNS, 4)


@given(st.text("yearstyle`<>=!()'\"0123456789 andornotin.,[]{}:*%@-+~^&|\\", max_size=40))
def test_any_text_gives_rows_or_a_sentence(condition: str) -> None:
    try:
        rows = rows_where(condition, COLUMNS, 4)
    except SourceError:
        return
    assert set(rows) <= {0, 1, 2, 3}


def world(sizes: dict[str, int]) -> tuple[dict[str, list[str]], list[str]]:
    labels = [label for label, size in sizes.items() for _ in range(size)]
    return {"style": labels}, [f"{label}/{n}.jpg" for n, label in enumerate(labels)]


def chosen(sizes: dict[str, int], seed: int = 0, **wanted: object) -> Counter[str]:
    columns, names = world(sizes)
    rows = select(columns, "style", names, Selection(**wanted), seed)  # type: ignore[arg-type]
    assert rows == sorted(set(rows))
    return Counter(columns["style"][row] for row in rows)


SIZES = {"a": 600, "b": 300, "c": 90, "d": 10}


def test_top_and_least_classes() -> None:
    assert chosen(SIZES, top=2) == {"a": 600, "b": 300}
    assert chosen(SIZES, min_per_class=90) == {"a": 600, "b": 300, "c": 90}
    assert chosen({**SIZES, "": 5000}, top=1) == {"a": 600}


def test_a_proportional_sample_keeps_the_shares() -> None:
    assert chosen(SIZES, limit=100) == {"a": 60, "b": 30, "c": 9, "d": 1}


def test_a_stratified_sample_takes_as_many_of_each_as_there_are() -> None:
    assert chosen(SIZES, limit=100, sample="stratified") == {"a": 30, "b": 30, "c": 30, "d": 10}


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 60), min_size=1),
    st.integers(1, 200),
    st.sampled_from(["proportional", "stratified"]),
)
def test_a_sample_has_exactly_the_size_asked_for(sizes: dict[str, int], limit: int, sample: str) -> None:
    got = chosen(sizes, limit=limit, sample=sample)
    assert got.total() == min(limit, sum(sizes.values()))
    assert all(got[name] <= size for name, size in sizes.items())
    if sample == "proportional":
        total = sum(sizes.values())
        share = min(limit, total) / total
        assert all(abs(got[name] - share * size) < 1 for name, size in sizes.items())


@given(st.integers(0, 9), st.integers(1, 40))
def test_a_sample_follows_from_seed_and_names_and_keeps_most_when_pictures_are_added(seed: int, more: int) -> None:
    columns, names = world({"a": 200, "b": 100})
    wanted = Selection(limit=60)
    first = {names[row] for row in select(columns, "style", names, wanted, seed)}
    turned = {c: v[::-1] for c, v in columns.items()}
    assert {names[::-1][row] for row in select(turned, "style", names[::-1], wanted, seed)} == first
    bigger = {"style": [*columns["style"], *["a"] * more]}
    longer = [*names, *(f"a/new-{n}.jpg" for n in range(more))]
    second = {longer[row] for row in select(bigger, "style", longer, wanted, seed)}
    added = {name for name in second if "new" in name}
    assert len(first - second) <= len(added) + 2  # and two more, by which the classes' shares moved


def test_classes_from_a_file(tmp_path: Path) -> None:
    put(tmp_path / "classes.txt", b"# mine\nart nouveau\n\nRococo\n")
    assert read_classes(tmp_path / "classes.txt") == ["art nouveau", "Rococo"]
    put(tmp_path / "numbered.txt", b"0 Action_painting\n1 Art_Nouveau\n")
    assert read_classes(tmp_path / "numbered.txt") == ["Action_painting", "Art_Nouveau"]
    assert chosen({"Art_Nouveau": 3, "Dada": 2}, classes=["art nouveau"]) == {"Art_Nouveau": 3}
    with pytest.raises(SourceError, match=r"--classes: there is no style 'Pop' \(there are: Dada\)"):
        chosen({"Dada": 2}, classes=["Pop"])
    put(tmp_path / "empty.txt", b"")
    with pytest.raises(SourceError, match="names no class"):
        read_classes(tmp_path / "empty.txt")
    with pytest.raises(SourceError, match="can't be read"):
        read_classes(tmp_path / "nowhere.txt")


def test_nothing_left_is_told() -> None:
    with pytest.raises(SourceError, match="of 1000 pictures none is left"):
        chosen(SIZES, min_per_class=5000)


def test_only_wanted_files_are_read_and_all_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from featurize.dataset.choosing import looks

    for n in range(12):
        put(tmp_path / f"p/{'ab'[n % 2]}/{n}.jpg", jpeg(n))
    opened: list[str] = []
    original = looks._look_at
    monkeypatch.setattr(looks, "_look_at", lambda where: opened.append(where) or original(where))
    done = prepare(tmp_path / "p", tmp_path / "d.csv", selection=Selection(limit=4))
    assert len(opened) == len(done.table) == 4
    assert (done.left_out, done.named) == (8, 12)


def test_broken_pictures_are_replaced_until_the_selection_holds(tmp_path: Path) -> None:
    for n in range(20):
        put(tmp_path / f"p/a/{n}.jpg", BROKEN if n % 2 else jpeg(n))
    done = prepare(tmp_path / "p", tmp_path / "d.csv", selection=Selection(limit=10))
    assert len(done.table) == 10
    assert done.named == 20


def test_a_class_that_broken_pictures_make_too_small_is_left_out(tmp_path: Path) -> None:
    for n in range(6):
        put(tmp_path / f"p/a/{n}.jpg", jpeg(n))
        put(tmp_path / f"p/b/{n}.jpg", BROKEN if n == 0 else jpeg(100 + n))
    done = prepare(tmp_path / "p", tmp_path / "d.csv", selection=Selection(min_per_class=6))
    assert set(done.table.columns["style"]) == {"a"}
    assert (done.left_out, done.named) == (5, 12)


def test_a_period_is_a_target(tmp_path: Path) -> None:
    for n, year in enumerate((1790, 1810, 1890)):
        put(tmp_path / f"p/style/some-artist_x{n}-{year}.jpg", jpeg(n))
    put(tmp_path / "p/style/some-artist_undated.jpg", jpeg(9))
    done = prepare(tmp_path / "p", tmp_path / "d.csv", target="period:50")
    assert sorted(done.table.columns["period"]) == ["", "1750-1799", "1800-1849", "1850-1899"]
    assert set(done.table.columns["style"]) == {"style"}
    done = prepare(tmp_path / "p", tmp_path / "d.csv", target="century", selection=Selection(top=1))
    assert set(done.table.columns["century"]) == {"19th century"}
