"""What was found and done on the way from a source to a table, told to the user and kept beside the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """One kind of observation.

    Parameters
    ----------
    text : str
        What was found; reads on after the count, as in "names matched after ignoring case".
    count : int
    examples : sequence of str
        All of them; the screen shows the first few.
    """

    text: str
    count: int
    examples: Sequence[str] = ()
