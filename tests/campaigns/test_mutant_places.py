"""Mutants: each changes the code in one place, and keeps its turn whatever is changed elsewhere."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import mutant_places as mutants

CODE = """
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    MOST = 3
LEAST = 2

def first(x: int, more: int = 1) -> int:
    if x < LEAST and not more:
        raise ValueError(f"{x + 1}")
    return (
        max(x, 1)
        + 1
    )

def second(x):
    print(x)
    return x
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in mutants.FOLDERS:
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    (tmp_path / "cache" / "some.py").write_text(CODE)
    return tmp_path


def test_each_mutant_is_the_code_with_one_change(root: Path) -> None:
    found = [place.mutant() for place in mutants.in_order(0)]
    raised = "\n    raise ValueError(f'{x + 1}')"
    assert len({one.name for one in found}) == len(found)
    assert sorted(one.place.partition(": ")[2] for one in found) == sorted(
        [
            "2 -> 3",
            "1 -> 2",
            "x < LEAST -> x <= LEAST",
            "not more -> not not more",
            "x < LEAST and (not more) -> x < LEAST or not more",
            f"if x < LEAST and (not more):{raised} -> if False:{raised}",
            "max -> min",
            "1 -> 2",
            "max(x, 1) + 1 -> max(x, 1) - 1",
            "1 -> 2",
            "print(x) -> None",
        ]
    )
    plain = ast.unparse(ast.parse(CODE)).splitlines()
    for one in found:
        changed = one.source.splitlines()
        assert len(changed) == len(plain)
        assert sum(a != b for a, b in zip(plain, changed, strict=True)) == 1


def test_a_statement_s_lines_say_which_tests_reach_it(root: Path) -> None:
    lines = {one.place.partition(": ")[2]: one.lines for one in (p.mutant() for p in mutants.in_order(0))}
    assert lines["2 -> 3"] == (), "a constant of the file"
    assert lines["max -> min"] == (10, 11)
    assert lines["print(x) -> None"] == (16,)


def test_a_mutant_keeps_its_turn_when_other_code_changes(root: Path) -> None:
    before = [place.name for place in mutants.in_order(7)]
    assert before != [place.name for place in mutants.in_order(8)]
    (root / "cache" / "some.py").write_text("A = 5\n" + CODE.replace("print(x)", "print(x + 1)"))
    (root / "cache" / "other.py").write_text(CODE)
    after = [place.name for place in mutants.in_order(7)]
    kept = [name for name in before if name in after]
    assert len(kept) == len(before) - 1
    assert [name for name in after if name in kept] == kept
