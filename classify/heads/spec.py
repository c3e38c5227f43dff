"""Heads as people write them: a name with options, "svm:C=3,standardize=false", or a list of such.

The only place where this text is read and written. Importing it loads neither scikit-learn nor torch; making a spec
loads the head's own module, because the head knows its options.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from classify.heads.base import Head

# name -> module under classify.heads, class in it
HEADS: dict[str, tuple[str, str]] = {
    "logreg": ("linear", "LogisticRegression"),
    "softmax": ("mlp", "SoftmaxLayer"),
    "mlp": ("mlp", "MLP"),
    "linear-svm": ("linear", "LinearSVM"),
    "svm": ("svm", "SVM"),
    "ridge": ("ridge", "Ridge"),
    "lda": ("lda", "LDA"),
    "knn": ("neighbours", "KNN"),
    "prototype": ("neighbours", "Prototype"),
    "simpleshot": ("neighbours", "SimpleShot"),
    "ensemble": ("ensemble", "Ensemble"),
}
# heads that compare with texts, which are given to them; no table of all heads has them
OF_TEXTS: dict[str, tuple[str, str]] = {"zero-shot": ("texts", "ZeroShot"), "tip-adapter": ("texts", "TipAdapter")}
ALL = "all"  # in a list: every head there is

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def head_class(kind: str) -> type[Head]:
    """The class of a head.

    Raises
    ------
    ValueError
        No head has this name; the message lists those there are.
    """
    known = {**HEADS, **OF_TEXTS}
    if kind not in known:
        raise ValueError(f"there is no head {kind!r}; choose from {', '.join(known)}")
    module, name = known[kind]
    found: type[Head] = getattr(import_module(f"classify.heads.{module}"), name)
    return found


@dataclass(frozen=True)
class HeadSpec:
    """A head with the options that somebody chose; all other options have the head's defaults, or are tuned.

    Parameters
    ----------
    kind : str
        A name in `HEADS` or `OF_TEXTS`.
    options : mapping of str to value
        What was chosen, even where it is the default.

    Raises
    ------
    ValueError
        There is no such head or option, or the value is out of bounds; the message lists what there is.

    Examples
    --------
    >>> str(HeadSpec("svm", {"standardize": False, "C": 3.0}))
    'svm:C=3,standardize=false'
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        defaults = _defaults(self.kind)
        for name in self.options:
            if name not in defaults:
                raise ValueError(f"head {self.kind!r} has no option {name!r}; choose from {', '.join(defaults)}")
        ordered = {name: self.options[name] for name in defaults if name in self.options}
        object.__setattr__(self, "options", ordered)
        self.make()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a head: "logreg", "svm:C=3,standardize=false", "ensemble:members=logreg+(svm:C=3,l2=true)".

        Raises
        ------
        ValueError
            As above, and where a value can't be read, is missing, or is given twice.
        """
        kind, _, rest = text.strip().partition(":")
        kind = kind.strip()
        defaults = _defaults(kind)
        options: dict[str, Any] = {}
        for option in _split(rest, ","):
            name, equals, value = (part.strip() for part in option.partition("="))
            if name not in defaults:
                raise ValueError(f"head {kind!r} has no option {name!r}; choose from {', '.join(defaults)}")
            if not equals or not value:
                written = _written(defaults[name])
                raise ValueError(f"option {option!r} of head {kind!r} needs a value, as in {name}={written}")
            if name in options:
                raise ValueError(f"option {name!r} of head {kind!r} is given twice in {text!r}")
            options[name] = _read(kind, name, value, defaults[name])
        return cls(kind, options)

    @classmethod
    def parse_list(cls, text: str) -> list[Self]:
        """Read heads separated by commas; "all" stands for every head there is.

        A comma before an option ("=" before any ":") belongs to the head before it.

        Examples
        --------
        >>> [str(spec) for spec in HeadSpec.parse_list("logreg,svm:C=3,standardize=false,mlp:epochs=30")]
        ['logreg', 'svm:C=3,standardize=false', 'mlp:epochs=30']
        """
        texts: list[str] = []
        for part in _split(text, ","):
            if texts and ":" in texts[-1] and "=" in part.partition(":")[0]:
                texts[-1] += "," + part
            else:
                texts.append(part)
        return [cls.parse(name) for one in texts for name in (HEADS if one == ALL else [one])]

    def __str__(self) -> str:
        options = ",".join(f"{name}={_written(value)}" for name, value in self.options.items())
        return f"{self.kind}:{options}" if options else self.kind

    def __hash__(self) -> int:
        return hash(str(self))

    def make(self, **params: Any) -> Head:
        """The unfitted head.

        Parameters
        ----------
        **params
            Values for parameters that the spec leaves open.

        Raises
        ------
        ValueError
            A value is out of bounds.
        """
        head = head_class(self.kind)(**{**params, **self.options})
        head.check_parameters()
        return head

    @property
    def of_texts(self) -> bool:
        """Whether such a head compares with texts."""
        return self.kind in OF_TEXTS

    @property
    def has(self) -> frozenset[str]:
        """Names of all parameters that such a head has."""
        return frozenset(_defaults(self.kind))

    @property
    def grid(self) -> dict[str, tuple[float, ...]]:
        """What is left to tune: the head's own grid without the options that were chosen."""
        tunable = head_class(self.kind).tunable
        return {name: values for name, values in tunable.items() if name not in self.options}


def _defaults(kind: str) -> dict[str, Any]:
    return {name: p.default for name, p in inspect.signature(head_class(kind)).parameters.items()}


def _split(text: str, separator: str) -> list[str]:
    """The parts between separators that stand outside brackets; empty ones are left out."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            break
        if letter == separator and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise ValueError(f"the brackets in {text!r} don't match: each ( needs its )")
    return [part.strip() for part in parts if part.strip()]


def _written(value: Any) -> str:
    """A value as `_read` reads it."""
    if isinstance(value, tuple | list):
        texts = isinstance(value[0] if value else 0, str)
        return "+".join(map(_bracketed, value)) if texts else "-".join(map(str, value))
    if isinstance(value, float):
        return repr(value).removesuffix(".0").replace("e+", "e").replace("e-0", "e-")
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _bracketed(member: str) -> str:
    return f"({member})" if set(member) & set(",+") else member


def _read(kind: str, name: str, text: str, default: Any) -> Any:
    """The value of an option, of the type of its default."""
    try:
        return _convert(text, default)
    except ValueError as error:
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}.get(type(default))
        if isinstance(default, tuple):
            wanted = (
                f"heads joined by + ({error})" if _holds_heads(default) else "whole numbers joined by -, as in 512-256"
            )
        raise ValueError(f"option {name}={text} of head {kind!r} can't be read: it takes {wanted}") from None


def _convert(text: str, default: Any) -> Any:
    low = text.lower()
    if isinstance(default, bool):
        if low not in _TRUE + _FALSE:
            raise ValueError(text)
        return low in _TRUE
    if isinstance(default, int):
        return int(text)
    if isinstance(default, float):
        return float(text)
    if isinstance(default, tuple):
        return _members(text) if _holds_heads(default) else tuple(int(part) for part in text.split("-") if part)
    if low == "none":
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _holds_heads(default: Sequence[Any]) -> bool:
    return isinstance(default[0], str)


def _members(text: str) -> tuple[str, ...]:
    """Heads joined by "+"; one with several options stands in brackets."""
    members = (m[1:-1] if m[0] == "(" and m[-1] == ")" else m for m in _split(text, "+"))
    return tuple(str(HeadSpec.parse(member)) for member in members)
