"""The command `classify predict`: parses, calls one function, prints what it returns."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from classify.commands.options import ALLOW_HOSTS, HEAD_FILE, TOP, WEIGHTS, fetch_limits, load_told
from featurize.commands.options import DEVICE, FEATURES, FILE, WORKERS
from featurize.commands.remembered import Command
from featurize.wording import counted, visible

if TYPE_CHECKING:
    from classify.prediction import Prediction, Predictor, Source
    from classify.serve.fetching import FetchLimits
    from featurize.engines import EngineFactory

STDIN = Path("-")


@click.command(cls=Command)
@HEAD_FILE
@click.argument("pictures", type=FILE, nargs=-1)
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
@click.option("--csv", "csv_file", type=FILE, help="Write the predictions into this file.")
@WEIGHTS
@FEATURES
@WORKERS
@DEVICE
@click.pass_obj
def predict(
    engines: EngineFactory | None, /, head_file: Path, pictures: tuple[Path, ...], urls: tuple[str, ...],
    allow_hosts: tuple[str, ...], by_line: bool, top: int, csv_file: Path | None, weights: str | None, **options: Any,
) -> int:  # fmt: skip
    """Tell the styles of PICTURES: files, and folders of files; - reads one picture from standard input."""
    from classify.prediction import Predictor, find_pictures
    from featurize.engines import make_engine

    if by_line and (pictures or urls or csv_file):
        raise click.UsageError("--jsonl reads all requests from standard input: give no PICTURES, --url or --csv")
    if not (by_line or pictures or urls):
        raise click.UsageError("nothing to predict: give PICTURES, --url or --jsonl")
    paths = find_pictures([p for p in pictures if p != STDIN])
    predictor = Predictor(load_told(head_file), weights, engines=engines or make_engine, **options)
    limits = fetch_limits(allow_hosts)
    if by_line:
        return _answer_lines(predictor, limits, top)
    others = [*_given(pictures), *(_address(url, limits) for url in urls)]
    return _tell(predictor, _predicted(predictor, paths, others, top), top, csv_file)


def _given(pictures: tuple[Path, ...]) -> Iterator[Source]:
    from classify.prediction import Source

    if STDIN in pictures:
        data = sys.stdin.buffer.read()
        yield Source(str(STDIN), lambda: data)


def _address(url: str, limits: FetchLimits) -> Source:
    from classify.prediction import Source
    from classify.serve.fetching import fetch

    return Source(url, lambda: fetch(url, limits))


def _predicted(predictor: Predictor, paths: list[Path], others: list[Source], top: int) -> list[Prediction]:
    from featurize.progress import progress_bar

    with progress_bar("predicting") as progress:
        return [*predictor.predict(paths, top, progress), *predictor.predict_each(others, top)]


def _tell(predictor: Predictor, predictions: list[Prediction], top: int, csv_file: Path | None) -> int:
    from classify.serve.answers import picture_json
    from featurize.commands.answer import give
    from featurize.dataset.sheets import write_sheet

    give({"target": predictor.saved.target, "pictures": [picture_json(p) for p in predictions]})
    told = [p for p in predictions if p.trouble is None]
    if csv_file:
        columns = {"path": [str(p.path) for p in told]}
        for rank in range(min(top, len(predictor.saved.classes))):
            columns[f"{predictor.saved.target}_{rank + 1}"] = [p.styles[rank][0] for p in told]
            columns[f"probability_{rank + 1}"] = [f"{p.styles[rank][1]:.6f}" for p in told]
        write_sheet(columns, csv_file)
        click.echo(f"wrote {counted(len(told), 'prediction')} to {visible(csv_file)}")
    else:
        for p in told:
            click.echo(f"{visible(p.path)}\t" + ", ".join(f"{style} {chance:.3f}" for style, chance in p.styles))
    _warn(predictor)
    troubles = [p for p in predictions if p.trouble is not None]
    for p in troubles:
        click.echo(f"error: {visible(p.path)}: {p.trouble}", err=True)
    return 1 if troubles else 0


def _answer_lines(predictor: Predictor, limits: FetchLimits, top: int) -> int:
    """A line of JSON for each line read, in their order, each written as soon as it is there."""
    from classify.serve.answers import picture_json
    from classify.serve.lines import requests

    _warn(predictor)
    worst = 0
    for prediction in predictor.predict_each(requests(sys.stdin.buffer, limits), top):
        worst |= prediction.trouble is not None
        click.echo(json.dumps(picture_json(prediction), ensure_ascii=False))
        sys.stdout.flush()
    return int(worst)


def _warn(predictor: Predictor) -> None:
    from classify.fitting.question import HOLDS

    question = predictor.saved.training.get("question")  # heads of earlier versions say none
    if question in HOLDS:
        click.echo(f"note: {HOLDS[question]}", err=True)
    if predictor.saved.key.untrained:
        click.echo("warning: untrained backbone: these predictions are guesses", err=True)
