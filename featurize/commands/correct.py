"""The command `correct`: it parses, calls one function, prints what it returns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from featurize.commands.options import FILE, TABLE
from featurize.commands.remembered import Command
from featurize.wording import counted, listing, visible

if TYPE_CHECKING:
    from featurize.dataset.suspects.correcting import Corrected

_MOST = 10  # changes on the screen


@click.command(cls=Command)
@click.argument("suspects", type=FILE)
@TABLE
@click.option("--target", help="The label that the list is about; default: the one that it names.")
def correct(suspects: Path, dataset: Path, target: str | None) -> None:
    """Take the corrected labels of the list SUSPECTS over into the dataset table.

    SUSPECTS is suspects.csv or suspects.xlsx as `featurize audit` or `classify compare` wrote it. Write the right label
    into its column correct_style (or correct_genre, ...) where a label is wrong, and leave the other cells empty. The
    other columns are not read back. `featurize prepare` keeps what was corrected.
    """
    from featurize.dataset.suspects.correcting import correct as take_over
    from featurize.dataset.table import read_table, write_table

    done = take_over(read_table(dataset), suspects, target)
    if done.changes:
        write_table(done.table, dataset)
    _tell(done, dataset)


def _tell(done: Corrected, dataset: Path) -> None:
    paths = done.table.columns["path"]
    for change in done.changes[:_MOST]:
        click.echo(f"{visible(paths[change.row])}: {visible(change.was)} -> {visible(change.now)}")
    if len(done.changes) > _MOST:
        click.echo(f"and {len(done.changes) - _MOST:,} more")
    if done.new_classes:
        names = listing(map(repr, done.new_classes), 10)
        click.echo(
            f"no row had this {done.target} before: {names}; correct its spelling if it is no new class", err=True
        )
    if done.differing:
        click.echo(
            f"{counted(done.differing, 'row has', 'rows have')} another {done.target} in the list than in the table, "
            f"and no correction: only the column correct_{done.target} is read",
            err=True,
        )
    before = f", {done.already:,} stood there before" if done.already else ""
    said = counted(len(done.changes), f"{done.target} label")
    none = "nothing to correct" if done.already or done.differing else _no_answer(done.target)
    click.echo(f"{said} corrected in {visible(dataset)}{before}" if done.changes else f"{none}{before}")


def _no_answer(target: str) -> str:
    return f"nothing to correct: write the right {target} into the column correct_{target}, where a label is wrong"
