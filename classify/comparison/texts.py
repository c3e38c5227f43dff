"""Heads that compare with prompts, in a comparison: on which embedding of which networks, and with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cache import Store
from classify.comparison.matched import Matched
from classify.data import usual_embedding
from classify.errors import HeadError
from classify.fitting.prompts import class_texts, read_prompts, refuse_without_texts
from classify.heads.prompted import ClassTexts
from featurize.run.texts import PICTURES, has_texts


def embeddings_with_texts(caches: Sequence[Store]) -> list[str]:
    """The usual embeddings of some caches, and the one that is compared with texts."""
    refuse_without_texts(caches)
    for cache in caches:
        if has_texts(cache):
            cache.recipe(PICTURES)  # the error names the command that makes it
    return list(dict.fromkeys([*map(usual_embedding, caches), PICTURES]))


def texts_of(matched: Matched, classes: Sequence[str], prompts: str | Path | None) -> Mapping[str, ClassTexts]:
    """What prompts give in each network that has a part for texts, by the digests of keys.

    Raises
    ------
    HeadError
        No network that is compared on its pooled embedding has a part for texts, or prompts can't be used.
    WeightsError
        The weights or the tokenizer can't be had.
    """
    caches = {v.cache.key.digest: v.cache for v in matched.views if v.embedding == PICTURES and not v.beside}
    refuse_without_texts(list(caches.values()) or [view.cache for view in matched.views])
    if not caches:
        raise HeadError(f"prompts are compared with the embedding {PICTURES}: add it with --embedding {PICTURES}")
    said = read_prompts(Path(prompts)) if prompts is not None else None
    return {
        digest: class_texts(cache, classes, matched.target, said)
        for digest, cache in caches.items()
        if has_texts(cache)
    }
