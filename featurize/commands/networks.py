"""The commands `networks` and `weights`: they parse, call one function, print what it returns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from featurize.commands.answer import give
from featurize.commands.console import print_table
from featurize.commands.options import BACKBONE, FILE, WEIGHTS
from featurize.commands.remembered import Command
from featurize.wording import counted, cut, listing, visible

if TYPE_CHECKING:
    from featurize.networks.listing import Listed, Listing

# extra, and what it brings, of networks that can't be listed
_KINDS = (
    ("transformers", "hf:OWNER/NAME of the Hugging Face hub, or hf:FOLDER"),
    ("", "a network of your own: module:FILE.FUNCTION"),
    ("", "a network in an ONNX file: onnx:FILE"),
)


@click.command(cls=Command)
@click.argument("word", default="")
@click.option("--most", type=click.IntRange(1), default=20, show_default=True, help="Networks to describe, at most.")
def networks(word: str, most: int) -> None:
    """List networks whose name holds WORD, as in `networks dinov2`; without WORD, the libraries and torchvision's.

    What is new is asked of the installed libraries, once for each version; nothing is fetched.
    """
    from dataclasses import asdict

    from featurize.networks.listing import list_networks

    found = list_networks(word, most, lambda line: click.echo(line, err=True))
    told = {"networks": [asdict(one) for one in found.networks], "more": list(found.more)}
    give({**told, "libraries": dict(found.counts)})
    if not word:
        _tell_libraries(found)
    print_table(
        f"Networks with {visible(word)!r} in their name" if word else "torchvision's networks",
        ["--backbone", "embedding", "numbers", "pixels", "MB", "G multiply-adds", "weights", "licence"],
        [_row(one) for one in found.networks],
    )
    for name, why in found.unusable.items():
        click.echo(f"{name} can't be used: {visible(why)}", err=True)
    if found.more:
        click.echo(f"and {counted(len(found.more), 'network')} more: {listing(found.more, 10)}; see --most")
    restricted = [name for one in found.networks for name in _restricted(one)]
    if restricted:
        click.echo(f"! read the licence before any commercial use: {listing(restricted, 10)}")


def _row(one: Listed) -> tuple[str, ...]:
    from featurize.networks.licences import is_restricted

    first, *others = one.weights or ("none",)
    licence = next(iter(one.licences), "").partition(";")[0]
    return (
        one.name,
        one.embedding,
        f"{one.dimension:,}",
        str(one.side),
        f"{one.megabytes:,.0f}",
        f"{one.gigamacs:.2f}",
        f"{first}, +{len(others)}" if others else first,
        f"{'! ' if is_restricted(licence) else ''}{cut(licence, 24) or 'not known'}",
    )


def _restricted(one: Listed) -> list[str]:
    """The weights of a network that are not free for commercial use, each as `--backbone` takes it."""
    from featurize.networks.licences import is_restricted

    return [f"{one.name}.{tag}" for tag, of in zip(one.weights, one.licences, strict=True) if is_restricted(of)]


def _tell_libraries(found: Listing) -> None:
    from importlib import util

    rows = [(f"{name}:NAME", "installed", f"{count:,}") for name, count in found.counts.items()]
    rows += [(f"{of.provider}:NAME", f"pip install 'artstyle[{of.extra}]'", "") for of in found.absent]
    for package, what in _KINDS:
        there = not package or util.find_spec(package) is not None
        rows.append((what, "installed" if there else f"pip install 'artstyle[{package}]'", ""))
    title = "Libraries of networks; `featurize networks WORD` searches them"
    print_table(title, ["--backbone", "library", "networks"], rows)


@click.command(cls=Command)
@BACKBONE
@WEIGHTS
@click.option("--bundle", type=FILE, help="Put them into this .safetensors file, for machines without a connection.")
def weights(backbone: str | None, weights: str | None, bundle: Path | None) -> None:
    """Fetch a backbone's weights, as `featurize run` would, and say what is known of them."""
    from featurize.networks.licences import restriction
    from featurize.networks.network import choose_network

    network = choose_network(backbone, weights)
    path = network.fetch()
    where = f" in {visible(path)}" if path else " (untrained backbone)"
    click.echo(f"{visible(network.describe())}{where}")
    click.echo(f"pixels: {network.transform.describe()}")
    if network.weights.assumed:
        click.echo(visible(network.weights.assumed), err=True)
    if path:
        click.echo(f"licence: {visible(network.weights.licence or 'not known')}")
    if restricted := restriction(network.backbone.full_name, network.weights.licence):
        click.echo(visible(restricted), err=True)
    if bundle is not None:
        from featurize.networks.bundle import write_bundle

        write_bundle(network, bundle)
        click.echo(f"wrote {visible(bundle)}: use it with --weights {visible(bundle)}")
