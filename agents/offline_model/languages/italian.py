"""Italian: the words for records, for what is said about them and for days, and the answers."""

from agents.offline_model.clauses import ClauseSplitter
from agents.offline_model.kinds import Kind
from agents.offline_model.languages import dates
from agents.offline_model.languages.dates import Days, DayWords, alternatives, meanings, number_words, split_words
from agents.offline_model.languages.english import ENGLISH
from agents.offline_model.languages.language import DetailWords, Language, by_kind

NOUNS = {
    Kind.CHECKPOINT: r"(?:check ?points?|milestones?|traguard[oi])",
    Kind.NOTE: r"(?:not[ae]|appunt[oi])",
    Kind.TASK: r"(?:tasks?|attività|attivita|compit[oi]|promemoria|to-?dos?)",
    Kind.PROJECT: r"(?:progett[oi])",
}
NOUN = rf"(?P<noun>{'|'.join(NOUNS.values())})"
PRIORITIES = meanings(
    "high: alta, alto, massima, urgente, urgenti, importante; medium: media, normale; low: bassa, basso"
)
STATUSES = meanings(
    "done: fatto, fatta, fatti, fatte, completato, completata, completati, completate, finito, finita, finiti, finite, "
    "chiuso, chiusa, chiusi, chiuse, raggiunto, raggiunta"
    "; in_progress: in corso, iniziato, iniziata; todo: da fare, aperto, aperta, da iniziare"
)
PRIORITY = rf"(?P<priority>{alternatives(PRIORITIES)})"
STATUS = rf"(?P<status>{alternatives(STATUSES)})"
PRIO = r"(?:priorità|priorita|importanza)"
_JOIN = r"[,;(]? ?\b(?:(?:e|con|a|ad|in|di|la|una|un|è|ha|come|imposta|metti) ){0,4}"
_IN = r"[,;]? ?\b(?:nel|al|del|per il|sul|dal|in|a|per|di|su)"

# --- days

_UNITS = meanings("day: giorno, giorni; week: settimana, settimane; month: mese, mesi; year: anno, anni")
_WEEKDAYS = number_words(
    "lunedì/lunedi martedì/martedi mercoledì/mercoledi giovedì/giovedi venerdì/venerdi sabato domenica"
)
_MONTHS = number_words(
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre", start=1
)
_WORDS = DayWords(
    number_words("zero un/uno/una due tre quattro cinque sei sette otto nove dieci"), _UNITS, _WEEKDAYS, _MONTHS
)
_WEEKDAY = rf"(?:quest[oa]\s+|prossim[oa]\s+)?(?P<weekday>{alternatives(_WEEKDAYS)})(?:\s+prossim[oa])?"
_PART_OF_DAY = r"(?:\s+(?:mattina|pomeriggio|sera|notte))?"
_YEAR = r"(?:\s+(?:del\s+)?(?P<year>\d{4}))?"
_DAYS = Days.of(
    _WORDS,
    [
        (r"\b(?:dopodomani|dopo\s+domani)\b", dates.days_later(2)),
        (rf"\bdomani{_PART_OF_DAY}\b", dates.days_later(1)),
        (r"\b(?:oggi|stasera|stamattina)\b", dates.days_later(0)),
        (rf"\b(?:tra|fra)\s+{_WORDS.count_pattern}\s+{_WORDS.unit_pattern}\b", dates.from_now),
        (rf"\b(?P<day>\d{{1,2}})[°º]?\s+(?:di\s+)?(?P<month>{alternatives(_MONTHS)}){_YEAR}\b", dates.calendar_day),
        (r"\b(?P<day>\d{1,2})[/.](?P<month>\d{1,2})(?:[/.](?P<year>\d{4}))?(?=\s|$|[,;!?])", dates.calendar_day),
        (r"\bfine\s+(?:(?:della|del|dell['’]|di\s+quest[oa])\s*)?(?P<unit>settimana|mese|anno)\b", dates.end_of),
        (rf"\b{_WEEKDAY}{_PART_OF_DAY}\b", dates.weekday),
        (r"\b(?:(?:questo|il)\s+)?(?:(?P<next>prossimo)\s+)?(?:fine\s*settimana|weekend)\b", dates.weekend),
        (r"\b(?P<unit>settimana|mese|anno)\s+prossim[oa]\b", dates.next_unit),
        (rf"\bil\s+(?P<day>\d{{1,2}})\b(?!\s*[%€:]|\s+(?:{alternatives(_MONTHS)}))", dates.day_of_month),
    ],
    lead=(
        r"(?:[,;]?\s*\b(?:con\s+(?:data\s+di\s+)?scadenza|in\s+scadenza|(?:che\s+)?scade"
        r"|(?:entro|per)(?:\s+(?:il|la|l['’]))?|prima\s+di|fino\s+al?"
        r"|il|al|a|dal?|di|del|alla|nella|la|lo|l['’])\s*:?\s*){0,4}"
    ),
)

# --- answers; what is missing here is said in English

_ANSWERS = {
    **ENGLISH.answers,
    "help": (
        "Posso occuparmi di attività, progetti, checkpoint e note. Prova con “crea un'attività per comprare il latte "
        "domani, priorità alta”, “cosa scade oggi?”, “segna comprare il latte come fatto”, “crea un progetto "
        "Giardino” o “scrivi una nota Idee: dipingerlo di verde”."
    ),
    "only plain requests": "Sono l'assistente offline incorporato e capisco solo richieste semplici. {help}",
    "missed": "Non ho capito “{clause}”.",
    "and": " e ",
    **by_kind("the", "l'attività", "il progetto", "il checkpoint", "la nota"),
    **by_kind("name the", *["Come si deve chiamare?"] * 4),
    **by_kind("which", *(f"Quale {noun} intendi?" for noun in ("attività", "progetto", "checkpoint", "nota"))),
    **by_kind(
        "no such",
        "Non ho trovato nessuna attività chiamata “{name}”. {question}",
        "Non ho trovato nessun progetto chiamato “{name}”. {question}",
        "Non ho trovato nessun checkpoint chiamato “{name}”. {question}",
        "Non ho trovato nessuna nota chiamata “{name}”. {question}",
    ),
    **by_kind("one", "1 attività", "1 progetto", "1 checkpoint", "1 nota"),
    **by_kind("many", "attività", "progetti", "checkpoint", "note"),
    "several": "Ne ho trovati diversi: {names}. Quale intendi?",
    "created": "Ho creato {the} “{title}”{details}.",
    "deleted": "Ho eliminato {the} {title}.",
    "done": "Ho segnato {title} come completato.",
    "archived": "Ho archiviato {title}. Non è andato perso nulla; di' “eliminalo definitivamente” se deve sparire.",
    "restored": "{title} è di nuovo attivo.",
    "approved": "Ho approvato {title}.",
    "changed": "Ho modificato {title}: {changes}.",
    "changed priority": "la priorità è {value}",
    "changed due": "scade {value}",
    "changed no due": "non ha più una scadenza",
    "changed status": "ora è {value}",
    "changed description": "ha una nuova descrizione",
    "changed project": "è in un altro progetto",
    "suggested": "Propongo il checkpoint “{title}”; aspetta la tua approvazione.",
    "comment deleted": "Ho eliminato il commento.",
    "which comment": "Non ho trovato un commento simile. Che cosa dice, e di quale attività è?",
    "no comments": "Non ci sono commenti su {title}.",
    "rest elsewhere": "Il resto non ho potuto farlo in questa conversazione.",
    "more": "- e altri {number}",
    "with status": "come {value}",
    "fact suggested": "suggerito, non ancora approvato",
    "untitled": "Senza titolo",
    "active": "attivo",
    "changed title": "si chiama “{value}”",
    "changed content": "dice quello che hai chiesto",
    "commented": "Ho aggiunto il commento a {title}.",
    "comments": "Commenti su {title}:",
    "unread": "Non ho capito “{word}”, quindi non ho cambiato nulla. Di quali {plural} parli?",
    "unread question": "Non ho capito “{word}” nella domanda. Di quali {plural} parli?",
    "namesake": "C’è già un progetto “{name}”. Come si deve chiamare quello nuovo?",
    "namesake archived": (
        "C’è già un progetto “{name}”, archiviato. Vuoi riattivarlo, o come si deve chiamare quello nuovo?"
    ),
    "taken back": "Va bene, lascio tutto com’è.",
    "cannot assign": (
        "Non posso affidare “{title}” a {person}: qui le attività non hanno un campo per le persone. Posso però "
        "annotarlo; di' “commenta {title}: lo fa {person}”."
    ),
    "cannot assign these": "Non posso affidare “{title}” a {person}: qui non c'è un campo per le persone.",
    "empty": "È vuota.",
    "note says": "La tua nota {title} dice:\n\n{text}",
    "delete this one": "Intendi {name}, e devo eliminarlo?",
    "this one": "Intendi {name}?",
    "partly": "Più di {number} alla volta non posso. Ripetilo e vado avanti.",
    "no match": "Non ho trovato {plural} di questo tipo.",
    **by_kind("no", "Non hai attività.", "Non hai progetti.", "Non ci sono checkpoint.", "Non hai note."),
    "nothing due": "Oggi non scade nulla.",
    "failed": "Non ci sono riuscito: {reason}",
    "elsewhere": "Non ho potuto farlo in questa conversazione.",
    "due today": "Oggi in scadenza: {count}.",
    "found": "Ho trovato {count}:",
    "with due": "scadenza {value}",
    "with priority": "priorità {value}",
    "fact priority": "priorità {value}",
    "fact archived": "archiviato",
    "todo": "da fare",
    "in_progress": "in corso",
    "status done": "completato",
    "high": "alta",
    "medium": "media",
    "low": "bassa",
    "day": "{weekday} {day} {month}{year}",
    "on day": "{day}",
    "today": "oggi",
    "tomorrow": "domani",
    "yesterday": "ieri",
    "weekdays": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "months": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
}

ITALIAN = Language(
    code="it",
    marks=frozenset(
        split_words(
            "aggiungi alla alle anche annota apri archivia attività attivita cambia cancella che ciao commenta "
            "commenti commento compiti compito completa con cosa crea da dal del della devo di domani elenca elimina "
            "entro fammi fatta fatto grazie ho il imposta in la le leggi lista lo lunedì metti mi mia mie miei mio "
            "mostra mostrami nel nota note nuova nuovo oggi per perfavore posticipa posso priorità progetti progetto "
            "promemoria quali quando questa questo ricordami rimanda rimuovi rinomina scade scadenza scrivi segna "
            "settimana sposta sono stato tutte tutti un una un' approva prendi suggerisci proponi leggimi è e quanti "
            "quante cos' c' l' dell' all' non perché tra fra riattiva dimmi buongiorno archivialo archiviala "
            "eliminalo eliminala cancellalo cancellala completalo completala approvalo approvala puoi potresti "
            "prossimo prossima spostare eliminare creare segnare comprare chiamare vorrei ricordi rifiuta modifica "
            "rendi inizia riapri salva appunto appunti assegna segnala tutto tranne cancellare dello chi sei sai"
        )
    ),
    nouns=NOUNS,
    articles=(
        r"il|lo|la|i|gli|le|l['’]|uno?|una|un['’]|del|dell[aeo]|dell['’]|dei|al|all[ao]|all['’]|nel|nella|nell['’]"
        r"|quest[ao]|mi[aeo]|miei|nuov[oa]"
    ),
    naming=r"chiamat[oa]|intitolat[oa]|con (?:il )?titolo|di|per|sul?|sulla",
    pronoun=r"(?:l[aeio]|quest[ao]|quell[ao]|l['’]ultim[oa])(?: (?:attività|compito|progetto|nota|checkpoint))?",
    permanently=r"definitivamente|per sempre|permanentemente",
    forbidden=r"^(?:non|mai)\b(?! far(?:mi|melo))",
    and_between=r"\s*,\s*(?:e\s+)?|\s+e\s+",
    priorities=PRIORITIES,
    statuses=STATUSES,
    days=_DAYS,
    clauses=ClauseSplitter.of(
        verbs=(
            r"crea(?:ne)?|aggiungi|elimina|cancella|rimuovi|segna|imposta|sposta|mostra(?:mi)?|elenca|rinomina|metti"
            r"|ricordami|archivia|scrivi|annota|commenta|completa|rimanda|approva|quali|cosa|leggi|chiamal[oa]"
            r"|un['’]altra|un altro"
        ),
        words="e|ed|poi|e poi|e anche",
        fillers="poi|anche|per favore",
        polite=(
            r"per favore|perfavore|per piacere|ciao|buongiorno|ok|okay|adiuva|allora|poi|anche|e|ed|senti|grazie|adesso"
            r"|(?:puoi|potresti|vorresti|mi puoi|mi potresti)|vorrei(?: che tu)?|voglio|dovresti|sì|ora"
        ),
        courtesy="per favore|perfavore|per piacere|grazie",
        request=r"(?:mi )?(?:puoi|potresti|vorresti|può|potrebbe)|per (?:favore|piacere|cortesia)|perfavore",
        question=(r"(?:che )?cosa|che|chi|quale|quali|quando|dove|perché|come|quant[oaei]|è|sono|c['’]è|ci sono"),
    ),
    details=DetailWords(
        priority=(
            rf"{_JOIN}{PRIO} ?(?:[:=]|è|a|su)? ?{PRIORITY}\b\)?",
            rf"{_JOIN}{PRIORITY} {PRIO}\b\)?",
            r"[,;(!] ?\b(?:(?:e|è|molto) ){0,3}(?P<priority>urgente|importante) ?[.!)]?$",
        ),
        status=rf"{_JOIN}stato ?(?:[:=]|è|su)? ?{STATUS}\b\)?",
        description=rf"{_JOIN}(?:descrizione|dettagli) ?(?:[:=])? (?P<text>.+)$",
        content=r" ?(?::|,? ?\b(?:che dice|con (?:il )?(?:contenuto|testo)|con scritto)\b:?) ?(?P<text>\S.*)$",
        time=r"[,;]? ?\b(?:alle(?: ore)?|ore) (?P<time>(?:[01]?\d|2[0-3])(?:[:.][0-5]\d)?)(?!\w)",
        at="Alle",
        to_it=r" (?:a|in|per) (?:questo progetto|esso)$",
        project=(rf"{_IN} progetto {{name}}\b",),
        project_loosely=(rf"{_IN} {{name}}(?!\w)", r"\bha (?:il progetto )?{name}(?!\w)"),
        loose_starts=frozenset(split_words("di a per che su sul sulla il entro chiamato chiamata")),
        loose_ends=frozenset(split_words("e per il a entro con di è nel in la al")),
    ),
    periods={
        "overdue": r"\bscadut[eiao]\b|\bin ritardo\b",
        "next week": r"\b(?:prossima settimana|settimana prossima)\b",
        "this week": r"\bquesta settimana\b",
        "until": r"\b(?:entro|prima di|fino a)\b",
        "everything": r"\b(?:tutt[ie]|archiviat[ie])\b",
        "open": (
            r"\b(?:scadut[eiao]|in ritardo|scad(?:e|ono)|in scadenza|apert[eio]|da fare|rimanent[ei]"
            r"|non (?:ancora )?(?:fatt|complet|finit)\w*)\b"
        ),
        "waiting": r"\b(?:suggerit[eio]|propost[ei]|approvare|approvazione)\b",
    },
    status_filter=(
        r"(?!.*\bnon (?:ancora )?(?:fatt|complet))(?:.*?\b(?P<done>(?:fatt|completat|finit)[eio])\b"
        r"|.*?\b(?P<in_progress>in corso|iniziat[eio])\b)"
    ),
    search_words=r"\b(?:(?:che )?(?:contengono|parlano di|dicono)|sul?|sulla|con la parola)\s+(?P<words>.+)$",
    answers=_ANSWERS,
    small_talk=((r"chi sei|(?:che )?cosa (?:sai|puoi) fare|aiuto", "help"),),
)
