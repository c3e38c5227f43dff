"""A month in a museum, from an installed wheel: a list from a German Excel, 300 scans, corrections, new pictures.

`python -m tests.walkthrough` does it in a temporary folder and prints each command with what it shows; the slow test
in tests/test_walkthrough.py does the same. What is planted: a missing and an empty file, three scans made again, four
wrong labels. What has to hold at the end: corrections stand, only new pictures were embedded, and no command needed
its options twice.
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from tests.installed import Installed, install

NEW = 20
HEADER = ["Inventarnummer", "Titel", "Künstler", "Stil", "Datierung", "Datei"]
NETWORK = ["--backbone", "squeezenet1_1", "--weights", "random", "--size", "64", "--engine", "torch"]


@dataclass
class Museum:
    """A folder with a list and nested scans, and what was planted in it.

    Parameters
    ----------
    folder : Path
    rows : list of list of str
        Of the list, in its order.
    rescans : set of frozenset of str
        Pairs of files that show one picture.
    wrong : dict of str to str
        File -> its right style.
    """

    folder: Path
    rows: list[list[str]] = field(default_factory=list)
    rescans: set[frozenset[str]] = field(default_factory=set)
    wrong: dict[str, str] = field(default_factory=dict)

    def add(self, paintings: Sequence[Path], room: str) -> None:
        """Take scans into a room, with a line of the list each."""
        for painting in paintings:
            number = f"GM {1000 + len(self.rows)}.{len(self.rows) % 7}"
            file = f"{room}/Schrank {len(self.rows) % 5}/{number}.jpg"
            target = self.folder / "Scans" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(painting, target)
            artist, _, title = painting.stem.partition("_")
            words, _, year = title.rpartition("-")
            name = " ".join(map(str.title, artist.split("-"))).replace("ue", "ü")
            self.rows.append([number, words, name, painting.parent.name.replace("_", " "), f"um {year}", file])

    def plant(self) -> None:
        """A missing file, an empty one, three scans made again, four wrong labels."""
        (self.folder / "Scans" / self.rows[7][5]).unlink()
        (self.folder / "Scans" / self.rows[11][5]).write_bytes(b"")
        for n in (20, 90, 160):
            again = [f"GM 9{n}", *self.rows[n][1:5], f"Nachscan/GM 9{n}.jpg"]
            (self.folder / "Scans/Nachscan").mkdir(exist_ok=True)
            with Image.open(self.folder / "Scans" / self.rows[n][5]) as scan:
                scan.resize((scan.width * 9 // 10, scan.height * 9 // 10)).save(
                    self.folder / "Scans" / again[5], quality=70
                )
            self.rows.append(again)
            self.rescans.add(frozenset((self.rows[n][5], again[5])))
        styles = sorted({row[3] for row in self.rows})
        for n in (30, 100, 170, 240):
            self.wrong[self.rows[n][5]] = self.rows[n][3]
            self.rows[n][3] = styles[(styles.index(self.rows[n][3]) + 5) % len(styles)]

    def save(self) -> None:
        """The list as a German Excel saves it."""
        with (self.folder / "Liste.csv").open("w", encoding="cp1252", newline="") as file:
            csv.writer(file, delimiter=";").writerows([HEADER, *self.rows])


def edit(table: Path, change: Callable[[dict[str, str]], None]) -> None:
    """Change rows of the dataset table in a text editor."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        change(row)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def save_by_excel(table: Path) -> None:
    """Open and save the table in a German Excel: semicolons, Windows-1252, long numbers cut to 15 digits."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["mtime_ns"] = f"{int(row['mtime_ns']):.5E}".replace(".", ",")
    with table.open("w", encoding="cp1252", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


def styles_of(table: Path) -> dict[str, str]:
    """Path below the scans -> style in the dataset table."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        text = file.read()
    rows = csv.DictReader(text.splitlines(), delimiter=";" if text.count(";") > text.count(",") else ",")
    return {row["path"].replace("\\", "/").partition("Scans/")[2]: row["style"] for row in rows}


def walk(installed: Installed, folder: Path, gallery: Path | None = None, say: Callable[[str], None] = print) -> None:
    """The whole month; raises AssertionError where something does not hold."""

    def shows(*command: str) -> str:
        done = installed.run(*command, cwd=folder)
        say(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}")
        assert done.returncode == 0, command
        return done.stdout

    if gallery is None:
        shows("featurize", "sample", "gallery", "--per-style", "32")
        gallery = folder / "gallery"
    paintings = sorted(gallery.glob("*/*.jpg"), key=lambda path: (path.name[::-1], path.parent.name))[: 300 + NEW]
    museum = Museum(folder / "museum")
    museum.add(paintings[:150], "Saal 1")
    museum.add(paintings[150:300], "Saal 2/Depot")
    museum.plant()
    museum.save()

    said = shows("featurize", "prepare", "museum/Liste.csv", "--split", "artist", "--remember")
    assert "--label-column style=Stil" in said
    assert re.search(r"^301 images, 10 style classes, 2 rejected", said, re.MULTILINE)
    assert "There is no such file" in said or "there is no such file" in said
    said = shows("featurize", "audit")
    found = (folder / "audit/audit.json").read_text(encoding="utf-8")
    assert all(all(Path(name).name in found for name in pair) for pair in museum.rescans)
    shows("featurize", "run", *NETWORK, "--remember")
    shows("classify", "compare", "--heads", "ridge,prototype", "--out", "report", "--remember")
    shows("classify", "fit", "--head", "ridge", "--out", "stil.safetensors", "--remember")
    shows("classify", "predict", "museum/Scans/Nachscan", "--head", "stil.safetensors", "--csv", "stil.csv")

    corrected = dict(list(museum.wrong.items())[:2])

    def correct(row: dict[str, str]) -> None:
        row["style"] = corrected.get(row["path"].partition("Scans/")[2], row["style"])

    edit(folder / "dataset.csv", correct)
    segments = set((folder / "features").rglob("*.h5"))
    museum.add(paintings[300:], "Neuzugänge")
    museum.save()
    said = shows("featurize", "prepare")
    assert "2 edits" in said
    assert re.search(r"^321 images, 10 style classes, 2 rejected.* 301 unchanged", said, re.MULTILINE)
    save_by_excel(folder / "dataset.csv")
    said = shows("featurize", "prepare")
    assert "2 edits" in said
    said = shows("featurize", "run")
    added = sorted(set((folder / "features").rglob("*.h5")) - segments)
    rows = installed.run("python", "-c", COUNT, *map(str, added), cwd=folder).stdout.strip()
    say(f"rows in new segments: {rows}")
    assert rows == str(NEW), "only the new pictures were embedded"
    shows("classify", "compare")
    shows("classify", "fit")
    shows("classify", "predict", "museum/Scans/Neuzugänge", "--head", "stil.safetensors", "--csv", "neu.csv")
    shows("featurize", "info")
    styles = styles_of(folder / "dataset.csv")
    assert {file: styles[file] for file in corrected} == corrected, "the corrections stand"
    say("the corrections stand, only the new pictures were embedded, no command needed its options twice")


COUNT = "import sys, h5py; print(sum(len(h5py.File(name)['id']) for name in sys.argv[1:]))"


def main() -> None:
    """Walk in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gallery", type=Path, help="320 sample paintings that were drawn before.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "work"
        folder.mkdir()
        walk(install(Path(scratch) / "installed"), folder, given.gallery and given.gallery.absolute())


if __name__ == "__main__":
    main()
