"""Finds the records that a bulk wish means, or the word in it that was not understood."""

import re
from dataclasses import dataclass
from datetime import date

from agents.offline_model.clauses import QUOTE
from agents.offline_model.kinds import Kind, Row, name_of
from agents.offline_model.languages.language import Language
from agents.offline_model.selection import english, german, italian
from agents.offline_model.selection.reading import Reading, Records, Unread, words_of
from agents.offline_model.selection.scanning import scan
from agents.offline_model.selection.vocabulary import SelectionWords
from agents.offline_model.titles import match_exactly, normalize

WORDS = {"en": english.WORDS, "de": german.WORDS, "it": italian.WORDS}
_LONGEST = 400
_STATES = {"overdue", "done", "open", "todo", "in_progress", "archived", "suggested", "no due", "due"}


def names_several(text: str, before: str, language: Language) -> bool:
    """``text`` (quotes taken out) names more than one record; ``before`` it stood articles and the verb."""
    words = WORDS[language.code]
    if not re.sub(QUOTE, "", text).strip():
        return False
    if words.means_several(text):
        return True
    noun = re.match(rf"(?:{language.noun})(?!\w)", text, re.IGNORECASE)
    if words.after_plural.search(before):
        return noun is not None
    if noun is not None and not any(plural.match(text) for plural in words.plurals.values()):
        return False
    return words.plural_in(re.sub(QUOTE, "", text)) is not None or _only_filters(text, language, words)


def _only_filters(text: str, language: Language, words: SelectionWords) -> bool:
    """As in "delete completed"."""
    if len(text) > _LONGEST:
        return False
    # Which day it is does not matter for the names.
    names = {token.name for token in scan(text, language, words, date(2000, 1, 1))}
    return bool(names & _STATES) and names <= _STATES | {"skip", "these", "priority", "not", "span"}


def kind_of_several(text: str, language: Language) -> Kind | None:
    """The kind whose plural stands first; else a noun that a quantifier makes several ("every task")."""
    plain = re.sub(QUOTE, "", text)
    plural = WORDS[language.code].plural_in(plain)
    if plural is not None:
        return plural
    kind = language.kind_in(plain)
    return None if kind is Kind.PROJECT and not re.match(rf"\w+ (?:{language.nouns[kind]})", plain) else kind


@dataclass(frozen=True, slots=True)
class Selected:
    """``rows`` are meant, unless ``unread`` names what was not understood.

    ``has_noun``: it was said of what kind they are; ``tells_kind``: the filters tell. ``is_narrowed``: there are some.
    """

    rows: list[Row]
    unread: str = ""
    has_noun: bool = False
    tells_kind: bool = False
    is_narrowed: bool = False


def select(text: str, records: Records, language: Language, *, asks: bool = False) -> Selected:
    """The rows that ``text`` means, each of whose words must be understood. ``asks``: all, where nothing narrows it."""
    words = WORDS[language.code]
    if len(text) > _LONGEST:
        return Selected([], text[:60])
    try:
        return _select(text, records, language, words, asks=asks)
    except Unread as unread:
        return Selected([], str(unread))


def _select(text: str, records: Records, language: Language, words: SelectionWords, *, asks: bool) -> Selected:
    wanted, _, excepted = _divide(text, words)
    included = Reading(records, words, asks=asks).read(list(scan(wanted, language, words, records.today)))
    rows = [row for row in records.rows if all(condition.test(row) for condition in included.conditions)]
    spared = _read_exceptions(excepted, records, language, words)
    rows = [row for row in rows if not any(row is other for other in spared)]
    if included.number is not None and included.number[1] != len(rows):
        raise Unread(included.number[0])
    return Selected(
        rows,
        has_noun=included.nouns > 0,
        tells_kind=included.tells_kind,
        is_narrowed=bool(included.conditions or excepted),
    )


def _divide(text: str, words: SelectionWords) -> tuple[str, str, str]:
    """The text before the first exception, the words that make it one, and what is excepted."""
    pattern = words.phrases[0][1]
    quoted = [(match.start(), match.end()) for match in re.finditer(r"“[^”]*”", text)]
    for match in pattern.finditer(text):
        if not any(start < match.start() < end for start, end in quoted):
            return text[: match.start()].rstrip(" ,"), match[0], text[match.end() :].strip(" ,:")
    return text, "", ""


def _read_exceptions(text: str, records: Records, language: Language, words: SelectionWords) -> list[Row]:
    """The rows that shall be spared. Each part of ``text`` must find some. Raises ``Unread``."""
    if not text:
        return []
    if words.excepts(text):
        raise Unread(text)
    whole = match_exactly(text.strip("“”"), records.rows, records.kind)
    if whole:
        return whole
    spared: list[Row] = []
    for part in re.split(rf"\s*,\s*(?:{_joins(words)}\s+)?|\s+{_joins(words)}\s+", text, flags=re.IGNORECASE):
        if part.strip():
            spared += _read_exception(part.strip(), records, language, words)
    return spared


def _read_exception(part: str, records: Records, language: Language, words: SelectionWords) -> list[Row]:
    tokens = list(scan(part, language, words, records.today))
    reading = Reading(records, words)
    names = {token.name for token in tokens}
    named = match_exactly(part.strip("“”"), records.rows, records.kind)
    if named:
        return named
    if names & {"word", "owner"} and not names & {"noun", "project"} and not reading.projects_named(part):
        wanted = set(normalize(part).split())
        holding = [row for row in records.rows if wanted and wanted <= words_of(name_of(records.kind, row))]
        if len(holding) == 1:
            return holding
        if holding or names <= {"word", "owner", "skip"}:
            raise Unread(part)
    reading.read(tokens)
    found = [row for row in records.rows if all(condition.test(row) for condition in reading.conditions)]
    if not reading.conditions or not found:
        raise Unread(part)
    return found


def _joins(words: SelectionWords) -> str:
    return dict(words.phrases)["and"].pattern
