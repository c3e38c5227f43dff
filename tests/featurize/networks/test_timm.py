"""timm's networks: the pixels and vectors of timm's own code, and everything that decides them in the key."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cache import Artifacts
from cache.buckets import MemoryBucket
from featurize.engines import EngineChoice, batch_on_cpu, int8, make_engine
from featurize.engines.exported import BODY
from featurize.errors import BackboneError, WeightsError
from featurize.networks.network import Network, choose_network, network_from
from featurize.networks.providers import standard_embedding
from featurize.networks.recipes import formulas
from tests.featurize.networks import golden

timm = pytest.importorskip("timm")

LITE0, DINO = "tf_efficientnet_lite0-in1k.safetensors", "vit_small_patch14_dinov2-focus.safetensors"
VIT = choose_network("timm:test_vit", "random")
REGISTERS = choose_network("timm:vit_small_patch14_reg4_dinov2", "random", size=98)
NO_CLASS = choose_network("timm:test_vit2", "random")
CONVNEXT = choose_network("timm:test_convnext", "random")


def theirs(name: str, file: Path | None = None, **options: object) -> torch.nn.Module:
    """A network as timm itself makes and fills it."""
    torch.manual_seed(0)
    given = {"pretrained": True, "pretrained_cfg_overlay": {"file": str(file)}} if file else {}
    return timm.create_model(name, **given, **options).eval()


def their_pixels(module: torch.nn.Module, pictures: list[Image.Image], **options: object) -> torch.Tensor:
    config = timm.data.resolve_data_config(options, model=module)
    transform = timm.data.create_transform(**config)
    return torch.stack([transform(picture) for picture in pictures])


@pytest.mark.parametrize(
    ("name", "file", "side"),
    [("tf_efficientnet_lite0", LITE0, None), ("vit_small_patch14_dinov2", DINO, 224)],
    ids=["maps", "tokens, other size"],
)
def test_real_weights_give_timm_s_own_vectors(shared: Path, name: str, file: str, side: int | None) -> None:
    """Also where the positions of 37 x 37 patches are resized to 16 x 16."""
    path = shared / "weights" / file
    network = choose_network(f"timm:{name}", str(path), size=side)
    module = theirs(name, path, **({"img_size": side} if side else {}))
    given = golden.pictures(shared)
    seen = their_pixels(module, given, **({"img_size": side} if side else {}))
    shown = golden.pixels(network, given)
    assert np.abs(golden.normalised(network, shown) - seen.numpy()).max() < 1e-6, "not the same pixels"
    with torch.inference_mode():
        last = module.forward_features(seen)
        expected = {"pooled": module.forward_head(last, pre_logits=True)}
        if last.ndim == 3:
            expected |= {"cls": last[:, 0], "mean": last[:, 1:].mean(1)}
            sixth = module.norm(_after_block(module, seen, 6))
            expected |= {"cls-block6": sixth[:, 0], "mean-block6": sixth[:, 1:].mean(1)}
        else:
            expected["avgpool"] = last.mean((2, 3))
    golden.assert_agree(golden.vectors(network, network.load(), ",".join(expected), shown), expected)


def _after_block(module: torch.nn.Module, pixels: torch.Tensor, count: int) -> torch.Tensor:
    tokens = module._pos_embed(module.patch_embed(pixels))
    for block in module.blocks[:count]:
        tokens = block(tokens)
    return tokens


@pytest.mark.parametrize("name", ["test_vit", "test_vit3", "test_convnext", "test_efficientnet"])
def test_untrained_networks_give_timm_s_own_vectors(name: str) -> None:
    network = choose_network(f"timm:{name}", "random")
    module = network.load()
    given = golden.drawn()
    seen, shown = their_pixels(module, given), golden.pixels(network, given)
    assert np.abs(golden.normalised(network, shown) - seen.numpy()).max() < 1e-6
    with torch.inference_mode():
        last = module.forward_features(seen)
        expected = {"pooled": module.forward_head(last, pre_logits=True)}
        if last.ndim == 3:
            expected["mean"] = last[:, module.num_prefix_tokens :].mean(1)
            expected |= {"cls": last[:, 0]} if module.cls_token is not None else {}
        else:
            expected["avgpool"] = last.mean((2, 3))
    golden.assert_agree(golden.vectors(network, module, ",".join(expected), shown), expected)


@pytest.mark.parametrize(
    ("network", "registers"), [(REGISTERS, 4), (NO_CLASS, 1)], ids=["beside a class token", "alone"]
)
def test_registers_are_no_patches(network: Network, registers: int) -> None:
    """Neither a map nor a mean has any of them in it."""
    module = network.load()
    assert module.num_reg_tokens == registers
    prefix = module.num_prefix_tokens
    shown = golden.pixels(network, golden.drawn())
    with torch.inference_mode():
        last = module.forward_features(torch.from_numpy(golden.normalised(network, shown)))
    expected = {"mean": last[:, prefix:].mean(1), **({"cls": last[:, 0]} if prefix > registers else {})}
    found = golden.vectors(network, module, ",".join(expected), shown)
    golden.assert_agree(found, expected)
    assert not np.allclose(found["mean"], last.mean(1).numpy(), atol=1e-4)
    if "cls" not in expected:
        with pytest.raises(
            BackboneError, match="has no class token, so there is no embedding 'cls': use mean or pooled"
        ):
            formulas("cls", backbone=network.backbone)


def test_tokens_are_not_averaged_where_the_authors_take_the_class_token() -> None:
    """`avgpool`, the default of other networks, is refused, and what stands for it is timm's own head's."""
    with pytest.raises(BackboneError, match="'avgpool' is not for timm:test_vit, which has tokens: use mean"):
        formulas("avgpool", backbone=VIT.backbone)
    with pytest.raises(
        BackboneError, match="'mean' is not for timm:test_convnext, which has feature maps: use avgpool"
    ):
        formulas("mean", backbone=CONVNEXT.backbone)
    assert standard_embedding(VIT.backbone.identity) == "pooled"
    assert standard_embedding(CONVNEXT.backbone.identity) == "avgpool"
    assert standard_embedding(choose_network("timm:vit_small_patch14_dinov2", "random").backbone.identity) == "cls+mean"


def test_a_block_is_counted_from_1_and_stands_in_the_recipe() -> None:
    (sixth,) = formulas("mean", block=6, backbone=VIT.backbone)
    (last,) = formulas("mean", backbone=VIT.backbone)
    assert [VIT.backbone.nodes[place] for place in (*sixth.stages, *last.stages)] == ["blocks.5", "blocks.5"]
    assert sixth.recipe.name == "mean-block6"
    assert sixth.recipe.digest != last.recipe.digest
    with pytest.raises(BackboneError, match="'cls-block7' reads 7 stages, the network has 6"):
        formulas("cls", block=7, backbone=VIT.backbone)
    with pytest.raises(BackboneError, match="'pooled' is not of one block: leave --block out"):
        formulas("pooled", block=2, backbone=VIT.backbone)


@pytest.mark.parametrize(
    ("config", "changed"),
    [
        ({"crop_mode": "squash"}, {"fit": "squash"}),
        (
            {"crop_mode": "border", "mean": (0.5, 0.4, 0.3)},
            {"fit": "pad", "fill": (128, 102, 76), "mean": (0.5, 0.4, 0.3)},
        ),
        ({"crop_pct": 0.9}, {"resize": 177}),
        ({"interpolation": "bilinear"}, {"interpolation": "bilinear"}),
        ({"std": (0.1, 0.2, 0.3)}, {"std": (0.1, 0.2, 0.3)}),
        ({"input_size": (3, 96, 96)}, {"crop": 96, "resize": 101}),
    ],
    ids=["squash", "pad", "crop share", "interpolation", "deviation", "size"],
)
def test_what_timm_says_of_its_pixels_is_done_and_in_the_key(config: dict, changed: dict) -> None:
    from featurize.networks.libraries.timm import _transform

    plain = {**timm.get_pretrained_cfg("test_vit.r160_in1k").to_dict()}
    transform = _transform({**plain, **config})
    assert transform == replace(_transform(plain), **changed)
    assert replace(VIT, transform=transform).key() != VIT.key()
    own = timm.data.create_transform(**timm.data.resolve_data_config({}, pretrained_cfg={**plain, **config}))
    for picture in golden.drawn(3):
        expected = own(picture)
        found = golden.normalised(replace(VIT, transform=transform), transform(picture)[None])[0]
        assert np.abs(found - expected.numpy()).max() < 1e-6


def test_the_key_says_what_else_decides_the_numbers() -> None:
    identity = VIT.key().network
    assert identity["activation"] == ["GELU"]
    assert identity["positions"] == "bicubic, antialiased"
    assert identity["norm"] == "the last norm, of every block"
    assert identity["tokens"] == {"class": True, "before patches": 1}
    assert identity["stages"][-3:] == ["blocks.5", "blocks.5:class", "pooled"]
    quick, plain = (choose_network(f"timm:vit_base_patch32_clip_{n}224", "random") for n in ("quickgelu_", ""))
    assert quick.key().network["activation"] == ["QuickGELU"]
    assert plain.key().network["activation"] == ["GELU"]
    assert VIT.key().weights == f"random:seed=0,torch={torch.__version__.partition('+')[0]},timm={timm.__version__}"
    with pytest.raises(BackboneError, match=r"with activation \['QuickGELU'\], this version builds it with \['GELU'\]"):
        network_from(replace(VIT.key(), network={**identity, "activation": ["QuickGELU"]}))


def test_a_tag_names_weights_and_with_them_their_pixels() -> None:
    from featurize.networks.providers import backbone

    plain, tagged = backbone("timm:resnet18"), backbone("timm:resnet18.tv_in1k")
    assert plain.identity == tagged.identity
    assert (next(iter(plain.published)), next(iter(tagged.published))) == ("a1_in1k", "tv_in1k")
    assert (plain.transform.interpolation, tagged.transform.interpolation) == ("bicubic", "bilinear")
    assert tagged.published["tv_in1k"].source.startswith("hf-hub:timm/resnet18.tv_in1k/")
    with pytest.raises(BackboneError, match=r"timm has no weights 'tv_in2k' of resnet18 .*; there are: a1_in1k"):
        backbone("timm:resnet18.tv_in2k")
    with pytest.raises(BackboneError, match=r"timm has no network 'resnet1': is one of .*resnet1.* meant"):
        backbone("timm:resnet1")


def test_a_key_is_made_again_without_timm_once_it_was_asked() -> None:
    code = (
        "import sys; from featurize.networks.network import Network, choose_network, network_from;"
        "key = choose_network('timm:test_vit', 'random').key(); assert network_from(key).key() == key;"
        "print(key.digest, {'torch', 'timm', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [VIT.key().digest, "set()"]


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save(timm.create_model("test_convnext").state_dict(), path)
    with pytest.raises(WeightsError, match=r"holds no weights of timm:test_vit: .* arrays are missing"):
        choose_network("timm:test_vit", str(path)).load()


@pytest.mark.parametrize(
    ("name", "size", "batch"),
    [("timm:vit_small_patch14_dinov2", None, 1), ("timm:vit_small_patch14_dinov2", 392, 4),
     ("timm:vit_small_patch14_dinov2", 224, 8), ("timm:test_convnext", 512, 8)],
)  # fmt: skip
def test_batches_are_small_where_attention_would_take_much_memory(name: str, size: int | None, batch: int) -> None:
    """It grows with the square of the number of patches: 1,369 at 518 pixels."""
    assert batch_on_cpu(choose_network(name, "random", size=size)) == batch


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_exported_networks_of_tokens_agree(exported: Artifacts, engine: str) -> None:
    names = "cls,mean,stats-block2"
    wanted = formulas(names, backbone=VIT.backbone)
    shown = golden.pixels(VIT, golden.drawn())
    found = make_engine(VIT, wanted, EngineChoice(engine, batch_size=len(shown)), exported).embed(shown)
    expected = {name: torch.from_numpy(v) for name, v in golden.vectors(VIT, VIT.load(), names, shown).items()}
    golden.assert_agree({recipe.name: np.asarray(v) for recipe, v in found.items()}, expected)


def test_eight_bits_are_for_the_products_with_weights_alone(exported: Artifacts, tmp_path: Path) -> None:
    """Sums and attention of a vision transformer have values too far apart for one scale."""
    import onnx

    body = exported.find(BODY)
    assert body is not None
    (tmp_path / "body.onnx").write_bytes(body)
    small = onnx.load_from_string(int8.quantise(tmp_path / "body.onnx", golden.pixels(VIT, golden.drawn(4))))
    widened = {node.output[0] for node in small.graph.node if node.op_type == "DequantizeLinear"}
    readers = {node.op_type for node in small.graph.node if widened.intersection(node.input)}
    assert "MatMul" in readers
    assert not {"Add", "Mul", "Softmax", "LayerNormalization"} & readers


@pytest.fixture(scope="module")
def exported() -> Artifacts:
    return Artifacts(MemoryBucket(), "")


@pytest.mark.parametrize(("size", "near"), [(100, "96 or 112"), (161, "160 or 176"), (33, "32 or 48")])
def test_a_size_that_patches_do_not_fill_is_refused_with_the_nearest(size: int, near: str) -> None:
    with pytest.raises(BackboneError, match=f"--size {size}: the patches of timm:test_vit are 16 pixels .* use {near}"):
        choose_network("timm:test_vit", "random", size=size)


def test_the_nearest_size_is_one_that_is_allowed() -> None:
    """28 pixels are two patches, and less than any network is given."""
    with pytest.raises(BackboneError, match=r"patches of .* are 14 pixels .* use 42 or 56"):
        choose_network("timm:vit_small_patch14_dinov2", "random", size=33)
    assert choose_network("timm:test_resnet", "random", size=33).transform.crop == 33, "it has no patches"


def test_so_many_patches_that_it_would_take_hours_are_refused() -> None:
    choose_network("timm:test_vit", "random", size=2048)
    with pytest.raises(BackboneError, match=r"--size 2064: timm:test_vit would compare 16,641 .* use 2048 or less"):
        choose_network("timm:test_vit", "random", size=2064)


def test_a_size_of_the_weights_own_is_taken_though_patches_do_not_fill_it() -> None:
    """As of timm's SigLIP, which sees 384 pixels in patches of 14."""
    name = "timm:vit_so400m_patch14_siglip_384"
    assert choose_network(name, "random", size=384).key() == choose_network(name, "random").key()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Timm:resnet18", "is timm: meant?"),
        ("open-clip:ViT-B-32", "is open_clip: meant?"),
        ("transformers:facebook/dinov2-base", "is hf: meant?"),
        (
            "vit_small_patch14_dinov2",
            "or one of another library, as in timm:NAME, which `featurize networks WORD` lists",
        ),
        ("timm:ViT-B-32-of-another", "`featurize networks WORD` lists those with WORD in their name"),
        ("", "'' is not a known backbone"),
    ],
)
def test_a_name_of_another_library_is_answered_with_the_way_to_it(name: str, said: str) -> None:
    with pytest.raises(BackboneError, match=re.escape(said)):
        choose_network(name, "random")
