"""An interruption keeps what was finished, and the command says what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import click
import pytest

from classify import compare
from classify.commands.main import cli
from classify.comparison import contest
from classify.fitting.planned import Planned, carry_out
from featurize.commands.console import run
from tests.classify.test_cli_compare import store
from tests.classify.worlds import World


@pytest.mark.parametrize(("after", "entries", "asked"), [(1, 1, 0), (2 + 7, 2, 0), (2 + 10 + 3, 2, 1)])
def test_an_interruption_keeps_the_heads_that_were_finished(world: World, after: int, entries: int, asked: int) -> None:
    """Of two heads on a split: in the second one's own training, and in the folds of either."""
    calls = []

    def stopped(planned: Planned) -> Any:
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return carry_out(planned)

    with mock.patch.object(contest, "carry_out", stopped):
        c = compare(world.table, world.cache, "simpleshot,knn:k=1", partial=True)
    assert len(c.entries) == entries
    assert [a is not None for one in c.asked for a in one.answers].count(True) == 2 * asked
    assert c.cautions[0].kind == "stopped"
    calls.clear()
    with mock.patch.object(contest, "carry_out", stopped), pytest.raises(KeyboardInterrupt):
        compare(world.table, world.cache, "simpleshot,knn:k=1")


def test_the_command_says_what_an_interruption_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path)
    monkeypatch.chdir(tmp_path)
    calls = []

    def stopped(planned: Planned) -> Any:
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return carry_out(planned)

    monkeypatch.setattr(contest, "carry_out", stopped)
    assert run(cli, ["compare", "--heads", "simpleshot,ridge"]) == 130
    assert "stopped when 0 of 2 heads had been asked everything" in " ".join(capsys.readouterr().out.split())
    assert Path("reports/comparison/index.html").exists()
    assert run(cli, ["compare", "--heads", "simpleshot,ridge", "--out", "other"]) == 130
    said = capsys.readouterr().err
    assert "stopped: no report was written, and the same command begins anew" in said
    assert "kept" not in said
    assert not Path("other").exists()


@pytest.mark.parametrize("where", ["look_for_copies", "look_at_labels"])
def test_an_interruption_after_the_last_head_loses_no_figure(
    world: World, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was looked at afterwards is missing, and it is said; the reader is told while the report is written."""

    def stopped(*args: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    told: list[str] = []
    monkeypatch.setattr(f"classify.comparison.steps.answers.{where}", stopped)
    c = compare(world.table, world.cache, "simpleshot,knn:k=1", folds=0, partial=True, tell=told.append)
    assert len(c.entries) == 2
    assert c.mistakes
    assert c.cautions[0].kind == "stopped"
    assert "2 of 2 heads" in c.cautions[0].text
    assert any("Ctrl-C again" in line for line in told)


@pytest.mark.parametrize(("name", "promised"), [("run", True), ("prepare", False)])
def test_what_an_interruption_keeps_is_promised_where_it_is_kept(
    name: str, promised: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.group()
    def group() -> None:
        pass

    @group.command(name)
    def stopped() -> None:
        raise KeyboardInterrupt

    assert run(group, [name]) == 130
    assert ("is kept" in capsys.readouterr().err) is promised
