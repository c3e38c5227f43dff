"""The command `featurize info`: what is remembered here, what the feature caches hold, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from featurize.commands.console import print_table
from featurize.commands.options import DATASET, FEATURES, SPLIT, TABLE
from featurize.commands.remembered import FILE as REMEMBERED
from featurize.commands.remembered import Command, recall, shown
from featurize.wording import counted, have, visible

if TYPE_CHECKING:
    from cache import Store
    from featurize.run.summary import Summary


@click.command(cls=Command)
@FEATURES
@TABLE
@SPLIT
@click.option("--shards", type=click.IntRange(1, 1_000_000), help="Say which of so many shards have work left.")
def info(features: str | Path, dataset: Path, split: str, shards: int | None) -> None:
    """Say what is remembered in this folder, what the feature caches hold, and what they lack of the dataset table."""
    from cache import list_caches
    from featurize.errors import FeaturizeError
    from featurize.run.summary import summarise

    _tell_remembered()
    tell_summaries(features, summarise(features))
    asked = dataset != DATASET or shards  # a dataset.csv that nobody spoke of may be missing, or anything
    if not asked and not dataset.is_file():
        return
    for cache in list_caches(features):
        try:
            _tell_lacking(cache, dataset, split, shards or 0)
        except FeaturizeError as error:
            if asked:
                raise
            click.echo(f"left out: {error}", err=True)
            return


def _tell_lacking(cache: Store, dataset: Path, split: str, shards: int) -> None:
    from featurize.run.again import run_command
    from featurize.run.lacking import lacking

    found = lacking(cache, dataset, split, shards)
    rows = "" if split == "all" else f", split {split}"
    line = f"{cache.key.folder_name}: of {counted(found.pictures, 'picture')} of {visible(dataset)}{rows}, "
    line += f"{found.embedded:,} {have(found.embedded)} a vector, {found.failed:,} failed, "
    line += f"{found.absent:,} {'is' if found.absent == 1 else 'are'} missing"
    again = run_command(cache.key, place=cache.place, table="" if dataset == DATASET else str(dataset))
    click.echo(f"{line}: `{again}` embeds those that can be read" if found.absent else line)
    if shards and found.absent:
        some = f"{len(found.shards)} of {shards} shards: {','.join(map(str, found.shards))}"
        where = some if len(found.shards) < shards else "every shard"
        click.echo(f"{cache.key.folder_name}: missing in {where}")


def _tell_remembered() -> None:
    remembered = recall()
    if remembered is None:
        return
    for name, options in remembered.sections.items():
        for key, value in options.items():
            click.echo(f"{REMEMBERED}, line {remembered.line_of(name, key)}: [{name}] {key} = {shown(value)}")


def tell_summaries(features: str | Path, found: list[Summary]) -> None:
    """Print the figures of feature caches; raises `TableError` where there are none."""
    from cache import list_earlier
    from featurize.errors import TableError

    earlier = list_earlier(features)
    if not found and not earlier:
        raise TableError(f"there is no feature cache in {str(features)!r}: make one with `featurize run`")
    for old in earlier:
        click.echo(f"left out: {old.refusal()}", err=True)
    if found:
        _tell_figures(features, found)


def _tell_figures(features: str | Path, found: list[Summary]) -> None:
    print_table(
        f"Feature caches in {visible(features)}",
        ["cache", "weights", "embedding", "rows", "failures", "segments", "MB"],
        [
            (
                s.key.folder_name,
                s.key.weights.partition(",")[0][:24],
                ", ".join(f"{name} {count}" for name, count in s.embedded.items()),
                max(s.embedded.values(), default=0),
                sum(s.failures.values()),
                s.segments,
                f"{s.nbytes / 1e6:.1f}",
            )
            for s in found
        ],
    )
    for s in found:
        if not s.segments:
            click.echo(f"{s.key.folder_name}: empty, nothing was embedded yet; no command takes it for a choice")
        if s.key.untrained:
            click.echo(f"{s.key.folder_name}: untrained backbone")
        for reason, count in s.failures.items():
            click.echo(f"{s.key.folder_name}: {count} failed: {reason.sentence}")
