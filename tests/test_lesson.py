"""The lesson runs: each of its cells works after those before it, and the notebook shows the last value of each.

The cells are executed in one namespace of this process and their last values displayed as a notebook does it, by
`_repr_html_` or by drawing the figure. That needs no kernel and no further package; what it can't try is the one line
that is Jupyter's, `%matplotlib inline`.
"""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from tests.conftest import ROOT
from tests.featurize import fake

LESSON = json.loads((ROOT / "docs" / "lesson.ipynb").read_text(encoding="utf-8"))
MAGICS = {"%matplotlib inline"}


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def run_cell(text: str, names: dict[str, Any]) -> Any:
    """Execute a cell; gives the value of its last line, if that is an expression."""
    lines = [line for line in text.splitlines() if line not in MAGICS]
    tree = ast.parse("\n".join(lines))
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "lesson", "exec"), names)
    return eval(compile(ast.Expression(last.value), "lesson", "eval"), names) if isinstance(last, ast.Expr) else None


@pytest.mark.filterwarnings("ignore")
def test_every_cell_of_the_lesson_runs_and_can_be_shown(
    sample_gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(sample_gallery, tmp_path / "paintings")  # the lesson draws what is missing
    monkeypatch.chdir(tmp_path)
    fake.decode_here(monkeypatch)
    names: dict[str, Any] = {}
    shown = []
    for cell in LESSON["cells"]:
        if cell["cell_type"] == "code":
            value = run_cell(source(cell), names)
            if isinstance(value, Figure):
                value.savefig(tmp_path / "figure.png")
            elif hasattr(value, "_repr_html_"):
                assert value._repr_html_()
            shown.append(type(value).__name__)
    assert {"DatasetTable", "DataFrame", "Comparison", "Figure"} <= set(shown)
    assert names["extraction"].embedded == names["extraction"].pictures == names["gallery"].pictures


def test_the_notebook_is_well_formed_and_holds_no_outputs() -> None:
    """As nbformat 4.5 wants it, so that every Jupyter opens it, and a diff of it shows what was changed."""
    assert (LESSON["nbformat"], LESSON["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in LESSON["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in LESSON["cells"]:
        assert cell["cell_type"] in ("markdown", "code")
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    text = "".join(source(cell) for cell in LESSON["cells"] if cell["cell_type"] == "markdown")
    for part in ("gallery", "Embeddings", "Heads", "learning curve", "Confusions"):
        assert part in text
