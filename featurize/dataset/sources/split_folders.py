"""What nested folders say: which are splits, which are classes, and which are neither.

Splits are looked for at each folder by itself: `train/Baroque`, `Baroque/train`, `seg_train/seg_train/Baroque`,
`dataset/training_set/Baroque`. A folder beside splits that is none is named, and a class that is called like a split,
too: whoever knows better renames it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from featurize.dataset.notes import Note
from featurize.dataset.splits.names import is_like_a_split, split_name

_WRAPPERS = {"images", "image", "imgs", "img", "data", "jpg", "jpeg", "png", "pictures", "bilder", "photos"}


@dataclass
class _Folder:
    """A folder with pictures in or below it.

    Parameters
    ----------
    path : str
        Relative, with a slash at its end; "" for the source.
    below : dict of str to _Folder
    pictures : int
        Directly in it.
    """

    path: str
    below: dict[str, _Folder] = field(default_factory=dict)
    pictures: int = 0

    def total(self) -> int:
        """Pictures in and below it."""
        return self.pictures + sum(folder.total() for folder in self.below.values())


@dataclass(frozen=True)
class SaidByFolders:
    """What folders say.

    Parameters
    ----------
    splits, classes : mapping of str to str
        Folder, as `train/Baroque/` -> "train", "val", "test" or ""; and its class or "". A folder beside splits has
        classes that the splits have, too, and no others: `docs/figures` is none.
    notes : sequence of Note
    """

    splits: Mapping[str, str]
    classes: Mapping[str, str]
    notes: Sequence[Note]


def said_by_folders(pictures: Mapping[str, int]) -> SaidByFolders:
    """What folders say of the pictures in them.

    Parameters
    ----------
    pictures : mapping of str to int
        Folder, parts ended by `/`, "" for the source itself -> number of pictures directly in it.
    """
    root = _Folder("")
    for path, count in pictures.items():
        folder = root
        for name in path.split("/")[:-1]:
            folder = folder.below.setdefault(name, _Folder(f"{folder.path}{name}/"))
        folder.pictures += count
    seen: dict[str, tuple[str, str]] = {}
    taken: dict[str, str] = {}
    others: dict[str, int] = {}
    for folder, split, label in _visited(root, "", "", taken, others):
        seen[folder.path] = split, label
    of_splits = {label for split, label in seen.values() if split}
    classes = {
        path: "" if not split and label not in of_splits and path.startswith(tuple(others)) else label
        for path, (split, label) in seen.items()
    }
    return SaidByFolders(
        {path: split for path, (split, _) in seen.items()}, classes, _notes(taken, others, classes, pictures)
    )


def _visited(
    folder: _Folder, split: str, label: str, taken: dict[str, str], others: dict[str, int]
) -> Iterator[tuple[_Folder, str, str]]:
    """A folder and those below it, each with its split and class."""
    yield folder, split, label
    parts = {name: part for name in folder.below if (part := split_name(name))}
    are_splits = _are_splits(folder, parts, label)
    for name, child in folder.below.items():
        if are_splits and name in parts:
            taken[name] = parts[name]
            yield from _visited(child, parts[name], label, taken, others)
        elif are_splits:
            others[child.path] = child.total()
            yield from _visited(child, split, label, taken, others)
        else:
            inner = label or ("" if _is_wrapper(folder, name, split) else name)
            yield from _visited(child, split, inner, taken, others)


def _are_splits(folder: _Folder, parts: Mapping[str, str], label: str) -> bool:
    """Whether the folders that are called like splits are splits, and not classes (`train` beside `car` and `bus`)."""
    if len(set(parts.values())) > 1 or (parts and len(parts) == len(folder.below)):
        return True
    return not label and any(folder.below[name].below for name in parts)


def _is_wrapper(folder: _Folder, name: str, split: str) -> bool:
    """Whether a folder stands only around the classes' or splits' folders."""
    child = folder.below[name]
    if len(folder.below) > 1 or not child.below:
        return False
    if split:  # a part may have one class alone
        return not child.pictures and name.lower() in _WRAPPERS
    parts = {inner: part for inner in child.below if (part := split_name(inner))}
    return not (folder.pictures or child.pictures) or (bool(parts) and _are_splits(child, parts, ""))


def _notes(
    taken: Mapping[str, str], others: Mapping[str, int], classes: Mapping[str, str], pictures: Mapping[str, int]
) -> list[Note]:
    notes = []
    if any(name != part for name, part in taken.items()):
        notes.append(Note("folders are splits", len(taken), [f"{name} = {part}" for name, part in taken.items()]))
    if others:
        examples = [f"{path} ({count} pictures)" for path, count in others.items()]
        text = "pictures lie in folders that are no train, val or test, beside some that are: they are in no split"
        notes.append(Note(text, sum(others.values()), examples))
    if called := sorted({label for label in classes.values() if is_like_a_split(label)}):
        count = sum(pictures.get(path, 0) for path, label in classes.items() if label in called)
        text = (
            "pictures are of classes that are called like splits: splits are train, val and test with classes in them"
        )
        notes.append(Note(text, count, called))
    if shared := _shared_below(classes):
        text = (
            "folders below several classes have the same names and are not used: move them up if they are the classes"
        )
        notes.append(Note(text, len(shared), shared))
    return notes


def _shared_below(classes: Mapping[str, str]) -> list[str]:
    """Names of folders that stand below two classes or more, where there are several, as in `museum-a/Cubism`."""
    below: dict[str, set[str]] = defaultdict(set)
    for path, label in classes.items():
        names = path.split("/")[:-1]
        if label in names[:-1]:
            name = names[names.index(label) + 1]
            if not (split_name(name) or name.isdecimal() or name.lower() in _WRAPPERS):
                below[name].add(label)
    shared = sorted(name for name, labels in below.items() if len(labels) > 1)
    return shared if len(shared) > 1 else []
