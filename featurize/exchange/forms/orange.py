"""Orange's `.tab`: three lines of names, types and roles, then a line a row; the target is the class.

Orange itself reads and writes it with Python's csv, so that a label with a tab or a line break in it stands between
quotes. Where the vectors come from stands in `NAME.tab.metadata`, which Orange shows with the data.
"""

from __future__ import annotations

import csv
from pathlib import Path

from featurize.dataset.sheets import guarded
from featurize.exchange.forms.base import Contents
from featurize.wording import visible


def write_tab(contents: Contents, path: Path) -> None:
    """See `featurize.exchange.forms.base.Writer`."""
    texts = {name: list(map(guarded, column)) for name, column in contents.plain_texts().items()}
    has_class = contents.target in texts
    target = {contents.target: texts.pop(contents.target)} if has_class else {}
    kinds = ["discrete" if name == "split" else "string" for name in texts]
    features = [
        f"{recipe.name}:{n}"
        for recipe, width in zip(contents.recipes, contents.widths(), strict=True)
        for n in range(width)
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow([*features, *map(guarded, target), *map(guarded, texts)])
        writer.writerow([*["continuous"] * len(features), *["discrete"] * len(target), *kinds])
        writer.writerow([*[""] * len(features), *["class"] * len(target), *["meta"] * len(texts)])
        rows = zip(*target.values(), *texts.values(), strict=True)
        for block in contents.blocks(contents.recipes):
            for numbers in block.astype(str).tolist():
                writer.writerow([*numbers, *next(rows)])


def write_tab_metadata(contents: Contents, path: Path) -> None:
    """What is known of the vectors, one fact a line."""
    lines = [f"{name}: {visible(value)}\n" for name, value in contents.about.items()]
    path.write_text("".join(lines), encoding="utf-8")
