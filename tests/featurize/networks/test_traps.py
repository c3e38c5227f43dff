"""The mistakes that others made with such networks: each gives other numbers, and has another key or is refused.

A test here takes the wrong way on purpose, and sees that the comparison with the authors' own code notices it, and that
no cache could mix the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from featurize.errors import BackboneError
from featurize.networks.network import Network, choose_network, network_from
from featurize.pictures.transform import Transform
from tests.featurize.networks import golden, tiny

timm = pytest.importorskip("timm")

SIDE = 96  # the network's own is 160: positions are resized
VIT = choose_network("timm:test_vit", "random")


def authors(network: Network, names: str) -> dict[str, torch.Tensor]:
    """What timm's own preprocessing and forward pass give of the drawn pictures."""
    module = network.load()
    own = timm.data.create_transform(**timm.data.resolve_data_config({}, model=module))
    with torch.inference_mode():
        last = module.forward_features(torch.stack([own(picture) for picture in golden.drawn()]))
        found = {"cls": last[:, 0], "mean": last[:, module.num_prefix_tokens :].mean(1)}
    return {name: found[name] for name in names.split(",")}


def ours(network: Network, names: str, module: torch.nn.Module | None = None) -> dict[str, np.ndarray]:
    """What we make of them."""
    return golden.vectors(network, module or network.load(), names, golden.pixels(network, golden.drawn()))


def assert_noticed(found: dict[str, np.ndarray], expected: dict[str, torch.Tensor]) -> None:
    """The comparison with the authors' own numbers fails."""
    with pytest.raises(AssertionError):
        golden.assert_agree(found, expected)


WRONG_PIXELS: dict[str, dict[str, Any]] = {
    "values from 0 to 255": {"mean": (0.0, 0.0, 0.0), "std": (1 / 255, 1 / 255, 1 / 255)},
    "values from 0 to 1": {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)},
    "another mean": {"mean": (0.485, 0.456, 0.406)},
    "another deviation": {"std": (0.229, 0.224, 0.225)},
    "squashed, not cropped": {"fit": "squash"},
    "another interpolation": {"interpolation": "bilinear"},
    "another share is cut": {"resize": 182},
}


@pytest.fixture(scope="module")
def expected() -> dict[str, torch.Tensor]:
    return authors(VIT, "cls,mean")


def test_the_right_way_agrees(expected: dict[str, torch.Tensor]) -> None:
    golden.assert_agree(ours(VIT, "cls,mean"), expected)


@pytest.mark.parametrize("wrong", WRONG_PIXELS)
def test_wrong_pixels_are_noticed_and_have_another_key(wrong: str, expected: dict[str, torch.Tensor]) -> None:
    assert VIT.transform == Transform(168, 160, "bicubic", (0.5,) * 3, (0.5,) * 3, whole="round")
    other = replace(VIT, transform=replace(VIT.transform, **WRONG_PIXELS[wrong]))
    assert_noticed(ours(other, "cls,mean"), expected)
    assert other.key() != VIT.key()


def _averaged(module: torch.nn.Module, last: torch.Tensor) -> torch.Tensor:
    return last[:, 1:].mean(1)


def _with_class_token(module: torch.nn.Module, last: torch.Tensor) -> torch.Tensor:
    return last.mean(1)


@pytest.mark.parametrize(
    ("recipe", "wrong"),
    [("cls", _averaged), ("mean", _with_class_token)],
    ids=["averaged where the authors take the class token", "the class token averaged in"],
)
def test_wrong_tokens_are_noticed(recipe: str, wrong: Callable[..., torch.Tensor]) -> None:
    module = VIT.load()
    with torch.inference_mode():
        last = module.forward_features(torch.from_numpy(golden.normalised(VIT, golden.pixels(VIT, golden.drawn()))))
        assert_noticed(ours(VIT, recipe, module), {recipe: wrong(module, last)})


def test_tokens_without_the_last_norm_are_noticed(expected: dict[str, torch.Tensor]) -> None:
    module = VIT.load()
    module.norm = torch.nn.Identity()
    assert_noticed(ours(VIT, "cls,mean", module), expected)


def test_another_activation_is_noticed_and_has_another_key(expected: dict[str, torch.Tensor]) -> None:
    module = VIT.load()
    for block in module.blocks:
        block.mlp.act = timm.layers.QuickGELU()
    assert_noticed(ours(VIT, "cls,mean", module), expected)
    names = ("vit_base_patch32_clip_224", "vit_base_patch32_clip_quickgelu_224")
    plain, quick = (choose_network(f"timm:{name}", "random") for name in names)
    assert plain.key() != quick.key()
    assert "openai" in quick.backbone.published
    assert "openai" not in plain.backbone.published, "timm lists them there, and says in a note that it is wrong"
    with pytest.raises(BackboneError, match="has no weights 'openai' of vit_base_patch32_clip_224 with its activation"):
        choose_network("timm:vit_base_patch32_clip_224.openai")


@pytest.mark.parametrize("wrong", ["not antialiased", "with an offset"])
def test_positions_resized_another_way_are_noticed(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As DINOv2's own code and its exports do it; the key says which way is ours."""
    from timm.models import vision_transformer

    network = choose_network("timm:test_vit", "random", size=SIDE)
    assert network.key().network["positions"] == "bicubic, antialiased"
    state = VIT.load().state_dict()
    right, other = network.load(), network.load()
    provider_fill(network, right, state)
    resample = vision_transformer.resample_abs_pos_embed

    def another(posemb: torch.Tensor, new_size: Any, **options: Any) -> torch.Tensor:
        if wrong == "not antialiased":
            return resample(posemb, new_size, **{**options, "antialias": False})
        prefix, side = posemb[:, :1], round((posemb.shape[1] - 1) ** 0.5)
        grid = posemb[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
        scale = (new_size[0] + 0.1) / side
        grid = torch.nn.functional.interpolate(grid, scale_factor=(scale, scale), mode="bicubic", antialias=True)
        return torch.cat([prefix, grid.flatten(2).transpose(1, 2)], 1)

    monkeypatch.setattr(vision_transformer, "resample_abs_pos_embed", another)
    provider_fill(network, other, state)
    assert_noticed(ours(network, "mean", other), {"mean": torch.from_numpy(ours(network, "mean", right)["mean"])})


def provider_fill(network: Network, module: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    from featurize.networks.providers import provider_of

    provider_of("timm").fill(network.backbone, module, state, "a test")


def test_one_set_of_weights_at_another_size_has_a_key_for_each_library(tmp_path: Any) -> None:
    """timm and transformers resize positions in two ways, so their numbers don't meet."""
    pytest.importorskip("transformers")
    folder, _, _ = tiny.save("dinov2", tmp_path)
    by_transformers = choose_network(f"hf:{folder}", "random", size=84)
    assert by_transformers.key().network["positions"] == "bicubic"


def test_a_pooler_that_nobody_trained_is_noticed(tmp_path: Any) -> None:
    """transformers adds one where the file has none, and draws its numbers."""
    transformers = pytest.importorskip("transformers")
    folder, model, _ = tiny.save("vit", tmp_path)
    network = choose_network(f"hf:{folder}")
    drawn = transformers.ViTModel.from_pretrained(folder, add_pooling_layer=True).eval()
    shown = torch.from_numpy(golden.normalised(network, golden.pixels(network, golden.drawn())))
    with torch.inference_mode():
        expected, wrong = model(pixel_values=shown).last_hidden_state[:, 0], drawn(pixel_values=shown).pooler_output
    golden.assert_agree(ours(network, "pooled"), {"pooled": expected})
    assert_noticed(ours(network, "pooled"), {"pooled": wrong})


@pytest.mark.parametrize("what", ["activation", "positions", "norm", "tokens"])
def test_a_key_of_a_network_that_is_built_otherwise_today_is_refused(what: str) -> None:
    """A library, or this project, that changes what decides the numbers does not go on in an old cache."""
    key = VIT.key()
    with pytest.raises(BackboneError, match=f"with {what} 'another', this version builds it with"):
        network_from(replace(key, network={**key.network, what: "another"}))


@pytest.mark.parametrize("what", ["activation", "positions", "norm"])
def test_so_is_one_of_transformers(what: str, tmp_path: Any) -> None:
    pytest.importorskip("transformers")
    folder, _, _ = tiny.save("clip", tmp_path)
    key = choose_network(f"hf:{folder}", "random").key()
    assert network_from(key).key() == key
    with pytest.raises(BackboneError, match=f"with {what} 'another', this version builds it with"):
        network_from(replace(key, network={**key.network, what: "another"}))
