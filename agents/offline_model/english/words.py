"""English words for records and what is said about them."""

import re

from agents.offline_model.dates import alternatives, listed
from agents.offline_model.kinds import Kind
from agents.offline_model.language import DetailWords, GroupWords
from agents.offline_model.sentences import Joints

TASK = r"(?:tasks?|to-?dos?|to do(?:s| items?)?|reminders?|(?:action )?items?)"
NOUNS = {
    Kind.CHECKPOINT: r"(?:check ?points?|milestones?)",
    Kind.NOTE: r"(?:notes?|memos?)",
    Kind.TASK: TASK,
    Kind.PROJECT: r"projects?",
}
NOUN = rf"(?P<noun>{'|'.join(NOUNS.values())})"
ARTICLES = r"the|my|this|that|a|an|new|suggested|proposed"
NAMED = r"called|named|titled|to|about|for"
PRONOUN = r"(?:its?|this|that|them|this one|that one|(?:the )?last one)(?: (?:task|project|note|checkpoint|milestone))?"
PERMANENTLY = r"permanently|for good|forever|irrevocably|once and for all|completely"

FORBIDDEN = r"^(?:do not|don['’]?t|never|not|stop)\b(?! let me forget)"

PRIORITIES = {
    **dict.fromkeys(("high", "top", "highest", "urgent", "important", "critical", "p1"), "high"),
    **dict.fromkeys(("medium", "normal", "middle", "moderate", "p2"), "medium"),
    **dict.fromkeys(("low", "lowest", "minor", "unimportant", "p3"), "low"),
}
STATUSES = {
    **dict.fromkeys(("done", "complete", "completed", "finished", "closed", "ready", "reached"), "done"),
    **dict.fromkeys(
        ("in progress", "in_progress", "in-progress", "started", "ongoing", "doing", "active"), "in_progress"
    ),
    **dict.fromkeys(("todo", "to do", "to-do", "open", "undone", "not done", "incomplete", "not started"), "todo"),
}
PRIORITY = rf"(?P<priority>{alternatives(PRIORITIES)})"
STATUS = rf"(?P<status>{alternatives(STATUSES)})"
PRIO = r"(?:priority|prio|importance)"

# What leads into a phrase, and goes with it. Bounded: "and and and …" must not take quadratic time.
_JOIN = r"[,;(]? ?\b(?:(?:and|with|at|as|of|set|its|the|a|an|it|it'?s|is|has) ){0,4}"
_HOUR = r"(?:[01]?\d|2[0-3])"
_IN = r"[,;]? ?\b(?:in|to|for|under|within|of|on) (?:(?:the|my) )?"
_SAYING = r"saying|that says|with (?:the )?(?:content|text|body)"

DETAILS = DetailWords(
    priority=(
        rf"{_JOIN}{PRIORITY}[ -]{PRIO}\b\)?",
        rf"{_JOIN}{PRIO} ?(?:[:=]|is|of|to|as)? ?{PRIORITY}\b\)?",
        r"[,;(!] ?\b(?:(?:and|it|it'?s|is|very) ){0,4}(?P<priority>urgent|important|critical|asap)(?:ly)? ?[.!)]?$",
        r" (?P<priority>asap|urgently) ?[.!]?$",
    ),
    status=rf"{_JOIN}status ?(?:[:=]|is|of|as)? ?{STATUS}\b\)?",
    description=rf"{_JOIN}(?:description|notes?|details?) ?(?:[:=]|saying|that says|of)? (?P<text>.+)$",
    content=rf" ?(?::|,? ?\b(?:{_SAYING})\b:?) ?(?P<text>\S.*)$",
    time=(
        rf"[,;]? ?(?:\bat |@ ?)(?P<time>{_HOUR}(?:[:.][0-5]\d)? ?(?:[ap]m|[ap]\.m\.)|{_HOUR}:[0-5]\d"
        rf"|noon|midnight)(?!\w)"
    ),
    at="At",
    project=(rf"{_IN}project {{name}}\b", rf"{_IN}{{name}} project\b"),
    project_loosely=(rf"{_IN}{{name}}(?!\w)", r"(?:does|has|have|is) (?:(?:the )?project )?{name}(?= have| got|$)"),
    loose_starts=frozenset(("to", "that", "for", "about", "of", "by", "on", "due", "called", "named")),
    loose_ends=frozenset(("and", "by", "on", "due", "at", "with", "for", "to", "is", "in")),
)
GROUPS = GroupWords(
    all=re.compile(r"(?:all|every|each|everything)\b", re.IGNORECASE),
    done=frozenset(("done", "completed", "complete", "finished", "reached")),
    open=frozenset(("open", "unfinished", "pending", "remaining")),
    suggested=frozenset(("suggested", "suggestion", "suggestions", "unapproved", "proposed", "approval", "pending")),
)
PERIODS = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "overdue": r"\boverdue\b|\blate\b",
        "next week": r"\bnext week\b",
        "this week": r"\bthis week\b",
        "until": r"\b(?:before|by|until|till)\b",
        "everything": r"\b(?:all|archived?|inactive|every)\b",
    }.items()
}
LISTED_STATUS = (
    r"(?!.*\bnot (?:yet )?(?:done|complete))(?:.*?\b(?P<done>done|completed?|finished)\b"
    r"|.*?\b(?P<in_progress>in[ _-]progress|started|ongoing)\b|.*?\b(?P<todo>todo status|not started)\b)"
)
SEARCHED = r"\b(?:about|containing|mention(?:ing)?|matching|with the words?|called|named)\s+(?P<words>.+)$"

MARKS = frozenset(
    listed(
        "a add all also an and another any archive are as at buy by call can change checkpoint "
        "checkpoints comment complete "
        "create delete do does done due every finish finished for from get give have how i in is it its "
        "jot leave list make "
        "mark me milestone milestones move my note notes of on open please priority project projects "
        "push put read remind "
        "remove rename schedule set show suggest task tasks tell that the there this to today todo "
        "tomorrow update was what "
        "what's when which with work write you"
    )
)
_VERBS = (
    r"creat(?:e|ing)|add|make|new task|remind|mark|set|change|delete|remove|erase|update|list|show|comment|rename|move"
    r"|complete|finish|another|one more|reopen|reschedule|postpone|push|tell me|what|which|how many|put|raise|lower"
    r"|tick|check off|close|start|give|schedule|leave|cancel|get rid of|can you|could you|archive|unarchive|restore"
    r"|call it|name it|an? (?:new )?(?:task|to-?do|reminder|note|project|checkpoint|milestone)"
    r"|approve|reject|write|jot|note|take a note|open|read|suggest|propose|append"
)
JOINTS = Joints.of(
    verbs=_VERBS,
    words="and|then|also",
    fillers="then|also|please",
    polite=(
        r"please|pls|kindly|hey|hi|hello|ok|okay|so|also|then|and|adiuva|now|well|thanks|thank you"
        r"|(?:can|could|would|will) (?:you|u)|i(?:'d| would) like (?:you )?to|i want (?:you )?to|let'?s|just"
        r"|go ahead and|help me(?: to)?|yes"
    ),
    courtesy="please|pls|thanks|thank you",
)
