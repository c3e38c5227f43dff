"""transformers' networks: the pixels and vectors of transformers' own code, from folders as the hub has them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from featurize.engines.frozen import frozen_body
from featurize.errors import BackboneError, WeightsError
from featurize.networks.network import choose_network, network_from
from featurize.networks.providers import backbone, standard_embedding
from tests.featurize.networks import golden, tiny
from tests.featurize.networks.tiny import KINDS

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, torch.nn.Module, Any]]:
    return {kind: tiny.save(kind, tmp_path_factory.mktemp("models")) for kind in KINDS}


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
def test_a_network_is_exported_for_batches_of_any_size(folders: dict[str, Any], kind: str) -> None:
    network = choose_network(f"hf:{folders[kind][0]}", "random")
    body = frozen_body(network, network.load())
    shapes = ({0: torch.export.Dim("batch", min=1, max=64)},)
    torch.export.export(body, (torch.zeros(2, 56, 56, 3, dtype=torch.uint8),), dynamic_shapes=shapes, strict=False)


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
    (tmp_path / "preprocessor_config.json").write_text((folder / "preprocessor_config.json").read_text())
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
        ({"do_rescale": False}, "do_rescale is False"),
        ({"do_resize": False}, "do_resize is False"),
        ({"do_pad": True}, "do_pad is True"),
        ({"size": {"longest_edge": 65}}, "size is {'longest_edge': 65}"),
        ({"size": {"height": 65, "width": 70}}, "size is {'height': 65, 'width': 70}"),
        ({"crop_size": {"height": 56, "width": 50}}, "crop_size is"),
        ({"image_mean": None}, "image_mean is None"),
        ({"do_center_crop": False}, "do_center_crop is False"),
        ({"image_processor_type": "OneformerImageProcessor"}, "image_processor_type is 'OneformerImageProcessor'"),
    ],
)
def test_pixels_that_can_not_be_made_are_refused(
    folders: dict[str, Any], tmp_path: Path, changed: dict, what: str
) -> None:
    folder = folders["dinov2"][0]
    said = {**json.loads((folder / "preprocessor_config.json").read_text()), **changed}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(BackboneError, match=f"pictures can't be made as preprocessor_config.json asks: its {what}"):
        backbone(f"hf:{tmp_path}")


@pytest.mark.parametrize("kind", ["ViT", "CLIP", "Bit"])
def test_a_size_that_is_a_number_means_what_the_processor_takes_it_for(kind: str) -> None:
    """ViT's squash to it, CLIP's and DINOv2's crop: old files of the hub say no more."""
    from featurize.networks.libraries.image_processor import transform_of

    said = {"size": 72, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.25]}
    said |= {"crop_size": 56} if kind in ("CLIP", "Bit") else {}
    theirs = getattr(transformers, f"{kind}ImageProcessorPil")(**said)
    transform = transform_of({**said, "feature_extractor_type": f"{kind}FeatureExtractor"}, "none")
    assert transform.fit == ("squash" if kind == "ViT" else "crop")
    network = replace(choose_network("squeezenet1_1", "random"), transform=transform)
    for picture in golden.drawn(3):
        expected = np.asarray(theirs(picture, return_tensors="np")["pixel_values"][0])
        assert np.abs(golden.normalised(network, transform(picture)[None])[0] - expected).max() < 1e-6


def test_a_network_without_fixed_patches_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "siglip2"}')
    (tmp_path / "preprocessor_config.json").write_text("{}")
    with pytest.raises(BackboneError, match=r"is a 'siglip2', whose pictures keep their shapes .* take one of fixed"):
        backbone(f"hf:{tmp_path}")


def test_what_can_not_be_had_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackboneError, match=r"holds no config\.json"):
        backbone(f"hf:{tmp_path}")
    with pytest.raises(BackboneError, match="give OWNER/NAME of the Hugging Face hub, or an existing folder"):
        backbone("hf:dinov2")
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(BackboneError, match=r"config\.json' is no JSON object"):
        backbone(f"hf:{tmp_path}")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(BackboneError, match=r"holds no preprocessor_config\.json"):
        backbone(f"hf:{tmp_path}")
    (tmp_path / "preprocessor_config.json").write_text("{}")
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


@pytest.mark.parametrize("kind", ["dinov2", "clip"])
def test_weights_of_more_blocks_than_the_configuration_has_are_refused(
    folders: dict[str, Any], kind: str, tmp_path: Path
) -> None:
    import shutil

    folder, *_ = folders[kind]
    fewer = tmp_path / "fewer"
    shutil.copytree(folder, fewer)
    config = json.loads((fewer / "config.json").read_text())
    vision = config.get("vision_config", config)
    vision["num_hidden_layers"] = 1
    for named_by_count in ("out_features", "out_indices", "stage_names"):
        vision.pop(named_by_count, None)
    (fewer / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=r"arrays are of a larger network, the first is '.*layer.*\.1\."):
        choose_network(f"hf:{fewer}").load()
