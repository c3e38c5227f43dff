"""The command `classify finetune`: parses, calls one function, prints what it returns."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from featurize.commands.answer import give
from featurize.commands.console import print_table
from featurize.commands.options import BACKBONE, DEVICE, FEATURES, FILE, SEED, TABLE, TARGET, WEIGHTS, WORKERS
from featurize.commands.remembered import Command
from featurize.wording import counted, percent, points, visible

if TYPE_CHECKING:
    from classify.finetune.folds import Folded
    from classify.finetune.result import Finetuned

NUMBER = click.IntRange(1)


class BatchSize(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """A number of pictures, or the word "auto"."""

    name = "integer|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As it is, or as a whole number."""
        if str(value).lower() == "auto":
            return "auto"
        try:
            return NUMBER.convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is neither a whole number from 1 on nor 'auto'.", param, ctx)


@click.command(cls=Command)
@TABLE
@FEATURES
@BACKBONE
@WEIGHTS
@click.option("--size", type=int, help="Side of the square that the network sees, pixels; default: the weights' own.")
@TARGET
@click.option("--split", default="train", show_default=True, help="The split to learn from.")
@click.option("--layers", type=NUMBER, help="Retrain the last so many layers with weights; BatchNorm counts.")
@click.option("--from", "start", metavar="NODE", help="Retrain this node and all behind it: layer4, features.14.")
@click.option("--all", "everything", is_flag=True, help="Retrain all layers.")
@click.option("--head-only", is_flag=True, help="Train nothing but the head.")
@click.option("--init-head", type=click.Path(), help="A linear head to start from; default: one fitted here first.")
@click.option("--epochs", type=NUMBER, default=12, show_default=True)
@click.option(
    "--batch-size",
    type=BatchSize(),
    default=32,
    show_default=True,
    help="Of a step; auto: 32, in parts where memory is short.",
)
@click.option("--accumulate", type=NUMBER, default=1, show_default=True, help="Compute a batch in so many parts.")
@click.option("--optimizer", type=click.Choice(["adamw", "sgd"]), default="adamw", show_default=True)
@click.option("--rate", type=float, default=3e-4, show_default=True, help="Learning rate of the last layer.")
@click.option("--head-rate", type=float, default=1e-3, show_default=True, help="Learning rate of the head.")
@click.option("--layer-decay", type=float, default=0.9, show_default=True, help="Each earlier layer's share of it.")
@click.option("--weight-decay", type=float, default=0.05, show_default=True)
@click.option("--warm-up", type=float, default=1.0, show_default=True, help="Epochs in which the rates rise.")
@click.option("--smoothing", type=float, default=0.1, show_default=True, help="Label smoothing.")
@click.option("--mixup", type=float, default=0.0, show_default=True, help="Parameter of mixup; 0 is without.")
@click.option("--balanced", is_flag=True, help="Show pictures of every class equally often.")
@click.option("--augment/--no-augment", default=True, show_default=True, help="Random crops and mirror images.")
@click.option("--views", type=click.IntRange(0), help="So many fixed crops of each picture instead of ever new ones.")
@click.option("--cache/--no-cache", "cached", default=True, help="With --from: learn from stored maps (the default).")
@click.option("--map-limit", type=float, default=8.0, show_default=True, help="Gigabytes of maps that may be stored.")
@click.option("--ema", type=float, default=0.0, show_default=True, help="Decay of a running mean of the weights.")
@click.option("--clip", type=float, default=1.0, show_default=True, help="Greatest norm of the gradient; 0: none.")
@click.option("--batch-stats", is_flag=True, help="Let BatchNorm of retrained layers learn from batches.")
@click.option("--held-out", type=float, default=0.2, show_default=True, help="Share that the epoch is chosen on.")
@click.option("--patience", type=NUMBER, help="Stop after so many epochs without a better one.")
@click.option("--refit/--no-refit", default=True, show_default=True, help="Learn again from all rows afterwards.")
@click.option("--amp", type=click.Choice(["off", "bf16", "fp16"]), default="off", show_default=True)
@click.option("--compile", "compiled", is_flag=True, help="Use torch.compile.")
@click.option("--checkpointing", is_flag=True, help="Compute maps twice instead of keeping them in memory.")
@click.option("--folds", type=click.IntRange(2), help="Cross-validate instead, beside heads on the frozen network.")
@click.option("--heads", default="logreg,svm", show_default=True, help="With --folds: the heads to compare with.")
@click.option("--question", type=click.Choice(["new", "known"]), help="Hold out painters whole, or not; default: new.")
@SEED
@DEVICE
@WORKERS
@click.option("--tensorboard", is_flag=True, help="Write the epochs for TensorBoard, too, into the run's folder.")
@click.option("--out", type=FILE, default=Path("runs/finetuned"), show_default=True, help="The run's folder.")
@click.pass_context
def finetune(
    context: click.Context,
    /,
    dataset: Path,
    features: str | Path,
    out: Path,
    folds: int | None,
    heads: str,
    tensorboard: bool,
    **options: Any,
) -> None:
    """Retrain the last layers of a backbone together with a head.

    Say what is retrained with one of --layers, --from, --all and --head-only. A run that was stopped goes on where it
    ended when the same command is given again.
    """
    from cache.writable import check_folder
    from classify.finetune.folds import cross_validate
    from classify.finetune.run import fine_tune
    from classify.finetune.settings import FinetuneSettings
    from classify.finetune.team import speaks
    from classify.report.events import events
    from featurize.dataset.table import read_table
    from featurize.progress import progress_bar

    if folds is None and context.get_parameter_source("heads") is ParameterSource.COMMANDLINE:
        raise click.UsageError(
            "--heads names what the folds of --folds are compared with: add --folds, or leave --heads out"
        )
    check_folder(out)
    settings, table = FinetuneSettings(**options), read_table(dataset)
    with progress_bar("storing maps") as progress, ExitStack() as left:
        given: dict[str, Any] = {"features": features}
        if speaks():
            log = left.enter_context(events(out / "tensorboard")) if tensorboard else lambda record: None

            def on_epoch(record: dict[str, Any]) -> None:
                _tell_epoch(record)
                log(record)

            given |= {"on_epoch": on_epoch, "say": _say, "progress": progress}
        if folds:
            divided = cross_validate(table, out, settings, folds=folds, heads=heads, **given)
        else:
            run = fine_tune(table, out, settings, **given)
    if speaks():
        tell_folds(divided) if folds else tell(run)
        give({**asdict(divided if folds else run), "folder": str(out)})


def _say(line: str) -> None:
    click.echo(visible(line), err=True)


def _tell_epoch(record: dict[str, Any]) -> None:
    loss = f", loss {record['loss']:.4f}" if "loss" in record else " (before training)"
    held = ""
    if "held_out_loss" in record:
        held = f", held out: loss {record['held_out_loss']:.4f}, accuracy {percent(record['held_out_accuracy'])}"
    fold = f"fold {record['fold']}: " if "fold" in record else ""
    click.echo(f"{fold}{record['stage']} epoch {record['epoch']:3}{loss}{held}, {record['seconds']:.1f} s")


def tell(run: Finetuned) -> None:
    """What came of a run, and what can be done with it."""
    held = ""
    if run.held_out_accuracy is not None:
        held = f", chosen on {run.held_out} held-out training rows ({percent(run.held_out_accuracy)} there)"
    energy = "" if run.joules is None else f" and {run.joules / 1000:.3g} kJ"
    click.echo(
        f"{run.retrained} of {run.backbone} retrained on {counted(run.rows, 'picture')} in "
        f"{run.seconds:.1f} s{energy}; epoch {run.epoch}{held}"
    )
    for warning in run.warnings:
        click.echo(f"warning: {visible(warning)}", err=True)
    click.echo(f"embed with it: featurize run --backbone {run.backbone} --weights {visible(run.weights_file)}")
    click.echo(f"predict with it: classify predict --head {visible(run.head_file)} PICTURES")


def tell_folds(found: Folded) -> None:
    """The fine-tuned network beside heads on the frozen one."""
    rows = []
    for each in found.contenders:
        gap = each.better
        behind = f"{points(gap.value)} ({points(gap.low)} to {points(gap.high)})" if gap else ""
        p = "" if each.p is None else f"{each.p:.3g}" + (", differ" if each.differ else "")
        between = f"{percent(each.accuracy.low)} to {percent(each.accuracy.high)}"
        rows.append((each.name, percent(each.accuracy.value), between, behind, p, f"{each.seconds:.1f} s"))
    painters = "painters kept apart" if found.question == "new" else "painters on both sides"
    print_table(
        f"{found.folds} folds, {painters}: {found.scored} of {found.rows} rows scored",
        ["", "accuracy", "95 % interval", "finetuned is better by", "McNemar, Holm", "training"],
        rows,
    )
    click.echo(f"chosen epochs: {', '.join(map(str, found.epochs))}")
