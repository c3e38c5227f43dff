"""From a path in the dataset table to a picture's pixels, with its identity checked on the way."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from featurize.errors import Undecodable
from featurize.pictures import archives, decoder_processes, remote
from featurize.pictures.squares.views import Shown
from featurize.pictures.transform import Pixels
from featurize.reasons import Reason


@dataclass(frozen=True)
class Picture:
    """A picture file as the dataset table knows it; it may lie inside an archive (see `featurize.pictures.archives`).

    Parameters
    ----------
    id : str
        sha256 of the file's bytes, 64 hexadecimal digits; empty for a file that no table speaks of.
    path : Path
    size : int
        Bytes, -1 where unknown.
    mtime_ns : int
        Modification time in nanoseconds, of the archive for a picture inside one; -1 where unknown.
    """

    id: str
    path: Path
    size: int = -1
    mtime_ns: int = -1

    def trouble(self) -> Undecodable | None:
        """Why the file is not the one the table speaks of: by size and time, by content where these differ.

        What lies at an address is not asked for here: its content is compared when it is fetched.
        """
        if remote.address_of(self.path):
            return None
        with contextlib.suppress(OSError):
            size, changed = archives.facts(self.path)
            if changed == self.mtime_ns and size in (self.size, -1):
                return None
        return self.reread()

    def reread(self) -> Undecodable | None:
        """Why the file's content, read now, is not the one that the id names; None where it is."""
        try:
            return None if digest(read(self.path, self.size)) == self.id else Undecodable(Reason.CHANGED)
        except Undecodable as why:
            return why


def read(path: Path, size: int = -1) -> bytes:
    """A picture file's bytes, wherever it lies.

    Parameters
    ----------
    path : Path
    size : int
        Bytes that what lies at an address must have; -1 where not known.

    Raises
    ------
    Undecodable
        With reason MISSING, UNREADABLE, NOT_A_FILE, NOT_FETCHED, or CHANGED.
    """
    address = remote.address_of(path)
    if address:
        return remote.fetch(address, size)
    place = archives.inside(path)
    if place:
        return archives.read_inside(place)
    try:
        if stat.S_ISFIFO(path.stat().st_mode):
            raise Undecodable(Reason.NOT_A_FILE, "a pipe")  # it would be waited for without end
        return path.read_bytes()
    except FileNotFoundError as error:
        said = "a link that leads nowhere" if path.is_symlink() else ""
        raise Undecodable(Reason.MISSING, said) from error
    except IsADirectoryError as error:
        raise Undecodable(Reason.NOT_A_FILE, "a folder") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Undecodable(Reason.MISSING, "a link that leads back to itself") from error
        raise Undecodable(Reason.UNREADABLE, error.strerror or str(error)) from error


def digest(data: bytes) -> str:
    """The id of a picture file: sha256 of its bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def pixels(picture: Picture, transform: Shown, data: bytes | None = None) -> Pixels:
    """The pixels that a network sees of a picture, uint8; `data` where its bytes were read before.

    They are (crop, crop, 3), or (count, crop, crop, 3) for several views.

    Raises
    ------
    Undecodable
        The file is not the one the table speaks of, or can't be decoded.
    """
    return pixels_of(content(picture, data), transform)


def content(picture: Picture, data: bytes | None = None) -> bytes:
    """The bytes of a picture's file, read unless they are given.

    Raises
    ------
    Undecodable
        It can't be read, or is not the one the table speaks of.
    """
    if data is None:
        data = read(picture.path, picture.size)
    if picture.id and digest(data) != picture.id:
        raise Undecodable(Reason.CHANGED)
    return data


def pixels_of(data: bytes, transform: Shown) -> Pixels:
    """The same from the bytes of a file, wherever the transform has them decoded.

    Raises
    ------
    Undecodable, DecoderMissing
        As `decoder_processes.pixels_of` raises them.
    """
    if transform.decode == "gpu":
        from featurize.pictures import gpu_decoder

        return gpu_decoder.pixels_of(data, transform)
    return decoder_processes.pixels_of(data, transform)
