"""Names, counts, shares and lists read the same wherever they stand."""

from __future__ import annotations

import unicodedata

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classify.commands.main import cli as classify
from featurize.commands.main import cli as featurize
from featurize.wording import (
    MOST_SHOWN,
    artist,
    counted,
    decimals,
    file_name,
    isolated,
    listing,
    percent,
    plain,
    plain_names,
    points,
    visible,
)


@pytest.mark.parametrize(
    ("names", "most", "said"),
    [
        ([], 3, ""),
        (["a"], 3, "a"),
        (["a", "b"], 3, "a and b"),
        (["a", "b", "c"], 3, "a, b and c"),
        (["a", "b", "c", "d"], 3, "a, b, c and 1 more"),
        ([*"abcdefgh"], 2, "a, b and 6 more"),
        (["a\nb"], 3, "a\\nb"),
    ],
)
def test_lists(names: list[str], most: int, said: str) -> None:
    assert listing(names, most) == said


def test_counts_shares_and_names() -> None:
    assert [counted(n, "picture") for n in (0, 1, 2000)] == ["0 pictures", "1 picture", "2,000 pictures"]
    assert [counted(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]
    assert [percent(0.3812), percent(0.5, 0), percent(None)] == ["38.1\u202f%", "50\u202f%", "–"]
    assert [points(-0.012), points(0.3)] == ["−1.2", "+30.0"]
    assert visible("a\x1b[1m é") == "a\\x1b[1m é"
    assert artist("agnes-martin") == "Agnes Martin"
    assert [artist(name) for name in ("Pierre-Auguste Renoir", "Monet, Claude", "")] == [
        "Pierre-Auguste Renoir",
        "Monet, Claude",
        "",
    ]


@given(st.lists(st.text("ab_ ", min_size=1, max_size=4)))
def test_different_labels_never_look_the_same(labels: list[str]) -> None:
    shown = plain_names(labels)
    assert len(set(shown.values())) == len(set(labels))
    assert all(name in (label, plain(label)) for label, name in shown.items())
    assert all(name.strip() or not label.strip() for label, name in shown.items()), "a label of underscores is seen"


def test_long_labels_are_cut_where_they_stay_apart() -> None:
    one, two, three = "a" * 90, "b" * 70 + "1", "b" * 70 + "2"
    shown = plain_names([one, two, three])
    assert len(shown[one]) == MOST_SHOWN
    assert (shown[two], shown[three]) == (two, three)


@given(st.text(st.sampled_from("ab 1(%)\u0639\u05d0\u0661\u202e\u202b\u2067\u2069\u202c")))
def test_a_name_never_turns_the_figures_after_it_around(name: str) -> None:
    """It is closed in itself where it holds anything that is read from right to left; others stay as they are."""
    shown = isolated(name)
    inside = shown.removeprefix("\u2068").removesuffix("\u2069")
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    kinds = {unicodedata.bidirectional(c) for c in name}
    assert not {unicodedata.bidirectional(c) for c in inside} & turning
    assert (shown != inside) is bool(kinds & {"R", "AL", "AN", *turning})
    assert visible(shown) == shown
    assert listing([f"a{name}", "1"]) == f"{isolated(visible(f'a{name}'))} and 1"


def test_shared_options_are_the_same_in_every_command() -> None:
    found: dict[str, set[tuple[object, object, object]]] = {}
    for group in (featurize, classify):
        for command in group.commands.values():
            for option in command.params:
                if isinstance(option, click.Option):
                    told = (option.help, str(option.default), str(option.type))
                    found.setdefault(option.opts[0], set()).add(told)
    shared = {name: found[name] for name in ("--dataset", "--features", "--seed", "--workers", "--backbone")}
    assert {name: len(told) for name, told in shared.items()} == dict.fromkeys(shared, 1)


def test_a_label_stands_on_one_line() -> None:
    assert plain("line\nbreak_and\ttab") == "line break and tab"
    assert plain("__") == "__"


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.41, 0.0029], 4), ([0.41, 1.2], 2), ([], 2), ([0.0, 1e-9, 0.3], 2), ([2e-6], 6), ([float("nan"), 0.05], 3)],
)
def test_so_many_decimals_that_the_smallest_value_is_not_0(values: list[float], expected: int) -> None:
    assert decimals(values) == expected


@given(st.text(min_size=1), st.integers(20, 120))
def test_a_part_of_a_file_s_name_fits_into_one(text: str, most: int) -> None:
    name = file_name(text, most)
    assert len(name.encode()) <= most
    assert name.isprintable()
    assert not set(name) & set('/\\:*?"<>|')


def test_long_names_that_begin_alike_stay_apart() -> None:
    one, other = (file_name("浮世絵" * 40 + ending) for ending in "ab")
    assert one != other
    assert one.startswith("浮世絵浮世絵")
    assert file_name("short: name") == "short_ name"
