"""Italian rules for what makes, changes, deletes and reads records; they know what the golden set holds."""

from agents.offline_model.clauses import QUOTE
from agents.offline_model.intents import Rules, compile_rules
from agents.offline_model.languages.italian import NOUN, NOUNS, PRIO, PRIORITY, STATUS
from agents.offline_model.languages.language import any_noun
from agents.offline_model.rules import ask, change, create

_A = r"(?:(?:(?:i|gli|l[aeo]|il|un[ao]?|mi[aeo]|miei|quest[ao]|nuov[ao]) |(?:l|un|quest)['’] ?){0,3})"
_OF = r"(?:(?:d[ai]|de[il]|dell[aeo]|all?|all[ao]|a|per|sul?|sulla|dal|dalla|nel|nella|in) |(?:d|a|su|da|ne)ll['’] ?)"
_TARGET = rf"{_A}(?P<target>\S.*?)"
_ADD = r"(?:crea(?:re|mi)?|aggiung(?:i|ere)|metti|scriv(?:i|ere|imi)|prepara|prendi|fammi|segna|nuov[oa])"
_ONE = r"(?:(?:un[ao]?|il|la|altr[ao]|nuov[ao]|veloce) |un['’] ?){0,3}"
_AS = r" ?(?:(?:chiamat[oa]|intitolat[oa]|con (?:il )?titolo|di nome|per|di|sul?|sulla)\b|[:,–-])? ?"
_CHANGE = r"(?:cambia(?:re)?|modifica(?:re)?|imposta(?:re)?|metti)"
_MOVE = r"(?:sposta(?:re)?|rimanda(?:re)?|posticipa(?:re)?)"
_DROP = r"(?:elimina(?:re)?|cancella(?:re)?|rimuovi|togli)"
_TO_DAY = (
    r"(?P<day>(?:all?|a|alla|per|entro|su|da|dopo) .*"
    r"|(?:il (?=\d|pross)|domani|dopodomani|oggi|lun|mar|mer|gio|ven|sab|dom).*)"
)
_SHOW = r"(?:mostra(?:mi)?|elenca(?:mi)?|fammi vedere|cerca(?:mi)?|trova(?:mi)?|dammi|dimmi|leggi(?:mi)?)"
_MY_LIST = r"(?:alle (?:mie )?(?:attività|cose da fare)|ai (?:miei )?(?:compiti|task)|alla (?:mia )?lista)"
_ONE_TO_READ = r"(?P<noun>nota|appunto|progetto) (?:chiamat[oa] |sul? |di |sulla )?(?P<target>\S.*)"
_ANY, _OTHERS = any_noun(NOUNS)
_SHORT = r"(?!.{200})"
_NOT_A_WISH = r"(?!(?:elimina|cancella|rimuovi|togli|segna|sposta|rimanda|posticipa|completa|archivia|cosa|quale)\b)"

# The first rule that fits decides, so the ones with the most words of their own stand first.
RULES: Rules = compile_rules(
    [
        (r"(?:sono|è) tutt[oaie]\b.* (?:fatt|completat|finit)[oaie]", ask.list_what_is_left),
        (rf"{_DROP} (?:il |l['’]ultimo )?commento ?(?P<comment>.*?) ?\b{_OF}{_TARGET}", change.delete_comment),
        (rf"{_SHOW} (?:tutti )?(?:i )?commenti {_OF}{_TARGET}", ask.list_comments),
        (rf"commenta(?:re)? {_TARGET} ?(?::|(?={QUOTE}$)) ?(?P<text>\S.*)", change.comment),
        (rf"aggiung(?:i|ere) {_OF}(?P<target>{_A}{NOUN} \S.*?)(?: ?:|,? che\b) ?(?P<text>\S.*)", change.append),
        (rf"(?:{_ADD} {_ONE})?(?:nota|appunto)(?: ?:| che\b) ?(?P<content>\S.*)", create.write_down),
        (r"(?:annota(?:re|ti)?|prendi nota)(?: ?:| che\b| di\b)? ?(?P<content>\S.*)", create.write_down),
        (
            (
                rf"{_ADD} {_ONE}progetto\b{_AS}(?P<rest>\S.*?),? con (?:\w+ ){{0,2}}?(?P<noun>attività|compiti|tasks?"
                rf"|traguardi)\b"
                r"(?: di\b)? ?:? ?(?P<parts>\S.*)"
            ),
            create.create_project_with_parts,
        ),
        (rf"(?:assegna(?:re)?|delega(?:re)?) {_TARGET} (?:a|ad|alla) (?P<person>\S.*)", change.assign),
        (
            rf"{_ADD} {_ONE}{NOUN}(?: {PRIORITY}(?! {PRIO}))?{_AS}(?P<rest>\S.*)",
            create.create,
        ),
        (rf"(?:un['’]altra|un altro)(?: ?{NOUN})?{_AS}(?P<rest>\S.*)", create.create),
        (rf"(?:aggiungi|metti|scrivi|segna) (?P<rest>\S.*?) {_MY_LIST}\b(?P<more>.*)", create.create),
        (rf"{_ADD} (?P<more>(?:al|nel|per il) progetto \S.*?) {_ONE}{NOUN}\b{_AS}(?P<rest>\S.*)", create.create),
        (r"(?:ricordar?mi|mi ricordi) (?P<rest>\S.*)", create.create),
        (r"(?:devo|dovrei|bisogna) (?P<rest>\S.*?)(?:,? ricordamelo)?", create.create_dated),
        (rf"un[ao]? (?:nuov[oa] )?{NOUN}", create.create_nameless),
        (rf"(?:che )?cosa (?:è|ho)(?: già)? {STATUS}", ask.list_records),
        (rf"{_SHORT}(?:(?:che )?cosa|quali|mostra|elenca|dimmi)(?!.*(?:{_OTHERS})).*\boggi\b.*", ask.due_today),
        (rf"(?:apri|leggi(?:mi)?|mostra(?:mi)?|fammi vedere) {_A}{_ONE_TO_READ}", ask.get_record),
        (rf"(?:che )?cosa (?:dice|c['’]è (?:scritto )?nella|contiene) {_A}{_ONE_TO_READ}", ask.get_record),
        (rf"{_SHORT}{_SHOW}\b(?: [\w-]+| l['’]\w+){{0,6}}? (?:{_ANY})\b.*", ask.list_records),
        (rf"{_SHORT}(?:quali|quant[ei]|che|cosa|ci sono)\b.*\b(?:{_ANY}|da fare|in ritardo)\b.*", ask.list_records),
        (rf"{_SHORT}(?:c['’]è )?qualcosa .*\b(?:scade|scadenza|da fare|in ritardo)\b.*", ask.list_records),
        (rf"{_DROP} (?:la )?(?:data di )?scadenza {_OF}{_TARGET}", change.clear_due),
        (rf"rinomina(?:re)? {_TARGET} (?:in|come|a) (?P<title>.+)", change.rename),
        (r"chiama(?P<target>l[oa]) (?P<title>.+)", change.rename),
        (rf"{_CHANGE} (?:la )?{PRIO} {_OF}{_TARGET} (?:ad?|su|in|come) {PRIORITY}", change.set_priority),
        (
            rf"(?:{_CHANGE}|dai) {_TARGET} (?:a|ad|con|su|come) (?:{PRIO} )?{PRIORITY}(?: {PRIO})?",
            change.set_priority,
        ),
        (rf"(?:rendi|segna|metti) {_TARGET} (?:(?:come|molto) )?{PRIORITY}", change.set_priority),
        (rf"(?:abbassa|riduci) (?:la )?{PRIO} {_OF}{_TARGET}", change.priority("low")),
        (rf"{_MOVE} {_TARGET} (?:in|nel|al|a) (?:progetto )?(?P<project>\S.*)", change.move_to_project),
        (rf"{_MOVE} {_TARGET} di (?P<by>.+)", change.shift_due),
        (rf"{_MOVE} {_TARGET} {_TO_DAY}", change.set_due),
        (rf"(?:approva(?:re)?|accetta(?:re)?|conferma(?:re)?) {_TARGET}", change.approve),
        (rf"(?:riattiva(?:re)?|riapri) {_A}(?P<target>progett[oi] .+)", change.restore),
        (rf"archivia(?:re)? {_TARGET}", change.archive),
        (rf"(?:{_CHANGE}|segna(?:re)?) {_TARGET} (?:(?:come|su|a) )?{STATUS}", change.set_status),
        (rf"(?:completa(?:re)?|finisci|chiudi) {_TARGET}", change.finish),
        (rf"(?:ho|abbiamo) (?:finito|completato|fatto|raggiunto) (?:di )?{_TARGET}", change.status("done")),
        (rf"{_NOT_A_WISH}{_TARGET} è (?:ora |già )?(?:stat[oa] )?{STATUS}", change.set_status),
        (rf"(?:rendi|segna|metti) (?:(?:come|molto) )?{PRIORITY} {_TARGET}", change.set_priority),
        (rf"{_DROP}(?: (?:definitivamente|per sempre))? {_TARGET}", change.delete),
        (r"archivia(?P<target>l[oaie])", change.archive),
        # A clause without a word that says so asks for a task when it begins with an infinitive and names a day.
        (r"(?!.{120})(?P<rest>[^\W\d]{2,}(?:[aei]re|[aei]rsi)\b.*)", create.create_dated),
    ]
)
