"""Caches of schema 1 are recognised, and taken over bit for bit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from cache import (
    CacheError,
    EarlierVersion,
    FeatureCache,
    ForeignKey,
    Kind,
    files,
    list_caches,
    list_earlier,
    open_cache,
)
from cache.adopt import adopt
from cache.buckets import Bucket
from cache.key import canonical_json
from cache.plan import EARLIER_PLANS
from cache.schema1 import NODES, refuse_unadopted
from tests.cache.earlier import TRANSFORM, earlier_key, write_earlier
from tests.cache.samples import AVGPOOL, KEY, STATS, ids_of, rows_of, vector_of

OLD = earlier_key()
NEW = OLD.key
assert NEW is not None
PLAN, NETWORK, FORMULAS = b'{"a": "plan"}', b"a network", b"formulas"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A features folder with one cache of schema 1: two segments, a failure, a plan, an exported network, a note."""
    folder = write_earlier(tmp_path, OLD, rows_of([1, 2, 3], (AVGPOOL, STATS)), rows_of([4, 5], failed=(5,)))
    (folder / "plans").mkdir()
    (folder / "plans" / f"{sha256(PLAN)}.json").write_bytes(PLAN)
    (folder / f"body-{sha256(NETWORK)[:16]}.onnx").write_bytes(NETWORK)
    (folder / f"recipes-{'0' * 16}-{sha256(FORMULAS)[:16]}.onnx").write_bytes(FORMULAS)
    (folder / "failures.csv").write_bytes(b"path,id\n")
    return tmp_path


def kept(cache: FeatureCache) -> list[bytes | None]:
    """The plan, the network and the formulas, where they are among a cache's artifacts."""
    kinds = EARLIER_PLANS, Kind("body", ".onnx"), Kind(f"recipes-{'0' * 16}", ".onnx")
    return [cache.artifacts.find(kind) for kind in kinds]


def test_the_digest_of_a_known_key_of_schema_1_is_that_of_the_version_that_wrote_it() -> None:
    """From a run of commit ee7f480."""
    old = earlier_key("resnet50", "random:seed=0,torch=2.14.1")
    assert old.folder_name == "resnet50-162c23e02fd2"


def test_the_key_of_schema_1_names_the_nodes_that_it_meant() -> None:
    assert NEW.network == {
        "provider": "torchvision",
        "name": "resnet50",
        "stages": ["layer1", "layer2", "layer3", "layer4"],
    }
    assert NEW.transform == {**TRANSFORM, "fit": "crop"}
    assert (NEW.weights, NEW.precision) == ("torchvision:resnet50-0676ba61", "fp32")
    assert len(NODES) == 15
    assert all(len(nodes) == 4 for nodes in NODES.values())


def test_the_nodes_that_schema_1_meant_never_change() -> None:
    """Else rows of an earlier cache would get the key of other numbers: checksum of the table as it was then."""
    assert hashlib.sha256(canonical_json(dict(NODES))).hexdigest()[:16] == "0f99ba4c0e44730c"


def test_rows_are_taken_over_bit_for_bit_with_all_that_lies_beside_them(root: Path) -> None:
    done = adopt(list_earlier(root)[0])
    assert (done.embedded, done.problems, done.removed) == (4, (), True)
    assert not done.old.exists()
    cache = FeatureCache(done.new)
    assert cache.key.digest == NEW.digest
    expected = np.stack([vector_of(n) for n in (1, 2, 3, 4)])
    assert cache.gather(ids_of([1, 2, 3, 4]), AVGPOOL).tobytes() == expected.tobytes()
    assert cache.gather(ids_of([2]), STATS).tobytes() == vector_of(2, STATS).tobytes()
    assert [f.detail for f in cache.failures()] == ["cut short at 5"]
    assert cache.environments() == [{"engine": "none", "threads": 1}]
    assert kept(cache) == [PLAN, NETWORK, FORMULAS]
    assert (done.new / "failures.csv").read_bytes() == b"path,id\n"
    assert cache.verify() == []
    assert list_earlier(root) == []


def test_a_calibrated_network_that_was_changed_is_set_aside_not_taken_over(root: Path) -> None:
    (body,) = (root / OLD.folder_name).glob("body-*.onnx")
    body.write_bytes(b"another network")
    done = adopt(list_earlier(root)[0])
    assert body.name in str(done.problems[0])
    assert (done.new / "damaged" / body.name).read_bytes() == b"another network", "nothing is thrown away"
    assert kept(FeatureCache(done.new)) == [PLAN, None, FORMULAS]


def test_a_cache_of_schema_1_is_never_read_as_if_it_were_new(root: Path) -> None:
    (old,) = list_earlier(root)
    for read in (
        lambda: FeatureCache(old.folder),
        lambda: open_cache(root),
        lambda: open_cache(root, "resnet50"),
        lambda: refuse_unadopted(root, NEW),
    ):
        with pytest.raises(EarlierVersion, match=rf"{old.folder.name}.*featurize adopt --features {root}.*nothing"):
            read()
    assert list_caches(root) == []
    refuse_unadopted(root, KEY)


def test_a_new_cache_beside_one_of_schema_1_is_open_to_all(root: Path) -> None:
    new = FeatureCache.create(root, KEY)
    assert [c.place for c in list_caches(root)] == [new.place]
    assert open_cache(root).place == new.place
    assert open_cache(root, "resnet50").place == new.place


def test_a_network_that_nobody_knows_is_not_taken_over(tmp_path: Path) -> None:
    folder = write_earlier(tmp_path, earlier_key("mynet"), rows_of([1]))
    before = contents(folder)
    with pytest.raises(EarlierVersion, match=r"'mynet' that it did not come with.*move the folder away"):
        adopt(list_earlier(tmp_path)[0])
    assert contents(folder) == before


def test_a_changed_key_of_schema_1_is_refused(root: Path) -> None:
    path = root / OLD.folder_name / "key.json"
    path.write_bytes(path.read_bytes().replace(b'"crop":224', b'"crop":240'))
    with pytest.raises(ForeignKey, match="was changed"):
        list_earlier(root)


@pytest.mark.parametrize(
    ("step", "calls"),
    [*(("create", n) for n in range(1, 7)), ("write_atomic", 1), *(("remove", n) for n in range(1, 8))],
)
def test_stopped_anywhere_it_loses_nothing_and_goes_on(
    root: Path, monkeypatch: pytest.MonkeyPatch, step: str, calls: int
) -> None:
    original, count = getattr(files, step), 0

    def stop(*arguments: object) -> object:
        nonlocal count
        count += 1
        if count == calls:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(files, step, stop)
        with pytest.raises(KeyboardInterrupt):
            adopt(list_earlier(root)[0])
    done = adopt(list_earlier(root)[0])
    assert (done.embedded, done.removed) == (4, True)
    cache = FeatureCache(done.new)
    found = cache.gather(ids_of([1, 2, 3, 4]), AVGPOOL)
    assert found.tobytes() == np.stack([vector_of(n) for n in (1, 2, 3, 4)]).tobytes()
    assert kept(cache) == [PLAN, NETWORK, FORMULAS]


def test_what_is_not_read_back_as_it_was_leaves_the_old_folder_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cache.segments import segment

    original, before = segment.write, contents(root / OLD.folder_name)

    def forge(bucket: Bucket, digest: str, rows: object, *rest: object) -> str:
        return original(bucket, digest, rows_of([1, 2, 7]), *rest)

    monkeypatch.setattr(segment, "write", forge)
    with pytest.raises(CacheError, match="were not read back"):
        adopt(list_earlier(root)[0])
    assert contents(root / OLD.folder_name) == before


def test_a_damaged_segment_is_set_aside_and_the_others_taken_over(root: Path) -> None:
    hurt = max((root / OLD.folder_name).glob("*.h5"), key=lambda p: p.stat().st_size)
    data = bytearray(hurt.read_bytes())
    data[-1] ^= 1
    hurt.write_bytes(data)
    done = adopt(list_earlier(root)[0])
    assert hurt.name in str(done.problems[0])
    assert (done.new / "damaged" / hurt.name).read_bytes() == data, "nothing is thrown away"
    assert done.embedded in (1, 3)


def test_files_that_come_meanwhile_keep_the_old_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, old = files.remove, root / OLD.folder_name

    def also_write(path: Path) -> None:
        (old / "late.txt").write_text("mine")
        original(path)

    monkeypatch.setattr(files, "remove", also_write)
    assert not adopt(list_earlier(root)[0]).removed
    assert (old / "late.txt").read_text() == "mine"
    monkeypatch.setattr(files, "remove", original)
    done = adopt(list_earlier(root)[0])
    assert done.removed
    assert (done.new / "late.txt").read_text() == "mine"
