"""The README's commands work as they stand there, in order, and its tree shows every file."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from classify.commands.main import cli as classify
from featurize.commands.console import run
from featurize.commands.main import cli as featurize
from featurize.engines.fake import FakeEngines
from scripts import list_files
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
    fake.decode_here(monkeypatch)
    monkeypatch.setattr("featurize.networks.network.Network.fetch", lambda network: tmp_path / "weights.pth")
    assert run(featurize, ["sample", "paintings", "--per-style", "12"]) == 0
    listed = commands()
    assert {c[1] for c in listed if c[0] == "featurize"} >= {"sample", "prepare", "run", "info", "verify", "export"}
    assert {c[1] for c in listed if c[0] == "classify"} >= {"fit", "evaluate", "predict", "compare"}
    for command in listed:
        command = ["--per-style=12" if c == "--per-style" else c for c in command if c != "40"]
        if command[:2] == ["classify", "compare"]:
            command = [*command, "--folds", "0"]  # folds take most of a minute, and have tests of their own
        group = {"featurize": featurize, "classify": classify}[command[0]]
        assert run(group, command[1:], FakeEngines()) == 0, shlex.join(command)


def test_the_tree_names_every_room_of_the_packages() -> None:
    """Folders that hold code, two levels deep; single files stand in docs/files.md."""
    tree = README[README.index("## The files") :]
    named = set(re.findall(r"^\s*(\w+)/ ", tree, re.MULTILINE))
    packages = ["cache", "featurize", "classify"]
    rooms = {p.parent.name for package in packages for p in (ROOT / package).glob("*/__init__.py")} | {*packages}
    assert rooms - named == set(), "add them to the README's tree"
    assert all(list(ROOT.glob(f"**/{name}/")) for name in named), "these are gone"
    assert tree.count("\n") * 3 <= README.count("\n"), "the tree takes more than a third of the README"


def test_the_page_of_all_files_is_current() -> None:
    if subprocess.run(["git", "status"], cwd=ROOT, capture_output=True).returncode:
        pytest.skip("not a git checkout")
    assert list_files.PAGE.read_text(encoding="utf-8") == list_files.page(), "run `python scripts/list_files.py`"
