"""open_clip's networks: the pixels and vectors of its own code; squash, QuickGELU and positions as the authors'."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from featurize.errors import BackboneError
from featurize.networks.network import Network, choose_network
from featurize.networks.providers import backbone, standard_embedding
from tests.featurize.networks import golden

open_clip = pytest.importorskip("open_clip")

_TEXT = {"context_length": 8, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
_VIT = {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16}
TINY = {
    "tiny-ViT": {"embed_dim": 24, "vision_cfg": _VIT, "text_cfg": _TEXT},
    "tiny-ViT-quickgelu": {"embed_dim": 24, "quick_gelu": True, "vision_cfg": _VIT, "text_cfg": _TEXT},
    "tiny-ResNet": {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 64, "layers": [1, 1, 2, 1], "width": 8, "head_width": 16},
        "text_cfg": _TEXT,
    },
    "tiny-CoCa": {
        "embed_dim": 24,
        "vision_cfg": {**_VIT, "attentional_pool": True, "attn_pooler_heads": 4, "output_tokens": True},
        "text_cfg": {**_TEXT, "embed_cls": True, "output_tokens": True},
        "multimodal_cfg": {**_TEXT, "dim_head": 8},
        "custom_text": True,
    },
    "tiny-SigLIP": {
        "embed_dim": 64,
        "custom_text": True,
        "vision_cfg": {"image_size": 160, "timm_model_name": "test_vit3", "timm_pool": "map", "timm_proj": "none"},
        "text_cfg": {**_TEXT, "no_causal_mask": True},
    },
    "tiny-ConvNeXt": {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 160, "timm_model_name": "test_convnext", "timm_pool": "", "timm_proj": "linear"},
        "text_cfg": _TEXT,
    },
}


@pytest.fixture(scope="module", autouse=True)
def tiny(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Small networks of each of open_clip's kinds, made known to it."""
    folder = tmp_path_factory.mktemp("configs")
    for name, config in TINY.items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)


def saved(name: str, folder: Path) -> tuple[torch.nn.Module, Path]:
    """A whole network for pictures and texts as open_clip makes it, and its file."""
    torch.manual_seed(1)
    whole = open_clip.create_model(name).eval()
    torch.save(whole.state_dict(), folder / "whole.pt")
    return whole, folder / "whole.pt"


@pytest.mark.parametrize("name", TINY)
def test_vectors_are_those_of_open_clip(name: str, tmp_path: Path) -> None:
    """Loaded from a file of the whole network, texts and all."""
    whole, path = saved(name, tmp_path)
    network = choose_network(f"open_clip:{name}", str(path))
    own = open_clip.image_transform(TINY[name]["vision_cfg"]["image_size"], is_train=False)
    given = golden.drawn()
    seen, shown = torch.stack([own(picture) for picture in given]), golden.pixels(network, given)
    assert np.abs(golden.normalised(network, shown) - seen.numpy()).max() < 1e-6
    with torch.inference_mode():
        expected = {"pooled": whole.encode_image(seen, normalize=False)}
        if name.startswith("tiny-ViT"):
            whole.visual.output_tokens = True
            whole.visual.proj = None
            token, patches = whole.visual(seen)
            expected |= {"cls": token, "mean": patches.mean(1)}
        if name == "tiny-ResNet":
            maps = whole.visual.forward_intermediates(seen, intermediates_only=True)["image_intermediates"]
            expected |= {"avgpool": maps[-1].mean((2, 3))}
    golden.assert_agree(golden.vectors(network, network.load(), ",".join(expected), shown), expected)


def test_gelu_is_not_taken_for_quick_gelu(tmp_path: Path) -> None:
    """The same arrays with another activation are another key and other vectors."""
    _, path = saved("tiny-ViT", tmp_path)
    plain, quick = (choose_network(f"open_clip:{name}", str(path)) for name in ("tiny-ViT", "tiny-ViT-quickgelu"))
    assert (plain.key().network["activation"], quick.key().network["activation"]) == (["GELU"], ["QuickGELU"])
    shown = golden.pixels(plain, golden.drawn())
    found = [golden.vectors(n, n.load(), "cls", shown)["cls"] for n in (plain, quick)]
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_weights_are_offered_with_their_activation_alone() -> None:
    plain, quick = (backbone(f"open_clip:{name}").published for name in ("ViT-B-32", "ViT-B-32-quickgelu"))
    assert "openai" in quick
    assert "openai" not in plain
    assert "laion2b_s34b_b79k" in plain
    with pytest.raises(
        BackboneError, match="no weights 'openai' for ViT-B-32 with its activation; there are: laion2b_s34b"
    ):
        backbone("open_clip:ViT-B-32.openai")
    with pytest.raises(BackboneError, match=r"has no network 'ViT-B-33': is one of .*ViT-B-32"):
        backbone("open_clip:ViT-B-33")


def test_siglip_s_pictures_are_squashed_and_clip_s_are_cropped() -> None:
    """Where the authors squash, a crop costs accuracy and nothing tells."""
    siglip, clip = backbone("open_clip:ViT-B-16-SigLIP"), backbone("open_clip:ViT-B-32")
    assert {offer.transform.fit for offer in siglip.published.values()} == {"squash"}
    assert {offer.transform.fit for offer in clip.published.values()} == {"crop"}
    assert siglip.transform.mean == (0.5, 0.5, 0.5)
    assert (siglip.stages[-1].channels, clip.stages[-1].channels) == (768, 512)
    assert standard_embedding(clip.identity) == "cls"
    assert standard_embedding(siglip.identity) == "pooled"
    network = Network(siglip, choose_network("open_clip:ViT-B-16-SigLIP", "random").weights, siglip.transform)
    own = open_clip.image_transform(224, False, mean=(0.5,) * 3, std=(0.5,) * 3, resize_mode="squash")
    (picture,) = golden.drawn(1)
    assert np.abs(golden.normalised(network, golden.pixels(network, [picture]))[0] - own(picture).numpy()).max() < 1e-6


def test_clip_s_resnets_have_four_maps_and_what_is_compared_with_texts() -> None:
    assert [(s.node, s.channels, s.reduction) for s in backbone("open_clip:RN50x4-quickgelu").stages] == [
        ("layer1", 320, 4), ("layer2", 640, 8), ("layer3", 1280, 16), ("layer4", 2560, 32), ("pooled", 640, None),
    ]  # fmt: skip
    assert standard_embedding(backbone("open_clip:RN50-quickgelu").identity) == "avgpool"
    network = choose_network("open_clip:tiny-ResNet", "random")
    with pytest.raises(BackboneError, match="the network has no 'layer5'; there are: layer1, layer2"):
        Network(network.backbone.with_nodes(["layer5"]), network.weights, network.transform).cut(network.load(), 1)


def test_coca_s_class_token_is_none_and_its_maps_are_not_normalised() -> None:
    """Its last norm belongs behind the attention that pools, and has another width."""
    coca = backbone("open_clip:tiny-CoCa")
    assert coca.variant["norm"] == "none"
    assert [stage.node for stage in coca.stages] == ["transformer.resblocks.0", "transformer.resblocks.1", "pooled"]
    assert standard_embedding(coca.identity) == "pooled"


def test_positions_of_a_resnet_s_attention_are_resized_as_a_transformer_s(tmp_path: Path) -> None:
    """A position that is the same everywhere stays so, and on its own size nothing changes."""
    whole, path = saved("tiny-ResNet", tmp_path)
    own, larger = (choose_network("open_clip:tiny-ResNet", str(path), size=side).load() for side in (64, 96))
    name = "attnpool.positional_embedding"
    kept = dict(whole.visual.named_parameters())[name]
    assert torch.equal(dict(own.named_parameters())[name], kept)
    resized = dict(larger.named_parameters())[name]
    assert resized.shape == (1 + 3 * 3, kept.shape[1])
    assert torch.equal(resized[0], kept[0]), "that of the mean has no place"
    corners = [(1, 1), (2, 3), (3, 7), (4, 9)]  # of 2 x 2 and of 3 x 3
    for old, new in corners:
        others = [kept[n] for n in range(1, 5)]
        assert (resized[new] - kept[old]).norm() < min((resized[new] - other).norm() + 1e-6 for other in others)


def test_positions_are_resized_as_open_clip_does(tmp_path: Path) -> None:
    _, path = saved("tiny-ViT", tmp_path)
    network = choose_network("open_clip:tiny-ViT", str(path), size=96)
    torch.manual_seed(1)
    whole = open_clip.create_model("tiny-ViT", force_image_size=96).eval()
    open_clip.load_checkpoint(whole, str(path))
    shown = golden.pixels(network, golden.drawn())
    with torch.inference_mode():
        expected = {"pooled": whole.encode_image(torch.from_numpy(golden.normalised(network, shown)))}
    golden.assert_agree(golden.vectors(network, network.load(), "pooled", shown), expected)


def test_a_network_of_timm_s_inside_sees_squares_of_another_size(tmp_path: Path) -> None:
    _, path = saved("tiny-SigLIP", tmp_path)
    network = choose_network("open_clip:tiny-SigLIP", str(path), size=96)
    whole = open_clip.create_model("tiny-SigLIP").eval()
    open_clip.load_checkpoint(whole, str(path))
    whole.visual.set_input_size(96)
    shown = golden.pixels(network, golden.drawn())
    assert shown.shape[1:3] == (96, 96)
    with torch.inference_mode():
        expected = {"pooled": whole.encode_image(torch.from_numpy(golden.normalised(network, shown)))}
    golden.assert_agree(golden.vectors(network, network.load(), "pooled", shown), expected)


def test_all_weights_have_the_licence_that_their_publishers_state() -> None:
    """timm states some of them itself; what OpenAI published with its code is under that code's licence."""
    import timm

    from featurize.networks.libraries import open_clip as provider

    told = {}
    for name, tag in open_clip.list_pretrained():
        config = open_clip.get_pretrained_cfg(name, tag)
        offers = provider._offers(name, 224, bool(config.get("quick_gelu")))
        assert offers[tag].licence, (name, tag)
        told[config.get("hf_hub", "").removeprefix("timm/").rstrip("/")] = offers[tag].licence
    stated = {named: timm.get_pretrained_cfg(named).license for named in told.keys() & set(timm.list_pretrained())}
    differing = {named: (licence, told[named]) for named, licence in stated.items() if licence != told[named]}
    assert not {named: both for named, both in differing.items() if both[0] and not named.endswith(".openai")}
    assert len(stated) - len(differing) > 10
