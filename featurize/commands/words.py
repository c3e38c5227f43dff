"""The command `words`, which both programs have: what a word on the screen or on a page means."""

from __future__ import annotations

import textwrap

import click

from featurize.commands.remembered import Command


@click.command(cls=Command)
@click.argument("words", nargs=-1)
def words(words: tuple[str, ...]) -> None:
    """Say what WORDS mean, for example `words key recipe`; without WORDS, all that are explained."""
    from featurize.errors import FeaturizeError
    from featurize.glossary import Word, glossary, look_up
    from featurize.wording import visible

    def show(word: Word) -> None:
        click.echo(textwrap.fill(word.text, 100, subsequent_indent="  ", break_on_hyphens=False))

    if not words:
        section = ""
        for word in glossary():
            if word.section != section:
                section = word.section
                click.echo(f"\n{section}")
            show(word)
        return
    found = [look_up(name) for name in words]
    for word in dict.fromkeys(word for several in found for word in several):
        show(word)
    unknown = [visible(name) for name, several in zip(words, found, strict=True) if not several]
    if unknown:
        names = ", ".join(name for word in glossary() for name in word.names)
        raise FeaturizeError(f"no explanation of {', '.join(map(repr, unknown))}; explained are: {names}")
