"""Networks of other libraries on the command line: embedded, resumed, checked, fitted, compared, exported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cache import Artifacts, open_cache
from classify.commands.main import cli as classify
from featurize.commands.console import run
from featurize.commands.main import cli as featurize
from featurize.engines import Engine, EngineChoice, make_engine
from featurize.networks.network import Network
from featurize.networks.recipes import Formula
from tests.conftest import save_picture

pytest.importorskip("timm")

VIT = ["--backbone", "timm:test_vit", "--weights", "random", "--engine", "torch"]
CONVNEXT = ["--backbone", "timm:test_convnext", *VIT[2:]]


def in_torch(network: Network, formulas: Sequence[Formula], choice: EngineChoice, artifacts: Artifacts) -> Engine:
    """Engines without an export, which takes longer than all else here."""
    return make_engine(network, formulas, replace(choice, engine="torch"), artifacts)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset table and caches of a small vision transformer and a small network of maps."""
    folder = tmp_path_factory.mktemp("any")
    seed = 0
    for split, count in (("wikipaintings_train", 5), ("wikipaintings_val", 3)):
        for style in ("Baroque", "Cubism"):
            for n in range(count):
                seed += 1
                save_picture(folder / "paintings" / split / style / f"artist-{n}_work-{seed}-{1600 + seed}.jpg", seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(featurize, ["prepare", "paintings"]) == 0
        assert run(featurize, ["run", *VIT]) == 0
        assert run(featurize, ["run", *VIT, "--embedding", "cls+mean", "--block", "2"]) == 0
        assert run(featurize, ["run", *CONVNEXT]) == 0
    return folder


@pytest.fixture
def here(embedded: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(embedded)
    return embedded


def test_a_cache_gains_recipes_of_blocks_and_the_default_is_the_authors(here: Path) -> None:
    cache = open_cache("features", "timm:test_vit")
    assert [recipe.name for recipe in cache.recipes()] == ["cls-block2", "colour", "mean-block2", "pooled"]
    assert cache.key.backbone == "timm:test_vit"
    assert [recipe.name for recipe in open_cache("features", "timm:test_convnext").recipes()] == ["avgpool", "colour"]


def test_a_stopped_run_goes_on_to_the_same_bits(here: Path, tmp_path: Path) -> None:
    again = ["run", *VIT, "--features", str(tmp_path / "again"), "--batch-size", "8"]
    assert run(featurize, [*again, "--split", "train"]) == 0
    assert run(featurize, again) == 0
    first, second = (open_cache(place, "timm:test_vit") for place in ("features", tmp_path / "again"))
    assert first.key == second.key
    ids = second.ids()
    assert len(ids) == 16
    found, expected = (cache.gather(ids, cache.recipe("pooled")) for cache in (second, first))
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_stored_vectors_are_checked_against_their_pictures(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["verify", "--deep", "--sample", "3", "--key", "timm:test_vit", "--device", "cpu"]
    assert run(featurize, line, engines=in_torch) == 0
    assert "3 pictures embedded again" in capsys.readouterr().out


def test_a_head_on_tokens_predicts_from_pictures(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = tmp_path / "head.safetensors"
    fit = ["fit", "--head", "ridge", "--no-tune", "--key", "timm:test_vit", "--out", str(head)]
    assert run(classify, [*fit, "--embedding", "cls-block2+mean-block2"]) == 0
    picture = next(Path("paintings").rglob("*.jpg"))
    assert run(classify, ["predict", "--head", str(head), str(picture), "--features", str(tmp_path / "none")]) == 0
    assert "Baroque" in capsys.readouterr().out
    assert run(classify, fit) == 0, "the network's own embedding is the default"
    assert run(featurize, ["export", str(tmp_path / "all.npz"), "--key", "timm:test_vit"]) == 0
    assert np.load(tmp_path / "all.npz")["features_cls-block2"].shape == (16, 64)


def test_networks_are_compared_side_by_side_and_together(here: Path, tmp_path: Path) -> None:
    """Each with its own embedding, since tokens have no avgpool; and all their vectors as one."""
    caches = ["--key", "timm:test_vit", "--key", "timm:test_convnext"]
    line = ["compare", *caches, "--heads", "ridge", "--no-tune", "--together", "--out", str(tmp_path / "report")]
    assert run(classify, line) == 0
    said = json.loads((tmp_path / "report" / "results.json").read_text(encoding="utf-8"))
    entries = {entry["name"]: entry for entry in said["entries"]}
    together = next(entry for name, entry in entries.items() if "all together" in name)
    others = [entry for entry in entries.values() if entry is not together]
    assert sorted(entry["embedding"] for entry in others) == ["avgpool", "pooled"]
    assert together["dimension"] == sum(entry["dimension"] for entry in others)
    assert together["backbone"] == "timm:test_vit + timm:test_convnext"


def test_an_embedding_that_no_cache_holds_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    caches = ["--key", "timm:test_vit", "--key", "timm:test_convnext"]
    assert run(classify, ["compare", *caches, "--heads", "ridge", "--embedding", "avgpool,stats"]) == 1
    assert "holds no embedding 'stats'" in capsys.readouterr().err
    assert run(classify, ["fit", "--head", "ridge", "--key", "timm:test_vit", "--embedding", "cls"]) == 1
    assert "--backbone timm:test_vit --weights random --embedding cls" in capsys.readouterr().err


def test_what_tokens_have_not_is_told_before_anything_is_made(
    here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(featurize, ["run", *VIT, "--embedding", "avgpool", "--features", str(tmp_path / "none")]) == 1
    assert "'avgpool' is not for timm:test_vit, which has tokens: use mean" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
