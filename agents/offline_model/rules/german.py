"""German rules for what makes, changes, deletes and reads records; they know what the golden set holds."""

from agents.offline_model.clauses import QUOTE
from agents.offline_model.intents import Rules, compile_rules
from agents.offline_model.languages.german import NOUN, NOUNS, PRIO, PRIORITY, STATUS
from agents.offline_model.languages.language import any_noun
from agents.offline_model.rules import ask, change, create

_A = r"(?:(?:der|die|das|de[mns]|m?ein(?:e[mnrs]?)?|diese[nrs]?|neue[ns]?|weitere[ns]?|noch|mir|bitte|mal) ){0,4}"
_TARGET = rf"{_A}(?P<target>\S.*?)"
_ADD = r"(?:erstelle?n?|lege?|füge?|schreibe?n?|mache?|trage?|plane?|neue[ns]?)"
_OFF = r"(?: (?:an|hinzu|ein|auf|ab|um|zurück|weg|zu|vor))?"
_AS = r" ?(?:(?:namens|mit dem (?:Titel|Namen)|genannt|um|zu[mr]?|für|über)\b|[:,–-])? ?"
# "Lege eine Aufgabe an: …"; but "Ein Tag am Meer" is a title.
_SPLIT = r"(?: hinzu\b(?!-)| (?:an|ein)(?= ?[:,–]| (?:namens|mit dem|genannt|um|zu[mr]?)\b))?"
_DROP = r"(?:lösche?n?|entferne?n?|streiche?n?)"
_CHANGE = r"(?:änder[en]?|setze?|stelle?|lege?)"
_MOVE = r"(?:setze?|verschiebe?n?|verlege?n?)"
_DUE = r"(?:die Frist|das (?:Fälligkeits)?datum|die Fälligkeit|den Termin)"
_TO_DAY = r"(?P<day>(?:auf|bis|zum?|für|um|am|nach|heute|morgen|übermorgen|nächste|kommende|in) ?.*?)"
_SHOW = r"(?:zeige?n?|liste?n?|nenne?|suche?n?|finde?n?|lies)"
_MY_LIST = r"(?:zu (?:meinen )?(?:Aufgaben|To-?dos)|(?:zu|auf) (?:meiner|die|meine) (?:Aufgaben|To-?do-)?Liste)"
_OF = r"(?:von|der|des|zu[mr]?|für|beim?|an|auf|unter|vom)"
_NOT_A_WISH = r"(?!(?:lösche|entferne|streiche|markiere|setze|verschiebe|erledige|was|welche)\b)"
_ANY, _OTHERS = any_noun(NOUNS)
_SHORT = r"(?!.{200})"

# The first rule that fits decides, so the ones with the most words of their own stand first.
RULES: Rules = compile_rules(
    [
        (rf"(?:lege?|packe?|verschiebe?) {_TARGET} ins Archiv", change.archive),
        (r"(?:sind|ist) (?:alle|alles)\b.* (?:erledigt|fertig|abgeschlossen)", ask.list_what_is_left),
        (rf"{_SHORT}in welchen (?:{_ANY})\b.*", ask.list_records),
        (
            rf"{_DROP} (?:den |die )?(?:letzten )?Kommentare? ?(?P<comment>.*?) ?\b{_OF} {_TARGET}",
            change.delete_comment,
        ),
        (rf"{_SHOW} (?:mir )?(?:alle )?(?:die )?Kommentare {_OF} {_TARGET}(?: an| auf)?", ask.list_comments),
        (rf"kommentiere?n? {_TARGET} ?(?::| mit:?|(?={QUOTE}$)) ?(?P<text>\S.*)", change.comment),
        (
            r"(?:füge?|schreibe?) (?:zur|in die|der) (?P<target>(?P<noun>Notiz) \S.*?)(?: hinzu)? ?: ?(?P<text>\S.*)",
            change.append,
        ),
        (r"Notiz ?: ?(?P<content>\S.*)", create.write_down),
        (
            r"(?:notiere?n?(?: dir| mir)?|schreibe? auf|merke? dir)(?: ?:|,? dass\b)? ?(?P<content>\S.*)",
            create.write_down,
        ),
        (
            (
                rf"{_ADD} {_A}Projekt\b{_AS}(?P<rest>\S.*?),? mit (?:\w+ ){{0,2}}?"
                rf"(?P<noun>Aufgaben|To-?dos|Tasks|Meilensteinen)\b ?:? ?(?P<parts>\S.*?){_OFF}"
            ),
            create.create_project_with_parts,
        ),
        (rf"(?:weise?n?|übertrage?n?|gib) {_TARGET} (?:an )?(?P<person>[^\W\d]+)(?: zu)?", change.assign),
        (rf"{_ADD} {_A}(?:{PRIORITY} )?{NOUN}\b{_SPLIT}{_AS}(?P<rest>\S.*?){_OFF}", create.create),
        (rf"(?:noch |eine |ein |einen )+(?:weitere[ns]? |andere )?(?:{NOUN})?{_AS}(?P<rest>\S.*)", create.create),
        (rf"(?:füge?|setze?|schreibe?) (?P<rest>\S.*?) {_MY_LIST}\b(?P<more>.*?)(?: hinzu| auf)?", create.create),
        (r"erinner[en]? mich,? (?P<rest>\S.*)", create.create),
        (r"(?:mich )?(?P<rest>\S.*?) (?:zu )?erinnern", create.create),
        (rf"(?P<more>(?:das )?Projekt \S.*?) braucht {_A}{NOUN}\b{_AS}(?P<rest>\S.*)", create.create),
        (
            r"ich (?:muss|sollte|will)(?: unbedingt)? (?P<rest>\S.*?)(?:,? erinnere mich(?: daran)?)?",
            create.create_dated,
        ),
        (rf"{_ADD} {_A}{NOUN}{_OFF}|erinnere? mich", create.create_nameless),
        (rf"was (?:ist|sind|habe ich)(?: schon)? {STATUS}", ask.list_records),
        (rf"{_SHORT}(?:was|welche|zeige?|ist|sind|steht)\b(?!.*(?:{_OTHERS})).*\bheute\b.*", ask.due_today),
        (rf"(?:was|wie) (?:steht|sagt|ist|läuft)(?: in)? {_A}(?P<noun>Notiz|Projekt) (?P<target>\S.*)", ask.get_record),
        (rf"{_SHORT}{_SHOW}\b(?: [\w-]+){{0,6}}?[ -](?:{_ANY})\b.*", ask.list_records),
        (
            rf"{_SHORT}(?:welche|was|wie viele|gibt es|sind|ist)\b.*\b(?:{_ANY}|überfällig|fällig|zu tun|offen)\b.*",
            ask.list_records,
        ),
        (rf"{_DROP} {_DUE} {_OF} {_TARGET}", change.clear_due),
        (rf"benenne? {_TARGET} (?:in|zu) (?P<title>.+?)(?: um)?", change.rename),
        (rf"nenne? {_TARGET} (?:(?:in|zu) )?(?P<title>\S+|{QUOTE}|(?<=in |zu ).+) um", change.rename),
        (rf"{_CHANGE} (?:die )?{PRIO} {_OF} {_TARGET} (?:auf|zu) {PRIORITY}", change.set_priority),
        (rf"{_CHANGE} (?:die )?{PRIO} (?P<target>(?:aller|meiner) .+?) (?:auf|zu) {PRIORITY}", change.set_priority),
        (rf"(?:{_CHANGE}|gib|markiere?n?) {_TARGET} (?:auf |als )?{PRIORITY}(?: {PRIO})?", change.set_priority),
        (rf"{_TARGET} (?:als|auf) {STATUS} (?:markieren|setzen|stellen)", change.set_status),
        (rf"senke?n? (?:die )?{PRIO} {_OF} {_TARGET}", change.priority("low")),
        (
            rf"(?:{_MOVE}|packe?) {_TARGET} (?:nach|in|ins|zu|zum) (?:das |dem )?(?:Projekt )?(?P<project>\S.*)",
            change.move_to_project,
        ),
        (rf"{_MOVE} {_TARGET} um (?P<by>.+)", change.shift_due),
        (rf"{_MOVE} {_TARGET} {_TO_DAY}", change.set_due),
        (rf"(?:genehmige?n?|akzeptiere?n?|bestätige?n?) {_TARGET}", change.approve),
        (rf"lehne? {_TARGET} ab", change.reject),
        (rf"hole? {_A}(?P<target>Projekt .+?) (?:aus dem Archiv|zurück).*", change.restore),
        (rf"archiviere?n? {_TARGET}", change.archive),
        (rf"{_TARGET} archivieren", change.archive),
        (rf"(?:{_CHANGE}|markiere?n?) {_TARGET} (?:(?:als|auf) )?{STATUS}", change.set_status),
        (rf"(?:hake?|schließe?) {_TARGET} ab", change.finish),
        (rf"erledige {_TARGET}", change.finish),
        (rf"ich habe {_TARGET} (?:erledigt|abgeschlossen|fertig)", change.status("done")),
        (rf"{_NOT_A_WISH}{_TARGET} ist (?:jetzt |schon )?{STATUS}", change.set_status),
        (rf"{_DROP}(?: (?:endgültig|bitte))? {_TARGET}", change.delete),
        (rf"{_TARGET} (?:löschen|entfernen)", change.delete),
        # A clause without a word that says so asks for a task when it ends with an infinitive and names a day.
        (r"(?!.{120})(?P<rest>\S.* [^\W\d]{2,}(?:en|eln|ern))", create.create_dated),
    ]
)
