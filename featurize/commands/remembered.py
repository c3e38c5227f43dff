"""What a project remembers: `artstyle.toml` in the working folder holds defaults for the commands' options.

    [prepare]
    label-column = ["style=Stil"]

    [run]
    backbone = "mobilenet_v2"

An option on the command line wins over the file. `--remember` on any command writes the options that were just given.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from featurize.commands import answer

FILE = Path("artstyle.toml")
# featurize may not load classify to ask it
OF_CLASSIFY = (
    "artist",
    "ask",
    "card",
    "compare",
    "evaluate",
    "explain",
    "finetune",
    "fit",
    "map",
    "neighbours",
    "predict",
    "serve",
    "styles",
    "timeline",
    "words",
)
LOG_LEVELS = ("debug", "info", "warning", "error")
PACKAGES = ("cache", "featurize", "classify", "artstyle")  # each module logs under its own name
_EACH_TIME = ("discard-edits", "drop-duplicates", "drop-copies")  # they take something away, so they are meant once
_BEGINNING = "# What artstyle's commands take in this folder where the command line says nothing else.\n"


class RememberedWrongly(click.ClickException):
    """A key or a value in `artstyle.toml` is none; one sentence with its name and its line."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"{FILE}, line {line}: {what}")

    def show(self, file: Any = None) -> None:
        click.echo(f"error: {self.message}", err=True)


@dataclass(frozen=True)
class Remembered:
    """The file.

    Parameters
    ----------
    text : str
    sections : mapping of str to mapping of str to object
        Command -> option without its dashes -> value.
    """

    text: str
    sections: Mapping[str, Mapping[str, Any]]

    def line_of(self, section: str, key: str = "") -> int:
        """The line on which a section or a key of it stands, from 1."""
        here = ""
        for number, line in enumerate(self.text.splitlines(), 1):
            if begins := re.match(r"""\s*\[\s*["']?([^"'\]]+?)["']?\s*\]""", line):
                here = begins[1]
                if here == section and not key:
                    return number
            elif here == section and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""", line):
                return number
        return 1


def recall() -> Remembered | None:
    """What the file in the working folder says; None where there is none.

    Raises
    ------
    RememberedWrongly
        It is no TOML, or holds something else than sections of options.
    """
    if not FILE.exists():
        return None
    import tomllib

    try:
        text = FILE.read_text(encoding="utf-8-sig")
        read = tomllib.loads(text)
    except UnicodeDecodeError as error:
        data = error.object[: error.start]
        raise RememberedWrongly(1 + data.count(b"\n"), "the file is not UTF-8: save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        number = int(line[1]) if line else len(text.splitlines())
        raise RememberedWrongly(number, f"this is no TOML ({error})") from error
    except OSError as error:
        raise RememberedWrongly(1, f"the file can't be read: {error.strerror}") from error
    remembered = Remembered(text, read)
    for name, section in read.items():
        if not isinstance(section, dict):
            what = f"{name!r} belongs to no command: write it below one, as in [prepare]"
            raise RememberedWrongly(remembered.line_of("", name), what)
    return remembered


def defaults_for(group: click.Group, name: str) -> dict[str, Any]:
    """The defaults that the file has for a command, by the names of its parameters.

    Parameters
    ----------
    group : click.Group
    name : str
        Of one of its commands.

    Raises
    ------
    RememberedWrongly
        A section, a key or a value is none.
    """
    remembered = recall()
    if remembered is None:
        return {}
    from featurize.commands.main import cli

    known = list(dict.fromkeys([*group.commands, *cli.commands, *OF_CLASSIFY]))
    for section in remembered.sections:
        if section not in known:
            raise RememberedWrongly(
                remembered.line_of(section), f"there is no command {section!r}{_meant(section, known)}"
            )
    command = group.commands[name]
    given = remembered.sections.get(name, {})
    parameters = _by_key(command)
    return {
        parameter.name or "": _checked(command, parameter, remembered, name, key, value)
        for key, value in given.items()
        for parameter in [_parameter(parameters, remembered, name, key)]
    }


def remember(context: click.Context) -> str:
    """Write what was given on the command line into the file; returns it as lines for the screen.

    Comments and everything else in the file stay as they are.
    """
    import tomlkit

    from cache import files

    given = {
        key: plain_value(context.params[parameter.name or ""])
        for key, parameter in _by_key(context.command).items()
        if key not in _EACH_TIME and context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    }
    name = context.info_name or ""
    if not given:
        return f"nothing to remember: no option of `{name}` was given"
    remembered = recall()
    document = tomlkit.parse(remembered.text if remembered else _BEGINNING)
    section = document.setdefault(name, tomlkit.table())
    for key, value in given.items():
        section[key] = value
    files.write_atomic(FILE.absolute(), [tomlkit.dumps(document).encode()])
    return f"remembered in {FILE}, [{name}]: " + ", ".join(f"{key} = {shown(value)}" for key, value in given.items())


def shown(value: Any) -> str:
    """A value as TOML has it; texts, numbers and lists look the same in JSON."""
    return json.dumps(value, ensure_ascii=False)


def plain_value(value: Any) -> Any:
    """A parameter's value as TOML has it."""
    if isinstance(value, Mapping):
        return [f"{label}={column}" for label, column in value.items()]
    if isinstance(value, tuple | list):
        return [plain_value(one) for one in value]
    return value if isinstance(value, bool | int | float) else str(value)


def _log_at(ctx: click.Context, parameter: click.Parameter, level: str | None) -> None:
    """Let the loggers of the three packages speak on stderr."""
    if level is not None:
        import logging

        logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        for package in PACKAGES:
            logging.getLogger(package).setLevel(level.upper())


class Command(click.Command):
    """A command that can remember its options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        text = f"Write the options that are given now into {FILE}: next time they need not be given."
        self.params.append(click.Option(["--remember"], is_flag=True, expose_value=False, help=text))
        self.params.append(
            click.Option(
                [answer.FLAG],
                is_flag=True,
                expose_value=False,
                help="Answer with one JSON object on stdout, for programs.",
            )
        )
        self.params.append(
            click.Option(
                ["--log-level"],
                type=click.Choice(LOG_LEVELS, case_sensitive=False),
                expose_value=False,
                callback=_log_at,
                help="Show what is logged from this level on, on stderr.",
            )
        )

    def invoke(self, ctx: click.Context) -> Any:
        from cache.errors import NotStored  # only now: `--help` is quick without the cache

        try:
            result = super().invoke(ctx)  # what fails is not remembered
        except NotStored as error:
            if ctx.get_parameter_source("dataset") is ParameterSource.COMMANDLINE:
                error.table = str(ctx.params["dataset"])
            raise
        if ctx.get_parameter_source("remember") is ParameterSource.COMMANDLINE:
            click.echo(remember(ctx))
        return result


class Group(click.Group):
    """A group whose commands take their defaults from the file."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None:
            try:
                ctx.default_map = {name: defaults_for(self, name)}
            except RememberedWrongly:
                if not {"-h", "--help"} & set(rest):
                    raise
        return name, command, rest


def _by_key(command: click.Command) -> dict[str, click.Parameter]:
    """Parameters by what they are called in the file: the longest name without its dashes."""
    found = {}
    for parameter in command.params:
        if parameter.name in ("remember", "json", "help") or parameter.nargs == -1:
            continue
        names = parameter.opts if isinstance(parameter, click.Option) else [parameter.name or ""]
        found[max(names, key=len).lstrip("-")] = parameter
    return found


def _parameter(
    parameters: Mapping[str, click.Parameter], remembered: Remembered, section: str, key: str
) -> click.Parameter:
    plain = key.replace("_", "-")
    if plain in parameters and plain not in _EACH_TIME:
        return parameters[plain]
    line = remembered.line_of(section, key)
    if plain in _EACH_TIME:
        raise RememberedWrongly(line, f"{key!r} takes something away, so it is not remembered: give it each time")
    opposite = plain.removeprefix("no-")
    if opposite in parameters and plain != opposite:
        raise RememberedWrongly(line, f"`{section}` has no option {key!r}: write {opposite} = false")
    raise RememberedWrongly(line, f"`{section}` has no option {key!r}{_meant(plain, list(parameters))}")


def _checked(
    command: click.Command, parameter: click.Parameter, remembered: Remembered, section: str, key: str, value: Any
) -> Any:
    """A value in the form in which click takes it; whether it is one is asked of the parameter itself."""
    line = remembered.line_of(section, key)
    if isinstance(parameter, click.Option) and parameter.is_flag:
        if not isinstance(value, bool):
            raise RememberedWrongly(line, f"{key} = {value!r} in [{section}]: write true or false")
        return value
    several = isinstance(parameter, click.Option) and parameter.multiple
    words = []
    for one in value if several and isinstance(value, list) else [value]:
        if isinstance(one, bool) or not isinstance(one, str | int | float) or "\0" in str(one):
            raise RememberedWrongly(line, f"{key} in [{section}] holds {one!r}: write a text or a number")
        words.append(str(one))  # as the command line has it
    taken = tuple(words) if several else words[0]
    try:
        parameter.process_value(click.Context(command, info_name=section), taken)
    except click.UsageError as error:
        raise RememberedWrongly(line, f"{key} = {value!r} in [{section}]: {error.message}") from error
    return taken


def _meant(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f": is {near[0]!r} meant?" if near else f" (there are: {', '.join(known)})"
