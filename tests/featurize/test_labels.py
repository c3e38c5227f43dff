"""One spelling for a class, nobody for unknown artists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.dataset.labels import label_key, settle
from featurize.dataset.names import mended
from featurize.dataset.people import is_nobody


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Art Nouveau (Modern)", "Art_Nouveau_Modern", True),
        ("Art_Nouveau_(Modern)", "art nouveau / modern", True),
        ("Naïve_Art_(Primitivism)", "Nai\u0308ve Art Primitivism", True),
        ("Naive_Art_Primitivism", "Naïve Art (Primitivism)", True),
        ("Post-Impressionism", "Post_Impressionism", True),
        ("Ukiyo-e", "Ukiyoe", True),
        ("Realism", "New_Realism", False),
        ("1900-10", "190010", False),
        ("C", "C++", False),
        ("Cubism", "Cubismo", False),
        ("バロック", "ハロック", False),
        ("\uff8a\uff9eロック", "バロック", True),  # half the width
        ("ハ\u3099ロック", "バロック", True),
        ("がく", "かく", False),
        ("Андрей", "Андреи", False),
        ("Андреи\u0306", "Андрей", True),
        ("Киселёв", "Киселев", False),
        ("Київ", "Киів", False),
        ("Ре\u0301пин", "Репин", True),
        ("Крќа", "Крка", False),  # ќ is a letter of its own, though its mark is an acute
        ("हिन्दी", "हनद", False),
        ("น้ำ", "นำ", False),
        ("בּ", "ב", False),
        ("أحمد", "احمد", False),
        ("강", "가", False),
        ("Έργο", "Εργο", True),
        ("Αΰ", "Αυ", True),
        ("-1", "1", False),
        ("-2,5", "2,5", False),
        ("-Pop", "Pop", True),
    ],
)
def test_which_spellings_are_one_label(one: str, other: str, same: bool) -> None:
    assert (label_key(one) == label_key(other)) is same


@given(st.text(min_size=1, max_size=20))
def test_a_key_is_stable_and_empty_only_for_nothing(label: str) -> None:
    assert label_key(label) == label_key(label.strip())
    assert bool(label_key(label)) == bool(label.strip())


def settled(values: list[str], several: str = "first", column: str = "style") -> tuple[list[str], list[str]]:
    columns, notes = settle({column: values}, "style", several)
    return columns[column], [f"{note.count} {note.text}: {', '.join(note.examples)}" for note in notes]


def test_the_most_frequent_spelling_is_the_name_and_the_others_are_told() -> None:
    values = ["Art Nouveau", "Art_Nouveau", "Art_Nouveau", "Rococo"]
    assert settled(values) == (
        ["Art_Nouveau", "Art_Nouveau", "Art_Nouveau", "Rococo"],
        ["1 rows whose 'style' was spelled otherwise: Art Nouveau = Art_Nouveau (2 rows)"],
    )


@given(st.lists(st.sampled_from(["Art_Nouveau", "Art Nouveau", "Pop-Art", "Pop Art", "Dada"]), min_size=1))
def test_each_class_has_one_spelling_whatever_the_order(values: list[str]) -> None:
    names, _ = settled(values)
    assert len({label_key(n) for n in names}) == len(set(names))
    assert settled(values[::-1])[0] == names[::-1]
    assert [label_key(n) for n in names] == [label_key(v) for v in values]


@pytest.mark.parametrize(("several", "expected"), [("first", "Realism"), ("whole", "Realism, Dada"), ("drop", "")])
def test_several_labels_in_a_cell(several: str, expected: str) -> None:
    assert settled(["Realism, Dada", "Dada"], several)[0] == [expected, "Dada"]


@pytest.mark.parametrize("cell", ["Cubism;Dada", "Cubism | Dada", "['Cubism', 'Dada']", '["Cubism","Dada"]', "Cubism,"])
def test_how_lists_are_written(cell: str) -> None:
    assert settled([cell])[0] == ["Cubism"]


def test_a_comma_in_brackets_or_in_an_artist_s_name_separates_nothing() -> None:
    assert settled(["Still Life (Fruit, Flowers)"])[0] == ["Still Life (Fruit, Flowers)"]
    assert settled(["Gogh, Vincent van"], column="artist")[0] == ["Gogh, Vincent van"]


def test_labels_that_say_nothing_are_left_empty_and_told() -> None:
    columns, notes = settle({"genre": ["Unknown Genre", "nan", "portrait"]}, "style")
    assert columns["genre"] == ["", "", "portrait"]
    assert [note.count for note in notes] == [2]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("grã©goire-michonze", "grégoire-michonze"),
        ("joaquã\xadn-sorolla", "joaquín-sorolla"),
        ("joão", "joão"),
        ("märz", "märz"),
        ("日本", "日本"),
        ("edgar-degas", "edgar-degas"),
    ],
)
def test_names_that_were_read_in_the_wrong_alphabet(name: str, right: str) -> None:
    assert mended(name) == right


SAYS_NOTHING = ("#NV", "#N/A", "#BEZUG!", "#DIV/0!", "#¡VALOR!", "#NAME?", "########", "keine Angabe", "Keine Angaben",
                "nicht angegeben", "zu bestimmen", "à déterminer", "da determinare", "Not specified")  # fmt: skip


@pytest.mark.parametrize(
    "cell", [*SAYS_NOTHING, "unbekannt", "Stil unbekannt", "inconnu", "stile ignoto", "nicht bekannt", "неизвестно"]
)
def test_a_cell_that_says_nothing_is_no_class_and_is_named(cell: str) -> None:
    values, notes = settled(["Barock", cell])
    assert values == ["Barock", ""]
    assert notes == [f"1 rows whose 'style' says that it is not known: left empty: {cell} (1 rows)"]


@pytest.mark.parametrize(
    "label",
    ["#1", "# Pop", "Pop Art!", "School of Paris", "Venetian School", "Barock, Meister unbekannt", "Anonymous Art"],
)
def test_a_class_that_only_looks_as_if_it_said_nothing_stays(label: str) -> None:
    assert settled(["Barock", label])[0] == ["Barock", label.split(",")[0]]


def test_an_error_of_a_spreadsheet_is_no_artist() -> None:
    values, notes = settled(["Dürer", "#NV", "keine Angabe"], column="artist")
    assert values == ["Dürer", "", "keine Angabe"]
    assert notes == ["1 rows whose 'artist' says that it is not known: left empty: #NV (1 rows)"]


@pytest.mark.parametrize("cell", SAYS_NOTHING)
def test_a_cell_that_says_nothing_names_nobody(cell: str) -> None:
    assert is_nobody(cell)
