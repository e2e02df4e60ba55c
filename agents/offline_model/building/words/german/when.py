"""German for triggers."""

from agents.offline_model.building.words.vocabulary import TriggerWords, all_anywhere, anywhere
from agents.offline_model.languages.dates import alternatives, number_words
from agents.offline_model.languages.german import GERMAN

_DAY = rf"(?:{alternatives(GERMAN.days.words.weekdays)})s?(?:morgen|vormittag|mittag|nachmittag|abend)?s?"
DAYS = rf"(?P<days>{_DAY}(?:(?: ?, ?(?:und )?| und (?:jeden |am )?| oder ){_DAY})*)"
_ADVERB = r"(?:(?:mon|diens|donners|frei|sams|sonn)tags|mittwochs)"
_NTH = {
    f"{stem}{end}": number
    for stem, number in {"erst": 1, "zweit": 2, "dritt": 3, "viert": 4, "letzt": -1}.items()
    for end in ("e", "en", "er")
}
_NTH_OF = rf"(?P<nth>{alternatives(_NTH)})"
NUMBERS = number_words("ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf", start=1) | {
    "einem": 1, "einen": 1, "einer": 1, "eine": 1, "vierzehn": 14, "zwanzig": 20, "zweiten": 2, "zweite": 2,
    "dritten": 3, "dritte": 3,
}  # fmt: skip
COUNT = rf"(?P<count>\d{{1,4}}|{alternatives(NUMBERS)})"
_OF_MONTH = r"(?:im|des|jedes|jeden|eines jeden|in jedem|eines)(?: jeden)? Monate?s?"
_EVERY_MONTH = r"(?:jeden Monat|monatlich)"
_DATE = r"\d{1,2}\."
_DATES = rf"(?P<dates>{_DATE}(?:(?:, | und (?:am )?){_DATE})*)"
_NAMED_TIMES = {"mittags": "12:00", "mittag": "12:00", "mitternacht": "00:00", "mitternachts": "00:00"}
_CLOCK = r"(?:[01]?\d|2[0-3])(?:[:.][0-5]\d)?(?: ?Uhr)?"
_WHEN = r"(?:immer,? wenn|jedes Mal,? wenn|wenn|sobald|falls|nachdem)"
_A = r"(?:eine[nrs]? (?:meiner )?|meine[nrs]? |irgendeine[nrs]? |die |das |der |den |ein )"

WHEN = TriggerWords(
    frequencies=all_anywhere(
        (
            ("nth weekday", rf"(?:am |jeden |jeweils am )?{_NTH_OF} (?P<days>{_DAY}) {_OF_MONTH}"),
            ("nth weekday", rf"{_EVERY_MONTH} am {_NTH_OF} (?P<days>{_DAY})"),
            ("working day", rf"(?:am |jeden )?{_NTH_OF} (?:Werktag|Arbeitstag) {_OF_MONTH}"),
            ("working day", rf"{_EVERY_MONTH} am {_NTH_OF} (?:Werktag|Arbeitstag)"),
            ("month end", rf"(?:am |zum |jeden )?(?:letzten Tag|Ende) {_OF_MONTH}|(?:am|zum) Monatsende"),
            ("month end", rf"{_EVERY_MONTH} am (?:letzten Tag|Ende|Monatsletzten)"),
            ("month start", rf"(?:am |zum )?(?:ersten Tag|Anfang) {_OF_MONTH}|(?:am|zum) Monatsanfang"),
            ("dates", rf"(?:am |jeden )?{_DATES} (?:Tag )?{_OF_MONTH}"),
            ("dates", rf"{_EVERY_MONTH} (?:jeweils )?am {_DATES}"),
            ("often", rf"(?:alle|jede) (?:(?:\d+|{alternatives(NUMBERS)}) )?(?:Minuten?|Sekunden?)|ständig|laufend"),
            ("hours", rf"alle {COUNT} Stunden"),
            ("hourly", r"jede Stunde|stündlich"),
            ("interval", rf"alle {COUNT} (?P<unit>Tage|Wochen|Monate)(?:,? (?:am |jeweils am )?{DAYS})?"),
            ("interval", r"jede[ns]? (?P<count>zweite[ns]?|dritte[ns]?) (?P<unit>Tag|Woche|Monat)"),
            ("interval", rf"jeden (?P<count>zweiten|dritten) {DAYS}"),
            ("interval", rf"(?P<count>vierzehntägig|zweiwöchentlich)(?:,? am {DAYS})?"),
            (
                "workdays",
                (
                    r"(?:von )?montags? bis freitags?|werktags|wochentags|(?:an )?(?:jede[nm] |allen )?(?:Werk"
                    r"|Wochen|Arbeits)tag(?:en)?|unter der Woche"
                ),
            ),
            ("weekends", r"am Wochenende|an (?:den )?Wochenenden|jedes Wochenende"),
            ("days", rf"(?:immer |jeweils )?(?:jeden|an jedem) {DAYS}"),
            ("days", rf"(?:wöchentlich|jede Woche|einmal (?:pro|in der) Woche),? (?:immer )?(?:am )?{DAYS}"),
            ("days", rf"(?:immer )?am {DAYS} jeder Woche"),
            ("days", rf"immer (?:am )?{DAYS}"),
            ("days", rf"(?:immer )?(?P<days>{_ADVERB}(?:(?:, | und ){_ADVERB})*)"),
            (
                "daily",
                r"jeden (?:einzelnen )?(?:Tag|Morgen|Vormittag|Mittag|Nachmittag|Abend)|jede Nacht|täglich|tagtäglich",
            ),
            ("quarterly", r"(?:jedes|einmal (?:pro|im)) Quartal|vierteljährlich"),
            ("weekly", r"jede Woche|einmal (?:pro|in der) Woche|wöchentlich"),
            ("monthly", r"jeden Monat|einmal (?:pro|im) Monat|monatlich"),
            ("yearly", r"jedes Jahr|einmal (?:pro|im) Jahr|jährlich"),
        )
    ),
    on_days=anywhere(rf"am {DAYS}"),
    on_dates=anywhere(rf"am (?:{_DATES}|{_NTH_OF} (?:Tag|(?P<days>{_DAY})))"),
    nth=_NTH,
    counts=NUMBERS | {"vierzehntägig": 2, "zweiwöchentlich": 2, "zweites": 2, "drittes": 3},
    starting=anywhere(r"(?:ab|beginnend (?:am|mit)|angefangen (?:am|mit)) (?P<day>[^,;]{3,30}?)(?=,|;|$| um )"),
    times=anywhere(
        rf"(?:um|gegen|ab) (?P<times>(?:{_CLOCK}|{alternatives(_NAMED_TIMES)})(?:(?:, | und (?:um )?)(?:{_CLOCK}"
        rf"|{alternatives(_NAMED_TIMES)}))*)|(?P<times_alone>(?:[01]?\d|2[0-3])(?:[:.][0-5]\d)? ?Uhr(?: [0-5]\d)?)"
    ),
    time=anywhere(
        rf"(?P<hour>[01]?\d|2[0-3])(?:[:.](?P<minute>[0-5]\d))?(?P<half>(?!))?|(?P<named>{alternatives(_NAMED_TIMES)})"
    ),
    named_times=_NAMED_TIMES,
    parts=(
        (8, anywhere(r"(?:am |jeden )(?:frühen )?(?:Morgen|Vormittag)|morgens|in der Früh|\w+tagmorgens?")),
        (12, anywhere(r"(?:am |jeden |zu )Mittag|mittags")),
        (15, anywhere(r"(?:am |jeden )Nachmittag|nachmittags|\w+tagnachmittags?")),
        (18, anywhere(r"(?:am |jeden )Abend|abends|\w+tagabends?")),
        (21, anywhere(r"(?:in der |jede )Nacht|nachts")),
    ),
    changes=all_anywhere(
        (
            ("record", rf"{_WHEN} sich {_A}(?P<target>[^,]{{0,60}}?) (?P<deed>ändert)"),
            (
                "record",
                (
                    rf"{_WHEN} {_A}(?P<target>[^,]{{0,60}}?) (?P<deed>geändert|bearbeitet|aktualisiert|erstellt"
                    r"|angelegt|hinzugefügt|erledigt|abgeschlossen|fertig|archiviert|genehmigt|begonnen"
                    r"|als erledigt markiert)(?: oder (?:geändert|bearbeitet))? (?:wird|wurde|ist|worden ist)"
                ),
            ),
            (
                "record",
                (
                    rf"{_WHEN} ich {_A}(?P<target>[^,]{{0,60}}?) (?P<deed>ändere|bearbeite|aktualisiere|erstelle"
                    r"|anlege|hinzufüge|schreibe|erledige|abschließe|beende|archiviere|genehmige"
                    r"|beginne)(?: oder \w+)?"
                ),
            ),
            (
                "record",
                r"bei jeder (?P<deed>Änderung) (?:an |von )?(?:einer |einem |eines )?(?P<target>[^,]{0,40}?)(?=,|$)",
            ),
            ("record", r"(?:bei|für|nach) jede[rs] (?P<deed>neuen?|geänderten?) (?P<target>\w+)"),
        )
    ),
    changed_to=all_anywhere(
        (
            ("done", r"erledigt?e?|abgeschlossen|abschließe|beende|fertig|als erledigt markiert"),
            ("in_progress", r"begonnen|beginne"),
            ("archived", r"archiviert?e?"),
            ("approved", r"genehmigt?e?"),
            ("new", r"erstellt?e?|angelegt|anlege|hinzugefügt|hinzufüge|schreibe|neuen?"),
        )
    ),
    becomes_due=anywhere(rf"{_WHEN} {_A}(?P<target>[^,]{{0,40}}?) (?:über)?fällig (?:wird|ist)"),
    by_hand=anywhere(
        r"(?:nur |immer )?(?:dann, )?wenn ich (?:(?:es|ihn|sie|das|den Ablauf|darum) )?(?:starte|auslöse|will"
        r"|möchte|sage|bitte|anstoße)|manuell|von Hand|händisch|auf Knopfdruck|auf Abruf|bei Bedarf"
    ),
    skip_missed=anywhere(
        r"(?:und )?(?:verpasste|versäumte) (?:Läufe |Termine )?(?:auslassen|überspringen|nicht nachholen)"
        r"|(?:und )?(?:überspringe?|lass) (?:verpasste|versäumte) (?:Läufe|Termine)(?: aus)?|ohne nachzuholen"
    ),
)
