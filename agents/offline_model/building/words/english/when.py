"""English for triggers."""

from agents.offline_model.building.words.vocabulary import TriggerWords, all_anywhere, anywhere
from agents.offline_model.languages.dates import alternatives, number_words
from agents.offline_model.languages.english import ENGLISH, STATUSES

_WEEKDAYS = ENGLISH.days.words.weekdays
_DAY = rf"(?:{alternatives(_WEEKDAYS)})(?:s|['’]s)?(?: (?:mornings?|afternoons?|evenings?|nights?))?"
DAYS = rf"(?P<days>{_DAY}(?:(?: ?, ?(?:and |or )?| and (?:every |on )?| or | & ){_DAY})*)"
_NTH = {
    **number_words("first second third fourth", start=1),
    **number_words("1st 2nd 3rd 4th", start=1),
    "last": -1,
}
_NTH_OF = rf"(?P<nth>{alternatives(_NTH)})"
NUMBERS = number_words(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen twenty", start=1
) | {"fifteen": 15, "twenty": 20, "other": 2, "second": 2, "third": 3, "fourth": 4, "a": 1, "an": 1, "a few": 3}
COUNT = rf"(?P<count>\d{{1,4}}|{alternatives(NUMBERS)})"
_EVERY = r"(?:on )?(?:every|each)"
_OF_MONTH = r"(?:(?:of|in) )?(?:the|each|every|a|any) months?"
_DATE = r"(?:\d{1,2}(?:st|nd|rd|th)?)"
_DATES = rf"(?P<dates>{_DATE}(?:(?: ?, ?(?:and )?| and | & )(?:the )?{_DATE})*)"
_MONTHS = alternatives(ENGLISH.days.words.months)
_TH = r"(?:st|nd|rd|th)?"
_UNIT = r"(?P<unit>hours?|days?|weeks?|fortnights?|months?)"
_NAMED_TIMES = {"noon": "12:00", "midday": "12:00", "midnight": "00:00"}
_CLOCK = r"(?:[01]?\d|2[0-3])(?:[:.][0-5]\d)?(?: ?(?:[ap]m|[ap]\.m\.))?(?: ?o['’]clock| hours)?"
_HALF_TIME = r"(?:[01]?\d)(?:[:.][0-5]\d)? ?(?:[ap]m|[ap]\.m\.)"
_MORE_TIMES = rf"(?:(?: ?, ?| and | & |, and )(?:at )?(?:{_CLOCK}|{alternatives(_NAMED_TIMES)}))*"
_PERIOD = r"(?:day|morning|afternoon|evening|night|noon)"

_FREQUENCIES = (
    ("nth weekday", rf"(?:on )?(?:the |every |each )?{_NTH_OF} (?P<days>{_DAY}) {_OF_MONTH}"),
    ("nth weekday", rf"(?:{_EVERY} month|monthly),? (?:on )?(?:the )?{_NTH_OF} (?P<days>{_DAY})"),
    ("working day", rf"(?:on )?(?:the |every |each )?{_NTH_OF} (?:working |business |week)day,? {_OF_MONTH}"),
    ("working day", rf"(?:{_EVERY} month|monthly),? (?:on )?(?:the )?{_NTH_OF} (?:working |business |week)day"),
    ("month end", rf"(?:on |at )?(?:the )?(?:last day|(?:very )?end) {_OF_MONTH}|{_EVERY} month[ -]?end"),
    ("month end", rf"(?:{_EVERY} month|monthly),? (?:on |at )?(?:the )?(?:last day|end)"),
    ("month start", rf"(?:on the |every |each )first {_OF_MONTH}"),
    ("month start", rf"(?:on |at )?(?:the )?(?:first day|start|beginning) {_OF_MONTH}"),
    ("month start", rf"(?:{_EVERY} month|monthly),? (?:on |at )?(?:the )?(?:first day|start|beginning)"),
    ("dates", rf"(?:on )?(?:the |every |each )?{_DATES} (?:day )?{_OF_MONTH}"),
    ("dates", rf"(?:{_EVERY} month|monthly),? (?:on )?(?:the |day )?{_DATES}(?! ?[:.]\d| ?[ap]m)"),
    ("often", rf"{_EVERY} (?:\d+ |{alternatives(NUMBERS)} )?(?:minutes?|seconds?)|constantly|continuously|minutely"),
    (
        "window",
        rf"(?:{_EVERY} hour|hourly) (?:between|from) (?P<first>{_CLOCK}) (?:and|to|till|until) (?P<last>{_CLOCK})",
    ),
    ("times", r"(?:twice|two times|three times|four times|several times|\d times) (?:a|per|every|each) day"),
    ("hours", rf"{_EVERY} {COUNT} hours?"),
    ("hourly", r"(?:every|each) hour|hourly|once an hour"),
    ("interval", rf"{_EVERY} {COUNT} {_UNIT}(?:,? (?:on )?{DAYS})?"),
    ("interval", rf"(?P<count>fortnightly|biweekly|bi-weekly|every fortnight)(?:,? (?:on )?{DAYS})?"),
    ("interval", rf"{_EVERY} (?P<count>other|second|third) {DAYS}"),
    ("workdays", r"(?:every|each) day (?:except|but not|excluding)(?: for| on| at)?(?: the)? weekends?"),
    ("workdays", rf"(?:{_EVERY}|on|during) (?:all )?(?:weekdays?|work(?:ing)? ?days?|business days?)|weekdays"),
    ("workdays", r"(?:(?:every day )?from )?mon(?:day)? (?:to|through|till) fri(?:day)?"),
    ("weekends", rf"(?:{_EVERY}|on|at) (?:the )?weekends?"),
    ("days", rf"{_EVERY} (?:week on )?{DAYS}"),
    ("days", rf"(?:weekly|once a week|a week),? (?:on )?{DAYS}"),
    ("days", rf"(?:on )?{DAYS},? (?:every|each) week"),
    (
        "days",
        (
            rf"(?:on )?(?P<days>(?:{alternatives(ENGLISH.days.words.weekdays)})s(?: (?:and|or"
            rf"|,) (?:{alternatives(ENGLISH.days.words.weekdays)})s)*)"
        ),
    ),
    ("daily", rf"(?:every|each) (?:single )?{_PERIOD}|daily|once a day|day by day|nightly|in the mornings|evenings"),
    ("quarterly", r"(?:every|each|once a) quarter|quarterly"),
    ("weekly", r"(?:every|each) week|once a week|weekly"),
    ("monthly", r"(?:every|each) month|once a month|monthly"),
    ("yearly", rf"(?:on )?(?:every|each) (?P<day>(?:{_MONTHS}) \d{{1,2}}{_TH}|\d{{1,2}}{_TH} (?:of )?(?:{_MONTHS}))"),
    ("yearly", r"(?:every|each) year|once a year|yearly|annually"),
)

_RECORD = r"(?:(?:a|an|any|one|some|the|one of)(?: (?:of )?my)?|my) (?P<target>[^,]{0,80}?)"
_WHEN = r"(?:when(?:ever)?|each time|every time|any time|as soon as|once|if|after)"
_CHANGES = (
    (
        "record",
        (
            rf"{_WHEN} (?:{_RECORD}) (?:is|was|has been|gets|got|are)(?: newly)? (?P<deed>changed|edited|updated"
            r"|modified|touched|added|created|made|saved|written|(?:marked |set )?(?:as "
            rf"|to )?(?:{alternatives(STATUSES)})|archived|approved|new)(?:(?:,? or|,|/) (?:is |was )?(?:changed"
            r"|edited|updated|modified|added|created|new))*"
        ),
    ),
    ("record", rf"{_WHEN} (?:{_RECORD}) (?P<deed>changes|appears|comes in|arrives)"),
    (
        "record",
        (
            rf"{_WHEN} i(?:['’]ve| have)? (?P<deed>change|edit|update|modify|touch|add|create|make|save|write|finish"
            r"|complete|close|start|tick off|archive|approve)(?:e?d)?(?: or (?:change|edit|update|add"
            r"|create)(?:e?d)?)? (?:(?:a|an|any|one|some|the|one of)(?: (?:of )?my)?"
            r"|my)? ?(?P<target>[^,]{0,60}?(?:tasks?|to-?dos?|notes?|projects?|check ?points?|milestones?"
            r"|comments?)(?: in (?:(?:the )?project \w+|[^,]{1,40}? project))?)(?: as done)?"
        ),
    ),
    (
        "record",
        (
            r"(?:on|after|with|for) (?:every|each|any) (?P<deed>change|edit|update) (?:of|to|in) (?:(?:a|an|any|the"
            r"|one of)(?: (?:of )?my)?|my) (?P<target>[^,]{0,60}?(?:tasks?|notes?|projects?|check ?points?"
            r"|milestones?))(?=,| |$)"
        ),
    ),
    (
        "record",
        (
            r"(?:for|on) (?:every|each|any) (?P<deed>new(?:ly created)?|changed|edited"
            r"|updated) (?P<target>(?:\w+ ){0,3}?(?:task|note|project|check ?point|milestone|comment))(?=,|$)"
        ),
    ),
)

WHEN = TriggerWords(
    frequencies=all_anywhere(_FREQUENCIES),
    on_days=anywhere(rf"on (?:the )?{DAYS}"),
    on_dates=anywhere(rf"on (?:the )?(?:day )?(?:{_DATES}(?: day)?|{_NTH_OF} (?:day|(?P<days>{_DAY})))"),
    nth=_NTH,
    counts=NUMBERS | {"fortnightly": 2, "biweekly": 2, "bi-weekly": 2, "every fortnight": 2},
    starting=anywhere(
        r"(?:starting|beginning|start|begin|from)(?: from| on| with)? (?P<day>[^,;]{3,30}?)(?: on(?:wards?)?)?"
        r"(?=,|;|$| at )"
    ),
    times=anywhere(
        rf"(?:(?:at|@|around|from|by) (?:about )?(?P<times>(?:{_CLOCK}|{alternatives(_NAMED_TIMES)}){_MORE_TIMES})"
        rf"|(?P<times_alone>{_HALF_TIME}{_MORE_TIMES}))(?: (?:sharp|each time|local time))?(?! ?%| \w*days?\b)"
    ),
    time=anywhere(
        r"(?P<hour>[01]?\d|2[0-3])(?:[:.](?P<minute>[0-5]\d))?(?: ?(?P<half>[ap])(?:m|\.m\.?))?"
        rf"|(?P<named>{alternatives(_NAMED_TIMES)})"
    ),
    named_times=_NAMED_TIMES,
    parts=(
        (8, anywhere(r"(?:(?:first thing |early )?in the )?mornings?")),
        (12, anywhere(r"(?:at |every |each )?(?:noon|midday|lunch ?time)")),
        (15, anywhere(r"(?:in the )?afternoons?")),
        (18, anywhere(r"(?:in the )?evenings?")),
        (21, anywhere(r"(?:at )?night(?:s|ly)?")),
    ),
    changes=all_anywhere(_CHANGES),
    changed_to=all_anywhere(
        (
            ("done", r"finish(?:e?d)?|complete[d]?|close[d]?|tick(?:ed)? off|done|reached"),
            ("in_progress", r"start(?:ed)?|in progress"),
            ("archived", r"archived?"),
            ("approved", r"approved?"),
            (
                "new",
                r"add(?:ed)?|create[d]?|made|make|written|write|appears|comes in|arrives|new(?:ly created)?|save[d]?",
            ),
        )
    ),
    becomes_due=anywhere(
        rf"{_WHEN} (?:a|an|any|one|some)(?: of my)? (?P<target>[^,]{{0,40}}?)(?:becomes|gets|is|goes|falls|turns"
        r"|comes) (?:over)?due"
    ),
    by_hand=anywhere(
        r"(?:only )?when(?:ever)? (?:i|we) (?:start|run|press|click|ask|say|tell|want|like|trigger|launch|need"
        r"|call)(?: (?:it|this|so|to|for it|the button|you to|you|the batch|them))*|manually|by hand|on (?:demand"
        r"|request)|at the (?:push|press|click) of a button|not on a schedule|without a schedule"
    ),
    skip_missed=anywhere(
        r"(?:and |but )?(?:skip|leave out|ignore|don['’]t catch up(?: on)?|do not catch up(?: on)?"
        r"|never catch up(?: on)?) (?:the )?(?:missed|late) (?:ones|runs|times|slots)|(?:and |but )?(?:don['’]t"
        r"|do not|never) catch up"
    ),
)
