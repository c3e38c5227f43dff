"""`--json` on any command: one object on stdout, whatever happens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import classify.commands.main
import featurize.commands.main
from featurize.commands.answer import Answer
from featurize.commands.console import run
from tests.classify.embedded import make_dataset


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_dataset(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ask(capsys: pytest.CaptureFixture, cli: object, *words: str) -> tuple[int, dict]:
    capsys.readouterr()
    status = run(cli, [*words, "--json"])
    out = capsys.readouterr().out
    assert out.count("\n") == 1, "one object on one line"
    answer = json.loads(out)
    assert list(answer) == ["command", "status", "error", "warnings", "result", "tables", "lines"]
    assert answer["status"] == status
    return status, answer


def test_results_are_plain_figures(dataset: Path, capsys: pytest.CaptureFixture) -> None:
    cli = classify.commands.main.cli
    status, fitted = ask(capsys, cli, "fit", "--head", "ridge", "--out", "head.safetensors")
    assert (status, fitted["command"], fitted["error"]) == (0, "classify fit", None)
    assert fitted["result"]["head"] == "head.safetensors"
    assert fitted["result"]["classes"] == ["Baroque", "Cubism", "Naïve Art"]
    assert fitted["tables"][0]["columns"][:2] == ["split", "pictures"]
    assert fitted["lines"][-1] == "wrote head.safetensors"
    _, scored = ask(capsys, cli, "evaluate", "--head", "head.safetensors", "--split", "val")
    assert scored["result"]["accuracy"] == fitted["result"]["metrics"]["val"]["accuracy"]
    _, compared = ask(capsys, cli, "compare", "--heads", "ridge,prototype", "--no-tune", "--out", "report")
    assert compared["result"] == json.loads((dataset / "report" / "results.json").read_text("utf-8"))


def test_errors_and_wrong_usage_are_answers_too(dataset: Path, capsys: pytest.CaptureFixture) -> None:
    cli = classify.commands.main.cli
    status, answer = ask(capsys, cli, "evaluate", "--head", "none.safetensors")
    assert (status, answer["result"]) == (1, None)
    assert answer["error"].startswith("there is no head 'none.safetensors'")
    status, answer = ask(capsys, cli, "fit", "--head")
    assert status == 2
    assert "requires an argument" in answer["error"]


@pytest.mark.parametrize("package", [featurize, classify], ids=lambda package: package.__name__)
def test_every_end_but_a_good_one_has_its_sentence(
    dataset: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, package: object
) -> None:
    cli = package.commands.main.cli
    assert ask(capsys, cli)[1]["error"] == "no command is named: --help lists them"
    monkeypatch.setattr(cli, "main", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
    status, answer = ask(capsys, cli, "words")
    assert (status, answer["error"][:8]) == (130, "stopped;")


def test_what_is_no_number_in_json_is_null() -> None:
    answer = Answer()
    answer.result = {"loss": float("nan"), "deep": [{"limit": float("inf")}], "word": "NaN"}
    found = json.loads(answer.as_json("x", 0), parse_constant=lambda name: pytest.fail(name))
    assert found["result"] == {"loss": None, "deep": [{"limit": None}], "word": "NaN"}


@pytest.mark.parametrize("package", [featurize, classify], ids=lambda package: package.__name__)
def test_every_command_takes_it(dataset: Path, capsys: pytest.CaptureFixture, package: object) -> None:
    cli = package.commands.main.cli
    for name in cli.commands:
        _, answer = ask(capsys, cli, name, "--help")
        assert answer["command"] == f"{package.__name__} {name}"
        assert any("--json" in line for line in answer["lines"]), name
    status, answer = ask(capsys, featurize.commands.main.cli, "info")
    assert status == 0
    assert answer["tables"] or answer["lines"]


def test_loggers_are_named_by_module_and_silent_unless_asked(
    dataset: Path, capsys: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture
) -> None:
    run(classify.commands.main.cli, ["fit", "--head", "ridge", "--no-tune"])
    assert not caplog.records
    run(classify.commands.main.cli, ["fit", "--head", "ridge", "--no-tune", "--log-level", "INFO"])
    (record,) = [r for r in caplog.records if r.name == "classify.fitting.trial"]
    assert "ridge on" in record.getMessage()
    for name in ("cache", "featurize", "classify", "artstyle"):
        __import__("logging").getLogger(name).setLevel("NOTSET")
