"""German rules for what makes, changes, deletes and reads records: "lege … an" as well as "… anlegen"."""

from agents.offline_model.clauses import QUOTE
from agents.offline_model.intents import Rules, compile_rules
from agents.offline_model.kinds import Kind
from agents.offline_model.languages.german import NOUN, NOUNS, PRIO, PRIORITY, STATUS
from agents.offline_model.rules import ask, change, create

_A = (
    r"(?:(?:der|die|das|den|dem|des|ein|eine|einen|einem|einer|eines|mein|meine|meinen|meinem|meiner"
    r"|diese|diesen|dieses|dieser"
    r"|neue|neuen|neues|weitere|weiteren|weiteres|noch|kurze|mir|bitte|mal) ){0,4}"
)
_TARGET = rf"{_A}(?P<target>\S.*?)"
_ADD = (
    r"(?:erstell(?:e|en)?|leg(?:e)?|anlegen|füg(?:e)?|schreib(?:e|en)?|mach(?:e|en)?|trag(?:e)?"
    r"|notier(?:e|en)?|plan(?:e|en)?"
    r"|setz(?:e)?|nimm|speicher(?:e)?|neue[sn]?)"
)
_OFF = r"(?: (?:an|hinzu|ein|auf|ab|um|zurück|weg|zu|vor))?"
_AS = r" ?(?:(?:namens|mit dem (?:Titel|Namen)|mit Titel|genannt|um|zu|zum|zur|für|über)\b|[:,–-])? ?"
_DROP = r"(?:lösch(?:e|en)?|entfern(?:e|en)?|streich(?:e|en)?|wirf|verwirf)"
_CHANGE = r"(?:änder(?:e|n)?|setz(?:e|en)?|stell(?:e|en)?|leg(?:e)?|aktualisier(?:e|en)?)"
_MOVE = r"(?:setz(?:e)?|verschieb(?:e|en)?|verleg(?:e|en)?|schieb(?:e)?|vertag(?:e|en)?|zieh(?:e)?)"
_DUE = r"(?:die Frist|das (?:Fälligkeits)?Datum|die Fälligkeit|den Termin|das Fälligkeitsdatum|die Deadline)"
_TO_DAY = r"(?P<day>(?:auf|bis|zu|zum|für|um|am|nach|heute|morgen|übermorgen|nächste|kommende|in) ?.*?)"
_SHOW = r"(?:zeig(?:e|en)?|list(?:e|en)?|nenn(?:e)?|such(?:e|en)?|find(?:e|en)?|gib|sag(?:e)?)"
_ANY = "|".join(NOUNS.values())
_OTHERS = "|".join(words for kind, words in NOUNS.items() if kind is not Kind.TASK)
_SHORT = r"(?!.{200})"
_MY_LIST = (
    r"(?:zu (?:meinen )?(?:Aufgaben|To-?dos)|(?:zu|auf) (?:meiner|die|meine) (?:Liste|Aufgabenliste|To-?do-Liste))"
)
_READ_ONE = r"(?P<noun>Notiz|Vermerk|Projekt)"
_OF = r"(?:von|der|des|zu|zum|zur|für|bei|beim|an|auf|unter|vom)"
_HAVE = r"ich habe?"

_COMMENTS: Rules = compile_rules(
    [
        (
            rf"{_DROP} (?:den |die )?(?:letzten )?Kommentare? ?(?:über |mit )?(?P<comment>.*?) ?\b{_OF} {_TARGET}",
            change.delete_comment,
        ),
        (rf"(?:{_SHOW}|lies) (?:mir )?(?:alle )?(?:die )?Kommentare {_OF} {_TARGET}(?: an| auf)?", ask.list_comments),
        (rf"(?:welche|was für) Kommentare (?:gibt es (?:zu|zur|zum|bei)|hat) {_TARGET}", ask.list_comments),
        (
            rf"(?:füg(?:e)?|schreib(?:e)?) (?:einen |den )?Kommentar (?P<text>{QUOTE}) {_OF} {_TARGET}(?: hinzu)?",
            change.comment,
        ),
        (rf"kommentier(?:e|en)? {_TARGET} ?(?::| mit:?|(?={QUOTE}$)) ?(?P<text>\S.*)", change.comment),
        (
            (
                rf"(?:füg(?:e)?|schreib(?:e)?|hinterlass(?:e)?) {_TARGET} (?:einen |den )?Kommentar(?: "
                rf"hinzu)? ?: ?(?P<text>\S.*)"
            ),
            change.comment,
        ),
        (
            (
                rf"(?:füg(?:e)?|schreib(?:e)?|hinterlass(?:e)?) (?:einen |den )?Kommentar {_OF} "
                rf"{_TARGET}(?: hinzu)? ?: ?(?P<text>\S.*)"
            ),
            change.comment,
        ),
        (rf"(?:neuer )?Kommentar {_OF} {_TARGET} ?: ?(?P<text>\S.*)", change.comment),
    ]
)
_CREATE: Rules = compile_rules(
    [
        (
            rf"(?:ergänz(?:e|en)?|erweiter(?:e|n)?) (?P<target>{_A}{NOUN} \S.*?)(?: um)? ?(?::| um\b) ?(?P<text>\S.*)",
            change.append,
        ),
        (
            (
                r"(?:füg(?:e)?|schreib(?:e)?) (?:zu |in )?(?P<target>(?:der |die |zur )?(?P<noun>Notiz) "
                r"\S.*?)(?: hinzu)? ?: ?(?P<text>\S.*?)(?: hinzu)?"
            ),
            change.append,
        ),
        (
            (
                r"(?:füg(?:e)?|schreib(?:e)?) (?P<text>\S.*?) (?:zu der|zur|in die) "
                r"(?P<target>(?P<noun>Notiz) \S.*?)(?: hinzu)?"
            ),
            change.append,
        ),
        (
            rf"(?:{_ADD} {_A})?(?:Notiz|Vermerk)(?: an mich)?(?: ?:|,? dass\b) ?(?P<content>\S.*)",
            create.write_down,
        ),
        (
            (
                r"(?:notier(?:e|en)?(?: dir| mir)?|schreib(?:e)? (?:dir |mir )?auf|halte fest|merk(?:e)? "
                r"dir)(?: ?:|,? dass\b)? ?(?P<content>\S.*)"
            ),
            create.write_down,
        ),
        (
            (
                rf"(?:schlag(?:e)?|empfiehl|nenn(?:e)?) (?:mir )?(?:(?:ein paar|einige|mögliche|neue|\w+) "
                rf")*?{NOUN}(?P<rest>.*?)(?: vor)?"
            ),
            create.suggest,
        ),
        (
            (
                rf"{_ADD} (?:(?:\w+ ){{0,3}}?)(?P<noun>Aufgaben|Projekte|Meilensteine"
                rf"|To-?dos)(?:{_OFF})(?: ?:| für| namens) ?(?P<rest>\S.*?){_OFF}"
            ),
            create.create_several,
        ),
        (
            rf"{_ADD} {_A}(?:{PRIORITY} )?{NOUN}\b(?: hinzu| an| ein)?{_AS}(?P<rest>\S.*?){_OFF}",
            create.create,
        ),
        (
            rf"(?:noch |eine |ein |einen )+(?:weitere[ns]? |andere )?(?:{NOUN})?{_AS}(?P<rest>\S.*)",
            create.create,
        ),
        (
            (
                rf"(?:füg(?:e)?|setz(?:e)?|schreib(?:e)?|pack(?:e)?|nimm) (?P<rest>\S.*?) "
                rf"{_MY_LIST}\b(?P<more>.*?)(?: hinzu| auf)?"
            ),
            create.create,
        ),
        (
            rf"(?:füg(?:e)?|leg(?:e)?) (?P<rest>\S.*?) als (?:neue[ns]? )?{NOUN}\b(?P<more>.*?)(?: hinzu| an)?",
            create.create,
        ),
        (r"erinner(?:e|n)? mich (?P<rest>\S.*)", create.create),
        (r"(?:mich )?(?P<rest>\S.*?) (?:zu )?erinnern", create.create),
        (
            (
                rf"{_ADD} (?P<more>(?:dem|zum|im|beim) Projekt \S.*?) (?:ein|eine|einen|den|die) (?:neuen? "
                rf")?{NOUN}\b{_AS}(?P<rest>\S.*?){_OFF}"
            ),
            create.create,
        ),
        (rf"(?P<more>(?:das )?Projekt \S.*?) braucht {_A}{NOUN}\b{_AS}(?P<rest>\S.*)", create.create),
        (r"(?:lass mich nicht vergessen|ich darf nicht vergessen),? (?P<rest>\S.*)", create.create),
        (
            r"ich (?:muss|sollte|will)(?: unbedingt)? (?P<rest>\S.*?)(?:,? erinnere mich(?: daran| bitte)*)?",
            create.create_dated,
        ),
        (rf"{_A}{NOUN} (?P<rest>\S.*?) (?:anlegen|erstellen|hinzufügen)", create.create),
        (rf"{_ADD} {_A}{NOUN}{_OFF}|erinner(?:e)? mich", create.create_nameless),
        (r"(?P<noun>Aufgabe|To-?do|Projekt|Meilenstein|Erinnerung) ?[:–-] ?(?P<rest>\S.*)", create.create),
    ]
)
_LISTS: Rules = compile_rules(
    [
        (
            (
                rf"{_SHORT}(?:was|welche|zeig(?:e)?|habe|list(?:e)?|gibt|ist|sind|steht"
                rf"|nenn(?:e)?)\b(?!.*(?:{_OTHERS})).*\bheute\b.*"
            ),
            ask.due_today,
        ),
        (r"(?:heute|mein tag|tagesplan|agenda|heutige aufgaben)", ask.due_today),
        (
            (
                rf"(?:öffne|lies|zeig(?:e)?|fass(?:e)?|gib)(?: mir)? {_A}{_READ_ONE} (?:namens |über |zu "
                rf"|zum )?(?P<target>\S.*?)(?: vor| an| zusammen)?"
            ),
            ask.get_record,
        ),
        (
            rf"(?:öffne|lies|zeig(?:e)?)(?: mir)? {_A}(?P<target>\S.*?)-{_READ_ONE}(?: vor| an)?",
            ask.get_record,
        ),
        (
            (
                rf"(?:was|wie) (?:steht|sagt|ist|läuft|enthält)(?: in)? {_A}{_READ_ONE} (?:namens |über "
                rf"|zu |zum )?(?P<target>\S.*)"
            ),
            ask.get_record,
        ),
        (rf"(?:öffne|lies)(?: mir)? {_TARGET}(?: vor)?", ask.get_record),
        (rf"wie (?:läuft|steht es um) {_A}{_READ_ONE} (?P<target>\S.*)", ask.get_record),
        (rf"{_SHORT}{_SHOW}\b(?: [\w-]+){{0,6}}? (?:{_ANY})\b.*", ask.list_records),
        (
            (
                rf"{_SHORT}(?:welche|was|wie viele|habe ich|gibt es|sind|ist)\b.*"
                rf"\b(?:{_ANY}|überfällig|fällig|zu tun|offen|noch tun|erledigen|ansteht|anstehen)\b.*"
            ),
            ask.list_records,
        ),
        (rf"(?:alle )?(?:meine )?(?:offenen |überfälligen |aktiven |archivierten )?(?:{_ANY})", ask.list_records),
    ]
)
_UPDATE: Rules = compile_rules(
    [
        (rf"{_DROP} {_DUE} {_OF} {_TARGET}", change.clear_due),
        (rf"(?:benenn(?:e)?|umbenennen) {_TARGET} (?:in|zu) (?P<title>.+?)(?: um)?", change.rename),
        (r"nenn(?:e)? (?P<target>es|sie|ihn) (?P<title>.+)", change.rename),
        (rf"{_TARGET} in (?P<title>.+?) umbenennen", change.rename),
        (rf"änder(?:e|n)? (?:den )?(?:Titel|Namen) {_OF} {_TARGET} (?:in|zu|auf) (?P<title>.+)", change.rename),
        (
            (
                rf"(?:{_CHANGE}|füg(?:e)?|schreib(?:e)?) (?:die |eine |den )?(?:Beschreibung|Inhalt|Text) "
                rf"{_OF} {_TARGET}(?: (?:auf|zu|in):?|:) ?(?P<text>.+)"
            ),
            change.describe,
        ),
        (
            (
                rf"(?:{_CHANGE}|erhöh(?:e)?|senk(?:e)?|stuf(?:e)?) (?:die )?{PRIO} {_OF} {_TARGET} (?:auf"
                rf"|zu|als) {PRIORITY}"
            ),
            change.set_priority,
        ),
        (rf"{PRIO} {_OF} {_TARGET} (?:auf|ist|zu) {PRIORITY}(?: setzen| ändern)?", change.set_priority),
        (
            (
                rf"(?:{_CHANGE}|gib|mach(?:e)?|markier(?:e)?) {_TARGET} (?:(?:auf|eine|als|mit) "
                rf"){{0,2}}{PRIORITY}(?: {PRIO})?"
            ),
            change.set_priority,
        ),
        (rf"(?:{_CHANGE}|gib) {_TARGET} (?:auf )?{PRIO} {PRIORITY}", change.set_priority),
        (rf"(?:erhöh(?:e|en)?) (?:die )?{PRIO} {_OF} {_TARGET}", change.priority("high")),
        (rf"(?:senk(?:e|en)?|verringer(?:e)?) (?:die )?{PRIO} {_OF} {_TARGET}", change.priority("low")),
        (rf"priorisier(?:e|en)? {_TARGET}", change.priority("high")),
        (rf"(?:{_CHANGE}|{_MOVE}) {_DUE} {_OF} {_TARGET} {_TO_DAY}", change.set_due),
        (
            (
                rf"(?:verschieb(?:e)?|ordne|pack(?:e)?|leg(?:e)?) {_TARGET} (?:ins|in das|dem|zum) Projekt "
                rf"(?P<project>\S.*?)(?: zu)?"
            ),
            change.move_to_project,
        ),
        (rf"{_MOVE} {_TARGET} um (?P<by>.+)", change.shift_due),
        (rf"{_MOVE} {_TARGET} {_TO_DAY}", change.set_due),
        (rf"{_TARGET} (?P<day>(?:auf|bis) .+?) (?:verschieben|verlegen)", change.set_due),
        (rf"{_TARGET} ist (?P<day>.+?) fällig", change.set_due),
        (rf"{_TARGET} ist fällig (?P<day>.+)", change.set_due),
        (rf"(?:genehmig(?:e|en)?|akzeptier(?:e|en)?|bestätig(?:e|en)?) {_TARGET}", change.approve),
        (rf"nimm {_TARGET} an", change.approve),
        (rf"lehn(?:e)? {_TARGET} ab", change.reject),
        (rf"(?:verwirf|verwerfen) {_TARGET}", change.reject),
        (
            rf"(?:reaktivier(?:e|en)?|aktivier(?:e|en)?|öffne) (?:wieder )?{_A}(?P<target>Projekt .+?)(?: wieder)?",
            change.restore,
        ),
        (rf"(?:reaktivier(?:e|en)?|stell(?:e)?) {_TARGET}(?: wieder her)?", change.restore),
        (rf"(?:hol(?:e)?) {_A}(?P<target>Projekt .+?) (?:aus dem Archiv|zurück).*", change.restore),
        (rf"archivier(?:e|en)? {_TARGET}", change.archive),
        (rf"{_TARGET} archivieren", change.archive),
        (rf"(?:markier(?:e|en)?) {_TARGET} als archiviert", change.archive),
        (rf"{_CHANGE} (?:den )?Status {_OF} {_TARGET} (?:auf|zu|in) {STATUS}", change.set_status),
        (rf"(?:{_CHANGE}|markier(?:e|en)?|kennzeichne) {_TARGET} (?:(?:als|auf) )?{STATUS}", change.set_status),
        (rf"{_TARGET} (?:als )?{STATUS} markieren", change.set_status),
        (rf"markier(?:e|en)? als {STATUS}:? {_TARGET}", change.set_status),
        (rf"(?:erledig(?:e|en)?|beend(?:e|en)?) {_TARGET}", change.status("done")),
        (rf"(?:hak(?:e)?|schließ(?:e)?) {_TARGET} ab", change.status("done")),
        (rf"{_TARGET} (?:abhaken|abschließen|erledigen)", change.status("done")),
        (
            (
                rf"{_HAVE} (?:schon |bereits |gerade )?{_TARGET} (?:schon |bereits )?(?:erledigt|gemacht"
                rf"|fertig|abgeschlossen|beendet)"
            ),
            change.status("done"),
        ),
        (rf"wir haben {_TARGET} erreicht", change.status("done")),
        (rf"(?:öffne) {_TARGET} wieder", change.status("todo")),
        (rf"(?:beginn(?:e)?|start(?:e)?|fang(?:e)?)(?: mit)? {_TARGET}(?: an)?", change.status("in_progress")),
        (rf"ich arbeite (?:gerade )?an {_TARGET}", change.status("in_progress")),
        (rf"{_TARGET} ist (?:jetzt |schon |bereits )?{STATUS}", change.set_status),
        (rf"{_DROP}(?: (?:endgültig|bitte))? {_TARGET}", change.delete),
        (rf"{_TARGET} (?:löschen|entfernen)", change.delete),
    ]
)
_ASIDE: Rules = compile_rules(
    [
        (
            rf"(?:leg(?:e)?|pack(?:e)?|verschieb(?:e)?|schieb(?:e)?) {_TARGET} ins Archiv",
            change.archive,
        ),
        (rf"{_SHORT}in welchen (?:{_ANY})\b.*", ask.list_records),
    ]
)
# A clause without a word that says so asks for a task when it ends with an infinitive and names a day.
_ERRANDS: Rules = compile_rules([(r"(?!.{120})(?P<rest>\S.* [^\W\d]{2,}(?:en|eln|ern))", create.create_dated)])
RULES: Rules = [*_ASIDE, *_COMMENTS, *_CREATE, *_LISTS, *_UPDATE, *_ERRANDS]
