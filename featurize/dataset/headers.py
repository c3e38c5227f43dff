"""Headers of tables as museums write them, in several languages, and what each column means.

Case, accents, spaces and signs don't matter, and `ue` is like `ü`. Of several columns that mean the same, the one
that
stands first in the list below counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from featurize.dataset.spelling import words_of

_PATHS = """
    path filename file filepath imagepath image imagename img newfilename relativepath imagefile imagefilename photo
    photofile picture picturefile
    datei dateiname bilddatei bilddateiname dateipfad bildpfad pfad bild bildname abbildung foto digitalisat scan
    scandatei
    fichier nomdefichier nomdufichier nomfichier fichierimage chemin cheminfichier chemindufichier
    nomefile nomedelfile percorso immagine fileimmagine
    archivo nombrearchivo nombredearchivo nombredelarchivo fichero imagen ruta rutaarchivo arquivo nomedoarquivo
    imagem
    bestand bestandsnaam bestandspad afbeelding pad
    fil filnavn filnamn billede billedfil bildfil plik nazwapliku soubor nazevsouboru файл имяфайла изображение путь
    name"""
_INVENTORY = """
    inventarnummer inventarnr inventarno invnr invno inv inventorynumber inventoryno inventory accessionnumber
    accessionno
    accession accno objectnumber objectno objektnummer objektnr objectid objektid imageid
    numdeinventario numinventario numinv ninv numdinventaire numinventaire numdinventario
    numerodinventaire numeroinventaire numeroinv noinventaire ndinventaire ninventaire inventaire
    numerodiinventario numeroinventario ninventario inventario numerodinventario numerodeinventario
    inventarisnummer inventarisnr objectnummer inventarienummer genstandsnummer numerinwentarzowy inventarnicislo
    инвентарныйномер инвномер nr no num number numero identifier id"""
_TITLES = """
    title titles objecttitle worktitle titleofwork titlename caption
    titel werktitel bildtitel objekttitel bezeichnung objektbezeichnung
    titre titreoeuvre titredeloeuvre intitule titolo titoloopera titolodellopera
    titulo titulodelaobra tituloobra tituldeobra titulodaobra titelwerk tittel
    tytul nazev название наименование dctitle"""
_SPLITS = """
    split subset set partition intrain istrain teilmenge aufteilung sousensemble ensemble sottoinsieme conjunto
    particion
    subconjunto deelverzameling"""
_CLASSES = """
    label class classname category cls target klasse kategorie classe categorie clase categoria klass kategori klas
    etichetta etiqueta класс категория"""
_LABELS: Mapping[str, str] = {
    "style": """
        style styles artstyle stylename movement movements artmovement
        stil stile stilrichtung kunststil kunstrichtung stilepoche stromung stylistique mouvement
        mouvementartistique courant
        corrente movimento movimentoartistico estilo estiloartistico corriente movimientoartistico movimiento stijl
        kunststijl stijlperiode stroming kunststroming stilart styl sloh kierunek стиль направление 様式 流派 风格""",
    "genre": "genre genres genrename gattung bildgattung kunstgattung genere genero generos genren жанр",
    "artist": """
        artist artists artistname artistsname nameofartist artistdisplayname artistfullname painter paintername
        artistnames maker makers makername principalorfirstmaker principalmaker creator creators creatorname author
        authors authorname
        kunstler kunstlerin kunstlername kunstlerinnen namedeskunstlers kunstlerinname maler malerin urheber urheberin
        hersteller fotograf autor autorin
        artiste artistes nomdelartiste nomartiste auteur auteurs nomdelauteur peintre createur
        artista artisti nomeartista nomedellartista autore autori nomeautore pittore
        artistas nombreartista nombredelartista autores nombreautor pintor creador pintora
        kunstenaar kunstenaars naamkunstenaar vervaardiger vervaardigers schilder maaker
        kunstner konstnar konstnarer kunstnere artysta autora umelec художник автор 作者 画家 作家 艺术家 dccreator""",
    "year": """
        year date creationdate completionyear completitionyear dated yearcreated datecreated objectdate displaydate
        datedisplay datetext creationyear productiondate dateofcreation dateofwork dating inception
        dates years datierung datierungen datum jahr entstehungsjahr entstehungszeit entstehungsdatum
        herstellungsdatum
        zeitstellung
        datedecreation datation anneedecreation annee millesime dateoeuvre datedexecution
        datazione data anno annodicreazione datacreazione cronologia
        fecha fechadecreacion ano anodecreacion datacion fechadeejecucion datacao datadecriacao
        fechas annees anni jahre jaren datering jaar jaartal vervaardigingsdatum jaarvanvervaardiging
        dato ar arstal tilkomstar tilkomsttid datowanie rok datace дата год датировка dcdate dctermscreated
        objectbegindate begindate datebegin datestart datebeginn""",
}  # fmt: skip


@lru_cache(maxsize=10_000)
def header_key(header: str) -> str:
    """What two spellings of a header have in common.

    Examples
    --------
    >>> header_key("Künstler/in"), header_key("KUENSTLER_IN"), header_key("Inv.-Nr.")
    ('kunstlerin', 'kunstlerin', 'invnr')
    """
    letters = re.sub(r"[\W_]+", "", words_of(header))
    return re.sub(r"(?<=[aou])e", "", letters) or letters


def _keys(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(header_key, text.split())))


PATHS, INVENTORY, TITLES, SPLITS, CLASSES = map(_keys, (_PATHS, _INVENTORY, _TITLES, _SPLITS, _CLASSES))
LABELS: Mapping[str, Sequence[str]] = {label: _keys(text) for label, text in _LABELS.items()}


def first_named(columns: Sequence[str], keys: Sequence[str]) -> str | None:
    """The column whose header stands first in a list of keys; of two with one key the one with names, then the first.

    Wikidata's query service puts names into `creatorLabel` and addresses into `creator`.
    """
    known = [(key, _without_label(key), n) for n, key in enumerate(map(header_key, columns))]
    ranks = [(keys.index(plain), plain == key, n) for key, plain, n in known if plain in keys]
    return columns[min(ranks)[2]] if ranks else None


def means_date(column: str) -> bool:
    """Whether a header says that the column holds dates or years."""
    return _without_label(header_key(column)) in LABELS["year"]


def _without_label(key: str) -> str:
    """A key without the `Label` that Wikidata's query service puts behind its columns."""
    return key if key == "label" else key.removesuffix("label")
