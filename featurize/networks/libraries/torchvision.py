"""torchvision's classification networks: the first provider, and the one whose networks need no provider's name.

Another of its networks is one line in the table; tests compare the table with torchvision's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from featurize.errors import BackboneError
from featurize.networks.base import Backbone, Provider, Published, Stage
from featurize.pictures.transform import Transform
from featurize.wording import listing, raised

if TYPE_CHECKING:
    import torch

_MOST_LISTED = 12  # nodes in a message
DOWNLOADS = "https://download.pytorch.org/models/"
LICENCE = "BSD-3-Clause; trained on ImageNet-1K, whose own terms may apply"
_FROM_TIMM = "Apache-2.0 (timm); trained on ImageNet-1K, whose own terms may apply"
_CLASSIFIER = ("fc.", "classifier.", "heads.", "head.", "AuxLogits.", "aux1.", "aux2.")

_RESIZE_232 = Transform(resize=232)
_RESIZE_236 = Transform(resize=236)
_BICUBIC = Transform(interpolation="bicubic")
_RESNET = ("layer1", "layer2", "layer3", "layer4")
_DENSENET = (*(f"features.transition{n}.conv" for n in (1, 2, 3)), "relu")
_BASIC, _BOTTLENECK = (64, 128, 256, 512), (256, 512, 1024, 2048)


def _features(*numbers: int) -> tuple[str, ...]:
    return tuple(f"features.{n}" for n in numbers)


def _published(stem: str, transform: Transform, licence: str = LICENCE) -> Published:
    """Weights by the stem of their file's name, whose last part is the beginning of the file's sha256."""
    return Published(
        f"torchvision:{stem}", transform, f"{DOWNLOADS}{stem}.pth", licence, digest=stem.rpartition("-")[2]
    )


def _network(
    name: str,
    nodes: Sequence[str],
    channels: Sequence[int],
    v1: str | Published,
    v2: str = "",
    reductions: Sequence[int] = (4, 8, 16, 32),
) -> Backbone:
    """A line of the table; what `_published` does not say is the default: 256 pixels for v1, 232 for v2, bilinear."""
    first = v1 if isinstance(v1, Published) else _published(v1, Transform())
    second = {"imagenet-v2": _published(v2, _RESIZE_232)} if v2 else {}
    return Backbone(
        provider="torchvision",
        name=name,
        stages=tuple(map(Stage, nodes, channels, reductions)),
        published={"imagenet-v1": first, **second},
        transform=first.transform,
    )


BACKBONES: Mapping[str, Backbone] = {
    b.name: b
    for b in (
        _network("resnet50", _RESNET, _BOTTLENECK, "resnet50-0676ba61", "resnet50-11ad3fa6"),
        _network("resnet18", _RESNET, _BASIC, "resnet18-f37072fd"),
        _network("resnet34", _RESNET, _BASIC, "resnet34-b627a593"),
        _network("resnet101", _RESNET, _BOTTLENECK, "resnet101-63fe2227", "resnet101-cd907fc2"),
        _network("resnet152", _RESNET, _BOTTLENECK, "resnet152-394f9c45", "resnet152-f82ba261"),
        _network("resnext50_32x4d", _RESNET, _BOTTLENECK, "resnext50_32x4d-7cdf4587", "resnext50_32x4d-1a0047aa"),
        _network("wide_resnet50_2", _RESNET, _BOTTLENECK, "wide_resnet50_2-95faca4d", "wide_resnet50_2-9ba9bcbe"),
        _network(
            "mobilenet_v2",
            _features(3, 6, 13, 18),
            (24, 32, 96, 1280),
            "mobilenet_v2-b0353104",
            "mobilenet_v2-7ebf99e0",
        ),
        _network(
            "mobilenet_v3_large",
            _features(3, 6, 12, 16),
            (24, 40, 112, 960),
            "mobilenet_v3_large-8738ca79",
            "mobilenet_v3_large-5c1a4163",
        ),
        _network(
            "squeezenet1_1",
            _features(4, 7, 10, 12),
            (128, 256, 384, 512),
            "squeezenet1_1-b8a52dc0",
            reductions=(4, 8, 16, 16),
        ),
        _network("densenet121", _DENSENET, (128, 256, 512, 1024), "densenet121-a639ec97"),
        _network(
            "efficientnet_b0",
            _features(2, 3, 5, 8),
            (24, 40, 112, 1280),
            _published("efficientnet_b0_rwightman-7f5810bc", _BICUBIC, _FROM_TIMM),
        ),
        _network(
            "convnext_tiny",
            _features(1, 3, 5, 7),
            (96, 192, 384, 768),
            _published("convnext_tiny-983f1562", _RESIZE_236),
        ),
        _network("vgg16", _features(9, 16, 23, 30), (128, 256, 512, 512), "vgg16-397923af"),
        _network(
            "alexnet",
            _features(2, 5, 7, 12),
            (64, 192, 384, 256),
            "alexnet-owt-7be5be79",
            reductions=(8, 16, 16, 32),
        ),
    )
}


class Torchvision(Provider):
    """torchvision, whose networks are cut and simplified as graphs of torch.fx."""

    packages = ("torch", "torchvision")

    def names(self) -> Sequence[str]:
        return list(BACKBONES)

    def backbone(self, name: str) -> Backbone:
        if name not in BACKBONES:
            raise BackboneError(
                f"{name!r} is not a known backbone; choose one of: {', '.join(BACKBONES)}; or one of another library, "
                "as in timm:NAME, which `featurize networks WORD` lists"
            )
        return BACKBONES[name]

    def fetch(self, published: Published) -> Path:
        import torch

        from featurize.networks.download import download

        return download(published.source, Path(torch.hub.get_dir()) / "checkpoints", published.digest)

    def build(self, backbone: Backbone, side: int) -> torch.nn.Module:
        from torchvision.models import get_model

        network: torch.nn.Module = get_model(backbone.name, weights=None)
        return network

    def classifier(self, backbone: Backbone) -> tuple[str, ...]:
        return _CLASSIFIER

    def cut(self, backbone: Backbone, network: torch.nn.Module, nodes: Sequence[str]) -> torch.nn.Module:
        from torch.fx.experimental.optimization import fuse

        return fuse(self.trainable(backbone, network, nodes))

    def trainable(self, backbone: Backbone, network: torch.nn.Module, nodes: Sequence[str]) -> torch.nn.Module:
        import torch
        from torchvision.models.feature_extraction import create_feature_extractor

        try:
            cut = create_feature_extractor(network, {node: str(n) for n, node in enumerate(nodes)}).eval()
        except MemoryError:
            raise
        except Exception as error:  # a network's own code may raise any kind while it is traced
            raise BackboneError(_untraced(backbone.full_name, network, nodes, error)) from error
        return torch.fx.GraphModule(cut, cut.graph).eval()


def _untraced(name: str, network: torch.nn.Module, nodes: Sequence[str], error: Exception) -> str:
    """Why some nodes of a network can't be read: it lacks one of them, or can't be traced at all."""
    from torchvision.models.feature_extraction import get_graph_node_names

    try:
        there = get_graph_node_names(network)[1]
    except Exception:  # as above, and for the same reason
        return (
            f"{name} can't be traced by torch.fx, so no node of it can be read ({raised(error)}): write its forward "
            "without conditions on pixels, or export it and use onnx:FILE"
        )
    absent = [node for node in nodes if not any(other == node or other.startswith(f"{node}.") for other in there)]
    return f"{name} has not the nodes {listing(absent or nodes)}; it has: {listing(there, _MOST_LISTED)}"
