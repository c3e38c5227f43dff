"""What else is done with networks works with vision transformers, too: looking inside, heatmaps, fine-tuning's cuts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from cache import list_caches
from classify.data import usual_embedding
from classify.errors import FinetuneError
from classify.explain import Explainer
from classify.finetune.learner import Learner
from classify.finetune.result import Finetuned
from classify.finetune.run import fine_tune
from classify.finetune.scope import chosen_layers, halves
from classify.finetune.settings import FinetuneSettings
from classify.headfile import SavedHead
from classify.heads import make_head
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.table import DatasetTable
from featurize.networks.network import Network, choose_network
from featurize.networks.providers import provider_of
from featurize.networks.recipes import formulas
from tests.classify.finetune.worlds import curve, make_world, quick
from tests.conftest import save_picture
from tests.featurize import fake
from tests.featurize.networks import golden, tiny

timm = pytest.importorskip("timm")

VIT = choose_network("timm:test_vit", "random")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return golden.pixels(VIT, golden.drawn(1))[0]


# ---- looking inside


def test_the_commands_show_patch_embeddings_and_maps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.decode_here(monkeypatch)
    monkeypatch.chdir(tmp_path)
    picture = str(save_picture(tmp_path / "a.jpg"))
    chosen = ["--backbone", "timm:test_vit", "--weights", "random", "--count", "2"]
    drawn: list[str] = []
    monkeypatch.setattr("featurize.theme.save_figure", lambda figure, path: drawn.append(path.name))
    assert run(cli, ["filters", *chosen]) == 0
    assert "patch_embed.proj: 64 filters of 3 x 16 x 16 weights, 2 shown" in capsys.readouterr().out
    assert run(cli, ["activations", picture, *chosen, "--layer", "blocks.2"]) == 0
    assert "blocks.2: 64 maps of 10 x 10, 2 shown" in capsys.readouterr().out
    assert len(drawn) == 2


# ---- heatmaps


def saved(recipe: str) -> SavedHead:
    (formula,) = formulas(recipe, backbone=VIT.backbone)
    rng = np.random.default_rng(0)
    labels = np.repeat(["Baroque", "Cubism", "Fauvism"], 20)
    rows = rng.normal(0.1 * np.arange(60)[:, None] * (np.arange(64) % 3), 1).astype(np.float32)
    return SavedHead(make_head("logreg").fit(rows, labels), "logreg", "style", VIT.key(), [formula.recipe])


@pytest.mark.parametrize("recipe", ["mean", "mean-block2"])
def test_heat_on_patch_tokens_sums_to_the_score(recipe: str, pixels: np.ndarray) -> None:
    explainer = Explainer(saved(recipe))
    assert explainer.method == "cam"
    found = explainer.explain(pixels, "Cubism")
    row = golden.vectors(VIT, VIT.load(), recipe, pixels[None])[recipe]
    scores = explainer.saved.head.scores(row.astype(np.float64))[0]
    assert found.heat.shape == (10, 10)
    assert found.heat.sum() + found.base == pytest.approx(scores[1] - scores.mean(), rel=1e-4, abs=1e-4)


def test_a_class_token_has_no_places_so_it_is_explained_by_covering() -> None:
    assert Explainer(saved("cls"), device="cpu").method == "occlusion"


# ---- fine-tuning


def body(network: Network, nodes: list[str]) -> torch.nn.Module:
    return provider_of(network.backbone.provider).trainable(network.backbone, network.load(), nodes)


def cuttable(kind: str, above: Path) -> tuple[Network, str]:
    """A network, and the name of a block in it."""
    if kind == "timm":
        return VIT, "blocks.4"
    pytest.importorskip("open_clip" if kind == "open_clip" else "transformers")
    if kind == "open_clip":
        return choose_network("open_clip:ViT-B-32", "random", size=64), "transformer.resblocks.9"
    return choose_network(f"hf:{tiny.save(kind, above)[0]}", "random"), "block.1"


@pytest.mark.parametrize("kind", ["timm", "open_clip", "registers", "clip", "siglip"])
def test_the_two_halves_are_the_whole(kind: str, tmp_path: Path) -> None:
    network, start = cuttable(kind, tmp_path)
    last = [node for node in network.backbone.nodes if node.split(":")[0] == network.backbone.nodes[-2].split(":")[0]]
    whole = body(network, [*last, "pooled"])
    x = torch.rand(2, 3, *[network.transform.crop] * 2, generator=torch.Generator().manual_seed(0))
    parts = halves(whole, start)
    assert parts.before is not None
    with torch.no_grad():
        found, expected = parts.after(parts.before(x)), whole(x)
    for place, value in expected.items():
        assert functional.l1_loss(found[place], value) < 1e-6 * value.abs().max()
    with pytest.raises(FinetuneError, match="has no such block; from the last to the first there are"):
        chosen_layers(whole, FinetuneSettings(start=f"{start}.mlp"))


def test_blocks_are_counted_as_layers() -> None:
    whole, unused = body(VIT, ["blocks.5:class"]), ["head."]
    for settings in (FinetuneSettings(layers=2), FinetuneSettings(start="blocks.4")):
        names = [name.removeprefix("network.") for name, _ in chosen_layers(whole, settings, unused)]
        assert {name.split(".")[1] for name in names if name.startswith("blocks")} == {"4", "5"}
        assert names[-1] == "norm", "what stands behind the last block goes with it; the classifier is not used"
        assert not {"", "patch_embed.proj"} & set(names)
    with pytest.raises(FinetuneError, match="--layers 7: the network has 6 blocks, which count as its layers"):
        chosen_layers(whole, FinetuneSettings(layers=7), unused)


VIT_32 = {"backbone": "timm:test_vit", "weights": "random", "size": 32, "refit": False, "views": 1, "epochs": 2}


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[DatasetTable, Finetuned]:
    """A dataset table, and a fine-tuning of the last blocks on stored tokens."""
    table = make_world(tmp_path_factory.mktemp("world"))
    folder = tmp_path_factory.mktemp("tuned")
    with pytest.MonkeyPatch.context() as patch:
        fake.decode_here(patch)
        done = fine_tune(table, folder / "run", quick(**VIT_32, start="blocks.4"), features=folder / "features")
    return table, done


def test_epochs_on_stored_tokens_give_the_numbers_of_the_uncached_way(
    tuned: tuple[DatasetTable, Finetuned], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To 2 %, as with maps; and what is stored are the tokens before the block."""
    fake.decode_here(monkeypatch)
    table, cached = tuned
    uncached = fine_tune(table, tmp_path, quick(**VIT_32, start="blocks.4", cached=False))
    for ours, theirs in zip(curve(cached.history()), curve(uncached.history()), strict=True):
        assert ours.pop("stage") == theirs.pop("stage")
        assert ours == pytest.approx(theirs, rel=2e-2)
    (cache,) = list_caches(cached.folder.parent / "features")
    stored = {recipe.name: cache.gather(cache.ids()[:1], recipe).shape for recipe in cache.recipes()}
    assert stored == dict.fromkeys(stored, (1, (1 + 2 * 2) * 64))
    assert {name.partition("-")[0] for name in stored} == {"map@blocks.4"}


def test_what_is_retrained_are_the_blocks_alone(
    tuned: tuple[DatasetTable, Finetuned], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the result is a file of weights that `featurize run` takes; without held-out rows the last epoch is kept."""
    fake.decode_here(monkeypatch)
    monkeypatch.setattr(Learner, "held_out", lambda self, numbers: (numbers, numbers[:0]))
    table, before = tuned
    features = before.folder.parent / "features"
    done = fine_tune(table, tmp_path, quick(**VIT_32, start="blocks.4"), features=features)
    frozen = choose_network("timm:test_vit", "random", size=32).load().state_dict()
    network = choose_network("timm:test_vit", str(done.weights_file))
    assert network.transform.crop == 32
    now = network.load().state_dict()
    changed = {name for name, value in now.items() if not torch.equal(value, frozen[name])}
    assert {".".join(name.split(".")[:2]) for name in changed} == {"blocks.4", "blocks.5", "norm.weight", "norm.bias"}


# ---- serving


def test_a_service_answers_and_explains_with_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("starlette")
    from classify.serve.loading import load_heads
    from classify.serve.settings import ServeSettings
    from tests.classify.serve import rooms
    from tests.classify.serve.running import serving

    fake.decode_here(monkeypatch)
    head = saved("mean-block2")
    heads = load_heads([(tmp_path / "style.safetensors", head)], 8, device="cpu")
    data = rooms.picture(5, (120, 90))
    with serving(ServeSettings(port=0), heads) as running:
        answer = running.predict(data, "/v1/predict?explain=1&top=1").json()["pictures"][0]
    (tmp_path / "a.png").write_bytes(data)
    explained = Explainer(head).explain(tmp_path / "a.png")
    assert answer["predictions"][0]["label"] == explained.label
    assert answer["predictions"][0]["probability"] == pytest.approx(explained.probability, abs=1e-4)
    assert answer["heatmap"]["image"].startswith("data:image/png;base64,")


# ---- comparing


@pytest.mark.parametrize(
    ("names", "usual"),
    [
        (["cls-block6", "mean-block6"], "cls-block6+mean-block6"),
        (["cls-block6", "mean-block6", "mean-block9"], "cls+mean"),
        (["cls", "mean"], "cls+mean"),
        (["mean-block6"], "mean-block6"),
        (["gram-block6", "mean-block6"], "cls+mean"),
        (["colour", "map@blocks.11", "map@blocks.11-mirror", "mean-block6"], "mean-block6"),
        (["cls-block6", "map@blocks.11", "mean-block6"], "cls-block6+mean-block6"),
    ],
    ids=" ".join,
)
def test_a_cache_of_one_block_is_compared_as_it_is(names: list[str], usual: str) -> None:
    """`featurize run --embedding cls,mean --block 6`, then `classify compare` without a word about embeddings."""
    key = choose_network("timm:vit_small_patch14_dinov2", "random").key()
    stored = [SimpleNamespace(name=name) for name in names]
    assert usual_embedding(SimpleNamespace(key=key, recipes=lambda: stored)) == usual
