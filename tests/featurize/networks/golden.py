"""Comparing our vectors with those that a library's own code computes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from featurize.engines.torch import TorchEngine
from featurize.networks.network import Network
from featurize.networks.recipes import formulas
from featurize.run.agreement import relative_difference

AGREEMENT = 1e-5  # relative L-infinity in float32: what another order of the same additions may cost


def pictures(shared: Path, count: int = 3) -> list[Image.Image]:
    """Real paintings: higher than wide, wider than high, large and small."""
    paths = sorted((shared / "data" / "rasta-small").glob("*/*/*.jpg"))
    return [Image.open(path).convert("RGB") for path in paths[:: len(paths) // count][:count]]


def drawn(count: int = 2) -> list[Image.Image]:
    """Pictures with edges, where the real ones are not needed."""
    rng = np.random.default_rng(0)
    sizes = [(300, 200), (190, 260), (161, 161)]
    small = [Image.fromarray(rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)) for _ in range(count)]
    return [one.resize(sizes[n % 3], Image.Resampling.BICUBIC) for n, one in enumerate(small)]


def pixels(network: Network, given: Sequence[Image.Image]) -> np.ndarray:
    """What the network's transform makes of pictures, (N, H, W, 3) uint8."""
    return np.stack([network.transform(picture) for picture in given])


def normalised(network: Network, shown: np.ndarray) -> np.ndarray:
    """The same as a network sees it, (N, 3, H, W)."""
    mean, std = (np.array(v, np.float32)[:, None, None] for v in (network.transform.mean, network.transform.std))
    scaled: np.ndarray = (shown.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255) - mean) / std
    return scaled


def vectors(network: Network, module: torch.nn.Module, names: str, shown: np.ndarray) -> dict[str, np.ndarray]:
    """Our vectors by the names of their recipes."""
    wanted = formulas(names, backbone=network.backbone)
    engine = TorchEngine(network, module, wanted, batch_size=len(shown))
    return {recipe.name: np.asarray(found) for recipe, found in engine.embed(shown).items()}


def assert_agree(found: dict[str, np.ndarray], expected: dict[str, torch.Tensor]) -> None:
    """Fail unless each of the expected is what was found."""
    for name, vector in expected.items():
        assert found[name].shape == tuple(vector.shape), name
        assert relative_difference(found[name], vector.numpy()).max() < AGREEMENT, name
