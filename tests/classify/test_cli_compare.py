"""`classify compare` on a real folder: what it prints, writes, records and refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cache import Key, Rows, create_cache
from cache.ids import from_hex
from classify.commands.main import cli
from featurize.commands.console import run
from featurize.dataset.table import write_table
from tests.cache.samples import network
from tests.classify.worlds import AVGPOOL, KEY, STATS, make_world


def store(folder: Path, key: Key = KEY, seed: int = 0) -> None:
    """A dataset table and the cache of a key in a folder."""
    world = make_world(style=1.0, classes=4, dimension=8, folder=folder, seed=0)
    write_table(world.table, folder / "dataset.csv")
    noise = np.random.default_rng(seed).normal(size=world.X.shape).astype(np.float32)
    rows = Rows(
        from_hex(world.table.columns["id"]), np.zeros(160, np.uint8), {AVGPOOL: world.X, STATS: world.X + noise}
    )
    create_cache(folder / "features", key).append(rows)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    store(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compare(*options: str) -> int:
    return run(cli, ["compare", *options])


def results(folder: Path = Path("reports/comparison")) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "results.json").read_text("utf-8"))
    return found


def test_ranking_and_report(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("--heads", "logreg,svm:C=1", "--out", "reports/my first") == 0
    out = capsys.readouterr().out
    assert "80 training pictures, scored on 80 of the split test" in out
    assert "came first" in out
    assert "warning: " in out
    assert "report: reports/my first/index.html" in out
    got = results(Path("reports/my first"))
    assert got["provenance"]["command"] == "classify compare --heads logreg,svm:C=1 --out 'reports/my first'"


def test_all_options_arrive(place: Path) -> None:
    options = ["--heads", "logreg", "--embedding", "avgpool,avgpool+stats", "--no-tune", "--seed", "3"]
    assert compare(*options, "--repeats", "2", "--learning-curve", "--train", "test", "--test", "train") == 0
    got = results()
    assert {e["embedding"] for e in got["entries"]} == {"avgpool", "avgpool+stats"}
    assert {e["dimension"] for e in got["entries"]} == {8, 16}
    assert all(e["tuned"] == {} for e in got["entries"])
    assert (got["provenance"]["seed"], got["repeats"]["splits"], len(got["curves"])) == (3, 2, 2)
    assert (got["dataset"]["train"], got["dataset"]["test"]) == ("test", "train")
    assert "--no-tune" in got["provenance"]["command"]


@pytest.mark.parametrize("keys", [["all"], ["tinynet", "othernet"]], ids=["all", "named"])
def test_several_backbones(keys: list[str], place: Path) -> None:
    store(place, replace(KEY, network=network("othernet")), seed=1)
    assert compare("--heads", "logreg:C=0.01", *(w for k in keys for w in ("--key", k))) == 0
    assert {e["backbone"] for e in results()["entries"]} == {"tinynet", "othernet"}


def test_two_caches_and_none_chosen_are_listed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(place, replace(KEY, network=network("othernet")))
    assert compare("--heads", "logreg") == 1
    said = capsys.readouterr().err
    assert "tinynet-" in said
    assert "othernet-" in said
    assert "--key" in said


def test_protocols_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("--protocol", "slides") == 0
    out = capsys.readouterr().out
    assert "published" in out
    assert "20.3" in out
    assert "control with labels out of step, softmax:epochs=12" in out
    assert results()["protocol"]["name"] == "slides"


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--protocol", "slides", "--heads", "svm"], 2, "--heads"),
        (["--protocol", "rasta", "--repeats", "3"], 2, "--repeats"),
        (["--protocol", "rasta", "--prompts", "p.txt"], 2, "leave --prompts out"),
        (["--protocol", "rasta"], 1, "RASTA's 25 styles"),
        (["--heads", "forest"], 1, "forest"),
        (["--embedding", "gram"], 1, "gram"),
        (["--target", "genre"], 1, "genre"),
        (["--features", "nowhere"], 1, "featurize run"),
        (["--dataset", "nowhere.csv"], 1, "featurize prepare"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refusals(options: list[str], status: int, words: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(*options) == status
    captured = capsys.readouterr()
    assert words in captured.err
    assert "Traceback" not in captured.err
    assert not Path("reports").exists()


def test_an_unwritable_place_for_the_report(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("reports").write_text("a file where the folder should be")
    assert compare("--heads", "logreg:C=0.01") == 1
    said = capsys.readouterr().err
    assert "'reports' is a file, and a folder is needed; choose another folder" in said.replace(str(place) + "/", "")
    assert "comparing" not in said  # told before anything is fitted
