"""The command `classify predict`: parses, calls one function, prints what it returns."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from classify.commands.options import ALLOW_HOSTS, COVERAGE, HEAD_FILE, TOP, WEIGHTS, fetch_limits, load_told
from featurize.commands.options import DEVICE, FEATURES, FILE, WORKERS, LocalPath
from featurize.commands.remembered import Command
from featurize.wording import counted, listing, visible

if TYPE_CHECKING:
    from classify.prediction import Predictions, Predictor, Source
    from classify.serve.fetching import FetchLimits
    from featurize.engines import EngineFactory

STDIN = Path("-")


@click.command(cls=Command)
@HEAD_FILE
@click.argument("pictures", type=LocalPath(instead="give it with --url"), nargs=-1)
@click.option(
    "--table",
    type=FILE,
    help="A table of your pictures (.csv, .xlsx, .parquet): its columns stand in what is written. Without PICTURES, "
    "each of its rows is predicted.",
)
@click.option("--path-column", default="", help="The table's column that names the picture files.")
@click.option("--url", "urls", multiple=True, help="The address of a picture; several times for several.")
@ALLOW_HOSTS
@click.option(
    "--jsonl",
    "by_line",
    is_flag=True,
    help='Read requests from standard input, one a line: a path, an address, or JSON with "path" or "url"; answer '
    "each with a line of JSON.",
)
@TOP
@COVERAGE
@click.option("--out", type=FILE, help="Write the predictions into this file: .csv, .xlsx, .json or .parquet.")
@click.option("--csv", "csv_file", type=FILE, help="Write the predictions into this CSV file.")
@click.option("--html", "page", type=FILE, help="Write a page that shows each picture with its classes.")
@WEIGHTS
@FEATURES
@WORKERS
@DEVICE
@click.pass_obj
def predict(
    engines: EngineFactory | None, /, head_file: Path, pictures: tuple[Path, ...], table: Path | None,
    path_column: str, urls: tuple[str, ...], allow_hosts: tuple[str, ...], by_line: bool, top: int,
    coverage: float | None, out: Path | None, csv_file: Path | None, page: Path | None, weights: str | None,
    **options: Any,
) -> int:  # fmt: skip
    """Tell the styles of PICTURES: files, and folders of files; - reads one picture from standard input.

    A picture that can't be read is named with the reason, on the screen and in what is written; all others are
    predicted, and the command ends with status 1.
    """
    from classify.prediction.asked import list_pictures, predict_listed
    from classify.prediction.listed import Listed
    from classify.prediction.predictor import Predictor
    from featurize.engines import make_engine
    from featurize.progress import progress_bar

    if by_line and (pictures or urls or table or out or csv_file or page):
        raise click.UsageError(
            "--jsonl reads all requests from standard input and answers on standard output: give no PICTURES, --url, "
            "--table, --out, --csv or --html"
        )
    if not (by_line or pictures or urls or table):
        raise click.UsageError("nothing to predict: give PICTURES, --table, --url or --jsonl")
    if path_column and not table:
        raise click.UsageError("--path-column says which column of a table names the pictures: give --table, too")
    if allow_hosts and not (urls or by_line):
        raise click.UsageError("--allow-hosts is for pictures that are fetched: give --url or --jsonl, too")
    _check_places(out, csv_file, page, (head_file, *([table] if table else []), *pictures))
    files = [p for p in pictures if p != STDIN]
    listed = list_pictures(files, table, path_column) if files or table else Listed((), {})
    _tell_notes(listed)
    head = load_told(head_file)
    predictor = Predictor(head, weights, coverage=coverage, engines=engines or make_engine, **options)
    limits = fetch_limits(allow_hosts)
    if by_line:
        return _answer_lines(predictor, limits, top)
    others = [*_given(pictures), *(_address(url, limits) for url in urls)]
    with progress_bar("predicting") as progress:
        found = predict_listed(predictor, listed, others, top=top, progress=progress)
    return _tell(found, out, csv_file, page)


def _check_places(out: Path | None, csv_file: Path | None, page: Path | None, inputs: tuple[Path, ...]) -> None:
    from classify.prediction.sheet import ENDINGS, check_place

    written = [path for path in (out, csv_file, page) if path is not None]
    if len({path.absolute() for path in written}) < len(written):
        raise click.UsageError("--out, --csv and --html name the same file: give each its own")
    for path, endings in ((out, ENDINGS), (csv_file, ()), (page, (".html", ".htm"))):
        if path is not None:
            check_place(path, inputs, endings)


def _tell_notes(listed: Any) -> None:
    for note in listed.notes:
        examples = f": {listing(note.examples)}" if note.examples else ""
        click.echo(f"note ({note.count:,}): {note.text}{examples}", err=True)


def _given(pictures: tuple[Path, ...]) -> Iterator[Source]:
    from classify.prediction import Source

    if STDIN in pictures:
        data = sys.stdin.buffer.read()
        yield Source(str(STDIN), lambda: data)


def _address(url: str, limits: FetchLimits) -> Source:
    from classify.prediction import Source
    from classify.serve.fetching import fetch

    return Source(url, lambda: fetch(url, limits))


def _tell(found: Predictions, out: Path | None, csv_file: Path | None, page: Path | None) -> int:
    from classify.prediction.answers import in_words, picture_json
    from classify.prediction.sheet import as_json, write_plain
    from featurize.commands.answer import give

    give(as_json(found))
    told = [one for one in found if one.trouble is None]
    troubles = found.troubles
    unread = f" and {counted(len(troubles), 'reason')} why there is none" if troubles else ""
    for path, write in ((out, found.write), (csv_file, partial(write_plain, found)), (page, found.write_page)):
        if path:
            again = ", in place of the file that was there" if path.exists() else ""
            write(path)
            click.echo(f"wrote {counted(len(told), 'prediction')}{unread} to {visible(path)}{again}")
    if not (out or csv_file or page):
        for one in told:
            click.echo(f"{visible(one.path)}\t{in_words(picture_json(one))}")
    _warn(found.holds, untrained=found.saved.key.untrained)
    for one in troubles:
        click.echo(f"error: {visible(one.path) or 'a row of the table'}: {one.trouble}", err=True)
    return 1 if troubles else 0


def _answer_lines(predictor: Predictor, limits: FetchLimits, top: int) -> int:
    """A line of JSON for each line read, in their order, each written as soon as it is there."""
    from classify.fitting.question import holds_of
    from classify.prediction.answers import picture_json
    from classify.serve.lines import requests

    _warn(holds_of(predictor.saved), untrained=predictor.saved.key.untrained)
    worst = 0
    for prediction in predictor.predict_each(requests(sys.stdin.buffer, limits), top):
        worst |= prediction.trouble is not None
        click.echo(json.dumps(picture_json(prediction), ensure_ascii=False))
        sys.stdout.flush()
    return int(worst)


def _warn(holds: str | None, *, untrained: bool) -> None:
    if holds:  # heads of earlier versions say no question
        click.echo(f"note: {holds}", err=True)
    if untrained:
        click.echo("warning: untrained backbone: these predictions are guesses", err=True)
