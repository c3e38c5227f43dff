"""On a GPU, where there is one: the vectors of a run, in all precisions, and how it goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import get_model

from cache import cache_in_memory, open_cache
from featurize.dataset.prepare import prepare
from featurize.dataset.table import DatasetTable
from featurize.engines.maps import stage_maps
from featurize.engines.torch import TorchEngine
from featurize.networks.network import choose_network
from featurize.networks.recipes import formulas
from featurize.run.agreement import relative_difference
from featurize.run.extract import Extraction, Settings, extract

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


def pixels(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18", "mobilenet_v2"])
@pytest.mark.parametrize(
    ("precision", "compiled", "most"), [("fp32", False, 1e-4), ("fp32", True, 1e-4), ("bf16", False, 5e-2)]
)
def test_a_gpu_agrees_with_the_cpu(name: str, precision: str, compiled: bool, most: float) -> None:
    torch.manual_seed(0)
    network = choose_network(name, "random", size=64)
    module = get_model(name, weights=None).eval()
    wanted = formulas(["avgpool", "stats", "gram"], backbone=network.backbone)
    here = TorchEngine(network, module, wanted, batch_size=8).embed(pixels(8))
    there = TorchEngine(
        network, module, wanted, batch_size=8, device="cuda", precision=precision, compiled=compiled
    ).embed(pixels(8))
    for formula in wanted:
        assert relative_difference(there[formula.recipe], here[formula.recipe]).max() < most


def test_maps_for_heat_are_those_of_the_cpu() -> None:
    network = choose_network("squeezenet1_1", "random", size=64)
    here, there = (
        stage_maps(network, [0, 3], cache_in_memory(network.key()).artifacts, device=device)(pixels(2))
        for device in ("cpu", "cuda")
    )
    for place in (0, 3):
        assert np.allclose(here[place], there[place], rtol=1e-3, atol=1e-4 * np.abs(here[place]).max())


@pytest.fixture
def table(paintings: Path, tmp_path: Path) -> DatasetTable:
    return prepare(paintings, tmp_path / "dataset.csv").table


def run(table: DatasetTable, root: Path, **options: object) -> Extraction:
    return extract(table, root, Settings(backbone="resnet18", weights="random", size=64, control=False, **options))  # type: ignore[arg-type]


def test_a_run_on_a_gpu_gives_the_vectors_of_one_on_a_cpu(table: DatasetTable, tmp_path: Path) -> None:
    here, there = run(table, tmp_path / "cpu", device="cpu"), run(table, tmp_path / "gpu", device="cuda")
    assert here.key.digest == there.key.digest
    assert torch.cuda.get_device_name() in there.engine
    for recipe in open_cache(here.folder).recipes():
        one, other = (open_cache(done.folder) for done in (here, there))
        assert (one.ids() == other.ids()).all()
        ids = one.ids()
        assert relative_difference(other.gather(ids, recipe), one.gather(ids, recipe)).max() < 1e-3  # float16


def test_a_run_begun_on_a_cpu_goes_on_on_a_gpu(table: DatasetTable, tmp_path: Path) -> None:
    """And stored pictures are looked at again first: both must agree."""
    half = table.take(range(len(table) // 2))
    assert run(half, tmp_path / "features", device="cpu").embedded == len(set(half.columns["id"]))
    done = run(table, tmp_path / "features", device="cuda", batch_size=4)
    assert done.embedded == done.pictures - len(set(half.columns["id"]))
    assert not done.failed
