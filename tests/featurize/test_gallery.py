"""The sample paintings: who painted what, that it is the same each time, and that there is something to learn."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from featurize.gallery import Gallery, draw_gallery
from featurize.gallery.artists import ARTISTS, PALETTES, PIGMENTS, painters_of
from featurize.gallery.catalogue import catalogue
from featurize.gallery.photograph import encode, paint
from featurize.gallery.styles import STYLES

NAME = re.compile(r"(?P<artist>[a-z]+(-[a-z]+)+)_(?P<title>[a-z0-9]+(-[a-z0-9]+)*)-(?P<year>1[6-9]\d\d)\.jpg")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Eight pictures a style, drawn once for all tests that only look."""
    return draw_gallery(tmp_path_factory.mktemp("gallery"), per_style=8)


def pictures_in(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, hidden files too: relative path -> bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures that take no time, for tests about files: the bytes are the picture's name and the seed."""
    monkeypatch.setattr("featurize.gallery.paint", lambda picture, seed: (picture, seed))
    monkeypatch.setattr("featurize.gallery.encode", lambda picture, seed: f"{picture.file_name} {seed}".encode())


class TestTheCatalogue:
    def test_there_are_at_least_eight_styles_with_five_artists_each(self) -> None:
        assert len(STYLES) >= 8
        assert {style: len(painters_of(style)) for style in STYLES if len(painters_of(style)) < 5} == {}

    @pytest.mark.parametrize("style", sorted(STYLES))
    def test_every_artist_paints_several_pictures_and_some_many_more_than_others(self, style: str) -> None:
        counts = Counter(picture.artist.name for picture in catalogue(style, 40, 0))
        assert set(counts) == {artist.name for artist in painters_of(style)}
        assert min(counts.values()) >= 2
        assert max(counts.values()) >= 3 * min(counts.values())

    @pytest.mark.parametrize("style", sorted(STYLES))
    def test_a_longer_catalogue_begins_with_the_shorter_one(self, style: str) -> None:
        assert catalogue(style, 40, 3)[:11] == catalogue(style, 11, 3)

    @pytest.mark.parametrize("style", sorted(STYLES))
    def test_file_names_are_unique_and_say_artist_title_and_a_year_the_artist_worked_in(self, style: str) -> None:
        pictures = catalogue(style, 200, 0)
        assert len({picture.file_name for picture in pictures}) == 200
        for picture in pictures:
            parts = NAME.fullmatch(picture.file_name)
            assert parts is not None, picture.file_name
            assert parts["artist"] == picture.artist.name
            spans = [(first, last) for name, first, last in picture.artist.works if name == style]
            assert any(first <= int(parts["year"]) <= last for first, last in spans)

    def test_some_artists_work_in_two_styles(self) -> None:
        assert sum(len({work[0] for work in artist.works}) == 2 for artist in ARTISTS) >= 4

    def test_a_subject_is_painted_in_several_styles_so_that_it_does_not_give_the_style_away(self) -> None:
        painted = {(picture.subject, style) for style in STYLES for picture in catalogue(style, 40, 0)}
        styles_of = Counter(subject for subject, _ in painted)
        for subject in ("landscape", "harbour", "still-life", "portrait"):
            assert styles_of[subject] >= 4

    def test_a_palette_serves_several_styles_so_that_it_does_not_give_the_style_away(self) -> None:
        used = Counter(palette for palette, _ in {(a.palette, work[0]) for a in ARTISTS for work in a.works})
        assert set(used) == set(PALETTES)
        assert min(used.values()) >= 2

    def test_artists_are_consistent(self) -> None:
        assert len({artist.name for artist in ARTISTS}) == len(ARTISTS)
        for artist in ARTISTS:
            assert set(artist.pigments) == set(PIGMENTS)
            for style, first, last in artist.works:
                assert style in STYLES
                assert first < last < first + 50
            subjects = {subject for style, _, _ in artist.works for subject in STYLES[style].subjects}
            assert artist.favourite in subjects


class TestDrawing:
    def test_the_folder_holds_one_folder_a_style_with_that_many_pictures(self, gallery: Gallery) -> None:
        found = Counter(Path(name).parent.as_posix() for name in pictures_in(gallery.folder))
        assert found == dict.fromkeys(gallery.styles, 8)
        assert gallery.styles == tuple(sorted(STYLES))
        assert gallery.pictures == gallery.drawn == 8 * len(STYLES)
        assert set(gallery.artists) == {Path(name).name.split("_")[0] for name in pictures_in(gallery.folder)}

    def test_the_same_seed_gives_the_same_bytes_however_many_are_drawn(self, gallery: Gallery, tmp_path: Path) -> None:
        draw_gallery(tmp_path, per_style=1)
        fewer, more = pictures_in(tmp_path), pictures_in(gallery.folder)
        assert len(fewer) == len(STYLES)
        assert fewer.items() <= more.items()

    @pytest.mark.parametrize("style", sorted(STYLES))
    def test_another_seed_gives_another_picture(self, style: str) -> None:
        picture = catalogue(style, 1, 0)[0]
        assert encode(*paint(picture, 0)) != encode(*paint(picture, 1))

    def test_pictures_are_colour_jpegs_of_various_formats(self, gallery: Gallery) -> None:
        sizes = set()
        for path in gallery.folder.glob("*/*.jpg"):
            with Image.open(path) as image:
                assert (image.format, image.mode) == ("JPEG", "RGB")
                assert 320 <= max(image.size) <= 480
                assert 0.58 < image.width / image.height < 1.75
                sizes.add(image.size)
        assert len(sizes) > 40

    def test_no_two_pictures_of_a_gallery_are_the_same(self, gallery: Gallery) -> None:
        assert len(set(pictures_in(gallery.folder).values())) == gallery.pictures


@pytest.mark.usefixtures("quick")
class TestFiles:
    def test_a_second_call_draws_nothing_and_leaves_the_files_alone(self, tmp_path: Path) -> None:
        first = draw_gallery(tmp_path, per_style=2)
        for path in tmp_path.glob("*/*.jpg"):
            path.write_bytes(b"touched up by hand")
        again = draw_gallery(tmp_path, per_style=2)
        assert (first.drawn, again.drawn) == (first.pictures, 0)
        assert set(pictures_in(tmp_path).values()) == {b"touched up by hand"}

    def test_a_missing_picture_is_drawn_again(self, tmp_path: Path) -> None:
        draw_gallery(tmp_path, per_style=2)
        before = pictures_in(tmp_path)
        next(tmp_path.glob("Cubism/*.jpg")).unlink()
        assert draw_gallery(tmp_path, per_style=2).drawn == 1
        assert pictures_in(tmp_path) == before

    def test_progress_counts_every_picture_drawn_or_not(self, tmp_path: Path) -> None:
        total = 2 * len(STYLES)
        seen: list[tuple[int, int]] = []
        for _ in range(2):
            draw_gallery(tmp_path, per_style=2, progress=lambda done, total: seen.append((done, total)))
        assert seen == 2 * [(done, total) for done in range(1, total + 1)]

    def test_an_interrupted_call_leaves_whole_pictures_and_is_taken_up_where_it_stopped(self, tmp_path: Path) -> None:
        def interrupt(done: int, total: int) -> None:
            if done == 7:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            draw_gallery(tmp_path / "a", per_style=2, progress=interrupt)
        assert len(pictures_in(tmp_path / "a")) == 7
        assert draw_gallery(tmp_path / "a", per_style=2).drawn == 2 * len(STYLES) - 7
        draw_gallery(tmp_path / "b", per_style=2)
        assert pictures_in(tmp_path / "a") == pictures_in(tmp_path / "b")

    @pytest.mark.parametrize("step", ["write_bytes", "replace"])
    def test_an_interrupted_write_leaves_no_half_picture(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        def interrupt(path: Path, *_: Any) -> None:
            with path.open("wb") as file:
                file.write(b"half a pic")
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Path, step, interrupt)
            with pytest.raises(KeyboardInterrupt):
                draw_gallery(tmp_path, per_style=1)
        assert pictures_in(tmp_path) == {}

    def test_parts_left_by_a_killed_process_are_swept_but_not_those_of_a_running_one(self, tmp_path: Path) -> None:
        (tmp_path / "Cubism").mkdir()
        old, young = tmp_path / "Cubism/.a_b-1910.jpg.1.part", tmp_path / "Cubism/.a_c-1911.jpg.2.part"
        old.write_bytes(b"half")
        young.write_bytes(b"half")
        os.utime(old, (time.time() - 3600,) * 2)
        draw_gallery(tmp_path, per_style=1)
        assert (old.exists(), young.exists()) == (False, True)

    def test_missing_folders_are_made(self, tmp_path: Path) -> None:
        assert draw_gallery(tmp_path / "some" / "where", per_style=1).drawn == len(STYLES)

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            pytest.param({"per_style": 0}, "per_style is 0.*1 or more", id="none"),
            pytest.param({"per_style": -3}, "per_style is -3.*1 or more", id="fewer than none"),
            pytest.param({"seed": -1}, "seed is -1.*0 or more", id="negative seed"),
        ],
    )
    def test_numbers_that_make_no_gallery_are_refused(
        self, tmp_path: Path, arguments: dict[str, Any], named: str
    ) -> None:
        with pytest.raises(ValueError, match=named):
            draw_gallery(tmp_path / "new", **arguments)
        assert not (tmp_path / "new").exists()

    def test_a_file_in_the_folders_place_is_refused_and_kept(self, tmp_path: Path) -> None:
        place = tmp_path / "notes.txt"
        place.write_text("mine")
        with pytest.raises(ValueError, match=r"notes\.txt is a file.*name another"):
            draw_gallery(place)
        assert place.read_text() == "mine"


@pytest.fixture(scope="module")
def crude(gallery: Gallery) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Standardised colour and gradient statistics (N, 11), styles (N,), artists (N,)."""
    rows, styles, artists = [], [], []
    for path in sorted(gallery.folder.glob("*/*.jpg")):
        with Image.open(path) as image:
            pixels = np.asarray(image.resize((96, 96)), float) / 255
        grey = pixels.mean(2)
        steps = [np.abs(np.diff(grey, axis=axis)) for axis in (0, 1)]
        edges = [value for step in steps for value in (step.mean(), (step > 0.1).mean())]
        chroma = np.ptp(pixels, axis=2)
        rows.append([*pixels.mean((0, 1)), *pixels.std((0, 1)), *edges, chroma.mean()])
        styles.append(path.parent.name)
        artists.append(path.name.split("_")[0])
    features = np.array(rows)
    return (features - features.mean(0)) / features.std(0), np.array(styles), np.array(artists)


class TestSomethingToLearn:
    def test_styles_can_be_told_from_crude_statistics_far_better_than_by_chance(self, crude: Any) -> None:
        features, styles, _ = crude
        assert nearest_agrees(features, styles) > 3 / len(STYLES)

    def test_no_single_statistic_gives_the_styles_away(self, crude: Any) -> None:
        features, styles, _ = crude
        assert max(nearest_agrees(column[:, None], styles) for column in features.T) < 0.6

    def test_an_artists_pictures_resemble_each_other_more_than_the_rest_of_the_style(self, crude: Any) -> None:
        features, styles, artists = crude
        far = np.linalg.norm(features[:, None] - features[None], axis=2)
        within_style = (styles[:, None] == styles[None]) & ~np.eye(len(styles), dtype=bool)
        by_one = artists[:, None] == artists[None]
        assert far[within_style & by_one].mean() < 0.75 * far[within_style & ~by_one].mean()


def nearest_agrees(features: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    """How often a picture's nearest neighbour has its label."""
    far = np.linalg.norm(features[:, None] - features[None], axis=2)
    np.fill_diagonal(far, np.inf)
    return float((labels[far.argmin(1)] == labels).mean())
