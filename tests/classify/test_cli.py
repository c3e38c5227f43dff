"""The command line of the second half: fit, evaluate, predict; and a sentence for all that can go wrong."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from cache import Key
from classify.commands.main import cli
from featurize.commands.console import run
from featurize.commands.main import cli as featurize_cli
from tests.cache.samples import network
from tests.classify.embedded import make_dataset

Screen = pytest.CaptureFixture[str]


def call(*arguments: object) -> int:
    return run(cli, [str(a) for a in arguments])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_dataset(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def error_of(screen: Screen) -> str:
    said = screen.readouterr().err
    assert "Traceback" not in said
    return said


def test_fit_and_evaluate(here: Path, capsys: Screen) -> None:
    assert call("fit", "--head", "logreg") == 0
    shown = capsys.readouterr().out
    assert "val" in shown
    assert "calibration error" in shown
    assert "by chance" in shown
    (head,) = (here / "heads").glob("*.safetensors")
    assert call("evaluate", "--head", head, "--split", "test") == 0
    assert "1.000" in capsys.readouterr().out


def test_the_mlp_tells_its_epochs(here: Path, capsys: Screen) -> None:
    assert call("fit", "--head", "mlp:epochs=3") == 0
    out = capsys.readouterr().out
    assert [line.split(":")[0] for line in out.splitlines() if line.startswith("epoch")] == [
        f"epoch   {n}" for n in (1, 2, 3)
    ]
    assert "accuracy on val" in out


def test_fitting_logistic_regression_loads_no_torch_and_no_pictures(here: Path) -> None:
    code = (
        "import sys; from classify.commands.main import cli; from featurize.commands.console import run;"
        "run(cli, ['fit', '--head', 'logreg']); print([m for m in ('torch', 'PIL', 'onnxruntime') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=here)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


BAD: dict[str, tuple[list[str], str]] = {
    "an unknown head": (["fit", "--head", "tree"], "no head 'tree'"),
    "an unknown option": (["fit", "--head", "logreg:D=3"], "no option 'D'"),
    "a boolean that is none": (["fit", "--head", "logreg:standardize=maybe"], "standardize=maybe"),
    "no such target": (
        ["fit", "--head", "logreg", "--target", "genre"],
        "no labels 'genre' (it has: style, artist, year)",
    ),
    "no such embedding": (
        ["fit", "--head", "logreg", "--embedding", "gram"],
        "holds no embedding 'gram' (it holds: avgpool, stats)",
    ),
    "no table": (["fit", "--head", "logreg", "--dataset", "x.csv"], "no dataset table 'x.csv'"),
    "no cache": (["fit", "--head", "logreg", "--features", "x"], "no feature cache in 'x'"),
    "no head file": (["evaluate", "--head", "x.safetensors"], "no head 'x.safetensors'"),
    "no head to predict with": (["predict", "--head", "x.safetensors", "dataset.csv"], "no head 'x.safetensors'"),
    "nothing to predict": (["predict", "--head", "x.safetensors", "nowhere"], "no 'nowhere'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_sentence(here: Path, capsys: Screen, name: str) -> None:
    arguments, message = BAD[name]
    assert call(*arguments) == 1
    assert message in error_of(capsys)
    assert not (here / "heads").exists()


def test_false_is_false(here: Path) -> None:
    from classify.headfile import load_head

    assert call("fit", "--head", "logreg:standardize=false") == 0
    (head,) = (here / "heads").glob("*.safetensors")
    assert load_head(head).head.get_params()["standardize"] is False


def test_two_keys_and_none_chosen_are_listed(here: Path, capsys: Screen) -> None:
    make_dataset(here, key=Key(network("resnet50"), "random:seed=0,torch=0", {}))
    assert call("fit", "--head", "logreg") == 1
    said = error_of(capsys)
    assert "choose one with --key" in said
    assert "resnet18-" in said
    assert "resnet50-" in said
    assert call("fit", "--head", "logreg", "--key", "resnet50") == 0
    assert "untrained backbone" in capsys.readouterr().err


def test_embeddings_of_another_key_are_not_evaluated(here: Path, capsys: Screen) -> None:
    assert call("fit", "--head", "logreg") == 0
    (head,) = (here / "heads").glob("*.safetensors")
    (here / "other").mkdir()
    make_dataset(here / "other", key=Key(network("resnet50"), "random:seed=0,torch=0", {}))
    capsys.readouterr()
    assert call("evaluate", "--head", head, "--features", here / "other" / "features") == 1
    said = error_of(capsys)
    assert "the head was trained on embeddings resnet18-" in said
    assert "resnet50-" in said
    assert len(list((here / "other" / "features").iterdir())) == 1, "nothing is made by looking"


@pytest.fixture
def painted(paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Real pictures, a real small network, a real head."""
    monkeypatch.chdir(tmp_path)
    assert run(featurize_cli, ["prepare", "paintings"]) == 0
    assert run(featurize_cli, ["run", "--backbone", "squeezenet1_1", "--weights", "random", "--engine", "torch"]) == 0
    assert call("fit", "--head", "prototype", "--out", "head.safetensors") == 0
    return tmp_path


def test_from_picture_files_to_styles(painted: Path, capsys: Screen) -> None:
    broken = painted / "paintings" / "wikipaintings_val" / "Cubism" / "broken.jpg"
    broken.write_text("no picture")
    capsys.readouterr()
    assert (
        call("predict", "--head", "head.safetensors", "paintings/wikipaintings_val", "--csv", "out.csv", "--top", 2)
        == 1
    )
    said = capsys.readouterr().err
    assert "broken.jpg: no picture format is recognised" in said
    assert "untrained backbone" in said
    with (painted / "out.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert list(rows[0])[:5] == ["path", "style_1", "probability_1", "style_2", "probability_2"]
    read = [r for r in rows if not r["reason"]]
    assert all(float(r["probability_1"]) >= float(r["probability_2"]) for r in read)
    (unread,) = (r for r in rows if r["reason"])
    assert unread["path"].endswith("broken.jpg")
    assert unread["style_1"] == ""


def test_prediction_from_files_is_prediction_from_the_cache(painted: Path) -> None:
    """The whole way agrees with the stored embeddings."""
    from cache import open_cache
    from classify.data import load_examples
    from classify.headfile import load_head
    from classify.prediction import Predictor
    from featurize.dataset.table import read_table

    saved = load_head(painted / "head.safetensors")
    table, cache = read_table(painted / "dataset.csv"), open_cache(painted / "features")
    examples = load_examples(table, cache, saved.recipes, "style", "val")
    expected = saved.head.predict(examples.X).tolist()
    found = [p.styles[0][0] for p in Predictor(saved, device="cpu").predict(list(examples.rows.paths), top=1)]
    assert found == expected


def test_a_head_is_refused_with_other_weights(painted: Path, capsys: Screen, tmp_path: Path) -> None:
    import torch
    from torchvision.models import get_model

    torch.save(get_model("squeezenet1_1", weights=None).state_dict(), tmp_path / "other.pth")
    capsys.readouterr()
    arguments = ["predict", "--head", "head.safetensors", "paintings/wikipaintings_val", "--weights", "other.pth"]
    assert call(*arguments) == 1
    assert "were made with the weights random:seed=0" in error_of(capsys)


def test_a_file_of_weights_is_found_again_by_its_bytes(
    paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    """Where it was, for checking and predicting; never another file that lies there now."""
    import torch
    from torchvision.models import get_model

    monkeypatch.chdir(tmp_path)
    few = "paintings/wikipaintings_val/Cubism"
    torch.save(get_model("squeezenet1_1", weights=None).state_dict(), tmp_path / "mine.pth")
    assert run(featurize_cli, ["prepare", "paintings"]) == 0
    arguments = ["run", "--backbone", "squeezenet1_1", "--weights", "mine.pth", "--engine", "torch"]
    assert run(featurize_cli, arguments) == 0
    assert "mine.pth does not say which pixels it expects; assumed is that of imagenet-v1" in capsys.readouterr().err
    assert call("fit", "--head", "prototype", "--out", "head.safetensors") == 0
    monkeypatch.chdir(paintings)
    dataset, features = str(tmp_path / "dataset.csv"), str(tmp_path / "features")
    verify = ["verify", "--deep", "--sample", "2", "--features", features, "--dataset", dataset]
    predict = ["predict", "--head", tmp_path / "head.safetensors", tmp_path / few, "--features", "nowhere"]
    assert run(featurize_cli, verify) == 0
    assert call(*predict) == 0, "the head alone says where it was"
    (tmp_path / "mine.pth").rename(tmp_path / "moved.pth")
    torch.save(get_model("squeezenet1_1", weights=None).state_dict(), tmp_path / "mine.pth")
    capsys.readouterr()
    for command in (lambda: run(featurize_cli, verify), lambda: call(*predict)):
        assert command() == 1
        assert "mine.pth' any more: give it with --weights FILE" in error_of(capsys)
    assert run(featurize_cli, [*verify, "--weights", str(tmp_path / "moved.pth")]) == 0
    assert call(*predict, "--weights", tmp_path / "moved.pth") == 0
    assert run(featurize_cli, [*verify, "--weights", str(tmp_path / "mine.pth")]) == 1
    assert "were made with the weights sha256:" in error_of(capsys)


def test_a_head_on_eight_bits_says_where_its_network_lies(painted: Path, capsys: Screen) -> None:
    arguments = ["run", "--backbone", "squeezenet1_1", "--weights", "random", "--precision", "int8"]
    assert run(featurize_cli, [*arguments, "--features", "int8"]) == 0
    assert call("fit", "--head", "prototype", "--features", "int8", "--out", "eight.safetensors") == 0
    predict = ["predict", "--head", "eight.safetensors", "paintings/wikipaintings_val/Cubism"]
    assert call(*predict, "--features", "int8") == 0
    capsys.readouterr()
    assert call(*predict) == 1
    assert "their calibrated network is not in 'features': give the features folder" in error_of(capsys)


def test_an_empty_folder_holds_nothing_to_predict(painted: Path, capsys: Screen) -> None:
    (painted / "empty").mkdir()
    assert call("predict", "--head", "head.safetensors", "empty") == 1
    assert "there are no pictures in 'empty'" in error_of(capsys)


def test_real_paintings_and_real_weights_reach_the_known_accuracy(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RASTA's small set, 25 styles, chance 0.04."""
    from cache import open_cache
    from classify.fitting.fit import fit
    from featurize.dataset.table import read_table

    monkeypatch.chdir(tmp_path)
    weights = str(shared / "weights" / "mobilenet_v2-imagenet-features.pth")
    assert run(featurize_cli, ["prepare", str(shared / "data" / "rasta-small")]) == 0
    assert run(featurize_cli, ["run", "--backbone", "mobilenet_v2", "--weights", weights]) == 0
    table, cache = read_table(tmp_path / "dataset.csv"), open_cache(tmp_path / "features")
    for head, least in (("logreg", 0.36), ("svm", 0.34), ("mlp", 0.34)):
        (score,) = fit(table, cache, head).scores
        assert score.pictures == 250
        assert score.accuracy >= least, head
