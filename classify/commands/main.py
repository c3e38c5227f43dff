"""The command `classify`: parses, calls one function, prints what it returns."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from classify.commands.ask import ask
from classify.commands.card import card
from classify.commands.compare import compare
from classify.commands.explain import explain
from classify.commands.explore import EXPLORING
from classify.commands.finetune import finetune
from classify.commands.options import HEAD_FILE, PROMPTS, QUESTION, load_told
from classify.commands.predict import predict
from classify.commands.serve import serve
from featurize.commands.answer import give
from featurize.commands.console import print_table, run
from featurize.commands.options import (
    ANY_SPLIT,
    FEATURES,
    FILE,
    KEY,
    RECIPE,
    SEED,
    TABLE,
    TARGET,
    TUNE,
)
from featurize.commands.remembered import Group
from featurize.commands.words import words
from featurize.wording import counted, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from classify.fitting import Score


@click.group("classify", cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="artstyle")
def cli() -> None:
    """Embeddings in, styles out: fit heads on a feature cache, compare them honestly, predict.

    Begin with `classify fit --head logreg`, or compare several with `classify compare`. Every command takes
    --debug to show where an error comes from, and --json to answer programs. `classify words` says what the words mean.
    """


@cli.command()
@click.option("--head", "spec", required=True, help="logreg, mlp, svm, ... with options, as in mlp:epochs=30.")
@TABLE
@FEATURES
@KEY
@RECIPE
@TARGET
@click.option("--out", type=FILE, default=Path("heads"), show_default=True, help="A folder, or a .safetensors file.")
@click.option(
    "--train",
    "part",
    type=click.Choice(["train", "train+val", "all"]),
    default="train",
    show_default=True,
    help="The splits to learn from; a final head learns from all, and is scored by cross-validation.",
)
@TUNE
@QUESTION
@PROMPTS
@SEED
@click.option(
    "--device", default="cpu", show_default=True, help="cpu, cuda or auto, for logreg, linear-svm, softmax, mlp."
)
def fit(
    spec: str, dataset: Path, features: str | Path, key: str | None, embedding: str | None, target: str, out: Path,
    part: str, tune: bool, question: str | None, prompts: Path | None, seed: int, device: str,
) -> None:  # fmt: skip
    """Fit a head on the train split, or on more, and save it."""
    from cache import open_cache
    from cache.writable import check_file, check_folder
    from classify.fitting.fit import fit as fit_head
    from classify.fitting.question import holds_of
    from classify.headfile import SUFFIX, save_head
    from featurize.dataset.table import read_table

    (check_file if out.suffix == SUFFIX else check_folder)(out)
    cache = open_cache(features, key)
    fitted = fit_head(
        read_table(dataset), cache, spec, embedding=embedding, target=target, tune=tune, question=question,
        train=part, prompts=prompts, seed=seed, device=device, on_epoch=_tell_epoch,
        tell=lambda sentence: click.echo(sentence, err=True),
    )  # fmt: skip
    saved = fitted.saved
    recipes = "+".join(recipe.name for recipe in saved.recipes)
    path = out if out.suffix == SUFFIX else out / f"{saved.kind}-{recipes}-{cache.key.folder_name}{SUFFIX}"
    save_head(saved, path)
    tuned = ", ".join(f"{name} = {_told(value)}" for name, value in saved.training["tuned"].items())
    click.echo(
        f"{saved.kind} fitted on {counted(saved.training['rows'], 'picture')}, {len(saved.classes)} classes, "
        f"in {saved.training['seconds']:.1f} s" + (f"; chosen by cross-validation: {tuned}" if tuned else "")
    )
    give({"head": str(path), "kind": saved.kind, "classes": saved.classes, "target": saved.target,
          "training": dict(saved.training), "metrics": dict(saved.metrics)})  # fmt: skip
    if holds := holds_of(saved):
        click.echo(holds)
    for score in fitted.scores:
        _tell_score(score)
    if not fitted.scores and part == "train":
        click.echo("no val split to score it on: use `classify evaluate`")
    for warning in fitted.warnings:
        click.echo(f"warning: {visible(warning)}", err=True)
    click.echo(f"wrote {visible(path)}")


@cli.command()
@HEAD_FILE
@TABLE
@FEATURES
@click.option("--split", type=ANY_SPLIT, default="test", show_default=True)
def evaluate(head_file: Path, dataset: Path, features: str | Path, split: str) -> None:
    """Score a saved head on a split."""
    from classify.fitting.evaluate import evaluate as score_head

    score = score_head(load_told(head_file), dataset, features, split)
    give({**asdict(score), "accuracy": score.accuracy})
    _tell_score(score)
    for warning in score.warnings:
        click.echo(f"warning: {visible(warning)}", err=True)


for command in (ask, card, compare, explain, finetune, predict, *EXPLORING, serve, words):
    cli.add_command(command)


def _told(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else " + ".join(map(str, value))


def _tell_epoch(epoch: Mapping[str, Any]) -> None:
    val = f", accuracy on val {epoch['val_accuracy']:.3f}" if "val_accuracy" in epoch else ""
    click.echo(f"epoch {epoch['epoch']:3}: loss {epoch['train_loss']:.4f}{val}")


def _tell_score(score: Score) -> None:
    print_table(
        "",
        ["split", "pictures", "accuracy", "95 % interval", "chance", "largest class", "calibration error", "by chance"],
        [
            (
                score.split,
                score.pictures,
                f"{score.accuracy:.3f}",
                f"{score.low:.3f} to {score.high:.3f}",
                f"{score.chance:.3f}",
                f"{score.majority:.3f}",
                f"{score.calibration_error:.3f}",
                f"{score.calibration_by_chance:.3f}",
            )
        ],
    )


def main() -> None:
    """Entry point of the console script."""
    raise SystemExit(run(cli))
