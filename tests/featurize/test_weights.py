"""Weights: identity without torch, downloads that are checked, files that can't do harm."""

from __future__ import annotations

import hashlib
import http.server
import math
import os
import pickle
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model

from featurize.errors import WeightsError
from featurize.networks import weights
from featurize.networks.base import Backbone, Published
from featurize.networks.download import MIRROR_VARIABLE
from featurize.networks.libraries.torchvision import BACKBONES
from featurize.networks.network import Network, choose_network
from featurize.networks.providers import backbone
from featurize.networks.weights import choose
from featurize.networks.weights_file import Card, read_card, read_state, write_weights
from featurize.pictures.transform import Transform
from tests.conftest import ROOT

SQUEEZENET = backbone("squeezenet1_1")


def load(spec: Backbone, chosen: str) -> torch.nn.Module:
    """A network with some weights."""
    found = choose(spec, chosen)
    return Network(spec, found, found.transform).load()


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(7)
    return get_model("squeezenet1_1", weights=None).state_dict()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, list[str]]]:
    """A real HTTP server as the mirror, an empty place for downloads, and the paths it was asked for."""
    served, asked = tmp_path / "served", []
    served.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(served))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        monkeypatch.setenv(MIRROR_VARIABLE, f"http://127.0.0.1:{listening.server_port}/models/")
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
        (served / "models").mkdir()
        yield served / "models", asked
        listening.shutdown()


def publish(folder: Path, state: dict[str, torch.Tensor]) -> Backbone:
    """A network whose published file is the one on the local server."""
    path = folder / "x.pth"
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.rename(folder / f"squeezenet1_1-{digest[:8]}.pth")
    stem = f"squeezenet1_1-{digest[:8]}"
    source = f"https://example.org/{stem}.pth"
    first = Published(f"torchvision:{stem}", SQUEEZENET.transform, source, "MIT", digest[:8])
    return replace(SQUEEZENET, published={"imagenet-v1": first})


def test_published_weights_are_downloaded_once_and_verified(
    server: tuple[Path, list[str]], state: dict[str, torch.Tensor]
) -> None:
    folder, asked = server
    spec = publish(folder, state)
    for _ in range(2):
        network = load(spec, "imagenet-v1")
        torch.testing.assert_close(network.state_dict()["features.0.weight"], state["features.0.weight"])
    assert len(asked) == 1


def test_a_download_with_another_hash_is_refused(
    server: tuple[Path, list[str]], state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    folder, _ = server
    spec = publish(folder, state)
    served = folder / spec.published["imagenet-v1"].source.rpartition("/")[2]
    served.write_bytes(served.read_bytes() + b"\0")
    with pytest.raises(WeightsError, match="hash"):
        load(spec, "imagenet-v1")
    assert not list((tmp_path / "hub").rglob("*.pth"))


def test_without_network_and_file_the_error_says_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR_VARIABLE, "http://127.0.0.1:9")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(
        WeightsError, match=rf"can't be downloaded .*--weights FILE.*{MIRROR_VARIABLE}.*--weights random"
    ):
        load(SQUEEZENET, "imagenet-v1")


def test_a_damaged_earlier_download_is_named(
    server: tuple[Path, list[str]], state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    spec = publish(server[0], state)
    target = tmp_path / "hub" / "hub" / "checkpoints" / spec.published["imagenet-v1"].source.rpartition("/")[2]
    target.parent.mkdir(parents=True)
    target.write_bytes(b"half")
    with pytest.raises(WeightsError, match="sha256 differs"):
        load(spec, "imagenet-v1")


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_file_of_weights_is_loaded(tmp_path: Path, state: dict[str, torch.Tensor], ending: str) -> None:
    path = tmp_path / f"mine{ending}"
    if ending == ".pth":
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, path)
    else:
        save_file(state, path)
    chosen = choose(SQUEEZENET, str(path))
    assert chosen.identity == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    network = load(SQUEEZENET, str(path))
    torch.testing.assert_close(network.state_dict()["features.3.squeeze.bias"], state["features.3.squeeze.bias"])
    assert not network.training


def test_other_classes_in_the_classifier_do_not_matter(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "25-classes.pth"
    torch.save({**state, "classifier.1.weight": torch.zeros(25, 512, 1, 1), "classifier.1.bias": torch.zeros(25)}, path)
    load(SQUEEZENET, str(path))


def test_a_file_that_holds_no_weights_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "notes.pth"
    path.write_text("hello")
    with pytest.raises(WeightsError, match=r"notes.pth' is no file of weights \(\w+: .*\): give a state dict as .pth"):
        load(SQUEEZENET, str(path))


def test_weights_of_another_network_are_refused(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "squeezenet.pth"
    torch.save(state, path)
    spec = backbone("resnet18")
    with pytest.raises(WeightsError, match=r"no weights of resnet18: \d+ of \d+ arrays are missing"):
        load(spec, str(path))


def test_arrays_of_another_shape_are_refused(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "shape.pth"
    torch.save({**state, "features.0.weight": torch.zeros(64, 3, 5, 5)}, path)
    with pytest.raises(WeightsError, match=r"shape \(64, 3, 5, 5\), \(64, 3, 3, 3\) is expected"):
        load(SQUEEZENET, str(path))


def test_weights_of_a_larger_network_of_the_family_are_refused(tmp_path: Path) -> None:
    """resnet34 has every array of resnet18, in the same shapes: nothing would show that the vectors are wrong."""
    path = tmp_path / "resnet34.pth"
    torch.save({name: torch.zeros(a.shape) for name, a in get_model("resnet34").state_dict().items()}, path)
    with pytest.raises(WeightsError, match=r"arrays are of a larger network, the first is 'layer1.2.conv1.weight'"):
        load(backbone("resnet18"), str(path))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda a: torch.full_like(a, math.nan), r"'features.0.weight' holds NaN or infinity"),
        (lambda a: torch.full_like(a, math.inf), r"'features.0.weight' holds NaN or infinity"),
        (lambda a: (100 * a).to(torch.int8), r"'features.0.weight' holds int8 numbers"),
        (lambda a: torch.complex(a, a), r"'features.0.weight' holds complex64 numbers"),
    ],
    ids=["NaN", "infinity", "quantised", "complex"],
)
def test_an_array_that_holds_no_usable_numbers_is_named(
    spoil: Callable[[torch.Tensor], torch.Tensor], said: str, tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "spoilt.safetensors"
    save_file({**state, "features.0.weight": spoil(state["features.0.weight"])}, path)
    with pytest.raises(WeightsError, match=said):
        load(SQUEEZENET, str(path))


@pytest.mark.parametrize("name", ["state_dict", "model", "ema", "teacher"])
def test_the_only_state_dict_of_a_checkpoint_is_taken(
    name: str, tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"epoch": 3, "optimizer": {"state": {}, "param_groups": []}, name: state}, path)
    assert read_state(path).keys() == state.keys()


def test_no_state_dict_is_guessed_where_a_checkpoint_has_several(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"model": state, "model_ema": state, "epoch": 3}, path)
    with pytest.raises(WeightsError, match=r"holds several state dicts; it has: model, model_ema. Save the right one"):
        read_state(path)


def test_names_of_the_file_are_shown_where_none_fits(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "compiled.pth"
    torch.save({f"_orig_mod.{name}": array for name, array in state.items()}, path)
    with pytest.raises(WeightsError, match=r"the file's first is '_orig_mod.classifier.1.bias'"):
        load(SQUEEZENET, str(path))


@pytest.mark.parametrize("ending", [".pth", ".bin", ".pt"])
def test_what_is_no_pickle_is_not_called_one(ending: str, tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    """A web page, a pointer of Git LFS, and a safetensors file under another name."""
    path = tmp_path / f"weights{ending}"
    for text in (b"<html>404</html>", b"version https://git-lfs.github.com/spec/v1"):
        path.write_bytes(text)
        with pytest.raises(WeightsError, match=r"is no file of weights .*none of torch's files"):
            read_state(path)
    save_file(state, path)
    with pytest.raises(WeightsError, match=r"a safetensors file: give it a name that ends in \.safetensors"):
        read_state(path)


class Bomb:
    def __init__(self, target: str) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.target,)


def test_a_pickle_with_code_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    path, target = tmp_path / "evil.pth", tmp_path / "pwned"
    torch.save({"features.0.weight": Bomb(str(target))}, path)
    with pytest.raises(WeightsError, match=r"could run code: it was refused"):
        read_state(path)
    path.write_bytes(pickle.dumps(Bomb(str(target))))
    with pytest.raises(WeightsError):
        read_state(path)
    assert not target.exists()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 half a zip"])
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_a_file_that_is_no_weights_is_told(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=f"x{ending}"):
        read_state(path)


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(WeightsError, match="choose one of imagenet-v1, random, or an existing"):
        choose(SQUEEZENET, "imagenet-v2")


def test_untrained_weights_are_the_same_every_time_and_leave_the_generator_alone() -> None:
    chosen = choose(SQUEEZENET, "random")
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    first = load(SQUEEZENET, "random")
    assert torch.equal(torch.rand(1), before)
    assert torch.equal(
        first.state_dict()["features.0.weight"], load(SQUEEZENET, "random").state_dict()["features.0.weight"]
    )
    assert chosen.untrained
    assert chosen.identity.startswith(f"random:seed={weights.RANDOM_SEED},torch={torch.__version__.partition('+')[0]}")


CARD = Card(
    "squeezenet1_1",
    Transform(232, 200, "bicubic", (0.5, 0.4, 0.3), (0.1, 0.2, 0.3), fit="squash"),
    "CC-BY-NC-4.0",
    "https://example.org/weights",
    {"trained on": ["a", "b"]},
)


def test_a_file_of_weights_carries_who_it_is_and_what_it_expects(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "tuned.safetensors"
    write_weights(path, state, CARD)
    assert read_card(path) == CARD
    network = choose_network("squeezenet1_1", str(path))
    assert network.transform == CARD.transform, "not ImageNet's"
    assert network.weights.licence == "CC-BY-NC-4.0"
    assert network.weights.assumed == ""
    torch.testing.assert_close(network.load().state_dict()["features.0.weight"], state["features.0.weight"])
    other = choose_network("squeezenet1_1", str(path), size=100, decode="fast").transform
    assert other == replace(CARD.transform, resize=116, crop=100, decode="fast")


def test_the_same_weights_with_the_same_card_are_the_same_file(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    for name in ("a", "b"):
        write_weights(tmp_path / f"{name}.safetensors", state, CARD)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


@pytest.mark.parametrize("named", ["squeezenet1_1", "torchvision:squeezenet1_1"])
def test_a_card_may_name_the_network_alone(tmp_path: Path, state: dict[str, torch.Tensor], named: str) -> None:
    path = tmp_path / "x.safetensors"
    write_weights(path, state, Card(named))
    chosen = choose(SQUEEZENET, str(path))
    assert chosen.transform == SQUEEZENET.published["imagenet-v1"].transform
    assert (
        "x.safetensors does not say which pixels it expects; assumed is that of imagenet-v1: shorter" in chosen.assumed
    )


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_what_is_assumed_of_a_file_without_a_card_is_said(
    tmp_path: Path, state: dict[str, torch.Tensor], ending: str
) -> None:
    path = tmp_path / f"plain{ending}"
    torch.save(state, path) if ending == ".pth" else save_file(state, path)
    assert "assumed is that of imagenet-v1" in choose(SQUEEZENET, str(path)).assumed


def test_weights_that_name_another_network_are_refused_by_name(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "x.safetensors"
    write_weights(path, state, CARD)
    with pytest.raises(WeightsError, match=r"weights of squeezenet1_1, not of resnet50: use --backbone squeezenet1_1"):
        choose_network("resnet50", str(path))


BAD_CARDS: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "that can't be understood"),
    "a head": ('{"format": "artstyle head 1"}', "its format is 'artstyle head 1', weights have 'artstyle weights 1'"),
    "no network": ('{"format": "artstyle weights 1"}', "'network'"),
    "half a transform": ('{"format": "artstyle weights 1", "network": "a", "transform": {"crop": 9}}', "lacks 'fit'"),
    "a number for a name": ('{"format": "artstyle weights 1", "network": 5}', "must be texts"),
    "a list": ("[]", "that can't be understood"),
}


@pytest.mark.parametrize("name", BAD_CARDS)
def test_a_card_that_can_not_be_understood_is_told(tmp_path: Path, name: str) -> None:
    text, message = BAD_CARDS[name]
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(1)}, path, {"artstyle": text})
    with pytest.raises(WeightsError, match=f"x.safetensors' says something about itself .*{message}"):
        choose(SQUEEZENET, str(path))


def test_a_name_that_can_not_hold_a_card_is_refused(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    with pytest.raises(WeightsError, match=r"ends in \.safetensors"):
        write_weights(tmp_path / "x.pth", state, CARD)


def test_the_example_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "weights.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {"network": torch.nn.Linear(2, 2)}
    exec(example, names)
    assert read_card(Path("mine.safetensors")) == names["card"]


def test_the_page_lists_the_networks_there_are() -> None:
    page = (ROOT / "docs" / "weights.md").read_text(encoding="utf-8")
    named = page[page.index("The networks that are known") : page.index("## Which pixels")]
    assert set(re.findall(r"`(\w+)`", named)) == set(BACKBONES)


def test_other_metadata_is_none_of_ours(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "x.safetensors"
    save_file(state, path, {"format": "pt"})
    assert read_card(path) is None
    assert choose(SQUEEZENET, str(path)).assumed


def test_real_weights_load(shared: Path) -> None:
    for name, file in (("mobilenet_v2", "mobilenet_v2-imagenet-features"), ("squeezenet1_1", "squeezenet1_1-imagenet")):
        load(backbone(name), str(shared / "weights" / f"{file}.pth"))
