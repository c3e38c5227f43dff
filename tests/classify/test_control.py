"""What is reached without a network stands beside the heads, and a comparison lists the labels that an audit lists."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from cache import OK, Rows
from classify.commands.main import cli as classify
from classify.comparison.compare import compare
from classify.report import write_report
from featurize.choices import CONTROL
from featurize.commands.console import run
from featurize.commands.main import cli as featurize
from featurize.networks.recipes import formulas
from featurize.pictures.squares.colours import NUMBERS
from tests.classify.embedded import STYLES, make_dataset

COLOUR = formulas(CONTROL)[0].recipe


def give_colours(folder: Path, separable: bool, leave_out: int = 0) -> None:
    """A dataset whose cache also holds colour and texture, of all rows but the last ones."""
    table, cache = make_dataset(folder)
    rng = np.random.default_rng(1)
    codes = np.array([STYLES.index(style) for style in table.columns["style"]])
    centres = 3 * separable * rng.standard_normal((len(STYLES), len(NUMBERS)))
    numbers = centres[codes] + rng.standard_normal((len(table), len(NUMBERS)))
    ids = table.ids[: len(table) - leave_out]
    cache.append(Rows(ids, np.full(len(ids), OK, np.uint8), {COLOUR: numbers[: len(ids)].astype(np.float32)}))


@pytest.mark.parametrize("separable", [True, False])
def test_the_control_says_what_colours_alone_are_worth(separable: bool, tmp_path: Path) -> None:
    give_colours(tmp_path, separable)
    found = compare(tmp_path / "dataset.csv", tmp_path / "features", "ridge", tune=False)
    control = found.control
    assert control is not None
    assert control.numbers == len(NUMBERS)
    assert control.accuracy is not None
    assert (control.accuracy.value > 0.9) is separable
    assert set(control.answers) == {asked.question for asked in found.asked}
    assert [entry.name for entry in found.entries] == ["ridge"], "no contender"
    assert [entry.embedding for entry in found.entries] == ["avgpool"]
    write_report(found, tmp_path / "report")
    page = (tmp_path / "report/index.html").read_text("utf-8")
    assert page.count('<tr class="control">') == 1
    assert json.loads((tmp_path / "report/results.json").read_text("utf-8"))["control"]["head"] == control.head
    assert "without a network" in (tmp_path / "report/report.md").read_text("utf-8")


def test_heads_are_the_same_with_and_without_the_control(tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "with").mkdir()
    make_dataset(tmp_path / "without")
    give_colours(tmp_path / "with", True)
    found = [
        compare(tmp_path / name / "dataset.csv", tmp_path / name / "features", "logreg") for name in ("without", "with")
    ]
    assert np.array_equal(found[0].entries[0].probabilities, found[1].entries[0].probabilities)
    assert found[0].verdict == found[1].verdict


def test_a_cache_without_colours_says_in_one_sentence_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give_colours(tmp_path, True, leave_out=1)
    monkeypatch.chdir(tmp_path)
    assert run(classify, ["compare", "--heads", "ridge", "--no-tune", "--out", "r"]) == 0
    said = "`featurize run --backbone resnet18 --embedding colour` adds them, without the network."
    assert said in capsys.readouterr().out
    assert "--embedding colour</code> adds them" in (tmp_path / "r/index.html").read_text("utf-8")
    assert '<tr class="control">' not in (tmp_path / "r/index.html").read_text("utf-8")


def test_vectors_in_memory_have_no_command_that_brings_a_control() -> None:
    X = np.random.default_rng(0).normal(size=(60, 8))
    found = compare(X, ["a", "b", "c"] * 20, "ridge", groups=list(range(30)) * 2)
    assert (found.control, found.control_note) == (None, "")


def test_a_comparison_lists_the_labels_that_an_audit_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = make_dataset(tmp_path, per_style=24)
    labels = list(table.columns["style"])
    labels[3], labels[30] = STYLES[1], STYLES[2]
    notes = ["bought 1912"] * len(table)
    from featurize.dataset.table import write_table

    write_table(table.with_columns(style=labels, note=notes), tmp_path / "dataset.csv")
    monkeypatch.chdir(tmp_path)
    assert run(featurize, ["audit", "--no-pictures"]) == 0
    assert run(classify, ["compare", "--heads", "ridge", "--no-tune", "--out", "r"]) == 0
    assert (tmp_path / "audit/suspects.csv").read_bytes() == (tmp_path / "r/suspects.csv").read_bytes()
    with (tmp_path / "r/suspects.csv").open(newline="", encoding="utf-8-sig") as file:
        first = list(csv.DictReader(file))[:2]
    assert {line["path"] for line in first} == {table.columns["path"][n] for n in (3, 30)}
    assert all(line["note"] == "bought 1912" for line in first)
    page = (tmp_path / "r/index.html").read_text("utf-8")
    assert page.index(first[0]["reason"].partition(" (")[0]) < page.index(first[1]["reason"].partition(" (")[0])
