"""What object stores and web servers answer where they refuse or stumble: whether to ask again, and in which words.

obstore has few kinds of errors; status, code and cause are read from their texts.
"""

from __future__ import annotations

import re

from cache.errors import StorageFailed, Unreadable

_STATUS = re.compile(r"status code: (\d{3}[^:<]*)")
_DENIED = ("401", "403")
_PASSING = ("408", "409", "423", "425", "429")  # of all answers of 3xx and 4xx, those that may differ the next time
_FINAL = ("501", "505")  # of 5xx, those that will not
_NO_STATUS = "redirect without LOCATION"  # status 301 without more, as S3 answers for a bucket of another region
_REASON = re.compile(r"<Code>([^<]*)</Code>(?:.*?<Message>([^<]*)</Message>)?")  # in the body of an error
_NOISE = re.compile(r"Generic \w+ error: |Error performing (?:list request:|[A-Z]+ \S+ in \S+ -) ")
_SYSTEM = re.compile(r'message: "([^"]+)"')  # the operating system's, in obstore's notes for programmers
_WEB = ("http://", "https://")


def is_denied(error: BaseException) -> bool:
    """Whether access was refused."""
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    return _status(error) in _DENIED or isinstance(error, PermissionDeniedError | UnauthenticatedError)


def is_final(error: BaseException) -> bool:
    """Whether the next try would get the same answer."""
    status = _status(error)
    return is_denied(error) or status in _FINAL or (status[:1] in ("3", "4") and status not in _PASSING)


def lacks_bucket(error: BaseException) -> bool:
    """Whether the bucket is missing, not only the object."""
    return any(f"<Code>{code}<" in str(error) for code in ("NoSuchBucket", "ContainerNotFound"))


def refusal(where: str, error: BaseException, tries: int) -> StorageFailed:
    """The error for the user: what was answered, and the way out.

    Parameters
    ----------
    where : str
        The address.
    error : Exception
        obstore's.
    tries : int
        How often it was asked.
    """
    web = where.startswith(_WEB)
    who, said = "the web server" if web else "the store", in_short(error)
    if is_denied(error):
        clock = "look at the credentials and at the clock of this machine"
        way_out = "only what everybody may read is fetched" if web else clock
        return StorageFailed(f"{who} refuses access to {where!r}: {way_out} ({said})")
    if is_final(error):
        also = "" if web else ", and at region and endpoint in the environment"
        return StorageFailed(f"{who} refuses {where!r}: {said}; look at the address{also}")
    look = "at the address and at the network" if web else "at the network and at the endpoint in the environment"
    return Unreadable(
        f"{who} did not answer for {where!r} in {tries} tries: {said}; look {look}, then run the same command again"
    )


def in_short(error: BaseException) -> str:
    """What the store gives as the reason; else what its client says, without its notes for programmers."""
    said, _, notes = " ".join(str(error).split()).partition(" Debug source:")
    reason, status = _REASON.search(said), _STATUS.search(said)
    if reason:
        return ": ".join(filter(None, reason.groups()))
    if status:
        return f"status {status[1].strip()}"
    if '"dns error"' in notes:
        return "no host of that name is known"
    system = _SYSTEM.search(notes)
    return system[1] if system else _NOISE.sub("", said)[:200]


def _status(error: BaseException) -> str:
    """The status of HTTP, three digits; "" where there was none, or one that lies."""
    said = str(error)
    found = _STATUS.search(said)
    if _NO_STATUS in said:
        return "301"
    return found[1][:3] if found and "<Code>RequestTimeout</Code>" not in said else ""  # S3: 400
