"""English for limits and approval, and for changing a batch."""

from agents.offline_model.building.words.english.when import COUNT, DAYS
from agents.offline_model.building.words.vocabulary import BoundWords, RevisionWords, all_anywhere, anywhere
from agents.offline_model.clauses import QUOTE

_LEAD = r"(?:(?:,|;)? ?(?:and|but|then|please|always) )*"
_APPROVAL = (
    (
        "destructive",
        (
            r"(?:only |just )?(?:ask(?: me)?|check with me|(?:pause|wait|stop) for (?:my )?(?:approval"
            r"|confirmation)) (?:only )?(?:before|when|if|for)(?: (?:it|you|something|anything|data|there['’]?s|is"
            r"|are|be|being|they))* (?:delet\w*|remov\w*|destruct\w*|los\w*|lost)(?: (?:anything|something|data"
            r"|things|actions?|changes?))*"
        ),
    ),
    # What stands behind it is taken as well, and ignored.
    ("always", r"(?:never|do not|don['’]t)(?= (?:\w+ ){0,8}without (?:asking|my (?:approval|ok(?:ay)?|confirmation)))"),
    (
        "never",
        (
            r"without (?:asking|(?:any |my )?(?:confirmation|approval|permission|ok(?:ay)?))(?: me)?(?: first)?"
            r"|(?:do not|don['’]t|never|no need to) (?:ask|pause|wait)(?: me)?(?: (?:first|for (?:my )?(?:approval"
            r"|confirmation)|again|before|any ?more|any longer))*|no (?:approval"
            r"|confirmation)s?(?: (?:is )?(?:needed|required|necessary))?"
        ),
    ),
    (
        "always",
        (
            r"(?:always )?(?:ask(?: me)?|check with me|consult me|let me (?:confirm|approve|review|check)|(?:get"
            r"|wait for|with|need|require|ask for|pause for|stop for) (?:my |an? )?(?:approval|confirmation"
            r"|ok(?:ay)?|permission))(?: (?:it|them|that|each|every|all|everything|change|changes|step|steps|action"
            r"|actions|first|beforehand|before|each time|every time|for|of|on|any|anything|doing|it['’]?s|is|are|you"
            r"|do|change|changing|touch|touching|apply|applying|run|running|so|making))*"
        ),
    ),
)

BOUNDS = BoundWords(
    approval=all_anywhere((name, rf"{_LEAD}(?:{pattern})") for name, pattern in _APPROVAL),
    limit=anywhere(
        r"(?:(?:and |but )?(?:limit|restrict|cap) (?:it|this|that|them|the batch|each run|the number)? ?(?:to|at)"
        r"|(?:with )?(?:at most|no more than|not more than|up to|a (?:maximum|limit) of|max(?:imum)?\.?"
        rf"|only the first)) {COUNT}(?: (?P<unit>minutes?|tokens?))?(?: (?:of them|items?"
        r"|records?))?(?: (?:at a time|at once|per run|each time|a run|in one go))?(?! (?:sentences?|words?|lines?"
        r"|days?|weeks?))"
    ),
    name=anywhere(
        rf"(?:and |, )*(?:re)?(?:call|name|title|rename) (?:it|this|that|the batch)(?: to| as)? (?P<name>{QUOTE}|.+)$"
    ),
)

REVISION = RevisionWords(
    instead=anywhere(
        r",? ?(?:instead of|rather than|and not|not) (?P<old>(?:(?! but )[^,;])+)(?:,? but)?|,? ?(?:instead"
        r"|from now on|now)"
    ),
    change=anywhere(
        r"^(?:please|no|actually|(?:use|take|include)(?= (?:all|only|my|the|just|every|those))|(?:make|change|set"
        r"|switch|move|turn|let) (?:it|this|that|the (?:time|trigger|day|schedule|start|batch))(?: to)?|(?:run|do"
        r"|start|schedule|trigger|have) (?:it|this|that|the batch)(?: run)?|(?:it|this|that|the batch) (?:should"
        r"|shall|must|is to|has to|can)(?: (?:run|start|be|take|go))?|i(?:['’]d)? (?:want|like"
        r"|prefer) it(?: to (?:run|be))?|to|but|and|be|(?:an? )?(?:batch|routine|one)|at(?= (?:noon|midnight)$)"
        r"|rather|better|can you|could you)"
    ),
    later=anywhere(
        r"(?:(?P<count>\d{1,2}|an?|one|two|three|four|five|six) hours? |(?P<half>half an hour ))(?P<way>later|earlier)"
    ),
    earlier=anywhere("earlier"),
    bare_days=anywhere(rf"(?:on |to )?{DAYS}"),
    also=anywhere(r"also|too|as well|additionally|in addition|then"),
    only=anywhere(
        r"(?:but |and )?(?:(?:it should |should |shall )?(?:only|just|solely)(?: (?:take|use|for|with|include|run"
        r"|do|on|over|the|those|my))*|(?:restrict|limit|narrow) (?:it|this)(?: down)? to)"
    ),
    all=anywhere(r"all|every|everything|any"),
    exclude=anywhere(
        r"(?:but |and )?(?:leave out|skip|exclude|ignore|omit|spare|except(?: for)?|without(?= (?:the|those|any"
        r"|tasks|notes|projects|checkpoints))|not)(?: (?:the|those|any|ones|my))*"
    ),
)
