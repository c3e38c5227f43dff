"""The command `featurize`: parses, calls one function, prints what it returns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurize.choices import DECODERS, ENGINES, PRECISIONS, STORES
from featurize.commands.console import run
from featurize.commands.correct import correct
from featurize.commands.ending import tell
from featurize.commands.exchange import export, import_
from featurize.commands.info import info, tell_summaries
from featurize.commands.inside import activations, filters
from featurize.commands.networks import networks, weights
from featurize.commands.options import BACKBONE, DEVICE, FEATURES, FILE, KEY, SEED, SPLIT, TABLE, WEIGHTS, WORKERS
from featurize.commands.prepare import audit, prepare
from featurize.commands.remembered import Group
from featurize.commands.words import words
from featurize.wording import counted, listing, visible

if TYPE_CHECKING:
    from featurize.engines import EngineFactory
    from featurize.run.verify import Deep


@click.group("featurize", cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="artstyle")
def cli() -> None:
    """Paintings in, embeddings out: each picture is embedded once and kept in a feature cache.

    Begin with `featurize prepare FOLDER`, go on with `featurize run`, then use `classify`. Every command takes
    --debug to show where an error comes from, and --json to answer programs. `featurize words` says what the words
    mean.
    """


@cli.command()
@click.argument("folder", type=FILE)
@click.option("--per-style", type=int, default=40, show_default=True, help="Pictures of each style.")
@SEED
def sample(folder: Path, per_style: int, seed: int) -> None:
    """Draw a gallery of made-up paintings into FOLDER, to try everything on."""
    from featurize.errors import SourceError
    from featurize.gallery import draw_gallery
    from featurize.progress import progress_bar

    try:
        with progress_bar("drawing") as progress:
            gallery = draw_gallery(folder, per_style=per_style, seed=seed, progress=progress)
    except ValueError as error:
        raise SourceError(str(error)) from error
    click.echo(
        f"{counted(gallery.pictures, 'picture')} of {len(gallery.styles)} styles by {len(gallery.artists)} made-up "
        f"artists in {visible(gallery.folder)}/ ({gallery.drawn} drawn now)"
    )


cli.add_command(prepare)
cli.add_command(audit)
cli.add_command(correct)
cli.add_command(filters)
cli.add_command(activations)
cli.add_command(words)
cli.add_command(info)
cli.add_command(networks)
cli.add_command(weights)
cli.add_command(import_)
cli.add_command(export)


@cli.command("run")
@TABLE
@FEATURES
@SPLIT
@BACKBONE
@WEIGHTS
@click.option("--embedding", help="Recipes, separated by commas; default: avgpool, or as the network's authors do.")
@click.option("--block", type=click.IntRange(1), help="The block that the recipes read, from 1; default: the last.")
@click.option("--mirror", is_flag=True, help="Average each embedding over the picture and its mirror image.")
@click.option(
    "--views",
    type=int,
    help="Average each embedding over views of the picture: 2 (as --mirror), 4 or 14; takes so many times as long.",
)
@click.option(
    "--control/--no-control",
    default=True,
    show_default=True,
    help="Keep colour and texture, too, for the control row of comparisons; on a CPU only.",
)
@click.option("--size", type=int, help="Side of the square that the network sees, pixels; default: 224.")
@click.option(
    "--decode",
    type=click.Choice(DECODERS),
    default="exact",
    show_default=True,
    help="fast: large JPEGs are decoded at reduced size; gpu: JPEGs are decoded and resized on an NVIDIA GPU.",
)
@click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True)
@click.option("--precision", type=click.Choice(PRECISIONS), default="fp32", show_default=True)
@click.option("--store", type=click.Choice(STORES), default="float32", show_default=True, help="Type on disk.")
@click.option("--batch-size", type=click.IntRange(1), help="Default: 8 on a CPU, 256 on a GPU.")
@WORKERS
@DEVICE
@click.option("--compile", "compiled", is_flag=True, help="Use torch.compile: slow to start, faster afterwards.")
@click.option("--retry-failed", is_flag=True, help="Try pictures again that failed before.")
@click.option("--strict", is_flag=True, help="Exit with status 1 if any row has no vector.")
@click.option(
    "--ray", is_flag=False, flag_value="auto", metavar="[ADDRESS]", help="Embed on the nodes of a Ray cluster."
)
@click.option("--num-gpus", type=click.FloatRange(0), default=0.0, show_default=True, help="GPUs of a worker of Ray's.")
@click.option("--shard", metavar="K/N", help="Embed only part K of N, for jobs that share the features folder.")
@click.pass_obj
def run_(engines: EngineFactory | None, /, dataset: Path, features: str | Path, strict: bool, **settings: Any) -> int:
    """Embed the pictures of the dataset table that are not in the feature cache yet."""
    from featurize.engines import make_engine
    from featurize.progress import progress_bar
    from featurize.run.extract import Settings, extract

    with progress_bar("embedding") as progress:
        done = extract(dataset, features, Settings(**settings), progress, _say, engines or make_engine)
    return tell(done, strict, settings["split"])


def _say(line: str) -> None:
    click.echo(line, err=True)


@cli.command()
@FEATURES
@TABLE
@KEY
@click.option("--deep", is_flag=True, help="Read all files again, embed a sample again, and compare.")
@click.option(
    "--sample", type=click.IntRange(1), default=32, show_default=True, help="Pictures to embed again for --deep."
)
@click.option("--weights", help="For --deep: the file of weights, where it is not found by itself.")
@DEVICE
@click.pass_obj
def verify(
    engines: EngineFactory | None, /, features: str | Path, dataset: Path, key: str | None, deep: bool, sample: int,
    weights: str | None, device: str,
) -> int:  # fmt: skip
    """Check every byte of every feature cache, or of the one that --key names."""
    from cache import list_earlier, open_cache
    from featurize.dataset.table import read_table
    from featurize.engines import make_engine
    from featurize.progress import progress_bar
    from featurize.run import verify

    changed = False
    found = verify.verify(features, key)
    tell_summaries(features, found)
    if not found:
        raise list_earlier(features)[0].refusal()
    if deep:
        cache = open_cache(features, key)
        with progress_bar("reading", "files") as progress:
            made_by = engines or make_engine
            done = verify.verify_deep(cache, read_table(dataset), weights, sample, device, made_by, progress)
        changed = _tell_deep(done)
    problems = [p for s in found for p in s.problems]
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    if not problems:
        click.echo("every byte is as it was written")
    return 1 if problems or changed else 0


def _tell_deep(done: Deep) -> bool:
    """Print what came of `--deep`; gives whether files are not the pictures that the table names."""
    click.echo(
        f"{counted(done.read, 'file')} read again, {len(done.skipped)} skipped; {counted(done.embedded, 'picture')} "
        f"embedded again: "
        + (f"largest relative difference {done.worst:.1e}" if done.embedded else "nothing to compare")
    )
    for path, why in done.skipped.items():
        if path not in done.changed:
            click.echo(f"skipped: {visible(path)}: {why}", err=True)
    if done.changed:
        click.echo(
            f"error: {counted(len(done.changed), 'file is', 'files are')} not the picture that the dataset table names "
            f"({listing(done.changed)}): run `featurize prepare` again",
            err=True,
        )
    return bool(done.changed)


@cli.command()
@FEATURES
@KEY
def compact(features: str | Path, key: str | None) -> None:
    """Merge a feature cache's small segments into few: fewer files, the same rows."""
    from cache import open_cache

    cache = open_cache(features, key)
    done = cache.compact()
    click.echo(f"{visible(cache.place)}: {counted(done.before, 'segment')} before, {done.after} now")


@cli.command()
@FEATURES
def adopt(features: str | Path) -> int:
    """Take over what an earlier version embedded: the same vectors, nothing is embedded again."""
    from cache import EarlierVersion, list_earlier
    from cache.adopt import adopt as take_over

    found, refused = list_earlier(features), 0
    if not found:
        click.echo(f"nothing in {visible(features)} was made by an earlier version")
    for earlier in found:
        try:
            done = take_over(earlier)
        except EarlierVersion as error:
            click.echo(f"error: {error}", err=True)
            refused += 1
            continue
        kept = "" if done.removed else f"; {visible(done.old)} stays, because files were added to it meanwhile"
        click.echo(
            f"{visible(done.old)}: {counted(done.embedded, 'picture')} taken over into {visible(done.new)}{kept}"
        )
        for problem in done.problems:
            click.echo(f"set aside in {visible(done.new / 'damaged')}: {problem}", err=True)
    return 1 if refused else 0


def main() -> None:
    """Entry point of the console script."""
    raise SystemExit(run(cli))
