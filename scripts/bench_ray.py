"""What a run gains or loses by going through Ray: the same pictures embedded here and by one-core workers, in turn.

    python scripts/bench_ray.py FOLDER --copies 4 --rounds 3

FOLDER has pictures; each copy of one differs by a comment, so that it is a picture of its own. A round embeds all of
them on `--workers` threads of this process, and then by as many workers of one thread on a Ray cluster that is started
here. Rates count from the first picture to the last commit, as `featurize run` says them; what comes before (starting
Ray, its workers, and loading the network) is said beside them. All vectors are compared bit for bit.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

ONE = """
import json, sys
from featurize.run.extract import Settings, extract
dataset, root, backbone, weights, workers, ray = sys.argv[1:]
settings = Settings(backbone=backbone, weights=weights, workers=int(workers), ray=ray or None, control=False)
done = extract(dataset, root, settings)
assert done.embedded == done.pictures, done
print(json.dumps([done.pictures, done.seconds]))
"""


def copy_pictures(source: Path, folder: Path, copies: int) -> None:
    """Pictures of a folder, several times, each another file."""
    found = sorted(p for p in source.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    for number in range(copies):
        note = f"copy {number}".encode()
        comment = b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note  # a segment of JPEG that decoders pass over
        for picture in found:
            data = picture.read_bytes()
            there = folder / f"{number}" / picture.relative_to(source)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(data[:2] + comment + data[2:])


def embed(folder: Path, name: str, backbone: str, weights: str, workers: int, ray: str) -> tuple[float, float]:
    """Pictures a second, and the seconds that came before the first."""
    root = folder / name
    started = time.perf_counter()
    arguments = [str(folder / "dataset.csv"), str(root), backbone, weights, str(workers), ray]
    said = subprocess.run([sys.executable, "-c", ONE, *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    wall = time.perf_counter() - started
    pictures, seconds = json.loads(said.stdout.splitlines()[-1])
    return pictures / seconds, wall - seconds


def bits(folder: Path, name: str) -> bytes:
    """All vectors in the order of the table."""
    from cache import open_cache
    from featurize.dataset.table import read_table

    cache = open_cache(folder / name)
    return cache.gather(read_table(folder / "dataset.csv").ids, cache.recipes()[0]).tobytes()


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, remove."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="pictures, JPEG")
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--weights", default="random")
    parser.add_argument("--work", type=Path, help="where to work; a temporary folder by default")
    options = parser.parse_args(argv)

    from featurize.dataset.prepare import prepare

    folder = Path(tempfile.mkdtemp(dir=options.work))
    try:
        copy_pictures(options.folder, folder / "pictures", options.copies)
        prepare(folder / "pictures", folder / "dataset.csv", split="random")
        ratios, first = [], b""
        for number in range(options.rounds):
            network = options.backbone, options.weights
            here, before = embed(folder, "here", *network, options.workers, "")
            there, start = embed(folder, "ray", *network, 1, "auto")
            ratios.append(there / here)
            print(
                f"round {number + 1}: here {here:.1f} pictures/s ({before:.0f} s before), "
                f"Ray {there:.1f} pictures/s ({start:.0f} s before), {there / here:.3f} of it",
                flush=True,
            )
            first = first or bits(folder, "here")
            assert bits(folder, "here") == bits(folder, "ray") == first, "the bits differ"
            shutil.rmtree(folder / "here")
            shutil.rmtree(folder / "ray")
        print(f"median {statistics.median(ratios):.3f} of the rate here, the same bits")
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
