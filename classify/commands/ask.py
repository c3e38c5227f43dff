"""The command `classify ask`: parses, calls one function, prints what it returns."""

from __future__ import annotations

from typing import Any

import click

from classify.commands.options import TOP
from featurize.commands.answer import give
from featurize.commands.remembered import Command
from featurize.wording import visible


@click.command(cls=Command)
@click.argument("server")
@click.argument("pictures", nargs=-1, required=True)
@TOP
@click.option("--head", help="Which head answers, where the service has several.")
@click.option("--token", default="", envvar="ARTSTYLE_TOKEN", help="The service's secret (or ARTSTYLE_TOKEN).")
def ask(server: str, pictures: tuple[str, ...], top: int, head: str | None, token: str) -> int:
    """Ask a service at SERVER, such as http://127.0.0.1:8000, about PICTURES: files or addresses."""
    from classify.client import StyleClient
    from classify.errors import AskError
    from classify.prediction.answers import in_words

    failed, told = 0, False
    found: list[dict[str, Any]] = []
    with StyleClient(server, token=token) as client:
        for picture in pictures:
            try:
                answer = client.predict(picture, top=top, head=head)
            except AskError as error:
                failed = 1
                found.append({"picture": picture, "error": str(error)})
                click.echo(f"error: {visible(picture)}: {error}", err=True)
                continue
            found.append({"picture": picture, **answer.facts["pictures"][0]})
            click.echo(f"{visible(picture)}\t{in_words(answer.facts['pictures'][0])}")
            if answer.holds and not told:
                click.echo(f"note: {answer.holds}", err=True)
            told = True
            if answer.untrained and not failed:
                click.echo("warning: untrained backbone: these predictions are guesses", err=True)
    give({"pictures": found})
    return failed
