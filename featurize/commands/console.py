"""What both command lines share: errors as one sentence, interruptions that say how to go on, tables."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterable, Sequence
from types import FrameType
from typing import Any

import click

from featurize.commands import answer
from featurize.commands.explain import explain
from featurize.fonts import FontWarning

STOPPED = 130  # exit status after Ctrl-C, as shells have it
GOING_ON = ("run", "finetune", "audit")  # commands that find again what they had done; the others begin anew


def run(command: click.Command, argv: Sequence[str] | None = None, engines: object = None) -> int:
    """Run a command line and give its exit status.

    Any error becomes one sentence on stderr and status 1 (`explain`); wrong usage gives 2, as click does. With
    `--debug` anywhere on the line, or ARTSTYLE_DEBUG=1, the traceback is shown; with `--json`, stdout holds one object
    (`answer`).

    Parameters
    ----------
    command : click.Command
    argv : sequence of str, optional
        By default those of the process.
    engines : EngineFactory, optional
        What makes engines for the command, where it is not to be `featurize.engines.make_engine`.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments or os.environ.get("ARTSTYLE_DEBUG") == "1"
    arguments = [a for a in arguments if a != "--debug"]
    warnings.filterwarnings("ignore", module=r"PIL\.")  # a picture's oddities are told as reasons
    warnings.showwarning = _show_warning
    signal.signal(signal.SIGTERM, _terminated)
    if answer.FLAG not in arguments:
        return _carry_out(command, arguments, debug, engines)
    arguments = [a for a in arguments if a != answer.FLAG]
    with answer.collected() as found:
        status = _carry_out(command, arguments, debug, engines)
    click.echo(found.as_json(" ".join([command.name or "", *_named(command, arguments)]), status))
    return status


def _named(command: click.Command, arguments: Sequence[str]) -> list[str]:
    """The command of a group that is asked for, if any."""
    return [a for a in arguments if a in getattr(command, "commands", {})][:1]


def _carry_out(command: click.Command, arguments: list[str], debug: bool, engines: object) -> int:
    """Run the command, with each kind of end as its exit status."""
    try:
        result = command.main(arguments, prog_name=command.name, standalone_mode=False, obj=engines)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        goes_on = any(name in GOING_ON for name in _named(command, arguments))
        kept = "everything finished so far is kept: run the same command again to go on"
        click.echo(f"stopped; {kept if goes_on else 'the same command begins anew'}", err=True)
        return STOPPED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            traceback.print_exc()
        click.echo(f"error: {explain(error)}", err=True)
        return 1


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """A warning of this project as a sentence; one of a library as Python shows it, with its place."""
    text = warnings.formatwarning(message, category, filename, lineno, line)
    click.echo(f"warning: {message}\n" if issubclass(category, FontWarning) else text, err=True, nl=False)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; columns of numbers stand right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    listed = [[str(cell) for cell in row] for row in rows]
    if answer.take_table(title, columns, listed):
        return
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for n, column in enumerate(columns):
        numbers = bool(listed) and all(row[n][:1].isdigit() or row[n] in ("", "-") for row in listed)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
