"""A saved head: one safetensors file with everything needed to use it, to judge it, and to make it again.

Arrays stand as arrays; all else is one JSON text in the file's metadata: kind of head and its parameters, class
names, target, the key of the embeddings it was trained on (whole, so that the backbone can be built from it),
training facts and metrics. A digest over both stands beside them, so that a file that was changed is refused: classes
in another order, or a coefficient that is another, would give wrong answers in silence. No pickle is written or read.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cache import Key, Recipe, Store, files, find_cache, list_keys
from cache.schema1 import read_earlier, refuse_unadopted
from classify.errors import DataError, HeadFileError, HeadMismatch
from classify.evaluation.conformal import HeldOut
from classify.evaluation.familiar import Familiar

if TYPE_CHECKING:
    from classify.heads.base import Head

SUFFIX = ".safetensors"
_FORMAT = "artstyle head 2"
_UNGUARDED = "artstyle head 1"  # the same without a digest
_HELD_OUT, _FAMILIAR = "held_out.before", "familiar."  # names of arrays that are none of the head's own
_FIELDS = {"format": str, "head": str, "params": dict, "classes": list, "target": str, "key": dict, "key_digest": str}
_FIELDS |= {"recipes": list, "training": dict, "metrics": dict}


@dataclass(frozen=True)
class SavedHead:
    """A fitted head and what it was fitted to.

    Parameters
    ----------
    head : Head
        Fitted; `head.classes_` are class names.
    kind : str
        Its name in the table of heads, "logreg".
    target : str
        The label column, "style".
    key : Key
        Of the embeddings.
    recipes : sequence of Recipe
        Side by side in this order.
    training : mapping
        Facts about the training: rows, seed, tuning, versions, seconds, the weights as they were named.
    metrics : mapping
        What was measured, by split.
    guarded : bool
        Whether the file it was read from has a digest; those of earlier versions have none.
    held_out : HeldOut, optional
        What it said of held-out training pictures, from which prediction sets are made. None in heads of earlier
        versions, and in those that were fitted without folds.
    familiar : Familiar, optional
        How far training pictures lie from each other, so that a picture unlike all of them is noticed.
    """

    head: Head
    kind: str
    target: str
    key: Key
    recipes: Sequence[Recipe]
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    guarded: bool = True
    held_out: HeldOut | None = None
    familiar: Familiar | None = None

    @property
    def question(self) -> str | None:
        """ "new" or "known": whose pictures parameters, probabilities and sets hold for; None in earlier versions."""
        asked = self.training.get("question")
        return None if asked is None else str(asked)

    def limit(self, coverage: float) -> float:
        """How much probability may come before a class of a prediction set; see `HeldOut.limit`.

        Raises
        ------
        HeadFileError
            The head keeps no held-out pictures.
        DataError
            The coverage can't be promised.
        """
        if self.held_out is None:
            raise HeadFileError(
                "the head keeps no held-out pictures (an earlier version saved it, or it was fitted without folds), so "
                "it can't make prediction sets: fit it again with `classify fit`, without --no-tune"
            )
        try:
            return self.held_out.limit(coverage)
        except ValueError as error:
            raise DataError(str(error)) from error

    @property
    def classes(self) -> list[str]:
        """Class names in the order of the probabilities."""
        return [str(c) for c in self.head.classes_]

    def _embed_with(self, features: str | Path) -> str:
        """For a sentence: how embeddings of a fine-tuned network come to be; no folder has them by itself."""
        weights = next((w for w in self.training.get("weights", ()) if Path(w).is_file()), None)
        if self.training.get("spec") != "finetune" or weights is None:
            return ""
        given = ["--backbone", self.key.backbone, "--weights", weights, "--features", str(features)]
        return f"embed the pictures with the fine-tuned network (`{shlex.join(['featurize', 'run', *given])}`), "

    def open_cache(self, features: str | Path = "features") -> Store:
        """The feature cache of the embeddings that the head was trained on.

        Raises
        ------
        HeadMismatch
            The features folder holds others only.
        EarlierVersion
            An earlier version made them, and they were not taken over yet.
        """
        cache = find_cache(features, self.key)
        if cache is None:
            refuse_unadopted(features, self.key)
            there = ", ".join(key.folder_name for key in list_keys(features)) or "none"
            raise HeadMismatch(
                f"the head was trained on embeddings {self.key.folder_name}, but {str(features)!r} holds: {there}; "
                f"give the features folder it belongs to, {self._embed_with(features)}or fit a head on these"
            )
        return cache


def as_head(head: SavedHead | str | Path) -> SavedHead:
    """A saved head as it is; where a path is given, the head is read from there."""
    return head if isinstance(head, SavedHead) else load_head(head)


def save_head(saved: SavedHead, path: str | Path) -> None:
    """Write a head; the file exists whole or not at all.

    Raises
    ------
    HeadFileError
        The file is there, and holds something else, such as the weights of a network.
    StorageFailed
        The file system refused.
    """
    from safetensors.numpy import save

    path = Path(path)
    if _holds_something_else(path):
        raise HeadFileError(f"{str(path)!r} is there and is no head, so it is not replaced: choose another name")
    facts = {
        "format": _FORMAT,
        "head": saved.kind,
        "params": saved.head.get_params(),
        "classes": saved.classes,
        "target": saved.target,
        "key": json.loads(saved.key.canonical),
        "key_digest": saved.key.digest,
        "recipes": [[r.name, dict(r.definition)] for r in saved.recipes],
        "training": dict(saved.training),
        "metrics": dict(saved.metrics),
    }
    state = {**saved.head.state(), **_kept(saved)}
    arrays = {name: array.copy(order="C") for name, array in state.items()}
    files.make_folder(path.absolute().parent)
    text = json.dumps(facts, ensure_ascii=False)
    files.write_atomic(path, [save(arrays, metadata={"artstyle": text, "digest": _digest(text, arrays)})])


def _holds_something_else(path: Path) -> bool:
    """Whether a file is whole and no head; a damaged one may be replaced."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            _facts((file.metadata() or {}).get("artstyle", ""), path)
    except HeadFileError:
        return True
    except (SafetensorError, OSError):
        return False
    return False


def load_head(path: str | Path) -> SavedHead:
    """Read a head.

    Raises
    ------
    HeadFileError
        The file is missing, damaged, changed, no head, or of a newer version.

    Examples
    --------
    >>> import classify
    >>> saved = classify.load_head("style.safetensors")
    >>> saved.kind, saved.target
    ('ridge', 'style')
    """
    path = Path(path)
    if not path.is_file():
        raise HeadFileError(f"there is no head {str(path)!r}: make one with `classify fit`")
    text, digest, state = _read(path)
    facts = _facts(text, path)
    if digest != _digest(text, state) and not (digest is None and facts["format"] == _UNGUARDED):
        raise HeadFileError(f"{str(path)!r} was changed after it was saved: it does not fit its digest; fit it again")
    return _rebuilt(facts, state, digest is not None, path)


def _read(path: Path) -> tuple[str, str | None, dict[str, NDArray[Any]]]:
    """The facts as they are written, the digest if there is one, and the arrays."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no mapping
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        raise HeadFileError(f"{str(path)!r} is no saved head, or damaged ({error}): fit it again") from error
    if "artstyle" not in metadata:
        raise HeadFileError(f"{str(path)!r} is a safetensors file, but no saved head: make one with `classify fit`")
    return metadata["artstyle"], metadata.get("digest"), arrays


def _facts(text: str, path: Path) -> dict[str, Any]:
    try:
        facts: Any = json.loads(text)
    except ValueError as error:
        raise HeadFileError(f"{str(path)!r} is no saved head, or damaged ({error}): fit it again") from error
    found: dict[str, Any] = facts if isinstance(facts, dict) else {}
    for name, kind in _FIELDS.items():
        if not isinstance(found.get(name), kind):
            raise HeadFileError(f"{str(path)!r} is no saved head, or damaged: it does not say its {name}; fit it again")
    if found["format"] not in (_FORMAT, _UNGUARDED):
        raise HeadFileError(f"{str(path)!r} has format {found['format']!r}, this version reads {_FORMAT!r}")
    return found


def _rebuilt(facts: Mapping[str, Any], state: Mapping[str, NDArray[Any]], guarded: bool, path: Path) -> SavedHead:
    from classify.heads import head_class

    try:
        own = {name: array for name, array in state.items() if not name.startswith((_HELD_OUT, _FAMILIAR))}
        head = head_class(facts["head"]).from_state(facts["params"], own, facts["classes"])
        return SavedHead(
            head=head,
            kind=facts["head"],
            target=facts["target"],
            key=_read_key(facts, path),
            recipes=[Recipe(*r) for r in facts["recipes"]],
            training=facts["training"],
            metrics=facts["metrics"],
            guarded=guarded,
            held_out=_held_out(state),
            familiar=_familiar(state, head.n_features_in_),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise HeadFileError(f"{str(path)!r} is damaged, or no saved head ({error}): fit it again") from error


def _kept(saved: SavedHead) -> dict[str, NDArray[Any]]:
    """The arrays that are kept beside the head's own."""
    kept: dict[str, NDArray[Any]] = {} if saved.held_out is None else {_HELD_OUT: saved.held_out.before}
    if saved.familiar is not None:
        kept |= {_FAMILIAR + name: array for name, array in saved.familiar.state().items()}
    return kept


def _held_out(state: Mapping[str, NDArray[Any]]) -> HeldOut | None:
    before = state.get(_HELD_OUT)
    if before is None:
        return None
    if before.ndim != 1 or not len(before) or not np.isfinite(before).all() or (np.diff(before) < 0).any():
        raise ValueError("what it said of held-out pictures is not in order")
    return HeldOut(before)


def _familiar(state: Mapping[str, NDArray[Any]], features: int) -> Familiar | None:
    own = {name.removeprefix(_FAMILIAR): array for name, array in state.items() if name.startswith(_FAMILIAR)}
    return Familiar.from_state(own, features) if own else None


def _digest(text: str, arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over the facts and over each array's name, type, shape and bytes."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _read_key(facts: Mapping[str, Any], path: Path) -> Key:
    """The key of the head's embeddings; that of an earlier version's head as this version writes it."""
    earlier = read_earlier(facts["key"])
    key = earlier.key if earlier else Key.from_json(json.dumps(facts["key"]))
    if key is None:
        raise HeadFileError(
            f"{str(path)!r} was made by an earlier version of artstyle on a network {facts['key']['backbone']!r} that "
            "it did not come with, and it is not known which layers were read: fit the head again"
        )
    if (earlier or key).digest != facts["key_digest"]:
        raise HeadFileError(f"{str(path)!r} was changed: its key does not fit its digest; fit it again")
    return key
