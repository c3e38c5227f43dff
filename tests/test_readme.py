"""The README's commands work as they stand there, in order, and its tree shows every file."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from classify.cli import cli as classify
from featurize import extract
from featurize.cli import cli as featurize
from featurize.console import run
from tests.conftest import ROOT
from tests.featurize import fake

README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    """Every `featurize` and `classify` line of the README's shell blocks, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.partition("  #")[0] for block in blocks for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith(("featurize ", "classify "))]


@pytest.mark.filterwarnings("ignore")
def test_every_command_of_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a fast engine in the place of the network, and without a download."""
    monkeypatch.chdir(tmp_path)
    fake.install(monkeypatch)
    monkeypatch.setattr("classify.predict.make_engine", extract.make_engine)
    monkeypatch.setattr("featurize.weights.fetch", lambda weights: tmp_path / "weights.pth")
    assert run(featurize, ["sample", "paintings", "--per-style", "12"]) == 0
    listed = commands()
    assert {c[1] for c in listed if c[0] == "featurize"} >= {"sample", "prepare", "run", "info", "verify", "export"}
    assert {c[1] for c in listed if c[0] == "classify"} >= {"fit", "evaluate", "predict", "compare"}
    for command in listed:
        command = ["--per-style=12" if c == "--per-style" else c for c in command if c != "40"]
        group = {"featurize": featurize, "classify": classify}[command[0]]
        assert run(group, command[1:]) == 0, shlex.join(command)


def test_the_tree_names_every_file_of_the_packages() -> None:
    tracked = subprocess.run(["git", "ls-files", "*.py", "*.sh"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    tree = README[README.index("## The files") :]
    named = set(re.findall(r"^\s*([\w.]+\.(?:py|sh))\b", tree, re.MULTILINE))
    ours = [Path(f).name for f in tracked.stdout.split() if not f.startswith("tests/")]
    there = set(ours) - {"__init__.py", "__main__.py"}
    assert there - named == set(), "add them to the README's tree"
    assert named - there == set(), "these are gone"
