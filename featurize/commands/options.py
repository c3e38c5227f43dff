"""Options that several commands of `featurize` and `classify` share, each written once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cache.addresses import scheme_of
from featurize.choices import SPLITS

_FETCH = "fetch it, and give the path of the file or folder"


class LocalPath(click.Path):
    """A path on this machine: as one, an address would lose a slash and be looked for here.

    Parameters
    ----------
    schemes : sequence of str
        Those of the addresses that are taken, too, and stay texts.
    instead : str
        What the user can do who gave another address.
    """

    name = "path"

    def __init__(self, schemes: Sequence[str] = (), instead: str = _FETCH) -> None:
        super().__init__(path_type=Path)
        self.schemes = schemes
        self.instead = instead

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A path; an address of the right kind as it is.

        Raises
        ------
        click.BadParameter
            It is another address, or empty, as a variable gives it that is not set.
        """
        if not str(value):
            self.fail("an empty name is no path: write one, or leave the option out", param, ctx)
        scheme = scheme_of(value)
        if not scheme:
            return super().convert(value, param, ctx)
        if scheme not in self.schemes:
            self.fail(f"{value!r} is no path on this machine: {self.instead}", param, ctx)
        return value


class Folder(click.Path):
    """A folder, or an address such as s3://museum/features, which stays a text."""

    name = "folder"

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Addresses are not touched; anything else becomes a path.

        Raises
        ------
        click.BadParameter
            It is empty.
        """
        if not str(value):
            self.fail("an empty name is no folder: write one, or leave the option out", param, ctx)
        return value if scheme_of(value) else super().convert(value, param, ctx)


FILE = LocalPath()
ANY_SPLIT = click.Choice([*SPLITS, "all"])

DATASET = Path("dataset.csv")  # where the dataset table is, unless another place is named
TABLE = click.option("--dataset", type=FILE, default=DATASET, show_default=True, help="The dataset table.")
FEATURES = click.option(
    "--features",
    type=Folder(),
    default=Path("features"),
    show_default=True,
    help="The features folder, or its address in an object store: s3://BUCKET/FOLDER.",
)
KEY = click.option("--key", help="Which feature cache: a part of its name, where there are several.")
SPLIT = click.option("--split", type=ANY_SPLIT, default="all", show_default=True, help="Which rows.")
BACKBONE = click.option(
    "--backbone",
    help="The frozen network: resnet50, or PROVIDER:NAME; default: what a file of weights names, else resnet50.",
)
WEIGHTS = click.option(
    "--weights", help="imagenet-v1, imagenet-v2, random, or a file; default: the network's first, imagenet-v1."
)
RECIPE = click.option(
    "--embedding", help="A recipe, or several joined by +; default: avgpool, or as the network's authors do."
)
TARGET = click.option("--target", default="style", show_default=True, help="The label column.")
SEED = click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
WORKERS = click.option(
    "--workers", type=click.IntRange(1), help="Worker threads; default: from the number of processors."
)
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, ...")
TUNE = click.option(
    "--tune/--no-tune", default=True, show_default=True, help="Choose open parameters by cross-validation."
)
