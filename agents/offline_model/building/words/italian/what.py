"""Italian for what a batch does, and with which records."""

import re

from agents.offline_model.building.words.italian.when import COUNT, NUMBERS
from agents.offline_model.building.words.vocabulary import DeedWords, RecordWords, all_anywhere, anywhere, whole
from agents.offline_model.clauses import QUOTE
from agents.offline_model.languages.dates import alternatives
from agents.offline_model.languages.italian import PRIORITIES, STATUSES

# "elimina le note", "eliminale".
_TARGET = r" ?(?P<target>(?<= ).+?|(?<! )l[aoei](?= |$))"
_TO = r"(?:(?:alle|agli|alla|allo|ad|ai|al|a)\b|all['’])"
_OF = r"(?:(?:delle|degli|della|dello|dei|del|di)\b|dell['’])"
_PRIO = r"(?:priorità|priorita)"
_LEVELS = {**PRIORITIES, "importanti": "high", "alte": "high", "alti": "high", "basse": "low", "bassi": "low"}
_LEVEL = rf"(?P<priority>{alternatives(_LEVELS)})"
_STATUS = rf"(?P<status>{alternatives(STATUSES)})"
_SHIFT = r"(?P<shift>(?:\d{1,3}|un|una|due|tre|quattro|cinque|sei|sette|dieci) (?:giorn[oi]|settiman[ae]|mes[ei]))"
_DAY = r"(?P<day>oggi|domani|dopodomani|(?:il |la )?prossim[oa] .+|fine .+|\w+ prossim[oa]|\w+dì|sabato|domenica)"
_HOW = r"(?P<how>(?: (?:in base a|secondo|per(?= (?:scadenza|urgenza|importanza))|a seconda) .+)?)"
_SAYING = rf"(?: ?(?::|,? ?(?:che dice|che chiede|con scritto|con il testo)\b:?)? ?(?P<text>{QUOTE}|.+?))?"
_DOCUMENT = (
    r"(?:(?:breve|nuov[ao]|piccol[ao]) )?(?:nota|appunto|rapporto|resoconto|riassunto|riepilogo|relazione"
    r"|panoramica|piano|elenco|diario|report|bilancio)(?: settimanale| giornalier[ao]| mensile)?"
)
_DEEDS = (
    ("consider", rf"(?:guarda|controlla|scorri|prendi|cerca|trova|scegli){_TARGET}"),
    (
        "comment",
        (
            rf"(?:aggiungi|scrivi|metti|lascia) (?:un |il )?(?:breve )?commento {_TO} ?(?P<target>.+?)(?: ?(?::"
            r"|,? ?che dice:?) ?(?P<text>.+))?"
        ),
    ),
    ("comment", rf"(?:aggiungi|scrivi|metti|lascia) (?:un |il )?(?:breve )?commento{_SAYING}"),
    ("comment", rf"commenta{_TARGET}(?:(?: con|:) ?(?P<text>.+))?"),
    ("tag", rf"(?:etichetta|tagga){_TARGET} (?:come|con) (?P<value>.+)"),
    ("tag", rf"(?:aggiungi|metti) (?:il tag|l['’]etichetta) (?P<value>.+?) {_TO} ?(?P<target>.+)"),
    ("priority", rf"(?:imposta|porta|metti|cambia) (?:a |ad )?{_LEVEL} la {_PRIO} {_OF} ?(?P<target>.+)"),
    ("priority", rf"(?:imposta|porta|metti|cambia) la {_PRIO} {_OF} ?(?P<target>.+?) (?:a|ad|su) {_LEVEL}"),
    ("priority", rf"(?:imposta|porta|metti|cambia) la (?P<target>sua|loro)? ?{_PRIO} (?:a|ad|su) {_LEVEL}"),
    ("priority", rf"(?:segna|marca|contrassegna|imposta|metti) (?:come |a |ad )(?:{_PRIO} )?{_LEVEL} (?P<target>.+)"),
    (
        "priority",
        rf"(?:segna|marca|contrassegna|imposta|metti|rendi){_TARGET} (?:come |a |ad |con )?(?:{_PRIO} )?{_LEVEL}",
    ),
    ("priority", rf"(?:dai|assegna) (?:una )?{_PRIO} {_LEVEL} {_TO} ?(?P<target>.+)"),
    (
        "prioritise",
        (
            rf"(?:dai|assegna|attribuisci) (?:una |la )?(?:giusta )?{_PRIO}(?: (?:adatta|sensata"
            rf"|adeguata))? {_TO} ?(?P<target>.+?){_HOW}"
        ),
    ),
    ("prioritise", rf"(?:dalle|dagli|dai loro|assegnale|assegnagli) (?:una )?{_PRIO}{_HOW}"),
    ("prioritise", rf"(?:prioritizza|priorizza|riordina per {_PRIO}){_TARGET}{_HOW}"),
    ("prioritise", rf"(?:controlla|verifica|rivedi|aggiorna|imposta) (?:la |le )?{_PRIO} {_OF} ?(?P<target>.+?){_HOW}"),
    ("prioritise", rf"imposta (?:una |la |le )?{_PRIO}"),
    ("prioritise", rf"imposta (?:una |la |le )?{_PRIO} (?:per|su) (?P<target>.+?){_HOW}"),
    (
        "prioritise",
        rf"(?:controlla|verifica|rivedi|aggiorna|imposta)(?: la| le)? (?P<target>sua|loro|la sua|la loro) {_PRIO}",
    ),
    ("prioritise", rf"(?:controllane|verificane|rivedine|aggiornane|impostane) la {_PRIO}"),
    ("raise", rf"(?:aumenta|alza) la {_PRIO} {_OF} ?(?P<target>.+)"),
    ("lower", rf"(?:abbassa|riduci) la {_PRIO} {_OF} ?(?P<target>.+)"),
    ("extract", r"(?:crea|estrai|ricava) (?:le |delle )?attività (?:da|dalle|dalla|dagli) ?(?P<target>.+)"),
    ("status", rf"(?:segna|marca|contrassegna|imposta|metti){_TARGET} (?:come |a |in stato )?{_STATUS}"),
    ("status", rf"(?:segna|marca|contrassegna) come {_STATUS} (?P<target>.+)"),
    ("done", rf"(?:completa|chiudi|concludi|finisci){_TARGET}"),
    ("reopen", rf"riapri{_TARGET}"),
    ("approve", rf"(?:approva|accetta){_TARGET}"),
    ("no due", rf"(?:togli|rimuovi|elimina) la scadenza {_OF} ?(?P<target>.+)"),
    ("no due", r"(?:togli|rimuovi|elimina) la scadenza (?:da|dalle|dai|dagli) ?(?P<target>.+)"),
    ("shift", rf"(?:sposta|rimanda|posticipa|rinvia){_TARGET} di {_SHIFT}"),
    ("shift", rf"(?:sposta|rimanda|posticipa|rinvia) di {_SHIFT} (?P<target>.+)"),
    (
        "to day",
        (
            rf"(?:sposta|rimanda|posticipa|rinvia) (?:a|ad|al|alla) {_DAY} (?P<target>(?:le|i|gli|tutt[ie]|ogni"
            r"|quell[ei]) .+)"
        ),
    ),
    ("to day", rf"(?:sposta|rimanda|posticipa|rinvia){_TARGET} (?:a|ad|al|alla) {_DAY}"),
    ("to project", rf"(?:sposta|metti){_TARGET} (?:nel|al) (?:progetto )?(?P<project>.+)"),
    ("archive", rf"archivia{_TARGET}"),
    ("restore", rf"(?:riattiva|ripristina){_TARGET}"),
    ("delete", rf"(?:elimina|cancella|rimuovi|butta(?: via)?){_TARGET}"),
    ("summarise each", r"riassumi (?P<target>(?:ogni|ciascun[oa]?) .+)"),
    ("summarise", rf"(?:riassumi|riepiloga){_TARGET}(?: in (?:una|un) (?:nuova )?(?:nota|rapporto))?"),
    (
        "write note",
        (
            r"(?:scrivi(?:mi)?|crea|prepara(?:mi)?|fammi|fai|redigi|genera) (?:un['’]|un |una |il |la "
            rf"|lo )?{_DOCUMENT}(?P<about>(?: (?:su|sul|sulla|sulle|sui|sugli|sull['’]|con|per|di|delle|dei|degli"
            r"|della|del) ?.+|: ?.+)?)"
        ),
    ),
    ("write note", r"pianifica (?:la mia|il mio|la|il) (?:giornata|settimana|mese)(?P<about>.*)"),
    (
        "create task",
        (
            r"(?:crea|aggiungi|fai) (?:un['’] ?|una |un )?(?:nuov[ao] )?(?:attività|compito|promemoria"
            r"|task)(?: (?:per|di|chiamat[ao]))?:? ?(?P<title>.+)"
        ),
    ),
    ("create task", r"ricordami (?:di|che) (?P<title>.+)"),
    ("create project", r"crea (?:un )?(?:nuovo )?progetto(?: chiamato)?:? ?(?P<title>.+)"),
    (
        "create checkpoint",
        (
            r"(?:crea|aggiungi|proponi) (?:un )?(?:nuovo )?(?:checkpoint|traguardo"
            r"|milestone)(?: chiamato)?:? ?(?P<title>.+?)(?: (?:nel|al) progetto (?P<project>.+))?"
        ),
    ),
    ("tell", r"(?:mostra(?:mi)?|elenca(?:mi)?|dimmi|fammi vedere|dammi) (?P<target>.+)"),
    (
        "rework",
        (
            r"(?P<verb>traduci|correggi|rivedi|accorcia|riscrivi|migliora|riformula|sistema|riordina|categorizza"
            rf"|classifica|stima|descrivi|controlla|aggiorna|dividi){_TARGET}(?P<how>(?: (?:in|per|secondo"
            r"|così che) .+)?)"
        ),
    ),
)

WHAT = DeedWords(
    preface=anywhere(
        r"(?:^(?:(?:vorrei|voglio|crea(?:mi)?|fai|fammi|costruisci(?:mi)?|prepara(?:mi)?) )?(?:un['’] ?|una "
        r"|un )(?:nuov[ao] )?(?:automazione|routine|batch|automatismo|regola)(?: chiamat[ao] "
        r"(?P<name>\ue000\d+\ue001|\w+))?(?: che|,| per|:)?|^(?:vorrei(?: che tu)?|voglio(?: che tu)?|per favore"
        r"|automaticamente|ciao|anche|poi|e|puoi|potresti|sempre)\b)"
    ),
    verbs=anywhere(
        r"(?:abbassa|accetta|alza|aumenta|estrai|ricava|riduci|accorcia|aggiorna|aggiungi|approva|archivia|assegna"
        r"|attribuisci|butta|cambia|cancella|categorizza|cerca|chiudi|classifica|commenta|completa|concludi"
        r"|contrassegna|controlla|correggi|crea|dai|dammi|descrivi|dimmi|dividi|elenca|elimina|etichetta|fai|fammi"
        r"|finisci|genera|guarda|imposta|invia|lascia|manda|marca|metti|migliora|mostra|pianifica|porta|posticipa"
        r"|prendi|prepara|prioritizza|priorizza|proponi|redigi|rendi|riapri|riassumi|riattiva|ricorda|riepiloga"
        r"|riformula|rimanda|rimuovi|rinvia|riordina|ripristina|riscrivi|rivedi|scegli|scorri|scrivi|segna|sistema"
        r"|sposta|stima|tagga|togli|traduci|trova|verifica|controllane|rivedine|aggiornane|da|assegna)(?:l[aoei]|mi"
        r"|lle|gli|le)?"
    ),
    joins=re.compile(r",? ?\b(?:e poi|e anche|ed|e|poi|dopodiché)\b|,", re.IGNORECASE),
    deeds=whole(_DEEDS),
    pronoun=anywhere(
        r"l[aoei]|essa|esso|essi|esse|loro|sua|suo|la sua|la loro|quest[aoei]|ciascun[ao]|ognun[ao]|tutt[ei]"
        r"|(?:quest[ao] |l['’]|la |il )?(?:attività|nota|progetto|checkpoint|traguardo)"
    ),
    it_at_an_end=anywhere(r"(?:essa|esso|esse|essi)$"),
    beyond=anywhere(
        r"e-?mails?|mail|posta elettronica|sms|slack|whatsapp|telegram|webhooks?|https?\b\S*|calendari\w*"
        r"|telefon\w*|chiama|google|tempo fa|meteo|notizie|borsa|azioni|ordina (?:un|una|del)|compra|musica|luc[ie]"
        r"|riscaldamento|stampa|internet|bonifico"
    ),
)

_UNIT = r"(?P<unit>giorni|giorno|settimane|settimana|mesi|mese|anni|anno)"
_MAYBE_COUNT = rf"(?:(?P<count>\d{{1,3}}|{alternatives(NUMBERS)}) )?"
_SINCE = r"(?:più di |oltre |almeno )?"
_CHANGED = r"(?:modificat|toccat|aggiornat|cambiat|apert)[oaie]"

WHICH = RecordWords(
    ages=all_anywhere(
        (
            ("overdue", rf"(?:che sono )?(?:scadut[oaie]|in ritardo) da {_SINCE}{COUNT} {_UNIT}"),
            (
                "updated",
                (
                    rf"(?:che )?non (?:sono (?:stat[oaie] )?|ho |ho più )?(?:più )?{_CHANGED} (?:da|negli ultimi"
                    rf"|nelle ultime) {_SINCE}{COUNT} {_UNIT}"
                ),
            ),
            ("updated", rf"{_CHANGED} {_SINCE}{COUNT} {_UNIT} fa"),
            (
                "created",
                (
                    r"(?:che (?:sono |hanno ))?(?:più vecchi[eo]? di|più di|vecchi[eo]? di"
                    rf"|vecchi[eo]? più di) {COUNT} {_UNIT}"
                ),
            ),
            ("created", rf"(?:creat|scritt|aggiunt)[oaie] {_SINCE}{COUNT} {_UNIT} fa"),
            (
                "ahead",
                (
                    r"(?:che )?(?:scadono|scade|in scadenza) (?:nei|nelle|entro|tra|fra)(?: i"
                    rf"| le)?(?: prossim[ie])? {COUNT} {_UNIT}"
                ),
            ),
            ("ahead", rf"(?:che scadono |in scadenza )?(?:nei|nelle|dei|delle) prossim[ie] {_MAYBE_COUNT}{_UNIT}"),
            (
                "made",
                (
                    r"(?:(?:creat|scritt|aggiunt)[oaie] )?(?:degli|negli|delle|nelle|dell['’]"
                    rf"|nell['’]) ?ultim[aeio] {_MAYBE_COUNT}{_UNIT}"
                ),
            ),
        )
    ),
    vague_age=anywhere(r"vecchi[oae]?|antich[ie]"),
    recent=anywhere(r"nuov[oaie]|recent[ei]"),
    empty=all_anywhere(
        (
            ("description", r"senza (?:una )?descrizione|che non hanno (?:una )?descrizione"),
            ("content", r"vuot[oaie]|senza (?:testo|contenuto)"),
        )
    ),
    what=anywhere(r"(?:quello|ciò|tutto quello|cosa|quanto) che (?:ho|abbiamo)|quanto ho"),
)
