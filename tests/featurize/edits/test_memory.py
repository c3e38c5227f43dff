"""What is remembered of a table, and what happens where nothing is remembered or something is damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.dataset.edits.memory import Cell, Edits, Memory, memory_path, recall, remember
from featurize.dataset.prepare import prepare
from featurize.errors import TableError
from tests.conftest import save_picture
from tests.featurize.edits.tables import P0, P1, P2, again, edit, notes, rows_of, write_list


@given(data=st.data())
def test_a_memory_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    text = st.text(max_size=5)
    names = data.draw(st.lists(text, min_size=1, max_size=8, unique=True))
    columns = {
        "id": [f"{n:064x}" for n in range(len(names))],
        "path": names,
        "style": [data.draw(st.sampled_from(["a", "b"])) for _ in names],
    }
    edits = Edits(
        {name: {"style": Cell(data.draw(st.none() | text), "x")} for name in names[:2]},
        {"note": {"gone": "y"}},
        ("inv",),
        {"old": "0" * 64},
        frozenset(names[1:2]),
        {"old": "0" * 64},
    )
    table = tmp_path_factory.mktemp("memory") / "dataset.csv"
    memory = Memory(columns, edits, "1", "2")
    remember(memory, table)
    assert recall(table) == memory


def test_names_that_are_no_utf8_are_remembered(tmp_path: Path) -> None:
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    memory = Memory({"id": ["0"], "path": [name]}, Edits({name: {"style": Cell("a", "b")}}), "")
    remember(memory, tmp_path / "dataset.csv")
    assert recall(tmp_path / "dataset.csv") == memory


def test_a_run_that_stopped_between_memory_and_table_changes_nothing_for_people(
    listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory is written first; new pictures are then not taken for deleted rows."""
    write_list(listed, without=[0, 1])
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    write_list(listed, without=[2])

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("featurize.dataset.edits.older._replace", stop)
        with pytest.raises(KeyboardInterrupt):
            again(listed)
    done = again(listed)
    rows = rows_of(listed / "dataset.csv")
    assert {P0, P1} <= set(rows)
    assert P2 not in rows
    assert done.kept.deleted == 0
    write_list(listed)
    again(listed)
    assert rows_of(listed / "dataset.csv")[P2]["style"] == "Rococo"


# tables of which nothing is remembered, or something wrong


def test_without_a_memory_all_that_differs_is_kept_said_and_backed_up(listed: Path) -> None:
    again(listed)
    memory_path(listed / "dataset.csv").unlink()
    edit(listed / "dataset.csv", lambda rows: [row | {"note": "x"} for row in rows[1:]])
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo", split="test"))
    done = again(listed, split=None)
    rows = rows_of(listed / "dataset.csv")
    assert (rows[P1]["style"], rows[P1]["split"], rows[P1]["note"]) == ("Rococo", "test", "x")
    assert "nothing is remembered of the table before" in notes(done)
    assert "1 pictures of the source were not in the table: added, also those that you had removed" in notes(done)
    assert done.backup is not None
    assert P0 not in rows_of(done.backup)
    assert "nothing is remembered" not in notes(again(listed, split=None))


def test_a_table_without_a_memory_that_agrees_with_its_source_says_nothing(listed: Path) -> None:
    again(listed)
    memory_path(listed / "dataset.csv").unlink()
    done = again(listed)
    assert (done.backup, done.kept.total) == (None, 0)
    assert "remembered" not in notes(done)
    assert recall(listed / "dataset.csv") is not None


def test_a_table_of_other_pictures_is_backed_up_and_not_mixed_in(listed: Path) -> None:
    again(listed)
    memory_path(listed / "dataset.csv").unlink()
    for n in range(4):
        save_picture(listed / "other" / "ab"[n % 2] / f"{n}.jpg", 50 + n)
    done = prepare(listed / "other", listed / "dataset.csv")
    assert len(done.table) == 4
    assert done.backup is not None
    assert len(rows_of(done.backup)) == 10


def test_a_file_that_is_no_table_is_backed_up(listed: Path) -> None:
    (listed / "dataset.csv").write_text("my notes\non everything\n")
    done = again(listed)
    assert done.backup is not None
    assert done.backup.read_text() == "my notes\non everything\n"


@pytest.mark.parametrize("what", ["ragged", "two rows", "no path", "split", "path renamed"])
def test_a_table_that_cannot_be_understood_is_not_written_over(listed: Path, what: str) -> None:
    again(listed)
    table = listed / "dataset.csv"
    if what == "ragged":
        table.write_text(table.read_text() + "a,b\n")
    else:
        change = {
            "two rows": lambda rows: [*rows, rows[0] | {"style": "x"}],
            "no path": lambda rows: [*rows, {"path": "", "style": "x"}],
            "split": lambda rows: rows[0].update(split="held out"),
            "path renamed": lambda rows: [{"Pfad" if k == "path" else k: v for k, v in r.items()} for r in rows],
        }[what]
        edit(table, change)
    before = table.read_bytes()
    with pytest.raises(TableError):
        again(listed)
    assert table.read_bytes() == before
    done = again(listed, discard_edits=True)
    assert done.backup is not None
    assert done.backup.read_bytes() == before


def test_a_damaged_memory_is_said_and_nothing_is_written(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    for damage in ("{", "[]", '{"version": 1}', json.dumps({"version": 99})):
        memory_path(listed / "dataset.csv").write_text(damage)
        with pytest.raises(TableError, match="is damaged: move it away"):
            again(listed)
    assert rows_of(listed / "dataset.csv")[P0]["style"] == "Rococo"


def test_a_table_that_was_deleted_comes_back_with_its_edits(listed: Path) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    again(listed)
    (listed / "dataset.csv").unlink()
    done = again(listed)
    assert rows_of(listed / "dataset.csv")[P0]["style"] == "Rococo"
    assert "is gone" in notes(done)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n", b"\0" * 500])
def test_a_table_that_was_emptied_comes_back_with_its_edits(listed: Path, content: bytes) -> None:
    again(listed)
    edit(listed / "dataset.csv", lambda rows: rows[0].update(style="Rococo"))
    again(listed)
    (listed / "dataset.csv").write_bytes(content)
    done = again(listed)
    assert rows_of(listed / "dataset.csv")[P0]["style"] == "Rococo"
    assert "is empty" in notes(done)
