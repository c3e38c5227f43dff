"""Fetching a file of weights once, checked by the hash in its name."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from featurize.errors import WeightsError
from featurize.networks.weights_file import file_digest

MIRROR_VARIABLE = "ARTSTYLE_WEIGHTS_MIRROR"
_TIMEOUT = 20  # seconds until a server that does not answer counts as out of reach


def download(source: str, folder: Path, digest: str) -> Path:
    """The file at an address, from a folder where it was kept, or fetched into it.

    Parameters
    ----------
    source : str
        The address; its last part is the file's name. Where the environment names a mirror, that is asked instead.
    folder : Path
    digest : str
        The first digits of the file's sha256.

    Raises
    ------
    WeightsError
        It can't be downloaded, or an earlier download is damaged.
    """
    name = source.rpartition("/")[2]
    target = folder / name
    if target.exists():
        if file_digest(target).startswith(digest):
            return target
        raise WeightsError(f"{str(target)!r} is not the published file (its sha256 differs): delete it and try again")
    mirror = os.environ.get(MIRROR_VARIABLE)
    url = f"{mirror.rstrip('/')}/{name}" if mirror else source
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _fetch(url, target, digest)
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"the weights {name} can't be downloaded from {url} ({error}): with a connection try again, or get the "
            f"file elsewhere and pass it with --weights FILE, or set {MIRROR_VARIABLE} to a server that has it, or use "
            "--weights random for an untrained backbone"
        ) from error
    return target


def _fetch(url: str, target: Path, digest: str) -> None:
    import torch

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT)
    try:
        torch.hub.download_url_to_file(url, str(target), hash_prefix=digest, progress=sys.stderr.isatty())
    finally:
        socket.setdefaulttimeout(before)
