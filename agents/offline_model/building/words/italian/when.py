"""Italian for triggers."""

from agents.offline_model.building.words.vocabulary import TriggerWords, all_anywhere, anywhere
from agents.offline_model.languages.dates import alternatives, number_words
from agents.offline_model.languages.italian import ITALIAN

_DAY = rf"(?:{alternatives(ITALIAN.days.words.weekdays)})(?: (?:mattina|pomeriggio|sera|notte))?"
DAYS = rf"(?P<days>{_DAY}(?:(?: ?, ?(?:e )?| e ){{1}}(?:(?:il|la|ogni|di) )?{_DAY})*)"
_NTH = {
    f"{stem}{end}": number
    for stem, number in {"prim": 1, "second": 2, "terz": 3, "quart": 4, "ultim": -1}.items()
    for end in ("o", "a")
}
_NTH_OF = rf"(?P<nth>{alternatives(_NTH)})"
_THE = r"(?:(?:il |la |l['’] ?|ogni |nel |nell['’] ?|all['’] ?))?"
NUMBERS = number_words("uno due tre quattro cinque sei sette otto nove dieci undici dodici", start=1) | {
    "un": 1, "una": 1, "quattordici": 14, "quindici": 15, "venti": 20,
}  # fmt: skip
COUNT = rf"(?P<count>\d{{1,4}}|{alternatives(NUMBERS)})"
_OF_MONTH = r"(?:di ogni|del|d['’]ogni|ogni) mese"
_EVERY_MONTH = r"(?:ogni mese|mensilmente|tutti i mesi)"
_DATES = r"(?P<dates>\d{1,2}[°º]?(?:(?:, | e )(?:il )?\d{1,2}[°º]?)*)"
_NAMED_TIMES = {"mezzogiorno": "12:00", "mezzanotte": "00:00", "all'una": "13:00"}
_CLOCK = r"(?:[01]?\d|2[0-3])(?:[:.][0-5]\d)?"
_WHEN = r"(?:ogni volta che|tutte le volte che|(?:non )?appena|quando|se)"
_A = r"(?:un['’] ?|una (?:delle mie )?|uno (?:dei miei )?|un (?:mio )?|l['’] ?|la |il |qualche )"
_DONE_TO = (
    r"modificat[ao]|aggiornat[ao]|creat[ao]|aggiunt[ao]|completat[ao]|finit[ao]|archiviat[ao]|approvat[ao]|iniziat[ao]"
)

WHEN = TriggerWords(
    frequencies=all_anywhere(
        (
            ("nth weekday", rf"{_THE}{_NTH_OF} (?P<days>{_DAY}) {_OF_MONTH}"),
            ("nth weekday", rf"{_EVERY_MONTH},? (?:il |la )?{_NTH_OF} (?P<days>{_DAY})"),
            ("working day", rf"{_THE}{_NTH_OF} giorno (?:feriale|lavorativo) {_OF_MONTH}"),
            ("working day", rf"{_EVERY_MONTH},? (?:il |l['’])?{_NTH_OF} giorno (?:feriale|lavorativo)"),
            ("month end", rf"{_THE}ultimo giorno {_OF_MONTH}|(?:a |alla )fine (?:di ogni |del |d['’]ogni )?mese"),
            ("month end", rf"{_EVERY_MONTH},? (?:l['’]ultimo giorno|alla fine)"),
            ("month start", rf"{_THE}primo (?:giorno )?{_OF_MONTH}|(?:a |all['’])inizio (?:di ogni |del )?mese"),
            ("month start", rf"{_EVERY_MONTH},? il primo(?: giorno)?(?! \w+ì| sabato| domenica)"),
            ("dates", rf"(?:il |ogni )?(?:giorno )?{_DATES} {_OF_MONTH}"),
            ("dates", rf"{_EVERY_MONTH},? il (?:giorno )?{_DATES}"),
            ("often", rf"ogni (?:(?:\d+|{alternatives(NUMBERS)}) )?(?:minut[oi]|second[oi])|di continuo|continuamente"),
            ("hours", rf"ogni {COUNT} ore"),
            ("hourly", r"ogni ora|tutte le ore"),
            ("interval", rf"ogni {COUNT} (?P<unit>giorni|settimane|mesi)(?:,? (?:il |la |di )?{DAYS})?"),
            ("interval", rf"(?P<count>una settimana s[iì] e una no|a settimane alterne)(?:,? (?:il |di )?{DAYS})?"),
            (
                "workdays",
                r"(?:nei|tutti i|ogni) giorn[io] (?:feriali?|lavorativ[io])|nei feriali|dal luned[iì] al venerd[iì]",
            ),
            ("weekends", r"(?:nel|ogni|nei|tutti i) (?:fine ?settimana|weekend)"),
            ("days", rf"(?:ogni|tutti i|tutte le) {DAYS}"),
            ("days", rf"(?:ogni settimana|settimanalmente|una volta (?:alla|a) settimana),? (?:il |la |di )?{DAYS}"),
            ("days", rf"(?:il|la|di) {DAYS}(?: di ogni settimana)?(?! prossim)"),
            (
                "daily",
                r"ogni (?:giorno|mattina|mattino|pomeriggio|sera|notte)|tutti i giorni|tutte le (?:mattine|sere)",
            ),
            ("daily", r"quotidianamente|giornalmente|una volta al giorno"),
            ("quarterly", r"ogni trimestre|trimestralmente"),
            ("weekly", r"ogni settimana|settimanalmente|una volta (?:alla|a) settimana|tutte le settimane"),
            ("monthly", r"ogni mese|mensilmente|una volta al mese|tutti i mesi"),
            ("yearly", r"ogni anno|annualmente|una volta all['’]anno"),
        )
    ),
    on_days=anywhere(rf"(?:il|la|di) {DAYS}"),
    on_dates=anywhere(rf"(?:il (?:giorno )?{_DATES}|(?:il |l['’] ?){_NTH_OF} (?:giorno|(?P<days>{_DAY})))"),
    nth=_NTH,
    counts=NUMBERS
    | dict.fromkeys(("una settimana sì e una no", "una settimana si e una no", "a settimane alterne"), 2),
    starting=anywhere(
        r"(?:a partire da|a partire dal(?:la)?|da(?:l|lla)?(?= prossim)|dal(?= \d)) ?(?P<day>[^,;]{3,30}?)(?=,|;"
        r"|$| alle )"
    ),
    times=anywhere(
        rf"(?:alle(?: ore)?|verso le|dalle) (?P<times>{_CLOCK}(?:(?:, | e )(?:alle )?{_CLOCK})*)|(?:a "
        r"|verso )?(?P<times_alone>mezzogiorno|mezzanotte|all['’]una)"
    ),
    time=anywhere(
        rf"(?P<hour>[01]?\d|2[0-3])(?:[:.](?P<minute>[0-5]\d))?(?P<half>(?!))?|(?P<named>{alternatives(_NAMED_TIMES)})"
    ),
    named_times=_NAMED_TIMES,
    parts=(
        (8, anywhere(r"(?:ogni |la |di |al |alla |tutte le |di prima )?mattin[aoe]|\w+ mattina")),
        (15, anywhere(r"(?:ogni |il |nel |di )?pomeriggio")),
        (18, anywhere(r"(?:ogni |la |di |alla |in |tutte le )?ser[ae]")),
        (21, anywhere(r"(?:ogni |la |di )?notte")),
    ),
    changes=all_anywhere(
        (
            (
                "record",
                (
                    rf"{_WHEN} (?:(?:si )?(?P<deed>cambia|modifica|aggiunge|viene (?:{_DONE_TO})"
                    rf"|è (?:{_DONE_TO}))) {_A}(?P<target>[^,]{{0,60}}?)(?=,|$)"
                ),
            ),
            ("record", rf"{_WHEN} {_A}(?P<target>[^,]{{0,60}}?) (?P<deed>cambia|(?:viene|è|è stata) (?:{_DONE_TO}))"),
            (
                "record",
                (
                    rf"{_WHEN} (?:ho )?(?P<deed>cambio|modifico|aggiorno|aggiungo|creo|scrivo|completo|finisco"
                    rf"|chiudo|inizio|archivio|approvo|completato|finito)(?: o \w+)? {_A}(?P<target>[^,]{{0,60}}?)"
                    r"(?=,|$)"
                ),
            ),
            ("record", r"a ogni (?P<deed>modifica|cambiamento) di (?:un['’] ?|una |un )(?P<target>[^,]{0,40}?)(?=,|$)"),
            ("record", r"per ogni (?P<deed>nuov[ao]) (?P<target>\w+)"),
        )
    ),
    changed_to=all_anywhere(
        (
            ("done", r"complet[oa]|completat[ao]|finisco|finit[ao]|chiudo"),
            ("in_progress", r"inizio|iniziat[ao]"),
            ("archived", r"archivi[oa]|archiviat[ao]"),
            ("approved", r"approv[oa]|approvat[ao]"),
            ("new", r"aggiungo|aggiunge|aggiunt[ao]|creo|creat[ao]|scrivo|nuov[ao]"),
        )
    ),
    becomes_due=anywhere(rf"{_WHEN} (?:scade {_A}(?P<target>[^,]{{0,40}}?)(?=,|$))"),
    by_hand=anywhere(
        r"(?:solo |soltanto )?quando (?:lo |la |l['’]|te lo )?(?:avvio|lancio|faccio partire|voglio|chiedo|dico"
        r"|decido)|manualmente|a mano|su richiesta|a comando"
    ),
    skip_missed=anywhere(
        r"(?:e )?(?:salta|ignora|non recuperare) (?:le esecuzioni |i turni )?(?:perse|mancate|persi"
        r"|saltate)(?: esecuzioni)?"
    ),
)
