"""Finds agent names, routing metadata and tool schemas in a stream by the identifiers they are made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from chat.sanitizer.enclosures import JsonObject
from chat.sanitizer.folding import PLAIN, plain
from chat.sanitizer.user_texts import UserTexts

if TYPE_CHECKING:
    pass

ROUTING_KEYS = (
    "agent",
    "agents",
    "agent_name",
    "agent_names",
    "intent",
    "intents",
    "pipeline",
    "route",
    "routes",
    "routed_to",
    "selected_agent",
    "selected_agents",
    "target_agent",
    "next_agent",
)
_SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema", "args_schema")


class Kind(Enum):
    AGENT = "agent"
    TOOL = "tool"
    ROUTING_KEY = "routing key"
    NAME_KEY = "name key"
    FUNCTION_KEY = "function key"
    SCHEMA_KEY = "schema key"


class Vocabulary:
    """The identifiers that reveal internals, and the kind of each. They are folded, but keep their underscores."""

    __slots__ = ("kinds", "prefixes")

    def __init__(self, *, agent_names: Iterable[str], routing_keys: Iterable[str], tool_names: Iterable[str]) -> None:
        self.kinds: dict[str, Kind] = {}
        # TaskAgent is the class of task_agent; "task agent" is two ordinary words.
        agents = [spelling for name in agent_names for spelling in (name, name.replace("_", ""))]
        for keys, kind in (
            (("name",), Kind.NAME_KEY),
            (("function",), Kind.FUNCTION_KEY),
            (_SCHEMA_KEYS, Kind.SCHEMA_KEY),
            (routing_keys, Kind.ROUTING_KEY),
            (tool_names, Kind.TOOL),
            (agents, Kind.AGENT),
        ):
            self.kinds |= {plain(key): kind for key in keys}
        self.prefixes = frozenset(text[:length] for text in self.kinds for length in range(len(text) + 1))


def tool_name(schema: Mapping[str, Any]) -> str:
    """The name in a schema as a chat completion takes it, or in its bare function."""
    return str(schema.get("function", schema)["name"])


_QUOTES = frozenset("\"'`")
_COLONS = frozenset(":=")
_BEFORE_A_KEY = ("{", ",")
# In no piece of prose: invisible characters, what goes on with a word, the brackets that a schema is followed by.
_NOT_PLAIN = frozenset(("", "_", "{", "}"))
_UNKNOWN = "\0"
# What may be between a key and its value.
_BETWEEN = frozenset(" \"'`:=,>[{(")
# Invisible characters included; less than may be held back.
_MAX_WORD = 32
# In the schema of one tool the parameters follow the name and the description.
_SCHEMA_WITHIN = 4_000


@dataclass(frozen=True, slots=True)
class Finding:
    """``end`` is exclusive; with ``enclosure``, the character at ``end`` is the enclosure's first."""

    rule: str
    start: int
    end: int
    enclosure: JsonObject | None = None


class _Word(NamedTuple):
    kind: Kind
    start: int
    in_object: bool


class WordState(NamedTuple):
    """What a piece of prose leaves in the scanner; places from the piece's start on, None: as it was."""

    word: str
    start: int
    idle: bool
    quote: str
    quote_place: int
    before_quote: str | None
    solid: str | None
    # What may come next, the offset of what is held or `NOWHERE`, and whether something stays as it was.
    accepts: int
    hold: int
    inherits: bool


# Which pieces of prose may come next: none, those that do not begin with a letter, those that go on with a word that is
# in no vocabulary, those that begin a word.
NOWHERE = 1 << 60
NOTHING, SEPARATOR, WORD, BREAK = range(4)
# Left by letters within a word that is in no vocabulary: all is as it was.
SAME = WordState("", 0, True, "", 0, None, None, WORD, NOWHERE, False)  # noqa: FBT003


class IdentifierScanner:
    __slots__ = (
        "_after_escape",
        "_before_quote",
        "_colon",
        "_depth",
        "_escaped",
        "_quote",
        "_quote_place",
        "_schema_depth",
        "_schema_until",
        "_solid",
        "_start",
        "_trail",
        "_user",
        "_vocabulary",
        "_word",
        "idle",
    )

    def __init__(self, vocabulary: Vocabulary, user: UserTexts) -> None:
        self._vocabulary = vocabulary
        self._user = user
        self._word = ""
        self._start = 0
        # Within a word that is not in the vocabulary: its other letters change nothing.
        self.idle = False
        # Whether the last character was a backslash, and whether the word began after one.
        self._escaped = self._after_escape = False
        # The quote directly before the word, and the last sign before that: "{" or "," mark a key of an object.
        self._quote = self._before_quote = self._solid = ""
        self._quote_place = 0
        # Known words with nothing but separators between them, and the brackets opened since the first.
        self._trail: list[_Word] = []
        self._colon = False
        self._depth = 0
        # After `"name": "<a tool>"`: how far away its schema may begin, and the brackets open since.
        self._schema_until = -1
        self._schema_depth = 0

    def push(self, character: str, place: int) -> Finding | None:
        """The finding that ends with this character or the one before it."""
        sign = PLAIN[character]
        escaped, self._escaped = self._escaped, character == "\\"
        if sign == "_" or (sign.isalnum() and not escaped):
            if not self.idle:
                self._extend(sign, place)
            return None
        if not sign and not (self._word and place - self._start >= _MAX_WORD):
            return None
        finding = self._end_of_word(place) if self._word else None
        self.idle = False
        if sign.isalnum():
            self._begin_after_escape(sign, place)
            return finding
        if finding is not None and finding.enclosure is not None:
            return finding
        return finding or self._separator(sign, place)

    def read_plain(self, text: str, *, within_word: bool) -> WordState | None:
        """What ``text`` leaves in a new scanner, None where it is more than words and signs between them.

        ``within_word``: it begins within a word that is in no vocabulary.
        """
        self._solid = self._before_quote = _UNKNOWN
        self.idle = within_word
        for offset, character in enumerate(text):
            if PLAIN[character] in _NOT_PLAIN or self.push(character, offset) or self._trail or self._after_escape:
                return None
        before_quote = None if self._before_quote == _UNKNOWN else self._before_quote
        solid = None if self._solid == _UNKNOWN else self._solid
        if within_word and self.idle and solid is None:
            return SAME
        inherits = solid is None or (bool(self._quote) and before_quote is None)
        return WordState(
            self._word,
            self._start,
            self.idle,
            self._quote,
            self._quote_place,
            before_quote,
            solid,
            self.accepts,
            self.hold(NOWHERE),
            inherits,
        )

    @property
    def accepts(self) -> int:
        """Which pieces of prose may come next."""
        if self._trail or self._escaped or self._after_escape:
            return NOTHING
        if self.idle:
            return WORD
        if self._word:
            return NOTHING if self._word.strip("_") in self._vocabulary.kinds else SEPARATOR
        return SEPARATOR if self._quote else BREAK

    def take_plain(self, state: WordState, place: int) -> None:
        """As ``push`` for each character of a piece at ``place`` that leaves ``state``."""
        word, start, self.idle, quote, quote_place, before_quote, solid, *_ = state
        if word:
            self._start = place + start
        if quote:
            self._quote_place = place + quote_place
            # What stood before the quotation mark may stand before the piece.
            self._before_quote = self._solid if before_quote is None else before_quote
        self._word = word
        self._quote = quote
        if solid is not None:
            self._solid = solid

    def finish(self, end: int) -> Finding | None:
        """The finding that ends with the text."""
        return self._end_of_word(end) if self._word else None

    def hold(self, end: int) -> int:
        """The index of the first character that may be part of a finding; ``end`` if there is none."""
        if self._trail:
            return self._trail[0].start
        if self._word:
            return self._quote_place if self._quote else self._start
        return self._quote_place if self._quote else end

    def _begin_after_escape(self, sign: str, place: int) -> None:
        """The letter may be the word's first, or with the backslash be a line break before the word."""
        self._after_escape = True
        self._quote = ""
        self._trail.clear()
        self._extend(sign, place)

    def _extend(self, sign: str, place: int) -> None:
        if not self._word:
            self._start = place
            self._solid = sign
        self._word += sign
        if not any(reading in self._vocabulary.prefixes for reading in self._readings()):
            self._word = self._quote = ""
            self._after_escape = False
            self._trail.clear()
            self.idle = True

    def _readings(self) -> tuple[str, ...]:
        """What the word may be."""
        text = self._word.strip("_")
        return (text, text[1:]) if self._after_escape else (text,)

    def _end_of_word(self, end: int) -> Finding | None:
        text = next((reading for reading in self._readings() if reading in self._vocabulary.kinds), "")
        self._word = ""
        self._after_escape = False
        kind = self._vocabulary.kinds.get(text)
        quote, self._quote = self._quote, ""
        if kind is None:
            self._trail.clear()
            return None
        if not self._continues(kind):
            self._trail.clear()
            self._depth = 0
        start = self._quote_place if quote else self._start
        known = _Word(kind, start, bool(quote) and self._before_quote in _BEFORE_A_KEY)
        self._colon = False
        if kind is Kind.AGENT:
            return self._agent(text, quote, end)
        if kind is Kind.TOOL:
            return self._tool(quote, end)
        self._trail.append(known)
        return None

    def _continues(self, kind: Kind) -> bool:
        """Whether the words before are the key, or the key of the key, of a word of this ``kind``."""
        if not (self._trail and self._colon):
            return False
        return kind in (Kind.AGENT, Kind.TOOL) or (kind is Kind.NAME_KEY and self._trail[-1].kind is Kind.FUNCTION_KEY)

    def _agent(self, text: str, quote: str, end: int) -> Finding | None:
        key = self._trail.pop() if self._trail else None
        self._trail.clear()
        if text in self._user.plain:
            return None
        if key is None or key.kind is not Kind.ROUTING_KEY:
            return Finding("agent_name", self._start, end)
        whole = JsonObject(depth=self._depth, quote=quote) if key.in_object else None
        return Finding("routing_metadata", key.start, end, whole)

    def _tool(self, quote: str, end: int) -> Finding | None:
        kinds = [known.kind for known in self._trail]
        first = self._trail[0] if kinds else None
        self._trail.clear()
        if first is None or kinds[-1] is not Kind.NAME_KEY:
            return None
        if first.kind is Kind.FUNCTION_KEY and first.in_object:
            return Finding("tool_schema", first.start, end, JsonObject(depth=self._depth, quote=quote))
        self._schema_until = end + _SCHEMA_WITHIN
        self._schema_depth = 0
        return None

    def _separator(self, sign: str, place: int) -> Finding | None:
        if sign in _QUOTES:
            self._quote, self._quote_place, self._before_quote = sign, place, self._solid
        else:
            self._quote = ""
            self._solid = sign if sign != " " else self._solid
        if place < self._schema_until:
            self._follow_schema(sign)
        if self._trail:
            if sign not in _BETWEEN:
                self._trail.clear()
            elif sign in _COLONS:
                self._colon = True
                return self._schema_key(place)
            elif sign in "{[(":
                self._depth += 1
        return None

    def _follow_schema(self, sign: str) -> None:
        self._schema_depth += (sign == "{") - (sign == "}")
        if self._schema_depth < 0:
            self._schema_until = -1

    def _schema_key(self, place: int) -> Finding | None:
        key = self._trail[-1]
        if key.kind is not Kind.SCHEMA_KEY or not key.in_object or place >= self._schema_until:
            return None
        self._schema_until = -1
        self._trail.clear()
        return Finding("tool_schema", key.start, place, JsonObject(depth=0, quote=""))
