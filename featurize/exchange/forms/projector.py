"""TensorFlow's Embedding Projector: `vectors.tsv` without a header, and `metadata.tsv` with the table's columns.

It knows no quotes, so a tab or a line break in a label becomes a space. Metadata of one column have no header there;
these always have several.
"""

from __future__ import annotations

from pathlib import Path

from featurize.dataset.sheets import guarded
from featurize.exchange.forms.base import Contents


def write_vectors(contents: Contents, path: Path) -> None:
    """See `featurize.exchange.forms.base.Writer`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        for block in contents.blocks(contents.recipes):
            file.writelines("\t".join(numbers) + "\n" for numbers in block.astype(str).tolist())


def write_metadata(contents: Contents, path: Path) -> None:
    """See `featurize.exchange.forms.base.Writer`."""
    texts = contents.plain_texts()
    if contents.target in texts:
        texts = {contents.target: texts[contents.target], **texts}  # it labels the points with the first
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write("\t".join(map(_cell, texts)) + "\n")
        file.writelines("\t".join(map(_cell, row)) + "\n" for row in zip(*texts.values(), strict=True))


def _cell(text: str) -> str:
    return guarded(" ".join(text.split()) if any(c in text for c in "\t\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029") else text)
