"""Several makers in a cell count each for themselves, and whoever is not known is nobody, in any museum's language."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.dataset.audit.coverage import artist_coverage, shared_artists
from featurize.dataset.groups import Groups
from featurize.dataset.people import is_nobody, keys_of, makers_of
from featurize.dataset.splits import artist_split

# One line a column of cells, parted by `//`; then what the first cell means beside the others.
COLUMNS = {
    "bar": ("Currier|Palmer // Ives", ["Currier", "Palmer"]),
    "semicolon": ("Monet, Claude; Renoir, Auguste", ["Monet, Claude", "Renoir, Auguste"]),
    "line of a cell": ("Claude Monet\nAuguste Renoir", ["Claude Monet", "Auguste Renoir"]),
    "slash between spaces": ("Monet / Renoir", ["Monet", "Renoir"]),
    "list of Python": ("['Claude Monet', 'Auguste Renoir']", ["Claude Monet", "Auguste Renoir"]),
    "list of JSON": ('["Monet, Claude", "Renoir, Auguste"]', ["Monet, Claude", "Renoir, Auguste"]),
    "Japanese comma": ("葛飾北斎、歌川広重", ["葛飾北斎", "歌川広重"]),
    "one twice": ("Monet|monet", ["Monet"]),
    "and, full names": ("Jan Brueghel and Peter Paul Rubens", ["Jan Brueghel", "Peter Paul Rubens"]),
    "und, full names": ("Jan Brueghel und Peter Paul Rubens", ["Jan Brueghel", "Peter Paul Rubens"]),
    "surname first": ("Rubens, Peter Paul and Brueghel, Jan", ["Rubens, Peter Paul", "Brueghel, Jan"]),
    "three": (
        "Jan Brueghel, Peter Paul Rubens and Frans Snyders",
        ["Jan Brueghel", "Peter Paul Rubens", "Frans Snyders"],
    ),
    "and, one known": ("Currier and Ives // Currier", ["Currier", "Ives"]),
    "&, one known": ("Currier & Ives // Ives", ["Currier", "Ives"]),
    "&, in two pairs": ("Hill & Adamson // Hill & Rigby", ["Hill", "Adamson"]),
    "e, one known": ("Tizio e Caio // Caio", ["Tizio", "Caio"]),
    "with": ("Peter Paul Rubens with Frans Snyders", ["Peter Paul Rubens", "Frans Snyders"]),
    "+, one known": ("Ulay + Abramović // Ulay", ["Ulay", "Abramović"]),
    "comma, one known": ("Claude Monet, Auguste Renoir // Claude Monet", ["Claude Monet", "Auguste Renoir"]),
    "a pair that works together": ("Gilbert & George // Monet", ["Gilbert & George"]),
    "a firm": ("Smith & Sons // Smith // Jones & Sons", ["Smith & Sons"]),
    "a family": ("John and Mary Smith // John and Ann Miller", ["John and Mary Smith"]),
    "a Spanish surname": ("José Ortega y Gasset // Picasso", ["José Ortega y Gasset"]),
    "surname and first name": ("Toulouse Lautrec, Henri de // Monet", ["Toulouse Lautrec, Henri de"]),
    "with a workshop": ("Rembrandt and workshop", ["Rembrandt"]),
    "with his workshop": ("Lucas Cranach und Werkstatt", ["Lucas Cranach"]),
    "and others": ("Claude Monet et al.", ["Claude Monet"]),
    "beside an unknown one": ("Unknown|Currier", ["Currier"]),
    "an unknown one and": ("Unknown and Jan Lievens", ["Jan Lievens"]),
    "after another": ("Hendrick Goltzius, after Bartholomeus Spranger", ["Hendrick Goltzius"]),
    "nach": ("Albrecht Dürer nach Martin Schongauer", ["Albrecht Dürer"]),
    "pupil of": ("Govert Flinck (pupil of Rembrandt)", ["Govert Flinck"]),
    "in doubt": ("Rembrandt (?)", ["Rembrandt"]),
    "in doubt, without brackets": ("Rembrandt?", ["Rembrandt"]),
    "roles": ("Currier (publisher) | Palmer (artist)", ["Currier", "Palmer"]),
    "roles before": ("prentmaker: Rembrandt van Rijn; uitgever: Hendrick", ["Rembrandt van Rijn", "Hendrick"]),
    "the Elder, in German": ("Lucas Cranach d. Ä. und Werkstatt", ["Lucas Cranach d. Ä."]),
    "with a workshop, in brackets": ("Rubens (and workshop) // Rubens", ["Rubens"]),
    "with a studio's help": ("Rubens, with studio assistance", ["Rubens"]),
    "a surname that two share, one known": ("Bernd & Hilla Becher // Bernd Becher", ["Bernd Becher", "Hilla Becher"]),
    "a surname that brothers share": ("Jan and Hubert van Eyck // Eyck, Jan van", ["Jan van Eyck", "Hubert van Eyck"]),
    "dot": ("Claude Monet • Auguste Renoir", ["Claude Monet", "Auguste Renoir"]),
    "two slashes": ("Claude Monet//Auguste Renoir", ["Claude Monet", "Auguste Renoir"]),
    "dash, one known": ("Claude Monet – Auguste Renoir // Claude Monet", ["Claude Monet", "Auguste Renoir"]),
    "a dash inside a name": ("Toulouse - Lautrec // Monet", ["Toulouse - Lautrec"]),
    "roles in a list": ("Paulus Pontius (engraver), Peter Rubens (inventor)", ["Paulus Pontius", "Peter Rubens"]),
    "who designed and who made": ("Designed by Rubens; woven by Jan Raes", ["Rubens", "Jan Raes"]),
    "engraved by, after": ("Engraved by Paulus Pontius after Rubens", ["Paulus Pontius"]),
    "a long list": ("Hill; " * 300 + "Adamson", ["Hill", "Adamson"]),
    "circle of two": ("Circle of Rembrandt and Jan Lievens", []),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_who_made_a_picture(case: str) -> None:
    column, names = COLUMNS[case]
    assert makers_of(column.split(" // "))[0] == tuple(names)


NOBODY = """
Unknown|unknown-artist|UNKNOWN MAKER|Unknown photographer|Artist unknown|unidentified artist|Unidentified|Anonymous
anonymous|Anon.|Various|Various Artists|N/A|nan|?|???|—|N. N.|n.n.|NN|o. A.|o.A.|k. A.|[unknown]|(unknown)
Unknown (Chinese)
Unknown, Dutch, 17th century|Not known|not recorded|Maker unrecorded|s.n.|Unnamed artist|Unknown_12|No artist|-|none
unbekannt|Künstler unbekannt|KÜNSTLER UNBEKANNT|Kuenstler unbekannt|unbekannter Meister|Unbekannte Künstlerin
Unbekannter Künstler (Augsburg)|nicht bekannt|Nicht identifiziert|Anonym|Anonymer Meister|ohne Angabe
Urheber unbekannt
onbekend|anoniem|Anonieme meester|onbekende kunstenaar|Kunstenaar onbekend|niet bekend|vervaardiger: anoniem
anonyme|Inconnu|Artiste inconnu|auteur inconnu|Non identifié|peintre anonyme|ANONYME (Flandre)
desconocido|Autor desconocido|Anónimo|anonimo|Sin identificar|artista desconocida|desconhecido|Anônimo|autor anònim
ignoto|Autore ignoto|anonimo|sconosciuto|Pittore ignoto del XVII secolo|Non identificato|ignoto fiorentino
ubekendt|Ukendt kunstner|okänd|Okänd konstnär|ukjent|Ukjent kunstner|tuntematon|Tuntematon taiteilija|Ubekendt
neznámý|Neznámý autor|neznámý umělec|nieznany|Autor nieznany|nepoznat autor|ismeretlen|Ismeretlen mester|necunoscut
неизвестный художник|Неизвестен|Неизвестный мастер|неизв.|Автор неизвестен|аноним|Невідомий художник|Непознат
作者不詳|作者不明|筆者不詳|佚名|無名氏|无名氏|不详|未知|작자미상|미상|άγνωστος|Άγνωστος καλλιτέχνης
مجهول|לא ידוע|bilinmiyor|anonim
ไม่ทราบชื่อ|http://www.wikidata.org/.well-known/genid/8d2e
School of Rembrandt|school of rembrandt|SCHOOL OF FONTAINEBLEAU|Circle of Rembrandt|circle of Peter Paul Rubens
after Rembrandt|After Raphael|attributed to Rembrandt|Attributed to: Titian|Attr. to Titian|Follower of Bosch
Followers of Bosch
Manner of Canaletto|Style of Canaletto|in the style of Manet|Workshop of Bellini|Studio of van Dyck|Copy after Rubens
Possibly Rembrandt|probably by Rembrandt|Formerly attributed to Rembrandt|Imitator of Goya|Pupil of Rembrandt
Rembrandt (school of)|Rembrandt, circle of|Rembrandt (workshop)|Rembrandt, attributed to|Rembrandt (follower of)
Rembrandt, studio
Italian School|French School, 18th century|Dutch school|Delft School|Italian (Florentine) 15th Century
French, 18th century
Netherlandish Painter|American 19th Century|Dutch follower of Rembrandt|Italian, possibly Venetian
Unknown follower of Titian
Close follower of Bosch|Late follower of Bosch|Rembrandt?, school of|Copyist of Bosch|Kano school
Werkstatt Lucas Cranachs|Werkstatt von Cranach|Cranach-Werkstatt|Lucas Cranach (Werkstatt)|Lucas Cranach, Werkstatt
Umkreis Rembrandt|Umkreis des Rembrandt|Rembrandt (Umkreis)|Rembrandt, Umkreis|Nachfolger Rembrandts
Rembrandt-Nachfolger
Schule von Rembrandt|Rembrandt-Schule|Holländische Schule|Schüler von Dürer|Kreis um Altdorfer|Art des Teniers
nach Rembrandt|Nach Tizian|Kopie nach Rubens|Rembrandt zugeschrieben|Rembrandt (zugeschrieben)
zugeschrieben: Rembrandt
vermutlich Rembrandt|wohl Hans Holbein|in der Art von Watteau|Nachahmer des Bosch
atelier de Rembrandt|Atelier de Rubens|atelier d'Eugène Delacroix|cercle de Watteau|entourage de Clouet
école de Fontainebleau
École française|d'après Raphaël|D’après Titien|attribué à Poussin|Poussin (attribué à)|suiveur de Bosch
à la manière de Corot
copie d'après Rubens|Rubens (atelier de)|élève de David
bottega di Bellini|Bottega di Tiziano|Tiziano (bottega)|Tiziano, bottega di|scuola di Raffaello|Scuola veneziana
cerchia di Guercino
ambito di Caravaggio|seguace di Giotto|attribuito a Caravaggio|copia da Tiziano|maniera di Guardi
bottega del Ghirlandaio
taller de Zurbarán|Taller de El Greco|Zurbarán (taller)|escuela de Velázquez|Escuela madrileña|círculo de Murillo
seguidor de Goya|atribuido a Goya|copia de Velázquez|Goya, atribuido|oficina de Grão Vasco|atribuído a Vasco
navolger van Rembrandt|Rembrandt (navolger van)|atelier van Rubens|werkplaats van Rubens|omgeving van Rembrandt
kring van Rembrandt
kopie naar Rembrandt|naar Rembrandt|toegeschreven aan Rembrandt|leerling van Rembrandt|school van Rembrandt
trant van Goyen
tilskrevet Købke|efter Rembrandt|Efter Thorvaldsen|tillskriven Roslin|kreds af Eckersberg|Rembrandts skola
kopia efter Rubens
warsztat Cranacha|Lucas Cranach, warsztat|dílna Lucase Cranacha|według Rubensa
школа Рембрандта|мастерская Рубенса|Круг Кранаха|последователь Босха|приписывается Тициану|копия с Рафаэля
Nachf. Rembrandt|Werkst. Cranach|Umkr. Cranach|verm. Cranach|Cranach d. Ä., Werkstatt|Cranach d. Ä. (Werkstatt?)
Rubensschule
Follower|Workshop|School|workshop, Rembrandt|Sin autor|Sans auteur|ohne Autor|kein Künstler|nobody
a follower of Rembrandt
[attributed to] Rembrandt|Rembrandt [attr.]|Possibly by: Hals|Hals (possibly)|Rembrandt's workshop|(?)|Unbekannt (?)
Rembrandt, circle of, 17th century|Rembrandt (circle of), Dutch|Rembrandt (follower of), 1606–1669|Rubens, kopie naar
Anthony van Dyck (after) (1599-1641)|Rembrandt (Werkstatt), Amsterdam|Rembrandt, Umkreis, um 1650
Poussin (attribué à), Nicolas|Lucas Cranach the Elder (workshop of) (German, 1472-1553)|Rembrandt, school, Dutch
Rembrandt (att.)|att. Rembrandt
Rembrandt (Schüler)|Raffaello (copia)|Goya (círculo)|Rembrandt (attribution)|Zuschreibung an Rembrandt
Raphaël (suite de)|suite de Raphaël|Süddeutscher Meister|Niederländischer Maler um 1500
ambito veneto|Unbekannte*r Künstler*in|Unbekannte:r
<unknown>|Unkown|unk.|ohne|entfällt|undetermined|sin atribuir|без автора|verschiedene Meister|Roman, 1st century|無落款
伝雪舟|（传）吴道子|狩野派|運慶工房
"""


def _entries(text: str) -> list[str]:
    return [entry for line in text.strip().splitlines() for entry in line.split("|")]


@pytest.mark.parametrize("name", ["", "  ", *dict.fromkeys(_entries(NOBODY))])
def test_a_work_of_an_unknown_hand_is_its_own_group(name: str) -> None:
    assert is_nobody(name)
    groups = Groups.of(["1", "2"], [name, name])
    assert len(set(groups.names)) == 2
    assert groups.known == [False, False]


SOMEBODY = """
Rembrandt|Claude Monet|Monet, Claude|Master of the Embroidered Foliage|Meister des Marienlebens|Maître de Flémalle
Maestro del Bambino Vispo
Monogrammist AB|Meister ES|Leonardo da Vinci|da Vinci, Leonardo|Pieter Bruegel the Elder|Atelier Nadar|Atelier d'Ora
Studio Lux|Eugeniusz Zak
Peder Krag|Anna Kring|Max Wohl|Wohl, Max|Karl Schüler|Nina Nach|Norman|French, Daniel Chester
Unkei|雪舟|葛飾北斎|Илья Репин|Кругликова|Школьник|N. Nesterov|Non|Various Jones
painter-1|artist 12|X|x|A|?a|0b5f3c|Andy Warhol|Ernst Barlach|Karel Dujardin|El Greco|Jan van der Heyden
Le Nain|Nagasaki|Ignatius|Wiener Werkstätte|Roman Opałka|Naumburger Meister|Kring, Anna|Leonardo, da Vinci|Max Art
"""


@pytest.mark.parametrize("name", _entries(SOMEBODY))
def test_a_known_hand_is_one_group(name: str) -> None:
    assert not is_nobody(name)
    assert makers_of([name]) == [(name,)]
    assert len(set(Groups.of(["1", "2"], [name, name]).names)) == 1


PEOPLE = ["Claude Monet", "Auguste Renoir", "Hill", "Adamson", "Ives", "Monet, Claude", "Unknown", "School of Monet"]


@st.composite
def cells(draw: st.DrawFn) -> str:
    names = draw(st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3))
    return draw(st.sampled_from(["|", "; ", " ; ", " and ", " & ", "\n", " und "])).join(names)


@settings(max_examples=60)
@given(
    st.lists(cells(), min_size=1, max_size=20),
    st.lists(st.integers(0, 12), min_size=20, max_size=20),
    st.integers(0, 3),
)
def test_no_artist_is_in_two_parts_and_the_audit_says_so(artists: list[str], pictures: list[int], seed: int) -> None:
    """Rows are joined where they share a maker or a picture, directly or through others, and not otherwise."""
    column = [*artists, *PEOPLE[:6]]
    ids = [f"{n:064x}" for n in [*pictures[: len(artists)], *range(100, 106)]]
    groups = Groups.of(ids, column)
    keys = keys_of(column)
    neighbours = defaultdict(set)
    for n, (picture, own) in enumerate(zip(ids, keys, strict=True)):
        for name in (f"picture {picture}", *own):
            neighbours[name].add(n)
    reached = list(range(len(column)))
    for _ in reached:  # spread the smallest number along shared makers and pictures
        for rows in neighbours.values():
            least = min(reached[n] for n in rows)
            for n in rows:
                reached[n] = least
    same = lambda names: {(a, b) for a in range(len(names)) for b in range(a) if names[a] == names[b]}  # noqa: E731
    assert same(groups.names) == same(reached)
    assert artist_coverage(column).distinct == len({key for own in keys for key in own})
    split = artist_split(ids, ["a"] * len(ids), column, seed=seed)
    parts = defaultdict(set)
    for own, part in zip(keys, split, strict=True):
        for key in own:
            parts[key].add(part)
    assert all(len(where) == 1 for where in parts.values())
    assert not any(shared.pictures for shared in shared_artists(column, split))


def test_names_of_people_stand_in_these_cells_whatever_parts_them() -> None:
    for sign in ("|", ";", " and ", " & ", "\n", " und ", " et ", " with "):
        assert makers_of([f"Claude Monet{sign}Hill", "Hill"])[0] == ("Claude Monet", "Hill"), sign


def test_a_picture_of_two_artists_counts_once_in_the_audit() -> None:
    (shared,) = shared_artists(["Currier", "Palmer", "Currier|Palmer", "Unknown"], ["train", "train", "test", "test"])
    assert (shared.pictures, shared.of) == (1, 2)
    assert list(shared.artists) == [("Currier", 1, 1), ("Palmer", 1, 1)]
