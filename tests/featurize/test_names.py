"""Artist and year from file names: only of class folders whose names really have the form, and it is said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.names import artist_and_year, said_by_names
from featurize.dataset.notes import Note
from featurize.dataset.prepare import Prepared, prepare
from featurize.dataset.sources import Reading
from featurize.dataset.table import read_table
from featurize.errors import SourceError
from tests.featurize.miniatures import jpeg, put


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("edgar-degas_dancers-on-set-1880", ("edgar-degas", "1880")),
        ("edgar-degas_landscape-on-the-orne", ("edgar-degas", "")),
        ("claude-monet_water-lilies-1916-2", ("claude-monet", "1916")),
        ("gene-davis_untitled-1979(3)", ("gene-davis", "1979")),
        ("raphael_the-school-of-athens-1511", ("raphael", "1511")),
        ("m.c.-escher_drawing-hands", ("m.c.-escher", "")),
        ("georgia-o'keeffe_black-iris-1926", ("georgia-o'keeffe", "1926")),
        ("petro-kholodny-(elder)_poppies-1919", ("petro-kholodny-(elder)", "1919")),
        ("clyfford-still_ph-77-1936", ("clyfford-still", "1936")),
        ("a_b_c-1950", ("a", "1950")),
        ("pablo-picasso_composition-12345", ("pablo-picasso", "")),
        ("rene\u0301_x-1901", ("ren\u00e9", "1901")),
        ("grã©goire-michonze_birds-1952", ("grégoire-michonze", "1952")),
    ],
)
def test_what_a_name_tells(stem: str, expected: tuple[str, str]) -> None:
    assert artist_and_year(stem) == expected


CAMERAS = """IMG_1924|IMG_1900-1901|img_1924|IMG_20230101_101112|DSC_0012|dsc_0012|DSCN1924|_DSC1900|DSC0001_bw-1900
    P1010012
    PXL_20230101_101112345|MVIMG_20200101_101112|GOPR_1900|100_1924|Scan 1|Scan_1900|scan_1|scan_a-1900
    Scan_20230101 (2)
    Bildschirmfoto 2023-01-01 um 10.11.12|bildschirmfoto_2023-01-01|Screenshot_2020-01-01-10-11-12|screenshot_a-2020
    WhatsApp Image 2023-01-01 at 10.11.12|whatsapp-image_a-2023|IMG-20230101-WA0001|photo_2020-01-01|photo_a-2020
    Cubism_1|Cubism_1900|cubism_1|image_001|image-a_b-1900|picture_5|page_12|frame_000123|untitled-1950
    _no-artist-1950
    giotto_1305|Saal 1|saal-1_bild-2|room-12_view-3|inv-1234_recto-1900|RP-P-OB-32.961|67.265.9|Claude_Monet_12
    Vincent_van_Gogh_123|Claude-Monet_Water-Lilies-1916|Monet_1900|oil-painting_sea-1900|still-life_fruit-1900
    style-transfer_output-1|self-portrait_a-1900|box-12_folder-3|dataset-1_a-1900|0001_a-1900|lot 12_a|a b_c-1900|x
    _|"""


@pytest.mark.parametrize("stem", [entry.strip() for entry in CAMERAS.replace("\n", "|").split("|")])
def test_a_name_of_another_form_tells_nothing(stem: str) -> None:
    assert artist_and_year(stem) == ("", "")


def said(stems: Sequence[str], **options: object) -> tuple[list[str], str]:
    columns, notes = said_by_names(stems, {}, class_folders=True, **options)  # type: ignore[arg-type]
    return columns.get("artist", []), " ".join(note.text for note in notes)


MONETS = [f"claude-monet_work-{n}-188{n}" for n in range(6)]
RAPHAELS = [f"raphael_work-{n}" for n in range(6)]


def test_names_are_read_where_most_have_the_form() -> None:
    artists, text = said([*MONETS, "img_1924", "x"])
    assert artists == ["claude-monet"] * 6 + ["", ""]
    assert text == (
        "artist and year read from 6 of 8 file names (a year from 6), for example claude-monet_work-0-1880 = "
        "claude-monet, 1880; --no-names leaves that"
    )


def test_they_are_not_where_few_have_it_and_the_way_out_is_said() -> None:
    artists, text = said([*MONETS, *(f"IMG_{n}" for n in range(6))])
    assert artists == []
    assert "--names reads them" in text


def test_names_of_one_word_alone_are_no_artists() -> None:
    """`baroque_church-1.jpg`, `hamburg_hafen-2.jpg`: anything begins with one word."""
    assert said(RAPHAELS)[0] == []
    assert said([*MONETS, *RAPHAELS])[0] == ["claude-monet"] * 6 + ["raphael"] * 6


def test_a_title_that_is_a_number_is_one_beside_others() -> None:
    assert said([*MONETS, "john-hoyland_12", "img-a_12"])[0] == [*["claude-monet"] * 6, "john-hoyland", ""]
    assert said([f"summer-holiday_{n}" for n in range(9)])[0] == []


def test_a_file_that_is_called_after_its_class_names_no_artist() -> None:
    stems = [f"pop-art_soup-{n}" for n in range(5)]
    assert said(stems, classes=["Pop Art", "Dada"])[0] == []
    assert said([*stems, *MONETS], classes=["Pop_Art"])[0] == [""] * 5 + ["claude-monet"] * 6


def test_the_user_decides() -> None:
    assert said(MONETS, asked=False) == ([], "")
    assert said([*RAPHAELS[:1], "x", "y", "z"], asked=True)[0] == ["raphael", "", "", ""]


def test_what_the_source_says_itself_is_left_alone() -> None:
    columns, _ = said_by_names(MONETS, {"artist": ["Monet"] * 6}, class_folders=True)
    assert set(columns) == {"year"}
    assert said_by_names(MONETS, {"artist": ["Monet"] * 6, "year": ["1"] * 6}, class_folders=True) == ({}, [])


@given(st.lists(st.text(max_size=12), max_size=8))
def test_any_names_are_read_or_not(stems: list[str]) -> None:
    columns, notes = said_by_names(stems, {}, asked=True)
    assert all(len(column) == len(stems) for column in columns.values())
    assert bool(columns) == bool(notes)


def folders(where: Path, stems: Sequence[str], classes: str = "ab") -> Path:
    for n, stem in enumerate(stems):
        put(where / "art" / {"a": "Realism", "b": "Cubism"}[classes[n % len(classes)]] / f"{stem}.jpg", jpeg(n))
    return where / "art"


def texts(done: Prepared) -> str:
    return "\n".join(map(shown, done.notes))


def shown(note: Note) -> str:
    return f"{note.count} {note.text}: {'; '.join(note.examples)}"


def test_one_painter_in_two_classes_is_one_artist(tmp_path: Path) -> None:
    source = folders(tmp_path, [f"vincent-van-gogh_w{n}-1885" for n in range(10)])
    done = prepare(source, tmp_path / "d.csv")
    assert set(done.table.columns["artist"]) == {"vincent-van-gogh"}
    assert set(done.table.columns["year"]) == {"1885"}
    assert "artist and year read from 10 of 10 file names" in texts(done)
    assert not {"artist", "year"} & set(prepare(source, tmp_path / "e.csv", reading=Reading(names=False)).table.columns)


def test_a_camera_s_names_reach_neither_table_nor_split_nor_audit(tmp_path: Path) -> None:
    from featurize.dataset.audit import audit

    source = folders(tmp_path, [f"IMG_{1900 + n}" for n in range(8)])
    done = prepare(source, tmp_path / "d.csv")
    assert "artist" not in done.table.labels
    with pytest.raises(SourceError, match="no picture names its artist"):
        prepare(source, tmp_path / "d.csv", split="artist")
    assert audit(read_table(tmp_path / "d.csv"), tmp_path / "d.csv", pictures=False).shared == []


@pytest.mark.parametrize("header", ["file,style", "file,style,title"])
def test_a_list_with_columns_of_its_own_is_read_from_its_columns_alone(tmp_path: Path, header: str) -> None:
    for n, stem in enumerate(MONETS):
        put(tmp_path / f"{stem}.jpg", jpeg(n))
    lines = "".join(f"{stem}.jpg,{'ab'[n % 2]}{',t' * (header.count(',') - 1)}\n" for n, stem in enumerate(MONETS))
    put(tmp_path / "list.csv", f"{header}\n{lines}".encode())
    done = prepare(tmp_path / "list.csv", tmp_path / "d.csv")
    assert not {"artist", "year"} & set(done.table.columns)
    assert "--names reads them" in texts(done)
    asked = prepare(tmp_path / "list.csv", tmp_path / "d.csv", reading=Reading(names=True))
    assert set(asked.table.columns["artist"]) == {"claude-monet"}


def test_the_command_has_both_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = folders(tmp_path, MONETS)
    for option, read in ((), True), (("--no-names",), False), (("--names",), True):
        assert run(cli, ["prepare", str(source), "--out", str(tmp_path / "d.csv"), *option, "--discard-edits"]) == 0
        assert ("read from 6 of 6 file names" in capsys.readouterr().out) is read
        assert ("artist" in read_table(tmp_path / "d.csv").labels) is read


def test_rasta_small_gives_all_its_artists_and_years(shared: Path, tmp_path: Path) -> None:
    done = prepare(shared / "data" / "rasta-small", tmp_path / "d.csv")
    assert len(done.table) == 499
    assert all(done.table.columns["artist"])
    assert "artist and year read from 499 of 499 file names" in texts(done)
