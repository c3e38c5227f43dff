"""Miniatures of every kind of source, in the exact form in which it is published.

Each holds the same handful of pictures, one of which is none, and says what a reader should make of it, by the
pictures' ids: whatever path a reader finds, the labels must belong to the bytes.
"""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from featurize.dataset.sources import Reading
from featurize.pictures.file import digest


def jpeg(seed: int, size: tuple[int, int] = (40, 32)) -> bytes:
    """A small JPEG, different for each seed."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    small.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


BROKEN = b"GIF89a is how it begins, and no more"


@dataclass(frozen=True)
class Miniature:
    """A source and what should come of it.

    Parameters
    ----------
    source : Path
    rows : mapping of str to mapping of str to str
        Id of each good picture -> its split and labels.
    rejected : int
        Files that the source names and that are no pictures, or missing.
    reading : Reading
        What has to be said about it.
    archives : bool
        Whether the pictures lie inside other files.
    """

    source: Path
    rows: Mapping[str, Mapping[str, str]]
    rejected: int = 1
    reading: Reading = field(default_factory=Reading)
    archives: bool = False


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def folders(where: Path) -> Miniature:
    """RASTA: `wikipaintings_train/Style/artist_title-year.jpg`."""
    source = where / "rasta"
    put(source / "wikipaintings_train/Naïve_Art_(Primitivism)/henri-rousseau_the-dream-1910.jpg", jpeg(1))
    put(source / "wikipaintings_train/Baroque/peter-paul-rubens_the-fall.jpg", jpeg(2))
    put(source / "wikipaintings_val/Baroque/rembrandt_self-portrait-1659(2).jpg", jpeg(3))
    put(source / "wikipaintings_val/Baroque/rembrandt_woman-standing-with-raised-hands.jpg", BROKEN)
    return Miniature(
        source,
        {
            digest(jpeg(1)): row("train", style="Naïve_Art_(Primitivism)", artist="henri-rousseau", year="1910"),
            digest(jpeg(2)): row("train", style="Baroque", artist="peter-paul-rubens", year=""),
            digest(jpeg(3)): row("val", style="Baroque", artist="rembrandt", year="1659"),
        },
    )


PAINTER_HEADER = "artist,date,genre,pixelsx,pixelsy,size_bytes,source,style,title,artist_group,in_train,new_filename"


def painter(where: Path) -> Miniature:
    """Painter by Numbers: dates of all kinds, one picture in two folders, one only in the list, one only on disk."""
    source = where / "painter"
    lines = [
        PAINTER_HEADER,
        "Barnett Newman,1955.0,abstract,15530.0,6911.0,9201912.0,wikiart,Color Field Painting,"
        '"Uriel, large",train_only,True,102257.jpg',
        "Kiri Nichol,c.1912,,650.0,450.0,60223.0,,Expressionism,Moon,train_and_test,False,3.jpg",
        "Unknown,(after) 1600,portrait,600.0,729.0,93000.0,wikiart,Baroque,A Lady,train_only,True,20153.jpg",
        "Hiroshige,,landscape,600.0,729.0,93000.0,wikiart,Ukiyo-e,Rain,train_only,True,9.jpg",
        "Hiroshige,1857.0,landscape,600.0,729.0,93000.0,wikiart,Ukiyo-e,Snow,train_only,True,100.jpg",
    ]
    put(source / "all_data_info.csv", ("\n".join(lines) + "\n").encode())
    put(source / "train_1/102257.jpg", jpeg(1))
    put(source / "train/102257.jpg", jpeg(1))
    put(source / "test/3.jpg", jpeg(2))
    put(source / "train_2/20153.jpg", jpeg(3))
    put(source / "train_9/9.jpg", BROKEN)
    put(source / "test/77.jpg", jpeg(9))
    return Miniature(
        source,
        {
            digest(jpeg(1)): row(
                "train",
                style="Color Field Painting",
                genre="abstract",
                artist="Barnett Newman",
                year="1955",
                title="Uriel, large",
            ),
            digest(jpeg(2)): row("test", style="Expressionism", genre="", artist="Kiri Nichol", year="1912"),
            digest(jpeg(3)): row("train", style="Baroque", genre="portrait", artist="Unknown", year=""),
        },
        rejected=2,
    )


def artgan(where: Path) -> Miniature:
    """ArtGAN: headerless lists and class files of two tasks, pictures in the folder `wikiart` beside them."""
    source = where / "wikiart_csv"
    put(source / "style_class.txt", b"0 Abstract_Expressionism\n1 Naive_Art_Primitivism\n2 Realism\n")
    put(
        source / "style_train.csv",
        b"Realism/camille-corot_mantes-cathedral.jpg,2\nAbstract_Expressionism/gene-davis_untitled-1979(3).jpg,0\n",
    )
    put(
        source / "style_val.csv",
        "Naive_Art_Primitivism/grã©goire-michonze_birds-1952.jpg,1\nRealism/camille-corot_broken.jpg,2\n".encode(),
    )
    put(source / "genre_class.txt", b"0 abstract_painting\n1 cityscape\n")
    put(
        source / "genre_train.csv",
        b"Abstract_Expressionism/gene-davis_untitled-1979(3).jpg,0\nRealism/only-in_genre.jpg,1\n",
    )
    put(source / "genre_val.csv", b"Realism/camille-corot_mantes-cathedral.jpg,1\n")
    pictures = where / "wikiart"
    put(pictures / "Realism/camille-corot_mantes-cathedral.jpg", jpeg(1))
    put(pictures / "Abstract_Expressionism/gene-davis_untitled-1979(3).jpg", jpeg(2))
    put(pictures / "Naive_Art_Primitivism/grégoire-michonze_birds-1952.jpg", jpeg(3))
    put(pictures / "Realism/camille-corot_broken.jpg", BROKEN)
    return Miniature(
        source,
        {
            digest(jpeg(1)): row("train", style="Realism", genre="cityscape", artist="camille-corot", year=""),
            digest(jpeg(2)): row(
                "train", style="Abstract_Expressionism", genre="abstract_painting", artist="gene-davis", year="1979"
            ),
            digest(jpeg(3)): row(
                "val", style="Naive_Art_Primitivism", genre="", artist="grégoire-michonze", year="1952"
            ),
        },
    )


HUGGING_FEATURES = {
    "image": {"decode": True, "id": None, "_type": "Image"},
    "artist": {"num_classes": 3, "names": ["Unknown Artist", "boris-kustodiev", "m.c.-escher"], "_type": "ClassLabel"},
    "genre": {"num_classes": 2, "names": ["portrait", "Unknown Genre"], "id": None, "_type": "ClassLabel"},
    "style": {"num_classes": 2, "names": ["Realism", "Surrealism"], "id": None, "_type": "ClassLabel"},
}


def parquet(where: Path) -> Miniature:
    """`huggan/wikiart`: shards of a few row groups, classes as numbers whose names stand in the schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    source = where / "huggan" / "data"
    source.mkdir(parents=True)
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema(
        [("image", image), ("artist", pa.int64()), ("genre", pa.int64()), ("style", pa.int64())],
        metadata={"huggingface": json.dumps({"info": {"features": HUGGING_FEATURES}})},
    )
    shards = [
        [(jpeg(1), 1, 0, 0), (jpeg(2), 2, 1, 1), (jpeg(3), 0, 0, 0)],
        [(BROKEN, 1, 0, 0), (jpeg(4), 2, 0, 1)],
    ]
    for n, rows in enumerate(shards):
        columns = {
            "image": [{"bytes": data, "path": None} for data, *_ in rows],
            **{name: [r[k] for r in rows] for k, name in enumerate(("artist", "genre", "style"), 1)},
        }
        path = source / f"train-{n:05d}-of-00002.parquet"
        pq.write_table(pa.table(columns, schema=schema), path, row_group_size=2)
    return Miniature(
        source.parent,
        {
            digest(jpeg(1)): row("train", style="Realism", genre="portrait", artist="boris-kustodiev"),
            digest(jpeg(2)): row("train", style="Surrealism", genre="", artist="m.c.-escher"),
            digest(jpeg(3)): row("train", style="Realism", genre="portrait", artist="Unknown Artist"),
            digest(jpeg(4)): row("train", style="Surrealism", genre="portrait", artist="m.c.-escher"),
        },
        archives=True,
    )


def webdataset(where: Path) -> Miniature:
    """Shards of samples: picture, `.json` or `.cls` beside it, one base name each."""
    source = where / "shards"
    tar(
        source / "wikiart-train-000000.tar",
        {
            "000000.jpg": jpeg(1),
            "000000.json": json.dumps(
                {"style": "Cubism", "artist": "Juan Gris", "date": "c. 1913", "size": {}}
            ).encode(),
            "a/m.c.-escher_x.jpg": jpeg(2),
            "a/m.c.-escher_x.json": b'{"style": ["Op Art", "Surrealism"], "artist": "M. C. Escher"}',
        },
    )
    tar(
        source / "wikiart-val-000000.tar",
        {"000.left.jpg": jpeg(3), "000.cls": b"Cubism", "001.jpg": BROKEN, "001.cls": b"Cubism"},
    )
    return Miniature(
        source,
        {
            digest(jpeg(1)): row("train", style="Cubism", artist="Juan Gris", year="1913"),
            digest(jpeg(2)): row("train", style="Op Art", artist="M. C. Escher", year=""),
            digest(jpeg(3)): row("val", style="Cubism", artist="", year=""),
        },
        archives=True,
    )


def zips(where: Path) -> Miniature:
    """A zip of class folders as a Mac makes it."""
    source = where / "wikiart.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("wikiart/Cubism/juan-gris_guitar-1913.jpg", jpeg(1))
        archive.writestr("wikiart/Cubism/juan-gris_broken-1914.jpg", BROKEN)
        archive.writestr("wikiart/Naïve_Art/henri-rousseau_tiger.jpg", jpeg(2))
        archive.writestr("wikiart/Naïve_Art/.DS_Store", b"x")
        archive.writestr("__MACOSX/wikiart/Cubism/._juan-gris_guitar-1913.jpg", b"x")
    return Miniature(
        source,
        {
            digest(jpeg(1)): row("", style="Cubism", artist="juan-gris", year="1913"),
            digest(jpeg(2)): row("", style="Naïve_Art", artist="henri-rousseau", year=""),
        },
        archives=True,
    )


def table(where: Path) -> Miniature:
    """A museum's own list: semicolons, Windows' code page, other column names, several labels in a cell."""
    source = where / "museum" / "catalogue.csv"
    text = (
        "Inv.;Datei;Movement;Künstler;Dated;subset\n"
        "1;img\\a.jpg;Impressionism;Édouard Manet;um 1865;training\n"
        "2;img\\b.jpg;Realism, Impressionism;Édouard Manet;1866-67;test\n"
        "3;img\\gone.jpg;Realism;;;training\n"
    )
    put(source, text.encode("cp1252"))
    put(source.parent / "img/a.jpg", jpeg(1))
    put(source.parent / "img/b.jpg", jpeg(2))
    return Miniature(
        source,
        {
            digest(jpeg(1)): row("train", style="Impressionism", artist="Édouard Manet", year="1865", **{"Inv.": "1"}),
            digest(jpeg(2)): row("test", style="Realism", artist="Édouard Manet", year="1866"),
        },
        reading=Reading(label_columns={"artist": "Künstler"}),
    )


def iiif(where: Path) -> Miniature:
    """What was fetched of two manifests and one that is broken."""
    source = where / "iiif" / "example.org-0123456789"
    labels = {"Style": "Baroque", "Artist": "Judith Leyster", "manifest": "https://example.org/1"}
    put(source / "pictures-512/a.jpg", jpeg(1))
    put(source / "pictures-512/b.jpg", jpeg(2))
    put(source / "manifests/a.json", b"{}")
    rows = [
        {"path": "pictures-512/a.jpg", "labels": {**labels, "canvas": "https://example.org/1/a"}},
        {"path": "pictures-512/b.jpg", "labels": {**labels, "canvas": "https://example.org/1/b", "Date": "1630"}},
        {"path": "manifests/gone.json", "labels": {"manifest": "https://example.org/2"}, "trouble": "status 404"},
    ]
    document = {"format": "artstyle iiif 1", "source": "https://example.org/all", "pictures": rows}
    put(source / "listing.json", json.dumps(document).encode())
    return Miniature(
        source,
        {
            digest(jpeg(1)): row(
                "", style="Baroque", artist="Judith Leyster", year="", canvas="https://example.org/1/a"
            ),
            digest(jpeg(2)): row("", style="Baroque", year="1630", manifest="https://example.org/1"),
        },
    )


def row(split: str, **labels: str) -> dict[str, str]:
    return {"split": split, **labels}


def tar(path: Path, members: Mapping[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


MINIATURES: Mapping[str, Callable[[Path], Miniature]] = {
    "iiif": iiif,
    "folders": folders,
    "painter-by-numbers": painter,
    "artgan": artgan,
    "parquet": parquet,
    "webdataset": webdataset,
    "zip": zips,
    "table": table,
}
