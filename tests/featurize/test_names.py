"""Artist and year from file names."""

from __future__ import annotations

import pytest

from featurize.dataset.names import artist_and_year
from featurize.dataset.sources.tree import split_name


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("edgar-degas_dancers-on-set-1880", ("edgar-degas", "1880")),
        ("edgar-degas_landscape-on-the-orne", ("edgar-degas", "")),
        ("claude-monet_water-lilies-1916-2", ("claude-monet", "1916")),
        ("giotto_1305", ("giotto", "1305")),
        ("untitled-1950", ("", "")),
        ("_no-artist-1950", ("", "")),
        ("a_b_c-1950", ("a", "1950")),
        ("pablo-picasso_composition-12345", ("pablo-picasso", "")),
        ("rene\u0301_x-1901", ("ren\u00e9", "1901")),
        ("", ("", "")),
    ],
)
def test_what_a_name_tells(stem: str, expected: tuple[str, str]) -> None:
    assert artist_and_year(stem) == expected


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("wikipaintings_train", "train"),
        ("Validation", "val"),
        ("my-test", "test"),
        ("Testament", ""),
        ("Impressionism", ""),
        ("training", "train"),
        ("contest", ""),
    ],
)
def test_split_folders_are_recognised_by_name(name: str, split: str) -> None:
    assert split_name(name) == split
