"""A saved head: one file, the same bits in its predictions, refused where it does not belong."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from cache import EarlierVersion, Key, list_earlier
from cache.adopt import adopt
from cache.schema1 import EarlierKey
from classify.data import load_examples
from classify.errors import HeadFileError, HeadMismatch
from classify.fitting import fit_head
from classify.headfile import SavedHead, load_head, save_head
from classify.heads import HEADS
from tests.cache.earlier import earlier_key, write_earlier
from tests.cache.samples import network
from tests.classify.embedded import AVGPOOL, KEY, STYLES, make_dataset


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[SavedHead, Path]:
    folder = tmp_path_factory.mktemp("head")
    table, cache = make_dataset(folder)
    fitted = fit_head(table, cache, "logreg")
    save_head(fitted.saved, folder / "head.safetensors")
    return fitted.saved, folder / "head.safetensors"


@pytest.mark.parametrize("name", HEADS)
def test_every_head_predicts_the_same_bits_after_loading(tmp_path: Path, name: str) -> None:
    table, cache = make_dataset(tmp_path)
    head = fit_head(table, cache, name, tune=False).saved
    save_head(head, tmp_path / "head.safetensors")
    again = load_head(tmp_path / "head.safetensors")
    X = load_examples(table, cache, [AVGPOOL], "style", "all").X
    assert again.head.predict_proba(X).tobytes() == head.head.predict_proba(X).tobytes()
    assert (again.classes, again.kind, again.target) == (sorted(STYLES), name, "style")
    assert again.key == KEY
    assert again.recipes == [AVGPOOL]
    assert again.training == json.loads(json.dumps(head.training))


def test_everything_stands_in_one_file_and_none_of_it_is_a_pickle(saved: tuple[SavedHead, Path]) -> None:
    _, path = saved
    assert [p.name for p in path.parent.glob("head*")] == ["head.safetensors"]
    assert all(isinstance(a, np.ndarray) and a.dtype != object for a in load_file(path).values())


def earlier(saved: SavedHead, path: Path, backbone: str = "resnet18") -> EarlierKey:
    """Write a head as the version before schema 2 did."""
    key = earlier_key(backbone, KEY.weights)
    with safe_open(path, "numpy") as file:
        facts = json.loads(file.metadata()["artstyle"])
    facts |= {"key": dict(key.fields), "key_digest": key.digest}
    save_file(dict(saved.head.state()), path, {"artstyle": json.dumps(facts)})
    return key


def test_a_head_of_an_earlier_version_goes_on_working_on_what_was_taken_over(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    path = tmp_path / "head.safetensors"
    save_head(fit_head(table, cache, "logreg").saved, path)
    saved = load_head(path)
    key = earlier(saved, path)
    write_earlier(tmp_path / "old", key, *(s.rows() for s in cache.segments))
    again = load_head(path)
    assert again.key.digest == key.key.digest
    with pytest.raises(EarlierVersion, match="featurize adopt"):
        again.open_cache(tmp_path / "old")
    adopt(list_earlier(tmp_path / "old")[0])
    found = load_examples(table, again.open_cache(tmp_path / "old"), again.recipes, "style", "all")
    expected = load_examples(table, cache, saved.recipes, "style", "all")
    assert again.head.predict_proba(found.X).tobytes() == saved.head.predict_proba(expected.X).tobytes()


def test_a_head_of_an_earlier_version_on_a_network_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    path = tmp_path / "head.safetensors"
    save_head(fit_head(table, cache, "prototype").saved, path)
    earlier(load_head(path), path, "mynet")
    with pytest.raises(HeadFileError, match=r"earlier version of artstyle on a network 'mynet'.*fit the head again"):
        load_head(path)


def test_a_changed_key_in_a_head_is_refused(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    path = tmp_path / "head.safetensors"
    save_head(fit_head(table, cache, "prototype").saved, path)
    saved = load_head(path)
    for change in ({"key_digest": "0" * 64}, {"key": dict(earlier_key("resnet18").fields)}):
        with safe_open(path, "numpy") as file:
            facts = json.loads(file.metadata()["artstyle"]) | change
        save_file(dict(saved.head.state()), tmp_path / "x.safetensors", {"artstyle": json.dumps(facts)})
        with pytest.raises(HeadFileError, match="its key does not fit its digest"):
            load_head(tmp_path / "x.safetensors")


def test_a_head_of_another_key_is_refused(saved: tuple[SavedHead, Path], tmp_path: Path) -> None:
    _, other = make_dataset(tmp_path, key=Key(network("resnet18"), "torchvision:resnet18-00000000", {}))
    with pytest.raises(
        HeadMismatch, match=f"trained on embeddings {KEY.folder_name}, but .* holds: {other.folder.name}"
    ):
        saved[0].open_cache(tmp_path / "features")
    assert saved[0].open_cache(saved[1].parent / "features").key == KEY


@pytest.mark.parametrize("kind", ["nothing", "empty", "text", "pickle", "cut", "foreign"])
def test_what_is_no_head_is_told(saved: tuple[SavedHead, Path], tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.safetensors"
    if kind == "foreign":
        save_file({"a": np.zeros(3)}, path)
    elif kind != "nothing":
        whole = saved[1].read_bytes()
        path.write_bytes({"empty": b"", "text": b"hello", "pickle": pickle.dumps({}), "cut": whole[:-7]}[kind])
    with pytest.raises(HeadFileError, match=r"x\.safetensors"):
        load_head(path)


def test_a_changed_key_is_noticed(saved: tuple[SavedHead, Path], tmp_path: Path) -> None:
    data = saved[1].read_bytes()
    path = tmp_path / "changed.safetensors"
    path.write_bytes(data.replace(b"resnet18-f37072fd", b"resnet18-f37072fe"))
    with pytest.raises(HeadFileError, match="was changed"):
        load_head(path)
