"""What a command answers as one JSON object, for programs that call it: `--json` on any command.

    {"command": "classify fit", "status": 0, "error": null, "warnings": [...], "result": {...},
     "tables": [{"title": "", "columns": [...], "rows": [[...], ...]}], "lines": [...]}

It stands alone on stdout; progress, warnings and errors go to stderr as ever. `result` holds the plain numbers of what
the command's function returned, null where it returns none; `tables` and `lines` are what people are shown.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TextIO, cast

FLAG = "--json"
_WARNING, _ERROR, _STOPPED = "warning: ", "error: ", "stopped"
_NO_COMMAND = "no command is named: --help lists them"


@dataclass
class Answer:
    """What a command has said so far."""

    tables: list[dict[str, Any]] = field(default_factory=list)
    result: Any = None
    out: io.StringIO = field(default_factory=io.StringIO)
    err: io.StringIO = field(default_factory=io.StringIO)

    def as_json(self, command: str, status: int) -> str:
        """The object, on one line."""
        said = self.err.getvalue().splitlines()
        errors = [line.removeprefix("Error: ").removeprefix(_ERROR) for line in said if line.lower().startswith(_ERROR)]
        errors = errors or [line for line in said if line.startswith(_STOPPED)] or [_NO_COMMAND]
        return _without_nan(
            {
                "command": command,
                "status": status,
                "error": errors[-1] if status else None,
                "warnings": [line.removeprefix(_WARNING) for line in said if line.startswith(_WARNING)],
                "result": self.result,
                "tables": self.tables,
                "lines": [line for line in self.out.getvalue().splitlines() if line.strip()],
            }
        )


def _without_nan(answer: Mapping[str, Any]) -> str:
    """The object as JSON, which has no NaN and no infinity: null stands for them."""
    text = json.dumps(answer, ensure_ascii=False, default=str)
    return json.dumps(json.loads(text, parse_constant=lambda name: None), ensure_ascii=False)


_now: ContextVar[Answer | None] = ContextVar("answer", default=None)


@contextlib.contextmanager
def collected() -> Iterator[Answer]:
    """Keep what is printed on stdout while the block runs, and note what is said on stderr."""
    answer = Answer()
    token = _now.set(answer)
    try:
        with (
            contextlib.redirect_stdout(answer.out),
            contextlib.redirect_stderr(cast(TextIO, _Both(sys.stderr, answer.err))),
        ):
            yield answer
    finally:
        _now.reset(token)


def give(result: Mapping[str, Any]) -> None:
    """What the command's function returned, in plain numbers, texts and lists; nothing happens without `--json`."""
    answer = _now.get()
    if answer is not None:
        answer.result = result


def take_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Take a table that would be printed; whether it was taken."""
    answer = _now.get()
    if answer is None:
        return False
    answer.tables.append({"title": title, "columns": list(columns), "rows": [list(row) for row in rows]})
    return True


class _Both:
    """Writes to a stream and keeps a copy; it is that stream in all else."""

    def __init__(self, stream: TextIO, copy: TextIO) -> None:
        self._stream, self._copy = stream, copy

    def write(self, text: str) -> int:
        self._copy.write(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
