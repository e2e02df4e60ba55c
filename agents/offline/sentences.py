"""Takes a request apart into clauses, one wish each."""

import re

MAX_CLAUSES = 30
_QUOTED = re.compile(r"\"([^\"\n]+)\"|“([^”\n]+)”|«([^»\n]+)»|(?<!\w)'([^'\n]+)'(?!\w)|\u2018([^’\n]+)’|`([^`\n]+)`")
_MARK = "\ue000{}\ue001"
_MARKED = re.compile("\ue000(\\d+)\ue001")
_PRIVATE = re.compile("[\ue000\ue001]")

_VERBS = (
    r"creat(?:e|ing)|add|make|new task|remind|mark|set|change|delete|remove|erase|update|list|show|comment|rename|move"
    r"|complete|finish|another|one more|reopen|reschedule|postpone|push|tell me|what|which|how many|put|raise|lower"
    r"|tick|check off|close|start|give|schedule|leave|cancel|get rid of|can you|could you"
)
_SENTENCE_END = re.compile(r"(?<=[.!?]) +(?=\S)|\s*\n\s*|;")
_JOINT = re.compile(
    rf"(?: ?, ?(?:and )?| and | then | also )(?:(?:then|also|please) ){{0,2}}(?=(?:{_VERBS})\b)", re.IGNORECASE
)
_POLITE = re.compile(
    r"(?:[ ,.!:–-]|(?:please|pls|kindly|hey|hi|hello|ok|okay|so|also|then|and|adiuva|now|well|thanks|thank you"
    r"|(?:can|could|would|will) (?:you|u)|i(?:'d| would) like (?:you )?to|i want (?:you )?to|let'?s|just|go ahead and"
    r"|help me(?: to)?)\b)+",
    re.IGNORECASE,
)
_LAST_COURTESY = re.compile(r"[ ,]+(?:please|pls|thanks|thank you)$", re.IGNORECASE)
_ENDINGS = " .!?,;"


class Quotes:
    """Keeps what stands in quotation marks out of the way of the rules, under marks that no rule touches."""

    def __init__(self, text: str) -> None:
        self._kept: list[str] = []
        self.text = _QUOTED.sub(self._keep, _PRIVATE.sub("", text))

    def _keep(self, match: re.Match[str]) -> str:
        self._kept.append(next(group for group in match.groups() if group is not None))
        return _MARK.format(len(self._kept) - 1)

    def restore(self, text: str) -> str:
        return _MARKED.sub(lambda match: self._kept[int(match[1])], text)


def first_quote(text: str) -> str | None:
    """The mark of the first quoted text in ``text``."""
    match = _MARKED.search(text)
    return match[0] if match else None


def clauses(text: str) -> list[str]:
    """``text`` (quotes taken out) as single wishes, one space between words, without their politeness.

    At most ``MAX_CLAUSES``.
    """
    found = []
    for sentence in _SENTENCE_END.split(text):
        for part in _JOINT.split(" ".join(sentence.split())):
            clause = polite_off(part)
            if clause:
                found.append(clause)
    return found[:MAX_CLAUSES]


def polite_off(text: str) -> str:
    trimmed = text.rstrip(_ENDINGS)
    match = _POLITE.match(trimmed)
    if match is not None:
        trimmed = trimmed[match.end() :]
    # After a colon stands what the user dictates.
    return trimmed if ":" in trimmed else _LAST_COURTESY.sub("", trimmed).rstrip(_ENDINGS)
