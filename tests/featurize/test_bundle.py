"""A bundle is a network in one file: the key and vectors of its weights, refused where it is damaged or disagrees."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cache import open_cache
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.engines.fake import FakeEngines
from featurize.errors import WeightsError
from featurize.networks import bundle, providers
from featurize.networks.bundle import bundle_at, write_bundle
from featurize.networks.licences import licence_of
from featurize.networks.network import Network, choose_network, network_from
from featurize.networks.weights_file import Card, read_card, read_state, weights_bytes, write_weights
from featurize.pictures.transform import Transform
from tests.featurize import fake

Screen = pytest.CaptureFixture[str]
NAME = "squeezenet1_1"
LICENCE = "CC-BY-NC-4.0"
OWN = Transform(resize=70, crop=64, fit="squash")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """weights.safetensors of a small network with a transform of its own, and bundle.safetensors made of it."""
    folder = tmp_path_factory.mktemp("bundle")
    network = choose_network(NAME, "random").load()
    write_weights(folder / "weights.safetensors", network.state_dict(), Card(NAME, OWN, LICENCE))
    write_bundle(choose_network(NAME, folder / "weights.safetensors"), folder / "bundle.safetensors")
    return folder


@pytest.fixture
def plain(made: Path) -> Network:
    return choose_network(NAME, made / "weights.safetensors")


def test_the_bundle_alone_says_which_network_and_has_the_key_of_its_weights(made: Path, plain: Network) -> None:
    found = choose_network(None, made / "bundle.safetensors")
    assert found.key().digest == plain.key().digest
    assert found.transform == OWN
    assert found.weights.licence == LICENCE


def test_it_gives_the_vectors_of_its_weights(made: Path, plain: Network) -> None:
    found = choose_network(None, made / "bundle.safetensors").load()
    expected = plain.load()
    assert all(torch.equal(a, found.state_dict()[name]) for name, a in expected.state_dict().items())


def test_what_was_embedded_with_the_weights_is_known_to_the_bundle(made: Path, plain: Network) -> None:
    bundled = made / "bundle.safetensors"
    assert network_from(plain.key(), bundled).weights.file == bundled
    assert network_from(plain.key(), places=[bundled]).weights.file == bundled


def test_published_weights_are_found_in_a_bundle_before_they_are_fetched(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without a connection predicts with heads on published weights."""
    published = choose_network(NAME)
    monkeypatch.setattr(Network, "fetch", lambda network: network.weights.file or made / "weights.safetensors")
    write_bundle(published, tmp_path / "bundle.safetensors")
    found = network_from(published.key(), places=[tmp_path / "bundle.safetensors"])
    assert found.weights.published is None
    assert found.key().digest == published.key().digest


def test_another_backbone_is_refused(made: Path) -> None:
    for name in ("resnet18", "timm:resnet18"):
        with pytest.raises(WeightsError, match=f"holds weights of {NAME}, not of {name}: use --backbone {NAME}"):
            choose_network(name, made / "bundle.safetensors")
    assert choose_network(f"torchvision:{NAME}", made / "bundle.safetensors").backbone.name == NAME


def test_a_file_of_weights_that_names_its_network_needs_no_backbone(made: Path, plain: Network) -> None:
    assert choose_network(None, made / "weights.safetensors").key().digest == plain.key().digest
    assert choose_network(None).backbone.name == "resnet50"


@pytest.mark.parametrize("place", [-1, -1000, 9])
def test_a_changed_byte_is_noticed(made: Path, tmp_path: Path, place: int) -> None:
    data = bytearray((made / "bundle.safetensors").read_bytes())
    data[place] ^= 1
    (tmp_path / "b.safetensors").write_bytes(data)
    with pytest.raises(WeightsError):
        choose_network(None, tmp_path / "b.safetensors")


@pytest.mark.parametrize("what", ["licence", "transform", "golden"])
def test_a_changed_card_is_noticed(made: Path, tmp_path: Path, what: str) -> None:
    card = read_card(made / "bundle.safetensors")
    assert card
    told = dict(card.more["bundle"])
    told["golden"] = {**told["golden"], "vector": [0.0]}
    changed = {
        "licence": replace(card, licence="mit"),
        "transform": replace(card, transform=Transform()),
        "golden": replace(card, more={"bundle": told}),
    }[what]
    write_weights(tmp_path / "b.safetensors", read_state(made / "bundle.safetensors"), changed)
    with pytest.raises(WeightsError, match="is damaged, or was changed"):
        choose_network(None, tmp_path / "b.safetensors")


def test_a_cut_file_is_refused(made: Path, tmp_path: Path) -> None:
    (tmp_path / "b.safetensors").write_bytes((made / "bundle.safetensors").read_bytes()[:-7])
    with pytest.raises(WeightsError, match="no file of weights"):
        choose_network(None, tmp_path / "b.safetensors")


def test_a_library_that_computes_other_vectors_is_refused(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = choose_network(None, made / "bundle.safetensors")
    provider = providers.provider_of("torchvision")
    cut = provider.cut

    def other(*arguments: object) -> torch.nn.Module:
        return torch.nn.Sequential(_Brighter(), cut(*arguments))

    monkeypatch.setattr(type(provider), "cut", lambda self, *arguments: other(*arguments))
    with pytest.raises(WeightsError, match="does not give its golden vector here"):
        network.load()


class _Brighter(torch.nn.Module):
    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels * 1.01 + 0.01


def test_the_reference_picture_is_the_same_everywhere() -> None:
    """Its pixels are drawn in whole numbers; if they change, bundles of earlier versions disagree."""
    pixels = bundle._reference_pixels(Transform(resize=240, crop=240, mean=(0, 0, 0), std=(1, 1, 1)))
    assert np.round(pixels * 255).astype(np.int64).sum() == 20_437_369


def test_nothing_is_overwritten_and_nothing_untrained_is_bundled(made: Path, tmp_path: Path, plain: Network) -> None:
    (tmp_path / "b.safetensors").write_text("mine")
    with pytest.raises(WeightsError, match="not overwritten"):
        write_bundle(plain, tmp_path / "b.safetensors")
    with pytest.raises(WeightsError, match=r"ends in \.safetensors"):
        write_bundle(plain, tmp_path / "b.pth")
    with pytest.raises(WeightsError, match="untrained"):
        write_bundle(choose_network(NAME, "random"), tmp_path / "c.safetensors")
    assert (tmp_path / "b.safetensors").read_text() == "mine"


def test_the_commands_write_and_read_it(made: Path, tmp_path: Path, capsys: Screen) -> None:
    given = ["--backbone", NAME, "--weights", str(made / "weights.safetensors")]
    assert run(cli, ["weights", *given, "--bundle", str(tmp_path / "b.safetensors")]) == 0
    assert "read it before any commercial use" in capsys.readouterr().err
    assert (tmp_path / "b.safetensors").read_bytes() == (made / "bundle.safetensors").read_bytes()
    assert run(cli, ["weights", "--weights", str(tmp_path / "b.safetensors")]) == 0
    assert NAME in capsys.readouterr().out


def test_a_run_takes_a_bundle_alone_and_remembers_its_licence(
    made: Path, paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    monkeypatch.chdir(tmp_path)
    fake.decode_here(monkeypatch)
    assert run(cli, ["prepare", "paintings"]) == 0
    capsys.readouterr()
    assert run(cli, ["run", "--weights", str(made / "bundle.safetensors"), "--batch-size", "2"], FakeEngines()) == 0
    assert f"the licence {LICENCE!r}: read it before any commercial use" in capsys.readouterr().err
    cache = open_cache("features")
    assert cache.key.backbone == NAME
    assert licence_of(cache) == LICENCE


def test_what_is_no_bundle_is_none(made: Path, tmp_path: Path) -> None:
    assert bundle_at(made / "weights.safetensors") is None
    odd = weights_bytes({"a": torch.zeros(2)}, Card(NAME, more={"bundle": {"weights": 1}}))
    (tmp_path / "b.safetensors").write_bytes(odd)
    with pytest.raises(WeightsError, match="can't be understood"):
        bundle_at(tmp_path / "b.safetensors")
    assert json.loads(json.dumps(read_card(made / "bundle.safetensors").more))  # plain JSON
