"""What it costs to decode in processes of their own: the same pictures in this process's threads and in companions.

    python scripts/bench_decoding.py PICTURES [--rounds 5] [--workers 2]

Both are measured in turns, so that a busy machine is busy for both; the figures are medians over the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from featurize.pictures import decoder_processes
from featurize.pictures.transform import Pixels, Transform

Decoder = Callable[[bytes, Transform], Pixels]
WAYS: dict[str, Decoder] = {"this process": decoder_processes.pixels_here, "companions": decoder_processes.pixels_of}


def seconds(decode: Decoder, contents: Sequence[bytes], workers: int) -> float:
    """Time to decode all pictures."""
    transform = Transform()
    started = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda data: decode(data, transform), contents))
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path, help="a folder with JPEGs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--count", type=int, default=200)
    asked = parser.parse_args()
    contents = [path.read_bytes() for path in sorted(asked.pictures.rglob("*.jpg"))[: asked.count]]
    decoder_processes.start(asked.workers)
    print("| workers | this process, pictures/s | companions, pictures/s | ratio |\n|---|---|---|---|")
    for workers in sorted({1, asked.workers}):
        taken: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(asked.rounds):
            for way, decode in WAYS.items():
                taken[way].append(seconds(decode, contents, workers))
        here, there = (len(contents) / statistics.median(taken[way]) for way in WAYS)
        print(f"| {workers} | {here:.0f} | {there:.0f} | {there / here:.2f} |")


if __name__ == "__main__":
    main()
