"""The report says the comparison's figures, needs nothing but itself, and shows whatever it is given."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from dataclasses import fields, replace
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from classify.comparison.compare import compare
from classify.comparison.protocols import RASTA_STYLES, Setting, rasta, slides
from classify.comparison.result import Comparison
from classify.report import words, write_report
from classify.report.advice import advice
from classify.report.label_places import label_dots
from classify.report.sentences import summary, suspects, verdict
from featurize import theme
from featurize.pictures.thumbnail import thumbnail
from featurize.wording import percent
from tests.browser import assert_good_to_read
from tests.classify.worlds import RANDOM_KEY, make_world
from tests.conftest import ROOT, save_picture

LISTS = ("suspects.csv", "suspects.xlsx", "suspects.sha256")
FILES = ("index.html", "report.md", "results.json", "predictions.csv", *LISTS)


def flat(text: str) -> str:
    """A text with each space, also a narrow one, as one plain space."""
    return " ".join(text.split())


class Page(HTMLParser):
    """What stands in a page: elements with their attributes, texts, and whether they are nested properly."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Everything at once: two embeddings' worth of heads, copies, repeats, learning curves; some pictures exist."""
    folder = tmp_path_factory.mktemp("world") / "a_folder_whose_name_is_longer_than_a_phone_is_wide_unless_broken"
    folder.mkdir()
    world = make_world(style=0.4, train=120, test=120, dimension=32, folder=folder)
    for n in range(120, 240, 2):
        save_picture(folder / f"pictures/{n}.jpg", n, (300, 200))
    ids = list(world.table.columns["id"])
    ids[130] = ids[5]
    with mock.patch("classify.comparison.questions.plan.FOLDS", 2):  # saves time
        return compare(
            world.table.with_columns(id=ids),
            [world.cache],
            ["logreg", "svm:C=1", "mlp:epochs=3,lr=0.001", "softmax:epochs=3,lr=0.001"],
            repeats=2,
            learning_curve=True,
            command="classify compare --heads 'logreg,svm:C=1'",
        )


@pytest.fixture(scope="module")
def folder(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = write_report(comparison, tmp_path_factory.mktemp("report") / "deep" / "er")
    assert page.name == "index.html"
    return page.parent


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / "index.html").read_text("utf-8"))


def test_all_files_and_nothing_else(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)


def test_the_page_needs_no_network_and_no_other_file(page: Page, folder: Path) -> None:
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "data", "poster"):
            target = attributes.get(name, "#")
            assert target.startswith(("data:", "#")) or target in LISTS, target[:80]
    text = (folder / "index.html").read_text("utf-8")
    assert not page.all("script") + page.all("link") + page.all("iframe")
    assert all(u.startswith(("#", "data:")) for u in re.findall(r"url\(['\"]?([^)'\"]*)", text))
    assert "@import" not in text
    assert not page.open, "elements left open"


def test_a_browser_shows_the_page_well_on_laptop_and_phone_light_and_dark(folder: Path) -> None:
    assert_good_to_read(folder / "index.html")


def test_every_picture_has_a_text(page: Page) -> None:
    assert page.all("img")
    assert all(a["alt"].strip() for a in page.all("img"))
    assert all(a.get("role") == "img" and a["aria-label"].strip() for a in page.all("svg"))


def test_ids_on_the_page_are_unique_and_found(page: Page) -> None:
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    wanted = {a["xlink:href"][1:] for a in page.all("use")}
    assert wanted <= set(ids)


def test_figures_follow_the_theme(folder: Path) -> None:
    """No colour of the light page is left in them, and no black that would vanish in the dark."""
    text = (folder / "index.html").read_text("utf-8")
    drawings = re.findall(r"<svg role.*?</svg>", text, re.DOTALL)
    assert not [d for d in drawings if re.search("|".join((theme.INK, theme.MUTED, theme.PAPER, *theme.SERIES)), d)]
    assert all("var(--ink)" in d or "var(--muted)" in d for d in drawings if len(d) > 5000)
    assert not [d for d in drawings if re.search(r"(fill|stroke): ?(#000000|black)", d)]
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_the_page_shows_every_head_and_warning(page: Page, comparison: Comparison) -> None:
    shown = flat("".join(page.text))
    for entry in comparison.entries:
        assert entry.name in shown
        assert flat(percent(entry.scores.accuracy.value)) in shown
    for caution in comparison.cautions:
        assert flat(caution.text) in shown
    for said in (summary(comparison), *verdict(comparison), comparison.provenance.command, comparison.dataset.digest):
        assert flat(said) in shown


def test_thumbnails_are_embedded_and_missing_files_said(page: Page) -> None:
    missing = [a for a in page.all("div") if a.get("class") == "missing"]
    assert missing
    assert all("not found" in a["aria-label"] for a in missing)
    assert all(a["src"].startswith("data:image/jpeg;base64,") for a in page.all("img"))


def test_results_are_the_comparison(folder: Path, comparison: Comparison) -> None:
    got = json.loads((folder / "results.json").read_text("utf-8"))
    assert got["schema"] == 1
    assert [e["scores"]["accuracy"]["value"] for e in got["entries"]] == [
        e.scores.accuracy.value for e in comparison.entries
    ]
    assert got["verdict"]["contrasts"][0]["p"] == comparison.verdict.contrasts[0].p
    assert got["leaks"]["duplicates"][0]["identical"] is True
    assert len(got["curves"]) == len(got["repeats"]["heads"]) == 4
    assert str(comparison.folder) not in (folder / "results.json").read_text("utf-8")


def test_schema_is_documented() -> None:
    """Each field of results.json stands in docs/comparison.md."""
    from classify.comparison import result
    from classify.evaluation import entry, findings, questions, recommendation

    text = (ROOT / "docs" / "comparison.md").read_text("utf-8")
    kinds = [
        k
        for m in (result, entry, findings, questions, recommendation)
        for k in vars(m).values()
        if hasattr(k, "__dataclass_fields__")
    ]
    hidden = {
        "suspect_columns",
        "captions",
        "table_path",
        "folder",
        "rows",
        "asked_rows",
        "fold",
        "predictions",
        "probabilities",
        "repeated",
    }
    names = {
        f.name for k in kinds if k.__name__ not in ("TestRow", "Predictions", "Folding") for f in fields(k)
    } - hidden
    assert not [n for n in sorted(names) if f"`{n}`" not in text]


def test_predictions_give_the_figures_again(folder: Path, comparison: Comparison) -> None:
    with (folder / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    by_head = defaultdict(list)
    for line in lines:
        if line["scored_by"] == "split":
            by_head[line["head"]].append(line)
    for e in comparison.entries:
        mine = by_head[e.name]
        assert len(mine) == len(comparison.rows)
        right = [line["truth"] == line["predicted"] for line in mine]
        assert np.mean(right) == pytest.approx(e.scores.accuracy.value)
        assert right == [line["correct"] == "1" for line in mine] == [line["truth_rank"] == "1" for line in mine]
        assert np.mean([int(line["truth_rank"]) <= 3 for line in mine]) == pytest.approx(e.scores.top3)
        gaps = -np.log([float(line["truth_probability"]) for line in mine])
        assert np.mean(gaps) == pytest.approx(e.scores.log_loss, rel=1e-3)


def test_markdown_has_the_ranking_and_proper_tables(folder: Path, comparison: Comparison) -> None:
    text = (folder / "report.md").read_text("utf-8")
    assert text.startswith(f"# Which head tells the style best?\n\n{advice(comparison)[0]}")
    assert summary(comparison) in text
    for caution in comparison.cautions:
        assert f"> **Warning.** {caution.text}" in text
    blocks = [b.splitlines() for b in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]
    assert len(blocks) == 7
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block}) == 1, block[:3]


def test_a_second_report_replaces_the_first_and_is_the_same(folder: Path, comparison: Comparison) -> None:
    before = {name: (folder / name).read_bytes() for name in FILES}
    (folder / "index.html").write_text("old")
    (folder / "notes.txt").write_text("mine")
    write_report(comparison, folder)
    assert {name: (folder / name).read_bytes() for name in FILES} == before
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_page_that_can_not_be_made_loses_no_figure(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classify.report.page.render", lambda *given: {}["the templates are gone"])
    with pytest.raises(KeyError):
        write_report(comparison, tmp_path)
    assert json.loads((tmp_path / "results.json").read_text("utf-8"))["entries"]
    assert (tmp_path / "predictions.csv").stat().st_size > 0


def test_untrained_is_said_in_every_file_and_on_top_of_the_page(tmp_path: Path) -> None:
    world = make_world(style=1.0, key=RANDOM_KEY)
    write_report(compare(world.table, [world.cache], ["logreg:C=0.01", "svm:C=1"]), tmp_path)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert 'class="untrained" role="alert"' in page
    assert "(untrained backbone)</title>" in page
    assert (tmp_path / "report.md").read_text("utf-8").count("(untrained backbone)") >= 3
    assert json.loads((tmp_path / "results.json").read_text())["entries"][0]["untrained"] is True
    assert "untrained backbone" in (tmp_path / "predictions.csv").read_text("utf-8").splitlines()[1]


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    world = make_world(style=1.0, classes=2)
    evil = {"Style_0": '<script>alert("1")</script>', "Style_1": "a|b\nc\"'&"}
    labels = [evil[c] for c in world.table.columns["style"]]
    artists = ["<b>x</b>"] * 160
    c = compare(
        world.table.with_columns(style=labels, artist=artists), [world.cache], ["logreg:C=0.01"], command="<i>&"
    )
    write_report(c, tmp_path)
    page = Page((tmp_path / "index.html").read_text("utf-8"))
    assert not page.all("script")
    assert not page.all("i") or all("style" in a for a in page.all("i"))  # the bars of the table, nothing else
    assert '<script>alert("1")</script>' in "".join(page.text)
    with (tmp_path / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {line["truth"] for line in csv.DictReader(file)} == set(evil.values())


def test_names_that_are_read_from_the_right_turn_no_figure_around(tmp_path: Path) -> None:
    world = make_world(style=1.0, classes=2)
    labels = ["שלום" if c == "Style_0" else c for c in world.table.columns["style"]]
    artists = [f"مرحبا {n % 20}" for n in range(len(labels))]
    write_report(
        compare(world.table.with_columns(style=labels, artist=artists), [world.cache], ["logreg:C=0.01"]), tmp_path
    )
    text = (tmp_path / "index.html").read_text("utf-8")
    shown = re.sub(r"<svg.*?</svg>|<td>[^<]*</td>|aria-label=\"[^\"]*\"", "", text, flags=re.DOTALL)
    assert shown.count("שלום") == shown.count("\u2068שלום\u2069") > 0, "a cell that holds a name alone needs nothing"
    assert shown.count("مرحبا") == shown.count("\u2068مرحبا") > 0


@pytest.mark.parametrize("classes", [2, 70], ids=["two classes", "too many to name along a matrix"])
def test_one_head_and_any_number_of_classes(classes: int, tmp_path: Path) -> None:
    world = make_world(style=2.0, classes=classes, train=4 * classes, test=4 * classes, artists=2)
    write_report(compare(world.table, [world.cache], ["logreg:C=0.01"]), tmp_path)
    page = Page((tmp_path / "index.html").read_text("utf-8"))
    assert "Who can be told from whom" not in "".join(page.text)
    assert not page.open


def test_a_protocol_shows_published_measured_and_control(tmp_path: Path) -> None:
    world = make_world(classes=5, train=200, test=100, style=2.0)
    c = slides(Setting(world.table, [world.cache]))
    write_report(c, tmp_path)
    shown = flat("".join(Page((tmp_path / "index.html").read_text("utf-8")).text))
    assert "20.3 %" in shown
    assert "control, labels out of step: mlp:epochs=12" in shown
    assert percent(0.203) in (tmp_path / "report.md").read_text("utf-8")


def test_names_of_dots_do_not_cover_each_other() -> None:
    """Six heads of nearly the same cost and accuracy: each name is written, on a place of its own."""
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    dots = [(1 + 0.01 * n, 0.4 + 0.002 * n) for n in range(6)]
    axes.set(xlim=(0, 2), ylim=(0, 1))
    label_dots(axes, dots, [f"head number {n}" for n in range(6)], "black")
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # without the line to the dot
    assert len(boxes) == 6
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    assert label_dots(axes, [(1, 0.5)], [""], "black") is None
    assert len(axes.texts) == 6


def test_a_published_top_5_never_stands_in_the_column_of_accuracies(tmp_path: Path) -> None:
    world = make_world(style=1.0)
    names = dict(zip([f"Style_{n}" for n in range(4)], RASTA_STYLES, strict=False))
    world = world.relabelled(style=[names[c] for c in world.table.columns["style"]])
    write_report(rasta(Setting(world.table, [world.cache])), tmp_path)
    page = (tmp_path / "index.html").read_text("utf-8")
    (row,) = (r for r in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if percent(0.878) in r)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
    assert cells == ["", "", "", percent(0.878)]
    assert "top-5 " + percent(0.878) in (tmp_path / "report.md").read_text("utf-8")


def test_summary_says_who_cannot_be_told_from_the_first(comparison: Comparison) -> None:
    said = summary(comparison)
    assert said.startswith(f"Of 4 contenders, {comparison.best.name} came first")
    rivals = {comparison.entries[x.second].name for x in comparison.verdict.contrasts if x.first == 0 and not x.differ}
    assert ("can be told apart from it" in said or "can’t be told apart from it" in said) is bool(rivals)
    alone = replace(comparison, entries=comparison.entries[:1], verdict=replace(comparison.verdict, contrasts=()))
    assert "told apart" not in summary(alone)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "–"),
        (0.0004, "0.4 ms"),
        (0.02, "20 ms"),
        (0.9949, "995 ms"),
        (1.0, "1.0 s"),
        (42.3, "42 s"),
        (151, "2 min 31 s"),
    ],
)
def test_seconds_are_readable(value: float, said: str) -> None:
    assert words.seconds(value).replace("\u202f", " ") == said


@pytest.mark.parametrize("content", [None, b"", b"no picture", b"\xff\xd8\xff\xe0 half a"])
def test_a_thumbnail_of_no_picture_is_none(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    if content is not None:
        path.write_bytes(content)
    assert thumbnail(path) is None
    assert thumbnail(tmp_path) is None


def test_a_thumbnail_of_a_picture_inside_an_archive(tmp_path: Path) -> None:
    from zipfile import ZipFile

    with ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.write(save_picture(tmp_path / "x.jpg"), "Cubism/x.jpg")
    assert thumbnail(tmp_path / "pictures.zip::Cubism/x.jpg") == thumbnail(tmp_path / "x.jpg") is not None


def test_a_thumbnail_is_small_and_keeps_its_shape(tmp_path: Path) -> None:
    small = thumbnail(save_picture(tmp_path / "x.jpg", size=(800, 400)), side=100)
    assert small is not None
    assert (small.width, small.height) == (100, 50)
    assert len(small.uri) < 10_000


@pytest.mark.parametrize("untrained", [False, True])
def test_a_list_of_suspects_by_an_untrained_backbone_says_so(comparison: Comparison, untrained: bool) -> None:
    """It may name half of the collection."""
    listed = replace(comparison.suspects, found=(mock.sentinel.suspect,))
    entries = tuple(replace(entry, untrained=untrained) for entry in comparison.entries)
    (line,) = suspects(replace(comparison, suspects=listed, entries=entries))
    assert line.startswith("1 label that may be wrong is listed")
    assert ("don’t correct labels" in line) is untrained
