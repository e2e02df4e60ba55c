"""Italian: the words for records, for what is said about them and for days."""

import re

from agents.offline_model.clauses import ClauseSplitter
from agents.offline_model.kinds import Kind
from agents.offline_model.languages import answers, dates
from agents.offline_model.languages.dates import Days, DayWords, alternatives, number_words, split_words
from agents.offline_model.languages.language import DetailWords, GroupWords, Language

NOUNS = {
    Kind.CHECKPOINT: r"(?:check ?points?|milestones?|traguard[oi]|tapp[ae])",
    Kind.NOTE: r"(?:not[ae]|appunt[oi])",
    Kind.TASK: r"(?:tasks?|attività|attivita|compit[oi]|promemoria|to-?dos?|cos[ae] da fare)",
    Kind.PROJECT: r"(?:progett[oi])",
}
NOUN = rf"(?P<noun>{'|'.join(NOUNS.values())})"


PRIORITIES = {
    **dict.fromkeys(("alta", "alto", "massima", "urgente", "urgenti", "importante", "importanti", "critica"), "high"),
    **dict.fromkeys(("media", "medio", "normale"), "medium"),
    **dict.fromkeys(("bassa", "basso", "minima"), "low"),
}
STATUSES = {
    **dict.fromkeys(
        split_words(
            "fatto fatta fatti fatte completato completata completati completate finito finita concluso conclusa "
            "chiuso chiusa raggiunto raggiunta terminato terminata"
        ),
        "done",
    ),
    **dict.fromkeys(("in corso", "iniziato", "iniziata", "in lavorazione"), "in_progress"),
    **dict.fromkeys(("da fare", "aperto", "aperta", "non fatto", "non fatta", "da iniziare"), "todo"),
}
PRIORITY = rf"(?P<priority>{alternatives(PRIORITIES)})"
STATUS = rf"(?P<status>{alternatives(STATUSES)})"
PRIO = r"(?:priorità|priorita|importanza)"

_JOIN = r"[,;(]? ?\b(?:(?:e|con|a|ad|in|di|la|una|un|è|ha|come|imposta|metti) ){0,4}"
_HOUR = r"(?:[01]?\d|2[0-3])"
_IN = r"[,;]? ?\b(?:nel|al|del|per il|sul|dal|in|a|per|di|su)"


_VERBS = (
    r"crea|aggiungi|elimina|cancella|rimuovi|segna|imposta|sposta|mostra(?:mi)?|elenca|rinomina"
    r"|ricordami|archivia|scrivi"
    r"|annota|commenta|completa|cambia|rimanda|posticipa|approva|rifiuta|dimmi|quali|cosa|metti|prendi|apri|leggi"
    r"|un['’]altra|un altro|fammi|riattiva|suggerisci|proponi|modifica|riapri|puoi|lascia|chiamal[oa]|crea(?:ne)?"
)

# --- days

_NUMBERS = number_words(
    "zero un/uno/una due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici"
) | {"un paio di": 2}
_UNITS = {
    **dict.fromkeys(("giorno", "giorni"), "day"),
    **dict.fromkeys(("settimana", "settimane"), "week"),
    **dict.fromkeys(("mese", "mesi"), "month"),
    **dict.fromkeys(("anno", "anni"), "year"),
}
_WEEKDAYS = number_words(
    "lunedì/lunedi martedì/martedi mercoledì/mercoledi giovedì/giovedi venerdì/venerdi sabato domenica"
)
_MONTHS = number_words(
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre", start=1
)
_WORDS = DayWords(_NUMBERS, _UNITS, _WEEKDAYS, _MONTHS)

_COUNT = _WORDS.count_pattern
_UNIT = _WORDS.unit_pattern
_WEEKDAY = rf"(?P<weekday>{alternatives(_WEEKDAYS)})"
_YEAR = r"(?:\s+(?:del\s+)?(?P<year>\d{4}))?"
_LEAD = (
    r"(?:[,;]?\s*\b(?:con\s+(?:data\s+di\s+)?scadenza|in\s+scadenza|(?:che\s+)?scade(?:nte)?"
    r"|(?:la\s+)?scadenza|entro(?:\s+(?:il|la|l['’]))?"
    r"|per(?:\s+(?:il|la|l['’]))?|prima\s+di|fino\s+al?|a\s+partire\s+da|il|al|a|dal?|di|del|alla"
    r"|nella|la|lo|l['’])\s*:?\s*){0,4}"
)
_PART_OF_DAY = r"(?:\s+(?:mattina|pomeriggio|sera|notte))?"

_DAYS = Days.of(
    _WORDS,
    [
        (r"\b(?:dopodomani|dopo\s+domani)\b", dates.days_later(2)),
        (rf"\bdomani{_PART_OF_DAY}\b", dates.days_later(1)),
        (
            r"\b(?:oggi|stasera|stanotte|stamattina|questa\s+(?:mattina|sera)|questo\s+pomeriggio)\b",
            dates.days_later(0),
        ),
        (rf"\b(?:tra|fra)\s+{_COUNT}\s+{_UNIT}\b", dates.from_now),
        (rf"\b(?P<day>\d{{1,2}})[°º]?\s+(?:di\s+)?(?P<month>{alternatives(_MONTHS)}){_YEAR}\b", dates.calendar_day),
        (r"\b(?P<day>\d{1,2})[/.](?P<month>\d{1,2})(?:[/.](?P<year>\d{4}))?(?=\s|$|[,;!?])", dates.calendar_day),
        (
            r"\b(?:fine|termine)\s+(?:(?:della|del|dell['’]|di\s+quest[oa])\s*)?(?P<unit>settimana|mese|anno)\b",
            dates.end_of,
        ),
        (
            rf"\b(?:(?:questo|questa|prossimo|prossima)\s+)?{_WEEKDAY}(?:\s+prossim[oa])?{_PART_OF_DAY}\b",
            dates.weekday,
        ),
        (
            r"\b(?:(?:questo|il)\s+)?(?:(?P<next>prossimo)\s+)?(?:fine\s*settimana|weekend)\b",
            dates.weekend,
        ),
        (r"\b(?:prossim[oa]\s+(?P<unit>settimana|mese|anno))\b", dates.next_unit),
        (r"\b(?P<unit>settimana|mese|anno)\s+prossim[oa]\b", dates.next_unit),
        (rf"\bil\s+(?P<day>\d{{1,2}})\b(?!\s*[%€:]|\s+(?:{alternatives(_MONTHS)}))", dates.day_of_month),
    ],
    lead=_LEAD,
)

ITALIAN = Language(
    code="it",
    marks=frozenset(
        split_words(
            "aggiungi alla alle anche annota apri archivia attività attivita cambia cancella che ciao commenta "
            "commenti commento compiti compito completa con cosa crea da dal del della devo di domani elenca "
            "elimina entro fammi fatta fatto grazie ho il imposta in la le leggi lista lo lunedì metti mi mia mie "
            "miei mio mostra mostrami nel nota note nuova nuovo oggi per perfavore posticipa posso priorità "
            "progetti progetto promemoria quali quando questa questo ricordami rimanda rimuovi rinomina scade "
            "scadenza scrivi segna settimana sposta sono stato tutte tutti un una un' approva prendi suggerisci "
            "proponi leggimi è e quanti quante cos' c' l' dell' all' non perché tra fra riattiva dimmi buongiorno "
            "archivialo archiviala eliminalo eliminala cancellalo cancellala completalo completala approvalo "
            "approvala puoi potresti prossimo prossima spostare eliminare creare segnare comprare chiamare vorrei "
            "ricordi rifiuta modifica rendi inizia riapri salva appunto appunti"
        )
    ),
    nouns=NOUNS,
    articles=(
        r"il|lo|la|i|gli|le|l['’]|uno?|una|un['’]|del|dello|della|dell['’]|dei|delle|al|allo|alla|all['’]"
        r"|nel|nella|nell['’]"
        r"|questo|questa|quel|quella|mio|mia|miei|mie|nuov[oa]"
    ),
    naming=r"chiamat[oa]|intitolat[oa]|dal titolo|con (?:il )?titolo|di|per|su|sul|sulla",
    pronoun=(
        r"(?:lo|la|li|le|questo|questa|quello|quella|l['’]ultim[oa])(?: (?:attività|compito|progetto|nota|checkpoint))?"
    ),
    permanently=r"definitivamente|per sempre|permanentemente|in modo definitivo|del tutto",
    forbidden=r"^(?:non|mai)\b(?! far(?:mi|melo))",
    and_between=r"\s*,\s*(?:e\s+)?|\s+e\s+",
    priorities=PRIORITIES,
    statuses=STATUSES,
    days=_DAYS,
    clauses=ClauseSplitter.of(
        verbs=_VERBS,
        words="e|ed|poi|e poi|e anche",
        fillers="poi|anche|per favore",
        polite=(
            r"per favore|perfavore|per piacere|ciao|buongiorno|ok|okay|adiuva|allora|poi|anche|e|ed|senti|grazie|adesso"
            r"|(?:puoi|potresti|vorresti|mi puoi|mi potresti)|vorrei(?: che tu)?|voglio|dovresti|sì|ora"
        ),
        courtesy="per favore|perfavore|per piacere|grazie",
    ),
    details=DetailWords(
        priority=(
            rf"{_JOIN}{PRIO} ?(?:[:=]|è|a|su)? ?{PRIORITY}\b\)?",
            rf"{_JOIN}{PRIORITY} {PRIO}\b\)?",
            r"[,;(!] ?\b(?:(?:e|è|molto) ){0,3}(?P<priority>urgente|importante|critica) ?[.!)]?$",
            r" (?P<priority>urgentemente|con urgenza|al più presto) ?[.!]?$",
        ),
        status=rf"{_JOIN}stato ?(?:[:=]|è|su)? ?{STATUS}\b\)?",
        description=rf"{_JOIN}(?:descrizione|dettagli) ?(?:[:=])? (?P<text>.+)$",
        content=r" ?(?::|,? ?\b(?:che dice|con (?:il )?(?:contenuto|testo)|con scritto)\b:?) ?(?P<text>\S.*)$",
        time=rf"[,;]? ?\b(?:alle(?: ore)?|ore) (?P<time>{_HOUR}(?:[:.][0-5]\d)?)(?!\w)",
        at="Alle",
        project=(rf"{_IN} progetto {{name}}\b",),
        project_loosely=(rf"{_IN} {{name}}(?!\w)", r"\bha (?:il progetto )?{name}(?!\w)"),
        loose_starts=frozenset(("di", "a", "per", "che", "su", "sul", "sulla", "il", "entro", "chiamato", "chiamata")),
        loose_ends=frozenset(("e", "per", "il", "a", "entro", "con", "di", "è", "nel", "in", "la", "al")),
    ),
    groups=GroupWords(
        all=re.compile(r"(?:tutt[oaie]|ogni)\b", re.IGNORECASE),
        done=frozenset(("fatte", "fatti", "completate", "completati", "finite", "finiti", "concluse", "terminate")),
        open=frozenset(("aperte", "aperti", "rimanenti", "incomplete")),
        suggested=frozenset(
            ("suggeriti", "suggerite", "suggerito", "proposti", "proposte", "approvare", "approvazione")
        ),
    ),
    periods={
        "overdue": r"\bscadut[eiao]\b|\bin ritardo\b",
        "next week": r"\b(?:prossima settimana|settimana prossima)\b",
        "this week": r"\bquesta settimana\b",
        "until": r"\b(?:entro|prima di|fino a)\b",
        "everything": r"\b(?:tutt[ie]|archiviat[ie])\b",
    },
    status_filter=(
        r"(?!.*\bnon (?:ancora )?(?:fatt|complet))(?:.*?\b(?P<done>fatt[eio]|completat[eio]|finit[eio]|conclus[eio])\b"
        r"|.*?\b(?P<in_progress>in corso|iniziat[eio])\b|.*?\b(?P<todo>da iniziare)\b)"
    ),
    search_words=(
        r"\b(?:(?:che )?(?:contengono|parlano di|dicono)|su|sul|sulla|sui|riguardo a|con la parola"
        r"|chiamat[eio])\s+(?P<words>.+)$"
    ),
    suggestions=answers.ITALIAN_SUGGESTIONS,
    answers=answers.ITALIAN,
    small_talk=answers.ITALIAN_SMALL_TALK,
)
