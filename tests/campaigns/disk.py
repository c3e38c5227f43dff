"""A disk that may lose whatever was not flushed: replays a trace of calls and cuts the power.

The rules are harder than those of any real file system: what was written to a file is safe after fsync of the
file, what happened to a name (made, renamed, removed) after fsync of its folder, and of everything else any part
may have reached the disk: a prefix in the order of the calls, or any subset, the last write torn.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Call:
    """One line of a trace; `data` are the bytes written or marked."""

    what: str
    handle: int
    path: str
    target: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Step:
    """What a call does to the disk, and after which step it is safe.

    Parameters
    ----------
    file : int
        The inode written to; -1 for a step of names.
    names : tuple of (path, inode or None)
        What names mean afterwards; inode 0 is a folder, None removes.
    offset, data
        Of a write; `data` None cuts the file at `offset`.
    call : int
        Number of the call in the trace.
    safe_after : int
        Number of the call whose fsync makes it safe; the length of the trace where there is none.
    """

    file: int
    names: tuple[tuple[str, int | None], ...]
    offset: int
    data: bytes | None
    call: int
    safe_after: int


def read_trace(path: Path) -> list[Call]:
    """The calls of a trace; a last one that was cut by a kill is left out."""
    raw, calls, at = path.read_bytes(), [], 0
    while (end := raw.find(b"\n", at)) >= 0:
        what, handle, first, second, offset, size = raw[at:end].decode().split("\t")
        at = end + 1
        data = raw[at : at + int(size)]
        if len(data) < int(size):
            break
        at += int(size)
        calls.append(Call(what, int(handle), first, second, int(offset), data))
    return calls


class Disk:
    """The steps of a trace that began with some files on the disk.

    Parameters
    ----------
    calls : sequence of Call
    folder : Path
        What was traced.
    before : mapping of str to bytes
        Files that were safely there: path -> content; None for a folder.
    """

    def __init__(self, calls: Sequence[Call], before: dict[str, bytes | None]) -> None:
        self.calls = calls
        self._start = before
        self._inodes: dict[str, int] = {}
        self._content: dict[int, bytes] = {0: b""}
        for path, content in before.items():
            self._inodes[path] = 0 if content is None else self._new(content)
        self.steps = self._replay()

    def _new(self, content: bytes = b"") -> int:
        number = len(self._content)
        self._content[number] = content
        return number

    def _replay(self) -> list[Step]:
        names = dict(self._inodes)
        handles: dict[int, tuple[str, int]] = {}
        steps: list[list] = []  # type: ignore[type-arg]

        def add(file: int, parts: tuple[tuple[str, int | None], ...], offset: int, data: bytes | None) -> None:
            folders = {str(PurePosixPath(path).parent) for path, _ in parts}
            steps.append([file, parts, offset, data, number, None, folders])

        for number, call in enumerate(self.calls):
            if call.what in ("create", "empty", "open"):
                if call.what == "create":
                    names[call.path] = self._new()
                    add(-1, ((call.path, names[call.path]),), 0, None)
                elif call.what == "empty":
                    add(names[call.path], (), 0, None)
                handles[call.handle] = (call.path, names.get(call.path, 0))
            elif call.what == "write":
                add(handles[call.handle][1], (), call.offset, call.data)
            elif call.what == "truncate":
                add(handles[call.handle][1], (), call.offset, None)
            elif call.what == "mkdir":
                names[call.path] = 0
                add(-1, ((call.path, 0),), 0, None)
            elif call.what == "unlink":
                names.pop(call.path)
                add(-1, ((call.path, None),), 0, None)
            elif call.what == "link":
                names[call.target] = names[call.path]
                add(-1, ((call.target, names[call.target]),), 0, None)
            elif call.what == "rename":
                names[call.target] = names.pop(call.path)
                parts = ((call.target, names[call.target]), (call.path, None))
                add(-1, parts, 0, None)
            elif call.what == "fsync":
                self._flush(steps, *handles[call.handle], number)
        return [Step(*s[:5], len(self.calls) if s[5] is None else s[5]) for s in steps]

    @staticmethod
    def _flush(steps: list[list], path: str, inode: int, number: int) -> None:  # type: ignore[type-arg]
        for step in steps:
            if step[5] is not None:
                continue
            if step[0] >= 0:
                if step[0] == inode:
                    step[5] = number
            elif inode == 0:
                step[6].discard(path)  # a rename from folder to folder waits for both
                if not step[6]:
                    step[5] = number

    def unsafe(self, cut: int) -> list[Step]:
        """Steps that happened before the power went at call `cut`, and were not flushed."""
        return [s for s in self.steps if s.call < cut <= s.safe_after]

    def after_loss(self, cut: int, kept: Sequence[Step], torn: random.Random | None = None) -> dict[str, bytes | None]:
        """What lies on the disk afterwards: path -> content; None for a folder.

        Parameters
        ----------
        cut : int
            The power goes before this call.
        kept : sequence of Step
            Those of `unsafe(cut)` that reached the disk.
        torn : Random, optional
            Tear one of the kept writes.
        """
        names, content = dict(self._inodes), {n: bytearray(c) for n, c in self._content.items()}
        lucky = {s.call for s in kept}
        writes = [s.call for s in kept if s.data]
        tear = torn.choice(writes) if torn and writes else -1
        for step in self.steps:
            if step.call >= cut or (step.safe_after >= cut and step.call not in lucky):
                continue
            for name, inode in step.names:
                if inode is None:
                    names.pop(name, None)
                else:
                    names[name] = inode
            if step.file > 0:
                self._write(content[step.file], step, torn if step.call == tear else None)
        return self._reachable(names, content)

    @staticmethod
    def _write(content: bytearray, step: Step, torn: random.Random | None) -> None:
        if step.data is None:
            del content[step.offset :]
            content.extend(bytes(step.offset - len(content)))
            return
        data = step.data[: torn.randrange(len(step.data))] if torn else step.data
        content.extend(bytes(max(0, step.offset - len(content))))
        content[step.offset : step.offset + len(data)] = data

    def _reachable(self, names: dict[str, int], content: dict[int, bytearray]) -> dict[str, bytes | None]:
        root = min((*names, *(c.path for c in self.calls if c.what == "mkdir")), key=len, default="")
        top = str(PurePosixPath(root).parent)
        reached: dict[str, bytes | None] = {}
        for name in sorted(names, key=len):
            parent = str(PurePosixPath(name).parent)
            if parent == top or (parent in reached and reached[parent] is None):
                reached[name] = None if names[name] == 0 else bytes(content[names[name]])
        return reached


def files_of(folder: Path) -> dict[str, bytes | None]:
    """A folder's files as a disk begins with them, the folder itself included."""
    if not folder.exists():
        return {}
    return {str(p): None if p.is_dir() else p.read_bytes() for p in (folder, *folder.rglob("*"))}


def lay_out(found: dict[str, bytes | None]) -> None:
    """Write what lay on the disk into the file system."""
    for name in sorted(found, key=len):
        content = found[name]
        if content is None:
            Path(name).mkdir(parents=True, exist_ok=True)
        else:
            Path(name).write_bytes(content)
