"""A run's folder holds this run and no other, and nothing of the user's in it is overwritten."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from classify.data import LabelledRows
from classify.errors import FinetuneError
from classify.finetune.result import BACKBONE, FORMAT, HEAD, METRICS, RUN, read_begun
from classify.finetune.settings import FinetuneSettings
from classify.fitting.facts import rows_digest
from featurize.networks.network import Network
from featurize.networks.weights_file import file_digest
from featurize.wording import counted, listing

_OURS = (METRICS, BACKBONE, HEAD, "fold-*.json", "fold-*", "*.checkpoint.safetensors")  # what a run writes
# what an option is called where its setting has another name
_OPTIONS = {"start": "from", "everything": "all", "cached": "cache", "compiled": "compile", "count": "folds"}


def begin(out: Path, settings: FinetuneSettings, network: Network, rows: LabelledRows, **more: Any) -> dict[str, Any]:
    """What the run is, as `run.json` has it; what stands there already must be the same. Nothing is written.

    Parameters
    ----------
    more
        What a cross-validation is to do; nothing for a plain run.

    Raises
    ------
    FinetuneError
        The folder holds another run, or files that are none of a run's and would be overwritten.
    """
    here: dict[str, Any] = {
        "format": FORMAT,
        "asked": settings.as_json(),
        "network": dict(network.backbone.identity),
        "weights": network.weights.identity,
        "transform": network.transform.as_json(),
        "rows": {"count": len(rows), "digest": rows_digest(rows), "groups": _groups_digest(rows)},
        "folds": more,
    }
    if settings.init_head and Path(settings.init_head).is_file():
        here["init_head"] = file_digest(Path(settings.init_head))
    there = read_begun(out)
    if there is None:
        _refuse_others(out)
        return here
    if {**here["rows"], **there["rows"]} != here["rows"]:
        raise FinetuneError(
            f"the run in {str(out)!r} began with {there['rows']['count']} rows, and the dataset table has changed "
            f"since (it has {here['rows']['count']} now, or other labels or artists): choose another --out, or restore "
            "the table"
        )
    plain = json.loads(json.dumps(here))
    for what in ("asked", "network", "weights", "transform", "folds"):
        if there[what] != plain[what]:
            raise FinetuneError(
                f"the run in {str(out)!r} began with another {_difference(there[what], plain[what], what)}: choose "
                "another --out, or give the same options"
            )
    if there.get("init_head", plain.get("init_head")) != plain.get("init_head"):
        raise FinetuneError(
            f"the run in {str(out)!r} began with another head in {settings.init_head!r}, which has changed since: "
            "choose another --out, or restore it"
        )
    return there


def settle(out: Path, begun: Mapping[str, Any], unreadable: Sequence[str]) -> dict[str, Any]:
    """The same, with the ids of pictures that can't be read; a run that goes on must learn from the same ones.

    Raises
    ------
    FinetuneError
        It began with others.
    """
    now = sorted(set(unreadable))
    then = begun.get("unreadable", now)
    if then != now:
        raise FinetuneError(
            f"the run in {str(out)!r} began while {counted(len(then), 'picture')} could not be read, and now "
            f"{len(now)} can't, or others: choose another --out, or bring the pictures back to what they were"
        )
    return {**begun, "unreadable": now}


def _refuse_others(out: Path) -> None:
    """Raise where there is no run, but files that a run would overwrite or take for its own."""
    there = sorted({path.name for pattern in _OURS for path in out.glob(pattern)})
    if there:
        raise FinetuneError(
            f"{str(out)!r} holds {listing(there)}, but no {RUN}: a run would overwrite what is not its own; choose "
            "another --out"
        )


def _groups_digest(rows: LabelledRows) -> str:
    """Which rows belong together: other artists give another digest, new rows in other splits don't."""
    first: dict[str, int] = {}
    numbers = [first.setdefault(group, len(first)) for group in rows.groups.tolist()]
    return hashlib.sha256(json.dumps([numbers, rows.known.tolist()]).encode()).hexdigest()


def _difference(there: Any, here: Any, what: str) -> str:
    """The first thing in which two records differ, in words."""
    if not isinstance(there, dict):
        return f"{what} ({there} then, {here} now)"
    name = next(n for n in sorted({*there, *here}) if there.get(n) != here.get(n))
    option = _OPTIONS.get(name, name.replace("_", "-"))
    then, now = ("none" if value is None else value for value in (there.get(name), here.get(name)))
    return f"{'' if what in ('network', 'transform') else '--'}{option} ({then} then, {now} now)"
