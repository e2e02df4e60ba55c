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
_DROP = r"(?:lösche?n?|entferne?n?|streiche?n?)"
_CHANGE = r"(?:änder[en]?|setze?|stelle?|lege?)"
_MOVE = r"(?:setze?|verschiebe?n?|verlege?n?)"
_DUE = r"(?:die Frist|das (?:Fälligkeits)?datum|die Fälligkeit|den Termin)"
_TO_DAY = r"(?P<day>(?:auf|bis|zum?|für|um|am|nach|heute|morgen|übermorgen|nächste|kommende|in) ?.*?)"
_SHOW = r"(?:zeige?n?|liste?n?|nenne?|suche?n?|finde?n?|lies)"
_MY_LIST = r"(?:zu (?:meinen )?(?:Aufgaben|To-?dos)|(?:zu|auf) (?:meiner|die|meine) (?:Aufgaben|To-?do-)?Liste)"
_OF = r"(?:von|der|des|zu[mr]?|für|beim?|an|auf|unter|vom)"
_ANY, _OTHERS = any_noun(NOUNS)
_SHORT = r"(?!.{200})"

# The first rule that fits decides, so the ones with the most words of their own stand first.
RULES: Rules = compile_rules(
    [
        (rf"(?:lege?|packe?|verschiebe?) {_TARGET} ins Archiv", change.archive),
        (rf"{_SHORT}in welchen (?:{_ANY})\b.*", ask.list_records),
        (
            rf"{_DROP} (?:den |die )?(?:letzten )?Kommentare? ?(?P<comment>.*?) ?\b{_OF} {_TARGET}",
            change.delete_comment,
        ),
        (rf"{_SHOW} (?:mir )?(?:alle )?(?:die )?Kommentare {_OF} {_TARGET}(?: an| auf)?", ask.list_comments),
        (rf"kommentiere?n? {_TARGET} ?(?::| mit:?|(?={QUOTE}$)) ?(?P<text>\S.*)", change.comment),
        (
            r"(?:füge?|schreibe?) (?:zur|in die) (?P<target>(?P<noun>Notiz) \S.*?)(?: hinzu)? ?: ?(?P<text>\S.*)",
            change.append,
        ),
        (
            r"(?:notiere?n?(?: dir| mir)?|schreibe? auf|merke? dir)(?: ?:|,? dass\b)? ?(?P<content>\S.*)",
            create.write_down,
        ),
        (rf"{_ADD} {_A}(?:{PRIORITY} )?{NOUN}\b(?: hinzu| an| ein)?{_AS}(?P<rest>\S.*?){_OFF}", create.create),
        (rf"(?:noch |eine |ein |einen )+(?:weitere[ns]? |andere )?(?:{NOUN})?{_AS}(?P<rest>\S.*)", create.create),
        (rf"(?:füge?|setze?|schreibe?) (?P<rest>\S.*?) {_MY_LIST}\b(?P<more>.*?)(?: hinzu| auf)?", create.create),
        (r"erinner[en]? mich (?P<rest>\S.*)", create.create),
        (r"(?:mich )?(?P<rest>\S.*?) (?:zu )?erinnern", create.create),
        (rf"(?P<more>(?:das )?Projekt \S.*?) braucht {_A}{NOUN}\b{_AS}(?P<rest>\S.*)", create.create),
        (
            r"ich (?:muss|sollte|will)(?: unbedingt)? (?P<rest>\S.*?)(?:,? erinnere mich(?: daran)?)?",
            create.create_dated,
        ),
        (rf"{_ADD} {_A}{NOUN}{_OFF}|erinnere? mich", create.create_nameless),
        (rf"{_SHORT}(?:was|welche|zeige?|ist|sind|steht)\b(?!.*(?:{_OTHERS})).*\bheute\b.*", ask.due_today),
        (rf"(?:was|wie) (?:steht|sagt|ist|läuft)(?: in)? {_A}(?P<noun>Notiz|Projekt) (?P<target>\S.*)", ask.get_record),
        (rf"{_SHORT}{_SHOW}\b(?: [\w-]+){{0,6}}? (?:{_ANY})\b.*", ask.list_records),
        (
            rf"{_SHORT}(?:welche|was|wie viele|gibt es|sind|ist)\b.*\b(?:{_ANY}|überfällig|fällig|zu tun|offen)\b.*",
            ask.list_records,
        ),
        (rf"{_DROP} {_DUE} {_OF} {_TARGET}", change.clear_due),
        (rf"benenne? {_TARGET} (?:in|zu) (?P<title>.+?)(?: um)?", change.rename),
        (rf"{_CHANGE} (?:die )?{PRIO} {_OF} {_TARGET} (?:auf|zu) {PRIORITY}", change.set_priority),
        (rf"senke?n? (?:die )?{PRIO} {_OF} {_TARGET}", change.priority("low")),
        (rf"{_MOVE} {_TARGET} um (?P<by>.+)", change.shift_due),
        (rf"{_MOVE} {_TARGET} {_TO_DAY}", change.set_due),
        (rf"(?:genehmige?n?|akzeptiere?n?|bestätige?n?) {_TARGET}", change.approve),
        (rf"lehne? {_TARGET} ab", change.reject),
        (rf"hole? {_A}(?P<target>Projekt .+?) (?:aus dem Archiv|zurück).*", change.restore),
        (rf"archiviere?n? {_TARGET}", change.archive),
        (rf"{_TARGET} archivieren", change.archive),
        (rf"(?:{_CHANGE}|markiere?n?) {_TARGET} (?:(?:als|auf) )?{STATUS}", change.set_status),
        (rf"(?:hake?|schließe?) {_TARGET} ab", change.status("done")),
        (rf"{_DROP}(?: (?:endgültig|bitte))? {_TARGET}", change.delete),
        (rf"{_TARGET} (?:löschen|entfernen)", change.delete),
        # A clause without a word that says so asks for a task when it ends with an infinitive and names a day.
        (r"(?!.{120})(?P<rest>\S.* [^\W\d]{2,}(?:en|eln|ern))", create.create_dated),
    ]
)
