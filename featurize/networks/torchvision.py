"""The networks that can be frozen: name -> stages, published weights, transform.

Knows everything about a network that can be known without loading torch, so that keys are made and complete
caches recognised in milliseconds. Another classification network of torchvision is one line in the table; a
test compares the table with torchvision's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from featurize.errors import BackboneError
from featurize.pictures.transform import Transform

IMAGENET = Transform()


@dataclass(frozen=True)
class Published:
    """One set of torchvision's ImageNet weights.

    Parameters
    ----------
    file : str
        Name at the download server; its last part is the beginning of the file's sha256.
    transform : Transform
        The one these weights were evaluated with.
    """

    file: str
    transform: Transform = IMAGENET

    @property
    def hash(self) -> str:
        """First digits of the file's sha256."""
        return self.file.rsplit(".", 1)[0].rsplit("-", 1)[1]

    @property
    def identity(self) -> str:
        """As it stands in the key."""
        return "torchvision:" + self.file.rsplit(".", 1)[0]


@dataclass(frozen=True)
class Backbone:
    """A frozen network.

    Parameters
    ----------
    name : str
        torchvision's name of the model.
    stages : tuple of str
        Where its feature maps are read, from early to late; the last is the final feature map.
    published : mapping of str to Published
        "imagenet-v1", "imagenet-v2".
    """

    name: str
    stages: tuple[str, ...]
    published: Mapping[str, Published] = field(default_factory=dict)


_RESIZE_232 = Transform(resize=232)
_RESIZE_236 = Transform(resize=236)
_RESNET = ("layer1", "layer2", "layer3", "layer4")
_DENSENET = (*(f"features.transition{n}.conv" for n in (1, 2, 3)), "relu")
_VGG16 = ("features.9", "features.16", "features.23", "features.30")


def _network(name: str, stages: tuple[str, ...], v1: str | Published, v2: str = "") -> Backbone:
    first = v1 if isinstance(v1, Published) else Published(v1)
    second = {"imagenet-v2": Published(v2, _RESIZE_232)} if v2 else {}
    return Backbone(name, stages, {"imagenet-v1": first, **second})


def _features(*numbers: int) -> tuple[str, ...]:
    return tuple(f"features.{n}" for n in numbers)


BACKBONES: Mapping[str, Backbone] = {
    b.name: b
    for b in (
        _network("resnet50", _RESNET, "resnet50-0676ba61.pth", "resnet50-11ad3fa6.pth"),
        _network("resnet18", _RESNET, "resnet18-f37072fd.pth"),
        _network("resnet34", _RESNET, "resnet34-b627a593.pth"),
        _network("resnet101", _RESNET, "resnet101-63fe2227.pth", "resnet101-cd907fc2.pth"),
        _network("resnet152", _RESNET, "resnet152-394f9c45.pth", "resnet152-f82ba261.pth"),
        _network("resnext50_32x4d", _RESNET, "resnext50_32x4d-7cdf4587.pth", "resnext50_32x4d-1a0047aa.pth"),
        _network("wide_resnet50_2", _RESNET, "wide_resnet50_2-95faca4d.pth", "wide_resnet50_2-9ba9bcbe.pth"),
        _network("mobilenet_v2", _features(3, 6, 13, 18), "mobilenet_v2-b0353104.pth", "mobilenet_v2-7ebf99e0.pth"),
        _network(
            "mobilenet_v3_large",
            _features(3, 6, 12, 16),
            "mobilenet_v3_large-8738ca79.pth",
            "mobilenet_v3_large-5c1a4163.pth",
        ),
        _network("squeezenet1_1", _features(4, 7, 10, 12), "squeezenet1_1-b8a52dc0.pth"),
        _network("densenet121", _DENSENET, "densenet121-a639ec97.pth"),
        _network(
            "efficientnet_b0",
            _features(2, 3, 5, 8),
            Published("efficientnet_b0_rwightman-7f5810bc.pth", Transform(interpolation="bicubic")),
        ),
        _network("convnext_tiny", _features(1, 3, 5, 7), Published("convnext_tiny-983f1562.pth", _RESIZE_236)),
        _network("vgg16", _VGG16, "vgg16-397923af.pth"),
        _network("alexnet", _features(2, 5, 7, 12), "alexnet-owt-7be5be79.pth"),
    )
}


def backbone(name: str) -> Backbone:
    """The backbone of that name.

    Raises
    ------
    BackboneError
        It is not in the table; the message lists those that are.
    """
    try:
        return BACKBONES[name]
    except KeyError:
        raise BackboneError(f"{name!r} is not a known backbone; choose one of: {', '.join(BACKBONES)}") from None
