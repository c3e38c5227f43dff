"""A real browser, for the tests that look at pages as people do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTHS = (1280, 390)  # a laptop, a phone
THEMES = ("light", "dark")

# pictures that show nothing or have no text; one that waits until somebody scrolls there is missing on paper
BROKEN = """async () => {
  const images = [...document.images];
  await Promise.all(images.filter(i => i.loading != 'lazy').map(i => i.decode().catch(() => 0)));
  return images.filter(i => !i.naturalWidth || !i.hasAttribute('alt')).map(i => i.src.slice(0, 60));
}"""

# pixels that lie beside the window, or, of a table that is to fit, beside its frame
TOO_WIDE = """() => Math.max(
  document.documentElement.scrollWidth - window.innerWidth,
  ...[...document.querySelectorAll('table.narrow')].map(t => t.offsetWidth - t.parentElement.clientWidth),
)"""

# contrast of every text with what is behind it, by the formula of WCAG 2.2; only opaque backgrounds count
PALE = """() => {
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length && (c.length < 4 || c[3] > .99)) return c;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('body *')]
    .filter(e => !e.closest('svg') && e.offsetParent && [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()))
    .map(e => [e.textContent.trim().slice(0, 40), light(parse(getComputedStyle(e).color)), light(behind(e))])
    .map(([text, a, b]) => [text, (Math.max(a, b) + .05) / (Math.min(a, b) + .05)])
    .filter(([, ratio]) => ratio < 3);
}"""


@dataclass
class Seen:
    """What a browser made of a page.

    Attributes
    ----------
    too_wide : pixels by which the page is wider than the window, or a table meant to be narrow than its frame
    broken : sources of pictures that show nothing, and ids of pictures without a text
    pale : texts with a contrast under 3 to what is behind them, with it
    asked : addresses that were asked for, other than the page and what it holds
    said : errors on the console
    """

    width: int
    theme: str
    too_wide: int
    broken: list[str]
    pale: list[tuple[str, float]]
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@contextmanager
def browser() -> Iterator[Any]:
    """A browser without a window; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium here")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


def look_at(page: Path) -> list[Seen]:
    """Open a page in every width and theme."""
    found = []
    with browser() as started:
        for width in WIDTHS:
            for theme in THEMES:
                sheet = started.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
                asked: list[str] = []
                said: list[str] = []
                sheet.on("request", lambda request, asked=asked: asked.append(request.url))
                sheet.on("console", lambda line, said=said: said.append(line.text) if line.type == "error" else None)
                sheet.on("pageerror", lambda error, said=said: said.append(str(error)))
                sheet.goto(page.as_uri())
                found.append(
                    Seen(
                        width,
                        theme,
                        sheet.evaluate(TOO_WIDE),
                        sheet.evaluate(BROKEN),
                        sheet.evaluate(PALE),
                        [url for url in asked if not url.startswith("data:") and url != page.as_uri()],
                        said,
                    )
                )
                sheet.close()
    return found


def assert_good_to_read(page: Path) -> None:
    """No side-scrolling, no empty picture, no pale text, no network, no errors; in all widths and themes."""
    for seen in look_at(page):
        where = f"{page.name} at {seen.width}, {seen.theme}"
        assert seen.too_wide <= 0, f"{where}: by {seen.too_wide} pixels"
        assert [*seen.broken, *seen.pale, *seen.asked, *seen.said] == [], where
