"""A reader finds on the first screen what to use, how often it errs and what to check, and can act on it."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from classify import compare, write_report
from classify.commands.main import cli
from classify.comparison.result import Comparison
from classify.heads import HEADS
from classify.heads.spec import OF_TEXTS
from classify.report.advice import advice, checks, uses
from classify.report.kinds import LINES, plainly
from classify.report.page import audit_commands, contents
from featurize.pictures.plates import LARGE, Plates
from tests.browser import browser
from tests.classify.worlds import make_world
from tests.conftest import save_picture


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Both questions; the table has a title and an inventory number, as a museum's has."""
    folder = tmp_path_factory.mktemp("museum")
    world = make_world(style=0.5, by_artist=1.0, artists=8, train=80, test=80, seed=2, folder=folder)
    for n in range(160):
        save_picture(folder / f"pictures/{n}.jpg", n, (90, 60))
    rows = range(160)
    world = world.relabelled(
        Inventarnr=[f"INV <{n}> & 1" for n in rows], Titel=[f"Work number {n}" for n in rows], donor=["Ms X"] * 160
    )
    return compare(
        world.table, world.cache, "simpleshot,knn:k=1", command="classify compare --dataset 'my table.csv' --key tiny"
    )


@pytest.fixture(scope="module")
def page(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(comparison, tmp_path_factory.mktemp("report"))


def test_every_kind_of_head_is_said_in_a_line() -> None:
    assert {*HEADS, *OF_TEXTS} <= set(LINES)
    assert plainly("logreg", "finetuned last") == LINES["finetuned"]


def test_the_page_says_what_each_head_does(page: Path) -> None:
    text = page.read_text("utf-8")
    for kind in ("simpleshot", "knn"):
        assert text.count(f"<li><b>{kind}</b> {LINES[kind]}</li>") == 1


def test_the_first_screen_says_what_to_use_and_how_many_of_a_hundred_are_wrong(
    comparison: Comparison, page: Path
) -> None:
    text = page.read_text("utf-8")
    first = text[: text.index("<main>")]
    for use, asked in zip(uses(comparison), comparison.asked, strict=True):
        right = asked.answer(asked.recommendation.head).interval
        assert use.head == comparison.entries[asked.recommendation.head].name
        assert (use.wrong, use.lowest, use.highest) == tuple(
            round(100 * (1 - share)) for share in (right.value, right.high, right.low)
        )
        assert f"Use <b>{use.head}</b>" in first
        assert f"<b>{use.wrong}</b> of 100" in first
    alone = uses(replace(comparison, asked=()))
    assert [use.heading for use in alone] == ["Pictures like those of the split “test”"]
    assert alone[0].head == comparison.best.name


def test_the_first_screen_has_the_command_that_makes_the_head(comparison: Comparison, page: Path) -> None:
    """With the options of the comparison, and `classify fit` takes it."""
    first = page.read_text("utf-8").partition("<main>")[0]
    codes = re.findall(r"<code>(<span>.*?)</code>", first)
    shown = [unescape(" ".join(re.findall(r"<span>(.*?)</span>", code))) for code in codes]
    assert shown == [use.command for use in uses(comparison)]
    for use, question in zip(uses(comparison), ("new", "known"), strict=True):
        program, command, *words = shlex.split(use.command)
        read = cli.commands[command].make_context(command, words)
        assert program == "classify"
        assert (read.params["spec"], read.params["question"], read.params["part"]) == (use.head, question, "all")
        assert (read.params["dataset"], read.params["key"]) == (comparison.table_path, "tiny")
        assert any(f"`{use.command}` makes it" in line for line in advice(comparison)), "on the screen, too"
    together = replace(comparison, entries=tuple(replace(e, key="a-1 + b-2") for e in comparison.entries))
    assert [(use.command, "not saved" in use.why) for use in uses(together)] == [("", True)] * 2
    typed = replace(comparison.provenance, command="classify compare --target genre --no-tune --embedding avgpool")
    words = shlex.split(uses(replace(comparison, provenance=typed))[0].command)
    assert {"--target", "genre", "--no-tune", "--embedding", "avgpool"} <= set(words)
    several = replace(typed, command="classify compare --key all")
    assert f"--key {comparison.best.key} " in uses(replace(comparison, provenance=several))[0].command
    silent = replace(comparison, provenance=replace(typed, command=""))
    assert [use.command for use in uses(silent)] == ["", ""], "called from Python"


def test_all_links_within_the_page_lead_somewhere(comparison: Comparison, page: Path) -> None:
    text = page.read_text("utf-8")
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    links = {*re.findall(r'href="#([^"]+)"', text), *re.findall(r'popovertarget="([^"]+)"', text)}
    assert links <= set(ids)
    assert {section for section, _ in contents(comparison)} <= links
    assert {check.section for check in checks(comparison)} <= links


def test_captions_have_what_the_users_table_says(comparison: Comparison, page: Path) -> None:
    text = page.read_text("utf-8")
    row = comparison.mistakes[0].row
    number = re.search(r"(\d+)\.jpg", comparison.rows[row].path)
    assert number is not None
    assert f"<b><bdi>Work number {number[1]}</bdi></b>" in text
    assert f"INV &lt;{number[1]}&gt; &amp; 1" in text
    listed = comparison.suspects.found
    assert listed
    table = text[text.index('<table class="list">') :].partition("</table>")[0]
    assert re.findall(r"<th>(\w+)</th>", table)[4:] == [
        "path", "style", "artist", "year", "Inventarnr", "Titel", "donor", "split", "size", "mtime_ns", "id"
    ]  # fmt: skip
    assert table.count("<td>Ms X</td>") == len(listed)
    order = [comparison.suspect_columns["path"][n] for n in range(len(listed))]
    assert re.findall(r"<td>(pictures/\d+\.jpg)</td>", table) == order


def test_the_confusion_matrix_has_the_counts(comparison: Comparison, page: Path) -> None:
    text = page.read_text("utf-8")
    for number, entry in enumerate(comparison.entries):
        matrix = text.split('<table class="matrix"')[1 + number].partition("</table>")[0]
        rows = [re.findall(r"<td[^>]*>(\d*)</td>", line) for line in matrix.split("<tr>")[2:]]
        order = comparison.class_order
        assert [[int(cell or 0) for cell in row] for row in rows] == [
            [entry.scores.confusion[n][m] for m in order] for n in order
        ]


def test_the_baseline_is_never_below_chance(comparison: Comparison) -> None:
    data = replace(comparison.dataset, chance=0.25, majority=0.1)
    assert data.baseline == 0.25
    assert replace(data, majority=0.4).baseline == 0.4


def test_commands_repeat_the_users_options(comparison: Comparison, page: Path) -> None:
    assert audit_commands(comparison).drop_duplicates.endswith(" --key tiny --drop-duplicates")
    assert f"featurize correct {page.parent}/suspects.csv --dataset {comparison.table_path}" in page.read_text("utf-8")


def test_a_picture_opens_larger_by_click_and_key_and_closes_on_escape(page: Path) -> None:
    """Without a script, which the page forbids."""
    assert "<script" not in page.read_text("utf-8")
    opened = "document.querySelectorAll('.window:popover-open').length"
    with browser() as started:
        sheet = started.new_page()
        sheet.goto(page.as_uri())
        button = sheet.locator("button.larger").first
        button.click()
        assert sheet.evaluate(opened) == 1
        shown = sheet.locator(".window:popover-open img")
        assert shown.bounding_box()["width"] > 2 * button.locator("img").bounding_box()["width"]
        sheet.keyboard.press("Escape")
        assert sheet.evaluate(opened) == 0
        button.focus()
        sheet.keyboard.press("Enter")
        assert sheet.evaluate(opened) == 1
        sheet.close()


def test_a_picture_is_made_once_in_each_size_and_never_enlarged(tmp_path: Path) -> None:
    save_picture(tmp_path / "large.jpg", 1, (1200, 600))
    save_picture(tmp_path / "tiny.jpg", 2, (40, 20))
    plates = Plates(tmp_path, 100)
    large, tiny, gone = plates("large.jpg"), plates("tiny.jpg"), plates("gone.jpg")
    assert large is not None
    assert tiny is not None
    assert gone is None
    assert (large.small.width, large.large.width) == (100, LARGE)
    assert (tiny.small.width, tiny.large.width) == (40, 40)
    assert plates("large.jpg") is large
    assert [plate.path for plate in plates.shown] == ["large.jpg", "tiny.jpg"]
