"""Similar pictures beside a prediction are those that `classify neighbours` names."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cache import Rows, create_cache
from cache.ids import from_hex
from classify.explore.neighbours import neighbours
from classify.headfile import load_head
from classify.serve.loading import load_heads
from classify.serve.settings import ServeSettings
from featurize.dataset.prepare import prepare
from featurize.dataset.table import read_table
from featurize.engines.fake import FakeEngines
from tests.classify.serve import rooms
from tests.classify.serve.running import serving


@pytest.fixture
def museum(paintings: Path, tmp_path: Path) -> Path:
    """A dataset table with the embeddings of its pictures, and a head on them."""
    prepare(paintings, tmp_path / "dataset.csv")
    table, predictor = read_table(tmp_path / "dataset.csv"), rooms.make_predictor()
    decode, embed = predictor.network.decode, predictor.network.embed
    rows = np.concatenate([embed([decode((table.folder / path).read_bytes())]) for path in table.columns["path"]])
    cache = create_cache(tmp_path / "features", predictor.saved.key)
    cache.append(Rows(from_hex(table.columns["id"]), np.zeros(len(rows), np.uint8), {predictor.saved.recipes[0]: rows}))
    rooms.saved_head(tmp_path)
    return tmp_path


def test_similar_pictures_are_named_and_shown(museum: Path) -> None:
    """The picture itself is never among them; each has its painter, year, label and a small picture."""
    head, features = museum / "style.safetensors", museum / "features"
    heads = load_heads([(head, load_head(head))], 8, museum / "dataset.csv", features=features, engines=FakeEngines())
    table = read_table(museum / "dataset.csv")
    asked = table.folder / table.columns["path"][0]
    with serving(ServeSettings(port=0), heads) as running:
        found = running.predict(asked.read_bytes(), "/v1/predict?neighbours=4").json()["pictures"][0]["neighbours"]
    saved = heads["style"].predictor.saved
    expected = neighbours(table, saved.open_cache(features), [asked], 4, engines=FakeEngines())
    rows = expected.found.rows[0].tolist()
    assert [one["name"] for one in found] == [expected.works.file(row).name for row in rows]
    assert asked.name not in [one["name"] for one in found]
    assert [one["similarity"] for one in found] == pytest.approx(expected.found.similarity[0].tolist())
    for one, row in zip(found, rows, strict=True):
        assert one["artist"].replace(" ", "-").lower() == expected.works.artists[row]
        assert one["year"] == expected.works.column("year")[row]
        assert one["label"] == expected.works.column("style")[row]
        assert one["thumbnail"].startswith("data:image/jpeg;base64,")


def test_a_heatmap_is_that_of_classify_explain(tmp_path: Path) -> None:
    """The same places, orange where they speak for the class and purple where against; loaded when it is asked for."""
    from classify.explain import Explainer

    path = rooms.real_head(tmp_path)
    saved = load_head(path)
    heads = load_heads([(path, saved)], 8, device="cpu")
    data = rooms.picture(5, (120, 90))
    with serving(ServeSettings(port=0), heads) as running:
        answer = running.predict(data, "/v1/predict?explain=1&top=1").json()["pictures"][0]
    (tmp_path / "a.png").write_bytes(data)
    explained = Explainer(saved, device="cpu").explain(tmp_path / "a.png")
    assert explained.label == answer["predictions"][0]["label"]
    shown = Image.open(io.BytesIO(base64.b64decode(answer["heatmap"]["image"].partition(",")[2])))
    assert (shown.mode, shown.size) == ("RGBA", (64, 64))
    rows, columns = explained.heat.shape
    small = np.asarray(shown.resize((columns, rows), Image.Resampling.BOX)).astype(int)
    strong = np.abs(explained.heat) > 0.6 * np.abs(explained.heat).max()
    assert ((small[..., 0] > small[..., 2]) == (explained.heat > 0))[strong].all()
    assert small[..., 3][strong].min() > small[..., 3][~strong].mean()
    assert answer["heatmap"]["fit"] == "crop"
