"""Italian for limits and approval, and for changing a batch."""

from agents.offline_model.building.words.italian.when import COUNT, DAYS
from agents.offline_model.building.words.vocabulary import BoundWords, RevisionWords, all_anywhere, anywhere
from agents.offline_model.clauses import QUOTE

_LEAD = r"(?:(?:,|;)? ?(?:e|ma|però|poi|per favore) )*"
_APPROVAL = (
    (
        "destructive",
        r"chiedi(?:mi|melo)?(?: conferma)? solo (?:prima di|per|quando) (?:eliminar\w*|cancellar\w*|elimini|cancelli)",
    ),
    (
        "never",
        (
            r"senza (?:chiedere|chiedermi|chiedermelo)(?: conferma| nulla| niente| prima)*"
            r"|senza (?:la mia )?(?:conferma|approvazione)|non (?:chiedere|chiedermi|chiedermelo)(?: più| conferma"
            r"| prima| nulla| niente)*"
        ),
    ),
    (
        "always",
        (
            r"(?:prima )?(?:chiedi(?:mi|melo)?|domandami)(?: (?:sempre|prima|conferma|ogni volta|per ogni modifica"
            r"|di ogni|modifica|di|farlo|cambiare|qualcosa|qualsiasi|cosa|l['’]approvazione))*"
            r"|con (?:la )?mia (?:conferma|approvazione)|(?:aspetta|attendi) (?:la )?mia (?:conferma|approvazione)"
            r"|fammi (?:confermare|approvare)(?: tutto| prima| ogni modifica)*"
        ),
    ),
)

BOUNDS = BoundWords(
    approval=all_anywhere((name, rf"{_LEAD}(?:{pattern})") for name, pattern in _APPROVAL),
    limit=anywhere(
        r"(?:(?:e )?limita(?:l[oaei])? a|al massimo|non più di|fino a|massimo|solo (?:le "
        rf"|i )?prim[ei]) {COUNT}(?: (?P<unit>minut[oi]|tokens?))?(?: (?:elementi|per volta|alla volta"
        r"|per esecuzione))*(?! (?:frasi|parole|righe|giorni|settimane))"
    ),
    name=anywhere(rf"(?:e )?(?:chiamal[oa]|rinominal[oa]|nominal[oa])(?: in)? (?P<name>{QUOTE}|.+)$"),
)

REVISION = RevisionWords(
    instead=anywhere(
        r",? ?(?:invece (?:di|che|del|della|delle|dei)|anziché|al posto di|e non"
        r"|non) (?P<old>(?:(?! ma )[^,;])+)(?:,? ma)?|,? ?(?:invece|piuttosto|d['’]ora in poi)"
    ),
    change=anywhere(
        r"^(?:per favore|no|anzi|meglio|(?:prendi|usa)(?= (?:tutt|solo|le|i))|(?:fallo|falla|spostal[oa]|mettil[oa]"
        r"|cambial[oa]|impostal[oa]|eseguil[oa]|lancial[oa]|cambia l['’]ora"
        r"|cambia l['’]orario)(?: partire)?(?: (?:a|in|per))?|deve (?:partire|essere)|che (?:parta|sia)|a|ma|e|puoi"
        r"|un['’]?automazione)"
    ),
    later=anywhere(
        r"(?:(?P<count>\d{1,2}|un['’]|due|tre) ?or[ae] |(?P<half>mezz['’]ora ))(?P<way>dopo|più tardi|prima)"
    ),
    earlier=anywhere("prima"),
    bare_days=anywhere(rf"(?:il |la |di |a )?{DAYS}"),
    also=anywhere(r"anche|inoltre|poi"),
    only=anywhere(
        r"(?:ma |e )?(?:(?:solo|soltanto|unicamente)(?: (?:quell[eai]|le|i|gli|per|su|mie|miei))*|limital[oa] (?:a"
        r"|alle|ai|agli))"
    ),
    all=anywhere(r"tutt[oaie]|ogni"),
    exclude=anywhere(
        r"(?:ma |e )?(?:escludi|tralascia|salta|ignora|tranne|eccetto|lascia (?:fuori|stare)|non)(?: (?:le|i|gli|la"
        r"|il|quell[eai]))*"
    ),
)
