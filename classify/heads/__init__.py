"""The heads by name. Importing this loads neither scikit-learn nor torch; making a head loads what it needs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    "ensemble": ("ensemble", "Ensemble"),
}

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def head_class(name: str) -> type[Head]:
    """The class of a head.

    Raises
    ------
    ValueError
        Where no head has this name.
    """
    if name not in HEADS:
        raise ValueError(f"there is no head {name!r}; choose from {', '.join(HEADS)}")
    module, cls = HEADS[name]
    found: type[Head] = getattr(import_module(f"classify.heads.{module}"), cls)
    return found


def make_head(spec: str, **params: Any) -> Head:
    """An unfitted head from a name with options, as in "svm:C=3,standardize=false".

    Keyword arguments are parameters too; what the spec says goes before them.

    Raises
    ------
    ValueError
        Where the head or an option is unknown or a value can't be read.
    """
    name, _, options = spec.strip().partition(":")
    cls = head_class(name.strip())
    defaults = {key: p.default for key, p in inspect.signature(cls).parameters.items()}
    for option in filter(None, (part.strip() for part in options.split(","))):
        key, equals, text = (part.strip() for part in option.partition("="))
        if key not in defaults:
            raise ValueError(f"head {name!r} has no option {key!r}; choose from {', '.join(defaults)}")
        if not equals or not text:
            raise ValueError(f"option {option!r} of head {name!r} needs a value, as in {key}={defaults[key]}")
        params[key] = _read(name, key, text, defaults[key])
    return cls(**params)


def spec_of(name: str, params: Mapping[str, Any]) -> str:
    """The spec that makes this head again: its name, and the parameters that are not at their defaults."""
    defaults = {key: p.default for key, p in inspect.signature(head_class(name)).parameters.items()}
    parts = [f"{key}={_written(value)}" for key, value in params.items() if value != defaults[key]]
    return name + (":" + ",".join(parts) if parts else "")


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return ("+" if any(isinstance(part, str) for part in value) else "-").join(map(str, value))
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _read(name: str, key: str, text: str, default: Any) -> Any:
    """The value of an option, of the type of its default."""
    try:
        return _convert(text, default)
    except ValueError:
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}.get(type(default), "another value")
        if isinstance(default, tuple):
            wanted = "whole numbers joined by -, as in 512-256"
        raise ValueError(f"option {key}={text} of head {name!r} can't be read: it takes {wanted}") from None


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
    if isinstance(default, tuple) and isinstance(default[0], str):
        return tuple(part.strip() for part in text.split("+"))
    if isinstance(default, tuple):
        return tuple(int(part) for part in text.split("-") if part)
    if low == "none":
        return None
    try:
        return float(text)
    except ValueError:
        return text
