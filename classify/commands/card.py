"""The command `classify card`: parses, calls one function, prints what it returns."""

from __future__ import annotations

from pathlib import Path

import click

from classify.commands.options import HEAD_FILE, load_told
from featurize.commands.options import FILE
from featurize.commands.remembered import Command
from featurize.wording import visible

_BEGINS = b"---\nlicense: "  # a model card, with the front matter that Hugging Face reads


@click.command(cls=Command)
@HEAD_FILE
@click.option("--out", type=FILE, help="Write the card into this file; default: the screen.")
@click.option("--report", type=FILE, help="Put the card beside a comparison: into this folder, named like the head.")
def card(head_file: Path, out: Path | None, report: Path | None) -> None:
    """Write the model card of a head: what it is, how good, for what, and under which licence."""
    from cache import files
    from cache.writable import check_file
    from classify.errors import HeadFileError
    from classify.report.card import card_text

    if out and report:
        raise click.UsageError("--out names the card's file, --report puts it beside a comparison: give one of them")
    text = card_text(head_file.stem, load_told(head_file))
    if report:
        files.make_folder(report.absolute())
        out = report / f"card-{head_file.stem}.md"
    if out is None:
        click.echo(text, nl=False)
        return
    check_file(out)
    if out.is_file() and not out.read_bytes().startswith(_BEGINS):
        raise HeadFileError(f"{str(out)!r} is there and is no model card, so it is not replaced: choose another --out")
    files.write_atomic(out, [text.encode()])
    click.echo(f"wrote {visible(out)}")
