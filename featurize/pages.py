"""Pages for people: the templates of a package, filled in, with their style sheet inside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup


def render(
    package: str,
    template: str,
    facts: Mapping[str, Any],
    filters: Mapping[str, Callable[..., Any]],
    sheet: str = "",
) -> str:
    """A template of a package, filled in.

    Parameters
    ----------
    package : str
        A package with a folder `templates`. Templates that all pages may include lie in `featurize/templates`:
        `glossary.html`, what the words mean.
    template : str
        The file's name; in `.html` files, what is filled in is escaped.
    facts : mapping
        What the template speaks of; a fact that is missing is an error.
    filters : mapping
        Functions for the template, by name, beside Jinja's own and `code`: commands between backticks as code.
    sheet : str
        The package whose style sheet becomes the fact `style`; by default the same.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape

    from featurize.glossary import glossary

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("featurize")]),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update({"code": _with_code, **filters})
    style = (files(sheet or package) / "templates" / "style.css").read_text("utf-8")
    return environment.get_template(template).render(style=style, glossary=glossary(), **facts)


def _with_code(text: str) -> Markup:
    """A sentence in which commands stand between backticks."""
    from markupsafe import Markup, escape

    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(Markup("<code>%s</code>") % part if n % 2 else part for n, part in enumerate(parts))
