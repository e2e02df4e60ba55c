"""What one clause of a request asks for, and what the rules that find it share."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from agents.offline import details
from agents.offline.sentences import Quotes, first_quote
from agents.offline.situation import Row


@dataclass(frozen=True, slots=True)
class Intent:
    """``tool`` to call with ``fields``; ``target`` is how the user named the task it is about, ``comment`` the comment.

    ``shift_days`` moves the due date the task has. ``tool`` is empty for a clause that no rule understands; ``target``
    then holds it.
    """

    tool: str
    target: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    comment: str = ""
    shift_days: int | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """What the rules need beside the clause."""

    quotes: Quotes
    today: date
    projects: list[Row]

    def details(self, text: str) -> details.Details:
        return details.read(text, self.quotes, self.today, self.projects)

    def named(self, text: str) -> str:
        """A record as the user named it: quoted words alone where there are any."""
        return self.quotes.restore(first_quote(text) or text).strip()


Match = re.Match[str]
# Gives null where the words fit but no sense can be made of them: the next rule is asked.
Rule = Callable[[Match, Reader], Iterable[Intent] | None]
Rules = list[tuple[re.Pattern[str], Rule]]

# The rules' patterns are matched against a whole clause, whose words stand one space apart.
TASK = r"(?:tasks?|to-?dos?|to do(?:s| items?)?|reminders?|(?:action )?items?)"
THE = r"(?:(?:the|my|this|that|a) )?"
TARGET = rf"{THE}(?:{TASK} )?(?P<target>\S.*?)"


def compiled(rules: Iterable[tuple[str, Rule]]) -> Rules:
    return [(re.compile(pattern, re.IGNORECASE | re.DOTALL), rule) for pattern, rule in rules]


def is_pronoun(target: str) -> bool:
    pronouns = r"(?:its?|this|that|them|this one|that one|(?:the )?last one)(?: task)?"
    return re.fullmatch(pronouns, target.strip(), re.IGNORECASE) is not None


def is_group(target: str) -> bool:
    return re.match(r"(?:all|every|each|everything)\b", target.strip(), re.IGNORECASE) is not None
