"""The project as users have it: a wheel, installed into an environment of its own, used from another folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PACKAGES = ("cache", "classify", "featurize")


def tracked(*folders: str) -> list[str]:
    """Files that git tracks, as paths from the root; those that were deleted meanwhile are left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders],
        cwd=ROOT, capture_output=True, check=True, text=True,
    )  # fmt: skip
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def build_wheel(folder: Path) -> Path:
    """A wheel of what git tracks: nothing that lies about in the checkout gets into it."""
    source = folder / "source"
    for name in tracked(*PACKAGES, "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(source)]
    _pip(*build)
    (wheel,) = folder.glob("*.whl")
    return wheel


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it.

    Parameters
    ----------
    scripts : Path
        The folder of its commands.
    """

    scripts: Path

    def run(self, *command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """What a command gave, in a folder that has nothing to do with the checkout."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run(
            [str(self.scripts / command[0]), *command[1:]],
            cwd=cwd, env={**inherited, **environment}, capture_output=True, text=True,
        )  # fmt: skip


def install(folder: Path) -> Installed:
    """The wheel in a new environment, which borrows numpy, torch and all the others of this one."""
    wheel = build_wheel(folder)
    environment = folder / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    paths = sysconfig.get_paths(vars={"base": str(environment), "platbase": str(environment)})
    borrowed = Path(sysconfig.get_paths()["purelib"])
    # a plain line adds the folder and reads none of its own .pth files, so the checkout stays out
    (Path(paths["purelib"]) / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    python = str(Path(paths["scripts"]) / Path(sys.executable).name)
    _pip("--python", python, "install", "--no-deps", "--no-index", str(wheel))
    return Installed(Path(paths["scripts"]))


def _pip(*arguments: str) -> None:
    command: Sequence[str] = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
