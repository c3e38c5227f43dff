"""Writing a file so that it exists whole or not at all, whatever happens meanwhile.

The only place of the package that writes to a disk. A file is written under a temporary name in its own
folder, flushed to the disk, read back from there and compared, gets its name, and the folder is flushed: getting
the name is the commit. Where an older file is to be replaced, the new one is renamed; where none may be there, it is
linked, because a rename replaces a file silently. `flush` and `close` of HDF5 promise none of this, so segments arrive
here as finished bytes.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import itertools
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import xxhash

from cache.errors import StorageFailed

TEMPORARY = ".tmp-"
_PART = ".part"  # no listing of finished files may match a file that is being written
_STALE_SECONDS = 24 * 3600  # a temporary file of another machine is given up after a day
_READ_BLOCK = 8 << 20

_WAYS_OUT = {
    errno.ENOSPC: "the disk is full: free some space, then run the same command again",
    errno.EDQUOT: "the disk quota is used up: free some space, then run the same command again",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EACCES: "permission is denied: change who may use it, or choose another folder",
    errno.EPERM: "permission is denied: change who may use it, or choose another folder",
    errno.EIO: "the disk reports an input/output error: check it before you go on",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n), or compact the cache",
    errno.ENOENT: "there is no such file or folder: check the name",
    errno.EEXIST: "it is a file, and a folder is needed: choose another name",
    errno.EISDIR: "it is a folder: name a file",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.ENOTDIR: "a part of the path is not a folder: choose another folder",
}

# what file systems without hard links answer (FAT, some network file systems)
_NO_LINKS = {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
_COUNTER = itertools.count()

Chunk = bytes | memoryview


def temporary_of(path: Path) -> Path:
    """A name under which this process, and none of its other threads, writes a file before it gets its own."""
    writer = f"{socket.gethostname()}~{os.getpid()}~{next(_COUNTER)}"
    return path.with_name(f"{TEMPORARY}{writer}~{path.name}{_PART}")


def write_atomic(path: Path, chunks: Sequence[Chunk]) -> None:
    """Write `chunks` one after the other as the new content of `path`.

    Raises
    ------
    StorageFailed
        The file system refused, or what lies on the disk is not what was written. `path` is whole: as it was
        before or, where only the last flush of the folder failed, as it was to become.
    """
    with _written(path, chunks) as temporary:
        os.rename(temporary, path)  # the commit
        sync_folder(path.parent)


def create(path: Path, chunks: Sequence[Chunk]) -> bool:
    """Write `chunks` as a new file, unless the name is taken; whether it was free.

    In both cases the name is on the disk when this returns. Of several that create one name at the same moment, one
    is answered True, and its bytes stay; only on a file system without hard links can a later one replace it.

    Raises
    ------
    StorageFailed
        The file system refused, or what lies on the disk is not what was written. `path` is whole, or not there.
    """
    with _clear_errors(path):
        if path.exists():
            settle(path.parent)  # the process that made it may have died before the flush
            return False
    with _written(path, chunks) as temporary:
        made = _link(temporary, path)
        sync_folder(path.parent)
        return made


@contextlib.contextmanager
def _written(path: Path, chunks: Sequence[Chunk]) -> Iterator[Path]:
    """A temporary file beside `path` with its new content, flushed and read back; it is gone afterwards."""
    temporary = temporary_of(path)
    with _clear_errors(path):
        try:
            _write_synced(temporary, chunks)
            _compare(temporary, chunks)
            yield temporary
        finally:
            with contextlib.suppress(OSError):  # renamed, or to be swept later
                os.unlink(temporary)


def _link(temporary: Path, path: Path) -> bool:
    """Give a finished file its name as well, unless the name is taken; whether it was free."""
    try:
        os.link(temporary, path)  # the commit
    except FileExistsError:
        return temporary.samefile(path)  # NFS may carry out a call twice, and answer for the second
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            return False
        os.rename(temporary, path)
    return True


def commit(temporary: Path, path: Path) -> None:
    """Give a file that another library wrote its final name, after flushing it to the disk.

    Raises
    ------
    StorageFailed
        The file system refused; `path` is as it was before.
    """
    with _clear_errors(path):
        handle = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        os.rename(temporary, path)
        sync_folder(path.absolute().parent)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, and flush their names to the disk, also where a process that died made them.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    with _clear_errors(path):
        missing = [p for p in (path, *path.parents) if not p.exists()]
        path.mkdir(parents=True, exist_ok=True)
        for made in (*missing, path):
            sync_folder(made.absolute().parent)


def settle(*folders: Path) -> None:
    """Flush the names in some folders to the disk: a process may have died between a rename and its flush.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    for folder in folders:
        with _clear_errors(folder), contextlib.suppress(FileNotFoundError):
            sync_folder(folder)


def remove(path: Path) -> None:
    """Remove a file; it is no error if there is none, also where nothing may be removed."""
    if not os.path.lexists(path):
        return  # a file system that is read-only says so before it looks
    with _clear_errors(path), contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def remove_folder(path: Path) -> None:
    """Remove a folder in which there are no files, with the empty folders in it; stays where there are some."""
    below = sorted((p for p in path.rglob("*") if p.is_dir()), reverse=True)
    for folder in (*below, path):
        with contextlib.suppress(OSError):  # files came into it meanwhile
            folder.rmdir()
    settle(path.absolute().parent)


def move(path: Path, target: Path) -> None:
    """Rename a file within its file system, and flush both folders; it is no error if the file is gone already."""
    make_folder(target.parent)
    with _clear_errors(target), contextlib.suppress(FileNotFoundError):
        os.rename(path, target)
        sync_folder(path.parent)
        sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems can't sync folders
            raise
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what writers that died left under temporary names, at any depth; those of living writers stay."""
    _remove_abandoned(folder.rglob(f"{TEMPORARY}*{_PART}"))


def sweep_beside(path: Path) -> None:
    """Remove what writers of one file left beside it when they died."""
    _remove_abandoned(path.parent.glob(f"{TEMPORARY}*~{glob.escape(path.name)}{_PART}"))


def _remove_abandoned(temporaries: Iterable[Path]) -> None:
    for leftover in temporaries:
        if _is_abandoned(leftover):
            with contextlib.suppress(OSError):
                os.unlink(leftover)


def read_blocks(path: Path, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
    """The bytes `offset .. offset + length` of a file in blocks of a few megabytes; fewer where it is cut."""
    rest = sys.maxsize if length is None else length
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        while rest > 0 and (block := file.read(min(_READ_BLOCK, rest))):
            rest -= len(block)
            yield block


def checksum(blocks: Iterable[Chunk]) -> str:
    """XXH3 (128 bits) of blocks, as hexadecimal digits."""
    state = xxhash.xxh3_128()
    for block in blocks:
        state.update(block)
    return state.hexdigest()


def _write_synced(path: Path, chunks: Sequence[Chunk]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        for chunk in chunks:
            rest = memoryview(chunk).cast("B")
            while rest:
                written = os.write(handle, rest)
                if not written:
                    raise OSError(errno.EIO, "the file system takes no more bytes")
                rest = rest[written:]
        os.fsync(handle)
        if hasattr(os, "posix_fadvise"):
            # drop the written pages, so that reading back asks the disk and not the memory
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def _compare(path: Path, chunks: Sequence[Chunk]) -> None:
    size = sum(memoryview(chunk).nbytes for chunk in chunks)
    if path.stat().st_size != size or checksum(read_blocks(path, 0, size)) != checksum(chunks):
        raise OSError(errno.EIO, "what was read back is not what was written")


def _is_abandoned(temporary: Path) -> bool:
    host, _, rest = temporary.name.removeprefix(TEMPORARY).partition("~")
    try:
        if host == socket.gethostname():
            os.kill(int(rest.partition("~")[0]), 0)
            return False
        return time.time() - temporary.stat().st_mtime > _STALE_SECONDS
    except (ProcessLookupError, FileNotFoundError, ValueError, OverflowError):  # or a number that no process can have
        return True
    except PermissionError:
        return False  # alive, and somebody else's


@contextlib.contextmanager
def clear_reading(path: Path) -> Iterator[None]:
    """What the file system refuses to read becomes one sentence."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(f"can't read {str(path)!r}: {way_out(error)}") from error


@contextlib.contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"can't write {str(path)!r}: {way_out(error)}; everything finished so far is kept"
        ) from error


def way_out(error: OSError) -> str:
    """What the file system refused, and what to do about it; what it says itself where no way out is known."""
    return _WAYS_OUT.get(error.errno or 0, f"{error.strerror or error}")
