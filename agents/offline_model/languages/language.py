"""What a language brings: its words and its answers. Everything but these and its rules is shared."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agents.offline_model.clauses import ClauseSplitter
from agents.offline_model.kinds import Kind
from agents.offline_model.languages.dates import Days

_WORD = re.compile(r"[^\W\d_]+(?:['’](?=\w))?")
_FIRST_WORDS = 3
_MOST_WORDS_BEFORE_A_NOUN = 3


@dataclass(frozen=True, slots=True)
class DetailWords:
    """How the fields of a record are spoken of beside its title.

    ``priority`` patterns hold a group ``priority``, ``status`` one of that name, ``description`` and ``content`` (of a
    note) a group ``text`` that goes to the end, ``time`` a group ``time``. ``to_it`` ends what goes into the project
    just made. ``project`` are patterns with ``{name}`` for
    a project's name, ``project_loosely`` those for records that always have one. ``at`` is how a time of day is written
    down, ``tidy`` the last touch to a title.
    """

    priority: tuple[str, ...]
    status: str
    description: str
    content: str
    time: str
    at: str
    to_it: str
    project: tuple[str, ...]
    project_loosely: tuple[str, ...]
    loose_starts: frozenset[str]
    loose_ends: frozenset[str]
    tidy: Callable[[str], str] = str

    def project_patterns(self, name: str, *, loosely: bool) -> list[re.Pattern[str]]:
        forms = (*self.project, *self.project_loosely) if loosely else self.project
        return [re.compile(form.replace("{name}", re.escape(name)), re.IGNORECASE) for form in forms]


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """The words of one language.

    ``marks`` tell the language, ``nouns`` are patterns of what each kind is called, ``articles`` and ``naming``
    ("called", "titled") of what stands beside a noun, ``forbidden`` finds what shall not be done. ``periods`` are
    patterns of a list's span, by "overdue", "next week", "this week", "until", "everything" (archived records too),
    "waiting" (for approval) and "open" (not done);
    ``status_filter`` holds a group for each status, ``search_words`` a group ``words``.
    """

    code: str
    marks: frozenset[str]
    nouns: Mapping[Kind, str]
    articles: str
    naming: str
    pronoun: str
    permanently: str
    forbidden: str
    and_between: str
    priorities: Mapping[str, str]
    statuses: Mapping[str, str]
    days: Days
    clauses: ClauseSplitter
    details: DetailWords
    periods: Mapping[str, str]
    status_filter: str
    search_words: str
    answers: Mapping[str, str]
    suggestions: tuple[str, ...] = ()
    small_talk: tuple[tuple[str, str], ...] = ()

    @property
    def noun(self) -> str:
        return "|".join(self.nouns.values())

    def kind(self, noun: str) -> Kind | None:
        return next((kind for kind, words in self.nouns.items() if re.fullmatch(words, noun, re.IGNORECASE)), None)

    def kind_in(self, text: str) -> Kind | None:
        """The kind of the first noun that ``text`` holds."""
        match = re.search(rf"\b(?:{self.noun})\b", text, re.IGNORECASE)
        return None if match is None else self.kind(match[0])

    def split_noun(self, text: str) -> tuple[Kind | None, str]:
        """A record as it was named, without its kind: "the task buy milk", "Website project"."""
        before = re.match(
            rf"(?:(?:{self.articles}) ?)*(?P<noun>{self.noun})\b ?:?(?: (?:{self.naming}))? ?(?P<rest>\S.*)",
            text,
            re.IGNORECASE | re.DOTALL,
        )
        if before is not None:
            return self.kind(before["noun"]), before["rest"]
        after = re.fullmatch(rf"(?P<rest>\S.{{0,80}}?)[ -](?P<noun>{self.noun})", text, re.IGNORECASE)
        if after is not None:
            words = after["rest"].split()
            if len(words) <= _MOST_WORDS_BEFORE_A_NOUN and not re.fullmatch(self.articles, words[-1], re.IGNORECASE):
                return self.kind(after["noun"]), after["rest"]
        return None, text

    def period(self, text: str) -> str:
        """The first of ``periods`` that ``text`` speaks of, or nothing."""
        return next((name for name, pattern in self.periods.items() if re.search(pattern, text, re.IGNORECASE)), "")

    def is_pronoun(self, target: str) -> bool:
        return re.fullmatch(self.pronoun, target.strip(), re.IGNORECASE) is not None

    def weight(self, text: str) -> int:
        """How much ``text`` looks like this language; its first words tell most, the rest may be titles."""
        return weigh_words(text, self.marks)


def weigh_words(text: str, marks: frozenset[str]) -> int:
    words = [word.lower().replace("’", "'") for word in _WORD.findall(text)]
    return sum(1 + 2 * (place < _FIRST_WORDS) + 2 * (place == 0) for place, word in enumerate(words) if word in marks)


def any_noun(nouns: Mapping[Kind, str]) -> tuple[str, str]:
    """Patterns of what all kinds are called, and all but tasks."""
    return "|".join(nouns.values()), "|".join(words for kind, words in nouns.items() if kind is not Kind.TASK)


def by_kind(key: str, *answers: str) -> dict[str, str]:
    """An answer for each kind of record: task, project, checkpoint, note."""
    return {f"{key} {kind}": answer for kind, answer in zip(Kind, answers, strict=True)}
