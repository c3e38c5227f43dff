"""The commands that look at a collection: each parses, calls one function, prints what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from classify.commands.options import WEIGHTS, load_told
from featurize.commands.console import print_table
from featurize.commands.options import ANY_SPLIT, DEVICE, FEATURES, FILE, KEY, SEED, TABLE, TARGET
from featurize.commands.remembered import Command
from featurize.wording import artist, counted, cut, decimals, listing, visible

if TYPE_CHECKING:
    from classify.explore.works import Works
    from featurize.engines import EngineFactory

EMBEDDING = click.option(
    "--embedding",
    help="Recipes; a+b puts two side by side; default: the only one, avgpool, or as the network's authors do.",
)
SPLIT = click.option("--split", type=ANY_SPLIT, default="all", show_default=True, help="Which part of the collection.")


def out_option(folder: str) -> Callable[[Any], Any]:
    """Where the page goes."""
    return click.option("--out", type=FILE, default=Path(folder), show_default=True, help="The page's folder.")


@click.command(cls=Command)
@click.argument("pictures", type=FILE, nargs=-1, required=True)
@click.option("--k", type=click.IntRange(1), default=8, show_default=True, help="How many works for each picture.")
@click.option("--csls", is_flag=True, help="Works that are similar to everything come later.")
@TABLE
@FEATURES
@KEY
@EMBEDDING
@SPLIT
@WEIGHTS
@DEVICE
@out_option("reports/neighbours")
@click.pass_obj
def neighbours(
    engines: EngineFactory | None, /, pictures: tuple[Path, ...], k: int, csls: bool, dataset: Path,
    features: str | Path, key: str | None, embedding: str | None, split: str, weights: str | None, device: str,
    out: Path,
) -> int:  # fmt: skip
    """The works of the collection that are most similar to PICTURES: files, and folders of files."""
    from cache import open_cache
    from classify.explore.neighbours import neighbours as find
    from classify.explore.neighbours import write_neighbours
    from classify.explore.pages import check_out
    from classify.prediction import find_pictures
    from featurize.dataset.table import read_table
    from featurize.engines import make_engine
    from featurize.progress import progress_bar

    check_out(out)
    paths = find_pictures(pictures)
    with progress_bar("embedding") as progress:
        found = find(
            read_table(dataset), open_cache(features, key), paths, k, embedding=embedding, split=split, csls=csls,
            weights=weights, device=device, engines=engines or make_engine, progress=progress,
        )  # fmt: skip
    digits = max(found.digits, 3)
    for path, rows, similarity in zip(
        found.pictures, found.found.rows.tolist(), found.found.similarity.tolist(), strict=True
    ):
        print_table(
            visible(path),
            ["", "similarity", "artist", "year", "path"],
            [
                (n + 1, f"{value:.{digits}f}", *_who(found.works, row), visible(found.works.paths[row]))
                for n, (row, value) in enumerate(zip(rows, similarity, strict=True))
                if row >= 0
            ],
        )
    page = write_neighbours(found, out)
    _warn(found.works)
    for path, why in found.unread.items():
        click.echo(f"error: {visible(path)}: {why}", err=True)
    click.echo(f"page: {visible(page)}")
    return 1 if found.unread else 0


def _who(works: Works, row: int) -> tuple[str, str]:
    return visible(cut(artist(works.artists[row]))), visible(works.column("year")[row])


def _warn(works: Works, lacking: Mapping[str, int] = MappingProxyType({})) -> None:
    """Warnings of every look at works; `lacking` says how many works take no part, by the reason."""
    reasons = {**lacking, "no embedding, because the file is broken": works.broken}
    said = [f"{count:,} {'has' if count == 1 else 'have'} {reason}" for reason, count in reasons.items() if count]
    if said:
        all_works = counted(len(works) + works.broken, "work")
        click.echo(f"warning: Of {all_works}, {visible(listing(said))}: left out.", err=True)
    changed = works.changed()
    if changed:
        files = counted(len(changed), "picture file has", "picture files have")
        click.echo(
            f"warning: {files} changed since `featurize prepare`, as {visible(changed[0])}: pages show what lies "
            "there now, and not what was embedded; run `featurize prepare` and `featurize run` again",
            err=True,
        )
    if works.key.untrained:
        click.echo("warning: untrained backbone: what it takes for similar means nothing", err=True)


@click.command("map", cls=Command)
@click.option(
    "--method", type=click.Choice(["tsne", "pca"]), default="tsne", show_default=True, help="How pictures get a place."
)
@click.option("--colour", default="style", show_default=True, help="style, artist, year or another column.")
@click.option("--add", is_flag=True, help="Place new pictures into the map that is kept, which stays as it is.")
@click.option("--mosaic", is_flag=True, help="Snap the pictures to a grid.")
@TABLE
@FEATURES
@KEY
@EMBEDDING
@SPLIT
@SEED
@out_option("reports/map")
def draw_map(
    method: str, colour: str, add: bool, mosaic: bool, dataset: Path, features: Path, key: str | None,
    embedding: str | None, split: str, seed: int, out: Path,
) -> None:  # fmt: skip
    """A map of the collection: similar pictures lie near each other."""
    from cache import open_cache
    from classify.explore.maps.make import FEWEST, map_of, write_map
    from classify.explore.pages import check_out
    from classify.explore.works import load_works
    from featurize.dataset.table import read_table
    from featurize.progress import progress_bar

    check_out(out)
    cache = open_cache(features, key)
    works = load_works(read_table(dataset), cache, embedding, split, fewest=FEWEST)
    with progress_bar("arranging", "iterations") as progress:
        made = map_of(
            works, cache.artifacts, method=method, colour=colour, adding=add, seed=seed, progress=progress
        )  # fmt: skip
    for line in made.news:
        click.echo(visible(line))
    with progress_bar("small pictures") as progress:
        page = write_map(made, out, mosaic=mosaic, progress=progress)
    _warn(works)
    click.echo(f"page: {visible(page)}")


@click.command(cls=Command)
@TABLE
@FEATURES
@KEY
@EMBEDDING
@SPLIT
@SEED
@click.option("--head", "head_file", type=FILE, help="Look at the last hidden layer of this head, as mlp has one.")
@out_option("reports/timeline")
def timeline(
    dataset: Path, features: Path, key: str | None, embedding: str | None, split: str, seed: int,
    head_file: Path | None, out: Path,
) -> None:  # fmt: skip
    """How the embedding of dated works follows the year; 30 dated works are needed.

    With --head it is the last hidden layer of a head, on the embedding that the head was fitted to.
    """
    from cache import open_cache
    from classify.explore.hidden import load_hidden
    from classify.explore.pages import check_out
    from classify.explore.timeline import FEWEST
    from classify.explore.timeline import timeline as follow
    from classify.explore.timeline_page import write_timeline
    from classify.explore.works import load_works
    from featurize.dataset.table import read_table
    from featurize.progress import progress_bar

    check_out(out)
    table, cache = read_table(dataset), open_cache(features, key)
    if head_file:
        works = load_hidden(table, cache, load_told(head_file), split)
    else:
        works = load_works(table, cache, embedding, split, fewest=FEWEST)
    with progress_bar("looking at colours") as progress:
        found = follow(works, seed=seed, progress=progress)
    best = found.correlation[found.best]
    if works.odd_years:
        click.echo(f"warning: {visible(works.odd_years)}", err=True)
    click.echo(
        f"{len(found.works):,} dated works: component {found.best + 1} follows the year with a correlation of "
        f"{best.value:.2f} ({best.low:.2f} to {best.high:.2f}); {found.for_most} of {len(found.share)} components hold "
        "95 % of the variance"
    )
    names = {"embedding": "hidden layer"} if works.layer else {}
    print_table(
        "the year of works by painters that were not learned from",
        ["from", "R2", "mean error, years"],
        [(names.get(p.name, p.name), f"{p.r2.value:.2f}", f"{p.error.value:.1f}") for p in found.predictions],
    )
    page = write_timeline(found, out)
    _warn(works, {"no year": found.undated})
    click.echo(f"page: {visible(page)}")


@click.command(cls=Command)
@TARGET
@TABLE
@FEATURES
@KEY
@EMBEDDING
@SPLIT
@SEED
@out_option("reports/styles")
def styles(
    target: str, dataset: Path, features: Path, key: str | None, embedding: str | None, split: str, seed: int, out: Path
) -> None:
    """Which styles lie near each other, and which are taken for each other."""
    from cache import open_cache
    from classify.explore.pages import check_out
    from classify.explore.styles import CLASSES, FEWEST, pairs, write_styles
    from classify.explore.styles import styles as compare_styles
    from classify.explore.works import load_works
    from featurize.dataset.table import read_table

    check_out(out)
    works = load_works(read_table(dataset), open_cache(features, key), embedding, split, fewest=CLASSES * FEWEST)
    found = compare_styles(works, target, seed=seed)
    near = pairs(found)
    digits = decimals(distance for _, _, distance, _ in near)
    print_table(
        "nearest pairs",
        [target, target, "distance", "taken for each other"],
        [(visible(a), visible(b), f"{distance:.{digits}f}", taken) for a, b, distance, taken in near],
    )
    page = write_styles(found, out)
    _warn(works, found.left_out)
    click.echo(f"page: {visible(page)}")


@click.command("artist", cls=Command)
@click.argument("name")
@TABLE
@FEATURES
@KEY
@EMBEDDING
@SPLIT
@out_option("reports/artist")
def show_artist(
    name: str, dataset: Path, features: Path, key: str | None, embedding: str | None, split: str, out: Path
) -> None:
    """The works of the painter NAME in the embedding: nearest painters, works least like the others."""
    from cache import open_cache
    from classify.explore.artist import FEWEST, write_artist
    from classify.explore.artist import artist as look_at
    from classify.explore.pages import check_out
    from classify.explore.works import load_works
    from featurize.dataset.table import read_table

    check_out(out)
    works = load_works(read_table(dataset), open_cache(features, key), embedding, split, fewest=FEWEST)
    found = look_at(works, name)
    print_table(
        f"painters nearest to {visible(artist(found.name))} ({len(found.rows)} works)",
        ["painter", "works", "similarity"],
        [(visible(artist(p.name)), p.works, f"{p.similarity:.{max(found.digits, 3)}f}") for p in found.painters],
    )
    page = write_artist(found, out)
    _warn(works, {"no known artist": sum(not name for name in works.artists)})
    click.echo(f"page: {visible(page)}")


EXPLORING = (neighbours, draw_map, timeline, styles, show_artist)
