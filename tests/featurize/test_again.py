"""A hint how to embed more names the whole command: with it, the run finds the very cache that was meant."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import numpy as np
import pytest
from safetensors.numpy import save_file

from cache import FeatureCache, Key, NotStored, Rows, UnclearKey, open_cache
from cache.places import remember_place
from classify.commands.main import cli as classify
from featurize.commands.console import run
from featurize.commands.explain import explain
from featurize.commands.main import cli
from featurize.networks.network import choose_network
from featurize.run import again
from featurize.run.again import run_command
from tests.cache.samples import network
from tests.classify.embedded import KEY, make_dataset


def key_of(command: str) -> tuple[Key, dict[str, object]]:
    """The key that a command line would embed into."""
    words = shlex.split(command)
    assert words[:2] == ["featurize", "run"]
    given = click.Context(cli.commands["run"])
    cli.commands["run"].parse_args(given, words[2:])
    p = given.params
    chosen = choose_network(p["backbone"], p["weights"], size=p["size"], decode=p["decode"])
    return chosen.key(p["precision"]), p


@pytest.mark.parametrize("backbone", ["resnet50", "mobilenet_v2"])
@pytest.mark.parametrize("weights", [None, "imagenet-v2", "random", "file"])
@pytest.mark.parametrize(("size", "decode"), [(None, "exact"), (320, "exact"), (None, "fast")])
def test_the_command_leads_to_the_same_key(
    tmp_path: Path, backbone: str, weights: str | None, size: int | None, decode: str
) -> None:
    if weights == "file":
        weights = str(tmp_path / "my weights.safetensors")
        save_file({"x": np.zeros(3, np.float32)}, weights)
    key = choose_network(backbone, weights, size=size, decode=decode).key("bf16")
    cache = FeatureCache.create(tmp_path / "my features", key)
    if weights and weights.endswith("s"):
        remember_place(cache.artifacts, Path(weights))
    found, options = key_of(run_command(key, "multi,stats-mirror", cache.place))
    assert found.digest == key.digest
    assert options["embedding"] == "multi,stats-mirror"
    assert options["features"] == tmp_path / "my features"


def test_the_usual_options_are_left_out() -> None:
    assert run_command(choose_network("resnet50").key(), "avgpool") == "featurize run"


def test_weights_that_are_gone_are_to_be_filled_in() -> None:
    key = Key(network("resnet18"), "sha256:" + "0" * 64, KEY.transform, "int8:abc")
    assert run_command(key).startswith("featurize run --backbone resnet18 --weights FILE --precision int8")


def test_an_error_about_missing_vectors_says_the_command(tmp_path: Path) -> None:
    _, cache = make_dataset(tmp_path)
    with pytest.raises(NotStored) as caught:
        cache.recipe("multi")
    assert f"holds no embedding 'multi' (it holds: avgpool, stats): run `{run_command(KEY, 'multi', cache.place)}`" in (
        explain(caught.value)
    )
    assert "--backbone resnet18" in explain(caught.value)
    with pytest.raises(NotStored) as caught:
        cache.gather(np.array([b"\1" * 32], "S32"), cache.recipe("stats"))
    assert "--embedding stats" in explain(caught.value)


@pytest.mark.parametrize("command", ["fit --head prototype", "compare --heads prototype"])
def test_commands_say_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    make_dataset(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(classify, [*command.split(), "--embedding", "multi"]) == 1
    assert "run `featurize run --backbone resnet18 --embedding multi`" in capsys.readouterr().err
    (tmp_path / "dataset.csv").rename(tmp_path / "my works.csv")
    assert run(classify, [*command.split(), "--embedding", "multi", "--dataset", "my works.csv"]) == 1
    assert "--embedding multi --dataset 'my works.csv'`" in capsys.readouterr().err


def empty_cache(folder: Path) -> FeatureCache:
    return FeatureCache.create(folder / "features", Key(network("resnet50"), "x", KEY.transform))


def test_a_cache_without_rows_is_no_choice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a download that failed leaves it."""
    _, cache = make_dataset(tmp_path)
    empty = empty_cache(tmp_path)
    assert open_cache(tmp_path / "features").key == cache.key
    other = FeatureCache.create(tmp_path / "features", Key(network("resnet34"), "x", KEY.transform))
    other.append(Rows(np.array([b"\1" * 32], "S32"), np.full(1, 9, np.uint8), {}))
    with pytest.raises(UnclearKey, match=rf"2 feature caches .*{empty.key.folder_name} \(empty\)"):
        open_cache(tmp_path / "features")
    assert run(cli, ["info", "--features", str(tmp_path / "features")]) == 0
    assert f"{empty.key.folder_name}: empty" in capsys.readouterr().out


def test_the_only_cache_may_be_empty_and_says_what_to_do(tmp_path: Path) -> None:
    empty_cache(tmp_path)
    with pytest.raises(NotStored, match=r"holds no embedding 'avgpool' \(it holds: none yet\): run `featurize run"):
        open_cache(tmp_path / "features").recipe("avgpool")


def test_all_caches_are_those_with_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dataset(tmp_path)
    empty_cache(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(classify, ["compare", "--heads", "prototype", "--no-tune", "--test", "val", "--key", "all"]) == 0
    assert run(cli, ["audit", "--no-pictures"]) == 0


def test_a_cache_in_an_object_store_is_named_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(again, "_places", lambda root, key: ())
    key = choose_network("resnet50").key()
    assert run_command(key, place=f"s3://museum/all/{key.folder_name}") == "featurize run --features s3://museum/all"
