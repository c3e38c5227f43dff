"""The folder on disk: a changed key is refused, merging is safe, writing is all or nothing, one cache is chosen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cache import (
    CacheError,
    FeatureCache,
    ForeignKey,
    Key,
    StorageFailed,
    UnclearKey,
    artifacts_of,
    create_cache,
    files,
    find_cache,
    has_cache,
    list_caches,
    list_keys,
    open_cache,
)
from cache.key import KEY_FILE
from cache.places import remember_place
from tests.cache.samples import AVGPOOL, KEY, ids_of, network, rows_of, vector_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "features" / KEY.folder_name


@pytest.fixture
def cache(folder: Path) -> FeatureCache:
    made = FeatureCache.create(folder.parent, KEY)
    made.append(rows_of([1, 2, 3]))
    made.append(rows_of([4, 5], failed=(5,)))
    return made


def test_a_changed_key_file_is_refused(cache: FeatureCache, folder: Path) -> None:
    text = (folder / KEY_FILE).read_bytes()
    (folder / KEY_FILE).write_bytes(text.replace(b"256", b"232"))
    for look in (
        lambda: FeatureCache(folder),
        lambda: list_keys(folder.parent),
        lambda: find_cache(folder.parent, KEY),
    ):
        with pytest.raises(ForeignKey, match="was changed"):
            look()


def test_a_cache_that_is_gone_is_no_empty_one(cache: FeatureCache, folder: Path) -> None:
    """A run on a disk that was taken away must not begin anew in its place."""
    shutil.rmtree(folder)
    with pytest.raises(StorageFailed, match="is gone"):
        cache.refresh()
    with pytest.raises(StorageFailed, match="is gone"):
        cache.gather(ids_of([1]), AVGPOOL)


def test_a_cache_is_found_by_its_key(cache: FeatureCache, folder: Path, tmp_path: Path) -> None:
    other = Key(network("resnet18"), "w", {})
    create_cache(str(folder.parent), other)
    (folder.parent / "notes").mkdir()
    (folder.parent / "readme.txt").write_text("mine")
    assert list_keys(folder.parent) == sorted([KEY, other], key=lambda k: k.folder_name)
    assert [c.key for c in list_caches(folder.parent)] == list_keys(folder.parent)
    assert [c.key for c in list_caches(folder)] == [KEY], "a key's own folder"
    found = find_cache(folder.parent, KEY)
    assert found is not None
    assert found.gather(ids_of([3]), AVGPOOL).tobytes() == vector_of(3).tobytes()
    assert find_cache(folder.parent, Key(network("vgg"), "w", {})) is None
    assert (has_cache(folder.parent, other), has_cache(tmp_path, other)) == (True, False)
    assert artifacts_of(folder.parent, KEY).place == str(folder)
    assert (list_keys(tmp_path / "nowhere"), list_caches(tmp_path / "nowhere")) == ([], [])


def test_two_keys_and_none_chosen_are_listed(tmp_path: Path) -> None:
    root = tmp_path / "features"
    caches = [FeatureCache.create(root, Key(network(name), "w", {})) for name in ("resnet18", "resnet50")]
    with pytest.raises(UnclearKey, match=f"{caches[0].key.folder_name}, {caches[1].key.folder_name}"):
        open_cache(root)
    remember_place(caches[0].artifacts, tmp_path / "tuned.safetensors")
    with pytest.raises(UnclearKey, match=r"resnet18-\w+ \(.*tuned.safetensors\), resnet50-\w+"):
        open_cache(root)
    assert open_cache(root, "resnet18").key.backbone == "resnet18"
    assert open_cache(root, caches[1].key.digest[:6]).key.backbone == "resnet50"
    assert open_cache(caches[0].place).key.backbone == "resnet18"
    with pytest.raises(UnclearKey, match=r"has 'vgg' in its name; there are: resnet18-\w+ \(.*resnet50-\w+$"):
        open_cache(root, "vgg")
    with pytest.raises(UnclearKey, match="featurize run"):
        open_cache(tmp_path / "nowhere")


def test_a_crash_between_merging_and_deleting_leaves_harmless_duplicates(
    cache: FeatureCache, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files, "remove", crash)
        with pytest.raises(KeyboardInterrupt):
            cache.compact()
    halfway = FeatureCache(folder)
    assert halfway.segment_count == 3
    assert len(halfway.ids()) == 5, "nobody stands twice in what readers see"
    assert halfway.compact().after == 1
    assert FeatureCache(folder).gather(ids_of([3]), AVGPOOL).tobytes() == vector_of(3).tobytes()


def test_merging_respects_a_size(cache: FeatureCache, folder: Path) -> None:
    size = max(path.stat().st_size for path in folder.glob("*.h5"))
    assert cache.compact(int(size * 1.5)).after == 2, "two together would be larger than the target"


def test_a_failed_write_leaves_everything_as_it_was(
    cache: FeatureCache, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(p.name for p in folder.iterdir())

    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(StorageFailed, match="disk is full"):
            cache.append(rows_of([7]))
    assert sorted(p.name for p in folder.iterdir()) == before
    assert FeatureCache(folder).gather(ids_of([1]), AVGPOOL).tobytes() == vector_of(1).tobytes()


def test_leftovers_of_dead_writers_are_swept_those_of_living_ones_stay(cache: FeatureCache, folder: Path) -> None:
    import socket

    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    gone = folder / f"{files.TEMPORARY}{socket.gethostname()}~{dead.stdout.strip()}~0~x.h5.part"
    mine = folder / f"{files.TEMPORARY}{socket.gethostname()}~{os.getpid()}~7~x.h5.part"
    other = folder / f"{files.TEMPORARY}other-host~12~x.h5.part"
    for leftover in (gone, mine, other):
        leftover.write_bytes(b"half")
    assert cache.repair() == []
    assert (gone.exists(), mine.exists(), other.exists()) == (False, True, True)


def test_a_segment_that_is_being_written_is_nobody_s_damage(
    cache: FeatureCache, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process that looks at this moment must neither read it nor set it aside."""
    seen: list[tuple[int, Sequence[CacheError]]] = []
    link = os.link

    def look_then_link(a: Path, b: Path) -> None:
        other = FeatureCache(folder)
        seen.append((len(other.ids()), other.verify()))
        link(a, b)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", look_then_link)
        cache.append(rows_of([7]))
    assert seen == [(5, [])]
    assert len(FeatureCache(folder).ids()) == 6


def test_a_file_in_the_way_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "features").write_text("a file")
    with pytest.raises(CacheError, match="features"):
        FeatureCache.create(tmp_path / "features", KEY)
