"""The commands `import` and `export`: they parse, call one function, print what it returns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurize.choices import EXPORTS, SPLITTINGS, is_embedding
from featurize.commands.options import FEATURES, FILE, KEY, SEED, SPLIT, TABLE, TARGET
from featurize.commands.remembered import Command
from featurize.wording import counted, have, visible

if TYPE_CHECKING:
    from featurize.exchange.importing import Imported


@click.command("import", cls=Command)
@click.argument("vectors", type=FILE)
@click.option(
    "--table", "rows", type=FILE, required=True, help="The table with a row for each vector, in the same order."
)
@click.option("--name", required=True, help="What the vectors are called, as in clip-large.")
@click.option("--note", default="", help="Where they come from: network, weights, pixels; kept with the vectors.")
@click.option("--array", help="Which array of VECTORS, where it holds several; of Parquet a column, or columns: 'x*'.")
@TABLE
@FEATURES
@click.option("--target", default="style", show_default=True, help="The label whose classes a drawn split keeps.")
@click.option("--split", type=click.Choice(SPLITTINGS), help="Default: given where the table has one, else random.")
@click.option("--val", type=float, default=0.1, show_default=True, help="Share of rows to choose by.")
@click.option("--test", type=float, default=0.2, show_default=True, help="Share of rows to test on.")
@click.option("--before", type=int, help="With --split time: earlier rows train, the others test.")
@SEED
def import_(
    vectors: Path, rows: Path, name: str, note: str, array: str | None, dataset: Path, features: str | Path,
    target: str, split: str | None, **shares: Any,
) -> None:  # fmt: skip
    """Put VECTORS that another program made into a feature cache.

    VECTORS is a .npy, .npz, .parquet, .h5 or .safetensors file with one row of numbers for each row of --table, which
    has labels, split, artist and year as a dataset table has them. No pictures are needed. The dataset table is
    written to --dataset; heads, reports, audits and maps then work as on embeddings.
    """
    from featurize.dataset.splits import Splitting
    from featurize.exchange.importing import import_vectors
    from featurize.progress import progress_bar

    with progress_bar("importing", "rows") as progress:
        done = import_vectors(
            vectors, rows, name, note=note, array=array, features=features, dataset=dataset, target=target,
            splitting=Splitting(split or "", **shares), progress=progress,
        )  # fmt: skip
    _tell(done)


def _tell(done: Imported) -> None:
    from featurize.exchange.importing import broken_rows

    for note in done.notes:
        click.echo(f"note ({note.count:,}): {visible(note.text)}")
    good = len(done.table) - len(done.broken)
    click.echo(
        f"{counted(len(done.table), 'row')}: {good:,} {have(good)} a vector of {counted(done.width, 'number')}, "
        f"{len(done.broken):,} {have(len(done.broken))} none; {counted(done.stored, 'vector')} stored now"
    )
    if done.broken:
        click.echo(f"broken, and kept as rows without a vector: {broken_rows(done.broken)}", err=True)
    if done.written:
        click.echo(f"wrote {visible(done.path)}; split: {done.how_split}")
    else:
        click.echo(f"{visible(done.path)} is there already, and stays as it is")
    click.echo(f"feature cache: {visible(done.folder)}")


@click.command(cls=Command)
@click.argument("out", type=FILE)
@TABLE
@FEATURES
@KEY
@SPLIT
@click.option("--embedding", help="Recipes, separated by commas; default: all there are.")
@click.option("--format", "form", type=click.Choice(EXPORTS), help="The form of OUT; default: by its ending.")
@TARGET
@click.option("--iiif", is_flag=True, help="Write annotations of IIIF canvases into a folder OUT, one file a manifest.")
def export(
    out: Path, dataset: Path, features: str | Path, key: str | None, split: str, embedding: str | None,
    form: str | None, target: str, iiif: bool,
) -> None:  # fmt: skip
    """Write ids, paths, labels, splits and vectors into OUT.

    OUT ends in .h5, .npz, .parquet (also for Embedding Atlas), .tab (for Orange) or .tsv (for TensorFlow's Projector);
    or --format says what it is to be.
    """
    from cache import open_cache
    from cache.writable import check_folder
    from featurize.dataset.table import read_table
    from featurize.exchange import export as exporting

    if iiif and form:
        raise click.UsageError("--iiif is a form of its own: leave --format out")
    cache = open_cache(features, key)
    every = cache.recipes()
    recipes = [r for r in every if is_embedding(r.name)] or every
    if embedding:
        recipes = [cache.recipe(name) for name in embedding.split(",")]
    if iiif:
        from featurize.exchange.annotations import export_annotations

        check_folder(out)
        done = export_annotations(read_table(dataset), cache, recipes, out, split)
    else:
        done = exporting.export(read_table(dataset), cache, recipes, out, split, form=form, target=target)
    one, several = "row has no vector", "rows have no vector"
    if len(recipes) > 1:
        lack = ("row lacks", "rows lack")
        one, several = (f"{verb} one of these, and --embedding chooses among them" for verb in lack)
    left = f"; {counted(done.left_out, one, several)}" if done.left_out else ""
    click.echo(
        f"wrote {counted(done.rows, 'row')} with {', '.join(r.name for r in recipes)} to {visible(done.path)}"
        f"{untrained(cache.key.untrained)}{left}"
    )


def untrained(is_so: bool) -> str:
    """The label of what an untrained network made."""
    return " (untrained backbone)" if is_so else ""
