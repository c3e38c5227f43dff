"""Runs on a Ray cluster of several nodes on this machine give the bits of a local run, whoever dies meanwhile."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cache import list_caches
from cache.plan import unfinished
from featurize.networks.recipes import FORMULAS
from tests import sizes
from tests.conftest import ROOT
from tests.featurize.test_extract import many_pictures

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow

AVGPOOL = FORMULAS["avgpool"].recipe


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(3):
        add_node(made)
    yield made
    made.shutdown()


def add_node(cluster: Any) -> None:
    """A node of one processor; on a busy machine one may not come up in Ray's half minute."""
    for left in (2, 1, 0):
        try:
            cluster.add_node(num_cpus=1)
            return
        except Exception:  # ray raises no other
            if not left:
                raise


def start(cluster: Any, folder: Path, features: str, pause: str = "0.02") -> subprocess.Popen[bytes]:
    """A run of the command line on the cluster, with the fake network."""
    arguments = ["--dataset", folder / "dataset.csv", "--features", folder / features, "--ray", cluster.address]
    arguments += ["--backbone", "resnet18", "--weights", "random", "--batch-size", "2"]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.featurize.run_fake", pause, "run", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(process: subprocess.Popen[bytes]) -> str:
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said.decode()
    return said.decode()


def bits(folder: Path, features: str, table: Any) -> bytes:
    (cache,) = list_caches(folder / features)
    assert not cache.verify()
    assert unfinished(cache.artifacts) == []
    return cache.gather(table.ids, AVGPOOL).tobytes()


def local(folder: Path) -> None:
    arguments = ["--dataset", folder / "dataset.csv", "--features", folder / "local"]
    arguments += ["--backbone", "resnet18", "--weights", "random", "--batch-size", "2"]
    subprocess.run(
        [sys.executable, "-m", "tests.featurize.run_fake", "0", "run", *map(str, arguments)], cwd=ROOT, check=True
    )


@dataclass(frozen=True)
class World:
    """Pictures, and the bits that a local run makes of them."""

    folder: Path
    table: Any
    expected: bytes


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    table = many_pictures(folder, 150)
    local(folder)
    return World(folder, table, bits(folder, "local", table))


def test_an_undisturbed_run_has_the_bits_of_a_local_one(cluster: Any, world: World) -> None:
    assert "150 pictures embedded now" in finish(start(cluster, world.folder, "whole"))
    assert bits(world.folder, "whole", world.table) == world.expected


@pytest.mark.parametrize("kill", range(sizes.RAY_KILLS))
@pytest.mark.parametrize("who", ["node", "driver"])
def test_whoever_dies_the_bits_are_those_of_a_local_run(who: str, kill: int, cluster: Any, world: World) -> None:
    """Nothing is lost, and no row stands in two segments."""
    rng = random.Random(f"{who} {kill}")
    features = f"{who}-{kill}"
    process = start(cluster, world.folder, features)
    wait_for_segments(world.folder / features, rng.randint(0, 6), process)
    time.sleep(rng.uniform(0, 0.3))
    if who == "node":
        cluster.remove_node(rng.choice(sorted(cluster.worker_nodes, key=str)), allow_graceful=False)
        add_node(cluster)
    else:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        process = start(cluster, world.folder, features)
    said = finish(process)
    assert bits(world.folder, features, world.table) == world.expected
    (cache,) = list_caches(world.folder / features)
    assert sum(len(s) for s in cache._segments.opened) == 150, said  # type: ignore[attr-defined]


def wait_for_segments(folder: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and len(list(folder.glob("*/*.h5"))) < count:
        time.sleep(0.01)


def test_a_node_without_the_weights_is_left_out_by_name(cluster: Any, tmp_path: Path) -> None:
    many_pictures(tmp_path, 8)
    process = subprocess.run(
        [sys.executable, "-m", "tests.featurize.run_fake", "0", "run", "--ray", cluster.address, "--dataset",
         str(tmp_path / "dataset.csv"), "--features", str(tmp_path / "f"), "--backbone", "resnet18", "--weights",
         "random", "--workers", "8"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert process.returncode == 1
    assert "no node of the Ray cluster has 8 processors for a worker" in process.stderr
