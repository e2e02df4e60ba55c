"""Italian rules for what makes, changes, deletes and reads records. Both "crea" and "creare" are understood."""

from agents.offline_model.clauses import QUOTE
from agents.offline_model.intents import Rules, compile_rules
from agents.offline_model.kinds import Kind
from agents.offline_model.languages.italian import NOUN, NOUNS, PRIO, PRIORITY, STATUS
from agents.offline_model.rules import ask, change, create

_A = (
    r"(?:(?:(?:il|lo|la|i|gli|le|un|uno|una|mio|mia|miei|mie|questo|questa|quel|quella|nuovo|nuova) "
    r"|l['’] ?|un['’] ?|quell['’] ?|quest['’] ?)"
    r"{0,3})"
)
_OF = (
    r"(?:(?:di|del|dello|della|dei|delle|al|allo|alla|a|per|su|sul|sulla|da|dal|dalla|nel|nella|in) "
    r"|(?:dell|all|sull|dall|nell)['’] ?)"
)
_TARGET = rf"{_A}(?P<target>\S.*?)"
_ADD = (
    r"(?:crea(?:re|mi)?|aggiung(?:i|ere|imi)|inserisci|registra|metti|scriv(?:i|ere|imi)|prepara"
    r"|pianifica|salva|prendi|fai|fammi|segna(?:ti|mi)?|nuov[oa])"
)
_ONE = r"(?:(?:un|uno|una|il|la|altro|altra|nuovo|nuova|veloce|bel|bella) |un['’] ?){0,3}"
_AS = (
    r" ?(?:(?:chiamat[oa]|intitolat[oa]|dal titolo|con (?:il )?titolo|di nome|che dice|per|di|su|sul"
    r"|sulla)\b|[:,–-])? ?"
)
_CHANGE = r"(?:cambia(?:re)?|modifica(?:re)?|imposta(?:re)?|metti|mettere|aggiorna(?:re)?)"
_MOVE = r"(?:sposta(?:re)?|rimanda(?:re)?|posticipa(?:re)?|rinvia(?:re)?|anticipa(?:re)?)"
_DROP = r"(?:elimina(?:re)?|cancella(?:re)?|rimuov(?:i|ere)|togli(?:ere)?|butta(?: via)?)"
_DUE = r"(?:la )?(?:data di scadenza|scadenza|data)"
_TO_DAY = (
    r"(?P<day>(?:a|al|alla|all['’]|per|entro|fino a|su|da|dopo) .*|(?:il (?=\d|pross)|domani|dopodomani"
    r"|oggi|lun|mar|mer|gio|ven|sab|dom).*)"
)
_SHOW = (
    r"(?:mostra(?:mi|re)?|elenca(?:mi|re)?|fammi vedere|vedi|visualizza|cerca(?:mi)?|trova(?:mi)?|dammi"
    r"|lista(?:mi)?|dimmi)"
)
_OTHERS = "|".join(words for kind, words in NOUNS.items() if kind is not Kind.TASK)
_SHORT = r"(?!.{200})"
_MY_LIST = (
    r"(?:alle? (?:mie? )?(?:attività|lista(?: delle cose da fare)?|cose da fare)|ai (?:miei )?(?:compiti"
    r"|task)|alla (?:mia )?lista)"
)
_READ_ONE = r"(?P<noun>nota|appunto|progetto)"

_COMMENTS: Rules = compile_rules(
    [
        (
            rf"{_DROP} (?:il |l['’]ultimo )?commento ?(?:su |che dice )?(?P<comment>.*?) ?\b{_OF}{_TARGET}",
            change.delete_comment,
        ),
        (rf"(?:{_SHOW}|leggi(?:mi)?) (?:tutti )?(?:i )?commenti {_OF}{_TARGET}", ask.list_comments),
        (rf"(?:quali|che) commenti (?:ci sono (?:su|per)|ha) {_TARGET}", ask.list_comments),
        (rf"(?:aggiungi|scrivi|lascia|metti) (?:un |il )?commento (?P<text>{QUOTE}) {_OF}{_TARGET}", change.comment),
        (
            (
                rf"(?:(?:aggiungi|scrivi|lascia|metti) (?:un |il )?commento {_OF}|commenta(?:re)? )"
                rf"{_TARGET} ?(?::|,? (?:che dice|dicendo|con)\b:?|(?={QUOTE}$)) ?(?P<text>\S.*)"
            ),
            change.comment,
        ),
    ]
)
_CREATE: Rules = compile_rules(
    [
        (
            rf"aggiung(?:i|ere) {_OF}(?P<target>{_A}{NOUN} \S.*?)(?: ?:|,? che\b) ?(?P<text>\S.*)",
            change.append,
        ),
        (
            (
                r"aggiung(?:i|ere) (?P<text>\S.*?) (?:alla|nella|all['’]|nell['’]) "
                r"?(?P<target>(?P<noun>nota|appunto) \S.*)"
            ),
            change.append,
        ),
        (
            rf"(?:{_ADD} {_ONE})?(?:nota|appunto)(?: veloce)?(?: ?:| che\b) ?(?P<content>\S.*)",
            create.write_down,
        ),
        (r"(?:annota(?:re|ti)?|prendi nota|appunta(?:ti)?)(?: ?:| che\b| di\b)? ?(?P<content>\S.*)", create.write_down),
        (
            (
                rf"(?:suggerisci(?:mi)?|proponi(?:mi)?|consiglia(?:mi)?) (?:(?:alcun[ie]|dei|delle"
                rf"|nuov[ie]|possibili|\w+) )*?{NOUN}(?P<rest>.*)"
            ),
            create.suggest,
        ),
        (
            (
                rf"{_ADD} (?:\w+ ){{0,3}}?(?P<noun>attività|compiti|progetti|promemoria|traguardi"
                rf"|checkpoints?)(?: per\b| ?:|: per\b) ?(?P<rest>\S.*,.*)"
            ),
            create.create_several,
        ),
        (
            (
                rf"(?:{_ADD} {_ONE})(?:{PRIORITY} )?{NOUN}(?: {PRIORITY.replace('priority', 'level')}(?! "
                rf"{PRIO}))?{_AS}(?P<rest>\S.*)"
            ),
            create.create,
        ),
        (rf"(?:un['’]altra|un altro|ancora un['’]?a?)(?: ?{NOUN})?{_AS}(?P<rest>\S.*)", create.create),
        (rf"(?:aggiungi|metti|scrivi|segna) (?P<rest>\S.*?) {_MY_LIST}\b(?P<more>.*)", create.create),
        (rf"(?:aggiungi|crea|metti) (?P<rest>\S.*?) come (?:nuov[oa] )?{NOUN}\b(?P<more>.*)", create.create),
        (
            rf"{_ADD} (?P<more>(?:al|nel|per il) progetto \S.*?) {_ONE}{NOUN}\b{_AS}(?P<rest>\S.*)",
            create.create,
        ),
        (r"(?:ricorda(?:mi|rmi)|mi ricordi) (?P<rest>\S.*)", create.create),
        (r"(?:non farmi dimenticare|non fatemi dimenticare) (?P<rest>\S.*)", create.create),
        (r"metti in (?:agenda|calendario) (?P<rest>\S.*)", create.create),
        (r"devo ricordarmi (?P<rest>\S.*)", create.create),
        (
            r"(?:devo|dovrei|bisogna) (?P<rest>\S.*?)(?:,? (?:ricordamelo|non farmelo dimenticare))?",
            create.create_dated,
        ),
        (rf"{_ADD} {_ONE}{NOUN}|ricordami", create.create_nameless),
        (rf"(?:un|una|uno) (?:nuov[oa] )?{NOUN}", create.create_nameless),
        (r"(?P<noun>attività|compito|promemoria|progetto|traguardo) ?[:–-] ?(?P<rest>\S.*)", create.create),
    ]
)
_LISTS: Rules = compile_rules(
    [
        (
            (
                rf"{_SHORT}(?:cosa|che cosa|cos['’] ?|quali|quale|ho|mostra|elenca|c['’] ?|che|qualcosa"
                rf"|dimmi|fammi)(?!.*(?:{_OTHERS}))"
                rf".*\b(?:oggi|stasera|stamattina)\b.*"
            ),
            ask.due_today,
        ),
        (r"(?:scadenze di oggi|oggi|la mia giornata|agenda(?: di oggi)?)", ask.due_today),
        (
            (
                rf"(?:apri|leggi(?:mi)?|mostra(?:mi)?|fammi vedere|visualizza|riassumi|dammi|parlami del"
                rf"|com['’]è messo) {_A}{_READ_ONE} (?:chiamat[oa] |su |di |sul |sulla )?(?P<target>\S.*)"
            ),
            ask.get_record,
        ),
        (
            (
                rf"(?:cosa|che cosa) (?:dice|c['’]è (?:scritto )?(?:nella|nel|nell['’])|contiene) "
                rf"?{_A}{_READ_ONE} (?:chiamat[oa] |su |di |sul |sulla )?(?P<target>\S.*)"
            ),
            ask.get_record,
        ),
        (rf"(?:apri|leggi(?:mi)?) {_TARGET}", ask.get_record),
        (rf"(?:come va|a che punto è) {_A}{_READ_ONE} (?P<target>\S.*)", ask.get_record),
        (
            rf"{_SHORT}{_SHOW}\b(?: [\w-]+| l['’]\w+){{0,6}}? (?:{'|'.join(NOUNS.values())})\b.*",
            ask.list_records,
        ),
        (
            (
                rf"{_SHORT}(?:quali|quale|quant[ei]|che|cosa|ho|ci sono|c['’]è)\b.*"
                rf"\b(?:{'|'.join(NOUNS.values())}|da fare|scadut[eio]|scade|scadono|in ritardo|resta"
                rf"|rimane|devo fare)\b.*"
            ),
            ask.list_records,
        ),
        (
            rf"(?:tutt[ei] )?(?:le |i |gli )?(?:mie |miei )?(?:{'|'.join(NOUNS.values())})(?: scadut[ei]| apert[ei])?",
            ask.list_records,
        ),
    ]
)
_ANYTHING: Rules = compile_rules(
    [
        (
            rf"{_SHORT}(?:c['’]è )?qualcosa .*\b(?:scade|scadenza|da fare|in ritardo)\b.*",
            ask.list_records,
        )
    ]
)
_UPDATE: Rules = compile_rules(
    [
        (rf"{_DROP} {_DUE} {_OF}{_TARGET}", change.clear_due),
        (rf"(?:rinomina(?:re)?|ribattezza) {_TARGET} (?:in|come|a) (?P<title>.+)", change.rename),
        (r"chiama(?P<target>l[oa]) (?P<title>.+)", change.rename),
        (rf"{_CHANGE} (?:il )?(?:titolo|nome) {_OF}{_TARGET} (?:in|a|con) (?P<title>.+)", change.rename),
        (
            (
                rf"(?:{_CHANGE}|aggiungi|scrivi) (?:la |una |il )?(?:descrizione|contenuto|testo) "
                rf"{_OF}{_TARGET}(?: in:?| con:?|:) ?(?P<text>.+)"
            ),
            change.describe,
        ),
        (
            rf"(?:{_CHANGE}|alza|abbassa|porta) (?:la )?{PRIO} {_OF}{_TARGET} (?:a|su|in|ad|come) {PRIORITY}",
            change.set_priority,
        ),
        (
            rf"(?:{_CHANGE}|rendi|segna|dai|da['’]) {_TARGET} (?:(?:a|con|come|in|una|di) ){{0,2}}{PRIO} {PRIORITY}",
            change.set_priority,
        ),
        (rf"(?:rendi|segna|metti) {_TARGET} (?:(?:come|molto) )?{PRIORITY}", change.set_priority),
        (rf"(?:alza|aumenta) (?:la )?{PRIO} {_OF}{_TARGET}", change.priority("high")),
        (rf"(?:abbassa|riduci) (?:la )?{PRIO} {_OF}{_TARGET}", change.priority("low")),
        (rf"dai (?:la )?(?:precedenza|priorità) a {_TARGET}", change.priority("high")),
        (rf"(?:{_CHANGE}|{_MOVE}) {_DUE} {_OF}{_TARGET} {_TO_DAY}", change.set_due),
        (
            rf"(?:sposta|metti|assegna) {_TARGET} (?:nel|al|dentro il) progetto (?P<project>\S.*)",
            change.move_to_project,
        ),
        (rf"{_MOVE} {_TARGET} di (?P<by>.+)", change.shift_due),
        (rf"{_MOVE} {_TARGET} {_TO_DAY}", change.set_due),
        (rf"{_TARGET} (?:scade|è in scadenza|va fatt[oa]) (?P<day>.+)", change.set_due),
        (rf"(?:approva(?:re)?|accetta(?:re)?|conferma(?:re)?) {_TARGET}", change.approve),
        (rf"(?:rifiuta(?:re)?|scarta(?:re)?|respingi) {_TARGET}", change.reject),
        (rf"(?:riattiva(?:re)?|ripristina(?:re)?|riapri(?:re)?) {_A}(?P<target>progett[oi] .+)", change.restore),
        (rf"(?:riattiva(?:re)?|ripristina(?:re)?) {_TARGET}", change.restore),
        (rf"(?:togli|recupera) {_A}(?P<target>progetto .+?) dall['’]archivio", change.restore),
        (rf"archivia(?:re)? {_TARGET}", change.archive),
        (rf"(?:metti|segna) {_TARGET} (?:in archivio|come archiviat[oa])", change.archive),
        (rf"(?:{_CHANGE}) (?:lo )?stato {_OF}{_TARGET} (?:a|su|in|come) {STATUS}", change.set_status),
        (
            rf"(?:{_CHANGE}|segna(?:re)?|contrassegna|spunta|porta) {_TARGET} (?:(?:come|su|a) )?{STATUS}",
            change.set_status,
        ),
        (rf"(?:completa(?:re)?|finisci|chiudi|concludi|termina|spunta) {_TARGET}", change.status("done")),
        (
            rf"(?:ho|abbiamo) (?:già |appena )?(?:finito|completato|fatto|terminato|raggiunto) (?:di )?{_TARGET}",
            change.status("done"),
        ),
        (rf"(?:riapri(?:re)?) {_TARGET}", change.status("todo")),
        (rf"(?:inizia|comincia) (?:a lavorare (?:a|su) |con )?{_TARGET}", change.status("in_progress")),
        (rf"sto lavorando (?:a|su|al|alla|all['’]) ?{_TARGET}", change.status("in_progress")),
        (rf"{_TARGET} è (?:ora |già )?(?:stat[oa] )?{STATUS}", change.set_status),
        (rf"(?:rendi|segna|metti) (?:(?:come|molto) )?{PRIORITY} {_TARGET}", change.set_priority),
        (rf"(?:segna|imposta|contrassegna) (?:come )?{STATUS}:? {_TARGET}", change.set_status),
        (rf"(?:{_DROP})(?: (?:definitivamente|per sempre))? {_TARGET}", change.delete),
        (r"(?:elimina|cancella|rimuovi)(?P<target>l[oaie])(?: (?:definitivamente|per sempre))?", change.delete),
        (r"archivia(?P<target>l[oaie])", change.archive),
        (r"approva(?P<target>l[oaie])", change.approve),
        (r"(?:completa|finisci|chiudi)(?P<target>l[oaie])", change.status("done")),
    ]
)
# A clause without a word that says so asks for a task when it begins with an infinitive and names a day.
_ERRANDS: Rules = compile_rules(
    [(r"(?!.{120})(?P<rest>[^\W\d]{2,}(?:are|ere|ire|arsi|ersi|irsi)\b.*)", create.create_dated)]
)
RULES: Rules = [*_COMMENTS, *_CREATE, *_LISTS, *_ANYTHING, *_UPDATE, *_ERRANDS]
