"""An artist's name has one normal form in whatever way it is written; names that only may be one stay apart."""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from featurize.dataset.audit.coverage import shared_artists
from featurize.dataset.groups import Groups
from featurize.dataset.people import is_nobody, may_be_one, person_key, spelled_apart
from featurize.dataset.prepare import prepare
from featurize.dataset.splits import artist_split
from tests.conftest import save_picture

PARTS = st.text("abcdefghiklmnoprstuvwyz", min_size=2, max_size=9)
NAMES = st.lists(PARTS, min_size=1, max_size=4)
ACCENTS = ["", "\u0301", "\u0308", "\u0327", "\u0303"]
MONETS = ["claude-monet", "Monet, Claude", "CLAUDE MONET", "Claude_Monet", "  monet  claude ", "Cláude Mónet"]


@st.composite
def writings(draw: st.DrawFn, words: list[str]) -> str:
    """The same words in another order, case and form, with accents, joined in another way."""
    said = []
    for word in draw(st.permutations(words)):
        accented = "".join(c + draw(st.sampled_from(ACCENTS)) for c in word)
        form = unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD"])), accented)
        said.append(draw(st.sampled_from([str.lower, str.upper, str.title, str]))(form))
    return draw(st.sampled_from([" ", "-", "_", ", ", ". ", "  "])).join(said)


@given(st.data(), NAMES)
def test_one_normal_form_whatever_the_writing(data: st.DataObject, words: list[str]) -> None:
    one, other = data.draw(writings(words)), data.draw(writings(words))
    assume(not is_nobody(one) and not is_nobody(other))
    assert person_key(one) == person_key(other)
    assert len(set(Groups.of(["1", "2"], [one, other]).names)) == 1
    assert may_be_one([one, other]) == [], "what is taken for one is no candidate"


@given(
    st.lists(
        st.lists(
            st.sampled_from(["claude", "monet", "c", "oscar", "o", "van", "gogh", "mueller", "muller", "12", "m"]),
            min_size=1,
            max_size=4,
        ).map(" ".join),
        max_size=12,
    )
)
def test_pairs_are_those_of_comparing_all_with_all(names: list[str]) -> None:
    one_by_one = {pair for a, b in combinations(dict.fromkeys(names), 2) for pair in may_be_one([a, b])}
    by_key: dict[str, str] = {}
    counts = Counter(names)
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        by_key.setdefault(person_key(name), name)
    usual = {tuple(sorted(by_key[person_key(name)] for name in pair)) for pair in one_by_one}
    assert set(may_be_one(names)) == usual


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Claude Monet\u200b", "Claude Monet"),
        ("\ufeffClaude Monet", "Claude Monet"),
        ("\u200eClaude \u2068Monet\u2069", "Claude Monet"),
        ("Clau\u00adde Monet", "Claude Monet"),
        ("Claude Monet*", "Claude Monet"),
        ("Claude Monet\u2020", "Claude Monet"),
        ("Claude Monet:", "Monet, Claude"),
        ("CLAUDE\u00b7MONET", "Claude Monet"),
        ("パブロ・ピカソ", "パブロ ピカソ"),
        ("Марʼяна Гончар", "Мар'яна Гончар"),
        ("Georgia O`Keeffe", "Georgia O’Keeffe"),
        ("«Банкси»", "Банкси"),
    ],
)
def test_what_nobody_sees_or_says_makes_no_other_artist(one: str, other: str) -> None:
    assert person_key(one) == person_key(other)
    assert len(set(Groups.of(["1", "2"], [one, other]).names)) == 1


@pytest.mark.parametrize("name", ["unknown\u200b", "Анонім", "belirsiz", "匿名", "\u200b", "*"])
def test_nobody_is_nobody_whatever_stands_around_it(name: str) -> None:
    assert is_nobody(name)


@pytest.mark.parametrize(("one", "other"), [("Андрей Й", "Андрей И"), ("Їжак", "Іжак"), ("ё", "о"), ("C++", "C 1")])
def test_marks_that_make_another_letter_stay(one: str, other: str) -> None:
    assert person_key(one) != person_key(other)


@given(NAMES, NAMES)
def test_other_words_are_another_artist(one: list[str], other: list[str]) -> None:
    assume(sorted(one) != sorted(other))
    assert person_key(" ".join(one)) != person_key(" ".join(other))


@given(
    st.lists(st.sampled_from([*MONETS, "Berthe Morisot", "morisot, berthe", "Edgar Degas"]), min_size=4, max_size=30)
)
def test_folds_splits_and_audit_count_the_same_artists(artists: list[str]) -> None:
    ids = [f"{n:064x}" for n in range(len(artists))]
    people = [person_key(artist) for artist in artists]
    same = {(a, b) for a, b in combinations(range(len(artists)), 2) if people[a] == people[b]}
    groups = Groups.of(ids, artists).names
    assert {(a, b) for a, b in combinations(range(len(artists)), 2) if groups[a] == groups[b]} == same
    splits = artist_split(ids, ["x"] * len(ids), artists)
    assert all(splits[a] == splits[b] for a, b in same)
    assert all(not shared.pictures for shared in shared_artists(artists, splits))


def test_inverting_names_in_one_split_changes_no_overlap() -> None:
    names = [f"{first} {last}" for first in ("anna", "berthe", "claude") for last in ("hals", "moreau", "lenz", "sand")]
    inverted = [f"{name.split()[1].title()}, {name.split()[0].title()}" for name in names[:8]]
    for test in (names[:8], inverted):
        (shared,) = shared_artists([*names, *test, "someone else"], ["train"] * 12 + ["test"] * 9)
        assert (shared.pictures, shared.of) == (8, 9)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C. Monet", "Claude Monet"),
        ("Monet, C.", "claude-monet"),
        ("Monet", "Claude Monet"),
        ("Claude Oscar Monet", "Claude Monet"),
        ("J.M.W. Turner", "Joseph Mallord William Turner"),
        ("V. van Gogh", "Vincent van Gogh"),
        ("Pieter Bruegel", "Pieter Bruegel the Elder"),
        ("Albrecht Dürer", "Albrecht Duerer"),
        ("Семён Фёдоров", "Семен Федоров"),
        ("Georgia O'Keeffe", "Georgia OKeeffe"),
        ("Kees van Dongen", "Kees Vandongen"),
        ("Claude Monet (1840-1926)", "Claude Monet"),
        ("Jean-Baptiste Camille Corot", "Corot, J.-B. C."),
    ],
)
def test_candidates_are_shown_and_stay_apart(one: str, other: str) -> None:
    assert may_be_one([one, other]) == [tuple(sorted((one, other)))]
    assert len(set(Groups.of(["1", "2"], [one, other]).names)) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Claude Monet", "Edouard Manet"),
        ("Claude Monet", "Claude Lorrain"),
        ("C. Monet", "Edouard Monet"),
        ("Pieter Bruegel the Elder", "Pieter Bruegel the Younger"),
        ("Hans Holbein (1460-1524)", "Hans Holbein (1497-1543)"),
        ("Vincent van Gogh", "Jan van Eyck"),
        ("A. van Dyck", "A. van Eyck"),
        ("J. van E.", "Jan van Eyck"),
        ("painter-1", "painter-12"),
        ("painter-1", "painter-2"),
        ("painter-12", "painter-21"),
        ("が", "か"),
    ],
)
def test_other_people_are_no_candidates(one: str, other: str) -> None:
    assert may_be_one([one, other]) == []
    assert person_key(one) != person_key(other)


def test_an_initial_stands_for_one_word_only() -> None:
    assert may_be_one(["J. J. Grandville", "Jean Grandville"]) == [("J. J. Grandville", "Jean Grandville")]
    assert may_be_one(["J. J. Grandville", "Jean Paul Grandville"]) == []


def test_merged_spellings_are_listed_where_words_stand_in_another_order() -> None:
    names = ["claude-monet", "Claude Monet", "claude-monet", "Monet, Claude", "Edgar Degas", "edgar-degas"]
    assert spelled_apart(names) == [["claude-monet", "Claude Monet", "Monet, Claude"]]


def test_preparing_names_what_it_counts_as_one_and_what_may_be_one(tmp_path: Path) -> None:
    artists = ["claude-monet", "Monet, Claude", "C. Monet", "unknown", "Edgar Degas"]
    for n in range(5):
        save_picture(tmp_path / f"{n}.jpg", n)
    lines = [f'{n}.jpg,x,"{artist}"' for n, artist in enumerate(artists)]
    (tmp_path / "list.csv").write_text("\n".join(["path,style,artist", *lines]))
    notes = {note.text: note.examples for note in prepare(tmp_path / "list.csv", tmp_path / "dataset.csv").notes}
    assert [said for text, said in notes.items() if "counted as one" in text] == [["Monet, Claude = claude-monet"]]
    assert [said for text, said in notes.items() if "may mean one person" in text] == [["C. Monet and Monet, Claude"]]
