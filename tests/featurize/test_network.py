"""The one road from a key, or from a user's choice, to a network: nothing that decides the numbers gets lost on it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import get_model

from cache import Key
from featurize.engines.frozen import frozen_body
from featurize.errors import BackboneError, WeightsError
from featurize.networks import providers
from featurize.networks.network import Network, choose_network, network_from
from featurize.networks.providers import backbone
from featurize.networks.weights_file import file_digest
from featurize.pictures.transform import Transform

FULL = Transform(384, 336, "bicubic", (0.5, 0.4, 0.3), (0.1, 0.2, 0.3), "fast", "pad", (1, 2, 3), whole="floor")
RANDOM = choose_network("squeezenet1_1", "random")


def again(key: Key) -> Key:
    """A key as it comes from a cache or a head file."""
    return Key.from_json(json.dumps(json.loads(key.canonical)))


@pytest.mark.parametrize("field", [f.name for f in fields(Transform)])
def test_every_field_of_the_transform_comes_back_from_the_key(field: str) -> None:
    base = replace(FULL, fit="pad") if field == "fill" else Transform(resize=400)
    key = replace(RANDOM, transform=replace(base, **{field: getattr(FULL, field)})).key()
    found = network_from(again(key))
    assert getattr(found.transform, field) == getattr(FULL, field)
    assert found.key() == key


def test_the_nodes_of_the_key_are_read_not_those_of_the_table() -> None:
    """A cache outlives an edit of the table."""
    nodes = ["features.3", "features.12"]
    other = replace(RANDOM, backbone=RANDOM.backbone.with_nodes(nodes))
    key = other.key()
    assert key.digest != RANDOM.key().digest, "a stage's node is part of the key"
    found = network_from(again(key))
    assert found.backbone.nodes == nodes
    maps = frozen_body(found, found.load())(torch.zeros(1, 64, 64, 3, dtype=torch.uint8))
    assert [m.shape[1] for m in maps] == [128, 512]


@pytest.mark.parametrize("name", ["resnet50", "torchvision:resnet50"])
def test_a_plain_name_means_torchvision_s(name: str) -> None:
    network = choose_network(name)
    assert network.backbone.full_name == "resnet50"
    assert network.key() == choose_network("resnet50", "imagenet-v1").key()
    assert network.key().weights == "torchvision:resnet50-0676ba61"


def test_a_network_is_known_and_keyed_without_torch() -> None:
    code = (
        "import sys; from featurize.networks.network import choose_network, network_from;"
        "key = choose_network('resnet50').key(); assert network_from(key).key() == key;"
        "print({'torch', 'torchvision', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"provider": "nowhere"}, "'nowhere' is not a known provider of networks; there are: torchvision"),
        ({"name": "ViT-B-32"}, "'ViT-B-32' is not a known backbone; choose one of: resnet50"),
        ({"activation": "quick_gelu"}, "with activation 'quick_gelu', this version builds it with None"),
    ],
    ids=["provider", "name", "activation"],
)
def test_a_key_of_a_network_that_can_not_be_built_is_refused(network: dict[str, str], message: str) -> None:
    key = choose_network("resnet50").key()
    with pytest.raises(BackboneError, match=message):
        network_from(replace(key, network={**key.network, **network}))


def test_a_node_that_the_network_has_not_is_told() -> None:
    key = RANDOM.key()
    found = network_from(replace(key, network={**key.network, "stages": ["features.99"]}))
    with pytest.raises(BackboneError, match=r"squeezenet1_1 has not the nodes features\.99"):
        frozen_body(found, found.load())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("torchvision:squeezenet1_1-00000000", "can't be had with what is installed"),
        ("random:seed=0,torch=1.0.0", "the weights random:seed=0,torch=1.0.0 of squeezenet1_1 can't be had"),
        ("sha256:" + "0" * 64, "with sha256 000000000000... is at no known place: give it with --weights FILE"),
    ],
)
def test_weights_that_can_not_be_found_are_told(weights: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        network_from(replace(RANDOM.key(), weights=weights))


def test_a_file_is_found_where_it_was_seen_only_if_its_bytes_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    torch.save(get_model("squeezenet1_1", weights=None).state_dict(), path)
    key = choose_network("squeezenet1_1", str(path)).key()
    assert network_from(key, places=[tmp_path / "gone.pth", path]).weights.file == path
    torch.save(get_model("squeezenet1_1", weights=None).state_dict(), path)
    with pytest.raises(WeightsError, match=r"is not '.*mine.pth' any more: give it with --weights FILE"):
        network_from(key, places=[path])


def test_other_weights_than_those_of_the_key_are_refused() -> None:
    key = RANDOM.key()
    with pytest.raises(WeightsError, match=r"made with the weights random:.*'imagenet-v1' stands for torchvision:"):
        network_from(key, "imagenet-v1")


def test_a_copy_of_the_published_file_stands_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with its transform: files of torchvision's second weights were shown the pixels of the first."""
    path = tmp_path / "copy.pth"
    torch.save(get_model("resnet18", weights=None).state_dict(), path)
    plain = backbone("resnet18")
    first = replace(plain.published["imagenet-v1"], digest=file_digest(path)[:8], transform=Transform(resize=232))
    known = replace(plain, published={"imagenet-v1": first})
    monkeypatch.setattr(providers.provider_of("torchvision"), "backbone", lambda name: known, raising=True)
    network = choose_network("resnet18", str(path))
    assert network.transform.resize == 232
    assert (network.weights.assumed, network.weights.licence) == ("", first.licence)
    assert network.key().weights == "sha256:" + file_digest(path), "the key names the file itself"
    published = choose_network("resnet18").key()
    found = network_from(published, str(path))
    assert (found.weights.file, found.key()) == (path, published)


class Toy(providers.Provider):
    """A provider with one network of two stages, whose name is one of open_clip's."""

    def names(self) -> list[str]:
        return ["ViT-B-32"]

    def backbone(self, name: str) -> providers.Backbone:
        from featurize.networks.base import Stage

        stages = (Stage("0", 4, 1), Stage("2", 8, 2))
        return providers.Backbone("toy", name, stages, Transform(resize=64, crop=32, fit="squash"))

    def fetch(self, published: object) -> Path:
        raise NotImplementedError

    def build(self, backbone: providers.Backbone, side: int) -> torch.nn.Module:
        first, second = torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.Conv2d(4, 8, 3, 2, 1)
        return torch.nn.Sequential(first, torch.nn.ReLU(), second, torch.nn.Flatten())

    def classifier(self, backbone: providers.Backbone) -> tuple[str, ...]:
        return ("3.",)

    def cut(self, backbone: providers.Backbone, network: torch.nn.Module, nodes: list[str]) -> torch.nn.Module:
        class Cut(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layers = network

            def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
                found = {}
                for name, layer in self.layers.named_children():
                    x = layer(x)
                    if name in nodes:
                        found[str(nodes.index(name))] = x
                return found

        return Cut()


def test_another_provider_goes_all_the_way_from_pictures_to_vectors(
    paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run, resume, check: nothing in between knows torchvision."""
    from cache import open_cache
    from featurize.dataset.prepare import prepare
    from featurize.run.extract import Settings, extract
    from featurize.run.verify import verify_deep

    monkeypatch.setattr(providers, "PROVIDERS", {**providers.PROVIDERS, "toy": Toy})
    table = prepare(paintings, tmp_path / "dataset.csv").table
    settings = Settings(backbone="toy:ViT-B-32", weights="random", embedding="avgpool,stats")
    with pytest.raises(BackboneError, match="'stats' reads 4 stages, the network has 2"):
        extract(table, tmp_path / "features", settings)
    assert not (tmp_path / "features").exists()
    settings = replace(settings, embedding="avgpool")
    found = {}
    for engine in ("torch", "onnx"):
        done = extract(table, tmp_path / engine, replace(settings, engine=engine))
        assert (done.embedded, done.folder.name) == (21, f"toy-ViT-B-32-{done.key.digest[:12]}")
        cache = open_cache(tmp_path / engine, "toy:ViT-B-32")
        found[engine] = cache.gather(table.ids, cache.recipe("avgpool"))
        assert verify_deep(cache, table, None, 8, "cpu").worst < 1e-5
    assert found["torch"].shape == (21, 8)
    assert np.allclose(found["torch"], found["onnx"], rtol=1e-4, atol=1e-5)
    assert done.key.transform["fit"] == "squash"
    providers.provider_of.cache_clear()


def test_an_untrained_network_is_drawn_the_same_every_time_by_all() -> None:
    network = Network(RANDOM.backbone, RANDOM.weights, RANDOM.transform)
    first, second = (n.load().state_dict() for n in (network, network_from(RANDOM.key())))
    assert all(torch.equal(first[name], second[name]) for name in first)
