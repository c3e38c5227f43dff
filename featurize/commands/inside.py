"""The commands `filters` and `activations`: they parse, call one function, print what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurize.commands.console import print_table
from featurize.commands.options import BACKBONE, FILE, WEIGHTS
from featurize.commands.remembered import Command
from featurize.wording import counted, file_name, visible

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from featurize.inside import Layer
    from featurize.networks.network import Network


def _layer(context: click.Context, option: click.Parameter, given: str | None) -> str:
    if given is not None and not given.strip():
        raise click.BadParameter(
            f"{given!r} names no layer: leave --layer out, or choose one of `featurize filters --list`"
        )
    return given or ""


def _numbers(context: click.Context, option: click.Parameter, given: str | None) -> Sequence[int]:
    try:
        return () if given is None else tuple(int(part) for part in given.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{given!r} is no list of numbers: write them as in 0,5,17") from error


LAYER = click.option("--layer", callback=_layer, help="The network's own name, as in layer1.1.conv2, or Caffe's or "
                     "Keras's: res2b_branch2b, conv2_block2_2_conv.")  # fmt: skip
COUNT = click.option("--count", type=click.IntRange(1, 400), default=64, show_default=True, help="How many to show.")
NUMBERS = click.option("--numbers", callback=_numbers, metavar="N,N,...", help="Show these, counted from 0.")


@click.command(cls=Command)
@BACKBONE
@WEIGHTS
@LAYER
@COUNT
@NUMBERS
@click.option("--list", "listed", is_flag=True, help="List all convolutions with their shapes and other names.")
@click.option("--out", type=FILE, default=Path("filters"), show_default=True, help="Folder for the picture.")
def filters(
    backbone: str | None, weights: str | None, layer: str, count: int, numbers: Sequence[int], listed: bool, out: Path
) -> None:
    """Show the filters of a convolution; by default of the first one, in colour.

    Of a deeper layer each row is a filter and each column one of its input channels.
    """
    from cache.writable import check_folder
    from featurize import inside
    from featurize.networks.network import choose_network
    from featurize.theme import save_figure

    if listed and (layer or numbers):
        raise click.UsageError("--list lists all layers: leave --layer and --numbers out")
    check_folder(out)
    network = choose_network(backbone, weights)
    module = network.load()
    if listed:
        _tell_layers(network, inside.list_layers(network, module))
        return
    found = inside.filters_of(network, module, layer, count=count, chosen=numbers)
    path = out / f"{file_name(network.backbone.full_name)}-{file_name(found.layer)}.png"
    save_figure(inside.filters_figure(found), path)
    of = " x ".join(map(str, found.shape[1:]))
    click.echo(f"{found.layer}: {counted(found.shape[0], 'filter')} of {of} weights, {len(found.numbers)} shown")
    click.echo(f"wrote {visible(path)}{_untrained(network)}")


@click.command(cls=Command)
@click.argument("picture", type=FILE)
@BACKBONE
@WEIGHTS
@LAYER
@click.option("--blocks", is_flag=True, help="One picture for the end of each block; so it is without --layer, too.")
@COUNT
@NUMBERS
@click.option("--strongest", is_flag=True, help="Show the maps with the largest mean absolute value.")
@click.option(
    "--attention", is_flag=True, help="Of a vision transformer: where the heads of each attention layer look."
)
@click.option("--out", type=FILE, default=Path("activations"), show_default=True, help="Folder for the pictures.")
def activations(
    picture: Path, backbone: str | None, weights: str | None, layer: str, blocks: bool, count: int,
    numbers: Sequence[int], strongest: bool, attention: bool, out: Path,
) -> None:  # fmt: skip
    """Show what the layers of a network make of PICTURE: its activation maps, the picture beside them."""
    from cache.writable import check_folder
    from featurize import inside
    from featurize.errors import SourceError, Undecodable
    from featurize.inside.activations import Choice
    from featurize.networks.network import choose_network
    from featurize.pictures.file import Picture, pixels
    from featurize.theme import save_figure

    if blocks and layer:
        raise click.UsageError("--blocks shows the end of each block, --layer one layer: give one of them")
    if strongest and numbers:
        raise click.UsageError("--numbers shows these maps, --strongest the strongest: give one of them")
    check_folder(out)
    network = choose_network(backbone, weights)
    try:
        seen = pixels(Picture("", picture), network.transform)
    except Undecodable as why:
        raise SourceError(f"{str(picture)!r} can't be shown: {why}") from why
    module, choice = network.load(), Choice(count, numbers, strongest)
    name = f"{file_name(picture.stem)}-{file_name(network.backbone.full_name)}"
    if attention:
        for look in inside.attention_maps(network, module, seen, layer, choice):
            path = out / f"{name}-attention{look.block[0]}-{file_name(look.layer)}.png"
            save_figure(inside.attention_figure(look), path)
            heads = f"{counted(look.heads, 'head')} of {_shape(look.maps)}, {len(look.maps)} shown"
            click.echo(f"{look.layer}: {heads}, attention of {look.query}: {visible(path)}")
        return _warn(network)
    if layer:
        found = [inside.activations_of_layer(network, module, seen, layer, choice)]
    else:
        found = inside.activations_of_blocks(network, module, seen, choice)
    for one in found:
        block = f"block{one.block[0]}-" if one.block[0] else ""
        path = out / f"{name}-{block}{file_name(one.layer)}.png"
        save_figure(inside.activations_figure(one), path)
        maps = f"{counted(one.channels, 'map')} of {_shape(one.maps)}, {len(one.maps)} shown"
        click.echo(f"{one.layer}: {maps}: {visible(path)}")
    return _warn(network)


def _shape(maps: NDArray[Any]) -> str:
    return f"{maps.shape[1]} x {maps.shape[2]}"


def _warn(network: Network) -> None:
    if network.weights.untrained:
        click.echo("warning: untrained backbone: its filters are noise", err=True)


def _tell_layers(network: Network, layers: Sequence[Layer]) -> None:
    from featurize.inside.recording import in_short

    print_table(
        f"Convolutions of {visible(in_short(network))}; maps for {network.transform.crop} pixels",
        ["layer", "Caffe, Keras", "filters", "of", "stride", "groups", "maps"],
        [
            (
                layer.name,
                ", ".join(layer.others),
                layer.weights[0],
                " x ".join(map(str, layer.weights[1:])),
                layer.stride[0],
                layer.groups,
                " x ".join(map(str, layer.maps)),
            )
            for layer in layers
        ],
    )


def _untrained(network: Network) -> str:
    return " (untrained backbone: its filters are noise)" if network.weights.untrained else ""
