"""What a fine-tuning leaves: a backbone, a head on its embeddings, and how they came about.

runs/NAME/run.json              what was asked for, on which rows, and what came of it
runs/NAME/metrics.jsonl         one line an epoch
runs/NAME/backbone.safetensors  weights with name, transform and the ids of the rows they were trained on
runs/NAME/head.safetensors      a head on the standard embedding of this backbone
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from cache import files
from classify.errors import FinetuneError
from featurize.wording import counted

FORMAT = "artstyle run 1"
SEARCH, REFIT = "search", "refit"  # an epoch is looked for; all rows are learned with it
RUN, METRICS, BACKBONE, HEAD = "run.json", "metrics.jsonl", "backbone.safetensors", "head.safetensors"

Kinds = Mapping[str, "type | tuple[type, ...]"]
_BEGUN: Kinds = {"asked": dict, "network": dict, "weights": str, "transform": dict, "rows": dict, "folds": dict}
_RESULT: Kinds = {
    "backbone": str, "target": str, "classes": list, "asked": dict, "rows_digest": str, "rows": int, "held_out": int,
    "layers": int, "epoch": int, "held_out_accuracy": (int, float, type(None)), "seconds": (int, float),
    "map_seconds": (int, float), "map_bytes": int, "left_out": dict, "warnings": list,
}  # fmt: skip


@dataclass(frozen=True)
class Finetuned:
    """A finished run.

    Parameters
    ----------
    folder : Path
    backbone : str
    target : str
    classes : sequence of str
    asked : mapping
        The settings.
    rows_digest : str
        Of the rows that it may have learned from, with their labels.
    rows, held_out : int
        Rows that the last training saw, and rows that the epoch was chosen on before.
    layers : int
        Layers that were retrained, beside the head.
    epoch : int
        The chosen one; 0 are the weights before any training.
    held_out_accuracy : float or None
        At that epoch, before a refit.
    seconds : float
        Of training, with its inputs.
    map_seconds, map_bytes : float, int
        For making the stored maps, and their size; 0 without.
    left_out : mapping of str to str
        Pictures that could not be read, and why.
    warnings : sequence of str
    """

    folder: Path
    backbone: str
    target: str
    classes: Sequence[str]
    asked: Mapping[str, Any]
    rows_digest: str
    rows: int
    held_out: int
    layers: int
    epoch: int
    held_out_accuracy: float | None
    seconds: float
    map_seconds: float
    map_bytes: int
    left_out: Mapping[str, str]
    warnings: Sequence[str]

    @property
    def weights_file(self) -> Path:
        """The backbone's weights."""
        return self.folder / BACKBONE

    @property
    def head_file(self) -> Path:
        """The head on the backbone's standard embedding."""
        return self.folder / HEAD

    def history(self) -> list[dict[str, Any]]:
        """One record an epoch.

        Raises
        ------
        FinetuneError
            The file of them was damaged.
        """
        path = self.folder / METRICS
        try:
            records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            for record in records:
                check_kinds(record, {"stage": str, "epoch": int})
        except (OSError, ValueError) as error:
            raise FinetuneError(
                f"{str(path)!r} can't be read ({error}): restore it, or make the run again with another --out"
            ) from error
        return records

    @property
    def joules(self) -> float | None:
        """Energy of all epochs, as the machine counted it (`featurize.energy`); None where it did not."""
        history = self.history()
        used = [float(record["joules"]) for record in history if "joules" in record]
        return sum(used) if used and len(used) == len(history) else None

    @property
    def retrained(self) -> str:
        """What learned, for sentences: "40 layers and the head", or "the head"."""
        return f"{counted(self.layers, 'layer')} and the head" if self.layers else "the head"

    def curve(self) -> tuple[dict[str, float], ...]:
        """Accuracy after each epoch of the training that chose one, in the words of heads that learn in epochs."""
        searched = [r for r in self.history() if r["stage"] == SEARCH and "train_accuracy" in r]
        return tuple(
            {"epoch": r["epoch"], "train_loss": r["loss"], "train_accuracy": r["train_accuracy"]}
            | ({"val_accuracy": r["held_out_accuracy"]} if "held_out_accuracy" in r else {})
            for r in searched
        )

    def save(self, begun: Mapping[str, Any]) -> None:
        """Write what came of the run beside what was asked for."""
        facts = {name: value for name, value in asdict(self).items() if name != "folder"}
        write_json(self.folder / RUN, {**begun, "result": facts})


def write_metrics(folder: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Write the records of all epochs so far, one line each.

    Raises
    ------
    StorageFailed
    """
    files.write_atomic(folder / METRICS, ["".join(json.dumps(record) + "\n" for record in history).encode()])


def write_json(path: Path, facts: Mapping[str, Any]) -> None:
    """Write plain JSON for people and programs.

    Raises
    ------
    StorageFailed
    """
    files.make_folder(path.absolute().parent)
    files.write_atomic(path, [(json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()])


def read_begun(folder: Path) -> dict[str, Any] | None:
    """What stands in a run's folder; None where there is no run.

    Raises
    ------
    FinetuneError
        It can't be read, or another version wrote it.
    """
    path = folder / RUN
    if not path.is_file():
        return None
    try:
        facts: Any = json.loads(path.read_text(encoding="utf-8"))
        check_kinds(facts, {"format": str})
        if facts["format"] != FORMAT:
            raise ValueError(f"its format is {facts['format']!r}, this version reads {FORMAT!r}")
        check_kinds(facts, _BEGUN)
        check_kinds(facts["rows"], {"count": int, "digest": str})
        return dict(facts)
    except (OSError, ValueError) as error:
        raise FinetuneError(f"{str(path)!r} can't be read ({error}): choose another --out") from error


def check_kinds(facts: Any, kinds: Kinds) -> None:
    """Raise ValueError unless something read from JSON is an object that has these entries, of these kinds."""
    if not isinstance(facts, dict):
        raise ValueError(f"it holds {shortened(facts)} instead of an object")
    for name, kind in kinds.items():
        if name not in facts:
            raise ValueError(f"{name!r} is missing")
        if not isinstance(facts[name], kind):
            raise ValueError(f"{name!r} is {shortened(facts[name])}")


def load_finetuned(folder: str | Path) -> Finetuned:
    """A finished run.

    Raises
    ------
    FinetuneError
        There is none in the folder, it is not finished, or a file of it is damaged or missing.
    """
    folder = Path(folder)
    begun = read_begun(folder)
    if begun is None:
        raise FinetuneError(f"there is no run in {str(folder)!r}: make one with `classify finetune`")
    if begun["folds"]:
        raise FinetuneError(
            f"the run in {str(folder)!r} was made with --folds and leaves no backbone: run the same command without it"
        )
    if "result" not in begun:
        raise FinetuneError(f"the run in {str(folder)!r} is not finished: the same command again goes on with it")
    try:
        check_kinds(begun["result"], _RESULT)
        found = Finetuned(folder=folder, **begun["result"])
    except (TypeError, ValueError) as error:
        raise FinetuneError(f"{str(folder / RUN)!r} can't be read ({error}): choose another run") from error
    for name in (BACKBONE, HEAD, METRICS):
        if not (folder / name).is_file():
            raise FinetuneError(
                f"the run in {str(folder)!r} is finished, but its file {name!r} is not there any more: restore it, or "
                "make the run again with another --out"
            )
    return found
