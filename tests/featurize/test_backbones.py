"""The table of networks says what torchvision says."""

from __future__ import annotations

import pytest
import torch
from torchvision.models import get_model, get_model_weights

from featurize.engines.frozen import frozen_body
from featurize.errors import BackboneError
from featurize.networks.libraries.torchvision import BACKBONES
from featurize.networks.network import choose_network
from featurize.networks.providers import backbone
from featurize.networks.recipes import FORMULAS
from featurize.pictures.transform import Transform
from featurize.run.agreement import relative_difference


@pytest.mark.parametrize("name", BACKBONES)
def test_published_weights_are_torchvision_s(name: str) -> None:
    theirs = {w.name: w for w in get_model_weights(name)}
    for ours, published in BACKBONES[name].published.items():
        weights = theirs[{"imagenet-v1": "IMAGENET1K_V1", "imagenet-v2": "IMAGENET1K_V2"}[ours]]
        preset = weights.transforms()
        assert weights.url == published.source
        assert published.identity == "torchvision:" + published.source.rpartition("/")[2].removesuffix(".pth")
        assert published.source.endswith(f"-{published.digest}.pth")
        assert ([published.transform.resize], [published.transform.crop]) == (preset.resize_size, preset.crop_size)
        assert published.transform.interpolation == preset.interpolation.value
        assert (list(published.transform.mean), list(published.transform.std)) == (preset.mean, preset.std)


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2", "squeezenet1_1", "densenet121", "convnext_tiny"])
def test_the_embedding_is_the_pooled_input_of_the_classifier(name: str) -> None:
    """What the network itself feeds to its classifier, layer norm and dropout apart."""
    torch.manual_seed(0)
    network = get_model(name, weights=None).eval()
    formula = FORMULAS["avgpool"]
    cut = frozen_body(choose_network(name, "random"), network)
    pixels = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (Transform().mean, Transform().std))
    x = (pixels.permute(0, 3, 1, 2) / 255 - mean) / std
    captured: list[torch.Tensor] = []
    last = {"resnet50": "avgpool", "mobilenet_v2": "features", "squeezenet1_1": "features", "convnext_tiny": "avgpool"}
    with torch.inference_mode():
        if name == "densenet121":
            expected = torch.relu(network.features(x)).mean((2, 3))
        else:
            module = dict(network.named_modules())[last[name]]
            module.register_forward_hook(lambda m, i, o: captured.append(o))
            network(x)
            expected = captured[0].mean((2, 3))
        found = formula.vectors([cut(pixels)[-1]])
    assert relative_difference(found.numpy(), expected.numpy()).max() < 1e-5


@pytest.mark.parametrize("name", BACKBONES)
def test_every_stage_is_there(name: str) -> None:
    from torchvision.models.feature_extraction import create_feature_extractor

    with torch.device("meta"):
        network = get_model(name, weights=None).eval()
    stages = BACKBONES[name].stages
    nodes = BACKBONES[name].nodes
    maps = create_feature_extractor(network, {n: n for n in nodes})(torch.empty(1, 3, 512, 512, device="meta"))
    assert len(stages) == 4
    reductions = [stage.reduction for stage in stages]
    assert reductions == sorted(reductions), "from early to late"
    for stage in stages:
        assert maps[stage.node].shape[:2] == (1, stage.channels)
        assert 512 / maps[stage.node].shape[-1] == pytest.approx(stage.reduction, rel=0.07)


def test_an_unknown_backbone_lists_the_known_ones() -> None:
    with pytest.raises(BackboneError, match=r"'resnet51' .*resnet50, .*mobilenet_v2"):
        backbone("resnet51")


def test_resnet50_has_2048_features() -> None:
    cut = frozen_body(choose_network("resnet50", "random"), get_model("resnet50", weights=None).eval())
    assert [m.shape[1] for m in cut(torch.zeros(1, 32, 32, 3, dtype=torch.uint8))] == [256, 512, 1024, 2048]
