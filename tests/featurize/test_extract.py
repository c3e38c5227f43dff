"""The run: each picture once, nothing lost, nothing silent, and the same bits whatever happened."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cache import list_caches, open_cache
from cache.plan import unfinished
from featurize.dataset.prepare import prepare
from featurize.dataset.table import DatasetTable, read_table
from featurize.engines.fake import FakeEngine, FakeEngines
from featurize.errors import Disagreement, TableError
from featurize.networks.recipes import FORMULAS
from featurize.reasons import Reason
from featurize.run.agreement import relative_difference
from featurize.run.extract import Extraction, Settings, extract
from featurize.run.references import load_references
from tests import sizes
from tests.conftest import ROOT, save_picture
from tests.featurize import fake
from tests.featurize.hazards import REASONS

SQUARE = (224, 224, 3)
AVGPOOL = FORMULAS["avgpool"].recipe


def settings(**changes: object) -> Settings:
    return Settings(**{"backbone": "resnet18", "weights": "random", "batch_size": 4, **changes})  # type: ignore[arg-type]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> FakeEngines:
    fake.decode_here(monkeypatch)
    return FakeEngines()


@pytest.fixture
def table(paintings: Path, tmp_path: Path) -> DatasetTable:
    return prepare(paintings, tmp_path / "dataset.csv").table


def vectors(done: Extraction, table: DatasetTable) -> bytes:
    return open_cache(done.folder).gather(table.ids, AVGPOOL).tobytes()


def test_every_picture_is_embedded_once(table: DatasetTable, tmp_path: Path, engines: FakeEngines) -> None:
    first = extract(table, tmp_path / "features", settings(), engines=engines)
    assert (first.pictures, first.embedded, first.failed) == (21, 21, [])
    again = extract(table, tmp_path / "features", settings(), engines=engines)
    assert (again.pictures, again.embedded) == (21, 0)
    assert len(engines.made) == 1, "nothing is loaded where nothing is missing"
    assert unfinished(open_cache(first.folder).artifacts) == []


def test_train_after_val_adds_only_what_is_missing(table: DatasetTable, tmp_path: Path, engines: FakeEngines) -> None:
    assert extract(table, tmp_path / "features", settings(split="val"), engines=engines).embedded == 9
    assert extract(table, tmp_path / "features", settings(split="train"), engines=engines).embedded == 12
    assert extract(table, tmp_path / "features", settings(split="all"), engines=engines).embedded == 0
    with pytest.raises(TableError, match="'test' is empty"):
        extract(table, tmp_path / "features", settings(split="test"), engines=engines)


def test_the_same_picture_under_two_paths_is_embedded_once(
    paintings: Path, tmp_path: Path, engines: FakeEngines
) -> None:
    source = paintings / "wikipaintings_train" / "Baroque" / "artist-0_work-1-1601.jpg"
    shutil.copy(source, paintings / "wikipaintings_val" / "Cubism" / "a-copy.jpg")
    done = extract(
        prepare(paintings, tmp_path / "dataset.csv").table, tmp_path / "features", settings(), engines=engines
    )
    assert (done.rows, done.pictures, done.embedded) == (22, 21, 21)


def test_moved_and_relabelled_pictures_are_not_embedded_again(
    paintings: Path, tmp_path: Path, engines: FakeEngines
) -> None:
    extract(prepare(paintings, tmp_path / "a.csv").table, tmp_path / "features", settings(), engines=engines)
    (paintings / "wikipaintings_train").rename(paintings / "test")
    (paintings / "test" / "Cubism").rename(paintings / "test" / "Fauvism")
    assert (
        extract(
            prepare(paintings, tmp_path / "b.csv").table, tmp_path / "features", settings(), engines=engines
        ).embedded
        == 0
    )


def test_another_network_transform_or_weights_is_another_cache(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    """A stale cache is never reused."""
    for changes in ({}, {"backbone": "resnet34"}, {"backbone": "resnet50"}):
        assert extract(table, tmp_path / "features", settings(**changes), engines=engines).embedded == 21
    assert len(list_caches(tmp_path / "features")) == 3


def test_broken_pictures_are_rows_with_reasons_and_move_nobody(
    paintings: Path, tmp_path: Path, engines: FakeEngines
) -> None:
    clean = extract(prepare(paintings, tmp_path / "a.csv").table, tmp_path / "clean", settings(), engines=engines)
    broken = paintings / "wikipaintings_train" / "Baroque" / "artist-0_cut-1600.jpg"
    broken.write_bytes(REASONS["JPEG, cut"][0]())
    table = prepare(paintings, tmp_path / "b.csv").table
    done = extract(table, tmp_path / "features", settings(), engines=engines)
    assert [(f.path, f.reason) for f in done.failed] == [(broken, Reason.TRUNCATED)]
    assert done.embedded == 21
    good = read_table(tmp_path / "a.csv")
    ours = open_cache(done.folder).gather(good.ids, AVGPOOL)
    theirs = open_cache(clean.folder).gather(good.ids, AVGPOOL)
    assert relative_difference(ours, theirs).max() < 1e-5, "each vector is its own picture's"
    made = len(engines.made)
    again = extract(table, tmp_path / "features", settings(), engines=engines)
    assert (again.embedded, [f.reason for f in again.failed]) == (0, [Reason.TRUNCATED])
    assert len(engines.made) == made, "tried once"
    extract(table, tmp_path / "features", settings(retry_failed=True), engines=engines)
    assert len(engines.made) == made + 1, "tried again on request"


def test_files_changed_since_prepare_are_told_and_all_others_embedded(
    table: DatasetTable, paintings: Path, tmp_path: Path, engines: FakeEngines
) -> None:
    changed = table.picture(3).path
    save_picture(changed, 1234)
    gone = table.picture(5).path
    gone.unlink()
    done = extract(table, tmp_path / "features", settings(), engines=engines)
    assert done.embedded == 19
    assert {(f.path, f.reason) for f in done.failed} == {(changed, Reason.CHANGED), (gone, Reason.MISSING)}
    assert unfinished(open_cache(done.folder).artifacts) == []


def test_a_touched_file_with_the_same_content_is_no_change(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    table.picture(0).path.touch()
    assert extract(table, tmp_path / "features", settings(), engines=engines).failed == []


def test_a_change_between_looking_and_decoding_is_found(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same size, same time, other bytes: the content decides."""
    path = table.picture(0).path
    facts, data = path.stat(), bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    import os

    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    done = extract(table, tmp_path / "features", settings(), engines=engines)
    assert [(f.path, f.reason) for f in done.failed] == [(path, Reason.CHANGED)]
    assert done.embedded == 20


def test_a_machine_that_computes_otherwise_may_not_add_rows(
    table: DatasetTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.decode_here(monkeypatch)
    done = extract(table, tmp_path / "features", settings(split="val"), engines=FakeEngines())
    with pytest.raises(Disagreement, match="differs from the stored 'avgpool' vector"):
        extract(table, tmp_path / "features", settings(), engines=FakeEngines(bias=0.1))
    assert len(open_cache(done.folder).ids()) == 9
    assert extract(table, tmp_path / "features", settings(), engines=FakeEngines(bias=1e-6)).embedded == 12


def old_and_new(table: DatasetTable) -> tuple[DatasetTable, DatasetTable]:
    """9 pictures, and the 12 others."""
    split = table.columns["split"]
    old, new = (table.take([n for n, part in enumerate(split) if (part == "val") is val]) for val in (True, False))
    return old, new


def test_new_pictures_alone_are_compared_by_the_caches_own_past(
    table: DatasetTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table names none of the stored pictures, and their files are gone: their pixels were kept with the key."""
    fake.decode_here(monkeypatch)
    old, new = old_and_new(table)
    done = extract(old, tmp_path / "features", settings(), engines=FakeEngines())
    for n in range(len(old)):
        old.picture(n).path.unlink()
    with pytest.raises(Disagreement, match=r"embedding 'reference picture [0-9a-f]{12}' again differs"):
        extract(new, tmp_path / "features", settings(), engines=FakeEngines(bias=0.1))
    assert len(open_cache(done.folder).ids()) == 9
    assert extract(new, tmp_path / "features", settings(), engines=FakeEngines(bias=1e-6)).embedded == 12
    assert len(load_references(open_cache(done.folder).artifacts, SQUARE)) == 4
    assert not open_cache(done.folder).verify()


@pytest.mark.parametrize(
    "before", [{"views": 14}, {"views": 4}, {"embedding": "stats"}, {"views": 4, "size": 64}], ids=str
)
@pytest.mark.parametrize("first", [{}, {"views": 14}, None], ids=str)
def test_new_pictures_alone_are_compared_whatever_the_network_is_shown(
    table: DatasetTable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: dict[str, object],
    first: dict[str, object] | None,
) -> None:
    """Several views, and a second recipe whose vectors the first reference pictures lack: each keeps its own."""
    fake.decode_here(monkeypatch)
    old, new = old_and_new(table)
    if first is not None:
        extract(old.take([0, 1]), tmp_path / "features", settings(**first), engines=FakeEngines())
    extract(old.take(list(range(2, 9))), tmp_path / "features", settings(**before), engines=FakeEngines())
    with pytest.raises(Disagreement, match=r"embedding 'reference picture [0-9a-f]{12}' again differs"):
        extract(new, tmp_path / "features", settings(**before), engines=FakeEngines(bias=0.1))
    said: list[str] = []
    extract(new, tmp_path / "features", settings(**before), say=said.append, engines=FakeEngines())
    assert not [line for line in said if "nothing shows" in line]


@pytest.mark.parametrize("lost", ["removed", "cut"])
def test_where_nothing_can_be_compared_it_is_said(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines, lost: str
) -> None:
    """The reference pictures are gone or damaged, and the table names new pictures alone."""
    old, new = old_and_new(table)
    said: list[str] = []
    done = extract(old, tmp_path / "features", settings(), say=said.append, engines=engines)
    (file,) = done.folder.glob("references-*.npz")
    file.unlink() if lost == "removed" else file.write_bytes(file.read_bytes()[:1000])
    assert not [line for line in said if "nothing shows" in line], "a new cache has nothing to fit"
    assert extract(new.take([0, 1]), tmp_path / "features", settings(), say=said.append, engines=engines).embedded == 2
    assert [line for line in said if line.startswith("nothing shows whether the new vectors fit the stored ones")]
    said.clear()
    extract(new, tmp_path / "features", settings(), say=said.append, engines=engines)
    assert not [line for line in said if "nothing shows" in line], "two pictures are stored, and kept as references"


def test_references_are_kept_once_and_checked_against_their_name(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    done = extract(table, tmp_path / "features", settings(split="val"), engines=engines)
    (file,) = done.folder.glob("references-*.npz")
    before = file.read_bytes()
    extract(table, tmp_path / "features", settings(), engines=engines)
    (again,) = done.folder.glob("references-*.npz")
    assert (again.name, again.read_bytes()) == (file.name, before)
    file.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    assert not load_references(open_cache(done.folder).artifacts, SQUARE)
    assert len(open_cache(done.folder).verify()) == 1


class OneOff(FakeEngine):
    """Computes one place of its first batch otherwise."""

    place = 0

    def run(self, pixels: np.ndarray) -> list[np.ndarray]:
        outputs = super().run(pixels)
        if self.seen == 1:
            outputs[0][self.place] += 1
        return outputs


@pytest.mark.parametrize("place", range(4))
def test_one_picture_of_several_that_disagrees_is_enough(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """Four stored pictures are embedded again before new rows join: each of them counts."""
    extract(table, tmp_path / "features", settings(split="val"), engines=engines)
    monkeypatch.setattr(OneOff, "place", place)
    with pytest.raises(Disagreement):
        extract(table, tmp_path / "features", settings(), engines=lambda _, formulas, *__: OneOff(formulas, 4))


def test_a_damaged_segment_is_made_again_by_the_next_run(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    done = extract(table, tmp_path / "features", settings(), engines=engines)
    before = vectors(done, table)
    (hurt,) = done.folder.glob("*.h5")
    data = bytearray(hurt.read_bytes())
    data[-100] ^= 1
    hurt.write_bytes(data)
    again = extract(table, tmp_path / "features", settings(), engines=engines)
    assert again.set_aside == [hurt.name]
    assert again.embedded == 21
    assert vectors(again, table) == before


def test_ctrl_c_keeps_what_is_finished_and_the_rest_follows_bit_for_bit(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    reference = vectors(extract(table, tmp_path / "reference", settings(), engines=engines), table)

    def interrupt(done: int, total: int) -> None:
        if done >= 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(table, tmp_path / "features", settings(), progress=interrupt, engines=engines)
    (cache,) = list_caches(tmp_path / "features")
    assert len(cache.ids()) >= 8, "finished batches were committed"
    done = extract(table, tmp_path / "features", settings(), engines=engines)
    assert done.embedded == 21 - len(cache.ids())
    assert vectors(done, table) == reference


def many_pictures(folder: Path, count: int) -> DatasetTable:
    for n in range(count):
        save_picture(folder / "pictures" / f"Style-{n % 3}" / f"a-{n % 5}_p-{n}.jpg", n, (40, 30))
    prepare(folder / "pictures", folder / "dataset.csv", split="random")
    return read_table(folder / "dataset.csv")


def run_killed_at(segments: int | None, folder: Path, features: str, pause: float = 0.0) -> int:
    """A run in a process of its own, killed when it has committed so many segments; gives its exit status."""
    arguments = ["--dataset", folder / "dataset.csv", "--features", folder / features]
    arguments += ["--backbone", "resnet18", "--weights", "random", "--batch-size", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.featurize.run_fake", "0.004", "run", *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    if segments is not None:
        while process.poll() is None and len(list((folder / features).glob("*/*.h5"))) < segments:
            time.sleep(0.002)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
    _, stderr = process.communicate()
    assert segments is not None or process.returncode == 0, stderr.decode()
    return process.returncode


def kill_campaign(folder: Path, kills: int, seed: int) -> int:
    """Kill runs at random moments until `kills` have hit one; after each, finish and compare bit for bit.

    Returns how many kills found the run with part of its segments committed.
    """
    table = many_pictures(folder, 150)
    assert run_killed_at(None, folder, "reference") == 0
    (reference,) = list_caches(folder / "reference")
    expected = reference.gather(table.ids, AVGPOOL).tobytes()
    rng = random.Random(seed)
    done = halfway = 0
    while done < kills:
        features = f"features-{done}"
        if run_killed_at(rng.randint(0, 8), folder, features, pause=rng.uniform(0, 0.05)) == 0:
            continue  # it was faster than the kill
        done += 1
        caches = list_caches(folder / features)
        kept = len(caches[0].ids()) if caches else 0
        halfway += 0 < kept < 150
        if caches:
            assert not caches[0].verify(), "a killed run leaves whole segments only"
            assert kept % 16 == 0 or kept == 150, "at most the segment in flight was lost"
        assert run_killed_at(None, folder, features) == 0
        (cache,) = list_caches(folder / features)
        assert cache.gather(table.ids, AVGPOOL).tobytes() == expected
        assert not list(Path(cache.place).glob(".tmp-*"))
        shutil.rmtree(folder / features)
    return halfway


def test_killed_at_any_moment_the_vectors_are_those_of_an_uninterrupted_run(tmp_path: Path) -> None:
    halfway = kill_campaign(tmp_path, sizes.KILLS, seed=0)
    assert halfway >= sizes.KILLS // 4, "the kills must hit runs that had begun to commit"


@pytest.mark.slow
def test_killed_very_often(tmp_path: Path) -> None:
    kill_campaign(tmp_path, sizes.KILLS_SLOW, seed=1)


def test_a_complete_cache_is_recognised_without_torch(
    table: DatasetTable, tmp_path: Path, engines: FakeEngines
) -> None:
    extract(table, tmp_path / "features", settings(), engines=engines)
    code = (
        "import sys; from featurize.commands.main import cli; from featurize.commands.console import run;"
        "status = run(cli, sys.argv[1:]); print('torch' in sys.modules, 'sklearn' in sys.modules, status)"
    )
    arguments = ["run", "--backbone", "resnet18", "--weights", "random"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False False 0", done.stderr
    assert "21 have a vector, 0 have none; 0 pictures embedded now" in done.stdout


def test_real_networks_give_the_same_bits_after_an_interruption(table: DatasetTable, tmp_path: Path) -> None:
    chosen = settings(backbone="squeezenet1_1")
    reference = vectors(extract(table, tmp_path / "reference", chosen), table)

    def interrupt(done: int, total: int) -> None:
        if done >= 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(table, tmp_path / "features", chosen, progress=interrupt)
    assert vectors(extract(table, tmp_path / "features", chosen), table) == reference


def test_vectors_of_real_pictures_do_not_depend_on_size_of_batch(table: DatasetTable, tmp_path: Path) -> None:
    found = []
    for size in (1, 4, 21):
        done = extract(table, tmp_path / str(size), settings(backbone="squeezenet1_1", batch_size=size))
        found.append(open_cache(done.folder).gather(table.ids, AVGPOOL))
    assert relative_difference(found[1], found[0]).max() < 1e-5
    assert relative_difference(found[2], found[0]).max() < 1e-5
    assert np.std(found[0], axis=0).max() > 0
