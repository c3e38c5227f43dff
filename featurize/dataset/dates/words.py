"""The words of dates in the languages that museums write, and what each of them means.

Words stand in small letters and without accents, as `tokens.plain` makes them; `|` and line ends separate them. A dot
in a word has to be there, but for the last one, unless the word stands without any: `v.chr.` is "v. Chr." and "vchr". A
space is a space, a hyphen or an apostrophe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto


class Kind(Enum):
    """What a token of a date is."""

    NUMBER = auto()
    ORDINAL = auto()  # 17th, XVII, 17.
    DECADE = auto()  # 1640s
    CENTURY = auto()
    EARLY = auto()
    MIDDLE = auto()
    LATE = auto()
    HALF = auto()
    THIRD = auto()
    QUARTER = auto()
    LAST = auto()
    BCE = auto()
    CE = auto()
    HIJRI = auto()
    TO = auto()
    SLASH = auto()
    AND = auto()
    OR = auto()
    BETWEEN = auto()
    FROM = auto()
    BEFORE = auto()
    AFTER = auto()
    LATER = auto()  # "1650 or later"
    YEARS = auto()  # "années 1640"
    NOTHING = auto()  # says nothing about the time
    UNKNOWN = auto()


WORDS: Mapping[Kind, str] = {
    Kind.CENTURY: """
        century|centuries|cent.|jahrhundert|jahrhunderts|jahrhunderte|jahrhunderten|jhdt.|jhdts.|jhd.|jhs.|jh.|jahrh.
        siecle|siecles|sec.|secc.|secolo|secoli|saec.|saeculum|siglo|siglos|seculo|seculos|segle|eeuw|eeuwse
        arhundrede|arhundredes|arh.|arhundre|arhundradet|wiek|wieku|stoleti|stol.|storoci|szazad|век|века|веков|вв.
        столетие|столетия|ст.|αιωνας|αιωνα|αι.|世紀|世纪|세기""",
    Kind.EARLY: """
        early|beginning|begin|start|anfang|anfange|anf.|beginn|fruhe|fruhes|fruher|fruhen|debut|deb.|debuts|commencement
        inizio|inizi|primi|principio|principios|comienzos|inicio|inicios|vroeg|vroege|begyndelsen|tidlig|tidligt|tidiga
        tidigt|borjan|begynnelsen|poczatek|pocz.|pocatek|zac.|начало|нач.|初期|初頭|初""",
    Kind.MIDDLE: """
        mid|middle|midden|mitte|mittleres|milieu|meados|mediados|midten|mitten|mitt|середина|сер.|中期|中頃|中葉|中叶""",
    Kind.LATE: """
        late|later part|end|ende|spat|spate|spates|spaten|fin|fine|fines|finales|final|finais|tardo|eind|einde|laat|late
        slutningen|slutet|sent|sena|koniec|kon.|konec|конец|кон.|末期|末""",
    Kind.HALF: """
        half|halfte|moitie|mitad|metade|helft|halvdel|halvdelen|halft|halften|meta|polowa|pol.|polovina|poloviny
        половина|половины|половине|пол.|h.""",
    Kind.THIRD: "third|drittel|tiers|terzo|tercio|terco|tredjedel|треть|трети",
    Kind.QUARTER: """
        quarter|viertel|vt.|quart|quarto|cuarto|kwart|kvartal|fjerdedel|fjardedel|fjardedelen|cwierc|ctvrtina|четверть
        четверти""",
    Kind.LAST: """
        last|letztes|letzte|letzten|dernier|derniere|ultimo|ultima|laatste|sidste|sista|siste|ostatni|ostatnia|posledni
        последняя|последней""",
    Kind.BCE: """
        b.c.e.|b.c.|before christ|before the common era|v.chr.|v chr.|v.christus|vor chr.|vor christus
        vor christi geburt|v.u.z.|vor unserer zeit|vor unserer zeitrechnung|av.j.c.|av j.c.|av j c|avant j.c.|av.jc
        av jc|avant jc|avant jesus christ|avant notre ere|av.n.e.|av.n.ere|a.c.|a.c.n.|a.de c.|a de c.|a.j.c.
        avanti cristo|antes de cristo|a.n.e.|f.kr.|f kr.|for kr.|fore kristus|for kristus|f.v.t.|v.c.|voor christus
        voor chr.|voor onze jaartelling|p.n.e.|pr.n.l.|pr.kr.|до н.э.|до н.е.|до нашей эры|π.χ.|紀元前|公元前|西元前
        기원전|前""",
    Kind.CE: """
        a.d.|c.e.|anno domini|common era|n.chr.|n chr.|nach chr.|nach christus|n.christus|u.z.|unserer zeit
        unserer zeitrechnung|ap.j.c.|ap j.c.|ap j c|apres j.c.|ap.jc|ap jc|apres jc|apres jesus christ|de notre ere|d.c.
        d.de c.|d de c.|d.j.c.|dopo cristo|despues de cristo|e.kr.|e kr.|e.v.t.|n.c.|na christus|na chr.|n.e.|n.l.
        po kr.|н.э.|н.е.|нашей эры|μ.χ.|西暦|公元|西元|서기""",
    Kind.HIJRI: "a.h.|anno hegirae|ه",
    Kind.TO: """
        to|bis|bis zum|bis ins|bis in das|through|thru|until|till|a|a la|au|al|ai|alla|ate|tot|t m|til|do|до|fino al
        hasta|hasta el|jusqu en|jusqu a|zu|zum""",
    Kind.AND: "and|und|u.|et|e|y|en|og|och|и",
    Kind.OR: "or|oder|od.|ou|o|eller|lub|nebo|или",
    Kind.BETWEEN: """
        between|zwischen|zw.|entre|tra|tra il|tra gli|fra|fra il|tussen|mellem|mellan|mellom|miedzy|mezi
        между""",
    Kind.FROM: "from|von|dal|dall|dalla|desde|fran|od|ab|seit|since|depuis|vanaf|starting",
    Kind.BEFORE: """
        before|vor|voor|avant|ante|prima del|prima di|antes de|antes del|pre|for|fore|innan|przed|pred|by|spatestens
        no later than|not later than|not after|nicht nach|terminus ante quem|terminus ante""",
    Kind.AFTER: """
        after|nach|apres|dopo il|dopo|despues de|despues del|depois de|post|efter|etter|po|после|na|nicht vor|fruhestens
        not before|no earlier than|terminus post quem|terminus post|以降|以後""",
    Kind.LATER: """
        later|thereafter|onwards|onward|onward|on|spater|plus tard|piu tardi|ff.|after that|of later|senere|senare
        earlier|fruher|vroeger|tidligere|tidigare|plus tot""",
    Kind.YEARS: """
        years|decade|decades|jahre|jahren|annees|anni|anos|decada|decadas|jaren|decenio|decennio|arene|aren|lata|leta
        годы|годов|гг.|年代""",
    Kind.NOTHING: """
        the|of|in|on|im|ins|der|die|das|des|dem|den|du|de|del|della|dell|degli|di|il|la|le|les|lo|los|las|el|da|dos|l|d
        vom|van|het|op|af|av|i|year|jahr|jahres|an|annee|anno|ano|jaar|aar|ar|arene|roku|rok|год|года|году|роки|року|г.|年|년
        dat.|date|dated|datiert|datato|datata|datado|fechado|gedateerd|dateret|daterad|signed|signiert|sign.|signe
        firmato|firmado|gesigneerd|bez.|bezeichnet|made|painted|created|executed|completed|finished|drawn|produced
        designed|modeled|modelled|carved|cast|printed|published|photographed|woven|built|begun|gemalt|entstanden|gemacht
        ausgefuhrt|geschaffen|gezeichnet|gedruckt|vollendet|peint|realise|cree|fait|acheve|dipinto|eseguito|realizzato
        pintado|realizado|ejecutado|geschilderd|vervaardigd|gemaakt|malet|malad|udfort
        ca.|circa|cca.|approx.|approximately|about|around|roughly|probably|prob.|possibly|perhaps|maybe|likely
        presumably|copyright|ao|um|etwa|gegen|wohl|vermutlich|vermutl.|wahrscheinlich|moglicherweise|ungefahr|vielleicht|kurz|bald|shortly|soon
        peu|vers|environ|env.|probablement|peut etre|sans doute|hacia|alrededor|aproximadamente|probablemente|quizas
        posiblemente|verso|intorno|intorno al|probabilmente|forse|por volta|cerca|rond|omstreeks|waarschijnlijk|mogelijk
        vermoedelijk|omkring|omkr.|cirka|omtrent|muligvis|sandsynligvis|troligen|formodentlig|okolo|ok.|kolem|asi|около
        вероятно|頃|ごろ|约|約|경
        spring|summer|autumn|fall|winter|fruhjahr|fruhling|sommer|herbst|printemps|ete|automne|hiver|primavera|estate
        verano|autunno|otono|inverno|invierno|voorjaar|lente|zomer|herfst|najaar""",
}
ORDINALS: Mapping[int, str] = {
    1: "first|erste|erstes|ersten|erster|premier|premiere|prima|primo|primer|primera|primeira|primeiro|eerste|forste"
    "|forsta|pierwsza|prvni|первая|первой|первое",
    2: "second|zweite|zweites|zweiten|deuxieme|seconde|seconda|secondo|segunda|segundo|tweede|anden|andet|andra|annen"
    "|druga|druha|вторая|второй|второе",
    3: "third|dritte|drittes|dritten|troisieme|terza|terzo|tercera|tercer|terceira|terceiro|derde|tredje|trzecia|treti"
    "|третья|третьей",
    4: "fourth|vierte|viertes|vierten|quatrieme|quarta|quarto|cuarta|cuarto|vierde|fjerde|czwarta|ctvrta|четвертая",
    5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth", 9: "ninth", 10: "tenth", 11: "eleventh", 12: "twelfth",
    13: "thirteenth", 14: "fourteenth", 15: "fifteenth", 16: "sixteenth", 17: "seventeenth", 18: "eighteenth",
    19: "nineteenth", 20: "twentieth", 21: "twenty first",
}  # fmt: skip
HALVES = ("前半|上半|前半期", "後半|后半|下半|後半期")  # the first and the second
NAMED_CENTURIES: Mapping[str, int] = {
    "duecento": 13, "trecento": 14, "quattrocento": 15, "cinquecento": 16, "seicento": 17, "settecento": 18,
    "ottocento": 19, "novecento": 20,
}  # fmt: skip
ORDINAL_ENDINGS = {
    "st", "nd", "rd", "th", "e", "eme", "ieme", "me", "er", "ere", "re", "de", "ste", "nde", "o", "a", "da", "ma", "ro",
    "te", "ten", "tes", "ter", "я", "и", "го", "ои", "ая", "le",
}  # fmt: skip
DECADE_ENDINGS = {"s", "er", "ers", "ies", "е", "х", "ern"}
HUNDRED_ENDINGS = {"talet", "tallet", "tal", "tallets", "talets", "luku", "luvun", "luvulla"}  # 1600-talet
MONTHS = """
    january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|febr|mar|apr|jun|jul
    aug|sep|sept|oct|nov|dec|januar|janner|februar|marz|mai|juni|juli|oktober|dezember|okt|dez|janvier|fevrier|mars
    avril|juin|juillet|aout|septembre|octobre|novembre|decembre|janv|fevr|avr|juil|gennaio|febbraio|marzo|aprile|maggio
    giugno|luglio|agosto|settembre|ottobre|dicembre|gen|mag|giu|lug|ago|set|sett|ott|dic|enero|febrero|abril|mayo|junio
    julio|septiembre|setiembre|octubre|noviembre|diciembre|ene|abr|janeiro|fevereiro|marco|maio|junho|julho|setembro
    outubro|novembro|dezembro|fev|out|januari|februari|maart|mei|augustus|mrt|marts|maj|augusti|desember|stycznia
    lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|wrzesnia|pazdziernika|listopada|grudnia|ledna|unora|brezna|dubna
    kvetna|cervna|cervence|srpna|zari|rijna|prosince|января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября
    ноября|декабря"""
UNDATED = """
    n.d.|nd|no date|not dated|undated|date unknown|unknown date|unknown|o.j.|oj|o.d.|ohne jahr|ohne datum|undatiert
    unbekannt|nicht datiert|s.d.|sd|s d|s.a.|sans date|non date|date inconnue|inconnu|inconnue|senza data|non datato
    ignota|ignoto|sin fecha|s f|s.f.|sem data|fecha desconocida|desconocido|desconocida|z.j.|zonder jaar|ongedateerd
    onbekend|u.a.|udateret|odaterad|ukendt|okand|b.d.|bez daty|bez data|nedatovano|б.г.|без даты|неизвестно|не датирано
    undefined|none|null|nan|na|n a|various|0|0000"""
OTHER_CALENDARS = """
    hijri|hijra|hegira|hijriya|hidschra|shamsi|solar|saka|shaka|samvat|sambat|vikram|bikram|buddhist|jewish|hebrew
    judisch|juif|anno mundi|ethiopian|coptic|persian|fasli|bengali|burmese|minguo|juche|yazdigird|byzantine|masonic"""
OTHER_OBJECTS = """
    copy|copies|kopie|copie|copia|kopia|replica|replik|reproduction|reproduktion|facsimile|faksimile|nachguss|restrike
    posthumous|postum|forgery|falschung|later cast|nachbildung|born|died|geboren|gestorben|acquired|erworben
    reprint|reprinted|recast|modern cast|modern print|modern impression|neudruck|neuguss|abguss|spaterer|retirage
    ristampa|reimpresion|herdruk|afgietsel
    birth|death|geburt|tod|naissance|mort|nascita|morte|nacido|nato|ne|nee|muerto|geboorte|overleden"""

MADE_LATER = """
    printed|cast|reworked|published|made|executed|completed|finished|produced|woven|built|carved|photographed|gedruckt
    gegossen|ausgefuhrt|vollendet|imprime|fondu|tire|realise|acheve|stampato|fuso|eseguito|impreso|fundido|realizado
    gedrukt|gegoten|uitgevoerd"""  # behind a slash or a dash they begin another statement: "1872/cast 1917"


def words_in(text: str) -> Iterator[str]:
    """The entries of a list above."""
    for entry in re.split(r"[|\n]", text):
        if word := entry.strip():
            yield word
