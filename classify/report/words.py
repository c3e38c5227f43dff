"""Figures and names as a reader wants to see them."""

from __future__ import annotations

from collections.abc import Sequence

from classify.evaluation.entry import Estimate

NARROW = "\u202f"  # a space that keeps a figure and its sign together


def percent(share: float | None, digits: int = 1) -> str:
    """0.3812 -> "38.1 %"."""
    return "–" if share is None else f"{100 * share:.{digits}f}{NARROW}%"


def points(share: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{100 * share:+.1f}".replace("-", "−")


def between(estimate: Estimate | None) -> str:
    """The interval alone: "32.1–44.2 %"."""
    return "–" if estimate is None else f"{100 * estimate.low:.1f}–{100 * estimate.high:.1f}{NARROW}%"


def decimal(value: float | None, digits: int = 3) -> str:
    """0.34 -> "0.340"."""
    return "–" if value is None else f"{value:.{digits}f}"


def seconds(value: float) -> str:
    """Two significant figures and a unit that suits them."""
    if not value:
        return "–"
    if value >= 99.5:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes}{NARROW}min {rest}{NARROW}s"
    scaled, unit = (value, "s") if value >= 0.995 else (1e3 * value, "ms")
    return f"{scaled:.{0 if scaled >= 9.95 else 1}f}{NARROW}{unit}"


def size(count: int) -> str:
    """Bytes as kB, MB or GB (powers of 1000)."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB")):
        if count >= factor:
            return f"{count / factor:.1f}{NARROW}{unit}"
    return f"{count / 1e3:.0f}{NARROW}kB"


def plain(label: str) -> str:
    """A class or artist as written by people: no underscores."""
    return label.replace("_", " ")


def artist(name: str) -> str:
    """ "agnes-martin" -> "Agnes Martin"; a name that is written with capitals or spaces stays as it is."""
    if name != name.lower() or " " in name:
        return name
    return " ".join(part.capitalize() for part in name.replace("_", " ").replace("-", " ").split())


def joined(names: Sequence[str], most: int = 6) -> str:
    """ "a, b and c"; long lists end with how many more there are."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def counted(count: int, noun: str, plural: str = "") -> str:
    """ "1 picture", "2,000 pictures"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
