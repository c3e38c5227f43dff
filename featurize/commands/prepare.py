"""The commands `prepare` and `audit`: they parse, call one function, print what it returns."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from featurize.choices import FORMATS, SAMPLES, SEVERAL, SPLITS, SPLITTINGS
from featurize.commands.console import print_table
from featurize.commands.options import DATASET, FEATURES, FILE, KEY, SEED, TABLE, WORKERS, LocalPath
from featurize.commands.remembered import Command
from featurize.commands.typed import as_typed, first_typed
from featurize.wording import counted, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from featurize.dataset.notes import Note
    from featurize.dataset.prepare import Prepared

_MOST_CLASSES = 60  # rows of the table on the screen


def _pairs(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> Mapping[str, str]:
    pairs = [text.partition("=") for text in given]
    for label, equals, column in pairs:
        if not (label and equals and column):
            raise click.BadParameter("write LABEL=COLUMN, as in style=movement")
    return {label: column for label, _, column in pairs}


def _known_encoding(context: click.Context, option: click.Parameter, given: str) -> str:
    if given:
        from featurize.dataset.sheets.encoding import check_encoding

        try:
            check_encoding(given)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return given


def reading_options(command: Any) -> Any:
    """The options that say something about a source."""
    options = (
        click.option("--target", default="style", show_default=True, help="The label to tell: style, genre, artist, "
                     "..., or century, decade, period:50."),
        click.option("--format", "form", type=click.Choice(FORMATS), help="What the source is; default: by looking."),
        click.option("--images", type=FILE, help="The folder of a list's pictures, if not beside it."),
        click.option("--path-column", default="", help="The column that names the files."),
        click.option("--label-column", "label_columns", multiple=True, callback=_pairs, metavar="LABEL=COLUMN",
                     help="The column of a label, as in style=movement; may be given several times."),
        click.option("--names/--no-names", default=None, help="Read artist and year from file names like "
                     "artist_title-year.jpg; default: where most names of class folders are like that."),
        click.option("--several", type=click.Choice(SEVERAL), default="first", show_default=True,
                     help="What to make of a cell with several labels."),
        click.option("--encoding", default="", callback=_known_encoding, help="Encoding of a table's lines that are "
                     "not UTF-8, as in cp1251; default: that of spreadsheets in Western Europe."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def selection_options(command: Any) -> Any:
    """The options that choose some of a source's pictures."""
    options = (
        click.option("--where", default="", help="A condition, as in \"year < 1900 and style != 'Rococo'\"."),
        click.option("--classes", type=FILE, help="A text file with the names of the wanted classes, one a line."),
        click.option("--min-per-class", type=click.IntRange(0), default=0, help="Leave smaller classes out."),
        click.option("--top", type=click.IntRange(0), default=0, help="Only so many classes, the largest ones."),
        click.option("--limit", type=click.IntRange(0), default=0, help="Only so many pictures."),
        click.option("--sample", type=click.Choice(SAMPLES), default="proportional",
                     show_default=True, help="With --limit: keep the classes' shares, or take as many of each."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command(cls=Command)
@click.argument("source", type=LocalPath(("http", "https"), "give a path, or an address that begins with https://"))
@click.option("--out", type=FILE, default=DATASET, show_default=True, help="The table, .csv, .xlsx or .parquet.")
@reading_options
@selection_options
@click.option("--split", type=click.Choice(SPLITTINGS),
              help="Default: given where the source has one, else random.")  # fmt: skip
@click.option("--val", type=float, default=0.1, show_default=True, help="Share of pictures to choose by.")
@click.option("--test", type=float, default=0.2, show_default=True, help="Share of pictures to test on.")
@click.option("--before", type=int, help="With --split time: earlier pictures train, the others test.")
@SEED
@WORKERS
@click.option("--fetch-size", type=click.IntRange(32), default=512, show_default=True,
              help="For a IIIF address: pixels that the shorter side of a picture needs.")  # fmt: skip
@click.option("--fetch-rate", type=click.FloatRange(0.01, 50), default=4.0, show_default=True,
              help="For a IIIF address: requests a second, at most.")  # fmt: skip
@click.option(
    "--discard-edits", is_flag=True, help="Start anew; the old table stays beside the new one, with its date."
)
@click.pass_context
def prepare(context: click.Context, /, source: str | Path, out: Path, workers: int | None, **given: Any) -> None:
    """Write the dataset table of SOURCE: one row an image, to open and edit.

    SOURCE is a folder of class folders, a table (.csv, .tsv, .xlsx, .parquet) that names files, ArtGAN's lists, Painter
    by Numbers, Parquet files with pictures in them, WebDataset shards (.tar), a .zip, or the address of a IIIF manifest
    or collection, whose pictures are fetched into the folder iiif beside the table. What you changed in the table
    is kept when you prepare it again.
    """
    import gc

    from featurize.dataset import prepare as preparing
    from featurize.dataset.choosing.selection import Selection, read_classes
    from featurize.dataset.sources.iiif import is_address
    from featurize.progress import progress_bar

    if given["limit"] == 0 and first_typed(context, "sample"):
        raise click.UsageError("--sample says how --limit chooses: add --limit, or leave --sample out")
    if not is_address(source) and (fetched := first_typed(context, "fetch_size", "fetch_rate")):
        raise click.UsageError(f"{fetched} is for the address of a IIIF manifest or collection: leave it out")
    gc.set_threshold(100_000, 50, 50)  # 100,000 rows are no garbage: looking for it takes a tenth of the time
    classes = read_classes(given["classes"]) if given["classes"] else ()
    selection = Selection(
        given["where"], classes, given["min_per_class"], given["top"], given["limit"], given["sample"]
    )
    rest = {
        name: given[name] for name in ("target", "several", "split", "val", "test", "before", "seed", "discard_edits")
    }
    with progress_bar("reading", "files") as progress:
        done = preparing.prepare(
            source,
            out,
            reading=_reading(given),
            selection=selection,
            workers=workers,
            progress=progress,
            **rest,
            command=as_typed(context, "featurize"),
        )
    _tell(done)
    if done.how_split == "given" and (share := first_typed(context, "val", "test")):
        click.echo(f"note: {share} had no effect, for the source's own split was kept: --split random makes another")


def _reading(given: Mapping[str, Any], lists_only: bool = False) -> Any:
    from featurize.dataset.sources import Asking, Reading

    asking = Asking(given["fetch_size"], given["fetch_rate"]) if "fetch_size" in given else Asking()
    return Reading(
        given["target"],
        given["form"] or "",
        given["images"],
        given["path_column"],
        given["label_columns"],
        lists_only,
        given["encoding"],
        given["names"],
        asking=asking,
    )


def _tell(done: Prepared) -> None:
    labels = done.table.columns[done.target]
    counts = Counter(zip(labels, done.table.columns["split"], strict=True))
    classes = sorted({c for c in labels if c})
    shown = [*classes[:_MOST_CLASSES], *([""] if "" in labels else [])]
    print_table(
        f"{counted(len(done.table), 'image')}, {counted(len(classes), 'class', 'classes')}",
        [done.target, *SPLITS],
        [[c or "(no label)", *(counts[c, s] for s in SPLITS)] for c in shown],
    )
    if len(classes) > _MOST_CLASSES:
        click.echo(f"and {len(classes) - _MOST_CLASSES} more classes")
    _tell_notes(done.notes)
    rejected = sum(done.rejected.values())
    kinds = counted(len(classes), f"{done.target} class", f"{done.target} classes")
    left_out = f", {done.left_out} left out by the selection" if done.left_out else ""
    click.echo(
        f"{len(done.table)} images, {kinds}, {rejected} rejected{left_out}, "
        f"{done.reused} unchanged since last time; split: {done.how_split}"
    )
    for reason, count in done.rejected.items():
        click.echo(f"  {count} rejected: {reason.sentence}")
    if rejected:
        click.echo(f"  each of them is listed in {visible(done.rejected_path)}")
    if done.kept.total:
        click.echo(str(done.kept))
    if done.backup:
        click.echo(f"the table that was there before is in {visible(done.backup)}")
    click.echo(f"wrote {visible(done.path)}" + (f"; all notes are in {visible(done.notes_path)}" if done.notes else ""))


def _tell_notes(notes: Sequence[Note], most: int = 3) -> None:
    for note in notes:
        click.echo(f"note ({note.count:,}): {note.text}")
        for example in note.examples[:most]:
            click.echo(f"  {visible(example)}")
        if len(note.examples) > most:
            click.echo(f"  and {len(note.examples) - most:,} more")


@click.command(cls=Command)
@TABLE
@click.option(
    "--lists-only", type=FILE, metavar="SOURCE", help="Audit the lists of SOURCE; needs no picture, no table."
)
@FEATURES
@KEY
@click.option("--embedding", help="The recipe to compare by; default: avgpool, or the first there is.")
@click.option("--out", type=FILE, default=Path("audit"), show_default=True, help="Folder for the report.")
@click.option(
    "--pictures/--no-pictures", default=True, show_default=True, help="Open pictures to find near-duplicates."
)
@click.option(
    "--drop-duplicates",
    is_flag=True,
    help="Take rows that repeat a picture out of the table, keeping one of each; picture files stay.",
)
@click.option(
    "--drop-copies", is_flag=True, help="Those that only their embeddings call copies, too; look at them first."
)
@WORKERS
@reading_options
@click.pass_context
def audit(
    context: click.Context, /, dataset: Path, lists_only: Path | None, features: str | Path, key: str | None,
    embedding: str | None, out: Path, pictures: bool, drop_duplicates: bool, drop_copies: bool,
    workers: int | None, **given: Any,
) -> None:  # fmt: skip
    """Tell what is wrong with a dataset: shared artists, duplicates, labels that may be wrong."""
    from cache.writable import check_folder
    from featurize.dataset import audit as auditing
    from featurize.dataset.audit import report
    from featurize.dataset.audit.commands import Commands
    from featurize.dataset.prepare import said_command
    from featurize.dataset.suspects import sheet
    from featurize.dataset.table import read_table
    from featurize.errors import SourceError
    from featurize.progress import progress_bar

    unread = first_typed(context, "form", "images", "path_column", "label_columns", "names", "several")
    if lists_only is None and unread:
        raise click.UsageError(f"{unread} says how lists are read, and a dataset table needs none: add --lists-only")
    commands = Commands(as_typed(context, "featurize"), said_command(dataset), out / sheet.NAMES[0], dataset)
    check_folder(out)
    if lists_only:
        commands = replace(commands, prepare=shlex.join(["featurize", "prepare", str(lists_only)]))
        if drop_duplicates or drop_copies:
            raise SourceError("--drop-duplicates works on a table: make one with `featurize prepare` first")
        found = auditing.audit_lists(lists_only, _reading(given), given["several"])
        table, folder = None, lists_only if lists_only.is_dir() else lists_only.parent
    else:
        table = read_table(dataset, given["encoding"])
        cache, recipe = report.find_embeddings(features, key, embedding)
        target = given["target"].partition(":")[0]
        found = auditing.audit(
            table,
            dataset,
            target,
            cache=cache,
            recipe=recipe,
            pictures=pictures,
            workers=workers,
            progress=progress_bar,
        )
        folder = table.folder
    click.echo(report.text(found, 10, commands), nl=False)
    saved = report.save(found, out, folder, table, commands)
    for old in saved.moved:
        click.echo(visible(sheet.moved_sentence(old)), err=True)
    for path in saved.paths:
        click.echo(f"wrote {visible(path)}")
    if drop_duplicates or drop_copies:
        _drop(dataset, table, found, drop_copies)


def _drop(path: Path, table: Any, found: Any, copies: bool) -> None:
    from featurize.dataset.audit.duplicates import drop_duplicates, save_dropped

    dropped = drop_duplicates(table, found, copies=copies)
    if not dropped.removed:
        click.echo("no duplicates to remove")
        return
    told = save_dropped(table, dropped, path)
    said = f" ({dropped.contradicting} of them had several labels)" if dropped.contradicting else ""
    kept = len({stays for _, stays in dropped.removed})
    click.echo(
        f"removed {counted(len(dropped.removed), 'row')}, {dropped.exact} with the same content; one of each of "
        f"{counted(kept, 'picture')} stays{said}"
    )
    click.echo(f"wrote {visible(path)}, {counted(len(dropped.table), 'row')}; the removed ones are in {visible(told)}")
    click.echo("no picture file was changed or deleted")
