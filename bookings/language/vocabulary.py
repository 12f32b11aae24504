"""The words of German dates and times, folded: the tables behind the grammar."""

from __future__ import annotations

from datetime import time

from bookings.language.feasts import FEAST_NAMES
from bookings.language.numbers import word_list

WEEKDAYS: dict[str, int] = {
    "montag": 0, "mo": 0, "monday": 0,
    "dienstag": 1, "di": 1, "tuesday": 1,
    "mittwoch": 2, "mi": 2, "wednesday": 2,
    "donnerstag": 3, "do": 3, "thursday": 3,
    "freitag": 4, "fr": 4, "friday": 4,
    "samstag": 5, "sonnabend": 5, "sa": 5, "saturday": 5,
    "sonntag": 6, "sunday": 6,
}  # fmt: skip
MONTHS: dict[str, int] = {
    "januar": 1, "jaenner": 1, "jan": 1, "january": 1,
    "februar": 2, "feber": 2, "feb": 2, "february": 2,
    "maerz": 3, "march": 3,
    "april": 4, "apr": 4,
    "mai": 5, "may": 5,
    "juni": 6, "juno": 6, "jun": 6, "june": 6,
    "juli": 7, "julei": 7, "jul": 7, "july": 7,
    "august": 8, "aug": 8,
    "september": 9, "sept": 9, "sep": 9,
    "oktober": 10, "okt": 10, "october": 10,
    "november": 11, "nov": 11,
    "dezember": 12, "dez": 12, "december": 12,
}  # fmt: skip
RELATIVE_DAYS: dict[str, int] = {
    "heute": 0, "today": 0, "heut": 0,
    "morgen": 1, "tomorrow": 1,
    "uebermorgen": 2, "ueberuebermorgen": 3,
    "gestern": -1, "vorgestern": -2,
}  # fmt: skip

#: What stands before a weekday, a week, a month: which one is meant.
THIS, COMING, NEXT, AFTER_NEXT, LAST = "this", "coming", "next", "after next", "last"
_STEMS = {
    "dies": THIS, "kommend": COMING, "naechst": NEXT, "uebernaechst": AFTER_NEXT,
    "letzt": LAST, "vorig": LAST, "vergangen": LAST,
}  # fmt: skip
WHICH: dict[str, str] = {
    stem + ending: which
    for stem, which in _STEMS.items()
    for ending in ("e", "en", "er", "es", "em")
}

#: Parts of the day: the half that a bare hour gets, and the window without an hour.
MORNING, FORENOON, NOON, AFTERNOON, EVENING, NIGHT = (
    "morning", "forenoon", "noon", "afternoon", "evening", "night",
)  # fmt: skip
PARTS: dict[str, str] = {
    "frueh": MORNING, "morgens": MORNING, "fruehmorgens": MORNING,
    "vormittag": FORENOON, "vormittags": FORENOON,
    "mittag": NOON, "mittags": NOON,
    "nachmittag": AFTERNOON, "nachmittags": AFTERNOON,
    "abend": EVENING, "abends": EVENING, "feierabend": EVENING,
    "nachts": NIGHT, "nacht": NIGHT,
}  # fmt: skip
WINDOWS: dict[str, tuple[time, time]] = {
    MORNING: (time(6), time(10)),
    FORENOON: (time(8), time(12)),
    NOON: (time(11), time(14)),
    AFTERNOON: (time(12), time(18)),
    EVENING: (time(17), time(22)),
    NIGHT: (time(0), time(6)),
}
EARLY_LATE: dict[str, bool] = {
    "fruehen": True, "frueher": True, "spaeten": False, "spaeter": False,
}  # fmt: skip

AT, FROM, TO = "at", "from", "to"
#: Words before a time, longest first.
RELATIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("nicht", "frueher", "als"), FROM),
    (("nicht", "spaeter", "als"), TO),
    (("nicht", "vor"), FROM),
    (("nicht", "nach"), TO),
    (("erst", "ab"), FROM),
    (("erst", "nach"), FROM),
    (("fruehestens",), FROM),
    (("spaetestens",), TO),
    (("ab",), FROM),
    (("nach",), FROM),
    (("bis",), TO),
    (("vor",), TO),
    (("um",), AT),
    (("gegen",), AT),
    (("circa",), AT),
    (("ca",), AT),
    (("zirka",), AT),
    (("etwa",), AT),
    (("ungefaehr",), AT),
    (("genau",), AT),
    (("punkt",), AT),
)
VAGUE = frozenset(
    ["um", "so", "gegen", "circa", "ca", "zirka", "etwa", "ungefaehr", "genau", "punkt"]
)

DAY_UNITS: dict[str, int] = {
    "tag": 1, "tage": 1, "tagen": 1, "woche": 7, "wochen": 7,
}  # fmt: skip
MONTH_UNITS = frozenset({"monat", "monate", "monaten"})
MINUTE_UNITS: dict[str, int] = {
    "minute": 1, "minuten": 1, "stunde": 60, "stunden": 60,
    "viertelstunde": 15, "dreiviertelstunde": 45,
}  # fmt: skip

SOONEST: tuple[tuple[str, ...], ...] = tuple(
    tuple(phrase.split())
    for phrase in (
        "so frueh wie moeglich",
        "so bald wie moeglich",
        "so schnell wie moeglich",
        "moeglichst bald",
        "moeglichst frueh",
        "moeglichst schnell",
        "schnellstmoeglich",
        "baldmoeglichst",
        "baldmoeglich",
        "naechstmoeglich",
        "naechstmoeglicher",
        "naechstmoeglichen",
        "naechste freie",
        "naechste termin",
        "naechster termin",
        "naechsten termin",
        "egal wann",
        "egal",
        "jederzeit",
        "naechster freier",
        "naechsten freien",
        "ab sofort",
        "sofort",
        "asap",
    )
)

#: Words that change what the rest means: what they say is asked, never guessed.
BARRED = frozenset(
    word_list(
        "nicht kein keine keinen ausser statt oder jeden jede jeder jedes alle ferien"
        " urlaub paar geburtstag spaeter frueher danach davor vorher nachher"
        " mitternacht feiertag feiertage feiertagen feiertags werktags ueblich"
        " uebliche wieder einige ohne"
    )
)
#: Words that may be skipped.
FILLERS = frozenset(
    word_list(
        "am an im in der die das den dem des ein eine einen einem einer eines und mit"
        " fuer zu zum zur bei beim von vom auf ueber um so gegen ca circa zirka etwa"
        " ungefaehr genau punkt kurz noch dann da wenn es geht ginge gehts gerne gern"
        " bitte mal ja uhr irgendwann irgendwie egal wann moeglich moeglichst am"
        " besten waere koennte kann ich wir haette haetten moechte moechten will"
        " wollen wuerde brauche braeuchte termin termine uhrzeit zeit tag datum also"
        " gut okay ok aehm aeh hm vielleicht eventuell kommen komme vorbeikommen"
        " vorbei haben buchen vereinbaren machen nehmen passt passen mir uns sie ihnen"
        " hallo guten danke schoen schon gleich erst direkt doch eher lieber ganz"
        " naemlich halt eben sein soll sollte at on the ungern nur los"
    )
)
GRAMMAR = frozenset(
    word_list(
        "woche wochen monat monats monate wochenende wochenendes anfang mitte ende"
        " halb viertel dreiviertel anderthalb eineinhalb halbe halben halbes"
        " kalenderwoche kw zwischen ab bis vor nach fruehestens spaetestens als"
        " laufende laufenden"
    )
)
#: Words that say nothing alone, yet too much to be skipped: "um halb", "letztes Mal".
UNFINISHED = frozenset(WHICH) | frozenset(
    word_list(
        "halb halbe halben halbes viertel dreiviertel woche wochen monat monate"
        " monaten monats wochenende anfang mitte ende kw kalenderwoche zwischen tage"
        " tagen anderthalb eineinhalb"
    )
)
KNOWN = frozenset(
    {
        *WEEKDAYS, *MONTHS, *RELATIVE_DAYS, *WHICH, *PARTS, *EARLY_LATE, *DAY_UNITS,
        *MONTH_UNITS, *MINUTE_UNITS, *BARRED, *FILLERS, *GRAMMAR,
        *(word for phrase in SOONEST for word in phrase),
        *(word for name in FEAST_NAMES for word in name),
    }
)  # fmt: skip
#: Long words that are recognised although a letter or two is wrong.
CORRECTABLE = tuple(
    sorted(
        word
        for word in {*WEEKDAYS, *MONTHS, *RELATIVE_DAYS, *PARTS, "wochenende"}
        if len(word) >= 6
    )
)
#: Spellings without dots: "nachste" for "naechste"; never where it is another word.
UNDOTTED: dict[str, str] = {
    plain: word
    for word in sorted(KNOWN)
    for plain in [word.replace("ae", "a").replace("oe", "o").replace("ue", "u")]
    if plain != word and plain not in KNOWN
}
