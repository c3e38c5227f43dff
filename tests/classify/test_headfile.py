"""A saved head: one file, the same bits in its predictions, refused where it does not belong."""

from __future__ import annotations

import contextlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from cache import EarlierVersion, Key, list_earlier
from cache.adopt import adopt
from cache.schema1 import EarlierKey
from classify import headfile
from classify.commands.main import cli
from classify.data import load_examples
from classify.errors import HeadFileError, HeadMismatch
from classify.fitting.fit import fit
from classify.fitting.question import HOLDS, holds_of
from classify.headfile import SavedHead, load_head, save_head
from classify.heads import HEADS, make_head
from classify.heads.calibration import HIGHEST
from classify.report.card import card_text
from featurize.commands.console import run
from tests.cache.earlier import earlier_key, rows_in, write_earlier
from tests.cache.samples import network
from tests.classify.embedded import AVGPOOL, KEY, STYLES, make_dataset


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[SavedHead, Path]:
    folder = tmp_path_factory.mktemp("head")
    table, cache = make_dataset(folder)
    fitted = fit(table, cache, "logreg")
    save_head(fitted.saved, folder / "head.safetensors")
    return fitted.saved, folder / "head.safetensors"


@pytest.mark.parametrize("name", HEADS)
def test_every_head_predicts_the_same_bits_after_loading(tmp_path: Path, name: str) -> None:
    table, cache = make_dataset(tmp_path)
    head = fit(table, cache, name, tune=False).saved
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
    facts |= {"format": "artstyle head 1", "key": dict(key.fields), "key_digest": key.digest}
    save_file(dict(saved.head.state()), path, {"artstyle": json.dumps(facts)})
    return key


def test_a_head_of_an_earlier_version_goes_on_working_on_what_was_taken_over(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    path = tmp_path / "head.safetensors"
    save_head(fit(table, cache, "logreg").saved, path)
    saved = load_head(path)
    key = earlier(saved, path)
    write_earlier(tmp_path / "old", key, *rows_in(Path(cache.place)))
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
    save_head(fit(table, cache, "prototype").saved, path)
    earlier(load_head(path), path, "mynet")
    with pytest.raises(HeadFileError, match=r"earlier version of artstyle on a network 'mynet'.*fit the head again"):
        load_head(path)


def test_a_changed_key_in_a_head_is_refused(tmp_path: Path) -> None:
    table, cache = make_dataset(tmp_path)
    path = tmp_path / "head.safetensors"
    save_head(fit(table, cache, "prototype").saved, path)
    for change in ({"key_digest": "0" * 64}, {"key": dict(earlier_key("resnet18").fields)}):
        with safe_open(path, "numpy") as file:
            facts = json.loads(file.metadata()["artstyle"]) | change
        rewrite(path, tmp_path / "x.safetensors", facts=facts)
        with pytest.raises(HeadFileError, match="its key does not fit its digest"):
            load_head(tmp_path / "x.safetensors")


def test_a_head_of_another_key_is_refused(saved: tuple[SavedHead, Path], tmp_path: Path) -> None:
    _, other = make_dataset(tmp_path, key=Key(network("resnet18"), "torchvision:resnet18-00000000", {}))
    with pytest.raises(
        HeadMismatch, match=f"trained on embeddings {KEY.folder_name}, but .* holds: {other.key.folder_name}"
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


# ---- changed files


def rewrite(path: Path, to: Path, arrays: dict | None = None, facts: dict | None = None, digest: str = "fits") -> None:
    """The head at `path` with other arrays or facts, and a digest that fits them, stays as it was, or is missing."""
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()} if arrays is None else arrays  # noqa: SIM118
    text = metadata["artstyle"] if facts is None else json.dumps(facts)
    told = {"fits": headfile._digest(text, arrays), "stays": metadata["digest"], "missing": None}[digest]
    save_file(arrays, to, {"artstyle": text, **({"digest": told} if told else {})})


def contents(saved: SavedHead) -> dict:
    return {**vars(saved), "head": (type(saved.head), saved.head.get_params(), saved.classes, saved.head.state())}


@pytest.fixture(scope="module", params=["prototype", "ensemble:members=knn+ridge", "mlp:hidden=4,epochs=1"])
def intact(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, dict]:
    folder = tmp_path_factory.mktemp("intact")
    save_head(fit(*make_dataset(folder), request.param, tune=False).saved, folder / "head.safetensors")
    return folder, (folder / "head.safetensors").read_bytes(), contents(load_head(folder / "head.safetensors"))


@settings(max_examples=300)
@given(place=st.floats(0, 1, exclude_max=True), in_header=st.booleans(), flip=st.integers(1, 255))
def test_a_changed_byte_is_noticed_or_harmless(
    intact: tuple[Path, bytes, dict], place: float, in_header: bool, flip: int
) -> None:
    """Wherever it is: nothing but HeadFileError, or the very head that was saved (a space in the header)."""
    folder, data, before = intact
    size = 8 + int.from_bytes(data[:8], "little") if in_header else len(data)
    changed = bytearray(data)
    changed[int(place * size)] ^= flip
    path = folder / "changed.safetensors"
    path.write_bytes(changed)
    with contextlib.suppress(HeadFileError):
        np.testing.assert_equal(contents(load_head(path)), before)


def reversed_classes(arrays: dict, facts: dict) -> None:
    facts["classes"].reverse()


def without_a_class(arrays: dict, facts: dict) -> None:
    facts["classes"].pop()


def without_a_row(arrays: dict, facts: dict) -> None:
    arrays["coef"] = arrays["coef"][:-1].copy()


def without_a_feature(arrays: dict, facts: dict) -> None:
    arrays["coef"] = arrays["coef"][:, :-1].copy()


def spoiled(arrays: dict, facts: dict) -> None:
    arrays["coef"][1, 1] = np.nan


def endless(arrays: dict, facts: dict) -> None:
    arrays["scaling.mean"][0] = np.inf


def out_of_bounds(arrays: dict, facts: dict) -> None:
    facts["params"]["C"] = -1


def unknown_parameter(arrays: dict, facts: dict) -> None:
    facts["params"]["D"] = 1


CHANGES = [reversed_classes, without_a_class, without_a_row, without_a_feature, spoiled, endless, out_of_bounds]
CHANGES += [unknown_parameter]


@pytest.mark.parametrize("digest", ["stays", "missing", "fits"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_head_that_was_changed_is_refused(
    saved: tuple[SavedHead, Path], tmp_path: Path, change: Callable[[dict, dict], None], digest: str
) -> None:
    """By its digest; and where the digest was made to fit, or the file is of a version that had none, by its sense."""
    with safe_open(saved[1], "numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = json.loads(file.metadata()["artstyle"])
    facts["format"] = "artstyle head 1" if digest == "missing" else facts["format"]
    change(arrays, facts)
    rewrite(saved[1], tmp_path / "x.safetensors", arrays, facts, digest)
    with pytest.raises(HeadFileError, match=r"x\.safetensors' was changed" if digest == "stays" else r"x\.safetensors"):
        load_head(tmp_path / "x.safetensors")


@pytest.mark.parametrize("field", headfile._FIELDS)
@pytest.mark.parametrize("value", [..., None, 3, [3]], ids=repr)
def test_facts_without_sense_are_refused(
    saved: tuple[SavedHead, Path], tmp_path: Path, field: str, value: object
) -> None:
    """Even where the digest fits: a fact that is missing or of another kind is an error in a sentence."""
    with safe_open(saved[1], "numpy") as file:
        facts = json.loads(file.metadata()["artstyle"])
    if value is ...:
        del facts[field]
    else:
        facts[field] = value
    rewrite(saved[1], tmp_path / "x.safetensors", facts=facts)
    with pytest.raises(HeadFileError, match=r"x\.safetensors"):
        load_head(tmp_path / "x.safetensors")


def test_a_head_of_a_version_without_digests_is_read_and_known_as_such(
    saved: tuple[SavedHead, Path], tmp_path: Path
) -> None:
    with safe_open(saved[1], "numpy") as file:
        facts = json.loads(file.metadata()["artstyle"])
    rewrite(saved[1], tmp_path / "x.safetensors", facts={**facts, "format": "artstyle head 1"}, digest="missing")
    again = load_head(tmp_path / "x.safetensors")
    assert not again.guarded
    assert load_head(saved[1]).guarded
    np.testing.assert_equal(again.head.state(), saved[0].head.state())
    rewrite(saved[1], tmp_path / "x.safetensors", digest="missing")
    with pytest.raises(HeadFileError, match="was changed after it was saved"):
        load_head(tmp_path / "x.safetensors")


def test_weights_are_not_replaced_by_a_head(saved: tuple[SavedHead, Path], tmp_path: Path) -> None:
    """A head is replaced by the next one, weights of a network are not."""
    save_file({"w": np.zeros(3, np.float32)}, tmp_path / "weights.safetensors")
    before = (tmp_path / "weights.safetensors").read_bytes()
    with pytest.raises(HeadFileError, match="is no head, so it is not replaced"):
        save_head(saved[0], tmp_path / "weights.safetensors")
    assert (tmp_path / "weights.safetensors").read_bytes() == before
    save_head(saved[0], tmp_path / "head.safetensors")
    save_head(saved[0], tmp_path / "head.safetensors")


def test_nothing_is_promised_of_probabilities_that_no_temperature_makes_fit() -> None:
    head = make_head("logreg").fit(np.eye(6, dtype=np.float32), np.array(["a", "b"] * 3))
    some = SavedHead(head, "logreg", "style", KEY, [AVGPOOL], training={"question": "new"})
    head.temperature_ = 1.0
    assert holds_of(some) == HOLDS["new"]
    assert HOLDS["new"] in card_text("x", some)
    head.temperature_ = float(np.exp(HIGHEST))
    assert holds_of(some) is None
    assert "robabilities hold" not in card_text("x", some)


def test_a_model_card_replaces_a_model_card_and_nothing_else(
    saved: tuple[SavedHead, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = saved[1].read_bytes()
    assert run(cli, ["card", "--head", str(saved[1]), "--out", str(saved[1])]) == 1
    assert "is no model card, so it is not replaced" in capsys.readouterr().err
    assert saved[1].read_bytes() == before
    line = ["card", "--head", str(saved[1]), "--out", str(tmp_path / "card.md")]
    assert run(cli, [*line, "--report", str(tmp_path)]) == 2, "two places for one card"
    assert [run(cli, line), run(cli, line)] == [0, 0]
