"""The head `zero-shot` is what open_clip's own code gives, beside trained heads; without texts it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import classify
import featurize
from cache import NotStored, Store, open_cache
from classify.commands.main import cli
from classify.errors import HeadError
from classify.fitting.prompts import TEMPLATES, read_prompts, usual_prompts
from classify.headfile import load_head
from classify.heads import HeadSpec
from classify.heads.prompted import ClassTexts, WithTexts
from classify.heads.rows.folds import make_folds
from classify.heads.tuning import tune
from classify.report.kinds import LINES
from featurize.commands.console import run
from featurize.networks.libraries import open_clip_texts
from tests.conftest import save_picture

open_clip = pytest.importorskip("open_clip")

Screen = pytest.CaptureFixture[str]
NAME, STYLES = "zero-ViT", ("Baroque", "Cubism", "Naïve_Art")
CONFIG = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 small pictures of three styles, embedded by an open_clip network with numbers drawn at random."""
    folder = tmp_path_factory.mktemp("zero")
    (folder / "zero-ViT.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(folder)
    torch.manual_seed(3)
    torch.save(open_clip.create_model(NAME).state_dict(), folder / "whole.pt")
    for n in range(36):
        save_picture(folder / "paintings" / STYLES[n % 3] / f"{n}.jpg", n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "known"))
        featurize.prepare(folder / "paintings", folder / "dataset.csv", split="random", val=0.0, test=0.4)
        settings = featurize.Settings(
            backbone=f"open_clip:{NAME}", weights=folder / "whole.pt", embedding="cls,pooled", engine="torch", workers=1
        )
        featurize.extract(folder / "dataset.csv", folder / "features", settings)
        yield folder


@pytest.fixture
def store(made: Path) -> Store:
    return open_cache(made / "features")


def by_open_clip(made: Path, paths: list[str], templates: list[str]) -> np.ndarray:
    """Probabilities as open_clip's own functions compute them."""
    whole = open_clip.create_model(NAME).eval()
    whole.load_state_dict(torch.load(made / "whole.pt", weights_only=True))
    names = [style.replace("_", " ") for style in STYLES]
    fill = [lambda name, template=template: template.replace("{}", name) for template in templates]
    texts = open_clip.build_zero_shot_classifier(whole, open_clip.get_tokenizer(NAME), names, fill)
    transform = open_clip.image_transform(64, is_train=False)
    with torch.inference_mode():
        pictures = torch.stack([transform(Image.open(made / path).convert("RGB")) for path in paths])
        logits = whole.logit_scale.exp() * whole.encode_image(pictures, normalize=True) @ texts
    return logits.softmax(1).double().numpy()


def test_probabilities_are_those_of_open_clips_own_code(made: Path, store: Store) -> None:
    found = classify.compare(made / "dataset.csv", store, "zero-shot,lda", tune=False, folds=0, test="test")
    (entry,) = (e for e in found.entries if e.kind == "zero-shot")
    expected = by_open_clip(made, [row.path for row in found.rows], list(TEMPLATES["style"]))
    assert np.abs(entry.probabilities - expected).max() < 1e-4
    assert entry.embedding == "pooled"
    assert "learned from no picture" in entry.remarks[0]
    assert {e.kind for e in found.entries} == {"zero-shot", "lda"}


def test_other_heads_are_on_their_usual_embedding_and_on_the_one_of_the_texts(made: Path, store: Store) -> None:
    found = classify.compare(made / "dataset.csv", store, "zero-shot,lda", tune=False, folds=0, test="test")
    assert sorted((e.kind, e.embedding) for e in found.entries) == [
        ("lda", "cls"), ("lda", "pooled"), ("zero-shot", "pooled")
    ]  # fmt: skip


def test_it_stands_in_comparisons_by_folds_and_alone(made: Path, store: Store) -> None:
    found = classify.compare(made / "dataset.csv", store, "zero-shot", folds=3)
    assert [e.kind for e in found.entries] == ["zero-shot"]
    assert len(found.rows) == 36


def test_texts_are_computed_once(made: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    encode = open_clip_texts.encode
    monkeypatch.setattr(open_clip_texts, "encode", lambda *a: asked.append(a[2]) or encode(*a))
    (made / "own.txt").write_text("# mine\n\na fresco of {}\nBaroque\tgold and shadow\n", encoding="utf-8")
    for _ in range(2):
        classify.compare(made / "dataset.csv", store, "zero-shot", folds=0, test="test", prompts=made / "own.txt")
    assert asked == [["gold and shadow", "a fresco of Cubism", "a fresco of Naïve Art"]]


def test_a_fitted_head_predicts_pictures_without_the_texts_network(
    made: Path, tmp_path: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    out = tmp_path / "zero.safetensors"
    assert run(cli, ["fit", "--head", "zero-shot", "--out", str(out)]) == 0
    saved = load_head(out)
    assert saved.held_out is not None
    table = featurize.read_table(made / "dataset.csv")
    paths = [table.columns["path"][n] for n in range(4)]
    monkeypatch.setattr(open_clip_texts, "encode", lambda *a: pytest.fail("no text is needed"))
    found = classify.predict(saved, [made / path for path in paths], top=3, device="cpu")
    expected = by_open_clip(made, paths, list(TEMPLATES["style"]))
    for one, row in zip(found, expected, strict=True):
        told = dict(one.styles)
        assert np.abs(np.array([told[style] for style in STYLES]) - row).max() < 1e-4


def test_a_network_without_texts_is_refused_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = {"style": ["a", "b"] * 10, "split": ["train"] * 14 + ["test"] * 6}
    featurize.import_vectors(np.random.default_rng(0).normal(size=(20, 4)), rows, "mine")
    with pytest.raises(HeadError, match="imported:mine has no part for texts"):
        classify.compare("dataset.csv", "features", "zero-shot,lda")
    with pytest.raises(HeadError, match="has no part for texts"):
        classify.fit("dataset.csv", "features", "zero-shot")


def test_the_embedding_that_texts_are_compared_with_must_be_there(made: Path, store: Store) -> None:
    with pytest.raises(HeadError, match="--embedding pooled"):
        classify.compare(made / "dataset.csv", store, "zero-shot", embeddings="cls", folds=0, test="test")
    with pytest.raises(HeadError, match="use the embedding pooled"):
        classify.fit(made / "dataset.csv", store, "zero-shot", embedding="cls")


def test_weights_of_the_part_for_pictures_alone_are_refused(made: Path, tmp_path: Path) -> None:
    state = torch.load(made / "whole.pt", weights_only=True)
    pictures = {name: array for name, array in state.items() if name.startswith("visual.")}
    with pytest.raises(featurize.FeaturizeError, match="holds no weights for the texts"):
        open_clip_texts.encode(NAME, pictures, ["a"], "half.pt")


def few(seed: int = 0) -> tuple[np.ndarray, np.ndarray, ClassTexts]:
    """40 rows of three classes, of different sizes, around centres; the prompts of two classes are exchanged."""
    drawn = np.random.default_rng(seed)
    centres = drawn.normal(size=(3, 12))
    names = np.array(["a"] * 20 + ["b"] * 12 + ["c"] * 8)
    rows = centres[np.searchsorted(["a", "b", "c"], names)] + drawn.normal(size=(40, 12))
    texts = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = {"a": texts[0], "b": texts[2], "c": texts[1]}
    return rows.astype(np.float32), names, ClassTexts(vectors, 100.0, "")


def adapter(texts: ClassTexts, **options: float) -> Any:
    return WithTexts.of(HeadSpec("tip-adapter", options), texts).make()


def by_the_paper(rows: np.ndarray, known: np.ndarray, names: np.ndarray, texts: ClassTexts, alpha: float, beta: float):
    """Equations 3 to 6 of Zhang et al. 2022, with each class's mean in place of its sum, class by class."""
    rows, known = (r / np.linalg.norm(r, axis=1, keepdims=True) for r in (rows.astype(float), known.astype(float)))
    near = [np.exp(-beta * (1 - rows @ known[names == name].T)).mean(1) for name in "abc"]
    return np.stack([100 * rows @ texts.vectors[name] + alpha * n for name, n in zip("abc", near, strict=True)], 1)


def test_prompts_and_rows_together_are_the_papers_formula() -> None:
    rows, names, texts = few()
    head = adapter(texts, alpha=30.0, beta=5.5).fit(rows, names)
    expected = by_the_paper(rows[:7], rows, names, texts, 30.0, 5.5)
    assert np.abs(head.scores(rows[:7]) - expected).max() < 1e-3
    again = type(head).from_state(head.get_params(), head.state(), list("abc"))
    assert np.array_equal(again.predict_proba(rows), head.predict_proba(rows))


def test_without_a_share_for_rows_it_is_zero_shot() -> None:
    rows, names, texts = few()
    alone = WithTexts.of(HeadSpec("zero-shot"), texts).make().fit(rows, names)
    assert np.allclose(adapter(texts, alpha=0.0).fit(rows, names).scores(rows), alone.scores(rows), atol=1e-4)


def test_held_out_scores_are_those_of_a_fit_to_the_others() -> None:
    rows, names, texts = few()
    folds = make_folds(np.searchsorted(["a", "b", "c"], names), None, 4, 0)
    points = [{"alpha": 3.0, "beta": 1.0}, {"alpha": 100.0, "beta": 15.0}]
    found = adapter(texts).out_of_fold(rows, names, folds, points)
    for point, scores in zip(points, found, strict=True):
        for train, held_out in folds:
            head = adapter(texts, **point).fit(rows[train], names[train])
            assert np.allclose(scores[held_out], head.scores(rows[held_out]), atol=1e-4)


def test_where_prompts_mislead_tuning_takes_the_rows() -> None:
    rows, names, texts = few()
    head = adapter(texts)
    found = tune(head, rows, names, make_folds(np.searchsorted(["a", "b", "c"], names), None, 4, 0))
    assert found.params["alpha"] > 0
    fitted = found.refit(head, rows, names)
    alone = WithTexts.of(HeadSpec("zero-shot"), texts).make().fit(rows, names)
    others, truth, _ = few()
    assert (fitted.predict(others) == truth).mean() > (alone.predict(others) == truth).mean() + 0.3


def test_it_stands_beside_zero_shot_in_a_comparison_and_predicts(made: Path, store: Store, tmp_path: Path) -> None:
    found = classify.compare(made / "dataset.csv", store, "tip-adapter,zero-shot", folds=0, test="test")
    assert {e.kind for e in found.entries} == {"tip-adapter", "zero-shot"}
    page = classify.write_report(found, tmp_path / "report").read_text("utf-8")
    assert all(f"<b>{e.kind}</b> {LINES[e.kind]}" in page for e in found.entries)
    (entry,) = (e for e in found.entries if e.kind == "tip-adapter")
    assert entry.remarks[0].startswith("Beside training pictures it compares with 3 prompts a class")
    fitted = classify.fit(made / "dataset.csv", store, "tip-adapter")
    classify.save_head(fitted.saved, tmp_path / "tip.safetensors")
    row = featurize.read_table(made / "dataset.csv").columns["path"][0]
    (one,) = classify.predict(tmp_path / "tip.safetensors", made / row, top=3, device="cpu", features=made / "features")
    assert abs(sum(p for _, p in one.styles) - 1) < 1e-6


def test_underscores_and_artists_names_become_words() -> None:
    assert usual_prompts("style").of("Naïve_Art_(Primitivism)", "style")[0].endswith("Naïve Art (Primitivism)")
    assert usual_prompts("artist").of("agnes-martin", "artist")[0] == "a painting by Agnes Martin"
    assert usual_prompts("century").of("1600", "century") == ["a painting, 1600", "an artwork, 1600"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no prompts"),
        (b"# only this\n", "holds no prompts"),
        (b"a painting\n", "line 1 of"),
        (b"a {} painting\nBaroque gold\n", "line 2 of"),
        (b"\xff\xfe\x00", "can't be read as UTF-8"),
        (None, "can't be read"),
    ],
)
def test_a_file_of_prompts_that_can_not_be_used_is_one_sentence(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "p.txt").write_bytes(content)
    with pytest.raises(HeadError, match=said):
        read_prompts(tmp_path / "p.txt")


def test_prompts_must_be_for_all_classes_and_for_no_other(made: Path, store: Store) -> None:
    for line, said in (
        ("Rococo\tx\n{} y\n", "prompts for Rococo"),
        ("Cubism\tx\n", "no prompt for the class 'Baroque'"),
    ):
        (made / "few.txt").write_text(line)
        with pytest.raises(HeadError, match=said):
            classify.compare(made / "dataset.csv", store, "zero-shot", folds=0, test="test", prompts=made / "few.txt")


def test_prompts_that_no_head_reads_are_refused(made: Path, store: Store) -> None:
    table = made / "dataset.csv"
    with pytest.raises(HeadError, match="is for zero-shot and tip-adapter: name one of these heads, or leave it out"):
        classify.compare(table, store, "lda,ridge", folds=0, test="test", prompts=made / "own.txt")
    with pytest.raises(HeadError, match=r"own\.txt is for zero-shot and tip-adapter"):
        classify.fit(table, store, "lda", prompts=made / "own.txt")


def test_a_cache_without_the_pooled_embedding_names_the_command(made: Path, tmp_path: Path) -> None:
    settings = featurize.Settings(
        backbone=f"open_clip:{NAME}", weights=made / "whole.pt", embedding="cls", engine="torch", size=32, workers=1
    )
    featurize.extract(made / "dataset.csv", tmp_path / "features", settings)
    with pytest.raises(NotStored, match="holds no embedding 'pooled'"):
        classify.compare(made / "dataset.csv", tmp_path / "features", "zero-shot")
