"""The command `classify explain`: parses, calls one function, prints what it returns."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from classify.commands.options import HEAD_FILE, WEIGHTS, load_told
from classify.explain.methods import METHODS
from featurize.commands.options import DEVICE, FEATURES, FILE, WORKERS
from featurize.commands.remembered import Command
from featurize.wording import counted, percent, visible

if TYPE_CHECKING:
    from featurize.engines import EngineFactory

_LONG = 30  # seconds of work that are announced


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
@click.option("--out", type=FILE, default=Path("explain"), show_default=True, help="Folder for the heatmaps (JPEG).")
@WEIGHTS
@FEATURES
@WORKERS
@DEVICE
@click.pass_obj
def explain(
    engines: EngineFactory | None, /, head_file: Path, pictures: tuple[Path, ...], label: str | None, method: str,
    out: Path, weights: str | None, **options: Any,
) -> int:  # fmt: skip
    """Show which parts of PICTURES speak for a style: files, and folders of files.

    A heatmap is named after picture, class and method, and replaces one of the same name.
    """
    from cache.writable import check_folder
    from classify.explain import Explainer
    from classify.explain.files import explain_files
    from classify.prediction import find_pictures
    from featurize import processors
    from featurize.engines import make_engine
    from featurize.pictures import decoder_processes
    from featurize.progress import duration, progress_bar

    check_folder(out)
    paths = find_pictures(list(pictures))
    saved, workers = load_told(head_file), options["workers"]
    decoder_processes.start(min(workers or processors.count() + 1, len(paths)))  # while the network is loaded
    explainer = Explainer(saved, weights, method=method, engines=engines or make_engine, **options)
    troubles = []
    say = partial(click.echo, err=True)

    def cost(seconds: float) -> None:
        if seconds > _LONG:
            each = f"{len(paths):,} pictures by {explainer.method} through {explainer.network}"
            say(f"explaining {each} takes about {duration(seconds)}; what is finished stays when you stop it")

    with progress_bar("explaining") as progress:
        progress(0, len(paths))
        for done, found in enumerate(explain_files(explainer, paths, out, label, workers=workers, before=cost), 1):
            progress(done, len(paths))
            if found.trouble:
                troubles.append(f"{visible(found.path)}: {found.trouble}")
                continue
            click.echo(
                f"{visible(found.path)}\t{visible(found.label)} {percent(found.probability)}, score "
                f"{found.score:+.2f} ({explainer.method}): {visible(found.target)}"
            )
    if explainer.saved.key.untrained:
        say("warning: untrained backbone: what it sees is noise")
    for trouble in troubles:
        say(f"error: {trouble}")
    click.echo(f"wrote {counted(len(paths) - len(troubles), 'heatmap')} into {visible(out)}")
    return 1 if troubles else 0
