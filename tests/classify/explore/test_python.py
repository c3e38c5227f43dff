"""What docs/explore.md shows of Python runs, with paths as text, and gives figures that can be saved."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from tests.classify.explore.collections import make_collection
from tests.conftest import ROOT


def test_the_page_s_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_collection(tmp_path, pictures=40, shown=4)
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/explore.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        exec(compile(block.replace("paintings/wave.jpg", "pictures/3.jpg"), "docs/explore.md", "exec"), names)
    assert all((tmp_path / f"{name}.pdf").stat().st_size > 2000 for name in ("map", "tree", "years"))
