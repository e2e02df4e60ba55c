"""German for limits and approval, and for changing a batch."""

from agents.offline_model.building.words.german.when import COUNT, DAYS
from agents.offline_model.building.words.vocabulary import BoundWords, RevisionWords, all_anywhere, anywhere
from agents.offline_model.clauses import QUOTE

_LEAD = r"(?:(?:,|;)? ?(?:und|aber|dann|bitte|jedoch) )*"
_APPROVAL = (
    ("destructive", r"fragt?e? (?:mich )?nur (?:vor dem|beim|vorm) (?:Löschen|Entfernen)(?: nach)?"),
    (
        "never",
        (
            r"ohne (?:mich )?(?:vorher )?(?:zu fragen|nachzufragen|Rückfrage|Nachfrage|Bestätigung|Freigabe"
            r"|Genehmigung)|fragt?e? (?:mich )?(?:bitte )?(?:nicht|nie)(?: mehr)?(?: nach| vorher)*"
        ),
    ),
    (
        "always",
        (
            r"(?:nach|mit) (?:meiner )?(?:Rückfrage|Bestätigung|Freigabe|Genehmigung)|(?:warte? auf"
            r"|hole?) (?:meine )?(?:Bestätigung|Freigabe|Genehmigung)(?: ein)?|fragt?e? (?:mich"
            r"|bei mir)(?: (?:immer|jedes Mal|vorher|zuerst|erst|vor jeder Änderung|bevor .+|nach|jeweils))*"
            r"|(?:immer )?(?:vorher|erst) (?:nach)?fragen|lass mich (?:alles |jede Änderung |es )?(?:bestätigen"
            r"|freigeben|prüfen)"
        ),
    ),
)

BOUNDS = BoundWords(
    approval=all_anywhere((name, rf"{_LEAD}(?:{pattern})") for name, pattern in _APPROVAL),
    limit=anywhere(
        r"(?:(?:und )?(?:begrenze?|beschränke?) (?:es|ihn|sie|das|den Ablauf)? ?auf|höchstens|maximal"
        rf"|nicht mehr als|bis zu|nur die ersten) {COUNT}(?: (?P<unit>Minuten?|Tokens?))?(?: (?:Stück|Einträge"
        r"|davon))?(?: (?:auf einmal|pro Lauf|je Lauf|jedes Mal))?(?! (?:Sätzen?|Wörtern?|Zeilen|Tagen?|Wochen))"
    ),
    name=anywhere(
        rf"(?:und )?(?:nenne?|benenne?|taufe?) (?:es|ihn|sie|das|den Ablauf)(?: um)?(?: in)? (?P<name>{QUOTE}"
        r"|.+?)(?: um)?$"
    ),
)

REVISION = RevisionWords(
    instead=anywhere(
        r",? ?(?:anstatt|anstelle von|statt|und nicht|nicht) (?P<old>(?:(?! sondern )[^,;])+)(?:,? sondern)?"
        r"|,? ?(?:stattdessen|lieber|ab jetzt|von nun an|künftig)"
    ),
    change=anywhere(
        r"^(?:bitte|nein|doch|eigentlich|besser|(?:nimm|verwende)(?= (?:alle|nur|die|meine))|(?:mache?|ändere?"
        r"|stelle?|setze?|verschiebe?|verlege?)(?: (?:es|ihn|sie|das|die (?:Zeit|Uhrzeit)|den (?:Tag"
        r"|Ablauf)))?(?: daraus)?(?: auf| zu)?|(?:lass|starte?|führe?) (?:es|ihn|sie|das|den Ablauf)|(?:es|er|sie"
        r"|das|der Ablauf) soll(?:te)?|ich (?:möchte|will) es|soll|laufen|starten|aus|auf|daraus|aber|und|kannst du"
        r"|einen?|Ablauf)"
    ),
    later=anywhere(
        r"(?:(?P<count>\d{1,2}|eine|zwei|drei|vier) Stunden? |(?P<half>eine halbe Stunde ))(?P<way>später|früher)"
    ),
    earlier=anywhere("früher"),
    bare_days=anywhere(rf"(?:am |auf )?{DAYS}"),
    also=anywhere(r"auch|zusätzlich|außerdem|dann"),
    only=anywhere(
        r"(?:aber |und )?(?:(?:es soll |soll )?(?:nur|ausschließlich|bloß)(?: (?:noch|die|den|das|für|mit(?= (?:den"
        r"|allen))|meine|solche|diejenigen))*|(?:beschränke?|begrenze?) (?:es|ihn|das) auf)"
    ),
    all=anywhere(r"alle[snr]?|sämtliche|jede[snr]?"),
    exclude=anywhere(
        r"(?:aber |und )?(?:lass|überspringe?|ignoriere?|außer|ohne(?= (?:die|meine|Aufgaben|Notizen))"
        r"|nicht)(?: (?:die|den|das|meine))*"
    ),
)
