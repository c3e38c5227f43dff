"""Hostile pictures in a run: each costs its own row, every row has one outcome, and nobody else notices."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache import open_cache
from cache.ids import from_hex
from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.prepare import prepare
from featurize.dataset.table import DatasetTable
from featurize.engines.fake import FakeEngines
from featurize.errors import DecoderMissing, Undecodable
from featurize.networks.recipes import FORMULAS
from featurize.pictures import decoder_processes
from featurize.pictures.file import digest
from featurize.pictures.transform import Transform
from featurize.reasons import Reason
from featurize.run import pipeline
from featurize.run.extract import Extraction, Settings, extract
from featurize.run.outcomes import FILE
from tests import sizes
from tests.campaigns.mutants import Mutants, overwrite
from tests.conftest import ROOT, save_picture
from tests.featurize import fake
from tests.featurize.hazards import JPEG, PIXELS, REASONS

AVGPOOL = FORMULAS["avgpool"].recipe
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Companions that a picture can crash or hang."""
    monkeypatch.setattr(decoder_processes, "PROGRAM", "tests.featurize.companion_crashing")
    monkeypatch.setattr(decoder_processes, "LIMIT", 1.5)
    decoder_processes.stop()
    yield
    decoder_processes.stop()


def table_of(folder: Path, contents: Mapping[str, bytes | None]) -> DatasetTable:
    """Files and their table, as `featurize prepare` would not write it: with whatever is in them, or without them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        if data is not None:
            (folder / name).write_bytes(data)
    ids = [digest(data if data is not None else name.encode()) for name, data in contents.items()]
    return DatasetTable({"id": ids, "path": list(contents), "split": ["train"] * len(ids)}, folder)


def embed(
    table: DatasetTable, folder: Path, say: Callable[[str], None] = lambda line: None, **changes: object
) -> Extraction:
    chosen = {"backbone": "resnet18", "weights": "random", "batch_size": 4, "size": 32, "workers": 2, **changes}
    return extract(table, folder, Settings(**chosen), say=say, engines=FakeEngines())  # type: ignore[arg-type]


def rows_with_a_vector(done: Extraction, table: DatasetTable) -> dict[str, bytes]:
    cache = open_cache(done.folder)
    there = cache.embedded(table.ids, AVGPOOL)
    paths = [Path(p).name for p, has in zip(table.columns["path"], there, strict=True) if has]
    return dict(zip(paths, map(bytes, cache.gather(table.ids[there], AVGPOOL)), strict=True)) if paths else {}


def test_every_hazard_has_its_one_outcome_in_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through companions, as users have them."""
    good = {f"good-{n}": make() for n, (make, _, _) in enumerate(PIXELS.values())}
    bad = {f"bad-{n}": make() for n, (make, _) in enumerate(REASONS.values())}
    table = table_of(tmp_path / "pictures", {**good, **bad})
    done = embed(table, tmp_path / "features")
    assert {Path(f.path).name: f.reason for f in done.failed} == {
        name: reason for name, (_, reason) in zip(bad, REASONS.values(), strict=True)
    }
    assert rows_with_a_vector(done, table).keys() == good.keys()


QUICK = [name for name in REASONS if "gigabyte" not in name]  # to make
KINDS = st.sampled_from(["good", "bad", "missing", "twice"])


@settings(max_examples=max(sizes.HYPOTHESIS_EXAMPLES // 4, 10))
@given(kinds=st.lists(KINDS, min_size=1, max_size=14), seed=st.integers(0, 9))
def test_rows_are_embedded_or_failed_and_neighbours_keep_their_bits(kinds: list[str], seed: int) -> None:
    """Whatever stands between the good pictures: their vectors are those of a run in which it was fine, too.

    Files that are missing, and a picture's second path, are known before the plan is made.
    """
    import tempfile

    rng = random.Random(seed)
    fine: dict[str, bytes | None] = {}
    hostile: dict[str, bytes | None] = {}
    for n, kind in enumerate(kinds):
        whole = JPEG + bytes([n, seed])
        fine[f"{n}"] = whole
        named = REASONS[rng.choice(QUICK)][0]() + bytes([n + 1])  # no two alike
        hostile[f"{n}"] = {"good": whole, "bad": named, "missing": None, "twice": hostile.get("0", whole)}[kind]
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        fake.decode_here(patch)
        folder = Path(name)
        table, expected = table_of(folder / "a", hostile), table_of(folder / "b", fine)
        done, reference = embed(table, folder / "features"), embed(expected, folder / "reference")
        found, wanted = rows_with_a_vector(done, table), rows_with_a_vector(reference, expected)
        failed = [Path(f.path).name for f in done.failed]
        assert len(failed) == len(set(failed))
        assert set(failed) | found.keys() == hostile.keys()
        assert not set(failed) & found.keys()
        assert done.rows == len(found) + len(failed)
        if not {"twice", "missing"} & set(kinds):  # those have no place in the plan
            for n in found.keys() & {f"{k}" for k, kind in enumerate(kinds) if kind == "good"}:
                assert found[n] == wanted[n]


HOSTILE = {
    "crash": (b"CRASH-IT", Reason.CRASHED, "SIGSEGV"),
    "leave": (b"LEAVE-IT", Reason.CRASHED, "exit status 3"),
    "hang": (b"HANG-IT", Reason.HUNG, "stopped after"),
    "wait": (b"WAIT-FOREVER", Reason.HUNG, "stopped after"),
    "eat": (b"EAT-MEMORY", Reason.TOO_LARGE, "memory"),
}


def test_a_picture_that_crashes_or_hangs_the_decoder_costs_its_row(tmp_path: Path, crashing: None) -> None:
    """Whether it holds the interpreter's lock or not; all others have the bits of a run in which it was harmless."""
    contents = {f"good-{n}": JPEG + bytes([n]) for n in range(9)}
    contents |= {name: JPEG + word for name, (word, _, _) in HOSTILE.items()}
    contents |= {f"more-{n}": JPEG + bytes([n, n]) for n in range(3)}
    table = table_of(tmp_path / "pictures", contents)
    done = embed(table, tmp_path / "features")
    assert {Path(f.path).name: f.reason for f in done.failed} == {n: r for n, (_, r, _) in HOSTILE.items()}
    for failure in done.failed:
        assert HOSTILE[Path(failure.path).name][2] in failure.detail
    found = rows_with_a_vector(done, table)
    again = embed(table, tmp_path / "features")
    assert (again.embedded, len(again.failed)) == (0, len(HOSTILE)), "what crashed is not tried by every run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoder_processes, "PROGRAM", "featurize.pictures.decoder_processes")
        decoder_processes.stop()
        reference = rows_with_a_vector(embed(table, tmp_path / "reference"), table)
        assert {n: reference[n] for n in found} == found
        mended = embed(table, tmp_path / "features", retry_failed=True)
        assert (mended.embedded, mended.failed) == (len(HOSTILE), []), "tried again on request"
        assert rows_with_a_vector(mended, table).keys() == reference.keys()
        decoder_processes.stop()


def test_a_crash_that_does_not_happen_again_costs_nothing(tmp_path: Path, crashing: None) -> None:
    """Killed by mistake, or for a neighbour's memory: a picture is judged by its second try."""
    word = b"ONLY-ONCE:" + bytes(tmp_path / "seen")
    table = table_of(tmp_path / "pictures", {"a": JPEG, "once": JPEG + word})
    assert embed(table, tmp_path / "features").failed == []
    assert (tmp_path / "seen").exists()


def test_a_companion_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is nobody's picture's fault: no row is written."""
    monkeypatch.setattr(decoder_processes, "PROGRAM", "tests.featurize.there_is_no_such_module")
    decoder_processes.stop()
    table = table_of(tmp_path / "pictures", {"a": JPEG})
    with pytest.raises(DecoderMissing, match="does not start: run "):
        embed(table, tmp_path / "features")
    decoder_processes.stop()
    monkeypatch.undo()
    fake.decode_here(monkeypatch)
    assert embed(table, tmp_path / "features").embedded == 1


def test_companions_give_the_pixels_of_this_process() -> None:
    for crop, decode in ((32, "exact"), (224, "fast")):
        transform = Transform(resize=crop + 8, crop=crop, decode=decode)
        assert np.array_equal(
            decoder_processes.pixels_of(JPEG, transform), decoder_processes.pixels_here(JPEG, transform)
        )
    with pytest.raises(Undecodable, match="cut short"):
        decoder_processes.pixels_of(JPEG[:-50], Transform())


def test_companions_end_with_their_process(tmp_path: Path) -> None:
    """However it ends: here it is killed."""
    code = (
        "import sys, time; from featurize.pictures import decoder_processes;"
        "from featurize.pictures.transform import Transform;"
        "decoder_processes.pixels_of(open(sys.argv[1], 'rb').read(), Transform());"
        "print(decoder_processes.idle_processes()[0], flush=True); time.sleep(60)"
    )
    path = save_picture(tmp_path / "a.jpg")
    with subprocess.Popen([sys.executable, "-c", code, path], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        companion = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    for _ in range(100):
        try:
            os.kill(companion, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{companion}/stat").read_text().split()[2] == "Z":
            return  # dead; whoever adopted it has not looked yet
        time.sleep(0.1)
    raise AssertionError("it outlived its process")


def test_the_run_ends_with_reasons_and_a_file_of_failures(
    paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.decode_here(monkeypatch)
    monkeypatch.chdir(tmp_path)
    broken = paintings / "wikipaintings_train" / "Baroque" / "cut.jpg"
    broken.write_bytes(REASONS["JPEG, cut"][0]())
    table = prepare(paintings, tmp_path / "dataset.csv").table
    command = ["run", "--backbone", "resnet18", "--weights", "random"]
    assert run(cli, command) == 0, "a picture that fails is no error of the run"
    out = capsys.readouterr().out
    assert "the picture is cut short" in out
    assert "22 rows, 22 distinct pictures: 21 have a vector, 1 has none" in out
    (path,) = (tmp_path / "features").glob(f"*/{FILE}")
    assert str(path.relative_to(tmp_path)) in out.replace("\n", "")
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(r["path"], r["id"], r["reason"]) for r in rows] == [
        (str(broken), digest(broken.read_bytes()), "truncated")
    ]
    assert "truncated" in rows[0]["detail"]
    assert run(cli, [*command, "--strict"]) == 1
    assert "--strict allows none" in capsys.readouterr().err
    broken.unlink()
    prepare(paintings, tmp_path / "dataset.csv")
    assert run(cli, [*command, "--strict"]) == 0
    assert not path.exists(), "nothing failed"
    assert len(table) == 22


def test_a_vector_that_is_there_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures may be moved away once they are embedded; one that became another picture is told."""
    fake.decode_here(monkeypatch)
    table = table_of(tmp_path / "pictures", {"a": JPEG, "b": JPEG + b"b"})
    embed(table, tmp_path / "features")
    (tmp_path / "pictures" / "a").unlink()
    assert embed(table, tmp_path / "features").failed == []
    (tmp_path / "pictures" / "b").write_bytes(JPEG + b"c")
    assert [f.reason for f in embed(table, tmp_path / "features").failed] == [Reason.CHANGED]


def violations(folder: Path, monkeypatch: pytest.MonkeyPatch, count: int, first: int = 0) -> list[str]:
    campaign = Mutants(folder, 0, monkeypatch, each=1)
    found = [v for n in range(first, first + count) for v in campaign.trial(n).violations]
    decoder_processes.stop()
    return found


def test_mutants_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert violations(tmp_path, monkeypatch, sizes.MUTANTS) == []


@pytest.mark.slow
def test_many_mutants_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert violations(tmp_path, monkeypatch, sizes.MUTANTS_SLOW, first=1000) == []


def test_the_campaign_finds_pictures_that_are_half_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_processes, "PROGRAM", "tests.featurize.companion_forgiving")
    found = violations(tmp_path, monkeypatch, 60)
    assert any("not the whole picture" in v for v in found)


def test_the_campaign_finds_rows_that_are_written_to_a_neighbour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = Mutants(tmp_path, 0, monkeypatch, each=1)
    monkeypatch.setattr(pipeline._Decoded, "fill", overwrite)
    found = [v for n in range(0, 1000, 100) for v in campaign.trial(n).violations]
    decoder_processes.stop()
    assert any("neighbour" in v for v in found)


def test_the_campaign_finds_crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_processes, "PROGRAM", "tests.featurize.companion_crashing")
    campaign = Mutants(tmp_path, 0, monkeypatch, each=1)
    monkeypatch.setattr("tests.campaigns.mutants.mutate", lambda data, rng, others: ("flip", data + b"CRASH-IT"))
    assert "no decoder may do this" in campaign.trial(1).violations[0]
    decoder_processes.stop()


def test_ids_in_the_file_of_failures_are_those_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line a row: the same broken picture under two paths is told twice."""
    fake.decode_here(monkeypatch)
    bad = REASONS["PNG, cut"][0]()
    table = table_of(tmp_path / "pictures", {"x": bad, "good": JPEG, "y": bad})
    done = embed(table, tmp_path / "features")
    assert [Path(f.path).name for f in done.failed] == ["x", "y"]
    assert from_hex([f.id for f in done.failed]).tolist() == table.ids[[0, 2]].tolist()
    assert (done.rows, done.pictures) == (3, 2)
