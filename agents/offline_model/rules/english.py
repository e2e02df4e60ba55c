"""English rules, for what makes, changes, deletes and reads records."""

from agents.offline_model.clauses import QUOTE
from agents.offline_model.intents import Rules, compile_rules
from agents.offline_model.kinds import Kind
from agents.offline_model.languages.dates import alternatives
from agents.offline_model.languages.english import NOUN, NOUNS, PRIO, PRIORITY, STATUS, STATUSES, TASK
from agents.offline_model.rules import ask, change, create

THE = r"(?:(?:the|my|this|that|a) )?"
TARGET = rf"{THE}(?P<target>\S.*?)"
_ADD = (
    r"(?:create|creating|add|make|set up|start|open(?= an? | new )|put|write(?: down)?|schedule|plan"
    r"|log|jot down|note(?: down)?|take"
    r"|save|draft)"
)
_ONE = r"(?:(?:me|up) )?(?:(?:a|an|the|another|one(?: more)?|this) )?(?:new )?(?:quick )?"
_AS = r" ?(?:(?:called|named|titled|with (?:the )?title|that says|saying|about|(?:for me )?to|for me|for)\b|[:,–-])? ?"
_CHANGE = r"(?:set|change|update|edit)"
_MOVE = r"(?:move|postpone|reschedule|push|shift|delay|defer|extend|put off)"
_LEVEL = r"(?:raise|lower|increase|decrease|reduce|make)"
_OWN = r"(?:['’]s)?"
_DUE = r"(?:due date|due day|deadline|date)"
_DETAILS = r"(?:description|notes?|details?|content|text)"
_MY_LIST = rf"(?:my|the) (?:{TASK}(?: list)?|list)"
_TO_DAY = r"(?P<day>(?:to|until|till|by|for|on) .+)"
# "Delete everything that is done" says nothing of a record called so.
_NOT_A_WISH = (
    r"(?!(?:delete|remove|erase|trash|drop|get|throw|clear|mark|set|move|archive|complete|finish|close|cancel"
    r"|postpone)\b"
    r".*\b(?:all|every\w*|any\w*|that|which|what\w*|unless|if|when|because)\b)"
)
_I_AM = r"i(?:'m|’m| am)"
_I_HAVE = r"i(?:'ve|’ve| have)?(?: just| already)?"
_OF_IT = r"(?: ?:|,? (?:that|saying)\b:?)"

_UPDATE_RULES: Rules = compile_rules(
    [
        (rf"(?:remove|clear|delete|drop|unset) {THE}{_DUE} (?:of|from|for|on) {TARGET}", change.clear_due),
        (rf"(?:rename|retitle) {TARGET} (?:to|as|into) (?P<title>.+)", change.rename),
        (r"(?:call|name) (?P<target>it|them) (?P<title>.+)", change.rename),
        (rf"{_CHANGE} {THE}(?:title|name) (?:of|for) {TARGET} to (?P<title>.+)", change.rename),
        (
            rf"(?:{_CHANGE}|add|write) {THE}{_DETAILS} (?:of|for|to|on) {TARGET}(?: to:?|:) ?(?P<text>.+)",
            change.describe,
        ),
        (
            rf"(?:{_CHANGE}|{_LEVEL}) {THE}{PRIO} (?:of|for|on) {TARGET} (?:to|as|=) (?:be )?{PRIORITY}",
            change.set_priority,
        ),
        (
            rf"(?:{_CHANGE}|{_LEVEL}|give) {TARGET}{_OWN} (?:to )?{PRIO} (?:(?:to|of|as|=) )?{PRIORITY}",
            change.set_priority,
        ),
        (
            rf"(?:{_CHANGE}|make|give|mark) {TARGET} (?:(?:to|as|a|an|be) ){{0,2}}{PRIORITY}(?:[ -]{PRIO})?",
            change.set_priority,
        ),
        (rf"(?:raise|increase) {THE}{PRIO} (?:of|for) {TARGET}", change.priority("high")),
        (rf"(?:lower|decrease|reduce) {THE}{PRIO} (?:of|for) {TARGET}", change.priority("low")),
        (rf"prioriti[sz]e {TARGET}", change.priority("high")),
        (rf"(?:{_CHANGE}|{_MOVE}) {THE}{_DUE} (?:of|for|on) {TARGET} {_TO_DAY}", change.set_due),
        (rf"{_CHANGE} {TARGET}{_OWN} {_DUE} {_TO_DAY}", change.set_due),
        (
            (
                rf"(?:move|put|assign) {THE}(?P<target>\S.*) (?:to|into) (?:the |my )?(?:project )?(?P<project>\S.*?)"
                r"(?: project)?"
            ),
            change.move_to_project,
        ),
        (
            (
                rf"(?:move|put|assign) {TARGET} (?:in|to|into|under) (?:the |my )?(?:project "
                rf")?(?P<project>\S.*?)(?: project)?"
            ),
            change.move_to_project,
        ),
        (rf"(?:re-?assign|assign|delegate|hand(?: over)?|give) {TARGET} to (?P<person>\S.*)", change.assign),
        (rf"{_MOVE} {TARGET} (?:(?:back|forward) )?(?:by|for|back) (?P<by>.+)", change.shift_due),
        (rf"{_MOVE} {TARGET} (?:back )?{_TO_DAY}", change.set_due),
        (rf"(?:make|set) (?!{THE}(?:{PRIO}|status)\b){TARGET} (?:be )?(?P<day>due (?!date).+)", change.set_due),
        (rf"{_NOT_A_WISH}{TARGET} is (?P<day>due .+)", change.set_due),
        (rf"(?:approve|accept|confirm) {TARGET}", change.approve),
        (rf"(?:reject|decline|dismiss|turn down) {TARGET}", change.reject),
        (
            (
                rf"(?:unarchive|un-archive|restore|reactivate|re-activate|bring back|activate|reopen) "
                rf"{THE}(?P<target>projects? .+)"
            ),
            change.restore,
        ),
        (rf"(?:unarchive|un-archive|restore|reactivate|re-activate|bring back|activate) {TARGET}", change.restore),
        (rf"archive {TARGET}", change.archive),
        (rf"{_CHANGE} {THE}status (?:of|for) {TARGET} (?:to|as) archived", change.archive),
        (rf"(?:{_CHANGE}|mark|move) {TARGET} (?:as|to) archived", change.archive),
        (rf"{_CHANGE} {THE}status (?:of|for) {TARGET} (?:to|as) {STATUS}", change.set_status),
        (
            rf"(?:{_CHANGE}|mark|flag|check|tick|move|put) {TARGET} (?:off )?(?:(?:as|to|is|into) ){{0,2}}{STATUS}",
            change.set_status,
        ),
        (rf"(?:complete|finish|close|resolve|(?:mark|check|tick|cross) off) {TARGET}", change.finish),
        (rf"(?:mark|check|tick|cross) {TARGET} off", change.status("done")),
        (rf"(?:mark|set) as {STATUS}:? {TARGET}", change.set_status),
        (rf"{_I_HAVE} (?:finished|completed|done|did) (?:with )?{TARGET}", change.status("done")),
        (rf"(?:{_I_HAVE}|we(?:'ve|’ve| have)?) (?:reached|hit) {TARGET}", change.status("done")),
        (rf"(?:{_I_AM} )?(?:done|finished) with {TARGET}", change.status("done")),
        (rf"(?:reopen|re-open|uncheck|unmark) {TARGET}", change.status("todo")),
        (rf"(?:start|begin) (?:working on|work on|on) {TARGET}", change.status("in_progress")),
        (rf"{_I_AM} (?:working on|starting) {TARGET}", change.status("in_progress")),
        (rf"(?:{_CHANGE}|move) {TARGET} to (?P<value>.+)", change.change_to),
        (rf"{_NOT_A_WISH}{TARGET} is (?:now |already )?{STATUS}", change.set_status),
    ]
)

_CREATE_RULES: Rules = compile_rules(
    [
        (
            (rf"(?:append|add|attach|write) (?:to|in|into) (?P<target>{THE}{NOUN} \S.*?){_OF_IT} ?(?P<text>\S.*)"),
            change.append,
        ),
        (
            (
                r"(?:append|add) (?P<text>\S.*?) to (?P<target>(?:the |my )?(?P<noun>notes?) \S.*|(?:the "
                r"|my )?\S.* notes?)"
            ),
            change.append,
        ),
        (
            (
                rf"(?:{_ADD} {_ONE}|new |quick )?(?:notes?|memo)(?: to self)?(?: ?:| that\b| down\b(?: "
                rf"that\b)?:?) ?(?P<content>\S.*)"
            ),
            create.write_down,
        ),
        (r"(?:write|jot|note) (?:this )?down(?: ?:| that\b)? ?(?P<content>(?!.*\blist$)\S.*)", create.write_down),
        (
            (
                rf"(?:suggest|propose|recommend|come up with|plan) (?:(?:me|us|some|a few|new|possible"
                rf"|good|\w+) )*?{NOUN}(?<=oints|tones)(?P<rest>.*)"
            ),
            create.suggest,
        ),
        (
            (
                rf"(?:{_ADD} {_ONE}|new )project\b{_AS}(?P<rest>\S.*?),? (?:with|including|and) (?:\w+ ){{0,2}}?"
                r"(?P<noun>tasks|to-?dos|milestones|checkpoints)\b(?: to\b)? ?:? ?(?P<parts>\S.*)"
            ),
            create.create_project_with_parts,
        ),
        (
            (
                rf"(?:{_ADD}) (?!(?:\w+ ){{0,2}}(?:all|every)\b)(?:\w+ ){{0,4}}?(?P<noun>tasks|to-?dos|reminders"
                rf"|items|projects|milestones"
                rf"|checkpoints){_AS}(?P<rest>\S.*)"
            ),
            create.create_several,
        ),
        (
            rf"(?:{_ADD} {_ONE}|new )(?:{PRIORITY}(?:[ -]{PRIO})? )?{NOUN}\b{_AS}(?P<rest>\S.*)",
            create.create,
        ),
        (rf"an? (?:new )?{NOUN}{_AS}(?P<rest>\S.*)", create.create),
        (rf"(?:another|one more|a second|a third)(?: (?:one|{NOUN}))?{_AS}(?P<rest>\S.*)", create.create),
        (rf"(?:add|put|write) (?P<rest>\S.*?) (?:to|on|onto|in|into) {_MY_LIST}\b(?P<more>.*)", create.create),
        (
            (
                r"(?:add|create|make|put) (?P<rest>\S.*?) as (?:new )?"
                r"(?P<noun>tasks|to-?dos|reminders|milestones|checkpoints)"
            ),
            create.create_several,
        ),
        (
            rf"(?:add|create|make|set|put) (?P<rest>\S.*?) as (?:a |an )?(?:new )?{NOUN}\b(?P<more>.*)",
            create.create,
        ),
        (r"remind me (?:again )?(?P<rest>\S.*)", create.create),
        (r"(?:don['’]?t|do not) let me forget (?P<rest>\S.*)", create.create),
        (r"i (?:need|have|must|ought) (?:to )?remember (?P<rest>\S.*)", create.create),
        (r"i (?:need|have|ought|should|must)(?: to)? (?P<rest>\S.*)", create.create_dated),
        (rf"(?:{_ADD} {_ONE}|new ){NOUN}|remind me", create.create_nameless),
        (
            rf"(?:add|put) (?P<more>(?:to|in) (?:the )?(?:project )?\S.*?) (?:a|an|the) {NOUN}\b{_AS}(?P<rest>\S.*)",
            create.create,
        ),
        (r"(?P<noun>task|to-?do|reminder|project|milestone|checkpoint) ?[:–-] ?(?P<rest>\S.*)", create.create),
    ]
)

# A clause without a word that says so asks for a task when it begins with such a verb and names a day.
_ERRAND = (
    r"(?:answer|ask|book|bring|buy|call|cancel|check|clean|collect|cook|email|feed|file|finish|fix"
    r"|get|mail|meet|order|pack"
    r"|paint|pay|pick up|prepare|print|read|renew|repair|return|ring|send|sign|sell|submit|text|visit|wash|water|write)"
)
_ERRAND_RULES: Rules = compile_rules([(rf"(?!.{{120}})(?P<rest>{_ERRAND} \S.*)", create.create_dated)])

_DELETE_RULES: Rules = compile_rules(
    [
        (
            (
                r"(?:(?:permanently|completely) )?(?:delete|remove|erase|trash|drop|get rid of|cancel|throw away)"
                rf" {TARGET}"
            ),
            change.delete,
        ),
        (rf"(?:clear(?: out| away)?|purge|wipe|clean up) {TARGET}", change.delete_several),
    ]
)

_SHOW = r"(?:list|show|display|see|view|read|find|search|fetch|(?:get|give|tell) me)"
_ASK = r"(?:what|which|show|list|is|are|do|anything|tell|give|get|see|any|how many)"
_WRITE = r"(?:add|leave|write|post|make|put) (?:(?:a|the|another) )?(?:new )?"
_DROP = r"(?:delete|remove|erase)"
_ABOUT = r"(?:of|on|for|to|about|under|from)"
_ANY = "|".join(NOUNS.values())
_OTHERS = "|".join(words for kind, words in NOUNS.items() if kind is not Kind.TASK)
_PLURAL = r"(?:tasks|to-?dos|reminders|items|projects|notes|memos|check ?points|milestones)"
# A question is short; in a long text these words stand by chance.
_SHORT = r"(?!.{200})"
_ONE = r"(?P<noun>note|memo|project)"

_COMMENT_RULES: Rules = compile_rules(
    [
        (
            rf"{_DROP} {THE}(?:la(?:te)?st )?comments? ?(?:about |saying )?(?P<comment>.*?) ?\b(?:on|of|in) {TARGET}",
            change.delete_comment,
        ),
        (rf"{_DROP} {THE}comments? (?:about |saying )?(?P<comment>\S.*)", change.delete_comment),
        (rf"{_SHOW} (?:me )?(?:all )?(?:of )?{THE}comments? {_ABOUT} {TARGET}", ask.list_comments),
        (rf"(?:what|which) (?:are )?{THE}comments? (?:are )?(?:there )?{_ABOUT} {TARGET}", ask.list_comments),
        (rf"(?:what|which) comments? (?:does|has) {TARGET} (?:have|got)", ask.list_comments),
        (rf"(?:{_WRITE})?comment (?P<text>{QUOTE}) (?:to|on|for|under) {TARGET}", change.comment),
        (
            (
                rf"(?:{_WRITE})?comment (?:to|on|for|under|about) {TARGET}"
                rf" ?(?::|,? (?:saying|that says|that|with)\b:?|(?={QUOTE}$)) ?(?P<text>\S.*)"
            ),
            change.comment,
        ),
        (rf"{_WRITE}comment (?:saying|that says|that)?:? ?(?P<text>\S.*?) (?:to|on|under) {TARGET}", change.comment),
    ]
)

_LIST_RULES: Rules = compile_rules(
    [
        (
            rf"{_SHORT}{_ASK}\b(?!.*(?:{_OTHERS}))(?:.*\b(?:due|for|on|have|is|do)\b)?.*\b(?:today|tonight)\b.*",
            ask.due_today,
        ),
        (rf"(?:{_SHOW} )?(?:me )?(?:my )?(?:day|today|agenda|today['’]s {TASK})", ask.due_today),
        (
            (
                rf"(?:open|read|show|display|view|summari[sz]e|get|tell)(?: me)?(?: about)? {THE}{_ONE} "
                rf"(?:called |named |about )?(?P<target>\S.*)"
            ),
            ask.get_record,
        ),
        (
            rf"(?:open|read|show|display|view|summari[sz]e)(?: me)? {THE}(?P<target>\S.*?) {_ONE}",
            ask.get_record,
        ),
        (
            (
                rf"what(?:'s|’s| is| does| are)? (?:in |on )?{THE}{_ONE} (?:called |named |about "
                rf")?(?P<target>\S.*?)(?: say| contain| about)?"
            ),
            ask.get_record,
        ),
        (rf"what(?:'s|’s| is| does) (?:in )?{THE}(?P<target>\S.*?) {_ONE}(?: say| contain| about)?", ask.get_record),
        (rf"(?:how is|how(?:'s|’s)) {THE}{_ONE} (?P<target>\S.*?)(?: going| doing)?", ask.get_record),
        (rf"{_SHORT}{_SHOW}\b(?: [\w-]+){{0,8}}? (?:{_ANY})\b.*", ask.list_records),
        (
            (
                rf"{_SHORT}(?:what|which|how many|do i have|have i|are there|is there)\b.*"
                rf"\b(?:{_PLURAL}|{TASK}|overdue|due|to do|list|plate|pending|left)\b.*"
            ),
            ask.list_records,
        ),
        (
            (
                rf"{_SHORT}{_SHOW} (?:me )?(?:everything|anything|all|what)\b.*\b(?:due|overdue|open"
                rf"|pending)\b.*"
            ),
            ask.list_records,
        ),
        (r"what (?:should|must|can) i (?:do|work on)\b.*", ask.list_records),
        (
            rf"(?:are|is) (?:all|every\w*)\b(?!.*\b(?:{_OTHERS})\b).*\b(?:done|finished|completed?)",
            ask.list_what_is_left,
        ),
        (
            rf"(?:what|which)(?: ones)? (?:is|are|have i|did i)(?: already)? (?:{alternatives(STATUSES)})",
            ask.list_records,
        ),
        (
            (
                rf"(?:all )?(?:my )?(?:(?:open|overdue|active|archived) )?(?:{_PLURAL}|{TASK})(?: list)?(?: "
                rf"(?:in|of|for|about|due) .{{1,80}})?"
            ),
            ask.list_records,
        ),
        (rf"(?:open|read)(?: me)? {TARGET}", ask.get_record),
        (rf"{_SHORT}(?:is )?(?:there )?anything (?:\w+ )?(?:due|overdue|open|pending|left)\b.*", ask.list_records),
        (
            r"what(?:['’]?s| is) (?:still )?(?:overdue|late|due|next|left|open|on my (?:list|plate))\b.*",
            ask.list_records,
        ),
    ]
)

# The first rule that fits decides, so the ones with the most words of their own stand first.
RULES: Rules = [*_COMMENT_RULES, *_CREATE_RULES, *_LIST_RULES, *_UPDATE_RULES, *_DELETE_RULES, *_ERRAND_RULES]
