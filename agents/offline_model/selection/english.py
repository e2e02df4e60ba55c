"""English for bulk wishes."""

from agents.offline_model.kinds import Kind
from agents.offline_model.languages.dates import alternatives, number_words
from agents.offline_model.languages.english import PRIORITIES
from agents.offline_model.selection.vocabulary import SelectionWords

_NUMBERS = number_words("one two three four five six seven eight nine ten", start=1) | {"both": 2, "couple": 2}
_LEVEL = rf"(?P<priority>{alternatives(PRIORITIES)})"
# "The top 3 tasks" are the first ones.
_NOT_ALONE = r"(?<!top)(?<!highest)(?<!lowest)(?<!middle)"
_LEVEL_AFTER = rf"(?P<priority_after>{alternatives(PRIORITIES)})"
_DUE = r"(?:a |any )?(?:due[ -]?dates?|deadlines?|dates?|dues?)"
_PLURALS = {
    Kind.TASK: r"tasks|to-?dos|to do(?:s| items)|reminders|(?:action )?items|chores|errands",
    Kind.PROJECT: r"projects",
    Kind.CHECKPOINT: r"check ?points|milestones",
    Kind.NOTE: r"notes|memos",
}

WORDS = SelectionWords.of(
    several=(
        rf"(?:only )?(?:(?:all|every|each|everything|anything|whatever|any|both|several|some|most|many|(?:a )?few|half"
        rf"|(?:the |my )?(?:rest|others?|remaining)|ones|those|these|such|(?:the )?(?:first|last|next|top|oldest|newest"
        rf"|latest) (?:\d+|{alternatives(_NUMBERS)}|few|ones)|\d+|two|three|four|five|six|seven|eight|nine|ten)"
        rf"|(?:the )?(?:\d+|two|three|four|five) (?=.*\b(?:{'|'.join(_PLURALS.values())})\b))"
    ),
    plurals=_PLURALS,
    phrases={
        "except": (
            r"(?:,? ?)(?:except(?:ing)?(?: for| that| of)?|apart from|aside from|other than|excluding|besides|minus"
            r"|save(?: for)|with the exception of|with(?:out)? exceptions? of"
            r"|but (?:please )?(?:(?:do not|don['’]?t|never|not) (?:delete|remove|touch|change|move|mark|archive)|not"
            r"|keep|leave|spare|skip|for)|(?:and )?(?:keep|spare|skip|leave(?: out)?|ignore)"
            r"|(?:and )?not (?!done|yet|finished|complete|started|in |due|overdue|urgent|important|high|low|from"
            r"|assigned"
            r"|archived|approved|tagged|of|for|on|by|with|about|a |an |the )"
            r"|but)(?: (?:the|my|for))*"
        ),
        "list": r"(?:to[ -]?do|task) lists?",
        "no due": (
            rf"(?:without(?: any)?|with no|(?:having|that have|which have|have|has) no"
            rf"|(?:do not|don['’]t|does not|doesn['’]t) have) {_DUE}"
            r"|undated|unscheduled"
        ),
        "has due": rf"(?:with|having|that have|which have|have) {_DUE}|dated|scheduled",
        "no project": (
            r"(?:without|with no|in no|have no|has no|(?:do not|don['’]t) have) (?:a |any )?project"
            r"|not in (?:a|any) project"
        ),
        "no priority": r"(?:without|with no|no) (?:a |any )?priority",
        "overdue": r"overdue|past due|late|past (?:their|its|the) (?:due date|deadline)",
        "this week": r"this week(?:['’]s)?",
        "next week": r"next week(?:['’]s)?",
        "last week": r"last week(?:['’]s)?",
        "this month": r"this month(?:['’]s)?",
        "next month": r"next month(?:['’]s)?",
        "last month": r"last month(?:['’]s)?",
        "in_progress": r"in[ _-]progress|started|ongoing|underway",
        "open": (
            r"open|unfinished|undone|incomplete|pending|uncompleted|not (?:yet )?(?:done|finished"
            r"|completed?)(?: yet)?"
        ),
        "todo": r"(?:not (?:yet )?started|unstarted|status todo|to-?do status|to[ -]?do(?= (?:tasks|items|ones)))",
        "done": r"done|completed?|finished|closed|reached|ticked off|checked off",
        "archived": r"archived|inactive",
        "active": r"active",
        "suggested": r"suggested|suggestions?|unapproved|proposed|waiting for (?:my )?approval",
        "approved": r"approved",
        "priority": (
            rf"{_LEVEL}(?:[ -](?:priority|prio|importance)|{_NOT_ALONE})"
            rf"|(?:priority|prio|importance) ?(?:of |is |[:=] ?)?{_LEVEL_AFTER}"
        ),
        "project": r"project(?:['’]s)?",
        "before": r"before|earlier than",
        "until": r"(?:due )?(?:until|till|by|no later than|up to)",
        "after": r"after|later than",
        "person": r"assigned to|delegated to|owned by|belonging to",
        "tag": r"(?:tagged|labell?ed)(?: (?:as|with))?|with (?:the )?(?:tags?|labels?)|in (?:the )?category",
        "about": (
            r"about|contain(?:s|ing)?(?: the words?)?|mention(?:s|ing)?|regarding|concerning|named|called|titled"
            r"|with the words?"
            r"|(?:whose|with) (?:the )?titles?(?: contains?)?|with (?=[“\"].+[”\"] in)"
        ),
        "due": r"due",
        "not": r"not|non|aren['’]t|isn['’]t|haven['’]t(?: been)?|hasn['’]t(?: been)?|don['’]t|no",
        "and": r"and|,|&|as well as|plus",
        "or": r"or",
        "these": r"it|its|them|they|these|those|ones?|such|this|that(?=\W*$)",
        "all": r"all(?: of)?|every(?:thing)?|each(?: of)?|entire|whole",
        "place": r"in|inside|within|of|from|for|on|under|with|to|into|off|by",
        "skip": (
            r"the|my|our|a|an|that['’]?s|that|are|is|was|were|which|who|have|has|had|been|be|being|still|currently|now"
            r"|right now|already|me|i|i['’]ve|you|please|just|only|also|there|any(?:thing)?|whatever|lists?"
            r"|marked(?: as)?|set|status|yet|as|got|at|here|really|immediately"
        ),
    },
    numbers=_NUMBERS,
    vague=(
        "old older oldest new newer newest recent recently latest last first second third next previous past future "
        "big small large long short other others another same similar rest remaining some most many few half several "
        "random unnecessary useless irrelevant duplicate duplicates duplicated empty stupid boring private personal "
        "created added made modified updated changed edited written yesterday overdue month week year days weeks "
        "months ago more less than least lower higher top bottom only never always unless if when while because "
        "everyone nothing none nobody his her their your easy hard quick unread assigned unassigned tagged untagged "
        "without"
    ),
    pointing=r"this|that|these|those",
    tail=r"that|which|who|whose|in|from|of|for|with(?:out)?|if|where|when|unless|due|tagged|assigned|about|containing",
)
