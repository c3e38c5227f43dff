"""The model card of a saved head: what it is, what it was trained and scored on, and what it isn't good for."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from classify.fitting.question import holds_of
from classify.headfile import SavedHead
from featurize.networks.licences import is_restricted, published_weights
from featurize.wording import percent, plain


def head_facts(saved: SavedHead) -> dict[str, Any]:
    """What a head says of itself, as plain JSON without paths of the machine it was trained on.

    Parameters
    ----------
    saved : SavedHead
    """
    published = published_weights(saved.key)
    training = saved.training
    return {
        "kind": saved.kind,
        "target": saved.target,
        "classes": saved.classes,
        "question": saved.question,
        "holds": holds_of(saved),
        "held_out": len(saved.held_out) if saved.held_out else 0,
        "notices_unlike": saved.familiar is not None,
        "backbone": {
            "name": str(saved.key.network["name"]),
            "provider": str(saved.key.network["provider"]),
            "weights": saved.key.weights,
            "licence": training.get("licence") or (published.licence if published else None),
            "source": published.source if published else None,
            "untrained": saved.key.untrained,
        },
        "key": saved.key.digest,
        "embedding": [recipe.name for recipe in saved.recipes],
        "training": {
            name: training.get(name)
            for name in ("rows", "split", "seed", "tuned", "folds", "folds_by_artist", "versions")
            if name in training
        },
        "scores": {split: dict(figures) for split, figures in saved.metrics.items()},
        "warnings": warnings_of(saved),
    }


def card_text(name: str, saved: SavedHead) -> str:
    """The model card as Markdown, with the front matter that Hugging Face reads.

    Parameters
    ----------
    name : str
        As the head is called.
    saved : SavedHead
    """
    from featurize import pages

    filters: dict[str, Callable[..., Any]] = {
        "percent": percent,
        "plain": plain,
        "json": partial(json.dumps, ensure_ascii=False),
    }
    return pages.render("classify.report", "card.md", {"name": name, "facts": head_facts(saved)}, filters)


def warnings_of(saved: SavedHead) -> list[str]:
    """What a reader of the head's answers must know."""
    found = list(saved.training.get("warnings", ()))
    if saved.key.untrained:
        found.append("The backbone is untrained: these predictions are guesses.")
    if not saved.metrics:
        found.append("No score was saved with this head: nothing says how often it is wrong.")
    for split, figures in saved.metrics.items():
        if "low" in figures and figures["low"] <= 1 / len(saved.classes):
            found.append(f"On {split} its accuracy can't be told from guessing.")
    if is_restricted(licence := str(saved.training.get("licence", ""))):
        found.append(f"The weights of the backbone are under the licence {licence}: read it before any commercial use.")
    if not saved.guarded:
        found.append("Its file carries no digest, so a change to it can't be noticed.")
    return found
