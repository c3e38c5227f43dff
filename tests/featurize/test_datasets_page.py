"""The commands of docs/datasets.md work as they stand there, each source in the form in which it is published."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
from pathlib import Path

import pytest

from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.engines.fake import FakeEngines
from tests.conftest import ROOT, save_picture
from tests.featurize import fake, miniatures

PAGE = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    """Every line of the page's shell blocks, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def make_sources(where: Path) -> None:
    """One source of each kind under the name that the page gives it."""
    for make in miniatures.MINIATURES.values():
        make(where)
    for n in range(12):
        style = ("Baroque", "Cubism")[n % 2]
        split = "train" if n < 8 else "val"
        save_picture(where / f"rasta/wikipaintings_{split}/{style}/artist-{n % 5}_work-{n}-{1600 + 33 * n}.jpg", n)
    shutil.copytree(where / "rasta", where / "messy")
    (where / "wanted.txt").write_text("baroque\ncubism\n")
    with (where / "museum/catalogue.csv").open(encoding="cp1252", newline="") as file:
        header, *rows = csv.reader(file, delimiter=";")
    with (where / "museum/catalogue.tsv").open("w", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([header, *rows])
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), where / "museum/catalogue.parquet")


def test_every_command_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a fast engine in the place of the network, and without a download."""
    monkeypatch.chdir(tmp_path)
    make_sources(tmp_path)
    fake.decode_here(monkeypatch)
    monkeypatch.setattr("featurize.networks.network.Network.fetch", lambda network: tmp_path / "weights.pth")
    listed = commands()
    assert {c[1] for c in listed} == {"prepare", "audit", "run"}
    assert {Path(c[2]).name for c in listed if c[1] == "prepare"} >= {
        "rasta", "catalogue.csv", "catalogue.tsv", "catalogue.parquet", "painter", "wikiart_csv", "huggan", "shards",
        "wikiart.zip", "messy",
    }  # fmt: skip
    for command in listed:
        assert command[0] == "featurize"
        assert run(cli, command[1:], FakeEngines()) == 0, shlex.join(command)


def test_the_links_of_the_page_lead_to_its_headings() -> None:
    headings = {
        re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in PAGE.splitlines()
        if line.startswith("#")
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= headings
