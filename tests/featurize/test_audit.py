"""The audit finds what was planted, tells it in three forms, and acts on it without crossing splits."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache import OK, Recipe, Rows, Store, create_cache
from cache.ids import from_hex
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.audit import Audit, as_json, audit, audit_lists
from featurize.dataset.audit.coverage import class_sizes, same_names, shared_artists, years_of
from featurize.dataset.audit.duplicates import drop_duplicates, save_dropped
from featurize.dataset.audit.report import find_embeddings, save, text
from featurize.dataset.audit.result import CopyPair, Group, NearPair
from featurize.dataset.prepare import prepare
from featurize.dataset.sources import Reading
from featurize.dataset.table import DatasetTable, read_table, write_table
from featurize.pictures.file import digest
from tests.browser import assert_good_to_read
from tests.cache.samples import KEY
from tests.conftest import save_picture
from tests.featurize.test_near import pretend

AVGPOOL = Recipe("avgpool", {"formula": "mean"})


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Two styles by artists of their own, with one of each trouble planted; gives the table's path.

    A duplicate (`twin`), a near-duplicate (`near`), an artist in two splits (`shared-artist`), and a picture
    that lies in the other class's folder (`swapped`).
    """
    import random

    folder = tmp_path / "paintings"
    for split in ("train", "val"):
        for k, style in enumerate(("Cubism", "Rococo")):
            for n in range(8):
                seed = 1000 * k + 100 * (split == "val") + n
                name = f"{split}-{style.lower()}-{n % 3}_work-{n}-{1700 + 100 * k + n}.jpg"
                save_picture(folder / split / style / name, seed, (120, 90))
    shutil.copy(
        folder / "train/Cubism/train-cubism-0_work-0-1700.jpg", folder / "val/Cubism/val-cubism-0_twin-1700.jpg"
    )
    original = folder / "train/Rococo/train-rococo-1_work-1-1801.jpg"
    near = pretend(original, "cropped resized mirrored", random.Random(5))
    (folder / "val/Rococo/val-rococo-1_near-1801.jpg").write_bytes(near)
    for split, seed in (("train", 901), ("val", 902)):
        save_picture(folder / split / "Cubism" / f"shared-artist_work-{seed}.jpg", seed, (120, 90))
    save_picture(folder / "val/Cubism/val-cubism-9_swapped-1800.jpg", 903, (120, 90))
    prepare(folder, tmp_path / "dataset.csv")
    return tmp_path / "dataset.csv"


def embed(table: DatasetTable, features: Path) -> Store:
    """Vectors around a point for each style; the swapped picture's lies with the other style."""
    cache = create_cache(features, KEY)
    rng = np.random.default_rng(0)
    vectors = {}
    for n, picture in enumerate(table.columns["id"]):
        style = "Rococo" if "swapped" in table.columns["path"][n] else table.columns["style"][n]
        centre = np.eye(8)[["Cubism", "Rococo"].index(style)]
        vectors[picture] = (centre + 0.2 * rng.standard_normal(8)).astype(np.float32)
    ids = from_hex(vectors)
    cache.append(Rows(ids, np.full(len(ids), OK, np.uint8), {AVGPOOL: np.stack(list(vectors.values()))}))
    return cache


def stems(table: DatasetTable, rows: tuple[int, ...] | list[int]) -> set[str]:
    return {Path(table.columns["path"][row]).stem for row in rows}


def test_all_that_was_planted_is_found_and_nothing_else(planted: Path, tmp_path: Path) -> None:
    table = read_table(planted)
    found = audit(table, planted, cache=embed(table, tmp_path / "features"), recipe=AVGPOOL)
    (twins,) = found.duplicates
    assert stems(table, twins.rows) == {"train-cubism-0_work-0-1700", "val-cubism-0_twin-1700"}
    assert twins.splits == ["train", "val"]
    (near,) = found.near
    assert stems(table, near.rows) == {"train-rococo-1_work-1-1801", "val-rococo-1_near-1801"}
    assert (near.across, near.mirrored, near.confirmed) == (True, True, True)
    (shared,) = found.shared
    assert (shared.part, shared.against, shared.pictures, shared.of) == ("val", "train", 1, 20)
    assert [name for name, _, _ in shared.artists] == ["shared-artist"]
    first = found.suspects.found[0]
    assert stems(table, [first.row]) == {"val-cubism-9_swapped-1800"}
    assert (first.label, first.suggested) == ("Cubism", "Rococo")
    assert first.other - first.own > 0.3


def test_copies_that_are_near_duplicates_anyway_are_told_once(planted: Path, tmp_path: Path) -> None:
    table = read_table(planted)
    found = audit(table, planted, cache=embed(table, tmp_path / "features"), recipe=AVGPOOL)
    (near,) = found.near
    new, known = CopyPair((0, len(table) - 1), 0.91), CopyPair(near.rows, 0.99)
    both = replace(found, copies=[known, new], told={**found.told, **dict.fromkeys(new.rows, found.told[near.rows[0]])})
    assert both.other_copies == [new]
    said = text(both)
    assert "Copies, other files of one picture: 2 pairs, 2 across splits" in said
    assert [pair.certain for pair in both.pairs] == [True, False]
    assert said.count("cosine") == 2
    assert "! 1 pair of pictures in different splits that seem to be copies by their embeddings" in said
    assert "seem to be copies" not in text(replace(both, copies=[known]))


def test_spellings_of_one_artist_and_names_that_may_be_one_are_told(planted: Path, tmp_path: Path) -> None:
    table = read_table(planted)
    artists = list(table.columns["artist"])
    train, val = table.rows_of("train").tolist(), table.rows_of("val").tolist()
    for row, name in ((train[0], "claude-monet"), (val[0], "Monet, Claude"), (val[1], "C. Monet"), (train[1], "Monet")):
        artists[row] = name
    table = table.with_columns(artist=artists)
    found = audit(table, planted, pictures=False)
    assert [(s.names, s.certain, s.across) for s in found.spellings] == [
        (["Monet, Claude", "claude-monet"], True, True),
        (("C. Monet", "Monet"), False, True),
        (("C. Monet", "Monet, Claude"), False, True),
        (("Monet", "Monet, Claude"), False, True),
    ]
    assert {name for name, _, _ in found.shared[0].artists} == {"claude-monet"}
    said = text(found)
    assert "! 3 pairs of artists' names in different splits may mean one person each" in said
    assert "counted as one artist: Monet, Claude (val 1); claude-monet (train 1)" in said
    assert "may be one artist, counted as two: C. Monet (val 1); Monet (train 1)" in said
    write_table(table, planted)
    assert run(cli, ["audit", "--dataset", str(planted), "--no-pictures", "--out", str(tmp_path / "out")]) == 0
    assert "counted as one artist: Monet, Claude" in (tmp_path / "out" / "audit.html").read_text()


def test_classes_that_differ_in_spelling_alone_are_told(planted: Path) -> None:
    table = read_table(planted)
    styles = ["cubism" if n == 0 else style for n, style in enumerate(table.columns["style"])]
    said = text(audit(table.with_columns(style=styles), planted, pictures=False))
    assert "! 'Cubism' = 'cubism': counted as different classes, though only their spelling differs" in said
    assert "spelling differs" not in text(audit(table, planted, pictures=False))


def artists_by_hand(folder: Path, part: str) -> list[str]:
    return [p.name.split("_")[0] for p in (folder / part).rglob("*.jpg")]


def test_rasta_s_shared_artists_are_those_that_counting_by_hand_finds(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "rasta-small"
    done = prepare(folder, tmp_path / "dataset.csv")
    found = audit(done.table, done.path, pictures=False)
    train = set(artists_by_hand(folder, "wikipaintings_train"))
    val = artists_by_hand(folder, "wikipaintings_val")
    both = Counter(artist for artist in val if artist in train)
    assert found.rows == 499
    (told,) = found.shared
    assert (told.pictures, told.of) == (both.total(), len(val))
    assert {name: here for name, here, _ in told.artists} == both
    assert sum(size.total for size in found.classes) == 499


def test_artgan_s_lists_tell_their_leak(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = shared / "data" / "artgan"
    assert run(cli, ["audit", "--lists-only", str(source), "--out", str(tmp_path / "audit")]) == 0
    said = capsys.readouterr().out
    assert "81,446 pictures, 27 style classes; train 57,025, val 24,421" in said
    assert "99.94 % of the val pictures (24,406 of 24,421) are by an artist who is also in train" in said
    found = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert round(found["shared"][0]["share"], 6) == round(24406 / 24421, 6)
    assert "not looked at: lists only" in (tmp_path / "audit" / "audit.html").read_text()


def test_the_command_writes_text_json_and_a_page_that_needs_nothing_else(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    embed(read_table(planted), tmp_path / "features")
    assert run(cli, ["audit"]) == 0
    said = capsys.readouterr().out
    for part in (
        "Copies, other files of one picture: 1 pair, 1 across splits",
        "Same content: 1 group",
        "looks like Rococo",
        "mirrored",
    ):
        assert part in said
    assert "1 picture with the same content in several splits" in said
    page = (tmp_path / "audit/audit.html").read_text()
    sources = re.findall(r'src="([^"]{0,30})', page)
    assert len(sources) >= 5
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    links = set(re.findall(r'href="([^"]*)"', page))
    assert {link for link in links if not link.startswith("#")} == {"suspects.csv", "suspects.xlsx"}
    assert all((tmp_path / "audit" / link).is_file() or f'id="{link[1:]}"' in page for link in links)
    assert not re.search(r"https?://|@import|url\(", page)
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page
    assert "val-rococo-1_near-1801.jpg" in page
    assert_good_to_read(tmp_path / "audit/audit.html")
    told = json.loads((tmp_path / "audit/audit.json").read_text())
    assert told["near"][0]["across"] is True
    assert text(audit(read_table(planted), planted)).startswith(f"Audit of {planted}")


def test_a_page_that_can_not_be_made_loses_nothing_that_was_found(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("featurize.dataset.audit.page.render", lambda *given: {}["the templates are gone"])
    found = audit(read_table(planted), planted, pictures=False)
    with pytest.raises(KeyError):
        save(found, tmp_path / "out", tmp_path)
    assert json.loads((tmp_path / "out" / "audit.json").read_text("utf-8")) == json.loads(json.dumps(as_json(found)))
    assert (tmp_path / "out" / "audit.txt").read_text("utf-8") == text(found)


def test_labels_on_the_page_are_text_not_markup(tmp_path: Path) -> None:
    columns = {"style": ["<script>alert(1)</script>", "b"], "artist": ["<b>x", "y"], "year": ["", ""]}
    save_picture(tmp_path / "a.jpg", 1)
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes())
    table = DatasetTable(
        {"id": ["0" * 64] * 2, "path": ["a.jpg", "b.jpg"], "split": ["train", "val"], **columns}, tmp_path
    )
    found = audit(table, tmp_path / "dataset.csv", pictures=False)
    save(found, tmp_path / "audit", tmp_path)
    page = (tmp_path / "audit/audit.html").read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_labels_of_any_length_and_direction_fit_on_the_page(tmp_path: Path) -> None:
    """A name that is read from the right does not turn the figures after it around."""
    columns = {"style": ["שלום", "x" * 99], "artist": ["مرحبا", "مرحبا"], "year": ["", ""]}
    ids = [digest(save_picture(tmp_path / name, n).read_bytes()) for n, name in enumerate(("a.jpg", "b.jpg"))]
    table = DatasetTable({"id": ids, "path": ["a.jpg", "b.jpg"], "split": ["train", "val"], **columns}, tmp_path)
    save(audit(table, tmp_path / "dataset.csv", pictures=False), tmp_path / "audit", tmp_path)
    page = (tmp_path / "audit/audit.html").read_text("utf-8")
    for name in ("שלום", "مرحبا"):
        assert page.count(name) == page.count(f"\u2068{name}\u2069") > 0
    assert "x" * 59 + "…" in page
    assert "x" * 60 not in page


def test_missing_and_broken_pictures_stop_nothing(planted: Path, tmp_path: Path) -> None:
    table = read_table(planted)
    gone, broken = table.picture(0).path, table.picture(1).path
    gone.unlink()
    broken.write_bytes(b"nothing")
    found = audit(table, planted)
    assert "2 could not be opened" in found.looked_at["pictures"]
    save(found, tmp_path / "audit", tmp_path)


def test_pictures_in_archives_are_audited_and_shown(tmp_path: Path) -> None:
    from tests.featurize.miniatures import webdataset

    mini = webdataset(tmp_path)
    done = prepare(mini.source, tmp_path / "dataset.csv")
    copies = done.table.take([0, 1, 2, 0])
    write_table(copies, done.path)
    found = audit(read_table(done.path), done.path)
    assert found.looked_at["pictures"] == "3 of 3 distinct pictures"
    save(found, tmp_path / "audit", tmp_path)
    assert (tmp_path / "audit/audit.html").read_text().count("data:image/jpeg") == 2 + 1  # and once larger


def test_dropping_keeps_one_of_each_where_it_is(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = read_table(planted)
    assert run(cli, ["audit", "--drop-duplicates"]) == 0
    said = capsys.readouterr().out
    assert "removed 2 rows, 1 with the same content; one of each of 2 pictures stays" in said
    after = read_table(planted)
    gone = set(before.columns["path"]) - set(after.columns["path"])
    assert {Path(p).stem for p in gone} == {"train-cubism-0_work-0-1700", "train-rococo-1_work-1-1801"}
    split = dict(zip(before.columns["path"], before.columns["split"], strict=True))
    assert all(split[p] == s for p, s in zip(after.columns["path"], after.columns["split"], strict=True))
    with (tmp_path / "dataset.dropped.csv").open(newline="", encoding="utf-8-sig") as file:
        told = list(csv.DictReader(file))
    assert {row["path"] for row in told} == gone
    assert all(row["stays"] in after.columns["path"] for row in told)
    again = audit(after, planted)
    assert (again.duplicates, again.near) == ([], [])
    assert run(cli, ["audit", "--drop-duplicates"]) == 0
    assert "no duplicates to remove" in capsys.readouterr().out


@st.composite
def audited(draw: st.DrawFn) -> tuple[DatasetTable, Audit]:
    """A table with any exact duplicates, and any pairs that are said to be near-duplicates."""
    count = draw(st.integers(2, 14))
    numbers = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    splits = draw(st.lists(st.sampled_from(["train", "val", "test", ""]), min_size=count, max_size=count))
    columns = {
        "id": [f"{n:064x}" for n in numbers],
        "path": [f"{n}.jpg" for n in range(count)],
        "size": [str(n) for n in draw(st.lists(st.integers(1, 9), min_size=count, max_size=count))],
        "split": splits,
        "style": draw(st.lists(st.sampled_from("ab"), min_size=count, max_size=count)),
    }
    table = DatasetTable(columns, Path("/nowhere"))
    found = audit(table, Path("/nowhere/dataset.csv"), pictures=False)
    rows = st.integers(0, count - 1)
    three = st.tuples(rows, rows, st.booleans()).filter(lambda p: p[0] < p[1])
    pairs = draw(st.lists(three, max_size=6, unique_by=lambda p: p[:2]))  # an audit names each pair once
    near = [NearPair((a, b), 1.0, 1.0, False, False, 0.0, sure, splits[a] != splits[b]) for a, b, sure in pairs]
    return table, replace(found, near=near)


@given(audited())
def test_one_of_each_group_stays_and_no_group_is_left_in_two_splits(world: tuple[DatasetTable, Audit]) -> None:
    table, found = world
    dropped = drop_duplicates(table, found)
    gone = dict(dropped.removed)
    alike: list[set[int]] = []  # groups, put together by hand
    pairs = [pair.rows for pair in found.near if pair.confirmed]
    pairs += [(a, b) for g in found.duplicates for a in g.rows for b in g.rows if a < b]
    for a, b in pairs:
        touching = [group for group in alike if a in group or b in group]
        alike = [group for group in alike if group not in touching] + [{a, b}.union(*touching)]
    for group in alike:
        assert len(group - gone.keys()) == 1
        (stays,) = group - gone.keys()
        parts = {table.columns["split"][row] for row in group}
        assert table.columns["split"][stays] == next(p for p in ("test", "val", "train", "") if p in parts)
    assert set().union(*alike) >= gone.keys()
    assert len(dropped.table) == len(table) - len(gone)
    assert len(set(dropped.table.columns["id"])) == len(dropped.table)


def test_of_equal_rows_the_largest_file_stays(tmp_path: Path) -> None:
    columns = {
        "id": [f"{n:064x}" for n in range(4)], "path": [*"abcd"], "size": ["300", "9000", "12", "9000"],
        "split": ["train", "train", "train", "val"], "style": [*"xxxx"],
    }  # fmt: skip
    table = DatasetTable(columns, tmp_path)
    found = audit(table, tmp_path / "d.csv", pictures=False)
    pair = NearPair((0, 1), 0.9, 0.9, False, False, 0.0, True, False)
    near = [pair, replace(pair, rows=(1, 2))]
    assert drop_duplicates(table, replace(found, near=near)).removed == [(0, 1), (2, 1)]
    assert drop_duplicates(table, replace(found, near=[*near, replace(pair, rows=(2, 3))])).removed == [
        (0, 3), (1, 3), (2, 3)
    ], "a row to test on stays before a larger one"  # fmt: skip


def test_what_was_dropped_is_written_beside_the_table(tmp_path: Path) -> None:
    columns = {"id": ["1" * 64] * 2, "path": ["a", "b"], "split": ["train", "train"], "style": ["x", "y"]}
    table = DatasetTable(columns, tmp_path)
    dropped = drop_duplicates(table, audit(table, tmp_path / "d.csv", pictures=False))
    assert (dropped.exact, dropped.contradicting) == (1, 1)
    told = save_dropped(table, dropped, tmp_path / "d.csv")
    assert told.read_text("utf-8-sig") == f"path,split,id,stays,stays_in\nb,train,{'1' * 64},a,train\n"
    assert len(read_table(tmp_path / "d.csv")) == 1


def test_lists_only_has_nothing_to_drop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["audit", "--lists-only", str(tmp_path), "--drop-duplicates"]) == 1
    assert "make one with `featurize prepare` first" in capsys.readouterr().err


def test_lists_alone_are_never_opened(tmp_path: Path) -> None:
    """Not one of the files that the list names exists."""
    (tmp_path / "list.csv").write_text("path,style,artist,split\nx.jpg,a,Degas,train\ny.jpg,b,degas,test\n")
    found = audit_lists(tmp_path / "list.csv", Reading())
    assert (found.shared[0].pictures, found.shared[0].of) == (1, 1)
    assert as_json(found)["shared"][0]["share"] == 1.0


def test_unknown_artists_are_shared_by_nobody() -> None:
    (told,) = shared_artists(["Unknown", "A", "unknown", "a"], ["train", "train", "val", "val"])
    assert (told.pictures, told.of, told.artists) == (1, 2, [("A", 1, 1)])
    assert shared_artists(["", "Unknown"], ["train", "val"]) == []


def test_one_name_in_several_folders_is_told_where_labels_or_splits_differ() -> None:
    paths = ["A/degas_x.jpg", "B/degas_x.jpg", "A/degas_y.jpg", "B/degas_y.jpg", "A/17.jpg", "B/17.jpg"]
    groups = same_names(paths, ["train", "val", "val", "val", "train", "val"], ["A", "B", "A", "A", "A", "B"])
    assert groups == [Group([0, 1], ["train", "val"], ["A", "B"])]


def test_a_file_that_a_list_names_twice_with_two_labels_is_named_with_its_rows(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,style\n1.jpg,a\n2.jpg,b\nf/1.jpg,b\n1.jpg,c\n2.jpg,b\n")
    said = text(audit_lists(tmp_path / "list.csv", Reading()))
    assert "1 file name has several labels (as 1.jpg, rows 1 and 4: labelled a and c)" in said


def test_one_old_work_makes_no_empty_periods_and_no_long_ones() -> None:
    years = years_of([*map(str, range(1800, 1900, 5)), "-2500"], [""] * 21)
    assert [p.name for p in years.periods] == ["2500-2491 BCE", *(f"{n}-{n + 9}" for n in range(1800, 1900, 10))]
    many = years_of([*map(str, range(1000, 2000)), "-2500"], [""] * 1001)
    assert [p.name for p in many.periods[:2]] == ["2500-2451 BCE", "1000-1049"]
    assert len(many.periods) == 21, "of 50 years; periods of 25 would be 41"


def test_sizes_and_years_are_counted_by_split() -> None:
    sizes = class_sizes(["a", "b", "a", ""], ["train", "val", "val", "train"])
    assert [(s.name, s.total, s.counts) for s in sizes] == [("a", 2, {"train": 1, "val": 1}), ("b", 1, {"val": 1})]
    years = years_of(["1850", "", "1872"], ["train", "val", "val"])
    assert (years.first, years.last, years.coverage.known) == (1850, 1872, 2)
    assert [(p.name, sum(p.counts.values())) for p in years.periods] == [("1850-1859", 1), ("1870-1879", 1)]


def test_without_embeddings_the_audit_goes_on(tmp_path: Path) -> None:
    assert find_embeddings(tmp_path / "nowhere", None, None) == (None, None)


def test_a_near_pair_is_told_by_the_rows_that_lie_in_different_splits(tmp_path: Path) -> None:
    """The original stands in train and in val, its copy in train: what leaks is val."""
    import random

    original = save_picture(tmp_path / "p/train/a/degas_one.jpg", 5, (120, 90))
    (tmp_path / "p/train/a/degas_two.jpg").write_bytes(pretend(original, "resized", random.Random(1)))
    (tmp_path / "p/val/a").mkdir(parents=True)
    shutil.copy(original, tmp_path / "p/val/a/degas_three.jpg")
    done = prepare(tmp_path / "p", tmp_path / "dataset.csv")
    (pair,) = audit(done.table, done.path).near
    assert pair.across
    assert stems(done.table, pair.rows) == {"degas_two", "degas_three"}


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ('{"command": "featurize prepare \'my paintings\' --split random --discard-edits"}', "'my paintings' --split"),
        ('{"command": "featurize prepare \\"half"}', "SOURCE --split"),
        ("no json", "SOURCE --split"),
        ('{"command": ["a"]}', "SOURCE --split"),
        (None, "SOURCE --split"),
    ],
)
def test_advice_repeats_the_options_that_the_table_was_prepared_with(
    planted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], notes: str | None, said: str
) -> None:
    """Without those that take something away; a table of an older version says SOURCE."""
    monkeypatch.chdir(planted.parent)
    beside = planted.with_suffix(".notes.json")
    beside.unlink()
    if notes is not None:
        beside.write_text(notes)
    assert run(cli, ["audit", "--no-pictures", "--out", "my audit"]) == 0
    assert f"`featurize prepare {said} artist` keeps artists apart" in capsys.readouterr().out
    assert "featurize audit --out &#39;my audit&#39; --no-pictures --drop-duplicates" in Path(
        "my audit/audit.html"
    ).read_text("utf-8")


def test_a_table_that_was_prepared_on_the_command_line_remembers_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for n in range(8):
        save_picture(tmp_path / f"some works/{'ab'[n % 2]}/painter-x_work-{1800 + n}.jpg", n, (40, 30))
    assert run(cli, ["prepare", "some works", "--names", "--split", "random", "--val", "0.4", "--test", "0"]) == 0
    assert run(cli, ["audit", "--no-pictures"]) == 0
    assert "`featurize prepare 'some works' --names --val 0.4 --test 0.0 --split artist`" in capsys.readouterr().out
