"""The audit and the report list the same pairs of pictures, and the command beside them acts on these."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from cache import OK, Recipe, Rows, Store, create_cache
from cache.ids import from_hex
from classify import compare
from classify.commands.main import cli as classify
from classify.comparison.result import Comparison
from classify.report.results import as_json
from featurize.commands.console import run
from featurize.commands.main import cli as featurize
from featurize.dataset.audit import Audit, audit
from featurize.dataset.audit import as_json as audit_as_json
from featurize.dataset.audit.result import Twice
from featurize.dataset.prepare import prepare
from featurize.dataset.table import DatasetTable, read_table, write_table
from tests.browser import assert_good_to_read
from tests.classify.worlds import KEY
from tests.conftest import save_picture
from tests.featurize.test_near import pretend

AVGPOOL = Recipe("avgpool", {"formula": "mean"})
PLANTED = {  # name of the copy -> its original, as it was altered; "" by the embedding alone
    "train/Rococo/a_mirrored.jpg": ("train/Rococo/rococo-1_work.jpg", "mirrored"),
    "test/Rococo/b_resized.jpg": ("train/Rococo/rococo-2_work.jpg", "resized"),
    "train/Cubism/c_first.jpg": ("test/Cubism/cubism-21_work.jpg", "mirrored"),
    "train/Cubism/c_second.jpg": ("test/Cubism/cubism-21_work.jpg", "resized"),
    "test/Cubism/c_third.jpg": ("test/Cubism/cubism-21_work.jpg", "cropped"),
    "test/Cubism/d_seen-by-the-network.jpg": ("train/Cubism/cubism-3_work.jpg", ""),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two styles, 44 works, and copies of four of them: one is thrice there, one is a copy to the network alone."""
    folder = tmp_path_factory.mktemp("copies")
    for k, style in enumerate(("Cubism", "Rococo")):
        for n in range(22):
            part = "test" if n > 15 else "train"
            save_picture(folder / f"paintings/{part}/{style}/{style.lower()}-{n}_work.jpg", 100 * k + n, (120, 90))
    for n, (name, (original, how)) in enumerate(PLANTED.items()):
        copy, source = folder / "paintings" / name, folder / "paintings" / original
        if how:
            copy.write_bytes(pretend(source, how, random.Random(n)))
        else:
            save_picture(copy, 999, (120, 90))
    shutil.copy(folder / "paintings/train/Cubism/cubism-5_work.jpg", folder / "paintings/test/Cubism/e_same-file.jpg")
    table = prepare(folder / "paintings", folder / "dataset.csv").table
    embed(table, folder / "features")
    return folder


def embed(table: DatasetTable, features: Path) -> Store:
    """A direction of its own for each work, which its copies share but for a little noise."""
    rng = np.random.default_rng(0)
    origin = {f"paintings/{name}": f"paintings/{original}" for name, (original, _) in PLANTED.items()}
    works: dict[str, np.ndarray] = {}
    vectors = {}
    for picture, path in zip(table.columns["id"], table.columns["path"], strict=True):
        work = works.setdefault(origin.get(path, path), rng.standard_normal(64))
        vectors[picture] = (work + 0.1 * rng.standard_normal(64)).astype(np.float32)
    cache = create_cache(features, KEY)
    ids = from_hex(vectors)
    cache.append(Rows(ids, np.full(len(ids), OK, np.uint8), {AVGPOOL: np.stack(list(vectors.values()))}))
    return cache


@pytest.fixture(scope="module")
def found(place: Path) -> Audit:
    return audit(place / "dataset.csv", cache=place / "features")


@pytest.fixture(scope="module", params=["a split", "folds"])
def compared(place: Path, request: pytest.FixtureRequest) -> Comparison:
    folds = 0 if request.param == "a split" else 3
    return compare(place / "dataset.csv", place / "features", "simpleshot", folds=folds, tune=False)


def names(twice: Twice) -> list[tuple[str, str]]:
    return [tuple(Path(twice.told[row].path).stem for row in pair.rows) for pair in twice.pairs]  # type: ignore[misc]


def test_all_planted_copies_are_pairs_and_nothing_else(found: Audit) -> None:
    """Three copies and their original make six pairs; that of the network alone is no certain one."""
    kin: dict[str, set[str]] = {}
    for name, (original, _) in PLANTED.items():
        kin.setdefault(Path(original).stem, {Path(original).stem}).add(Path(name).stem)
    wanted = {frozenset((a, b)) for family in kin.values() for a in family for b in family if a < b}
    assert {frozenset(pair) for pair in names(found)} == wanted
    assert len(found.pairs) == len(wanted) == 9
    unsure = [set(pair) for pair, p in zip(names(found), found.pairs, strict=True) if not p.certain]
    assert unsure == [{"d_seen-by-the-network", "cubism-3_work"}]
    (same,) = found.duplicates
    assert {Path(found.told[row].path).stem for row in same.rows} == {"cubism-5_work", "e_same-file"}


def test_the_report_lists_the_same_pairs(found: Audit, compared: Comparison) -> None:
    assert names(compared.twice) == names(found)
    assert compared.twice.pairs == found.pairs
    assert compared.twice.duplicates == found.duplicates
    told, listed = as_json(compared)["twice"], audit_as_json(found)
    for kind in ("duplicates", "near", "copies"):
        assert json.loads(json.dumps(told[kind])) == json.loads(json.dumps(listed[kind]))


def test_pairs_across_the_parts_are_the_leaks(found: Audit, compared: Comparison) -> None:
    """Of a split those between its parts; by folds those that lie in different ones."""
    leaked = {
        frozenset((Path(compared.rows[d.row].path).stem, Path(d.train_path).stem)) for d in compared.leaks.duplicates
    }
    if compared.dataset.folds:
        fold = {Path(row.path).stem: n for row, n in zip(compared.asked_rows, compared.asked[0].fold[0], strict=True)}
        wanted = {frozenset(pair) for pair in names(found) if fold[pair[0]] != fold[pair[1]]}
    else:
        wanted = {frozenset(pair) for pair, p in zip(names(found), found.pairs, strict=True) if p.across}
        wanted.add(frozenset({"cubism-5_work", "e_same-file"}))
    assert leaked == wanted


def captions_of_pairs(page: str) -> list[tuple[str, ...]]:
    section = page[page.index('id="twice"') :]
    section = section[: section.index("<h2", 40)]
    return [
        tuple(re.findall(r"([\w-]+)\.jpg\s*</figcaption>", pair)) for pair in section.split('<section class="pair')[1:]
    ]


def test_both_pages_show_the_same_pairs_beside_the_command(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands are those of the user's own options; pasted, they act on what is shown and on no picture file."""
    monkeypatch.chdir(place)
    shutil.copy("dataset.csv", "my table.csv")
    options = ["--dataset", "my table.csv", "--features", "features"]
    assert run(featurize, ["audit", *options, "--out", "audit"]) == 0
    assert run(classify, ["compare", *options, "--heads", "simpleshot", "--no-tune", "--folds", "0"]) == 0
    pages = [Path(name).read_text("utf-8") for name in ("audit/audit.html", "reports/comparison/index.html")]
    shown = [captions_of_pairs(page) for page in pages]
    assert shown[0] == shown[1]
    assert len(shown[0]) == 10
    before = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path("paintings").rglob("*.jpg")}
    rows = len(read_table("my table.csv"))
    for page, left in zip(pages, (rows - 6, rows - 7), strict=True):
        assert "no picture file is changed or deleted" in page
        printed = re.findall(r"<pre>(featurize audit [^<]*)</pre>", page)
        command = printed[left == rows - 7].replace("&#39;", "'")
        assert "'my table.csv'" in command
        capsys.readouterr()
        assert run(featurize, shlex.split(command)[1:]) == 0
        assert "no picture file was changed or deleted" in capsys.readouterr().out
        assert len(read_table("my table.csv")) == left
    assert before == {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path("paintings").rglob("*.jpg")}


def test_pages_with_pairs_of_very_long_labels_fit_a_phone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caption without a space was as wide as its text, and the page with it."""
    monkeypatch.chdir(place)
    table = read_table("dataset.csv")
    write_table(table.with_columns(style=[f"{style}{'W' * 200}" for style in table.columns["style"]]), "long.csv")
    assert run(featurize, ["audit", "--dataset", "long.csv", "--out", "long"]) == 0
    options = ["--heads", "simpleshot", "--no-tune", "--folds", "0", "--out", "long-report"]
    assert run(classify, ["compare", "--dataset", "long.csv", *options]) == 0
    for page in (place / "long/audit.html", place / "long-report/index.html"):
        assert len(captions_of_pairs(page.read_text("utf-8"))) == 10
        assert_good_to_read(page)


def test_larger_collections_are_compared_by_their_embeddings_and_it_is_said(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classify.comparison.steps.answers.SMALL", 20)
    c = compare(place / "dataset.csv", place / "features", "simpleshot", folds=0, tune=False)
    assert "over 20: `featurize audit` looks at them" in c.twice.looked_at["pictures"]
    assert not c.twice.near
    assert len(c.twice.pairs) == 9
