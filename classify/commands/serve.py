"""The command `classify serve`: parses, calls one function, prints what it returns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from classify.commands.options import ALLOW_HOSTS, COVERAGE, WEIGHTS, fetch_limits, load_told
from featurize.commands.options import DEVICE, FEATURES, FILE, WORKERS
from featurize.commands.remembered import Command

if TYPE_CHECKING:
    from featurize.engines import EngineFactory


@click.command(cls=Command)
@click.option(
    "--head", "head_files", type=FILE, multiple=True, required=True, help="A saved head; several times for several."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
@click.option("--allow-urls", is_flag=True, help="Fetch pictures from addresses in the public internet.")
@ALLOW_HOSTS
@click.option(
    "--token", default="", envvar="ARTSTYLE_TOKEN", help="A secret that clients must show (or ARTSTYLE_TOKEN)."
)
@click.option("--insecure", is_flag=True, help="Let other machines ask without a token.")
@click.option("--name", "names", multiple=True, help="A host name under which the service is asked; several times.")
@click.option("--rate", type=click.IntRange(0), default=0, help="Requests a minute that each client may make; 0: any.")
@click.option("--waiting", type=click.IntRange(1), default=64, show_default=True, help="Pictures that may wait.")
@click.option("--seconds", type=click.FloatRange(1), default=30, show_default=True, help="Each request's deadline.")
@click.option("--collection", type=FILE, help="A dataset table: similar pictures of it are shown, by --features.")
@COVERAGE
@WEIGHTS
@FEATURES
@WORKERS
@DEVICE
@click.pass_obj
def serve(
    engines: EngineFactory | None, /, head_files: tuple[Path, ...], open_page: bool, allow_hosts: tuple[str, ...],
    allow_urls: bool, host: str, port: int, token: str, insecure: bool, names: tuple[str, ...], rate: int,
    waiting: int, seconds: float, collection: Path | None, coverage: float | None, **options: Any,
) -> None:  # fmt: skip
    """Answer over HTTP: a page for people, /v1/predict for programs, POST / as the old demo did."""
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise click.UsageError("`classify serve` needs more packages: pip install 'artstyle[serve]'") from error
    from classify.serve.loading import load_heads
    from classify.serve.running import bind, run
    from classify.serve.settings import ServeSettings
    from classify.serve.web.app import Service
    from featurize.engines import make_engine

    fetching = replace(fetch_limits(allow_hosts), public=allow_urls)
    settings = ServeSettings(
        host=host, port=port, allow_urls=allow_urls or bool(allow_hosts), fetching=fetching,
        token=token, insecure=insecure, names=frozenset(n.lower() for n in names), rate=rate, waiting=waiting,
        seconds=seconds,
    )  # fmt: skip
    with bind(settings) as listening:
        saved = [(path, load_told(path)) for path in head_files]
        heads = load_heads(saved, settings.waiting, collection, coverage, engines=engines or make_engine, **options)
        address = page_address(settings.host, listening.getsockname()[1], settings.token)

        def started() -> None:
            for name, head in heads.items():
                click.echo(f"{name}: {head.predictor.network.description}, {head.predictor.network.describe()}")
            click.echo(f"answering at {address} (Ctrl-C ends)")
            if open_page:
                click.launch(address)

        run(Service(heads, settings), listening, started)
    click.echo("ended; everything that was asked is answered")


def page_address(host: str, port: int, token: str) -> str:
    """Where a browser finds the page; the token behind # stays in the browser."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}/" + (f"#token={token}" if token else "")
