"""What one clause of a request asks for, and what the rules that find it work with."""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from agents.offline_model import details
from agents.offline_model.kinds import Kind, Row
from agents.offline_model.language import Language
from agents.offline_model.sentences import Quotes, first_quote

Match = re.Match[str]


@dataclass(frozen=True, slots=True)
class Intent:
    """``tool`` to call with ``fields``; ``target`` is how the user named the record, ``comment`` the comment.

    ``shift_days`` moves the due date the record has, ``append`` is added at the end of a note. ``explicit``: the user
    said what kind of record it is. ``tool`` is empty for a clause that no rule understands; ``target`` then holds it.
    """

    tool: str
    target: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    comment: str = ""
    shift_days: int | None = None
    append: str = ""
    explicit: bool = True


@dataclass(frozen=True, slots=True)
class Named:
    """A record as the user named it. ``kind`` is the default one unless ``explicit``."""

    kind: Kind
    name: str
    explicit: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """What the rules need beside the clause. ``kind`` is what is meant where the user does not say."""

    quotes: Quotes
    today: date
    projects: list[Row]
    language: Language
    kind: Kind = Kind.TASK

    def details(self, text: str, *, loosely: bool = False) -> details.Details:
        return details.read(text, self.quotes, self.today, self.projects, language=self.language, loosely=loosely)

    def title(self, text: str) -> str:
        return details.title(text, self.quotes, self.language)

    def said(self, text: str) -> str:
        """``text`` with what stood in quotation marks."""
        return self.quotes.restore(text).strip()

    def record(self, text: str, noun: str | None = None, default: Kind | None = None) -> Named:
        """Quoted words alone are the name where there are any; else ``text`` without its article and noun."""
        kind = self.language.kind(noun) if noun else None
        if self.language.is_group(text):
            kind = kind or self.language.kind_in(text)
            name = text
        else:
            quote = first_quote(text)
            found, rest = self.language.split_noun(text)
            kind = kind or found or (self.language.kind_in(text.replace(quote, "")) if quote else None)
            name = quote or rest
        return Named(kind or default or self.kind, self.said(name), kind is not None)
