"""The command `classify explain`: parses, calls one function for each picture, prints what it returns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from classify.commands.options import HEAD_FILE, WEIGHTS, load_told
from classify.explain.methods import METHODS
from featurize.commands.options import DEVICE, FEATURES, FILE, WORKERS
from featurize.commands.remembered import Command
from featurize.wording import counted, file_name, percent, plain, visible

if TYPE_CHECKING:
    from featurize.engines import EngineFactory


@click.command(cls=Command)
@HEAD_FILE
@click.argument("pictures", type=FILE, nargs=-1, required=True)
@click.option("--class", "label", help="The class to explain; default: the one that the head chooses.")
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="auto",
    show_default=True,
    help="cam: exact, for linear heads; gradcam: by gradients; occlusion: by covering parts; auto: the first that can.",
)
@click.option("--out", type=FILE, default=Path("explain"), show_default=True, help="Folder for the heatmaps.")
@WEIGHTS
@FEATURES
@WORKERS
@DEVICE
@click.pass_obj
def explain(
    engines: EngineFactory | None, /, head_file: Path, pictures: tuple[Path, ...], label: str | None, method: str,
    out: Path, weights: str | None, **options: Any,
) -> int:  # fmt: skip
    """Show which parts of PICTURES speak for a style: files, and folders of files."""
    from classify.explain import Explainer, explanation_figure
    from classify.prediction import find_pictures
    from featurize.engines import make_engine
    from featurize.errors import Undecodable
    from featurize.progress import progress_bar
    from featurize.theme import save_figure

    paths = find_pictures(list(pictures))
    explainer = Explainer(load_told(head_file), weights, method=method, engines=engines or make_engine, **options)
    if label is not None:
        explainer.number_of(label)  # an unknown class is an error of the command, not of each picture
    names = _file_names(paths)
    troubles = []
    with progress_bar("explaining") as progress:
        for done, (path, name) in enumerate(zip(paths, names, strict=True), 1):
            try:
                found = explainer.explain(path, label)
            except Undecodable as why:
                troubles.append(f"{visible(path)}: {why}")
                continue
            target = out / file_name(f"{name}-{plain(found.label)}-{found.method}.png")
            save_figure(explanation_figure(found, path.name), target)
            progress(done, len(paths))
            click.echo(
                f"{visible(path)}\t{found.label} {percent(found.probability)}, score {found.score:+.2f} "
                f"({found.method}): {visible(target)}"
            )
    if explainer.saved.key.untrained:
        click.echo("warning: untrained backbone: what it sees is noise", err=True)
    for trouble in troubles:
        click.echo(f"error: {trouble}", err=True)
    click.echo(f"wrote {counted(len(paths) - len(troubles), 'heatmap')} into {visible(out)}")
    return 1 if troubles else 0


def _file_names(paths: list[Path]) -> list[str]:
    """A name for each picture's heatmap, without its ending; pictures of one name are numbered."""
    seen: dict[str, int] = {}
    names = []
    for path in paths:
        seen[path.stem] = number = seen.get(path.stem, 0) + 1
        names.append(path.stem if number == 1 else f"{path.stem}-{number}")
    return names
