"""The names that Caffe and Keras give to the layers of networks whose own names are torchvision's or timm's.

Papers and older code speak of `res2b_branch2b` (Caffe, Keras before 2.2.5) or `conv2_block2_2_conv` (Keras since then):
the layer that torchvision and timm call `layer1.1.conv2`. Sources: the prototxt files of He et al. (ResNet), Simonyan &
Zisserman (VGG), Krizhevsky et al. (AlexNet) and Iandola et al. (SqueezeNet), and keras.applications.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

Names = Mapping[str, list[str]]  # own name -> other names


def other_names(network: str, modules: Mapping[str, str]) -> Names:
    """Other names of a network's layers.

    Parameters
    ----------
    network : str
        Its name, "resnet50".
    modules : mapping of str to str
        Own name of each module, in order -> name of its class.

    Returns
    -------
    mapping of str to list of str
        Own name -> other names; nothing for networks that Caffe and Keras do not have.
    """
    for beginning, naming in _FAMILIES:
        if re.match(beginning, network):
            return naming(modules)
    return {}


def _by_pattern(rules: Sequence[tuple[str, Callable[[re.Match[str]], list[str]]]]) -> Callable[..., Names]:
    def naming(modules: Mapping[str, str]) -> Names:
        found: dict[str, list[str]] = {}
        for own in modules:
            for pattern, names in rules:
                if match := re.fullmatch(pattern, own):
                    found[own] = names(match)
                    break
        return found

    return naming


def _letter(number: int) -> str:
    return chr(ord("a") + number) if number < 26 else ""


def _blocks(match: re.Match[str]) -> tuple[int, int, list[str]]:
    """Stage and block of a residual network as Keras counts them, and Caffe's "2b" (of deep ones also "4b12")."""
    stage, block = int(match["stage"]) + 1, int(match["block"])
    letters = [f"{stage}{_letter(block)}"] if _letter(block) else []
    return stage, block + 1, [*letters, *([f"{stage}b{block}"] if block else [])]


def _residual(match: re.Match[str]) -> list[str]:
    stage, block, caffe = _blocks(match)
    inside = match["inside"]
    if not inside:
        return [*(f"res{c}" for c in caffe), f"conv{stage}_block{block}_out"]
    kind, number = ("conv", inside[-1]) if inside.startswith("conv") else ("bn", inside[-1])
    if inside.startswith("downsample"):
        kind, number = ("conv", "0") if inside.endswith("0") else ("bn", "0")
    branch = "branch1" if number == "0" else f"branch2{_letter(int(number) - 1)}"
    prefix = "res" if kind == "conv" else "bn"
    return [*(f"{prefix}{c}_{branch}" for c in caffe), f"conv{stage}_block{block}_{number}_{kind}"]


_RESNET = _by_pattern(
    [
        (r"conv1", lambda _: ["conv1_conv"]),
        (r"bn1", lambda _: ["bn_conv1", "conv1_bn"]),
        (r"maxpool", lambda _: ["pool1", "pool1_pool"]),
        (r"layer(?P<stage>\d)\.(?P<block>\d+)(?:\.(?P<inside>conv\d|bn\d|downsample\.[01]))?", _residual),
    ]
)


def _plain(modules: Mapping[str, str]) -> Names:
    """AlexNet and VGG: convolutions in a row, blocks end at a pooling."""
    found: dict[str, list[str]] = {}
    block = place = total = 0
    for own, kind in modules.items():
        if not own.startswith("features."):
            continue
        if kind == "Conv2d":
            block, place, total = (block, place + 1, total + 1) if place else (block + 1, 1, total + 1)
            found[own] = [f"conv{block}_{place}", f"block{block}_conv{place}", f"conv{total}"]
        elif kind == "MaxPool2d":
            place = 0
            found[own] = [f"pool{block}", f"block{block}_pool"]
    return found


def _squeezenet(modules: Mapping[str, str]) -> Names:
    found: dict[str, list[str]] = {"features.0": ["conv1"], "classifier.1": ["conv10"]}
    fires = [own for own, kind in modules.items() if kind == "Fire"]
    for number, own in enumerate(fires, 2):
        found[own] = [f"fire{number}/concat"]
        for part in ("squeeze", "expand1x1", "expand3x3"):
            found[f"{own}.{part}"] = [f"fire{number}/{'squeeze1x1' if part == 'squeeze' else part}"]
    return found


_MOBILENET = _by_pattern(
    [
        (r"features\.0\.0", lambda _: ["Conv1"]),
        (r"features\.18\.0", lambda _: ["Conv_1"]),
        (r"features\.1\.conv\.0\.0", lambda _: ["expanded_conv_depthwise"]),
        (r"features\.1\.conv\.1", lambda _: ["expanded_conv_project"]),
        (
            r"features\.(\d+)\.conv\.(?:([01])\.0|(2))",
            lambda m: [f"block_{int(m[1]) - 1}_{('expand', 'depthwise', 'project')[int(m[2] or m[3])]}"],
        ),
    ]
)


def _efficient(match: re.Match[str]) -> list[str]:
    stage, block, part = int(match[1]), int(match[2]), int(match[3])
    parts = ("dwconv", "", "project_conv") if stage == 1 else ("expand_conv", "dwconv", "", "project_conv")
    return [f"block{stage}{_letter(block)}_{parts[part]}"] if part < len(parts) and parts[part] else []


_EFFICIENTNET = _by_pattern(
    [
        (r"features\.0\.0", lambda _: ["stem_conv"]),
        (r"features\.8\.0", lambda _: ["top_conv"]),
        (r"features\.([1-7])\.(\d+)\.block\.(\d)\.0", _efficient),
    ]
)
_DENSENET = _by_pattern(
    [
        (r"features\.conv0", lambda _: ["conv1", "conv1/conv"]),
        (
            r"features\.denseblock(\d)\.denselayer(\d+)\.conv([12])",
            lambda m: [f"conv{int(m[1]) + 1}_block{m[2]}_{m[3]}_conv", f"conv{int(m[1]) + 1}_{m[2]}/x{m[3]}"],
        ),
        (r"features\.transition(\d)\.conv", lambda m: [f"pool{int(m[1]) + 1}_conv", f"conv{int(m[1]) + 1}_blk"]),
    ]
)
_FAMILIES: Sequence[tuple[str, Callable[[Mapping[str, str]], Names]]] = (
    (r"(wide_)?resnet|resnext", _RESNET),
    (r"vgg|alexnet", _plain),
    (r"squeezenet1_1", _squeezenet),
    (r"mobilenet_v2", _MOBILENET),
    (r"efficientnet_b", _EFFICIENTNET),
    (r"densenet", _DENSENET),
)
