"""What a file's name promises: bytes are flushed before it, its folder after it; and what the helpers leave alone."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cache import StorageFailed, files


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is flushed and renamed, in order: ("fsync", path) and ("name", path)."""
    seen: list[tuple[str, str]] = []
    sync = os.fsync

    def traced_sync(handle: int) -> None:
        seen.append(("fsync", os.readlink(f"/proc/self/fd/{handle}")))  # noqa: PTH115
        sync(handle)

    def traced(call: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
        def note(a: Path, b: Path) -> None:
            call(a, b)
            seen.append(("name", str(b)))

        return note

    monkeypatch.setattr(os, "fsync", traced_sync)
    for name in ("rename", "link"):
        monkeypatch.setattr(os, name, traced(getattr(os, name)))
    return seen


def test_a_file_that_another_library_wrote_is_flushed_before_it_gets_its_name(
    tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    temporary, path = tmp_path / "x.part", tmp_path / "x"
    temporary.write_bytes(b"data")
    files.commit(temporary, path)
    assert calls == [("fsync", str(temporary)), ("name", str(path)), ("fsync", str(tmp_path))]
    assert path.read_bytes() == b"data"


@pytest.mark.parametrize("write", [files.write_atomic, files.create])
def test_a_file_that_is_written_is_flushed_before_it_gets_its_name(
    write: Callable[[Path, list[bytes]], object], tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    path = tmp_path / "x"
    write(path, [b"da", b"", b"ta"])
    assert [what for what, _ in calls] == ["fsync", "name", "fsync"]
    assert [place for _, place in calls[1:]] == [str(path), str(tmp_path)]
    assert path.read_bytes() == b"data"
    assert os.listdir(tmp_path) == ["x"]  # noqa: PTH208


def test_folders_are_made_with_those_above_them_and_all_their_names_are_flushed(
    tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    folder = tmp_path / "a" / "b" / "c"
    files.make_folder(folder)
    assert {place for _, place in calls} == {str(folder.parents[n]) for n in range(3)}
    calls.clear()
    files.make_folder(folder)
    assert calls == [("fsync", str(folder.parent))], "the process that made it may have died before the flush"


def test_what_moves_is_flushed_in_both_folders(tmp_path: Path, calls: list[tuple[str, str]]) -> None:
    path, target = tmp_path / "a" / "x", tmp_path / "b" / "y"
    path.parent.mkdir()
    path.write_bytes(b"data")
    files.move(path, target)
    at = calls.index(("name", str(target)))
    assert set(calls[at + 1 :]) == {("fsync", str(path.parent)), ("fsync", str(target.parent))}
    assert target.read_bytes() == b"data"
    files.move(path, target)  # gone already
    assert target.read_bytes() == b"data"


def test_folders_that_a_dead_process_named_are_flushed_and_missing_ones_are_no_error(
    tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    files.settle(tmp_path, tmp_path / "missing")
    assert calls == [("fsync", str(tmp_path))]


def test_a_folder_is_removed_with_empty_ones_and_stays_where_there_are_files(
    tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    files.remove_folder(tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert calls == [("fsync", str(tmp_path))]
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "x").write_bytes(b"data")
    files.remove_folder(tmp_path / "a")
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["x"]


def test_a_file_is_removed_once(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"data")
    files.remove(path)
    files.remove(path)
    path.mkdir()
    with pytest.raises(StorageFailed, match="a folder"):
        files.remove(path)


@pytest.mark.parametrize(("offset", "length"), [(0, None), (3, None), (0, 0), (2, 5), (7, 100), (10, 3), (12, None)])
def test_a_range_of_a_file_is_read_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset: int, length: int | None
) -> None:
    monkeypatch.setattr(files, "_READ_BLOCK", 4)
    (tmp_path / "x").write_bytes(b"0123456789")
    blocks = list(files.read_blocks(tmp_path / "x", offset, length))
    assert b"".join(blocks) == b"0123456789"[offset : None if length is None else offset + length]
    assert all(0 < len(block) <= 4 for block in blocks)
    assert all(len(block) == 4 for block in blocks[:-1])


def test_a_checksum_is_of_the_bytes_however_they_are_cut() -> None:
    """XXH3's of nothing is a known number."""
    assert files.checksum([b"abc", b"", b"def"]) == files.checksum([memoryview(b"abcdef")])
    assert files.checksum([]) == "99aa06d3014798d86001c324468d497f"


@pytest.mark.parametrize("pid", [2**22 + 1, 2**40, "none"])
def test_only_what_dead_writers_of_a_file_left_beside_it_is_swept(tmp_path: Path, pid: object) -> None:
    mine, other = files.temporary_of(tmp_path / "x"), files.temporary_of(tmp_path / "y")
    dead = [p.with_name(p.name.replace(f"~{os.getpid()}~", f"~{pid}~")) for p in (mine, other)]
    for path in (mine, *dead):
        path.write_bytes(b"data")
    files.sweep_beside(tmp_path / "x")
    assert sorted(tmp_path.iterdir()) == sorted([mine, dead[1]])
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / dead[0].name).write_bytes(b"data")
    files.sweep(tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [mine]


@pytest.mark.parametrize("write", [files.write_atomic, files.create])
def test_a_file_has_the_permissions_that_the_user_gives_to_new_files(
    write: Callable[[Path, list[bytes]], object], tmp_path: Path
) -> None:
    """No more, so that nothing is executable; and no less, so that others of a group can read it."""
    before = os.umask(0o002)
    try:
        write(tmp_path / "x", [b"data"])
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o664


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system can't be asked to forget pages")
def test_what_is_read_back_comes_from_the_disk_and_not_from_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pages of the file are given up between flushing and reading."""
    done: list[object] = []
    sync, compare = os.fsync, files._compare
    monkeypatch.setattr(os, "fsync", lambda handle: done.append("flushed") or sync(handle))
    monkeypatch.setattr(os, "posix_fadvise", lambda _, *what: done.append(what))
    monkeypatch.setattr(files, "_compare", lambda *what: done.append("compared") or compare(*what))
    files.write_atomic(tmp_path / "x", [b"data"])
    assert done[:3] == ["flushed", (0, 0, os.POSIX_FADV_DONTNEED), "compared"]


def test_a_disk_that_takes_no_more_bytes_is_no_endless_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda *_: 0)
    with pytest.raises(StorageFailed, match=r"x': the disk reports an input/output error"):
        files.write_atomic(tmp_path / "x", [b"data"])
    assert list(tmp_path.iterdir()) == []


def test_a_write_goes_on_where_the_system_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of any item size, taken a few bytes at a time."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:3]))
    numbers = memoryview(bytes(range(16))).cast("I")
    files.write_atomic(tmp_path / "x", [b"abcdefgh", numbers, b""])
    assert (tmp_path / "x").read_bytes() == b"abcdefgh" + bytes(range(16))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full: free some space"),
        (OSError(errno.ENXIO, "No such device or address"), "No such device or address"),
        (OSError("the library says no more"), "the library says no more"),
    ],
)
def test_what_the_system_refuses_is_said_with_the_way_out_where_one_is_known(error: OSError, words: str) -> None:
    assert files.way_out(error).startswith(words)
