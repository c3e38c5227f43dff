"""An untrained network of each kind goes all the way: run, killed, resumed, checked, fitted, predicting, exported.

`pytest -m slow tests/featurize/networks/test_every_kind.py --durations 0` prints how long each takes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from cache import Store, open_cache
from classify.commands.main import cli as classify
from featurize.choices import CONTROL
from featurize.commands.console import run
from featurize.commands.main import cli as featurize
from tests.conftest import ROOT, save_picture
from tests.featurize import fake
from tests.featurize.networks import tiny

pytest.importorskip("timm")

pytestmark = pytest.mark.slow

# the smallest published network of each architecture, at a size that is quick
KINDS: dict[str, tuple[str, str, int]] = {
    "timm ResNet": ("timm", "timm:resnet10t", 64),
    "timm ConvNeXt": ("timm", "timm:convnext_atto", 64),
    "timm ViT with registers": ("timm", "timm:vit_small_patch14_reg4_dinov2", 56),
    "timm SwinV2": ("timm", "timm:swinv2_tiny_window8_256", 64),
    "open_clip ViT-B-32": ("open_clip", "open_clip:ViT-B-32", 64),
    "open_clip SigLIP": ("open_clip", "open_clip:ViT-B-16-SigLIP", 64),
    "transformers DINOv2": ("transformers", "hf:dinov2", 56),
    "transformers CLIP": ("transformers", "hf:clip", 56),
    "transformers SigLIP 2": ("transformers", "hf:siglip", 56),
}
PICTURES = 24


@pytest.fixture(scope="module")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinds")
    seed = 0
    for split, count in (("wikipaintings_train", 8), ("wikipaintings_val", 4)):
        for style in ("Baroque", "Cubism"):
            for n in range(count):
                seed += 1
                save_picture(folder / "paintings" / split / style / f"artist-{n}_work-{seed}-{1600 + seed}.jpg", seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(featurize, ["prepare", "paintings"]) == 0
    return folder


def vectors(cache: Store) -> dict[str, np.ndarray]:
    """All that is stored, by the names of recipes, in the order of the ids."""
    ids = np.sort(cache.ids())
    return {recipe.name: cache.gather(ids, recipe) for recipe in cache.recipes()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_goes_all_the_way(kind: str, paintings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was killed and resumed has the bits of what was never interrupted."""
    library, name, size = KINDS[kind]
    pytest.importorskip(library)
    monkeypatch.chdir(paintings)
    fake.decode_here(monkeypatch)
    place = Path("all", kind.replace(" ", "-"))
    if library == "transformers":
        name = f"hf:{tiny.save(name.removeprefix('hf:'), place)[0]}"
    line = ["run", "--backbone", name, "--weights", "random", "--size", str(size), "--batch-size", "2"]
    whole, killed = ([*line, "--features", str(place / where)] for where in ("whole", "killed"))
    assert run(featurize, whole) == 0
    _take_over_the_exported_network(place / "whole", place / "killed")
    assert _ended(killed) == -signal.SIGKILL
    before = open_cache(place / "killed")
    assert 0 < len(before.ids()) < PICTURES, "it was killed in the middle"
    assert run(featurize, killed) == 0
    expected, found = (vectors(open_cache(place / where)) for where in ("whole", "killed"))
    assert found.keys() == expected.keys()
    for recipe, rows in expected.items():
        assert len(rows) == PICTURES
        assert np.array_equal(found[recipe], rows), recipe
        assert np.ptp(rows, axis=0).max() > 0, "pictures have vectors of their own"
    features, head = ["--features", str(place / "killed")], str(place / "head.safetensors")
    assert run(featurize, ["verify", "--deep", "--sample", "4", *features]) == 0
    assert run(classify, ["fit", "--head", "ridge", "--no-tune", "--out", head, *features]) == 0
    picture = str(next(Path("paintings").rglob("*.jpg")))
    assert run(classify, ["predict", "--head", head, picture, *features]) == 0
    assert run(featurize, ["export", str(place / "all.npz"), *features]) == 0
    exported = [name for name in np.load(place / "all.npz") if name.startswith("features")]
    assert len(exported) == len(expected.keys() - {CONTROL})


def _take_over_the_exported_network(whole: Path, killed: Path) -> None:
    """A second export takes longer than all else, and is the same to the byte."""
    for path in whole.glob("*/*.onnx*"):
        (killed / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, killed / path.parent.name)


def _ended(arguments: Sequence[str]) -> int:
    """How `featurize` ended that was to kill itself."""
    command = [sys.executable, "-m", "tests.featurize.networks.killed", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, env=environment, check=False, timeout=1200).returncode
