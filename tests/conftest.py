"""Small pictures and folders that many tests need."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from featurize.gallery import draw_gallery
from tests import sizes

settings.register_profile(
    "artstyle",
    max_examples=sizes.HYPOTHESIS_EXAMPLES,
    deadline=None,  # the machine may be busy
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("artstyle")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real paintings and weights beside the checkout; tests that need them skip where they are missing."""
    folder = ROOT.parent / "shared"
    if not (folder / "data" / "rasta-small").is_dir():
        pytest.skip("the real paintings are not here")
    return folder


def save_picture(path: Path, seed: int = 0, size: tuple[int, int] = (96, 72)) -> Path:
    """A small JPEG of coloured noise and stripes, different for each seed."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    small.resize(size, Image.Resampling.BICUBIC).save(path, "JPEG", quality=90)
    return path


@pytest.fixture(scope="session")
def sample_gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four paintings of each style of the sample gallery; copy them to a place of your own."""
    folder = tmp_path_factory.mktemp("gallery") / "paintings"
    draw_gallery(folder, per_style=4)
    return folder


@pytest.fixture
def paintings(tmp_path: Path) -> Path:
    """Three styles by four artists, 4 train and 3 val pictures each, in RASTA's layout and names."""
    folder = tmp_path / "paintings"
    seed = 0
    for split, count in (("wikipaintings_train", 4), ("wikipaintings_val", 3)):
        for style in ("Baroque", "Cubism", "Naïve_Art_(Primitivism)"):
            for n in range(count):
                seed += 1
                save_picture(folder / split / style / f"artist-{n}_work-{seed}-{1600 + seed}.jpg", seed)
    return folder
