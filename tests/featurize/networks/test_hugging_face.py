"""transformers' networks: the pixels and vectors of transformers' own code, from folders as the hub has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from featurize.errors import BackboneError, WeightsError
from featurize.networks.network import choose_network, network_from
from featurize.networks.providers import backbone, standard_embedding
from tests.featurize.networks import golden

transformers = pytest.importorskip("transformers")

_SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 56, "patch_size": 14}
_MLP = {"intermediate_size": 64}
_TEXT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


def _made(kind: str) -> tuple[torch.nn.Module, Any]:
    """A small model of a kind with its image processor, both transformers' own."""
    t = transformers
    torch.manual_seed(2)
    crop = {"size": {"shortest_edge": 65}, "crop_size": {"height": 56, "width": 56}, "resample": 3}
    if kind == "dinov2":
        return t.Dinov2Model(t.Dinov2Config(**_SMALL)), t.BitImageProcessorPil(**crop)
    if kind == "registers":
        config = t.Dinov2WithRegistersConfig(**_SMALL, num_register_tokens=3)
        return t.Dinov2WithRegistersModel(config), t.BitImageProcessorPil(**crop)
    if kind == "vit":
        processor = t.ViTImageProcessorPil(size={"height": 56, "width": 56}, resample=2)
        return t.ViTModel(t.ViTConfig(**_SMALL, **_MLP), add_pooling_layer=False), processor
    if kind == "clip":
        config = t.CLIPConfig(vision_config={**_SMALL, **_MLP}, text_config=_TEXT, projection_dim=24)
        return t.CLIPModel(config), t.CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size=crop["crop_size"])
    config = t.SiglipConfig(vision_config={**_SMALL, **_MLP}, text_config=_TEXT)
    return t.SiglipModel(config), t.SiglipImageProcessorPil(size={"height": 56, "width": 56}, resample=2)


KINDS = ["dinov2", "registers", "vit", "clip", "siglip"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, torch.nn.Module, Any]]:
    found = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp("models") / f"tiny-{kind}"
        model, processor = _made(kind)
        with torch.no_grad():
            for array in model.parameters():
                array.add_(0.02 * torch.randn(array.shape))  # no array is all zeros or ones, whatever drew it
        model.eval().save_pretrained(folder)
        processor.save_pretrained(folder)
        found[kind] = folder, model, processor
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_those_of_transformers(folders: dict[str, Any], kind: str) -> None:
    folder, model, processor = folders[kind]
    network = choose_network(f"hf:{folder}")
    given = golden.drawn(3)
    seen, shown = processor(given, return_tensors="pt")["pixel_values"], golden.pixels(network, given)
    assert np.abs(golden.normalised(network, shown) - torch.as_tensor(seen).numpy()).max() < 1e-6
    with torch.inference_mode():
        if kind == "clip":
            vision = model.vision_model(pixel_values=seen)
            features = model.visual_projection(vision.pooler_output)
            last = model.vision_model.post_layernorm(vision.last_hidden_state)
            expected = {"pooled": features, "cls": vision.pooler_output, "mean": last[:, 1:].mean(1)}
        elif kind == "siglip":
            vision = model.vision_model(pixel_values=seen)
            expected = {"pooled": vision.pooler_output, "mean": vision.last_hidden_state.mean(1)}
        else:
            out = model(pixel_values=seen)
            before = 4 if kind == "registers" else 1
            expected = {"cls": out.last_hidden_state[:, 0], "mean": out.last_hidden_state[:, before:].mean(1)}
            expected["pooled"] = expected["cls"]
    golden.assert_agree(golden.vectors(network, network.load(), ",".join(expected), shown), expected)


@pytest.mark.parametrize("kind", ["dinov2", "clip"])
def test_positions_are_resized_as_transformers_does(folders: dict[str, Any], kind: str) -> None:
    folder, model, _ = folders[kind]
    network = choose_network(f"hf:{folder}", size=84)
    shown = golden.pixels(network, golden.drawn())
    seen = torch.from_numpy(golden.normalised(network, shown))
    with torch.inference_mode():
        if kind == "clip":
            expected = {"cls": model.vision_model(pixel_values=seen, interpolate_pos_encoding=True).pooler_output}
        else:
            expected = {"cls": model(pixel_values=seen).last_hidden_state[:, 0]}
    golden.assert_agree(golden.vectors(network, network.load(), "cls", shown), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_built_again_from_its_key(folders: dict[str, Any], kind: str) -> None:
    """Nothing has to be there any more but the file of weights."""
    folder, _, _ = folders[kind]
    network = choose_network(f"hf:{folder}")
    assert network.weights.assumed == ""
    assert network.key().weights.startswith("sha256:")
    assert network.key().network["name"] == f"tiny-{kind}"
    again = network_from(network.key(), places=[folder / "model.safetensors"])
    first, second = (one.load().state_dict() for one in (network, again))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_default_is_what_the_authors_evaluate_with(folders: dict[str, Any]) -> None:
    found = {kind: standard_embedding(backbone(f"hf:{folders[kind][0]}").identity) for kind in KINDS}
    assert found == {"dinov2": "cls+mean", "registers": "cls+mean", "vit": "cls", "clip": "cls", "siglip": "pooled"}


def test_the_activation_is_in_the_key(folders: dict[str, Any], tmp_path: Path) -> None:
    folder = folders["clip"][0]
    config = json.loads((folder / "config.json").read_text())
    assert backbone(f"hf:{folder}").variant["activation"] == ["quick_gelu"]
    config["vision_config"]["hidden_act"] = "gelu"
    (tmp_path / "config.json").write_text(json.dumps(config))
    other = backbone(f"hf:{tmp_path}")
    assert other.variant["activation"] == ["gelu"]
    assert other.file is None


def test_a_pooler_that_was_never_trained_is_not_used(folders: dict[str, Any]) -> None:
    """transformers would draw one at random where the file has none."""
    folder = folders["vit"][0]
    assert not any("pooler" in name for name in choose_network(f"hf:{folder}").load().state_dict())


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"rescale_factor": 1.0}, "rescale_factor is 1.0"),
        ({"resample": 1}, "resample is 1"),
        ({"do_rescale": False}, "do_rescale"),
    ],
)
def test_a_wrong_scale_of_pixels_is_refused(folders: dict[str, Any], tmp_path: Path, changed: dict, what: str) -> None:
    folder = folders["dinov2"][0]
    said = {**json.loads((folder / "preprocessor_config.json").read_text()), **changed}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(BackboneError, match=f"pictures can't be made as preprocessor_config.json asks: its {what}"):
        backbone(f"hf:{tmp_path}")


def test_what_can_not_be_had_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackboneError, match=r"holds no config\.json"):
        backbone(f"hf:{tmp_path}")
    with pytest.raises(BackboneError, match="give OWNER/NAME of the Hugging Face hub, or an existing folder"):
        backbone("hf:dinov2")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(BackboneError, match="is a 'bert', and known here are: clip, siglip"):
        backbone(f"hf:{tmp_path}")


def test_a_repository_of_the_hub_is_read_from_its_cache(
    folders: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `huggingface_hub` keeps it: offline, the identity of the weights names their bytes."""
    import shutil

    from huggingface_hub import constants

    place = tmp_path / "models--someone--tiny"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("0" * 40)
    shutil.copytree(folders["dinov2"][0], place / "snapshots" / ("0" * 40))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    network = choose_network("hf:someone/tiny")
    digest = network.weights.published.digest
    assert network.key().weights == f"hf:someone/tiny.hub-{digest[:12]}"
    assert network_from(network.key()).load().state_dict().keys() == network.load().state_dict().keys()
    with pytest.raises(WeightsError, match="the weights someone/other can't be had from the Hugging Face hub"):
        backbone("hf:someone/other")
