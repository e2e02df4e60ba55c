"""English: the words for records, for what is said about them and for days, and the answers."""

from agents.offline_model.clauses import ClauseSplitter
from agents.offline_model.kinds import Kind
from agents.offline_model.languages import dates
from agents.offline_model.languages.dates import Days, DayWords, alternatives, number_words, split_words
from agents.offline_model.languages.language import DetailWords, Language

TASK = r"(?:tasks?|to-?dos?|to do(?:s| items?)?|reminders?|(?:action )?items?)"
NOUNS = {
    Kind.CHECKPOINT: r"(?:check ?points?|milestones?)",
    Kind.NOTE: r"(?:notes?|memos?)",
    Kind.TASK: TASK,
    Kind.PROJECT: r"projects?",
}
NOUN = rf"(?P<noun>{'|'.join(NOUNS.values())})"


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


_VERBS = (
    r"creat(?:e|ing)|add|make|new task|remind|mark|set|change|delete|remove|erase|update|list|show|comment|rename|move"
    r"|complete|finish|another|one more|reopen|reschedule|postpone|push|tell me|what|which|how many|put|raise|lower"
    r"|tick|check off|close|start|give|schedule|leave|cancel|get rid of|can you|could you|archive|unarchive|restore"
    r"|call it|name it|an? (?:new )?(?:task|to-?do|reminder|note|project|checkpoint|milestone)"
    r"|approve|reject|write|jot|note|take a note|open|read|suggest|propose|append"
)

# --- days

_NUMBERS = number_words(
    "zero one/a/an two three four five six seven eight nine ten eleven twelve thirteen fourteen"
) | {
    "a couple of": 2,
    "a few": 3,
}
_UNITS = {form: unit for unit in ("day", "week", "fortnight", "month", "year") for form in (unit, f"{unit}s")}
_FULL_WEEKDAYS = number_words("monday tuesday wednesday thursday friday saturday sunday")
_SHORT_WEEKDAYS = number_words("mon tue/tues wed thu/thur/thurs fri sat sun")
_MONTHS = number_words(
    "january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sep/sept october/oct "
    "november/nov december/dec",
    start=1,
)
_WORDS = DayWords(_NUMBERS, _UNITS, _FULL_WEEKDAYS | _SHORT_WEEKDAYS, _MONTHS)

_COUNT = _WORDS.count_pattern
_UNIT = _WORDS.unit_pattern
_MONTH = rf"(?P<month>{alternatives(_MONTHS)})\.?"
_ORDINAL = r"(?:st|nd|rd|th)"
_YEAR = r"(?:,?\s+(?P<year>\d{4}))?"
# What joins a day to its sentence, and goes with it.
_LEAD = (
    r"(?:[,;]?\s*\b(?:with\s+(?:a\s+|the\s+)?(?:due\s+date|deadline)(?:\s+(?:of|on))?"
    r"|(?:and\s+)?(?:is\s+)?due(?:\s+date)?"
    r"|deadline|no\s+later\s+than|by|on|before|until|till|for|from|starting)\s*:?\s+){0,3}"
)
_PART_OF_DAY = r"(?:\s+(?:morning|afternoon|evening|night))?"
# "Monday's meeting" names the meeting, not the day something is due.
_NOT_OWNER = r"(?!['’]s\b)"

_DAYS = Days.of(
    _WORDS,
    [
        (r"\b(?:the\s+)?day\s+after\s+tomorrow\b", dates.days_later(2)),
        (rf"\b(?:tomorrow|tmrw){_PART_OF_DAY}\b", dates.days_later(1)),
        (r"\b(?:today|tonight|this\s+(?:morning|afternoon|evening))\b", dates.days_later(0)),
        (rf"\bin\s+{_COUNT}\s+{_UNIT}(?:'?\s+time)?\b", dates.from_now),
        (rf"\b{_COUNT}\s+{_UNIT}\s+from\s+(?:now|today)\b", dates.from_now),
        (rf"\b(?P<day>\d{{1,2}}){_ORDINAL}?\s+(?:of\s+)?{_MONTH}{_YEAR}\b", dates.calendar_day),
        (rf"\b{_MONTH}\s+(?:the\s+)?(?P<day>\d{{1,2}}){_ORDINAL}?{_YEAR}\b", dates.calendar_day),
        (r"\b(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})?(?=\s|$|[,;!?])", dates.calendar_day),
        (r"\b(?:the\s+)?end\s+of\s+(?:the\s+|this\s+)?(?P<unit>week|month|year)\b", dates.end_of),
        (
            rf"\b(?:(?:this|next|coming)\s+)?(?P<weekday>{alternatives(_FULL_WEEKDAYS)}){_PART_OF_DAY}\b",
            dates.weekday,
        ),
        # "sun" and "sat" are words of their own unless something says they are days.
        (
            rf"\b(?:on|by|this|next|due|until|before)\s+(?P<weekday>{alternatives(_SHORT_WEEKDAYS)})\b",
            dates.weekday,
        ),
        (r"\b(?:this|the|(?P<next>next))\s+weekend\b", dates.weekend),
        (r"\bnext\s+(?P<unit>week|month|year)\b", dates.next_unit),
        (rf"\bthe\s+(?P<day>\d{{1,2}}){_ORDINAL}\b", dates.day_of_month),
    ],
    lead=_LEAD,
    unless=_NOT_OWNER,
)

# --- answers

_ANSWERS = {
    "help": (
        "I can look after your tasks, projects, checkpoints and notes. Try “create a task to buy milk tomorrow, high "
        "priority”, “what is due today?”, “mark buy milk as done”, “create a project Garden”, “add a milestone Beta "
        "to the project Garden by 1 December” or “write a note called Ideas: paint it green”."
    ),
    "hello": "Hello! {help}",
    "well": "I’m well, thank you. {help}",
    "welcome": "You’re welcome!",
    "bye": "Goodbye!",
    "only plain requests": "I’m the built-in offline assistant, so I understand plain requests only. {help}",
    "missed": "I did not understand “{clause}”.",
    "elsewhere": "I could not do that in this conversation.",
    "rest elsewhere": "I could not do the rest of it in this conversation.",
    "failed": "I could not do that: {reason}",
    "it did not work": "it did not work.",
    "untitled": "Untitled",
    "and": " and ",
    "the task": "the task",
    "the project": "the project",
    "the checkpoint": "the checkpoint",
    "the note": "the note",
    "name the task": "What shall the task be called?",
    "name the project": "What shall the project be called?",
    "name the checkpoint": "What shall the checkpoint be called?",
    "name the note": "What shall the note be called?",
    "which task": "Which task do you mean?",
    "which project": "Which project do you mean?",
    "which checkpoint": "Which checkpoint do you mean?",
    "which note": "Which note do you mean?",
    "which comment": "I found no such comment. What does it say, and on which task is it?",
    "no such task": "I found no task called “{name}”. {question}",
    "no such project": "I found no project called “{name}”. {question}",
    "no such checkpoint": "I found no checkpoint called “{name}”. {question}",
    "no such note": "I found no note called “{name}”. {question}",
    "delete this one": "Do you mean {name}, and shall it be deleted?",
    "this one": "Do you mean {name}?",
    "several": "I found several that fit: {names}. Which one do you mean?",
    "created": "I created {the} “{title}”{details}.",
    "suggested": "I suggest the checkpoint “{title}”; it waits for your approval.",
    "deleted": "I deleted {the} {title}.",
    "done": "I marked {title} as done.",
    "archived": "I archived {title}. Nothing is lost; say “delete it permanently” if it shall be gone.",
    "restored": "{title} is active again.",
    "approved": "I approved {title}.",
    "changed": "I changed {title}: {changes}.",
    "changed status": "it is {value} now",
    "changed priority": "its priority is {value}",
    "changed due": "it is due {value}",
    "changed no due": "it has no due date any more",
    "changed title": "it is called “{value}”",
    "changed description": "it has a new description",
    "changed content": "it says what you asked for",
    "changed project": "it belongs to another project",
    "commented": "I added your comment to {title}.",
    "comment deleted": "I deleted the comment.",
    "no comments": "There are no comments on {title}.",
    "comments": "Comments on {title}:",
    "no task": "You have no tasks.",
    "no project": "You have no projects.",
    "no checkpoint": "There are no checkpoints.",
    "no note": "You have no notes.",
    "unread": "I did not understand “{word}”, so I have changed nothing. Which {plural} do you mean?",
    "unread question": "I did not understand “{word}” in that. Which {plural} do you mean?",
    "namesake": "There is a project called “{name}” already. What shall the new one be called?",
    "namesake archived": (
        "There is a project called “{name}” already; it is archived. Shall it be restored, or what "
        "shall the new one be called?"
    ),
    "taken back": "All right, I leave that as it is.",
    "cannot assign": (
        "I cannot give “{title}” to {person}: tasks have no field for a person here. I can write it down instead; say "
        "“comment on {title}: {person} does it”."
    ),
    "cannot assign these": "I cannot give “{title}” to {person}: tasks have no field for a person here.",
    "note says": "Your note {title} says:\n\n{text}",
    "partly": "That is as much as I can do at once, {number} of them. Say it again and I will go on.",
    "no match": "I found no {plural} like that.",
    "nothing due": "Nothing is due today.",
    "due today": "You have {count} due today:",
    "found": "I found {count}:",
    "more": "- and {number} more",
    "one task": "1 task",
    "one project": "1 project",
    "one checkpoint": "1 checkpoint",
    "one note": "1 note",
    "many task": "tasks",
    "many project": "projects",
    "many checkpoint": "checkpoints",
    "many note": "notes",
    "with due": "due {value}",
    "with priority": "with {value} priority",
    "with status": "as {value}",
    "fact priority": "{value} priority",
    "fact archived": "archived",
    "fact suggested": "suggested, not approved yet",
    "empty": "It is empty.",
    "todo": "to do",
    "in_progress": "in progress",
    "status done": "done",
    "active": "active",
    "high": "high",
    "medium": "medium",
    "low": "low",
    "day": "{weekday}, {day} {month}{year}",
    "near": "{near} ({day})",
    "on day": "on {day}",
    "today": "today",
    "tomorrow": "tomorrow",
    "yesterday": "yesterday",
    "weekdays": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "months": "January February March April May June July August September October November December",
}
_SMALL_TALK = (
    (r"(?:hi|hello|hey|hiya|good (?:morning|afternoon|evening|day)|greetings|howdy)(?: there| adiuva)?", "hello"),
    (r"(?:thanks?|thank you|thx|cheers|great|perfect|nice)(?: (?:a lot|so much|very much|you))*", "welcome"),
    (r"(?:bye|goodbye|see you|good night)(?: later| soon)?", "bye"),
    (r"how are you(?: doing)?(?: today)?", "well"),
    (
        r"(?:help(?: me)?|what (?:can|do) you do|(?:who|what) are you|how do(?:es)? (?:this|you|it) work)(?: for me)?",
        "help",
    ),
)
_SUGGESTIONS = ("Plan agreed", "First version ready", "Handed over")

ENGLISH = Language(
    code="en",
    marks=frozenset(
        split_words(
            "a add all also an and another any archive are as at buy by call can change checkpoint checkpoints "
            "comment complete create delete do does done due every finish finished for from get give have how i in "
            "is it its jot leave list make mark me milestone milestones move my note notes of on open please "
            "priority project projects push put read remind remove rename schedule set show suggest task tasks tell "
            "busy free late that the there this to today todo tomorrow update was what what's when which with work "
            "write you"
        )
    ),
    nouns=NOUNS,
    articles=r"the|my|this|that|a|an|new|suggested|proposed",
    naming=r"called|named|titled|to|about|for",
    pronoun=(
        r"(?:its?|this|that|them|this one|that one|(?:the )?last one)"
        r"(?: (?:task|project|note|checkpoint|milestone))?"
    ),
    permanently=r"permanently|for good|forever|irrevocably|once and for all|completely",
    forbidden=(
        r"^(?:(?:do not|don['’]?t|never|not|stop)\b(?! let me forget)"
        r"|i(?:['’]m not| am not| (?:(?:have|had|did|do|was|could)(?: not|n['’]t))| never)\b)"
    ),
    and_between=r"\s*,\s*(?:and\s+)?|\s+and\s+",
    priorities=PRIORITIES,
    statuses=STATUSES,
    days=_DAYS,
    clauses=ClauseSplitter.of(
        verbs=_VERBS,
        words="and|then|also",
        fillers="then|also|please",
        polite=(
            r"please|pls|kindly|hey|hi|hello|ok|okay|so|also|then|and|adiuva|now|well|thanks|thank you"
            r"|(?:can|could|would|will) (?:you|u)|i(?:'d| would) like (?:you )?to|i want (?:you )?to|let'?s|just"
            r"|go ahead and|help me(?: to)?|yes|quickly|only|simply|maybe|perhaps"
        ),
        courtesy="please|pls|thanks|thank you",
        request=r"(?:can|could|would|will) (?:you|u)|please|pls|would you mind|do me a favou?r",
        question=(
            r"what|which|who|whose|when|where|why|how|is|are|was|were|am i|did|does|do (?:i|we|you|they|my)"
            r"|have (?:i|we|you)"
            r"|has|should|shall|may i|must i|isn['’]t|aren['’]t"
        ),
    ),
    details=DetailWords(
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
        to_it=r" (?:to|in|into|for|under) (?:it|this project|that project|there)$",
        project=(rf"{_IN}project {{name}}\b", rf"{_IN}{{name}} project\b"),
        project_loosely=(
            r"\b{name}(?:['’]s)?(?= (?:tasks|to-?dos|notes|milestones|checkpoints))",
            rf"{_IN}{{name}}(?!\w)",
            r"(?:does|has|have|is) (?:(?:the )?project )?{name}(?= have| got|$)",
        ),
        loose_starts=frozenset(("to", "that", "for", "about", "of", "by", "on", "due", "called", "named")),
        loose_ends=frozenset(("and", "by", "on", "due", "at", "with", "for", "to", "is", "in")),
    ),
    periods={
        "overdue": r"\boverdue\b|\blate\b",
        "next week": r"\bnext week\b",
        "this week": r"\bthis week\b",
        "until": r"\b(?:before|by|until|till)\b",
        "everything": r"\b(?:all|archived?|inactive|every)\b",
        "open": (
            r"\b(?:overdue|due|late|open|unfinished|undone|pending|remaining|left|to[ -]?do|plate"
            r"|not (?:yet )?(?:done|finished|completed?))\b"
        ),
        "waiting": r"\b(?:suggested|suggestions?|unapproved|proposed|approval|pending)\b",
    },
    status_filter=(
        r"(?!.*\bnot (?:yet )?(?:done|complete))(?:.*?\b(?P<done>done|completed?|finished)\b"
        r"|.*?\b(?P<in_progress>in[ _-]progress|started|ongoing)\b|.*?\b(?P<todo>todo status|not started)\b)"
    ),
    search_words=r"\b(?:about|containing|mention(?:ing)?|matching|with the words?|called|named)\s+(?P<words>.+)$",
    suggestions=_SUGGESTIONS,
    answers=_ANSWERS,
    small_talk=_SMALL_TALK,
)
