"""The command `classify compare`: parses, calls one function, prints what it returns."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from classify.commands.options import PROMPTS
from featurize.commands.answer import give
from featurize.commands.console import STOPPED, print_table
from featurize.commands.options import FEATURES, FILE, SEED, TABLE, TARGET, TUNE
from featurize.commands.remembered import Command
from featurize.commands.typed import as_typed
from featurize.wording import percent, visible

if TYPE_CHECKING:
    from cache import Store
    from classify.comparison.result import Comparison
    from featurize.dataset.table import DatasetTable

ALL = "all"


@click.command(cls=Command)
@TABLE
@FEATURES
@click.option(
    "--key", "keys", multiple=True, help="Which feature cache: a part of its name; several times, or all, for several."
)
@click.option(
    "--heads", default=ALL, show_default=True, help="With options where wanted: logreg,svm:C=3,mlp:epochs=30."
)
@click.option(
    "--embedding",
    help="Recipes; a+b puts two side by side: avgpool,avgpool+stats; default: avgpool, or as the network's authors do.",
)
@click.option("--together", is_flag=True, help="Also put the embeddings of all the feature caches side by side.")
@TARGET
@click.option("--train", help="The split to learn from; default: train, or with --folds all rows.")
@click.option("--test", help="The split to score on; default: test, or val where there is none.")
@TUNE
@click.option(
    "--question",
    type=click.Choice(["new", "known", "both"]),
    help="Tune, calibrate and score for painters who are not in the training pictures, for those who are, or for each "
    "by folds; default: both, where artists are known and there are up to 20,000 pictures.",
)
@click.option(
    "--folds",
    type=click.IntRange(0),
    metavar="K",
    help="Score every picture once, by heads that learned from the other K - 1 parts; default: 5 where there is no "
    "test part and up to 2,000 pictures. 0: never.",
)
@click.option(
    "--repeats",
    type=click.IntRange(0),
    default=0,
    help="Do it again with so many other folds, or, with a given split, over so many resampled splits.",
)
@click.option("--learning-curve", is_flag=True, help="Learn from parts of the training pictures, too.")
@click.option(
    "--protocol", type=click.Choice(["slides", "rasta"]), help="Repeat a published experiment on this dataset table."
)
@SEED
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Fit mlp, softmax and an approximated svm with so many seeds: mean and spread.",
)
@click.option(
    "--finetuned",
    type=FILE,
    multiple=True,
    help="The folder of a run of `classify finetune`, to score on the same rows; several times for several.",
)
@click.option("--out", type=FILE, default=Path("reports/comparison"), show_default=True, help="The report's folder.")
@click.option(
    "--probabilities",
    type=FILE,
    help="Write the probabilities of all test pictures under all heads into this file, .parquet or .npz.",
)
@PROMPTS
@click.option(
    "--mlflow", metavar="EXPERIMENT", help="Log parameters, figures and the report in this experiment of MLflow."
)
@click.option(
    "--ray", is_flag=False, flag_value="auto", metavar="[ADDRESS]", help="Train heads and folds on a Ray cluster."
)
@click.pass_context
def compare(
    context: click.Context,
    /,
    dataset: Path,
    features: str | Path,
    keys: tuple[str, ...],
    protocol: str | None,
    heads: str,
    out: Path,
    probabilities: Path | None,
    mlflow: str | None,
    ray: str | None,
    **options: Any,
) -> int:
    """Train heads on the same rows, compare them honestly, and write a report."""
    from cache.writable import check_file, check_folder
    from classify.comparison.compare import compare as run_comparison
    from classify.fitting.workers import workers_at
    from classify.report import write_report
    from classify.report.probabilities import check_ending, write_probabilities
    from classify.report.results import as_json
    from classify.report.tracking import check_experiment, log_comparison
    from featurize.dataset.table import read_table
    from featurize.progress import progress_bar

    check_folder(out)
    if probabilities is not None:
        check_ending(probabilities)
        check_file(probabilities)
    if mlflow is not None:
        check_experiment(mlflow)  # that it can't be had is known before heads are fitted
    caches = open_caches(features, keys)
    options["embeddings"] = options.pop("embedding")
    options["command"] = as_typed(context, "classify")
    if protocol and ray is not None:
        raise click.UsageError("--protocol trains one head after the other: leave --ray out")
    with workers_at(ray) as workers, progress_bar("comparing", "fits") as progress:
        if protocol:
            comparison = _run_protocol(
                context, protocol, read_table(dataset), caches, heads, {**options, "progress": progress}
            )
        else:
            announce = partial(click.echo, err=True)
            try:
                comparison = run_comparison(
                    dataset, caches, heads, progress=progress, tell=announce, partial=True, workers=workers, **options
                )
            except KeyboardInterrupt:
                click.echo("stopped: no report was written, and the same command begins anew", err=True)
                return STOPPED
    if probabilities is not None:
        write_probabilities(comparison, probabilities)
    give(as_json(comparison))
    page = write_report(comparison, out, partial(click.echo, err=True))
    if mlflow is not None:
        log_comparison(comparison, out, mlflow)
    tell(comparison, page)
    return STOPPED if any(caution.kind == "stopped" for caution in comparison.cautions) else 0


def _run_protocol(
    context: click.Context,
    protocol: str,
    table: DatasetTable,
    caches: list[Store],
    heads: str,
    options: dict[str, Any],
) -> Comparison:
    """A published experiment; what it fixes can't be chosen."""
    from click.core import ParameterSource

    from classify.comparison import protocols
    from classify.data import usual_embedding
    from classify.fitting import read_specs

    fixed = {"slides": ("heads", "train", "test", "tune"), "rasta": ("train", "tune")}[protocol]
    for name in (*fixed, "folds", "repeats", "learning_curve", "seeds", "question"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--protocol {protocol} decides --{name.replace('_', '-')} itself: leave it out")
    if options["finetuned"]:
        raise click.UsageError("--protocol repeats a published experiment: leave --finetuned out")
    if options["prompts"] is not None:
        raise click.UsageError("--protocol compares heads with the usual prompts: leave --prompts out")
    if options["together"]:
        raise click.UsageError("--protocol looks at one embedding at a time: leave --together out")
    given = {name: options[name] for name in ("target", "seed", "progress", "command")}
    named = options["embeddings"].split(",") if options["embeddings"] else map(usual_embedding, caches)
    embeddings = list(dict.fromkeys(name.strip() for name in named))
    setting = protocols.Setting(table, caches, embeddings=embeddings, **given)
    if protocol == "slides":
        return protocols.slides(setting)
    chosen = context.get_parameter_source("heads") in (ParameterSource.COMMANDLINE, ParameterSource.DEFAULT_MAP)
    return protocols.rasta(setting, read_specs(heads) if chosen else protocols.RASTA_HEADS, options["test"])


def open_caches(features: str | Path, keys: tuple[str, ...]) -> list[Store]:
    """The feature caches that are named; the only one where none is."""
    from cache import list_caches, list_earlier, open_cache

    if ALL in keys:
        for old in list_earlier(features):
            click.echo(f"warning: left out: {old.refusal()}", err=True)
        return [cache for cache in list_caches(features) if cache.segment_count] or [open_cache(features)]
    return [open_cache(features, key) for key in keys or (None,)]


def tell(comparison: Comparison, page: Path) -> None:
    """Which head to take, ranking, warnings and where the report is."""
    from classify.report import advice, sentences

    for line in advice.advice(comparison):
        click.echo(visible(line))
    _print_ranking(comparison)
    for line in (
        *sentences.remarked(comparison),
        *sentences.control(comparison),
        *sentences.verdict(comparison),
        *sentences.suspects(comparison),
    ):
        click.echo(visible(line))
    for line in sentences.told_protocol(comparison):
        click.echo(visible(line))
    for caution in comparison.cautions:
        click.secho(f"warning: {visible(caution.text)}", bold=True, fg="red")
    click.echo(sentences.summary(comparison))
    click.echo(f"report: {visible(page)}")


def _print_ranking(comparison: Comparison) -> None:
    from classify.report import sentences, words

    data = comparison.dataset
    by_folds = {asked.question: asked for asked in comparison.asked}
    split = not data.folds
    columns = ["head", *(["accuracy", "95 % interval"] if split else [])]
    columns += [f"{question} painters" for question in by_folds]
    columns += ["macro-F1", "top-5", *([] if by_folds else ["tune and fit"])]
    rows = []
    for n, e in enumerate(comparison.entries):
        row = [visible(e.name)]
        row += [percent(e.scores.accuracy.value), words.between(e.scores.accuracy)] if split else []
        row += [words.with_interval(asked.answers[n]) for asked in by_folds.values()]
        row += [words.decimal(e.scores.macro_f1), percent(e.scores.top5)]
        rows.append(row if by_folds else [*row, words.seconds(e.cost.tune_seconds + e.cost.fit_seconds)])
    title = sentences.scored(comparison) + (" (untrained backbone)" if comparison.untrained else "")
    print_table(title, columns, rows)
