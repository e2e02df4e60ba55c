"""English for what a batch does, and with which records."""

import re

from agents.offline_model.building.words.english.when import COUNT, NUMBERS
from agents.offline_model.building.words.vocabulary import DeedWords, RecordWords, all_anywhere, anywhere, whole
from agents.offline_model.clauses import QUOTE
from agents.offline_model.languages.dates import alternatives
from agents.offline_model.languages.english import PRIORITIES, STATUSES

_PRIO = r"(?:priority|prio|importance)"
_LEVEL = rf"(?P<priority>{alternatives(PRIORITIES)})"
_STATUS = rf"(?P<status>{alternatives(STATUSES)})"
_TARGET = r"(?P<target>.+?)"
_SHIFT = r"(?P<shift>(?:\d{1,3}|an?|one|two|three|four|five|six|seven|ten|a couple of) (?:days?|weeks?|months?))"
_WORDS = r"(?P<value>.+?)"
_TEXT = r"(?P<how>(?: (?:by|according to|based on|depending on|in order of|so that|using) .+)?)"
_GIVEN = r"(?:an? |the )?"
_COMMENTED = (
    r"(?: ?(?::|,? ?(?:saying|that says|which says|with the text|like)\b:?) ?(?P<text>.+)|(?P<how> (?:asking"
    r"|that asks|with|about|explaining|on) .+))?"
)
_DOCUMENT = (
    r"(?:\w+ ){0,3}?(?:notes?|memo|summary|summaries|report|review|digest|overview|recap|briefing|plan|agenda"
    r"|list|journal(?: entry)?|diary entry|retrospective)"
)

_DEEDS = (
    ("consider", r"(?:for|with) (?P<target>(?:each|every|all) .+)"),
    ("consider", rf"(?:(?:go|look) (?:through|at|over)|take|pick|find|get|collect|choose|check for) {_TARGET}"),
    (
        "comment",
        rf"(?:add|write|leave|post|put) {_GIVEN}(?:short |brief )?comments? (?:to|on|under) {_TARGET}{_COMMENTED}",
    ),
    ("comment", rf"comment (?:on )?{_TARGET}{_COMMENTED}"),
    ("comment", rf"(?:add|write|leave|post|put) {_GIVEN}comments? (?P<text>{QUOTE}) (?:to|on|under) {_TARGET}"),
    (
        "comment",
        (
            rf"(?:add|write|leave|post|put) {_GIVEN}comments? (?:saying|that says):? (?P<text>.+?) (?:to|on"
            rf"|under) {_TARGET}"
        ),
    ),
    ("comment", rf"(?:add|write|leave|post|put) {_GIVEN}comments?{_COMMENTED}"),
    ("tag", rf"(?:tag|label) {_TARGET} (?:as|with|by) {_WORDS}"),
    ("tag", rf"(?:add|put|give) (?:the )?(?:tags?|labels?) {_WORDS} (?:to|on) {_TARGET}"),
    ("tag", rf"(?:add|give) {_TARGET} the (?:tag|label) {_WORDS}"),
    (
        "priority",
        (
            rf"(?:set|change|pull|raise|reduce|lower|put|turn) (?:the )?{_PRIO} of {_TARGET} (?:to "
            rf"|at )?{_LEVEL}(?: {_PRIO})?"
        ),
    ),
    (
        "priority",
        (
            r"(?:set|change|raise|lower|put|turn) (?:(?P<target>its|their|the|(?:this|each|every) task(?=['’]s))"
            rf"(?:['’]s)? )?{_PRIO} (?:to |at )?{_LEVEL}(?: {_PRIO})?"
        ),
    ),
    (
        "prioritise",
        (
            r"(?:set|give|assign|update|review|adjust|choose|check) (?P<target>its|their|the|it a"
            rf"|them a) priorit(?:y|ies){_TEXT}"
        ),
    ),
    ("prioritise", rf"(?:set|give|assign|choose) (?:an? )?(?:right |fitting |sensible )?priorit(?:y|ies){_TEXT}"),
    ("raise", rf"(?:increase|raise|bump)(?: up)? the {_PRIO} of {_TARGET}(?: by one(?: level| step)?)?"),
    ("lower", rf"(?:decrease|lower|reduce) the {_PRIO} of {_TARGET}(?: by one(?: level| step)?)?"),
    ("priority", rf"(?:make|mark|set|flag|turn) {_TARGET} (?:as |to |into )?(?:{_PRIO} )?{_LEVEL}(?:[ -]{_PRIO})?"),
    ("priority", rf"give {_TARGET} (?:an? )?{_LEVEL}[ -]{_PRIO}"),
    ("prioritise", rf"(?:re-?)?prioriti[sz]e {_TARGET}{_TEXT}"),
    (
        "prioritise",
        (
            r"(?:set|give|assign|update|review|adjust) (?:the |a )?(?:right |fitting )?priorit(?:y|ies) (?:of|to"
            rf"|for|on) {_TARGET}{_TEXT}"
        ),
    ),
    (
        "prioritise",
        rf"(?:give|assign) {_TARGET} (?:an? |the )?(?:right |fitting |sensible |suitable )?priorit(?:y|ies){_TEXT}",
    ),
    ("status", rf"(?:mark|set|change|move|put)(?: the status of)? {_TARGET} (?:as|to|back to|into) {_STATUS}"),
    ("status", rf"(?:set|change) (?:(?P<target>its|their|the) )?status to {_STATUS}"),
    ("done", rf"(?:complete|finish|tick off|check off|close)(?: off)? {_TARGET}"),
    ("reopen", rf"reopen {_TARGET}"),
    ("approve", rf"(?:approve|accept) {_TARGET}"),
    ("no due", rf"(?:remove|clear|delete|drop) (?:the )?(?:due dates?|deadlines?) (?:of|from) {_TARGET}"),
    (
        "shift",
        (
            r"(?:move|push|postpone|reschedule|shift|put off|delay|defer|extend)(?: back| forward"
            rf"| out)?(?: the (?:due dates?|deadlines?) of)? {_TARGET}(?: back| forward| out"
            rf"| off)?(?: by)? {_SHIFT}(?: later)?"
        ),
    ),
    (
        "shift",
        (
            r"(?:move|push|postpone|shift|put off|delay|defer|extend) (?P<target>its|their|the) (?:due dates?"
            rf"|deadlines?)(?: back| forward| out)?(?: by)? {_SHIFT}(?: later)?"
        ),
    ),
    (
        "to day",
        r"(?:set|change|move|push) (?P<target>its|their|the) (?:due dates?|deadlines?) to (?P<day>.+)",
    ),
    (
        "to day",
        (
            r"(?:move|push|postpone|reschedule|shift|put off|delay|defer|set|change)(?: back"
            rf"| forward)?(?: the (?:due dates?|deadlines?) of)? {_TARGET}(?: back)? (?:to|until|till|for|on to"
            r"|onto) (?P<day>(?:the )?(?:today|tomorrow|day after tomorrow|next .+|this .+|end of .+|in .+"
            r"|coming .+|following .+|[a-z]+day))"
        ),
    ),
    ("to project", rf"(?:move|put|file|assign|add) {_TARGET} (?:in)?to (?:the |my )?(?P<project>.+)"),
    ("archive", rf"archive {_TARGET}"),
    ("restore", rf"(?:unarchive|restore|reactivate) {_TARGET}"),
    ("delete", rf"(?:permanently )?(?:delete|remove|erase|trash|get rid of|throw away|purge|clear out) {_TARGET}"),
    (
        "extract",
        (
            r"(?:extract|pull(?: out)?|create|make|find|collect) (?:the |new )?(?:tasks|to-?dos|action items"
            rf"|open points) (?:from|out of|for (?:the )?open points (?:in|of)) {_TARGET}"
        ),
    ),
    ("extract", rf"(?:turn|make) {_TARGET} into (?:tasks|to-?dos)"),
    ("summarise each", r"(?:summari[sz]e|sum up) (?P<target>(?:each|every)(?: of| one of)? .+?)"),
    (
        "summarise each",
        r"(?:add|write) (?:an? )?(?:short |brief )?summar(?:y|ies) (?:to|for|on|of) (?P<target>(?:each|every) .+?)",
    ),
    (
        "summarise",
        (
            r"(?:summari[sz]e|sum up|recap|review) (?P<target>.+?)(?: (?:in|into|as) (?:a |an "
            r"|one )?(?:new )?(?:note|memo|report))?"
        ),
    ),
    (
        "write note",
        (
            r"(?:write|create|make|add|draft|compose|prepare|send|give|generate|produce|save) (?:me )?(?:an? |the "
            rf"|my |one )?(?:new )?{_DOCUMENT}(?P<about>(?: (?:about|on|of|with|for|from|that|called|named|titled|in"
            r"|summari\w+|listing|to) .+|: ?.+|)?)"
        ),
    ),
    ("write note", r"plan (?:out )?(?:my|the) (?:day|week|month)(?P<about>.*)"),
    (
        "create task",
        (
            r"(?:create|add|make|set up|schedule|put) (?:me )?(?:an? |the )?(?:new )?(?:\w+ )?(?:task|to-?do"
            r"|reminder)(?: (?:to|called|named|titled|that says|for|about))? ?:? ?(?P<title>.+)"
        ),
    ),
    ("create task", r"remind me (?:to|that|of|about) (?P<title>.+)"),
    (
        "create project",
        r"(?:create|add|make|set up|start) (?:an? )?(?:new )?project(?: (?:called|named|for))? ?:? ?(?P<title>.+)",
    ),
    (
        "create checkpoint",
        (
            r"(?:create|add|make|set|suggest|propose) (?:an? )?(?:new )?(?:check ?point|milestone)(?: (?:called"
            r"|named|for))? ?:? ?(?P<title>.+?)(?: (?:to|in|for) (?:the )?(?:project )?(?P<project>.+?)(?:"
            r" project)?)?"
        ),
    ),
    (
        "tell",
        (
            r"(?:show|list|tell|give|remind)(?: me)?(?: (?:about|of|with))? (?:a list of "
            r"|an overview of )?(?:what is |which |what )?(?P<target>.+)"
        ),
    ),
    (
        "rework",
        (
            r"(?P<verb>translate|proof-?read|tidy up|tidy|clean up|shorten|rewrite|rephrase|improve|polish|format"
            r"|reformat|correct|fix|check|estimate|categori[sz]e|classify|expand|rename|split|describe|fill in"
            rf"|update) {_TARGET}(?P<how>(?: (?:into|to|in|for|by|so that|as|with) .+)?)"
        ),
    ),
)

WHAT = DeedWords(
    preface=anywhere(
        r"(?:^(?:i(?:['’]d| would)? (?:like|want|need)(?: you)?(?: to)? ?(?:have |create |make |build )?|(?:build"
        r"|create|make|set up|add|write|give)(?: me)? )?(?:an? |the )(?:new )?(?:batch|automation|agent|routine"
        r"|workflow|job|automatic rule|rule)(?: (?:called|named) (?P<name>\ue000\d+\ue001|\w+))?(?: (?:that|which"
        r"|to|for|and)|:)?|^(?:run|do) (?:this|it|the following)?(?=[ ,:]|$)|^i(?:['’]d| would)? (?:like|want"
        r"|need)(?: you)?(?: to)?(?! (?:a|an|the) )|^(?:please|kindly|can you|could you|would you|will you"
        r"|automatically|just|hey|hi|ok(?:ay)?|also|then|and|you should|always|let['’]?s|help me|adiuva"
        r"|make sure(?: to)?)\b)"
    ),
    verbs=anywhere(
        r"add|approve|accept|archive|assign|categori[sz]e|change|check|choose|classify|clean|clear|close|collect"
        r"|comment|complete|compose|convert|correct|create|defer|decrease|delay|delete|describe|draft|drop|email"
        r"|e-mail|erase|estimate|extract|expand|extend|file|fill|find|finish|fix|flag|for each|for every|format"
        r"|generate|get|give|go through|improve|increase|label|leave|list|look|lower|make|mark|move|notify|pick"
        r"|plan|polish|post|postpone|prepare|prioriti[sz]e|produce|proof-?read|propose|purge|push|put|raise|recap"
        r"|remind|remove|rename|reopen|reprioriti[sz]e|reschedule|restore|review|rewrite|save|schedule|send|set"
        r"|shift|shorten|show|split|start|suggest|sum up|summari[sz]e|tag|take|tell|throw|tick|tidy|translate|trash"
        r"|turn|unarchive|update|write"
    ),
    joins=re.compile(r",? ?\b(?:and then|then|and also|and|also|after that|afterwards)\b|,", re.IGNORECASE),
    deeds=whole(_DEEDS),
    pronoun=anywhere(
        r"(?:all of |each of |every one of )?(?:it a|them a|its|their|the|it|them|these|those|each|this one"
        r"|each one|every one|all|such (?:ones|tasks|notes)|the (?:same|changed|new) (?:ones?|tasks?|notes?"
        r"|projects?|checkpoints?|milestones?)|(?:it|that|this|the) (?:task|note|project|checkpoint|milestone))"
    ),
    it_at_an_end=anywhere(r"(?:it|them)$"),
    beyond=anywhere(
        r"e-?mails?|mail me|send (?:it|them|him|her|us|a message|an? sms)|text (?:me|him|her)|sms|slack|whatsapp"
        r"|telegram|discord|webhooks?|https?\b\S*|phone|tweet|twitter|facebook|instagram|calendars?|google|weather"
        r"|news|stocks?|bitcoin|order (?:a|some|me)|buy me|play|music|alarm|lights?|thermostat|open the|download"
        r"|browse|search the (?:web|internet)|internet|website https?|print|fax|invoice my|transfer|bank"
        r"|assign (?:.+ )?to (?!the project|my project|project)[a-z]+$|delegate"
    ),
)

WHICH = RecordWords(
    ages=all_anywhere(
        (
            (
                "overdue",
                (
                    r"(?:that (?:are|have been) )?(?:overdue|late|past due) (?:for |by )?(?:more than |over "
                    rf"|at least )?{COUNT} (?P<unit>days?|weeks?|months?)"
                ),
            ),
            (
                "overdue",
                (
                    rf"(?:that (?:are|have been) )?(?:more than |over |at least )?{COUNT} (?P<unit>days?|weeks?"
                    r"|months?) (?:overdue|late|past due)"
                ),
            ),
            (
                "updated",
                (
                    r"(?:that |which )?(?:with no changes|without (?:any )?changes|unchanged|(?:i |we )?(?:have not"
                    r"|haven['’]t|has not|hasn['’]t|did not|didn['’]t|was not|wasn['’]t|were not|weren['’]t|not"
                    r"|un)(?: been)? ?(?:touch|chang|edit|updat|modif|open)(?:ed|ied|e|y)?)(?: (?:for|in"
                    rf"|since))?(?: (?:more than|over|at least|the last|the past))? {COUNT} (?P<unit>days?|weeks?"
                    r"|months?|years?)(?: ago)?"
                ),
            ),
            (
                "updated",
                (
                    r"(?:last )?(?:changed|edited|updated|modified|touched) (?:more than"
                    rf"|over) {COUNT} (?P<unit>days?|weeks?|months?|years?) ago"
                ),
            ),
            (
                "created",
                (
                    r"(?:that (?:are|is) |which are )?(?:older than|more than|over"
                    rf"|at least)(?: the last)? {COUNT} (?P<unit>days?|weeks?|months?|years?)(?: old| ago)?"
                ),
            ),
            (
                "created",
                (
                    rf"(?:created|made|added|written|from) (?:more than |over )?{COUNT} (?P<unit>days?|weeks?"
                    r"|months?|years?) ago"
                ),
            ),
            (
                "made",
                (
                    r"(?:(?:that )?(?:were |was |i )?(?:created|made|added|written|wrote|from|of) )?(?:in |within "
                    rf"|during )?the (?:last|past) (?:(?P<count>\d{{1,3}}|{alternatives(NUMBERS)}) )?(?P<unit>days?"
                    r"|weeks?|months?)"
                ),
            ),
            (
                "touched",
                (
                    r"(?:that )?(?:were |was |i )?(?:changed|edited|updated|modified|touched) (?:in |within "
                    rf"|during )?the (?:last|past) (?:(?P<count>\d{{1,3}}|{alternatives(NUMBERS)}) )?(?P<unit>days?"
                    r"|weeks?|months?)"
                ),
            ),
            (
                "ahead",
                (
                    r"(?:(?:that |which )?(?:are |is |fall |falls |come |comes )?(?:due"
                    r"|upcoming) )?(?:with)?in (?:the )?(?:next |coming |following "
                    rf"|less than )?(?:(?P<count>\d{{1,3}}|{alternatives(NUMBERS)}) )(?P<unit>days?|weeks?|months?)"
                ),
            ),
            (
                "ahead",
                (
                    r"(?:(?:that |which )?(?:are |is |fall |come )?(?:due|upcoming) )?(?:in |during "
                    r"|over )?the (?:next|coming|following) (?:(?P<count>\d{1,3}"
                    rf"|{alternatives(NUMBERS)}) )?(?P<unit>days?|weeks?|months?)"
                ),
            ),
        )
    ),
    vague_age=anywhere(r"old|older|oldest|stale|outdated|ancient"),
    recent=anywhere(r"recent|new|newer|newest|latest|newly (?:added|created)"),
    empty=all_anywhere(
        (
            (
                "description",
                r"(?:with(?:out)?(?: an?| any)?(?: no)?|that have no|with no|with an? (?:empty|missing)) descriptions?",
            ),
            ("content", r"empty|without (?:any )?(?:text|content)|with no (?:text|content)"),
        )
    ),
    what=anywhere(
        r"what(?:['’]s| is| are)|(?:what(?:ever)?|everything|all)(?: that)? (?:i|we)(?:['’]ve| have)?(?: got)?"
    ),
)
