"""The folder on disk: damage is found and set aside, merging loses nothing, writing is all or nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cache import (
    CacheError,
    FeatureCache,
    ForeignKey,
    Key,
    SegmentDamaged,
    StorageFailed,
    UnclearKey,
    files,
    open_cache,
)
from cache.compact import compact
from cache.store import KEY_FILE
from tests.cache.samples import AVGPOOL, KEY, STATS, ids_of, network, rows_of, vector_of


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    made = FeatureCache.create(tmp_path / "features", KEY)
    made.append(rows_of([1, 2, 3]))
    made.append(rows_of([4, 5], failed=(5,)))
    return made


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 16
    path.write_bytes(data)


def test_a_damaged_segment_is_left_out_named_and_set_aside(cache: FeatureCache) -> None:
    hurt = next(s for s in cache.segments if len(s) == 3)
    flip(hurt.path, hurt.recipes[AVGPOOL].offset)
    again = FeatureCache(cache.folder)
    again.verify()
    assert hurt.path.name in str(again.problems[0])
    assert again.missing(ids_of([1, 2, 3, 4]), [AVGPOOL]).tolist() == [True, True, True, False]
    assert again.set_aside_damaged() == [hurt.path]
    assert (cache.folder / "damaged" / hurt.path.name).exists(), "nothing is thrown away"
    assert not FeatureCache(cache.folder).problems


def test_gathering_from_a_damaged_segment_raises_instead_of_returning(cache: FeatureCache) -> None:
    hurt = next(s for s in cache.segments if len(s) == 3)
    flip(hurt.path, hurt.recipes[AVGPOOL].offset + 7)
    with pytest.raises(SegmentDamaged, match=hurt.path.name):
        FeatureCache(cache.folder).gather(ids_of([2]), AVGPOOL)


def test_a_changed_key_file_is_refused(cache: FeatureCache) -> None:
    text = (cache.folder / KEY_FILE).read_bytes()
    (cache.folder / KEY_FILE).write_bytes(text.replace(b"256", b"232"))
    with pytest.raises(ForeignKey, match="was changed"):
        FeatureCache(cache.folder)


def test_two_keys_and_none_chosen_are_listed(tmp_path: Path) -> None:
    root = tmp_path / "features"
    caches = [FeatureCache.create(root, Key(network(name), "w", {})) for name in ("resnet18", "resnet50")]
    with pytest.raises(UnclearKey, match=f"{caches[0].folder.name}, {caches[1].folder.name}"):
        open_cache(root)
    assert open_cache(root, "resnet18").key.backbone == "resnet18"
    assert open_cache(root, caches[1].key.digest[:6]).key.backbone == "resnet50"
    assert open_cache(caches[0].folder).key.backbone == "resnet18"
    with pytest.raises(UnclearKey, match="there are"):
        open_cache(root, "vgg")
    with pytest.raises(UnclearKey, match="featurize run"):
        open_cache(tmp_path / "nowhere")


def test_merging_keeps_every_row_and_every_bit(cache: FeatureCache) -> None:
    cache.append(rows_of([6, 5]))
    cache.append(rows_of([1, 2], (STATS,)))
    done = compact(cache)
    assert (done.before, done.after) == (4, 2), "one for each set of recipes"
    again = FeatureCache(cache.folder)
    wanted = [6, 5, 4, 3, 2, 1]
    assert again.gather(ids_of(wanted), AVGPOOL).tobytes() == np.stack([vector_of(n) for n in wanted]).tobytes()
    assert again.gather(ids_of([2]), STATS).tobytes() == vector_of(2, STATS).tobytes()
    assert again.failures() == []
    assert compact(again).after == 2, "nothing is left to merge"


def test_a_crash_between_merging_and_deleting_leaves_harmless_duplicates(
    cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "remove", crash)
        with pytest.raises(KeyboardInterrupt):
            compact(cache)
    halfway = FeatureCache(cache.folder)
    assert len(halfway.segments) == 3
    assert len(halfway.ids()) == 5, "nobody stands twice in what readers see"
    assert compact(halfway).after == 1
    assert FeatureCache(cache.folder).gather(ids_of([3]), AVGPOOL).tobytes() == vector_of(3).tobytes()


def test_merging_respects_a_size(cache: FeatureCache) -> None:
    size = max(s.size for s in cache.segments)
    assert compact(cache, target_bytes=int(size * 1.5)).after == 2, "two together would be larger than the target"


def test_a_reader_survives_a_merge_by_another_process(cache: FeatureCache) -> None:
    reader = FeatureCache(cache.folder)
    mapped = reader.gather(ids_of([1]), AVGPOOL)
    compact(cache)
    reader.refresh()
    assert reader.gather(ids_of([1]), AVGPOOL).tobytes() == mapped.tobytes()


def test_a_failed_write_leaves_everything_as_it_was(cache: FeatureCache, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(p.name for p in cache.folder.iterdir())

    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(StorageFailed, match="disk is full"):
            cache.append(rows_of([7]))
    assert sorted(p.name for p in cache.folder.iterdir()) == before
    assert FeatureCache(cache.folder).gather(ids_of([1]), AVGPOOL).tobytes() == vector_of(1).tobytes()


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_no_error_of_the_file_system_passes_silently(
    cache: FeatureCache, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(StorageFailed, match="input/output"):
            cache.append(rows_of([7]))
    assert not any(p.name.startswith(files.TEMPORARY) for p in cache.folder.iterdir())


def test_data_reach_the_disk_before_the_name_and_the_name_before_the_return(
    cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    sync, rename = os.fsync, os.rename

    def traced_sync(handle: int) -> None:
        calls.append("fsync " + ("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file"))  # noqa: PTH112
        sync(handle)

    def traced_rename(a: Path, b: Path) -> None:
        calls.append("rename")
        rename(a, b)

    monkeypatch.setattr(os, "fsync", traced_sync)
    monkeypatch.setattr(os, "rename", traced_rename)
    cache.append(rows_of([7]))
    assert calls == ["fsync file", "rename", "fsync folder"]


def test_leftovers_of_dead_writers_are_swept_those_of_living_ones_stay(cache: FeatureCache) -> None:
    import socket

    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    gone = cache.folder / f"{files.TEMPORARY}{socket.gethostname()}~{dead.stdout.strip()}~x.h5.part"
    mine = cache.folder / f"{files.TEMPORARY}{socket.gethostname()}~{os.getpid()}~x.h5.part"
    other = cache.folder / f"{files.TEMPORARY}other-host~12~x.h5.part"
    for leftover in (gone, mine, other):
        leftover.write_bytes(b"half")
    files.sweep(cache.folder)
    assert (gone.exists(), mine.exists(), other.exists()) == (False, True, True)


def test_a_segment_that_is_being_written_is_nobody_s_damage(
    cache: FeatureCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process that looks at this moment must neither read it nor set it aside."""
    seen: list[tuple[int, list[CacheError]]] = []
    rename = os.rename

    def look_then_rename(a: Path, b: Path) -> None:
        other = FeatureCache(cache.folder)
        seen.append((len(other.ids()), other.problems))
        rename(a, b)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", look_then_rename)
        cache.append(rows_of([7]))
    assert seen == [(5, [])]
    assert len(FeatureCache(cache.folder).ids()) == 6


def test_a_file_in_the_way_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "features").write_text("a file")
    with pytest.raises(CacheError, match="features"):
        FeatureCache.create(tmp_path / "features", KEY)
