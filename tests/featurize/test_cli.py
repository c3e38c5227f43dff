"""The command line: the main job, and one clear sentence with exit status 1 for everything that can go wrong."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from cache import Recipe, Rows, list_caches, open_cache
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.prepare import prepare
from featurize.engines.fake import FakeEngines
from featurize.errors import SourceError
from tests.cache.earlier import earlier_key, rows_in, write_earlier
from tests.conftest import save_picture
from tests.featurize import fake

RUN = ["run", "--backbone", "resnet18", "--weights", "random", "--batch-size", "4"]
Screen = pytest.CaptureFixture[str]


def call(*arguments: object) -> int:
    return run(cli, [str(a) for a in arguments], FakeEngines())


@pytest.fixture
def here(paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with paintings in it, and the fast engine."""
    monkeypatch.chdir(tmp_path)
    fake.decode_here(monkeypatch)
    return tmp_path


def error_of(screen: Screen) -> str:
    said = screen.readouterr().err
    assert "Traceback" not in said
    return said


def test_the_main_job(here: Path, capsys: Screen) -> None:
    assert call("prepare", "paintings") == 0
    assert "21 images, 3 style classes, 0 rejected" in capsys.readouterr().out
    assert call(*RUN) == 0
    out = capsys.readouterr().out
    assert "21 pictures embedded now" in out
    assert "untrained backbone" in out
    assert call("info") == 0
    assert "untrained backbone" in capsys.readouterr().out
    assert call("verify", "--deep", "--weights", "random") == 0
    assert "every byte is as it was written" in capsys.readouterr().out


def test_an_export_leaves_maps_of_fine_tuning_out_unless_they_are_named(here: Path, capsys: Screen) -> None:
    call("prepare", "paintings")
    call(*RUN)
    (cache,) = list_caches(here / "features")
    maps = Recipe("map@layer4", {"formula": "map before node"})
    cache.append(Rows(cache.ids()[:1], np.zeros(1, np.uint8), {maps: np.ones((1, 4), np.float16)}))
    capsys.readouterr()
    assert call("export", "all.npz") == 0
    assert "wrote 21 rows with avgpool to all.npz" in capsys.readouterr().out
    assert call("export", "--embedding", "avgpool,map@layer4", "both.npz") == 0
    assert "20 rows lack one of these, and --embedding chooses among them" in capsys.readouterr().out


@pytest.mark.parametrize("ending", [".h5", ".npz"])
def test_export_holds_everything_row_by_row(here: Path, ending: str) -> None:
    save_picture(here / "paintings" / "wikipaintings_val" / "Cubism" / "late.jpg", 555)
    call("prepare", "paintings")
    call(*RUN, "--split", "val")
    out = here / f"all{ending}"
    assert call("export", out) == 0
    table = prepare(here / "paintings", here / "dataset.csv").table
    rows = table.rows_of("val").tolist()
    (cache,) = list_caches(here / "features")
    expected = cache.gather(table.ids[rows], cache.recipe("avgpool"))
    if ending == ".h5":
        with h5py.File(out) as file:
            found = {n: file[n].asstr()[:].tolist() for n in ("id", "split", "labels/style", "path")}
            vectors = file["features/avgpool"][:]
    else:
        with np.load(out) as file:
            found = {n: file[n.replace("/", "_")].tolist() for n in ("id", "split", "labels/style", "path")}
            vectors = file["features_avgpool"]
    assert found["id"] == [table.columns["id"][n] for n in rows]
    assert found["labels/style"] == [table.columns["style"][n] for n in rows]
    assert found["path"] == [table.columns["path"][n] for n in rows]
    assert set(found["split"]) == {"val"}
    assert np.array_equal(vectors, expected)
    assert not list(here.glob(".tmp-*"))


def flip_a_bit(folder: Path) -> None:
    (segment,) = folder.glob("*.h5")
    data = bytearray(segment.read_bytes())
    data[-10] ^= 1
    segment.write_bytes(data)


def cut(folder: Path) -> None:
    (segment,) = folder.glob("*.h5")
    segment.write_bytes(segment.read_bytes()[:-500])


def add_foreign(folder: Path) -> None:
    with h5py.File(folder / "foreign.h5", "w") as file:
        file["x"] = np.zeros(3)


@pytest.mark.parametrize("damage", [flip_a_bit, cut, add_foreign])
def test_damage_in_the_cache_is_told_and_mended(here: Path, capsys: Screen, damage: Callable[[Path], None]) -> None:
    call("prepare", "paintings")
    call(*RUN)
    (cache,) = list_caches(here / "features")
    before = cache.gather(cache.ids(), cache.recipe("avgpool")).tobytes()
    damage(Path(cache.place))
    capsys.readouterr()
    assert call("verify") == 1
    assert "is damaged" in error_of(capsys)
    assert call(*RUN) == 0
    assert "set aside" in error_of(capsys)
    assert call("verify") == 0
    again = open_cache(cache.place)
    assert again.gather(again.ids(), again.recipe("avgpool")).tobytes() == before


def as_of_schema_1(folder: Path) -> Path:
    """Write a cache again as the version before schema 2 did, in its place."""
    key = earlier_key("resnet18", open_cache(folder).key.weights)
    old = write_earlier(folder.parent, key, *rows_in(folder))
    shutil.rmtree(folder)
    return old


def test_what_an_earlier_version_embedded_is_told_and_taken_over(here: Path, capsys: Screen) -> None:
    call("prepare", "paintings")
    call(*RUN)
    (cache,) = list_caches(here / "features")
    before = cache.gather(cache.ids(), cache.recipe("avgpool")).tobytes()
    old = as_of_schema_1(Path(cache.place))
    call("run", "--backbone", "resnet34", "--weights", "random")
    capsys.readouterr()
    assert call("info") == 0, "a new cache beside an old one"
    said = capsys.readouterr()
    assert "resnet34-" in said.out
    assert old.name in said.err
    assert call("verify") == 0
    for command in (RUN, ["export", "x.npz", "--key", old.name], ["compact", "--key", "resnet18"]):
        capsys.readouterr()
        assert call(*command) == 1
        assert f"{old.name}' was made by an earlier version of artstyle: `featurize adopt" in error_of(capsys)
    assert call("adopt") == 0
    assert "21 pictures taken over" in capsys.readouterr().out
    assert call(*RUN) == 0
    assert "0 pictures embedded now" in capsys.readouterr().out
    again = open_cache(cache.place)
    assert again.gather(again.ids(), again.recipe("avgpool")).tobytes() == before
    assert call("adopt") == 0
    assert "nothing in features was made by an earlier version" in capsys.readouterr().out


def test_where_there_are_old_caches_only_they_are_told(here: Path, capsys: Screen) -> None:
    write_earlier(here / "features", earlier_key("mynet"))
    assert call("info") == 0
    assert "mynet" in error_of(capsys)
    assert call("verify") == 1
    assert call("adopt") == 1
    assert "a network 'mynet' that it did not come with" in error_of(capsys)


BAD: dict[str, tuple[list[object], str]] = {
    "no dataset table": (RUN, "no dataset table 'dataset.csv': make one with `featurize prepare SOURCE`"),
    "no source": (["prepare", "nowhere"], "there is no 'nowhere'"),
    "no cache": (["info"], "no feature cache in 'features'"),
    "no cache to verify": (["verify"], "no feature cache in 'features'"),
    "sample without pictures": (["sample", "g", "--per-style", "0"], "per_style"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_a_sentence(here: Path, capsys: Screen, name: str) -> None:
    arguments, message = BAD[name]
    assert call(*arguments) == 1
    assert message in error_of(capsys)


BAD_RUNS: dict[str, tuple[list[object], str]] = {
    "an empty split": ([*RUN, "--split", "test"], "the split 'test' is empty (the table has: train 12, val 9)"),
    "an unknown backbone": (["run", "--backbone", "resnet51"], "'resnet51' is not a known backbone"),
    "weights that are nowhere": (["run", "--weights", "nowhere.pth"], "'nowhere.pth' names no weights of resnet50"),
    "an unknown embedding": ([*RUN, "--embedding", "maxpool"], "'maxpool' is not a known embedding"),
    "a table of nonsense": ([*RUN, "--dataset", "paintings"], "can't be read as a dataset table"),
    "export to an unknown ending": (["export", "x.txt"], "use .h5, .hdf5, .npz"),
}


@pytest.mark.parametrize("name", BAD_RUNS)
def test_bad_input_with_a_table_gets_a_sentence(here: Path, capsys: Screen, name: str) -> None:
    call("prepare", "paintings")
    call(*RUN, "--split", "val")
    arguments, message = BAD_RUNS[name]
    assert call(*arguments) == 1
    assert message in error_of(capsys)


ADDRESSES: dict[str, list[object]] = {
    "a table in the web": ["run", "--dataset", "http://127.0.0.1/dataset.csv"],
    "vectors in the web": ["import", "https://127.0.0.1/v.npy", "--table", "t.csv", "--name", "n"],
    "a source of another kind": ["prepare", "ftp://127.0.0.1/paintings"],
    "an export into a bucket": ["export", "s3://bucket/out.npz"],
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_is_never_looked_for_on_this_machine(here: Path, capsys: Screen, name: str) -> None:
    """Nor shown with one slash, as a path would be."""
    address = next(a for a in map(str, ADDRESSES[name]) if "://" in a)
    assert call(*ADDRESSES[name]) == 2
    assert f"{address!r} is no path on this machine" in error_of(capsys)


def test_python_refuses_an_address_of_another_kind_too(here: Path) -> None:
    with pytest.raises(SourceError, match="'ftp://host/paintings' can't be read: give a path, or an address"):
        prepare("ftp://host/paintings")


def test_a_place_for_no_table_is_told_before_pictures_are_read(here: Path, capsys: Screen) -> None:
    (here / "file").touch()
    assert call("prepare", "nowhere", "--out", "file/dataset.csv") == 1
    assert "'file' is a file, and a folder is needed" in error_of(capsys).replace(f"{here}/", "")


def test_wrong_usage_is_status_2(here: Path, capsys: Screen) -> None:
    assert call("run", "--split", "everything") == 2
    assert "'everything' is not one of" in error_of(capsys)
    assert call("rum") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prepare", "paintings", "--sample", "stratified"), "--sample says how --limit chooses"),
        (("prepare", "paintings", "--fetch-rate", "2"), "--fetch-rate is for the address of a IIIF manifest"),
        (("audit", "--images", "paintings"), "--images says how lists are read"),
        (("audit", "--no-names"), "--names says how lists are read"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    here: Path, capsys: Screen, arguments: tuple[str, ...], said: str
) -> None:
    call("prepare", "paintings")
    capsys.readouterr()
    assert call(*arguments) == 2
    assert said in error_of(capsys)


def test_shares_of_a_split_that_is_not_made_are_said_to_have_no_effect(here: Path, capsys: Screen) -> None:
    assert call("prepare", "paintings", "--test", "0.4") == 0
    assert "note: --test had no effect, for the source's own split was kept" in capsys.readouterr().out
    assert call("prepare", "paintings", "--test", "0.4", "--split", "random", "--out", "b.csv") == 0
    assert "no effect" not in capsys.readouterr().out


def test_changed_files_give_status_1_and_all_others_are_embedded(here: Path, capsys: Screen) -> None:
    call("prepare", "paintings")
    save_picture(here / "paintings/wikipaintings_val/Cubism/artist-0_work-16-1616.jpg", 99)
    assert call(*RUN) == 1
    assert "run `featurize prepare` again; all others are embedded" in error_of(capsys)
    (cache,) = list_caches(here / "features")
    assert len(cache.ids()) == 20


def test_a_run_says_which_split_it_was_for(here: Path, capsys: Screen) -> None:
    """It may be one that `artstyle.toml` remembers, and nobody thinks of."""
    call("prepare", "paintings")
    assert call(*RUN, "--split", "train") == 0
    assert " rows of the split train, " in capsys.readouterr().out
    assert call(*RUN) == 0
    assert " rows, 21 distinct pictures: 21 have a vector" in capsys.readouterr().out


def test_a_picture_that_can_not_be_read_is_told(here: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root reads everything, so the refusal itself is played."""
    path = here / "paintings/wikipaintings_val/Cubism/artist-0_work-16-1616.jpg"
    call("prepare", "paintings")
    original = Path.read_bytes

    def refuse(self: Path) -> bytes:
        if self == path:
            raise PermissionError(13, "Permission denied")
        return original(self)

    if os.geteuid():
        path.chmod(0)
    else:
        monkeypatch.setattr(Path, "read_bytes", refuse)
    assert call(*RUN) == 1
    said = capsys.readouterr()
    assert "the file can't be read" in said.out
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1000k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_told_and_nothing_is_lost(here: Path, small_disk: Path, capsys: Screen) -> None:
    call("prepare", "paintings")
    assert call(*RUN, "--split", "val", "--features", small_disk / "features") == 0
    (cache,) = list_caches(small_disk / "features")
    before = cache.gather(cache.ids(), cache.recipe("avgpool")).tobytes()
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free - 4096))
    capsys.readouterr()
    assert call(*RUN, "--features", small_disk / "features") == 1
    assert "the disk is full: free some space" in error_of(capsys)
    again = open_cache(cache.place)
    assert again.gather(again.ids(), again.recipe("avgpool")).tobytes() == before
    (small_disk / "ballast").unlink()
    assert call(*RUN, "--features", small_disk / "features") == 0
    assert len(open_cache(cache.place).ids()) == 21


def test_a_read_only_disk_is_told(here: Path, small_disk: Path, capsys: Screen) -> None:
    call("prepare", "paintings")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert call(*RUN, "--features", small_disk / "features") == 1
    assert "the file system is read-only: choose another folder" in error_of(capsys)
    assert call("prepare", "paintings", "--out", small_disk / "dataset.csv") == 1
    assert "read-only" in error_of(capsys)


def test_a_table_on_a_full_disk_is_not_half_written(here: Path, small_disk: Path, capsys: Screen) -> None:
    out = small_disk / "dataset.csv"
    assert call("prepare", "paintings", "--out", out) == 0
    before = out.read_bytes()
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    save_picture(here / "paintings/wikipaintings_val/Cubism/new.jpg", 77)
    assert call("prepare", "paintings", "--out", out) == 1
    assert "the disk is full" in error_of(capsys)
    assert out.read_bytes() == before


@pytest.mark.parametrize("command", ["featurize", "classify"])
def test_help_answers_at_once_and_loads_nothing_heavy(command: str) -> None:
    code = (
        f"import sys; sys.argv = ['{command}', '--help']\n"
        f"from {command}.commands.main import main\n"
        "try: main()\n"
        "except SystemExit: print(sorted({'torch', 'sklearn', 'scipy', 'PIL', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert done.stdout.startswith(f"Usage: {command}")


def test_debug_shows_where(here: Path, capsys: Screen) -> None:
    assert call("--debug", *RUN) == 1
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_says_how_to_go_on(here: Path, capsys: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    call("prepare", "paintings")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("featurize.run.extract.extract", interrupt)
    assert call(*RUN) == 130
    assert "run the same command again to go on" in error_of(capsys)
