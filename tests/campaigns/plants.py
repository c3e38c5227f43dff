"""Known mistakes, put into the code to show that a campaign finds them: name -> what to break.

Each is planted in the process that forks all others, and stays until it ends.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cache import files
from cache.plan import Plan
from cache.segments import compact, segment, spans
from cache.segments.listing import Segments
from featurize.exchange import export
from featurize.run import plans


class _System:
    """The module `os` with some calls replaced."""

    def __init__(self, **replaced: Callable[..., Any]) -> None:
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def _patch(module: object, name: str, value: object) -> None:
    setattr(module, name, value)


def no_fsync() -> None:
    """The bytes of a file are not flushed before it gets its name."""
    _patch(files, "os", _System(fsync=lambda handle: None))


def no_folder_fsync() -> None:
    """The folder is not flushed after a rename."""
    _patch(files, "sync_folder", lambda folder: None)


def no_settling() -> None:
    """Names that a killed process left unflushed are relied on."""
    _patch(files, "settle", lambda *folders: None)


def rename_first() -> None:
    """A file gets its name before its bytes are written."""

    def write(path: Path, chunks: Sequence[files.Chunk]) -> None:
        temporary = files.temporary_of(path)
        temporary.touch()
        temporary.rename(path)
        with path.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        files.sync_folder(path.parent)

    def create(path: Path, chunks: Sequence[files.Chunk]) -> bool:
        if path.exists():
            return False
        write(path, chunks)
        return True

    _patch(files, "write_atomic", write)
    _patch(files, "create", create)


def no_checksum() -> None:
    """Checksums are not compared."""
    _patch(spans, "_check", lambda bucket, name, span, blocks: None)


def varying_batch() -> None:
    """What is left is cut into batches anew, of a size that depends on how much it is."""

    def plan(ids: Any, recipes: Any, batch_size: int, segment_batches: int) -> Plan:
        return Plan(ids, recipes, batch_size if len(ids) % 32 == 0 else 1, segment_batches)

    _patch(plans, "Plan", plan)
    _patch(plans, "unfinished", lambda artifacts, among: [])


def delete_first() -> None:
    """Compaction deletes the originals before the merged segment is there."""
    merge = compact._merge

    def merge_and_delete(group: Sequence[segment.Segment]) -> Any:
        merged = merge(group)
        for old in group:
            old.bucket.delete(old.name)
        return merged

    _patch(compact, "_merge", merge_and_delete)


def raw_errors() -> None:
    """What the file system says is passed on as it is."""

    @contextlib.contextmanager
    def nothing(path: Path) -> Iterator[None]:
        yield

    _patch(files, "_clear_errors", nothing)


def no_retry() -> None:
    """A reader does not look again when segments were merged under it."""
    _patch(Segments, "steadily", lambda self, read: read())


def shared_temporary() -> None:
    """All writers use one temporary name."""
    _patch(files, "temporary_of", lambda path: path.with_name(f"{files.TEMPORARY}{path.name}.part"))


def no_sweep() -> None:
    """Temporary files of the dead are left lying."""
    for module in (files, export.files):
        _patch(module, "sweep", lambda folder: None)
        _patch(module, "sweep_beside", lambda path: None)


PLANTS: dict[str, Callable[[], None]] = {
    "no-fsync": no_fsync,
    "no-folder-fsync": no_folder_fsync,
    "no-settling": no_settling,
    "rename-first": rename_first,
    "no-checksum": no_checksum,
    "varying-batch": varying_batch,
    "delete-first": delete_first,
    "raw-errors": raw_errors,
    "no-retry": no_retry,
    "shared-temporary": shared_temporary,
    "no-sweep": no_sweep,
}
