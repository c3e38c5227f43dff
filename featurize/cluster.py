"""A Ray cluster: joining it, or starting one here. Ray (extra `ray`) is imported when it is used."""

from __future__ import annotations

import logging
import os
import re
import socket
from typing import Any

from featurize.errors import FeaturizeError

_WAY_OUT = (
    "give the address that `ray start --head` printed, ray://HOST:10001 where its client port is meant, or --ray alone"
)
_PATIENCE = 10.0  # seconds for an answer
_SETTINGS = b"\x04"  # RFC 9113, sections 3.4 and 4.1: both sides of HTTP/2, so of gRPC, begin with a frame of this type
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + _SETTINGS + bytes(5)
_HOST = re.compile(r"(?:ray://)?\[?(?P<host>[^/]+?)\]?:(?P<port>\d{1,5})/?")


def connected(address: str) -> Any:
    """The module `ray`, connected to a cluster.

    Parameters
    ----------
    address : str
        Of the cluster; "auto" takes the one that RAY_ADDRESS names or that runs here, and starts one here otherwise.

    Raises
    ------
    FeaturizeError
        Ray is not installed, or the cluster can't be reached.
    """
    if not address.removeprefix("ray://").strip():
        raise FeaturizeError(
            f"{address!r} is no address of a Ray cluster: give one such as HOST:6379 or ray://HOST:10001, or --ray "
            "alone"
        )
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    os.environ.setdefault("RAY_worker_niceness", "0")  # in a cluster that is started here; Ray's 15 is the last in line
    try:
        import ray
    except ImportError as error:
        raise FeaturizeError("Ray is not installed: `pip install 'artstyle[ray]'`") from error
    _knock(os.environ.get("RAY_ADDRESS", "") if address == "auto" else address)
    try:
        ray.init(
            None if address == "auto" else address,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, TimeoutError, ValueError, RuntimeError) as error:
        said = " ".join(str(error).split())[:200]
        raise FeaturizeError(f"the Ray cluster {address!r} can't be reached: {said}; {_WAY_OUT}") from error
    return ray


def _knock(address: str) -> None:
    """See that what answers at HOST:PORT can be Ray: it would wait for minutes itself, and then end this process."""
    found = _HOST.fullmatch(address.strip())
    if not found:
        return  # "auto", "local" and the like, or what Ray refuses at once
    try:
        with socket.create_connection((found["host"], int(found["port"])), _PATIENCE) as line:
            line.sendall(_HELLO)
            answer = line.recv(4)
    except (OSError, OverflowError, UnicodeError) as error:
        raise FeaturizeError(
            f"the Ray cluster {address!r} can't be reached: nobody answers there ({error}); {_WAY_OUT}"
        ) from error
    if answer[3:] != _SETTINGS:
        raise FeaturizeError(f"what answers at {address!r} is no Ray cluster: {_WAY_OUT}")
