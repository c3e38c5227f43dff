"""How long 10,000 pictures take with networks of small to large size, from files to the cache.

    python scripts/bench_networks.py FOLDER [--rounds 3] [--only NAME;NAME] [--pictures N]

FOLDER has a folder of pictures for each class. Through each network go a few pictures, or `--pictures N` (a GPU wants
thousands), untrained, which takes as long as trained; the first file to the last vector is counted (`bench_extract.py`
says how), and the time for 10,000 is computed from the median. On a GPU, float32 and bfloat16 run in PyTorch, on a
processor in what a run takes there.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import bench_extract

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# network -> the side of the square that it is to see (none: its own), and how many pictures are enough to measure
NETWORKS: dict[str, tuple[int | None, int]] = {
    "mobilenet_v2": (None, 480),
    "resnet50": (None, 240),
    "timm:vit_small_patch14_dinov2": (224, 160),
    "open_clip:ViT-B-16": (None, 96),
    "open_clip:ViT-L-14": (None, 48),
    "timm:vit_so400m_patch14_siglip_384": (None, 16),
}
MANY = 10_000


def duration(seconds: float) -> str:
    """A time for people: seconds up to two minutes, minutes up to two hours, then hours."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def measured(pictures: Path, network: str, contestants: list[str], rounds: int, workers: int) -> list[str]:
    """The cells of one network: pictures a second, and the time for many, in each precision."""
    size, _ = NETWORKS[network]
    more = ["--size", str(size)] if size else []
    cells = []
    with tempfile.TemporaryDirectory() as scratch:
        results = bench_extract.contest(pictures, network, contestants, rounds, workers, Path(scratch), more)
    for runs in results.values():
        rate = statistics.median(r["pictures"] / r["seconds"] for r in runs)
        cells += [f"{rate:.3g}", duration(MANY / rate)]
    return cells


def main() -> None:
    """Parse, measure one network after the other, print the table."""
    import torch

    from featurize import processors

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=processors.count())
    parser.add_argument("--only", help="networks, separated by semicolons")
    parser.add_argument("--pictures", type=int, help="of each network")
    given = parser.parse_args()
    on_gpu = torch.cuda.is_available()
    contestants = ["torch fp32", "torch bf16"] if on_gpu else ["auto fp32", "openvino bf16"]
    print("| network | float32, images/s | 10,000 pictures | bf16, images/s | 10,000 pictures |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for network in given.only.split(";") if given.only else NETWORKS:
            count = given.pictures or NETWORKS[network][1]
            pictures = Path(scratch, str(count))
            if not pictures.exists():
                bench_extract.make_pictures(given.folder, count, pictures)
            cells = measured(pictures, network, contestants, given.rounds, given.workers)
            print(f"| {network} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
