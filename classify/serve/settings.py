"""What a service is allowed and how much, in one place."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from classify.errors import ServeError
from classify.serve.fetching import FetchLimits
from classify.serve.tokens import WRONG_TOKEN, fits_a_header


@dataclass(frozen=True)
class ServeSettings:
    """How a service is reached and what it gives away.

    Parameters
    ----------
    host : str
    port : int
        0 takes a free one.
    allow_urls : bool
        Whether pictures are fetched from addresses.
    fetching : FetchLimits
    token : str
        Who asks for predictions must show it; "" asks for none.
    insecure : bool
        Serve other machines without a token.
    names : frozenset of str
        Host names, beside localhost and plain numbers, under which the service may be asked.
    rate : int
        Requests a minute that each client may make; 0 for any number.
    waiting : int
        Pictures that may wait or be worked on; who comes after gets 503.
    seconds : float
        From the first byte of a request to its answer.
    max_body : int
        Bytes of a request.
    max_memory : int
        Bytes of all requests that are being read or wait.
    max_pictures : int
        Of a request.

    Raises
    ------
    ServeError
        Other machines would be served without a token.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    allow_urls: bool = False
    fetching: FetchLimits = field(default_factory=FetchLimits)
    token: str = ""
    insecure: bool = False
    names: frozenset[str] = frozenset()
    rate: int = 0
    waiting: int = 64
    seconds: float = 30.0
    max_body: int = 32_000_000
    max_memory: int = 512_000_000
    max_pictures: int = 16

    def __post_init__(self) -> None:
        if not self.on_loopback and not self.token and not self.insecure:
            raise ServeError(
                f"--host {self.host} lets other machines ask: give --token with a secret that they must show, or "
                "--insecure if everybody may"
            )
        if not fits_a_header(self.token):
            raise ServeError(WRONG_TOKEN)

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can ask."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, by its usual name or any of its numbers."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
