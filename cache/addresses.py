"""What is an address, as of an object store or of the web, and what is a path on this machine."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)  # RFC 3986, section 3.1; one letter is a drive


_SLIPPED = re.compile(r"(s3a?|gs|az|abfss?|https?|hf):/*(?=[^/])", re.IGNORECASE)


def meant_address(place: object) -> str:
    """The address that a path was meant to be, where it is one but for its slashes; else empty.

    Examples
    --------
    >>> meant_address("s3:/museum/features"), meant_address("museum/s3:/features"), meant_address("s3://museum")
    ('s3://museum/features', '', '')
    """
    found = _SLIPPED.match(str(place))
    return _SLIPPED.sub(r"\1://", str(place), count=1) if found and not scheme_of(place) else ""


def scheme_of(place: object) -> str:
    """How an address begins; empty for all else, also for a `Path`, in which an address would lose a slash.

    Examples
    --------
    >>> scheme_of("S3://museum/features"), scheme_of("museum/features"), scheme_of("C://museum")
    ('s3', '', '')
    """
    found = _ADDRESS.match(place) if isinstance(place, str) else None
    return found[1].lower() if found else ""
