"""How long preparing and auditing take for a hundred thousand pictures, and how much memory.

    python scripts/bench_prepare.py [--rows 100000] [--folder /tmp/bench-prepare] [--real FOLDER] [--audit]

Makes `--rows` small distinct JPEG files once (they stay in `--folder` for the next time), then runs
`featurize prepare` as a user would: for the first time, again with nothing changed, after a tenth of the labels was
corrected by hand, and again; the same from a table (CSV) that names these files; with `--audit` also `featurize audit`,
first and again. Each line is a process of its own,
start included; "CPU" is what its threads worked, and the memory is its largest resident set (`Maximum resident
set size` of `/usr/bin/time -v`).

`--real FOLDER` reads pictures of real size: `prepare` with one reading thread and with all, beside what a user
would run instead (`sha256sum`, one process and as many as processors). All of them read files that are in the
system's cache, so it is the work that is compared, not the disk.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from featurize.dataset.table import read_table, write_table

STYLES = 25
ARTISTS = 900
_HEADER = f"{'':38}{'seconds':>9}{'CPU, s':>9}{{:>11}}{'memory, MB':>12}"
FEATURIZE = (sys.executable, "-m", "featurize")


def make_pictures(folder: Path, rows: int) -> list[Path]:
    """Small pictures, all different, as `Style_03/artist-17_work-42-1850.jpg`; those that are there stay."""
    paths = [
        folder / f"Style_{n % STYLES:02}" / f"artist-{n % ARTISTS}_work-{n}-{1500 + n % 500}.jpg" for n in range(rows)
    ]
    for path in {p.parent for p in paths}:
        path.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for path in paths:
        small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        if not path.exists():
            picture = Image.fromarray(small).resize((64, 48), Image.Resampling.BICUBIC)
            buffer = io.BytesIO()
            picture.save(buffer, "JPEG", quality=80)
            path.write_bytes(buffer.getvalue())
    return paths


def make_table(paths: Iterable[Path], where: Path) -> None:
    """A list of the same files, as a museum would hand it out."""
    with where.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "movement", "painter", "dated"])
        for path in paths:
            artist, _, rest = path.stem.partition("_")
            writer.writerow([f"paintings/{path.parent.name}/{path.name}", path.parent.name, artist, rest[-4:]])


def correct_labels(table: Path) -> None:
    """Give every tenth picture of a table another style, as a person might."""
    read = read_table(table)
    styles = ["Corrected" if n % 10 == 0 else style for n, style in enumerate(read.columns["style"])]
    write_table(read.with_columns(style=styles), table)


def measured(command: Sequence[str], output: Path) -> tuple[float, float, float]:
    """Seconds, seconds of work and megabytes of a process.

    Raises
    ------
    SystemExit
        It failed.
    """
    started = time.perf_counter()
    to_file = [
        (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    process = os.posix_spawnp(command[0], list(command), os.environ, file_actions=to_file)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{output.read_text()[-2000:]}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def many(folder: Path, rows: int, audited: bool) -> None:
    """Preparing and auditing very many small pictures."""
    paths = make_pictures(folder / "paintings", rows)
    make_table(paths, folder / "list.csv")
    source, log = str(folder / "paintings"), folder / "log.txt"
    for name in ("folders", "table"):
        for left in folder.glob(f"{name}.*"):
            left.unlink()
    prepare = {
        "class folders": (*FEATURIZE, "prepare", source, "--format", "folders", "--out", str(folder / "folders.csv")),
        "a table (CSV)": (*FEATURIZE, "prepare", str(folder / "list.csv"), "--out", str(folder / "table.csv")),
    }
    print(f"{rows:,} pictures of about 1 KB, {os.cpu_count()} processors\n")
    print(_HEADER.format("rows/s"), flush=True)
    for name, command in prepare.items():
        for turn in ("first time", "again", "once more", "with new edits", "again", "once more"):
            if turn == "with new edits":
                correct_labels(Path(command[-1]))
            _tell(f"prepare {name}, {turn}", rows, *measured(command, log))
            said = [line for line in log.read_text().splitlines() if "images, " in line or " kept: " in line]
        print(*(f"    {line}" for line in said), sep="\n")
    if audited:
        command = (*FEATURIZE, "audit", "--dataset", str(folder / "folders.csv"), "--out", str(folder / "audit"))
        (folder / "folders.prints.npy").unlink(missing_ok=True)
        for turn in ("first time", "again"):
            _tell(f"audit, {turn}", rows, *measured(command, log))


def _tell(name: str, amount: float, seconds: float, work: float, memory: float) -> None:
    print(f"{name:38}{seconds:9.2f}{work:9.2f}{amount / seconds:11,.0f}{memory:12,.0f}", flush=True)


def real(source: Path) -> None:
    """Reading and hashing pictures of real size."""
    paths = sorted(p for p in source.rglob("*") if p.is_file())
    megabytes = sum(p.stat().st_size for p in paths) / 1e6
    threads = os.cpu_count() or 1
    print(f"\n{len(paths):,} pictures of real size, {megabytes:,.0f} MB, {threads} processors\n")
    print(_HEADER.format("MB/s"), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        listed, log, out = Path(folder, "names"), Path(folder, "log"), Path(folder, "dataset.csv")
        listed.write_bytes(b"\0".join(os.fsencode(p) for p in paths))
        shell = f"xargs -0 -P {{}} -n 50 sha256sum < '{listed}'"
        prepare = (*FEATURIZE, "prepare", str(source), "--out", str(out), "--workers")
        contestants: dict[str, tuple[str, ...]] = {
            f"sha256sum, {n} at a time": ("sh", "-c", shell.format(n)) for n in sorted({1, threads})
        }
        contestants |= {f"prepare, {n} reading threads": (*prepare, str(n)) for n in sorted({1, threads})}
        for _ in range(2):  # the first round fills the system's cache
            results = {}
            for name, command in contestants.items():
                out.unlink(missing_ok=True)
                results[name] = measured(command, log)
    for name, used in results.items():
        _tell(name, megabytes, *used)


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "bench-prepare")
    parser.add_argument("--real", type=Path, help="a folder of pictures of real size")
    parser.add_argument("--audit", action="store_true", help="audit as well")
    given = parser.parse_args()
    if given.rows:
        many(given.folder, given.rows, given.audit)
    if given.real:
        real(given.real)


if __name__ == "__main__":
    main()
