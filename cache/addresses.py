"""What is an address, as of an object store or of the web, and what is a path on this machine."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)  # RFC 3986, section 3.1; one letter is a drive


def scheme_of(place: object) -> str:
    """How an address begins; empty for all else, also for a `Path`, in which an address would lose a slash.

    Examples
    --------
    >>> scheme_of("S3://museum/features"), scheme_of("museum/features"), scheme_of("C://museum")
    ('s3', '', '')
    """
    found = _ADDRESS.match(place) if isinstance(place, str) else None
    return found[1].lower() if found else ""
