"""How planning, the index and a whole run grow with the number of pictures: no picture is decoded, no network runs.

    python scripts/bench_scale.py planner --rows 100000000        plans of fake ids, part after part, as in a run
    python scripts/bench_scale.py index --rows 100000000          an index of fake segments, and look-ups in it
    python scripts/bench_scale.py open --rows 1000000             segments of 256 rows on a disk: opening and index
    python scripts/bench_scale.py whole --rows 1000000 --features 64   table, plan, segments, merging, reading, logreg
    python scripts/bench_scale.py objects --rows 4096 --features 512   requests to an object store, also to a bad one
    python scripts/bench_scale.py pictures --rows 1024            requests of a run whose pictures lie there, too
    python scripts/bench_scale.py counts --rows 1000000000        pieces, segments, names and bytes, by counts only

Ids are made from a counter, so that none needs to be kept. Each line has the figures of one step: seconds, the most
memory that the process has had so far, and what was counted.
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cache import Key, Recipe, Rows, Store, create_cache, open_cache
from cache.ids import ID_BYTES, ID_DTYPE, Ids, Seen, to_hex
from cache.rows import OK
from cache.segments.index import Index
from featurize.dataset.parts import PART_ROWS, parts_of
from featurize.pictures.file import Picture
from featurize.run.plans import SEGMENT_PICTURES, forget_finished, pieces_of, plan_for

ROOT = Path(__file__).resolve().parent.parent
RECIPE = Recipe("avgpool", {"formula": "made up"})
BATCH = 8
CLASSES = 25
NETWORK = {"provider": "torchvision", "name": "resnet50", "stages": ["layer4"]}


def ids_of(start: int, stop: int) -> Ids:
    """Fake ids, (stop - start,) S32: the same number has the same one, and they look random."""
    numbers: NDArray[np.uint64] = np.arange(4 * start, 4 * stop, dtype=np.uint64)
    numbers += np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64
        numbers ^= numbers >> np.uint64(shift)
        numbers *= np.uint64(factor)
    numbers ^= numbers >> np.uint64(31)
    numbers |= np.uint64(1) << np.uint64(56)  # no id ends in a zero byte
    return numbers.view(np.uint8).reshape(-1, ID_BYTES).view(ID_DTYPE).reshape(-1)


def peak() -> float:
    """The most memory that this process has had, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def step(what: str, work: Callable[[], str]) -> str:
    """One line."""
    wall, processor = time.perf_counter(), time.process_time()
    found = work()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return f"{what:34} {wall:8.1f} s {processor:8.1f} s of processor {peak():6.2f} GB at most  {found}"


def cache_in(folder: Path) -> Store:
    """An empty cache."""
    return create_cache(folder / "features", Key(NETWORK, "random:seed=0,torch=0", {"size": 224}))


def merged(cache: Store) -> str:
    """Merge, and say what became of the segments."""
    done = cache.compact()
    return f"{done.before:,} segments became {done.after:,}"


def planner(rows: int, every: int, folder: Path) -> Iterator[str]:
    """Plans for all parts; of every so many the pieces are made, too."""
    cache, seen = cache_in(folder), Seen()
    counted = {"plans": 0, "planned": 0, "pieces": 0, "in pieces": 0}

    def plan() -> str:
        for number, start in enumerate(range(0, rows, PART_ROWS)):
            ids = ids_of(start, min(start + PART_ROWS, rows))
            assert seen.note(ids).all()
            todo = ids[cache.missing(ids, [RECIPE])]
            (made,) = plan_for(cache, [RECIPE], BATCH, todo, todo, ids)
            counted["plans"] += 1
            counted["planned"] += len(made.ids)
            if number % every == 0:
                pictures = {i: Picture(i.hex(), folder / f"{n}.jpg") for n, i in enumerate(ids.tolist())}
                for work in pieces_of([made], todo, pictures):
                    counted["pieces"] += 1
                    counted["in pieces"] += work.pictures
            made.forget(cache.artifacts)
        assert not seen.note(ids_of(0, PART_ROWS)[:1000]).any()
        return ", ".join(f"{count:,} {what}" for what, count in counted.items())

    yield step(f"plans of {rows:,} pictures", plan)


@dataclass
class FakeSegment:
    """A merged segment whose ids are made when they are asked for, as a real one reads them."""

    start: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.start:020}.h5"

    @property
    def ids(self) -> Ids:
        return ids_of(self.start, self.stop)

    @property
    def status(self) -> NDArray[np.uint8]:
        return np.full(len(self), OK, np.uint8)

    @property
    def recipes(self) -> dict[Recipe, None]:
        return {RECIPE: None}

    def __len__(self) -> int:
        return self.stop - self.start


def index(rows: int, in_segment: int) -> Iterator[str]:
    """An index of fake segments, and look-ups."""
    segments: list[Any] = [FakeSegment(a, min(a + in_segment, rows)) for a in range(0, rows, in_segment)]
    made: list[Index] = []

    def build() -> str:
        made.append(Index(segments))
        return f"{len(segments):,} segments"

    def look_up() -> str:
        asked = ids_of(rows // 2, rows // 2 + PART_ROWS)
        found = made[0].find(asked, RECIPE)
        there = min(PART_ROWS, rows - rows // 2)
        assert (found.segment >= 0).sum() == there
        assert (made[0].find(ids_of(rows, rows + PART_ROWS)).segment < 0).all()
        return f"{2 * PART_ROWS:,} ids asked for, {there:,} of them there"

    yield step(f"index of {rows:,} rows", build)
    yield step("look-ups for one part", look_up)


def opening(rows: int, dimension: int, folder: Path) -> Iterator[str]:
    """Real segments of one piece each: written, listed, opened, indexed, merged, opened again."""
    cache = cache_in(folder)
    vectors = np.random.default_rng(0).standard_normal((SEGMENT_PICTURES, dimension)).astype(np.float16)

    def write() -> str:
        for start in range(0, rows, SEGMENT_PICTURES):
            ids = ids_of(start, min(start + SEGMENT_PICTURES, rows))
            cache.append(Rows(ids, np.zeros(len(ids), np.uint8), {RECIPE: vectors[: len(ids)]}))
        return f"{cache.segment_count:,} segments, {cache.nbytes / 1e9:.2f} GB"

    def open_it() -> str:
        found = open_cache(folder / "features")
        held = int(found.embedded(ids_of(0, 1000), RECIPE).sum())
        return f"{found.segment_count:,} segments, {held} of 1000 found"

    yield step(f"writing {rows:,} x {dimension} float16", write)
    yield step("opening and index", open_it)
    yield step("merging", lambda: merged(cache))
    yield step("opening and index", open_it)


def whole(rows: int, dimension: int, head: str, folder: Path) -> Iterator[str]:
    """A table, its plans, segments of made-up vectors, merging, reading, and a head on them."""
    cache = cache_in(folder)
    rng = np.random.default_rng(0)
    means = rng.standard_normal((CLASSES, dimension), dtype=np.float32)
    table = folder / "dataset.parquet"

    def write_table() -> str:
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = ("id", "path", "size", "mtime_ns", "split", "style", "artist")
        with pq.ParquetWriter(table, pa.schema([(name, pa.string()) for name in names])) as file:
            for start in range(0, rows, PART_ROWS):
                numbers = range(start, min(start + PART_ROWS, rows))
                columns = [
                    to_hex(ids_of(numbers.start, numbers.stop)),
                    [f"pictures/{n}.jpg" for n in numbers],
                    ["1"] * len(numbers),
                    ["1"] * len(numbers),
                    ["val" if n % 20 == 0 else "train" for n in numbers],
                    [f"style-{n * 7 % CLASSES:02}" for n in numbers],
                    [f"artist-{n % 997}" for n in numbers],
                ]
                file.write_table(pa.table(dict(zip(names, columns, strict=True))))
        return f"{table.stat().st_size / 1e6:.0f} MB of Parquet"

    def embed() -> str:
        planned = 0
        for part, here in parts_of(table, "all"):
            ids = part.ids[here]
            todo = ids[cache.missing(ids, [RECIPE])]
            (plan,) = plan_for(cache, [RECIPE], BATCH, todo, todo, ids)
            place = {i: int(style[-2:]) for i, style in zip(ids.tolist(), part.columns["style"], strict=True)}
            for piece in plan.pieces():
                held = np.concatenate(piece)
                X = rng.standard_normal((len(held), dimension), dtype=np.float32)
                X += 0.5 * means[[place[i] for i in held.tolist()]]
                cache.append(Rows(held, np.zeros(len(held), np.uint8), {RECIPE: X.astype(np.float16)}))
                planned += len(held)
            forget_finished([plan], cache, [RECIPE], {})
        return f"{planned:,} rows in {cache.segment_count:,} segments"

    def read() -> str:
        found, held = open_cache(folder / "features"), 0
        for part, here in parts_of(table, "all"):
            held += found.mapped(part.ids[here], RECIPE).read().nbytes
        return f"{held / 1e6:,.0f} MB of vectors"

    def fit() -> str:
        command = [sys.executable, "-m", "classify", "fit", "--head", head, "--out", str(folder / "heads")]
        command += ["--dataset", str(table), "--features", str(folder / "features"), "--target", "style"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return f"{used:.1f} s of processor and {after.ru_maxrss * 1024 / 1e9:.2f} GB in a process of its own"

    yield step(f"table of {rows:,} rows", write_table)
    yield step(f"plan and segments, {dimension} float16", embed)
    yield step("merging", lambda: merged(cache))
    yield step("opening and reading", read)
    yield step(f"classify fit --head {head}", fit)


def objects(rows: int, dimension: int, folder: Path) -> Iterator[str]:
    """Requests to a server on this machine that speaks S3 (moto), and to one where each tenth fails, is lost or cut."""
    from tests.cache.s3 import Trouble, environment, new_bucket, s3_server, troubled

    vectors = np.random.default_rng(0).standard_normal((rows, dimension)).astype(np.float16)
    ids = ids_of(0, rows)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    os.environ["ARTSTYLE_OBJECT_CACHE"] = str(folder / "copies")

    def write(cache: Store) -> None:
        for start in range(0, rows, SEGMENT_PICTURES):
            part = slice(start, start + SEGMENT_PICTURES)
            cache.append(Rows(ids[part], np.zeros(len(ids[part]), np.uint8), {RECIPE: vectors[part]}))

    with s3_server() as endpoint:
        os.environ.update(environment(endpoint))
        for share in (0.0, 0.1):
            trouble = Trouble(failing=share, lost=share, cut=share)
            root = f"{new_bucket(endpoint)}/features"
            with troubled(endpoint, trouble) as address:
                os.environ["AWS_ENDPOINT_URL"] = address
                cache = create_cache(root, Key(NETWORK, "random:seed=0,torch=0", {"size": 224}))

                def asked(what: str, work: Callable[[], object], trouble: Trouble = trouble) -> str:
                    before = trouble.requests

                    def count() -> str:
                        work()
                        return f"{1000 * (trouble.requests - before) / rows:.1f} requests for each 1,000 pictures"

                    return step(what, count)

                def read(root: str = root) -> None:
                    found = open_cache(root)
                    assert found.verify() == []
                    assert found.gather(ids, RECIPE).tobytes() == vectors.tobytes()

                yield f"{rows:,} x {dimension} float16; of the requests fail, are lost, are cut: {share:.0%} each"
                yield asked("writing", lambda cache=cache: write(cache))  # type: ignore[misc]
                yield asked("opening, checking, reading", read)
                yield asked("merging", lambda cache=cache: merged(cache))  # type: ignore[misc]
                yield asked("opening, checking, reading", read)
                yield f"what happened: {trouble.happened or 'nothing'}"


def pictures(rows: int, folder: Path) -> Iterator[str]:
    """Requests of a whole run: pictures that lie in an object store, vectors that go into one."""
    from cache.buckets import bucket_at
    from featurize.dataset.prepare import prepare
    from featurize.dataset.table import DatasetTable, read_table, write_table
    from featurize.engines.fake import FakeEngines
    from featurize.pictures import remote
    from featurize.run.extract import Settings, extract
    from tests.cache.s3 import Trouble, environment, new_bucket, s3_server, troubled
    from tests.conftest import save_picture

    os.environ["ARTSTYLE_OBJECT_CACHE"] = str(folder / "copies")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    files = [save_picture(folder / "pictures" / "Style" / f"{n}.jpg", n) for n in range(rows)]
    prepare(folder / "pictures", folder / "dataset.csv", split="random")
    table = read_table(folder / "dataset.csv")
    settings = Settings(backbone="resnet18", weights="random", batch_size=BATCH)
    with s3_server() as endpoint:
        os.environ.update(environment(endpoint))
        museum = new_bucket(endpoint)
        scans = bucket_at(f"{museum}/scans")
        for file in files:
            scans.create(file.name, [file.read_bytes()])
        paths = [f"{museum}/scans/{Path(path).name}" for path in table.columns["path"]]
        write_table(DatasetTable({**table.columns, "path": paths}, folder), folder / "remote.csv")
        for share in (0.0, 0.1):
            trouble = Trouble(failing=share, lost=share, cut=share)
            with troubled(endpoint, trouble) as address:
                os.environ["AWS_ENDPOINT_URL"] = address
                remote._root.cache_clear()  # connections to another address

                def run(share: float = share, trouble: Trouble = trouble) -> str:
                    root = f"{museum}/features-{share}"
                    for times in range(1, 6):  # what a run could not fetch in five tries, the next one fetches
                        if not extract(folder / "remote.csv", root, settings, engines=FakeEngines()).failed:
                            asked = 1000 * trouble.requests / rows
                            return f"{asked:.1f} requests for each 1,000 pictures, whole after {times} runs"
                    raise AssertionError("five runs did not fetch all")

                yield step(f"a run, {3 * share:.0%} of requests go wrong", run)
                yield f"what was asked for: {trouble.kinds}; what happened: {trouble.happened or 'nothing'}"


def counts(rows: int, dimension: int) -> Iterator[str]:
    """What a run of so many pictures makes, by counts only: every piece of every plan is counted, none is made."""
    pieces = parts = 0
    for start in range(0, rows, PART_ROWS):
        parts += 1
        pieces += -(-min(PART_ROWS, rows - start) // SEGMENT_PICTURES)
    row = {"float16": 2 * dimension, "int8": dimension}
    merged = 256 << 20
    yield f"{rows:,} pictures: {parts:,} parts and plans of {PART_ROWS * ID_BYTES / 1e6:.1f} MB, one at a time"
    yield f"{pieces:,} segments of {SEGMENT_PICTURES} pictures at first; {-(-pieces // 1000):,} requests list them"
    for name, size in row.items():
        total = rows * (size + ID_BYTES + 1)
        yield (
            f"{name} x {dimension}: {total / 1e12:.3f} TB, {SEGMENT_PICTURES * size / 1e6:.2f} MB a segment; merged: "
            f"{-(-total // merged):,} segments of 268 MB, {-(-total // merged // 1000):,} requests list them"
        )
    yield f"index: {13 * rows / 1e9:.1f} GB in memory while it stands, {20 * rows / 1e9:.1f} GB while it is made"
    yield f"seen ids: {8 * rows / 1e9:.1f} GB, {16 * rows / 1e9:.1f} GB while two of its lists become one"


def lines(options: argparse.Namespace, folder: Path) -> Iterator[str]:
    """The lines of one measurement."""
    if options.what == "planner":
        return planner(options.rows, options.every, folder)
    if options.what == "index":
        return index(options.rows, options.in_segment)
    if options.what == "open":
        return opening(options.rows, options.features, folder)
    if options.what == "whole":
        return whole(options.rows, options.features, options.head, folder)
    if options.what == "pictures":
        return pictures(options.rows, folder)
    if options.what == "objects":
        return objects(options.rows, options.features, folder)
    return counts(options.rows, options.features)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, print, remove."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["planner", "index", "open", "whole", "objects", "pictures", "counts"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=2048, help="numbers of a vector")
    parser.add_argument("--in-segment", type=int, default=65_536, help="rows of a merged segment")
    parser.add_argument("--every", type=int, default=1, help="make the pieces of every so many-th plan only")
    parser.add_argument("--head", default="logreg:C=0.01", help="as `classify fit --head` takes it")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder by default")
    options = parser.parse_args(argv)
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        for line in lines(options, folder):
            print(line, flush=True)
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
