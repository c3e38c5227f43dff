"""Build a map of made-up pictures, open its page in a browser, and print how long it took and how much memory.

    python scripts/bench_map.py                # 100,000 rows of 512 numbers, t-SNE
    python scripts/bench_map.py --rows 20000 --method pca

The rows have no picture files: what is measured is principal components, neighbours, t-SNE, the page, and how many
frames a second a browser draws of it (Playwright and Chromium are needed for the last two).
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
STYLES, PAINTERS, YEARS = 25, 2000, (1400, 2000)


def main() -> None:
    """Parse, build, open, print."""
    parser = argparse.ArgumentParser(description="How long a map takes, and how quick its page is.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--method", choices=["tsne", "pca"], default="tsne")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        page = build(Path(folder), given.rows, given.dimension, given.method)
        print(f"page: {page.stat().st_size / 1e6:.1f} MB", flush=True)
        look_at(page)


def build(folder: Path, rows: int, dimension: int, method: str) -> Path:
    """The page of made-up rows; prints time and memory."""
    from cache import Key, Recipe
    from classify.explore.maps.make import map_of, write_map
    from classify.explore.works import Works
    from featurize.dataset.table import DatasetTable

    rng = np.random.default_rng(0)
    style = rng.integers(0, STYLES, rows)
    X = rng.normal(size=(rows, dimension)).astype(np.float32)
    X += (2 * rng.normal(size=(STYLES, dimension)) / dimension**0.25)[style].astype(np.float32)
    columns = {
        "id": [f"{n * 2654435761 % 2**32:064x}" for n in range(rows)],
        "path": [f"pictures/{n}.jpg" for n in range(rows)],
        "split": ["train"] * rows,
        "style": [f"Style {s}" for s in style],
        "artist": [f"Painter {a}" for a in rng.integers(0, PAINTERS, rows)],
        "year": [str(y) for y in rng.integers(*YEARS, rows)],
        "title": [f"Painting {n}" for n in range(rows)],
    }
    network = {"provider": "made_up", "name": "none", "stages": ["none"]}
    works = Works(DatasetTable(columns, folder), X, Key(network, "none", {}), (Recipe("avgpool", {}),))
    before, started = _memory(), time.perf_counter()
    made = map_of(works, method=method)
    arranged = time.perf_counter()
    page = write_map(made, folder / "map")
    done = time.perf_counter()
    print(f"{rows:,} rows of {dimension}, {method}")
    print(f"arranged in {arranged - started:.0f} s, page in {done - arranged:.0f} s")
    print(f"memory at most {_memory():.0f} MB, of which {before:.0f} MB for rows and libraries", flush=True)
    return page


def look_at(page: Path) -> None:
    """How long the page takes to open, and how many frames a second it draws."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        print("no browser here: the page was not opened")
        return
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for width in (1280, 390):
            sheet = browser.new_page(viewport={"width": width, "height": 820})
            started = time.perf_counter()
            sheet.goto(page.as_uri())
            sheet.wait_for_function("window.map && map.inView() > 0")
            opened = time.perf_counter() - started
            print(
                f"{width} pixels wide: open in {opened:.1f} s, {sheet.evaluate('map.frames(3000)'):.0f} frames a second"
            )
            sheet.close()
        browser.close()


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
