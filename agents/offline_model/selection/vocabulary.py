"""What a language brings for bulk wishes: the phrases that quantify, filter, join, negate and except."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agents.offline_model.kinds import Kind

# The order in which phrases are tried at a place: what is more specific comes first.
PHRASES = (
    "except", "list", "no due", "has due", "no project", "no priority", "overdue", "this week", "next week",
    "last week", "this month", "next month", "last month", "in_progress", "open", "todo", "done", "archived",
    "active", "suggested", "approved", "priority", "project", "before", "until", "after", "person", "tag", "about",
    "due on", "due", "not", "or", "and", "these", "all", "place", "skip",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SelectionWords:
    """``phrases`` are patterns by the names in ``PHRASES``; ``priority`` holds a group of that name.

    "due on" needs a day beside it, while "due" alone means up to today.

    ``several`` begins a target that means more than one record. ``plurals`` are the nouns that do so by themselves,
    ``numbers`` the words for counts. ``vague`` words tell of what no field holds ("old", "some"): they are never taken
    for words of a title. ``tail`` begins what may follow a whole clause and narrows what it spoke of. ``after_plural``
    ends a text after which a noun without a plural form of its own means several. ``pointing`` ends a text after which
    "all" means what was spoken of.
    """

    several: re.Pattern[str]
    plurals: Mapping[Kind, re.Pattern[str]]
    phrases: tuple[tuple[str, re.Pattern[str]], ...]
    numbers: Mapping[str, int]
    vague: frozenset[str]
    tail: re.Pattern[str]
    after_plural: re.Pattern[str]
    pointing: re.Pattern[str]

    @classmethod
    def of(
        cls,
        *,
        several: str,
        plurals: Mapping[Kind, str],
        phrases: Mapping[str, str],
        numbers: Mapping[str, int],
        vague: str,
        tail: str,
        pointing: str,
        after_plural: str = r"(?!)",
    ) -> "SelectionWords":
        """Patterns without their word boundaries; ``vague`` words stand in one text."""
        return cls(
            several=re.compile(rf"(?:{several})(?=[ ,]|$)", re.IGNORECASE),
            plurals={kind: _whole(pattern) for kind, pattern in plurals.items()},
            phrases=tuple((name, _whole(phrases[name])) for name in PHRASES if name in phrases),
            numbers=numbers,
            vague=frozenset(vague.split()),
            tail=_whole(rf"(?:{tail}|{phrases['except']})"),
            after_plural=re.compile(after_plural, re.IGNORECASE),
            pointing=re.compile(rf"\b(?:{pointing}) $", re.IGNORECASE),
        )

    def means_several(self, text: str) -> bool:
        """``text`` begins like a target of several records."""
        return self.several.match(text) is not None

    def plural_in(self, text: str) -> Kind | None:
        """The kind whose plural stands first in ``text``."""
        found = [(match.start(), kind) for kind, pattern in self.plurals.items() if (match := pattern.search(text))]
        return min(found)[1] if found else None

    def without_noun(self, text: str) -> str:
        """As "tasks buy milk and call Bob" without the noun that leads."""
        leading = [match for pattern in self.plurals.values() if (match := pattern.match(text))]
        return text[leading[0].end() :].lstrip(" :") if leading else text

    def excepts(self, text: str) -> bool:
        return dict(self.phrases)["except"].search(text) is not None


def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)
