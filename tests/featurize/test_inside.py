"""Filters and activation maps are those of the network itself, under every name that people have for its layers."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from torchvision.models import VisionTransformer, get_model

from featurize import inside
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.errors import BackboneError
from featurize.inside.activations import Choice
from featurize.inside.attention import record_attention
from featurize.inside.mosaic import Mosaic, around_zero, between_extremes, of_most
from featurize.inside.other_names import other_names
from featurize.inside.recording import as_maps, normalised
from featurize.networks.network import Network, choose_network
from tests.conftest import save_picture
from tests.featurize import fake


@pytest.fixture(scope="module")
def resnet() -> tuple[Network, torch.nn.Module]:
    network = choose_network("resnet18", "random", size=64)
    return network, network.load()


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


@functools.cache
def modules_of(name: str) -> dict[str, str]:
    with torch.device("meta"):
        return {n: type(m).__name__ for n, m in get_model(name, weights=None).named_modules() if n}


NAMES = [
    ("resnet50", "res2b_branch2b", "layer1.1.conv2"),
    ("resnet50", "conv2_block2_2_conv", "layer1.1.conv2"),
    ("resnet50", "res2a_branch1", "layer1.0.downsample.0"),
    ("resnet50", "conv5_block1_0_conv", "layer4.0.downsample.0"),
    ("resnet50", "bn4f_branch2c", "layer3.5.bn3"),
    ("resnet50", "res5c", "layer4.2"),
    ("resnet50", "conv1_conv", "conv1"),
    ("resnet101", "res4b22_branch2a", "layer3.22.conv1"),
    ("vgg16", "block1_conv1", "features.0"),
    ("vgg16", "conv5_3", "features.28"),
    ("vgg16", "pool5", "features.30"),
    ("alexnet", "conv5", "features.10"),
    ("squeezenet1_1", "fire9/expand3x3", "features.12.expand3x3"),
    ("squeezenet1_1", "conv10", "classifier.1"),
    ("mobilenet_v2", "Conv1", "features.0.0"),
    ("mobilenet_v2", "block_16_project", "features.17.conv.2"),
    ("mobilenet_v2", "block_1_depthwise", "features.2.conv.1.0"),
    ("mobilenet_v2", "expanded_conv_depthwise", "features.1.conv.0.0"),
    ("densenet121", "conv5_block16_2_conv", "features.denseblock4.denselayer16.conv2"),
    ("efficientnet_b0", "block2b_expand_conv", "features.2.1.block.0.0"),
    ("efficientnet_b0", "block1a_project_conv", "features.1.0.block.2.0"),
]


@pytest.mark.parametrize(("network", "other", "own"), NAMES, ids=[f"{n}-{o}" for n, o, _ in NAMES])
def test_a_layer_has_the_name_of_caffe_and_keras(network: str, other: str, own: str) -> None:
    modules = modules_of(network)
    found = [name for name, others in other_names(network, modules).items() if other in others]
    assert found == [own]
    assert own in modules


@pytest.mark.parametrize("network", sorted({n for n, _, _ in NAMES}))
def test_no_two_layers_share_a_name_that_stands_first(network: str) -> None:
    modules = modules_of(network)
    named = [names[0] for own, names in other_names(network, modules).items() if names and own in modules]
    assert len(named) == len(set(named))
    convolutions = [n for n, kind in modules.items() if kind == "Conv2d" and ".fc" not in n]
    assert all(other_names(network, modules).get(n) for n in convolutions), "every convolution has another name"


def test_filters_are_the_weights_of_the_layer(resnet: tuple[Network, torch.nn.Module]) -> None:
    network, module = resnet
    found = inside.filters_of(network, module, "res2b_branch2b", count=8)
    weights = dict(module.named_parameters())["layer1.1.conv2.weight"].numpy()
    assert found.layer == "layer1.1.conv2"
    assert np.array_equal(found.weights, weights[:2, :16])
    chosen = inside.filters_of(network, module, chosen=[5, 0])
    assert chosen.layer == "conv1"
    assert chosen.coloured
    assert np.array_equal(chosen.weights, dict(module.named_parameters())["conv1.weight"].numpy()[[5, 0]])


def test_the_list_has_every_convolution_with_the_shape_it_gives(resnet: tuple[Network, torch.nn.Module]) -> None:
    network, module = resnet
    listed = {layer.name: layer for layer in inside.list_layers(network, module)}
    assert set(listed) == {n for n, m in module.named_modules() if isinstance(m, torch.nn.Conv2d)}
    assert listed["conv1"].weights == (64, 3, 7, 7)
    assert listed["conv1"].maps == (64, 32, 32)
    assert listed["layer4.1.conv2"].maps == (512, 2, 2)


def test_activations_are_what_the_layers_give_computed_step_by_step(
    resnet: tuple[Network, torch.nn.Module], pixels: np.ndarray
) -> None:
    """The layers' own output, although the ReLU behind BatchNorm works in place."""
    network, module = resnet
    x = normalised(network, pixels[None])
    with torch.no_grad():
        x = module.maxpool(module.relu(module.bn1(module.conv1(x))))
        convolved = torch.nn.functional.conv2d(x, module.layer1[0].conv1.weight, padding=1)
        scaled = module.layer1[0].bn1(convolved)
    for layer, expected in (("res2a_branch2a", convolved), ("bn2a_branch2a", scaled)):
        found = inside.activations_of_layer(network, module, pixels, layer, Choice(64))
        assert np.allclose(found.maps, expected[0].numpy(), atol=1e-5)
        assert found.maps.min() < 0


def test_activations_are_what_a_hook_of_torch_sees(resnet: tuple[Network, torch.nn.Module], pixels: np.ndarray) -> None:
    network, module = resnet
    seen: dict[str, torch.Tensor] = {}
    layer = module.layer3[1].conv1
    hook = layer.register_forward_hook(lambda _module, _given, made: seen.update(maps=made.clone()))
    mean, std = np.array(network.transform.mean), np.array(network.transform.std)
    batch = torch.from_numpy(((pixels / 255 - mean) / std).transpose(2, 0, 1)[None].astype(np.float32))
    with torch.no_grad():
        module(batch)
    hook.remove()
    found = inside.activations_of_layer(network, module, pixels, "layer3.1.conv1", Choice(256))
    np.testing.assert_allclose(found.maps, seen["maps"][0].numpy(), rtol=1e-4, atol=1e-5)


def test_blocks_are_the_stages_that_embeddings_are_made_of(
    resnet: tuple[Network, torch.nn.Module], pixels: np.ndarray
) -> None:
    network, module = resnet
    blocks = inside.activations_of_blocks(network, module, pixels, Choice(4))
    assert [b.layer for b in blocks] == ["layer1", "layer2", "layer3", "layer4"]
    for block in blocks:
        whole = inside.activations_of_layer(network, module, pixels, block.layer, Choice(4))
        assert np.allclose(block.maps, whole.maps, rtol=1e-3, atol=1e-4), "folding BatchNorm changes the last bits"


def test_the_strongest_maps_have_the_largest_mean_absolute_value(
    resnet: tuple[Network, torch.nn.Module], pixels: np.ndarray
) -> None:
    network, module = resnet
    everything = inside.activations_of_layer(network, module, pixels, "layer2", Choice(128))
    found = inside.activations_of_layer(network, module, pixels, "layer2", Choice(5, strongest=True))
    strength = np.abs(everything.maps).mean((1, 2))
    assert list(found.numbers) == sorted(range(128), key=lambda n: -strength[n])[:5]
    chosen = inside.activations_of_layer(network, module, pixels, "layer2", Choice(5, [7, 3]))
    assert np.array_equal(chosen.maps, everything.maps[[7, 3]])


def test_tokens_of_patches_become_the_square_they_come_from() -> None:
    tokens = torch.arange(2 * (1 + 4 + 9), dtype=torch.float32).reshape(14, 2)
    maps = as_maps(tokens, "blocks.0")
    assert maps.shape == (2, 3, 3)
    assert maps[0, 1, 2] == tokens[5 + 5, 0], "row 1, column 2, behind a class token and four registers"
    with pytest.raises(BackboneError, match="gives no maps"):
        as_maps(torch.zeros(2), "head")


@pytest.fixture(scope="module")
def transformer() -> tuple[Network, torch.nn.Module]:
    pytest.importorskip("timm")
    network = choose_network("timm:vit_tiny_patch16_224", "random", size=64)
    return network, network.load()


def test_attention_maps_are_the_weights_that_the_network_itself_computes(
    transformer: tuple[Network, torch.nn.Module], pixels: np.ndarray
) -> None:
    """timm computes them in the open where its fused attention is off."""
    network, module = transformer
    found = inside.attention_maps(network, module, pixels)
    assert [a.layer for a in found] == [f"blocks.{n}.attn" for n in range(12)]
    attention = module.get_submodule("blocks.7.attn")
    kept: list[torch.Tensor] = []
    hook = attention.attn_drop.register_forward_hook(lambda _module, _given, out: kept.append(out))
    attention.fused_attn = False
    with torch.no_grad():
        module(normalised(network, pixels[None]))
    attention.fused_attn = True
    hook.remove()
    expected = kept[0][0, :, 0, 1:].reshape(3, 4, 4).numpy()  # of the class token, to 4 x 4 patches
    assert np.allclose(found[7].maps, expected, atol=1e-6)
    assert np.allclose(found[7].mean, expected.mean(0), atol=1e-6)
    assert (found[7].query, found[7].block, found[7].heads) == ("the class token", (8, 12), 3)
    (one,) = inside.attention_maps(network, module, pixels, "blocks.7", Choice(2, strongest=True))
    assert list(one.numbers) == np.argsort(-expected.sum((1, 2)), kind="stable")[:2].tolist()


def test_attention_is_recorded_where_pytorch_does_it_and_changes_nothing() -> None:
    """torchvision's transformer and open_clip's use `MultiheadAttention`, which has a way past every function."""
    torch.manual_seed(0)
    module = VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=4, hidden_dim=32, mlp_dim=64).eval()
    torch.nn.init.normal_(module.heads.head.weight)  # torchvision leaves it at zero
    batch = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        before = module(batch)
    name = "encoder.layers.encoder_layer_1.self_attention"
    layer, given = module.get_submodule(name), []
    hook = layer.register_forward_pre_hook(lambda _module, args: given.append(args[0]))
    found = record_attention(module, batch)
    hook.remove()
    with torch.no_grad():
        q, k, _ = torch.nn.functional.linear(given[0], layer.in_proj_weight, layer.in_proj_bias).chunk(3, -1)
        q, k = (x.reshape(1, 17, 4, 8).transpose(1, 2) for x in (q, k))
        assert torch.allclose(found[name], (q @ k.transpose(-2, -1) / 8**0.5).softmax(-1), atol=1e-6)
        assert torch.equal(module(batch), before)
    assert torch.allclose(found[name].sum(-1), torch.ones(1, 4, 17))


def test_a_mask_and_shared_keys_count_as_they_do_in_pytorch() -> None:
    """The weights times the values are what PyTorch gives."""

    class Masked(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.scaled_dot_product_attention(x, keys, keys, enable_gqa=True, **how)

    torch.manual_seed(0)
    queries, keys = torch.randn(1, 4, 5, 8), torch.randn(1, 2, 5, 8)
    for how in ({}, {"is_causal": True}, {"attn_mask": torch.randn(5, 5)}, {"attn_mask": torch.rand(5, 5) > 0.3}):
        module = Masked()
        (weights,) = record_attention(module, queries).values()
        values = keys.repeat_interleave(2, 1)
        assert torch.allclose(weights @ values, module(queries), atol=1e-5, equal_nan=True), how


def test_a_network_without_attention_and_a_layer_without_it_are_named(
    resnet: tuple[Network, torch.nn.Module], transformer: tuple[Network, torch.nn.Module], pixels: np.ndarray
) -> None:
    with pytest.raises(BackboneError, match=r"resnet18 has no layer in .* --attention is for vision transformers"):
        inside.attention_maps(*resnet, pixels)
    with pytest.raises(BackboneError, match=r"'patch_embed' holds no attention: choose one of blocks.0.attn, blocks.1"):
        inside.attention_maps(*transformer, pixels, "patch_embed")
    with pytest.raises(BackboneError, match="no number 3 among the 3 "):
        inside.attention_maps(*transformer, pixels, "blocks.0", Choice(3, [3]))


@pytest.mark.parametrize(
    ("layer", "convolution", "expected"),
    [
        ("res2b_branch7b", False, r"near that name are: .*res2b_branch2b \(here layer1.1.conv2\)"),
        ("layer1.1.conv9", False, r"near that name are: .*layer1\.1\.conv2"),
        ("layer1.1", True, r"no convolution but a BasicBlock.*layer1\.1\.conv1 and layer1\.1\.conv2"),
        ("zzz", False, r"no layer 'zzz'; `featurize filters --backbone resnet18 --list`"),
    ],
)
def test_a_layer_that_is_not_there_is_answered_with_those_near_it(
    resnet: tuple[Network, torch.nn.Module], layer: str, convolution: bool, expected: str
) -> None:
    with pytest.raises(BackboneError, match=expected):
        inside.find_layer(*resnet, layer, convolution)


def test_scales_are_what_the_captions_say() -> None:
    weights = np.array([[-2.0, 1.0], [0.0, 0.0], [0.1, -0.4]], np.float32)
    assert np.allclose(around_zero(weights), [[0, 0.75], [0.5, 0.5], [0.625, 0]])
    maps = np.array([[[1.0, 3.0]], [[5.0, 5.0]]], np.float32)
    assert np.allclose(between_extremes(maps), [[[0, 1]], [[0, 0]]])
    spiked = np.ones((2, 10, 20), np.float32) * np.array([2, 0])[:, None, None]
    spiked[:, 3, 4] = 100
    bright = of_most(spiked)
    assert np.allclose(bright[0], 1), "one place of 200 does not darken the others"
    assert (bright[1] > 0).sum() == bright[1, 3, 4] == 1


def test_tiles_stand_row_after_row_on_white() -> None:
    tiles = np.arange(5, dtype=np.float32).repeat(4).reshape(5, 2, 2) / 8
    figure = Figure()
    axes = figure.subplots()
    Mosaic.square(tiles).draw(axes, "gray", gap=0.5)
    drawn = axes.images[0].get_array()[..., 0]  # three columns and two rows of 56 pixels, 28 between
    assert drawn.shape == (2 * 84, 3 * 84)
    assert np.allclose(drawn[28::84, 28::84], [[0, 1 / 8, 2 / 8], [3 / 8, 4 / 8, 1]], atol=0.01)
    assert (drawn[:, 60] == 1).all()


def test_the_commands_write_pictures_and_name_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fake.decode_here(monkeypatch)
    save_picture(tmp_path / "a.jpg")
    random = ["--backbone", "resnet18", "--weights", "random"]
    assert run(cli, ["filters", *random]) == 0
    assert run(cli, ["filters", *random, "--layer", "res2a_branch2b", "--count", "8"]) == 0
    assert run(cli, ["activations", "a.jpg", *random, "--count", "3", "--strongest"]) == 0
    assert run(cli, ["activations", "a.jpg", *random, "--count", "3", "--layer", "res2a"]) == 0
    made = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.glob("*/*.png"))
    assert made == [
        *(f"activations/a-resnet18-block{n}-layer{n}.png" for n in (1, 2, 3, 4)),
        "activations/a-resnet18-layer1.0.png",
        "filters/resnet18-conv1.png",
        "filters/resnet18-layer1.0.conv2.png",
    ]
    for path in made:
        with Image.open(tmp_path / path) as picture:
            assert picture.size[0] > 1000
    capsys.readouterr()
    assert run(cli, ["filters", *random, "--list"]) == 0
    assert "res2b_branch2b" in capsys.readouterr().out
    assert run(cli, ["filters", *random, "--numbers", "64"]) == 1
    assert "no number 64 among the 64 filters of 'conv1'" in capsys.readouterr().err
    assert run(cli, ["activations", "none.jpg", *random]) == 1
    assert "'none.jpg' can't be shown: there is no such file" in capsys.readouterr().err
    assert run(cli, ["activations", "filters", *random]) == 1
    assert "'filters' can't be shown: it is not a file (a folder)" in capsys.readouterr().err
    assert run(cli, ["activations", "a.jpg", *random, "--layer", "conv1", "--blocks"]) == 2
    for contrary in (["--strongest", "--numbers", "1"], ["--layer", ""], ["--numbers", ""]):
        assert run(cli, ["activations", "a.jpg", *random, *contrary]) == 2, contrary
    assert run(cli, ["filters", *random, "--list", "--layer", "conv1"]) == 2
