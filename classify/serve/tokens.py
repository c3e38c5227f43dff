"""Which secrets a service and its clients can carry in a header."""

from __future__ import annotations

WRONG_TOKEN = "--token takes letters, digits and signs without spaces, as a header can carry them"


def fits_a_header(token: str) -> bool:
    """Whether a secret, or none, can stand in a header: printable ASCII without spaces (RFC 6750, section 2.1)."""
    return token.isascii() and " " not in token and (token.isprintable() or not token)
