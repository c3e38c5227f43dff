"""Names that name nobody: unknown makers, and hands near a master that are not the master's.

`Künstler unbekannt`, `佚名` and `Unknown photographer` name nobody, and neither do `School of Rembrandt`, `Werkstatt
Cranachs` or `after Titian`: whoever made such a picture is not known, and two of them need not be by one person. A
master who is called after a work (`Master of the Embroidered Foliage`) is one hand, and stays an artist.

Cells are compared as `words_of` gives them: small letters without accents, one space between words.
"""

from __future__ import annotations

import re
from functools import lru_cache

from featurize.dataset.blanks import says_nothing
from featurize.dataset.spelling import words_of


def _words(text: str) -> list[str]:
    """Words of a list, each with `_` for a space in it."""
    return [words_of(word) for word in text.split()]


_EXACT = frozenset(
    _words("""
    nan none null n/a na n.a. n.n. n._n. nn o.a. o._a. k.a. k._a. s.n. s._n. s/n tbd tba not_applicable
    no_artist no_author no_maker no_name nobody sin_autor sans_auteur senza_autore sem_autor
    ohne_autor ohne_künstler kein_künstler keiner niemand geen geen_kunstenaar sine_auctore unsigned not_signed
    unsigniert ohne_angabe keine_angabe ohne_namen senza_nome sin_firma
    sans_nom zonder_naam various various_artists various_makers various_painters several_artists several diverse
    divers
    diverse_künstler verschiedene verschiedene_künstler divers_artistes plusieurs_artistes varios varios_artistas
    vari autori_vari artisti_vari diversi diverse_kunstenaars verschillende_kunstenaars q4233718 xunknown
    anonymousartist artistunknown unidentifiedartist unknownartist unknownpainter unknownmaker variousartists
    ohne keine leer entf entfällt missing undetermined unassigned indeterminate no_attribution unk unkn xxx n.b. n._b.
    nicht_zuschreibbar fehlanzeige sin_atribuir sin_nombre без_автора н/х б/а multiple multiple_artists several_hands
    artists_various diverse_meister verschiedene_meister mehrere_künstler etruscan roman maestranze_locali
    匿名 無款 無落款 読人不知 清人 宋人 作者 """)
) | {""}
# Wherever one of these words stands, the cell names nobody.
_UNKNOWN = frozenset(
    _words("""
    unknown unkown unknow uknown unknonw unidentified unattributed unrecorded unnamed anonymous anonymus anon uncredited
    unbekannt unbekannte unbekannter unbekannten unbekanntes unbek anonym anonyme anonymer anonymen anonymes
    unidentifiziert ungenannt ungenannter namenlos
    inconnu inconnue inconnus inconnues anonymes
    onbekend onbekende anoniem anonieme ongeïdentificeerd ongeïdentificeerde
    ignoto ignota ignoti anonimo anonima anonimi sconosciuto sconosciuta sconosciuti
    desconocido desconocida desconocidos anónimo anónima anónimos
    desconhecido desconhecida anônimo anônima desconegut desconeguda anònim descoñecido ezezaguna
    ubekendt ubekendte ukendt ukendte ukjent ukjente okänd okända okänt anonymt óþekktur óþekkt tuntematon anonyymi
    neznámý neznámá neznámí neznámeho neznámy nieznany nieznana nieznani anonimowy nepoznat nepoznati neznan neznani
    ismeretlen névtelen necunoscut necunoscută nežinomas nezināms tundmatu teadmata bilinmeyen bilinmiyor belirsiz
    anonim meçhul
    неизвестный неизвестная неизвестные неизвестного неизвестен неизв неизвестно аноним анонимный анонім
    невідомий невідома непознат невядомы άγνωστος άγνωστη αγνώστου ανώνυμος مجهول ناشناس نامعلوم אלמוני अज्ञात অজ্ঞাত
    ignotus incertus sconosc desc անհայտ უცნობი nekonata anhysbys
    """)
)
_LABELS = frozenset(  # what a column of labels is called
    _words("style stil stile estilo stijl stilrichtung stylu styl genre gattung genere genero class klasse classe")
)
_PHRASES = tuple(_words("""
    not_known not_identified not_recorded not_stated nicht_bekannt nicht_identifiziert nicht_ermittelt
    nicht_überliefert
    non_identifié non_identifiée non_identificato non_identificata non_noto no_identificado no_identificada
    sin_identificar no_conocido niet_bekend niet_geïdentificeerd ikke_kendt ikke_kjent ej_känd não_identificado
    no_consta não_consta nesignovaný khuyết_danh vô_danh không_rõ tidak_diketahui well_known_genid
    غير_معروف غير_معروفة לא_ידוע לא_ידועה"""))  # fmt: skip
_SIGNS = (
    "作者不",
    "不詳",
    "不详",
    "不明",
    "未詳",
    "未详",
    "佚名",
    "無名氏",
    "无名氏",
    "未知",
    "詠み人知らず",
    "미상",
    "무명",
    "ไม่ทราบ",
    "ไม่ปรากฏ",
)
# A master's name follows, or goes before: `circle of X`, `X (circle of)`.
_NEAR = r"""
    (?:\A(?:(?:in|from|by|the|a|an|or|to)\ )*)?
    (?:(?:unknown|possibly|probably|perhaps|maybe|formerly|previously|traditionally|once|close|immediate|late|later
        |early)
        \ )*
    (?:(?:workshop|studio|atelier|shop|circle|school|followers?|manner|style|pupils?|students?|assistants?|associate
        |imitators?|copyist|copy|copies|entourage|milieu|orbit|surroundings|disciples?|apprentice|emulator|reproduction)
        \ (?:of|after)
    |(?:attributed|ascribed|attrib|attr|att|assigned|credited)(?:\ (?:to|a))?
    |after(?!\Z)|possibly|probably|perhaps|formerly|previously
    |werkst(?:att)?(?:\ (?:von|der|des))?|umkr(?:eis)?(?:\ (?:von|der|des))?|umfeld(?:\ (?:von|der|des))?
    |(?:kreis|schule|schuler|schulerin|mitarbeiter|gehilfe|lehrling)\ (?:von|um|der|des)
    |nachf(?:olge(?:r|rin)?)?(?:\ (?:von|der|des))?|nachahmer(?:in)?|kopist|(?:kopie|stich|radierung|nachstich)\ nach
    |kopi(?:e|a)\ (?:naar|nach|efter|etter|podle)|kopie(?:\ (?:von|des))?
    |(?:in\ der\ )?(?:art|manier|stil)\ (?:von|der|des)
    |nach(?!\Z)|zugeschrieben|zugeschr
    |zuschreibung(?:\ an)?|wohl(?=\ \w+\ \w)|verm(?:utlich)?|moglicherweise|angeblich|fruher|vormals
    |(?:atelier|cercle|entourage|ecole|eleve|disciple|suiveur|imitateur|copiste|maniere|genre|gout|style)\ (?:de|du|des)
    |suite\ de
    |(?:cercle|entourage|ecole|eleve|disciple|suiveur|imitateur|copiste|maniere)\ d|atelier\ d(?!\ ora\b)
    |(?:a\ la\ |dans\ (?:la|le|l)\ )(?:maniere|gout|style|entourage|suite)(?:\ (?:de|d|du|des))?
    |(?:copie\ )?d\ apres|attribuee?s?(?:\ (?:a|au))?|peut\ etre|probablement|anciennement
    |(?:bottega|scuola|cerchia|ambito|seguace|maniera|allievo|allieva|aiut[oi]|imitatore|entourage|stile)
        \ (?:di|de|del|dell|dello|della|degli|dei)
    |copia\ d[aie]l?|(?:derivazione|replica)\ da|attribuit[oa](?:\ a)?|forse|probabilmente|gia\ attribuit[oa]
    |(?:taller|circulo|escuela|seguidor|discipulo|entorno|imitador|estilo|manera|oficina|escola|ambiente|alumno)
        \ (?:de|del|do|da|dos|de\ la)
    |copia\ (?:de|segun|sobre)|segun|atribuid[oa](?:\ (?:a|al|ao))?|posiblemente|probablemente
    |(?:atelier|werkplaats|kring|school|omgeving|navolger|volgeling|leerling|medewerker|manier|trant|stijl|kopiist)\ van
    |navolger|(?:kopie\ )?naar(?!\Z)|toegeschreven(?:\ aan)?|mogelijk|waarschijnlijk|vermoedelijk|voorheen
    |(?:kopi(?:e|a)?\ )?(?:efter|etter)(?!\Z)|tilskrevet|tillagt|tillskriven
    |(?:kreds|krets|elev|skola|skole)(?:en)?\ (?:af|av|omkring|kring)
    |warsztat|nasladowca|szkola|kopia\ wg|wedlug|wg|przypisywany
    |dilna|okruh|nasledovnik|kopie\ podle|podle(?!\Z)|pripisovano|pripsano
    |(?:мастерская|круг|школа|последователь|подражатель|ученик|окружение|копия\ с|по\ оригиналу|приписывается|манера)
    |koulukunta|seuraaja|kovetoje|koruli
    )(?!\w)"""
_NEAR_HAND = re.compile(rf"(?<!\w){_NEAR}", re.VERBOSE)
# Words that say so behind a name, too: `Cranach-Werkstatt`, `Delft School`.
_BEHIND = frozenset(
    _words("""
    workshop school follower followers copyist imitator werkstatt werkstätte umkreis umfeld nachfolger
    nachfolgerin nachfolge schule nachahmer kopist kopie copie zugeschrieben zugeschr attributed attrib attr
    attribué attribuée attribuito attribuita atribuido atribuida atribuído toegeschreven tilskrevet tillagt tillskriven
    przypisywany entourage suiveur école cercle bottega scuola cerchia seguace escuela escola seguidor
    werkplaats navolger omgeving skole skola værksted verkstad warsztat szkoła dílna okruh
    мастерская школа круг последователь приписывается műhelye iskola köre követője koulukunta
    伝 派 工房""")
)
_WORKSHOPS = frozenset(_words("wiener_werkstätte"))  # a firm of that name
_BEFORE = frozenset(
    _words("""
    school schule école escuela scuola escola skola skole school szkoła школа werkstatt umkreis nachfolger seguace
    navolger suiveur workshop bottega cerchia ambito""")
)
_COMPOUND = re.compile(r"\w{3,}(?:schule|werkstatt|umkreis|nachfolger|nachahmer)")
_ALONE = frozenset({"workshop", "studio", "atelier", "circle", "taller", "after", "kring", "copy"})
# Words that say so between commas or brackets behind a name: `Goya (copia)`, `Rembrandt, school, Dutch`.
_APART = (
    _ALONE
    | _BEHIND
    | frozenset(
        _words("""
    shop manner style pupil pupils student nach naar efter etter krets kreds att attribution copia círculo art schüler
    schülerin stil suite_de suite genre_de genre maniera stile estilo da zuschreibung imitation replica replik élève
    allievo discípulo leerling elev ambito ambiente entorno
    """)
    )
)
_IN_WORDS = re.compile(r"[\s*:;<>!#|]+")  # also `unbekannte*r` and `<unknown>`
_PARTS = re.compile(r"[,;:()\[\]\u2013]|\s-\s|-\s*$")
_CLOSED = re.compile(r"\s*\.?\s*[),;\](\[]")  # behind `circle of`: no master follows
_ATTRIBUTED = re.compile(r"\s*[(\[（]?\s*(?:伝|传|傳)\s*[)\]）]?\s*\S|.*(?:派|工房|筆者不詳)[)）]?\s*$")
_NATIONS = frozenset(
    _words("""
    african american arabic armenian asian australian austrian babylonian belgian bohemian brazilian british bulgarian
    byzantine cambodian canadian catalan central chinese coptic cuban cypriot czech danish dutch egyptian english
    ethiopian european finnish flemish florentine franco french german greek hungarian indian indonesian iranian irish
    islamic italian italo jamaican japanese korean latin mexican mughal nepalese neapolitan netherlandish nigerian
    north northern norwegian ottoman persian peruvian polish portuguese romanian russian sasanian scottish serbian
    sienese south southern spanish swedish swiss syrian thai tibetan turkish ukrainian umbrian venetian vietnamese
    western eastern roman etruscan minoan mycenaean phoenician assyrian sumerian parthian celtic nubian aztec maya inca
    bolognese lombard genoese milanese tuscan burgundian
    deutsch französisch italienisch niederländisch flämisch spanisch englisch österreichisch
    süddeutsch oberdeutsch norddeutsch venezianisch florentinisch holländisch
    deutscher französischer italienischer niederländischer flämischer spanischer englischer österreichischer
    süddeutscher oberdeutscher norddeutscher venezianischer holländischer oberrheinischer oberrheinisch
    mittelrheinischer niederrheinischer fränkischer schwäbischer altdeutscher böhmischer schweizer
    hollandais flamand français italien allemand espagnol anglais vénitien florentin""")
)
_AROUND = re.compile(
    r"(?:\d+(?:st|nd|rd|th|e|eme)?|[ivxl]+(?:e|eme)?|c|ca|circa|cent|century|centuries|jh|jahrhundert|siecle|secolo|"
    r"siglo|eeuw|first|second|third|last|half|quarter|of|the|or|and|late|early|mid|middle|after|before|about|artist|painter|"
    r"um|meister|maler|kunstler|bildhauer|bildschnitzer|artists|painters|school|maker|sculptor|craftsman|culture|people|"
    r"period)"
)  # fmt: skip
_DOUBT = re.compile(r"\s*(?:\(\s*\?+\s*\)|\[\s*\?+\s*\]|\?+(?=[\s)\]]*$))")
_MOST = 1000  # characters of a name; what is longer is a text, and stands for itself


@lru_cache(maxsize=200_000)
def is_nobody(name: str) -> bool:
    """Whether a name says that the maker is not known, or only that the hand was near a master's.

    Examples
    --------
    >>> is_nobody("Künstler unbekannt"), is_nobody("School of Rembrandt"), is_nobody("Master of Flémalle")
    (True, True, False)
    """
    return not known_part(name)


@lru_cache(maxsize=200_000)
def known_part(name: str) -> str:
    """What of a name says who made the picture: all of it, what stands before `after ...`, or nothing.

    Examples
    --------
    >>> known_part("Hendrick Goltzius, after Spranger"), known_part("after Spranger"), known_part("Govert Flinck")
    ('Hendrick Goltzius', '', 'Govert Flinck')
    """
    if not any(map(str.isalnum, name)) or says_nothing(name):
        return ""
    if len(name) > _MOST:
        return name.strip()
    name = _DOUBT.sub("", name)
    said = words_of(name)
    near = _NEAR_HAND.search(said)
    if near and near.start() and near.end() < len(said) and not _CLOSED.match(name, _end(name, said[: near.end()])):
        before = said[: near.start()].strip()
        return "" if _says_nobody(before) else name[: _end(name, before)].strip()
    if near or _says_nobody(said) or _ATTRIBUTED.match(name):
        return ""
    return "" if any(words_of(part) in _APART for part in _PARTS.split(name)[1:]) else name.strip()


def _end(name: str, words: str) -> int:
    """The place in a name behind the words that it begins with."""
    return next(n for n in range(len(name) + 1) if words_of(name[:n]) == words)


def says_unknown(text: str) -> bool:
    """Whether a label says in one of the languages of museums that it is not known, and nothing else.

    Examples
    --------
    >>> says_unknown("unbekannt"), says_unknown("Stil unbekannt"), says_unknown("Barock, Meister unbekannt")
    (True, True, False)
    """
    words = set(words_of(text).split())
    return words_of(text) in _PHRASES or bool(words & _UNKNOWN and words <= _UNKNOWN | _LABELS)


def is_near(name: str) -> bool:
    """Whether a name begins with words as `circle of`."""
    return bool(_NEAR_HAND.match(words_of(name)))


def _says_nobody(said: str) -> bool:
    words = said.split()
    if said in _WORKSHOPS:
        return False
    return bool(
        said in _EXACT
        or not _UNKNOWN.isdisjoint(_IN_WORDS.split(said))
        or any(f" {phrase} " in f" {said} " for phrase in _PHRASES)
        or any(sign in said for sign in _SIGNS)
        or words[-1] in _BEHIND
        or _COMPOUND.fullmatch(words[-1])
        or said in _ALONE
        or (len(words) > 1 and words[0] in _BEFORE)
        or (not _NATIONS.isdisjoint(words) and all(w in _NATIONS or _AROUND.fullmatch(w) for w in words))
    )
