"""Folders that are splits are found one by one; what is none is named, and no split becomes a class unseen."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.dataset.sources import Reading
from featurize.dataset.sources.tree import read_tree
from featurize.dataset.splits.names import is_like_a_split, split_name

# Folders with one picture each, and for each the split and class that it says; then words of the notes.
TREES = {
    "plain": ("train/a train/b val/a test/b", "train:a train:b val:a test:b", ""),
    "RASTA": ("wikipaintings_train/a wikipaintings_val/a", "train:a val:a", "are splits"),
    "sets": ("training_set/a training_set/b validation_set/a", "train:a train:b val:a", "are splits"),
    "images": ("train_images/a test_images/a", "train:a test:a", "are splits"),
    "images first": ("images_train/a images_val/a", "train:a val:a", "are splits"),
    "COCO": ("train2017/a val2017/a", "train:a val:a", "are splits"),
    "camel": ("TrainImages/a TestImages/a", "train:a test:a", "are splits"),
    "German": ("Training/a Validierung/a Test/a", "train:a val:a test:a", "are splits"),
    "French": ("Entraînement/a validation/a test/a", "train:a val:a test:a", "are splits"),
    "Intel": (
        "seg_train/seg_train/a seg_test/seg_test/a seg_pred/seg_pred",
        "train:a test:a :", "no split",
    ),
    "in a folder": ("archive/train/a archive/test/a", "train:a test:a", ""),
    "in two folders": ("x/data/train/a x/data/test/a", "train:a test:a", ""),
    "in a folder beside a picture": (". archive/train/a archive/test/a", ": train:a test:a", ""),
    "a folder beside": ("train/a val/a test/a extra/a", "train:a val:a test:a :a", "no split"),
    "figures beside": ("train/a test/a docs/figures", "train:a test:a :", "no split"),
    "documents beside": ("train/a test/a docs", "train:a test:a :", "no split"),
    "one split and a folder beside": ("train/a train/b docs", "train:a train:b :", "no split"),
    "wrapper inside": ("train/images/a train/images/b test/images/a", "train:a train:b test:a", ""),
    "class first": ("a/train a/test b/train b/test", "train:a test:a train:b test:b", ""),
    "class first, in a folder": ("x/a/train x/a/test x/b/train", "train:a test:a train:b", ""),
    "class first, a folder beside": ("a/train a/test a/old b/train", "train:a test:a :a train:b", "no split"),
    "below a class": ("train/a/x train/b/y test/a/x", "train:a train:b test:a", ""),
    "one class in a part": ("train/a/x test/a", "train:a test:a", ""),
    "a split in a split": ("train_images/train/a train_images/val/a", "train:a val:a", "are splits"),
    "no class": ("train test", "train: test:", ""),
    "one split": ("train/a train/b", "train:a train:b", ""),
    "vehicles": ("train car bus", ":train :car :bus", "called like splits"),
    "CycleGAN": ("trainA trainB testA testB", ":trainA :trainB :testA :testB", "called like splits"),
    "patterns": ("test_pattern stripes", ":test_pattern :stripes", "called like splits"),
    "steam": ("steam_train sail_boat", ":steam_train :sail_boat", "called like splits"),
    "classes alone": ("a b", ":a :b", ""),
    "classes in a folder": ("x/a x/b", ":a :b", ""),
    "folds": ("fold1/a fold2/a", ":fold1 :fold2", "called like splits"),
    "classes in two museums": ("x/a x/b y/a y/b", ":x :x :y :y", "same names and are not used"),
    "masks beside images": ("a/images a/masks b/images b/masks", ":a :a :b :b", ""),
    "classes and numbers": ("a/1 a/2 b/1", ":a :a :b", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", TREES)
def test_what_folders_say(case: str) -> None:
    folders, said, note = TREES[case]
    names = [f"{folder}/x.png".removeprefix("./") for folder in folders.split()]
    listing = read_tree(names, str, Reading())
    assert " ".join(f"{s}:{c}" for s, c in zip(listing.splits, listing.labels["style"], strict=True)) == said
    assert note in " ".join(n.text for n in listing.notes)
    assert bool(note) == bool(listing.notes)


@pytest.mark.parametrize("name", ["list.csv", "list.xlsx", "readme.txt", "notes.pdf"])
def test_a_list_in_the_folder_of_the_classes_makes_no_class_of_it(name: str) -> None:
    listing = read_tree(["x/a/1.png", "x/b/1.png", f"x/{name}"], str, Reading())
    assert listing.labels["style"][:2] == ["a", "b"]


def test_what_is_no_split_is_named_with_its_pictures() -> None:
    names = ["train/a/1.png", "test/a/2.png", "extra/a/3.png", "extra/4.png", "docs/5.png"]
    (note,) = read_tree(names, str, Reading()).notes
    assert (note.count, list(note.examples)) == (3, ["extra/ (2 pictures)", "docs/ (1 pictures)"])


NAMES = {
    "train": "train Train TRAINING training_set trainset train_images train-images seg_train wikiart.train train1 "
    "train_01 train2017 TrainingSet ImagesTrain train_data trainingdata Trainingsdaten entrenamiento",
    "val": "val valid validation Validation_Set val2017 valset dev seg_val validierung validación images-val",
    "test": "test TEST testing test_set testset test-images seg_test tests prueba Testdaten",
    "": "trainA train_val trainval test_pattern contest latest protrait training_wheels latex valley valentine tested "
    "development device trainer Rococo pretrain",
}


@pytest.mark.parametrize(("part", "name"), [(part, name) for part in NAMES for name in NAMES[part].split()])
def test_names_of_splits(part: str, name: str) -> None:
    assert split_name(name) == part


FOLDERS = ["train", "val", "test", "training_set", "seg_test", "a", "b", "extra", "images", "trainA"]


@given(st.lists(st.lists(st.sampled_from(FOLDERS), max_size=4), min_size=1, max_size=12))
def test_no_split_becomes_a_class_without_a_warning(folders: list[list[str]]) -> None:
    names = ["/".join([*folder, f"{n}.png"]) for n, folder in enumerate(folders)]
    listing = read_tree(names, str, Reading())
    called = {label for label in listing.labels["style"] if is_like_a_split(label)}
    told = {name for note in listing.notes if "called like splits" in note.text for name in note.examples}
    assert called == told
    for name, split in zip(names, listing.splits, strict=True):
        assert not split or split in map(split_name, name.split("/")), "a split is what a folder above says"
    of_folder: dict[str, set[tuple[str, str]]] = {}
    for name, split, label in zip(names, listing.splits, listing.labels["style"], strict=True):
        of_folder.setdefault(name.rpartition("/")[0], set()).add((split, label))
        assert not label or label in name.split("/")
    assert set(Counter({folder: len(said) for folder, said in of_folder.items()}).values()) == {1}
