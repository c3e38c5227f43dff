"""The command line again, so that pages can say what was done and what to do next in words that can be pasted."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import click
from click.core import ParameterSource


def as_typed(context: click.Context, program: str) -> str:
    """What was given or is remembered, and not what was left at its default.

    Parameters
    ----------
    context : click.Context
    program : str
        "featurize" or "classify".
    """
    words = [program, context.info_name or ""]
    for parameter in context.command.params:
        name = parameter.name or ""
        if context.get_parameter_source(name) not in (ParameterSource.COMMANDLINE, ParameterSource.DEFAULT_MAP):
            continue
        if name not in context.params:
            continue  # --remember says nothing about the result
        words += _words(parameter, context.params[name])
    return shlex.join(words)


def first_typed(context: click.Context, *names: str) -> str:
    """The first of some options that stands on the command line, as in "--val"; "" where none does."""
    for parameter in context.command.params:
        if parameter.name in names and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            return parameter.opts[0]
    return ""


def _words(parameter: click.Parameter, value: object) -> list[str]:
    if isinstance(value, bool):
        options = parameter.opts if value else parameter.secondary_opts
        return options[:1]
    if isinstance(value, Mapping):
        value = tuple(f"{name}={one}" for name, one in value.items())
    each = value if isinstance(value, tuple) else (value,)
    if isinstance(parameter, click.Argument):
        return [str(one) for one in each]
    return [word for one in each for word in (parameter.opts[0], str(one))]
