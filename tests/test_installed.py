"""What users install: the wheel holds what git tracks, and its commands work from another folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.installed import PACKAGES, Installed, build_wheel, install, tracked


@pytest.fixture(autouse=True)
def _checkout() -> None:
    if shutil.which("git") is None or subprocess.run(["git", "status"], cwd=ROOT, capture_output=True).returncode:
        pytest.skip("not a git checkout")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("installed"))


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    """Templates and styles as well as code, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}
    assert held == set(tracked(*PACKAGES))


def test_the_commands_of_an_installed_wheel(installed: Installed, tmp_path: Path) -> None:
    """Each once, in the order of a first afternoon, and each page that they promise is there."""
    where = installed.run("python", "-c", "import featurize; print(featurize.__file__)", cwd=tmp_path)
    assert where.stdout.startswith(str(installed.scripts.parent)), where
    network = ["--backbone", "squeezenet1_1", "--weights", "random", "--size", "64", "--engine", "torch"]
    for command in (
        ["featurize", "sample", "gallery", "--per-style", "8"],
        ["featurize", "prepare", "gallery", "--split", "random"],
        ["featurize", "run", *network],
        ["featurize", "audit", "--features", "features", "--out", "audit"],
        ["classify", "compare", "--heads", "ridge,prototype", "--out", "report"],
        ["classify", "fit", "--head", "ridge", "--out", "head.safetensors"],
        ["classify", "predict", "gallery", "--head", "head.safetensors", "--csv", "predicted.csv"],
    ):
        done = installed.run(*command, cwd=tmp_path)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    for page in ("audit/audit.html", "report/index.html"):
        assert "</html>" in (tmp_path / page).read_text(encoding="utf-8")
    assert json.loads((tmp_path / "audit" / "audit.json").read_text(encoding="utf-8"))
    assert (tmp_path / "predicted.csv").read_text(encoding="utf-8").count("\n") > 50
