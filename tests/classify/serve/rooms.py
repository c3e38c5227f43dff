"""A head without a network, and pictures to ask it about: quick, and as touchy as `FakeEngine` is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from classify.evaluation.conformal import HeldOut
from classify.evaluation.familiar import Familiar
from classify.headfile import SavedHead, save_head
from classify.heads import head_class
from classify.prediction import Predictor
from featurize.engines.fake import DIMENSION, FakeEngines
from featurize.networks.network import choose_network
from featurize.networks.recipes import formulas
from tests.featurize import fake

STYLES = ["Baroque", "Cubism", "Naïve_Art_(Primitivism)", "Ukiyo-e"]


def picture(seed: int = 0, size: tuple[int, int] = (96, 72), form: str = "PNG") -> bytes:
    """The bytes of a picture file, different for each seed."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    file = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(file, form)
    return file.getvalue()


def make_head(seed: int = 0) -> SavedHead:
    """A head on what the fake engine gives under the key of an untrained network."""
    rng = np.random.default_rng(seed)
    y = np.array(STYLES * 10)
    X = 128 + 20 * rng.standard_normal((len(y), DIMENSION)).astype(np.float32)
    head = head_class("logreg")().fit(X, y)
    key = choose_network("squeezenet1_1", "random", size=64).key()
    metrics = {"val": {"accuracy": 0.31, "low": 0.25, "high": 0.38, "n": 249, "calibration_error": 0.04}}
    recipes = [formula.recipe for formula in formulas("avgpool")]
    training = {"rows": len(y), "spec": "logreg", "question": "new"}
    kept = HeldOut(np.linspace(0, 0.999, 200))
    near = Familiar(np.eye(2, DIMENSION, dtype=np.float32), 0.999, 200)
    return SavedHead(head, "logreg", "style", key, recipes, training, metrics, held_out=kept, familiar=near)


def saved_head(folder: Path, name: str = "style", seed: int = 0) -> Path:
    """The file of such a head."""
    path = folder / f"{name}.safetensors"
    save_head(make_head(seed), path)
    return path


def real_head(folder: Path) -> Path:
    """The file of a head on a real network, untrained and small: slower by seconds."""
    rng = np.random.default_rng(0)
    y = np.array(STYLES * 10)
    X = rng.random((len(y), 512), dtype=np.float32)
    head = head_class("logreg")().fit(X, y)
    key = choose_network("squeezenet1_1", "random", size=64).key()
    path = folder / "real.safetensors"
    save_head(SavedHead(head, "logreg", "style", key, [f.recipe for f in formulas("avgpool")]), path)
    return path


@contextmanager
def without_companions() -> Iterator[None]:
    """Pictures are decoded in this process."""
    with pytest.MonkeyPatch.context() as patch:
        fake.decode_here(patch)
        yield


def make_predictor(saved: SavedHead | None = None, **engine: float) -> Predictor:
    """A predictor with a fake engine; `engine` is its pause or bias."""
    return Predictor(saved or make_head(), engines=FakeEngines(**engine), workers=2)
