"""English rules for comments and for what reads."""

from agents.offline_model.english.rules_change import TARGET, THE
from agents.offline_model.english.words import NOUNS, TASK
from agents.offline_model.kinds import Kind
from agents.offline_model.language import Rules, compiled
from agents.offline_model.readers import ask, change
from agents.offline_model.sentences import QUOTE

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

COMMENT_RULES: Rules = compiled(
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

LIST_RULES: Rules = compiled(
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
            (
                rf"(?:all )?(?:my )?(?:(?:open|overdue|active|archived) )?(?:{_PLURAL}|{TASK})(?: list)?(?: "
                rf"(?:in|of|for|about|due) .{{1,80}})?"
            ),
            ask.list_records,
        ),
        (rf"(?:open|read)(?: me)? {TARGET}", ask.get_record),
        (rf"{_SHORT}(?:is )?(?:there )?anything (?:\w+ )?(?:due|overdue|open|pending|left)\b.*", ask.list_records),
        (r"what['’]?s (?:still )?(?:overdue|due|next|left|open|on my (?:list|plate))\b.*", ask.list_records),
    ]
)
