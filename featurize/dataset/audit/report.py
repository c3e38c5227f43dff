"""An audit on its way out: text, JSON and a page in one folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cache import Recipe, Store, files, list_caches, list_earlier, open_cache
from featurize.dataset.audit import as_json, choose_recipe, page
from featurize.dataset.audit.commands import Commands
from featurize.dataset.audit.result import Audit
from featurize.dataset.audit.text import render as text
from featurize.dataset.captions import Captions
from featurize.dataset.suspects import sheet
from featurize.dataset.table import DatasetTable

__all__ = ["Saved", "find_embeddings", "save", "text"]


@dataclass(frozen=True)
class Saved:
    """What was written.

    Parameters
    ----------
    paths : sequence of Path
    moved : sequence of Path
        Lists of suspects that people had changed, under their new names.
    """

    paths: Sequence[Path]
    moved: Sequence[Path] = ()


def find_embeddings(features: str | Path, key: str | None, embedding: str | None) -> tuple[Store | None, Recipe | None]:
    """The embeddings to compare by; none where there are none and none were asked for.

    Raises
    ------
    CacheError
        Several caches fit, or what was asked for is not there.
    """
    if not key and not embedding:
        caches = list_caches(features)
        if not any(c.recipes() for c in caches) and not list_earlier(features):
            return None, None
    cache = open_cache(features, key)
    recipe = choose_recipe(cache, embedding or None)
    return (cache, recipe) if recipe else (None, None)


def save(
    found: Audit, out: Path, folder: Path, table: DatasetTable | None = None, commands: Commands | None = None
) -> Saved:
    """Write `audit.json`, `audit.txt`, the list of suspects and `audit.html`, each before the next is made.

    So whatever goes wrong with the page, what was found is there.

    Parameters
    ----------
    found : Audit
    out : Path
        Made where it is not there.
    folder : Path
        What the rows' paths are relative to.
    table : DatasetTable, optional
        That was audited; without it there is no list of suspects.
    commands : Commands, optional
        What the reader may do next, in the reader's own words.

    Raises
    ------
    StorageFailed
        The file system refused.
    """
    commands = commands or Commands(listed=out / sheet.NAMES[0])
    listed = sheet.columns_of(table, found.target, found.suspects.found) if table is not None else {}
    contents: dict[str, Callable[[], str]] = {
        "audit.json": lambda: json.dumps(as_json(found), indent=1, ensure_ascii=False) + "\n",
        "audit.txt": lambda: text(found, commands=commands),
        "audit.html": lambda: page.render(found, folder, Captions(table), listed, commands),
    }
    files.make_folder(out)
    lists: Saved = Saved(())
    for name, make in contents.items():
        if name == "audit.html" and table is not None and found.suspects.judged:
            lists = Saved(*sheet.save(listed, out))
        files.write_atomic(out / name, [make().encode("utf-8", "replace")])
    return Saved([*(out / name for name in contents), *lists.paths], lists.moved)
