"""The page in a real browser: every way to give a picture, what it shows, and who can use it."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from classify.serve.heads import ServedHead, Similar
from classify.serve.settings import ServeSettings
from tests.browser import BROKEN, PALE, THEMES, TOO_WIDE, WIDTHS, browser
from tests.classify.serve import rooms
from tests.classify.serve.running import Running, make_heads, serving

THUMBNAIL = "data:image/png;base64," + base64.b64encode(rooms.picture(3)).decode()
TRANSFER = """([type, name, data]) => {
  const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type: 'image/png'}));
  const event = type === 'paste' ? new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true})
                                 : new DragEvent('drop', {dataTransfer: transfer, bubbles: true});
  document.querySelector('#files').dispatchEvent(event);
}"""


def with_extras(heads: dict[str, ServedHead]) -> dict[str, ServedHead]:
    """The first head shows a heatmap and similar paintings, too."""
    first = heads["first"]
    similar = [
        Similar("water-lilies.jpg", 0.93, "Claude Monet", "1906", "Impressionism", THUMBNAIL),
        Similar("unknown.jpg", 0.9),
    ]
    extras = {"explain": lambda data, label: rooms.picture(9), "similar": lambda data, row, count: similar[:count]}
    return {**heads, "first": ServedHead(first.name, first.predictor, first.room, **extras)}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serving(ServeSettings(port=0, allow_urls=True), with_extras(make_heads())) as service:
        yield service


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    path = tmp_path / "painting.png"
    path.write_bytes(rooms.picture(1, (300, 200)))
    return path


class Sheet:
    """A page that is open, and everything that must not happen while it is."""

    def __init__(self, chromium: Any, running: Running, **options: Any) -> None:
        self.running = running
        self.context = chromium.new_context(**options)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda line: self.said.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def __enter__(self) -> Any:
        self.page.goto(self.running.address)
        return self.page

    def __exit__(self, kind: object, *_: object) -> None:
        foreign = [url for url in self.asked if not url.startswith((self.running.address, "blob:", "data:"))]
        self.context.close()
        if kind is None:
            assert [*foreign, *self.said] == []


def test_a_chosen_picture_is_shown_with_its_answer(chromium: Any, running: Running, painting: Path) -> None:
    """What stands on the page are the service's own figures."""
    expected = running.predict(painting.read_bytes()).json()["pictures"][0]["predictions"]
    with Sheet(chromium, running) as page:
        page.set_input_files("#choose", painting)
        page.wait_for_selector(".card .bars li")
        assert [b.inner_text() for b in page.query_selector_all(".bars b")] == [
            p["label"].replace("_", " ") for p in expected
        ]
        share = page.inner_text(".bars li span span")
        assert float(share.split()[0]) == pytest.approx(100 * expected[0]["probability"], abs=0.5)
        width = page.evaluate("document.querySelector('.bars i').style.width")
        assert float(width.rstrip("%")) == pytest.approx(100 * expected[0]["probability"], abs=0.01)
        assert expected[0]["label"].replace("_", " ") in page.inner_text("#status")
        assert page.get_attribute(".card .given", "alt") == "The picture that was given: painting.png"
        assert "Claude Monet, 1906, Impressionism" in page.inner_text(".similar")
        assert not page.is_visible(".heat")
        page.click(".where button")
        page.wait_for_selector(".heat")
        given, heat = (page.locator(f".card {name}").bounding_box() for name in (".given", ".heat"))
        assert heat["height"] == pytest.approx(given["height"] * 224 / 256, rel=0.02), (
            "the square that the network sees"
        )
        assert heat["width"] == pytest.approx(heat["height"], rel=0.02)
        assert heat["x"] + heat["width"] / 2 == pytest.approx(given["x"] + given["width"] / 2, abs=1)
        page.locator(".slider input").fill("20")
        assert page.evaluate("document.querySelector('.heat').style.opacity") == "0.2"
        assert "Untrained network" in page.inner_text(".banner")
        assert "31.0" in page.inner_text(".about")


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_a_picture_can_be_pasted_and_dropped(chromium: Any, running: Running, way: str) -> None:
    with Sheet(chromium, running) as page:
        page.evaluate(TRANSFER, [way, "a.png", base64.b64encode(rooms.picture(2)).decode()])
        page.wait_for_selector(".card .bars li")


def test_a_phone_offers_its_camera(chromium: Any, running: Running, painting: Path) -> None:
    with Sheet(chromium, running, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}) as page:
        assert page.is_visible("label[for=camera]")
        assert page.get_attribute("#camera", "capture") == "environment"
        page.set_input_files("#camera", painting)
        page.wait_for_selector(".card .bars li")


def test_the_keyboard_reaches_everything(chromium: Any, running: Running, painting: Path) -> None:
    with Sheet(chromium, running) as page:
        page.set_input_files("#choose", painting)
        page.click(".where button")
        page.wait_for_selector(".card .slider input:visible")
        page.evaluate("document.activeElement.blur()")
        reached = []
        for _ in range(12):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("(e => e.id || e.type || e.tagName)(document.activeElement)"))
        assert {"choose", "url", "head", "range", "SUMMARY", "A"} <= set(reached)


def test_what_is_no_picture_is_said_on_its_card(chromium: Any, running: Running, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    sheet = Sheet(chromium, running)
    with sheet as page:
        page.set_input_files("#choose", tmp_path / "notes.png")
        page.wait_for_selector(".card.failed")
        assert "no picture format is recognised" in page.inner_text(".card.failed")
        assert "No answer" in page.inner_text("#status")
        assert all("422" in line for line in sheet.said), "the browser notes the status by itself"
        sheet.said.clear()


def test_an_address_leads_to_a_sentence_where_it_is_forbidden(chromium: Any, running: Running) -> None:
    sheet = Sheet(chromium, running)
    with sheet as page:
        page.fill("#url", "http://127.0.0.1/a.jpg")
        page.click("#address button")
        page.wait_for_selector(".card.failed")
        assert "public internet" in page.inner_text(".card.failed")
        sheet.said.clear()


def test_the_secret_behind_the_address_is_used_and_does_not_stay_in_it(chromium: Any, painting: Path) -> None:
    with serving(ServeSettings(port=0, token="s3cret")) as running:
        sheet = Sheet(chromium, running)
        with sheet as page:
            page.goto(f"{running.address}/#token=s3cret")
            page.reload()
            page.set_input_files("#choose", painting)
            page.wait_for_selector(".card .bars li")
            assert "s3cret" not in page.url


QUICK = {(390, "light", "/"), (1280, "dark", "/"), (390, "dark", "/docs")}


@pytest.mark.parametrize(
    ("width", "theme", "where"),
    [
        pytest.param(*case, marks=[] if case in QUICK else pytest.mark.slow)
        for case in itertools.product(WIDTHS, THEMES, ("/", "/docs"))
    ],
)
def test_everybody_can_read_it(
    chromium: Any, running: Running, painting: Path, width: int, theme: str, where: str
) -> None:
    """axe-core finds nothing; no side-scrolling, no empty picture, no pale text."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with Sheet(chromium, running, viewport={"width": width, "height": 900}, color_scheme=theme) as page:
        page.goto(running.address + where)
        if where == "/":
            page.set_input_files("#choose", painting)
            page.click(".where button")
            page.wait_for_selector(".heat")
            page.click("summary")
        found = axe.Axe().run(page).response["violations"]
        assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found] == [], json.dumps(found)[:2000]
        assert page.evaluate(TOO_WIDE) <= 0
        assert [*page.evaluate(BROKEN), *page.evaluate(PALE)] == []


def test_a_page_of_another_origin_can_not_make_the_browser_ask(chromium: Any, running: Running) -> None:
    """Neither by fetch nor by a form; the answer of the service is 403, and the page reads nothing."""
    with serving(ServeSettings(port=0)) as foreign:
        context = chromium.new_context(bypass_csp=True)
        page = context.new_page()
        page.goto(foreign.address)
        statuses: list[int] = []
        page.on("response", lambda answer: statuses.append(answer.status) if str(running.port) in answer.url else None)
        read = page.evaluate(
            """async (url) => {
              const bytes = new Uint8Array(10);
              try { return (await fetch(url, {method: 'POST', body: bytes})).status; }
              catch (error) { return 'blocked'; }
            }""",
            f"{running.address}/v1/predict",
        )
        assert read == "blocked"
        page.evaluate(
            """(url) => {
              const form = document.createElement('form');
              form.method = 'POST'; form.action = url; form.enctype = 'multipart/form-data';
              document.body.append(form); form.submit();
            }""",
            f"{running.address}/v1/predict",
        )
        page.wait_for_url(f"{running.address}/v1/predict")
        assert "wrong_origin" in page.content()
        assert set(statuses) == {403}
        context.close()
