"""The pages of a service, filled in for each request; style sheet and script beside them, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from starlette.responses import Response

from classify.errors import Refusal
from classify.report.card import head_facts
from classify.serve.heads import ServedHead
from classify.serve.settings import ServeSettings
from featurize import pages
from featurize.wording import percent, plain

_TYPES = {"style.css": "text/css", "page.js": "text/javascript"}


def front(heads: Mapping[str, ServedHead], settings: ServeSettings) -> str:
    """The page for people."""
    shown = [
        {
            "name": name,
            "facts": head_facts(head.predictor.saved),
            "coverage": head.predictor.coverage,
            "explain": head.explain is not None,
            "similar": head.similar is not None,
        }
        for name, head in heads.items()
    ]
    return _render("front.html", heads=shown, settings=settings)


def docs(document: Mapping[str, Any]) -> str:
    """The description for programs, for people who write them."""
    return _render("docs.html", api=document)


@cache
def _asset(name: str) -> bytes:
    return (files("classify.serve") / "templates" / name).read_bytes()


def static(name: str) -> Response:
    """A style sheet or script.

    Raises
    ------
    Refusal
        There is none of that name.
    """
    if name not in _TYPES:
        raise Refusal(404, "not_found", "there is nothing under this path: see /docs")
    return Response(_asset(name), media_type=_TYPES[name], headers={"Cache-Control": "no-cache"})


def _render(template: str, **facts: Any) -> str:
    return pages.render("classify.serve", template, facts, {"plain": plain, "percent": percent})
