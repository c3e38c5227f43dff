"""Headers of museums' tables in their languages mean what the English ones mean, and it is said as options to paste."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from featurize.commands.console import run
from featurize.commands.main import cli
from featurize.dataset.headers import header_key
from featurize.dataset.sources import Reading
from featurize.dataset.sources.columns import meaning, path_column
from featurize.dataset.table import read_table
from tests.conftest import save_picture

# file, style, artist, year: as tables of museums head them
HEADERS = """
    path style artist year|Filename Movement Painter Date|image Style Artist_Name Dated|IMAGE_FILE STYLE MAKER DATE
    Datei Stil Künstler Datierung|Dateiname Stilrichtung Künstlername Entstehungsjahr|Bilddatei Kunststil Maler Jahr
    DATEI STIL KUENSTLER DATIERUNG
    Bild Stil/Epoche Künstler/in Datum|Abbildung Stil Künstler*in Entstehungszeit
    Inventarnummer Stil Urheber Zeitstellung|Inv.-Nr. Stil Künstlerin Datierung
    fichier style artiste date|Nom_de_fichier Mouvement Auteur Datation
    Image Style Peintre Année|Chemin style Créateur Millésime
    N°_d'inventaire Style Artiste Date_de_création|Numéro_d’inventaire Style Artiste(s) Date(s)
    file stile artista data|Nome_file Stile Autore Datazione
    Plik Styl Autor Data|Soubor Sloh Autor Datum|ファイル名 様式 作者 date
    Immagine Corrente Pittore Anno|Percorso Movimento Autore Cronologia
    Núm._de_inventario Estilo Autor Fecha|archivo estilo artista fecha|Nombre_de_archivo Estilo Autor Año
    Imagen Corriente Pintor Datación|Ruta Estilo Artista Fecha
    bestand stijl kunstenaar datering|Bestandsnaam Stroming Vervaardiger Jaar|Afbeelding Stijl Schilder Datum
    Inventarisnummer Stijl Kunstenaar Jaartal
"""
ALL = [line.split() for row in HEADERS.strip().splitlines() for line in row.split("|")]


@pytest.mark.parametrize("header", ALL, ids=" ".join)
def test_a_header_is_recognised_in_any_language(header: list[str]) -> None:
    names = [name.replace("_", " ") for name in header]
    cells = (["1.jpg", "2.jpg"], ["a", "b"], ["X", "Y"], ["1900", "1901"])
    columns = {"Titel": ["t", "u"], **dict(zip(names, cells, strict=True))}
    named = path_column(columns, Reading(), "it")
    meant = meaning(columns, Reading(), "it", without=[named])
    assert named == names[0]
    assert meant.recognised == {"style": names[1], "artist": names[2], "year": names[3]}
    assert meant.labels["Titel"] == ["t", "u"]


@pytest.mark.parametrize("header", ALL, ids=" ".join)
def test_case_and_signs_do_not_matter(header: list[str]) -> None:
    for name in header:
        for written in (name.upper(), name.lower(), f" {name} ", f"{name}:", name.replace("_", "-")):
            assert header_key(written) == header_key(name)


LISTS = {
    "German": "Inventarnummer;Titel;Künstler;Datierung;Stil;Datei",
    "French": "N° d'inventaire;Titre;Artiste;Date de création;Mouvement;Fichier",
    "Italian": "Numero d'inventario;Titolo;Autore;Datazione;Stile;Nome file",
    "Spanish": "Número de inventario;Título;Autor;Fecha;Estilo;Archivo",
    "Dutch": "Inventarisnummer;Titel;Vervaardiger;Datering;Stijl;Bestandsnaam",
    "no file": "Inventarnummer;Titel;Künstler;Datierung;Stil;Bemerkung",
    "a quote in a header": "Inventarnummer;Titel;Künstler;l'année;Mouvement;Bild's Datei=1",
}


@pytest.mark.parametrize("language", LISTS)
def test_what_was_recognised_can_be_pasted_back_and_gives_the_same_table(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [LISTS[language]]
    for n in range(6):
        save_picture(tmp_path / f"{10 + n}.2.png", n)
        file = "" if language == "no file" else f"{10 + n}.2.png"
        rows.append(f"{10 + n}.2;T{n};Mü{n};18{n}0;{'ab'[n % 2]};{file}")
    Path("list.csv").write_text("\n".join(rows) + "\n", encoding="cp1252")
    assert run(cli, ["prepare", "list.csv", "--out", "looked.csv"]) == 0
    notes = json.loads(Path("looked.notes.json").read_text(encoding="utf-8"))["notes"]
    (said,) = [note["text"] for note in notes if "columns were recognised" in note["text"]]
    options = shlex.split(said.partition("the same as with ")[2])
    assert ("style=" + LISTS[language].split(";")[4]) in options
    assert run(cli, ["prepare", "list.csv", "--out", "pasted.csv", *options]) == 0
    assert Path("pasted.csv").read_bytes() == Path("looked.csv").read_bytes()
    table = read_table(Path("pasted.csv"))
    assert table.columns["artist"] == [f"Mü{n}" for n in range(6)]
    assert table.columns["style"] == list("ababab")
    assert table.columns["path"] == [f"{10 + n}.2.png" for n in range(6)]


def test_of_wikidata_s_two_columns_the_one_with_names_counts() -> None:
    columns = {"item": ["Q1"], "creator": ["http://x/Q5598"], "creatorLabel": ["Rembrandt"], "image": ["a.jpg"]}
    meant = meaning(columns, Reading(), "it", without=["image"])
    assert meant.labels["artist"] == ["Rembrandt"]
    assert meant.labels["creator"] == ["http://x/Q5598"]


def test_a_column_that_is_called_split_and_says_none_is_kept() -> None:
    meant = meaning({"file": ["a.jpg", "b.jpg"], "set": ["chess", "tea"]}, Reading(), "it", without=["file"])
    assert meant.labels["set"] == ["chess", "tea"]
    assert list(meant.splits) == ["", ""]


def test_words_of_a_split_column_that_are_no_split_are_named() -> None:
    columns = {"file": ["a.jpg", "b.jpg", "c.jpg"], "split": ["train", "holdout", ""]}
    meant = meaning(columns, Reading(), "it", without=["file"])
    assert list(meant.splits) == ["train", "", ""]
    (note,) = meant.notes
    assert (note.count, list(note.examples)) == (1, ["holdout (1 rows)"])
