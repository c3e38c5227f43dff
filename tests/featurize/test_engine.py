"""The torch engine: numbers that depend on the picture alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.models import get_model

from featurize.backbones import backbone
from featurize.engines.torch import TorchEngine, choose_device
from featurize.errors import BackboneError
from featurize.recipes import FORMULAS, formulas
from featurize.transform import Transform

SPEC = backbone("squeezenet1_1")
AVGPOOL = FORMULAS["avgpool"]


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return get_model("squeezenet1_1", weights=None).eval()


def engine(network: torch.nn.Module, batch_size: int) -> TorchEngine:
    return TorchEngine(SPEC, network, [AVGPOOL], Transform(), batch_size=batch_size, device="cpu")


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 224, 224, 3), dtype=np.uint8)


def test_vectors_are_those_of_plain_torch(network: torch.nn.Module) -> None:
    pixels = pictures(3)
    found = engine(network, 3).embed(pixels)[AVGPOOL.recipe]
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (Transform().mean, Transform().std))
    with torch.inference_mode():
        x = (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - mean) / std
        expected = network.features(x).mean((2, 3)).numpy()
    assert found.shape == (3, 512)
    assert np.abs(found - expected).max() / np.abs(expected).max() < 1e-5


def test_a_picture_s_vector_does_not_depend_on_its_neighbours(network: torch.nn.Module) -> None:
    """Bit for bit, in a batch of one shape: neighbours may fail, be black, or be others."""
    runner = engine(network, 4)
    pixels = pictures(4)
    alone = np.zeros_like(pixels)
    alone[2] = pixels[2]
    others = pictures(4, seed=1)
    others[2] = pixels[2]
    vectors = [runner.embed(p)[AVGPOOL.recipe][2].tobytes() for p in (pixels, alone, others)]
    assert len(set(vectors)) == 1


def test_nothing_is_learned_or_updated_while_embedding(network: torch.nn.Module) -> None:
    runner = TorchEngine(
        backbone("resnet18"), get_model("resnet18").eval(), [AVGPOOL], Transform(), batch_size=2, device="cpu"
    )
    before = {k: v.clone() for k, v in runner._body.state_dict().items()}
    runner.embed(pictures(2))
    assert all(torch.equal(v, before[k]) for k, v in runner._body.state_dict().items())


def test_a_device_that_is_not_there_is_told() -> None:
    with pytest.raises(BackboneError, match="'cuda:77' is not to be had here"):
        choose_device("cuda:77")


def test_an_unknown_embedding_lists_the_known_ones() -> None:
    with pytest.raises(BackboneError, match=r"'maxpool'.*avgpool"):
        formulas("avgpool,maxpool")
