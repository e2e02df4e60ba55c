"""Italian for bulk wishes."""

from agents.offline_model.kinds import Kind
from agents.offline_model.languages.dates import alternatives, number_words
from agents.offline_model.languages.italian import PRIORITIES
from agents.offline_model.selection.vocabulary import SelectionWords

_NUMBERS = number_words("uno due tre quattro cinque sei sette otto nove dieci", start=1) | {
    "entrambi": 2, "entrambe": 2,
}  # fmt: skip
_LEVELS = {**PRIORITIES, "importanti": "high", "alti": "high", "alte": "high", "bassi": "low", "basse": "low"}
_PRIO = r"(?:priorità|priorita)"
_LEVEL = rf"(?P<priority>{alternatives(_LEVELS)})"
_LEVEL_AFTER = rf"(?P<priority_after>{alternatives(_LEVELS)})"
_PLURALS = {
    Kind.TASK: r"compiti|tasks|to-?dos|cose da fare",
    Kind.PROJECT: r"progetti",
    Kind.CHECKPOINT: r"check ?points|milestones|traguardi",
    Kind.NOTE: r"note|appunti",
}

WORDS = SelectionWords.of(
    several=(
        r"(?:(?:solo|quasi) )?(?:(?:le|i|gli) (?=(?:\w+ )?attività)"
        r"|tutt[oaie]|ogni|qualsiasi|entramb[ie]|alcun[ie]|qualche|molt[ie]|parecch[ie]|vari[e]?|divers[ie]"
        r"|la maggior parte|maggior parte|metà|(?:il )?resto|(?:gli |le )?altr[ie]|(?:i |le )?(?:prim[ie]|ultim[ie]"
        r"|prossim[ie])(?: \w+)?|quell[ie]|\d+|due|tre|quattro|cinque|sei|sette|otto|nove|dieci)"
    ),
    plurals=_PLURALS,
    phrases={
        "except": (
            r"(?:,? ?)(?:tranne|eccetto|a parte|salvo|fuorché|esclus[oaie]|escludendo|ad eccezione (?:di"
            r"|del(?:l[ao])?|dei"
            r"|delle)|all['’]infuori di|ma (?:non|tieni|lascia|tranne)|ma|però non|(?:e )?(?:tieni|lascia)|meno)"
            r"(?: (?:il|lo|la|i|gli|le|per|quell[aoie]))*"
        ),
        "list": r"lista (?:delle (?:cose da fare|attività)|dei compiti)",
        "no due": r"(?:senza|non hanno|non ha) (?:una |nessuna )?(?:data(?: di scadenza)?|scadenza)|non datat[ie]",
        "has due": r"(?:con|(?:che )?(?:hanno|ha)) (?:una )?(?:data(?: di scadenza)?|scadenza)",
        "no project": r"(?:senza|non hanno|non ha) (?:un |nessun )?progetto",
        "no priority": rf"senza {_PRIO}",
        "overdue": r"scadut[eiao]|in ritardo",
        "this week": r"(?:di |in )?questa settimana",
        "next week": r"(?:della |la )?(?:prossima settimana|settimana prossima)",
        "last week": r"(?:della |la )?(?:scorsa settimana|settimana scorsa)",
        "this month": r"(?:di |in )?questo mese",
        "next month": r"(?:del |il )?(?:prossimo mese|mese prossimo)",
        "last month": r"(?:del |lo |il )?(?:scorso mese|mese scorso)",
        "in_progress": r"in corso|iniziat[oaie]",
        "open": (
            r"apert[oaie]|rimanent[ie]|(?:ancora )?da fare|non (?:ancora )?(?:fatt|complet|completat|finit"
            r"|conclus)[oaie]"
        ),
        "todo": r"(?:non (?:ancora )?iniziat|da iniziar)[oaie]",
        "done": r"fatt[oaie]|completat[oaie]|finit[oaie]|chius[oaie]|conclus[oaie]|raggiunt[oaie]|terminat[oaie]",
        "archived": r"archiviat[oaie]",
        "active": r"attiv[oaie]",
        "suggested": r"suggerit[oaie]|propost[oaie]|da approvare|in attesa di approvazione",
        "approved": r"approvat[oaie]",
        "priority": rf"(?:a |ad |con )?(?:{_LEVEL}(?: {_PRIO})?|{_PRIO} ?(?:è |[:=] ?)?{_LEVEL_AFTER})",
        "project": r"progetto",
        "before": r"prima d(?:i|el|ella)",
        "until": r"entro|fino ad?",
        "after": r"dopo(?: il)?",
        "person": r"assegnat[oaie] ad?",
        "tag": r"con (?:l['’]etichetta|il tag)|etichettat[oaie](?: come)?|taggat[oaie]",
        "about": r"su|sul|sulla|che parlano di|che contengono|chiamat[oaie]|intitolat[oaie]|con la parola|riguardo",
        # What is about to fall due has no day to count to.
        "due on": r"in scadenza|scad(?:e|ono|rà|ranno)",
        "not": r"non|nessun[oa]?",
        "and": r"e|ed|,|&",
        "or": r"o|oppure",
        "these": r"l[ie](?=\W*$)|loro|quest[oaie]|quell[oaie]|essi|esse",
        "all": r"tutt[oaie]|ogni",
        "place": (
            r"di|del|dello|della|dell['’]?|dei|degli|delle|in|nel|nella|nell['’]?|nei|nelle|da|dal|dalla|dall['’]?"
            r"|per|con"
            r"|a|al|alla|all['’]?"
        ),
        "skip": (
            r"il|lo|la|i|gli|le|l['’]|un|una|uno|mi[aeo]|miei|nostr[oaie]|che|è|sono|era|erano|ancora|già|ora|adesso"
            r"|subito|per favore|mi|solo|anche|qualsiasi|ci|qui|ciò|lista|stat[oaie]|hanno|ha|ho|cosa|cose"
        ),
    },
    numbers=_NUMBERS,
    vague=(
        "vecchio vecchia vecchi vecchie nuovo nuova nuovi nuove recente recenti ultimo ultima ultimi ultime primo "
        "prima primi prime secondo prossimo prossimi prossime altro altra altri altre alcuni alcune qualche molti "
        "molte resto metà maggior parte doppi doppie duplicati duplicate vuoto vuota vuoti vuote inutile inutili "
        "grande grandi piccolo piccoli piccole lungo breve creato creata creati create aggiunto aggiunte aggiunti "
        "modificate modificati ieri mese settimana anno giorni settimane mesi più meno almeno superiore inferiore se "
        "quando senza suo sua suoi sue tuo tua privato private privati personali personale assegnate assegnati "
        "facili difficili"
    ),
    pointing=r"quest[oaie]|quell[oaie]",
    tail=r"che|in|nel|nella|del|della|dello|dei|delle|di|per|con|se|quando|senza|su|sul|sulla|a",
    after_plural=r"\b(?:le|i|gli|delle|dei|degli|mie|miei) $",
)
