"""Where nothing can be written, one sentence says so before anything was done."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from cache import StorageFailed, files
from cache.writable import check_file, check_folder


def test_a_place_that_can_be_written_is_let_pass_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("old")
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "deep")
    check_file(tmp_path / "there")
    check_file(tmp_path / "new" / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_file_where_a_folder_is_needed_is_named_and_the_other_way_round(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("old")
    for check, place in ((check_folder, there), (check_folder, there / "in"), (check_file, there / "in")):
        with pytest.raises(StorageFailed, match=r"there' is a file, and a folder is needed; choose another"):
            check(place)
    with pytest.raises(StorageFailed, match="it is a folder, and a file is needed; choose another name"):
        check_file(tmp_path)
    with pytest.raises(StorageFailed, match="there': it is a file, and a folder is needed"):
        files.make_folder(there)


def test_a_folder_that_takes_nothing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    for check in (check_folder, check_file):
        with pytest.raises(StorageFailed, match="nothing may be written into"):
            check(tmp_path / "new")


def test_a_name_that_no_file_system_takes_is_one_sentence(tmp_path: Path) -> None:
    for check in (check_folder, check_file):
        with pytest.raises(StorageFailed, match="the name is too long: choose a shorter one"):
            check(tmp_path / ("x" * 300))


def test_what_is_not_there_can_be_removed_where_nothing_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that is read-only refuses before it looks; a run with nothing to do would end with an error."""

    def refuse(path: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "unlink", refuse)
    files.remove(tmp_path / "failures.csv")
    (tmp_path / "failures.csv").touch()
    with pytest.raises(StorageFailed, match="read-only"):
        files.remove(tmp_path / "failures.csv")


def test_it_is_asked_whether_names_may_be_added_and_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where everything is allowed to who runs the tests."""
    asked: list[tuple[Path, int]] = []
    monkeypatch.setattr(os, "access", lambda path, mode: asked.append((path, mode)) or False)
    for check, place in ((check_folder, tmp_path / "a" / "b"), (check_file, tmp_path / "a.csv")):
        with pytest.raises(StorageFailed, match="nothing may be written into"):
            check(place)
    assert asked == [(tmp_path, os.W_OK | os.X_OK)] * 2
