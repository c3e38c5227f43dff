"""What `featurize run` says at its end: what became of every row, and what the user can do about those that lack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from featurize.commands.console import print_table
from featurize.commands.exchange import untrained
from featurize.wording import counted, have, listing, visible

if TYPE_CHECKING:
    from featurize.run.extract import Extraction

SEGMENT = ".h5"  # what the names of stored vectors' files end in


def tell(done: Extraction, strict: bool, split: str = "all") -> int:
    """Print what became of all rows, or of those of a split; gives the exit status."""
    for name in done.set_aside:
        click.echo(f"{visible(name)} was damaged: {_after_damage(name)}", err=True)
    if done.failed:
        _tell_failures(done)
    rate = f", {done.embedded / done.seconds:.1f}/s" if done.seconds else ""
    part = "" if split == "all" else f" of the split {visible(split)}"
    left = f"{done.left} {'is' if done.left == 1 else 'are'} left to other shards, " if done.left else ""
    click.echo(
        f"{counted(done.rows, 'row')}{part}, {counted(done.pictures, 'distinct picture')}: "
        f"{done.whole} {have(done.whole)} a vector, {left}{len(done.failed)} {have(len(done.failed))} none; "
        f"{counted(done.embedded, 'picture')} embedded now{rate}"
    )
    click.echo(f"feature cache: {visible(done.folder)}{untrained(done.key.untrained)}")
    lacking = list(_lacking(done))
    for line in lacking:
        click.echo(f"error: {line}{'; all others are embedded' if done.whole else ''}", err=True)
    if lacking:
        return 1
    if strict and done.failed:
        click.echo(
            f"error: {counted(len(done.failed), 'row')} without a vector, and --strict allows none: mend the files, "
            "or remove them and run `featurize prepare` again",
            err=True,
        )
        return 1
    return 0


def _after_damage(name: str) -> str:
    """What became of a damaged file's content: a run makes no vectors again of pictures that it was not asked for."""
    if name.endswith(SEGMENT):
        return "set aside; its pictures were embedded again, those that this run was asked for"
    return "set aside; it is made again where it is needed"


def _lacking(done: Extraction) -> Iterator[str]:
    """What the pictures lack that are not as the dataset table has them, with the way out."""
    if done.changed:
        yield (
            f"{counted(len(done.changed), 'file')} changed since the dataset table was made ({listing(done.changed)}): "
            "run `featurize prepare` again"
        )
    if done.missing:
        yield (
            f"{counted(len(done.missing), 'file')} of the dataset table {'is' if len(done.missing) == 1 else 'are'} "
            f"not there ({listing(done.missing)}): bring back what is missing, or run `featurize prepare` again"
        )
    if done.moved:
        yield (
            f"{counted(len(done.moved), 'address has', 'addresses have')} no picture, or another than the dataset "
            f"table names ({listing(done.moved)}): look at what lies there, or make the table again from the files "
            "and put their addresses in"
        )
    if done.unfetched:
        yield (
            f"{counted(len(done.unfetched), 'picture')} could not be fetched ({listing(done.unfetched)}): look at the "
            "reasons above, then run the same command again"
        )


def _tell_failures(done: Extraction) -> None:
    outcomes = [("embedded", done.whole)] + [(r.sentence, n) for r, n in sorted(done.reasons.items())]
    print_table("What became of the rows", ["outcome", "rows"], outcomes)
    for failure in done.failed[:10]:
        said = f" ({failure.detail})" if failure.detail else ""
        click.echo(f"  {visible(failure.where)}: {failure.reason.sentence}{visible(said)}")
    if len(done.failed) > 10:
        click.echo(f"  and {len(done.failed) - 10} more")
    click.echo(f"all of them: {visible(done.failures_path)}")
