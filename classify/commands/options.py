"""Options that several commands of `classify` share, and reading the head that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from featurize.commands.options import FILE
from featurize.wording import visible

if TYPE_CHECKING:
    from classify.headfile import SavedHead
    from classify.serve.fetching import FetchLimits

HEAD_FILE = click.option("--head", "head_file", type=FILE, required=True, help="A head saved by `classify fit`.")
WEIGHTS = click.option("--weights", help="The backbone's weights, where they are not found by themselves.")
TOP = click.option("--top", type=click.IntRange(1), default=3, show_default=True, help="How many classes to give.")
COVERAGE = click.option(
    "--coverage",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="For which share of pictures the true class is in the prediction set, as in 0.9; default: 0.9, where the head "
    "can make sets.",
)
QUESTION = click.option(
    "--question",
    type=click.Choice(["new", "known"]),
    help="Tune and calibrate for painters who are not in the training pictures, or for those who are; "
    "default: new, where artists are known.",
)
PROMPTS = click.option(
    "--prompts",
    type=FILE,
    help="For zero-shot and tip-adapter: a text file with prompts, one a line, {} where the class stands.",
)
ALLOW_HOSTS = click.option(
    "--allow-hosts",
    multiple=True,
    metavar="HOST[:PORT]",
    help="Pictures are fetched from this host although it is not in the public internet; several times for several.",
)


def load_told(head_file: Path) -> SavedHead:
    """A saved head; it is said where changes to its file can't be noticed."""
    from classify.headfile import load_head

    saved = load_head(head_file)
    if not saved.guarded:
        click.echo(
            f"warning: {visible(head_file)} was saved by a version that wrote no digest, so that a change to it can't "
            "be noticed: fit the head again to have one",
            err=True,
        )
    return saved


def fetch_limits(allow_hosts: tuple[str, ...]) -> FetchLimits:
    """What may be fetched where a user allows some hosts of their own.

    Raises
    ------
    click.BadParameter
        What is given is no host, with or without a port.
    """
    from classify.serve.fetching import FetchLimits, is_host

    for host in allow_hosts:
        if not is_host(host):
            raise click.BadParameter(
                f"{host!r} is no host: write museum.example or museum.example:8080, without http:// and without a path",
                param_hint="--allow-hosts",
            )
    return FetchLimits(hosts=frozenset(host.lower() for host in allow_hosts))
