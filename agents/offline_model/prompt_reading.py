"""Reads a prompt back, as any model has to: the user's day, request and data, and what came of earlier calls."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agents import prompts
from agents.llm.messages import Message
from agents.offline_model.kinds import SHAPES, Kind, Row
from agents.offline_model.languages import LANGUAGES

# A longer request is not one sentence to a rule-based model; the rules stay fast on what is left.
MAX_REQUEST_CHARACTERS = 4_000
_TODAY = re.compile(r"^Today is \w+, (\d{4}-\d{2}-\d{2})\.", re.MULTILINE)
_TIMEZONE = re.compile(r"^It is [\d:]+ in the user's timezone, ([\w/+-]+)\.$", re.MULTILINE)
_PREVIOUS_RESULTS = "previous_results"
_YES = re.compile(
    r"(?:yes|yep|yeah|sure|ok(?:ay)?|right|correct|exactly|ja|genau|richtig|sì|si|esatto|certo)"
    r"(?:,? (?:please|bitte|grazie|that one|that['’]s (?:it|right|the one)))?[.! ]*",
    re.IGNORECASE,
)
_LONGEST_NAME = 120
_ONE = [
    re.compile(re.escape(language.answers[key]).replace(r"\{name\}", "“(?P<name>[^”]+)”"))
    for language in LANGUAGES
    for key in ("this one", "delete this one")
]
_WHICH = [re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(language.answers["several"]))) for language in LANGUAGES]
_FENCE = re.compile(r'<data source="(\w+)"[^>]*>\n(.*?)\n</data>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one tool call of this turn gave. ``value`` is a read tool's answer, ``record_id`` a new record."""

    call_id: str
    name: str
    arguments: dict[str, Any]
    ok: bool
    error: str = ""
    value: Any = None
    record_id: str = ""


@dataclass
class Prompt:
    """``request`` is the latest thing the user said, ``earlier`` what was said before it, newest first."""

    today: date
    request: str
    system: str = ""
    earlier: list[str] = field(default_factory=list)
    sections: dict[str, Any] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    tools: frozenset[str] = frozenset()
    # The record that the user has just told us, where we asked about ``request``.
    named: str = ""

    @classmethod
    def read(cls, messages: Sequence[Message], optional_params: Mapping[str, Any]) -> Self:
        system = "\n\n".join(_text(message) for message in messages if message.get("role") == "system")
        last = max((i for i, message in enumerate(messages) if message.get("role") == "user"), default=-1)
        earlier = [_text(m) for m in messages[: max(last, 0)] if m.get("role") in ("user", "assistant")]
        turn = messages[last + 1 :]
        return cls(
            today=_today(system),
            request=_text(messages[last])[:MAX_REQUEST_CHARACTERS] if last >= 0 else "",
            system=system,
            earlier=earlier[::-1],
            sections=dict(_read_fences(system)),
            outcomes=list(_outcomes(turn)),
            tools=frozenset(tool["function"]["name"] for tool in optional_params.get("tools") or ()),
        )

    @cached_property
    def timezone(self) -> ZoneInfo:
        match = _TIMEZONE.search(self.system)
        try:
            return ZoneInfo(match[1] if match else "UTC")
        except (ValueError, OSError, ZoneInfoNotFoundError):
            return ZoneInfo("UTC")

    @property
    def previous_results(self) -> list[Row] | None:
        """What other agents of the turn said and did; null where an agent works alone."""
        return _rows(self.sections[_PREVIOUS_RESULTS]) if _PREVIOUS_RESULTS in self.sections else None

    @property
    def made_in_turn(self) -> set[str]:
        """The ids of the records that this turn made, by this agent or one before it."""
        own = {o.record_id for o in self.outcomes if o.ok and o.name.startswith("create_")}
        done = [deed for result in self.previous_results or () for deed in _rows(result.get("done"))]
        before = {str(deed.get("record_id")) for deed in done if str(deed.get("action")).startswith("create")}
        return own | before

    @property
    def is_synthesis(self) -> bool:
        """All the work is done, and one answer is to be made of the results."""
        return self.previous_results is not None and not self.tools and not self.outcomes

    @property
    def is_for_builder(self) -> bool:
        """A sentence is to become a batch."""
        return self.system.startswith(prompts.load("batch_builder"))

    @property
    def is_for_one_record(self) -> bool:
        """One item of a map run is to be done."""
        return self.system.startswith(prompts.load("map_item"))

    def rows(self, kind: Kind) -> list[Row]:
        """Every record known, each once: those the client sent, those that answers brought, those this turn made."""
        shape = SHAPES[kind]
        found = [*_rows(self.sections.get(shape.section))]
        for outcome in self.outcomes:
            if not outcome.ok:
                continue
            if outcome.name in shape.reads:
                found += rows_of(outcome.value)
            elif outcome.name == f"create_{kind}" and outcome.record_id:
                found.append({"id": outcome.record_id, **outcome.arguments})
        known: dict[str, Row] = {}
        for row in found:
            if "id" in row:
                known.setdefault(str(row["id"]), {}).update(row)
        return list(known.values())

    @property
    def tasks(self) -> list[Row]:
        return self.rows(Kind.TASK)

    @property
    def projects(self) -> list[Row]:
        return self.rows(Kind.PROJECT)

    @cached_property
    def comments(self) -> list[Row]:
        found = [*_rows(self.sections.get("task_comments"))]
        for task in self.tasks:
            found += [{"task_id": task["id"], **comment} for comment in _rows(task.get("comments"))]
        for outcome in self.outcomes:
            if outcome.ok and outcome.name == "list_task_comments":
                found += [{"task_id": outcome.arguments.get("task_id"), **row} for row in rows_of(outcome.value)]
        return list({str(row["id"]): row for row in found if "id" in row}.values())


def read_follow_up(prompt: Prompt) -> Prompt:
    """``prompt`` with the request that was asked about, where its own one only answers that question.

    ``named`` then is the record that was meant. Raises nothing.
    """
    if len(prompt.earlier) < 2:  # noqa: PLR2004 - the question, and what it was about
        return prompt
    question, request = prompt.earlier[0], prompt.earlier[1]
    asked = next((match for pattern in _ONE if (match := pattern.search(question))), None)
    named = ""
    if asked is not None and _YES.fullmatch(prompt.request.strip()):
        named = asked["name"]
    elif len(prompt.request) <= _LONGEST_NAME and any(pattern.search(question) for pattern in _WHICH):
        # Of those that were offered; anything else is a request of its own.
        words = " ".join(re.findall(r"[^\W_]+", prompt.request.casefold()))
        offered = re.findall(r"“([^”]+)”", question)
        meant = [title for title in offered if words and words == " ".join(re.findall(r"[^\W_]+", title.casefold()))]
        named = meant[0] if len(meant) == 1 else ""
    return replace(prompt, request=request, earlier=prompt.earlier[2:], named=named) if named else prompt


def rows_of(value: Any) -> list[Row]:
    """The rows in a read tool's answer: a list of them, one of them, or an object that holds such."""
    if isinstance(value, Mapping):
        if "id" in value:
            return [dict(value)]
        return next((rows_of(item) for item in value.values() if isinstance(item, list | Mapping)), [])
    return _rows(value)


def _rows(value: Any) -> list[Row]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(message: Message) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _today(system: str) -> date:
    match = _TODAY.search(system)
    try:
        return date.fromisoformat(match[1]) if match else datetime.now(UTC).date()
    except ValueError:
        return datetime.now(UTC).date()


def _read_fences(text: str) -> list[tuple[str, Any]]:
    found = []
    for source, content in _FENCE.findall(text):
        try:
            found.append((source, json.loads(content)))
        except ValueError:
            continue
    return found


def _outcomes(turn: Sequence[Message]) -> list[Outcome]:
    calls = {call["id"]: call["function"] for message in turn for call in message.get("tool_calls") or ()}
    found = []
    for message in turn:
        function = calls.get(message.get("tool_call_id"))
        if message.get("role") != "tool" or function is None:
            continue
        text = _text(message)
        status = _object(text.split("\n", 1)[0])
        fences = _read_fences(text)
        found.append(
            Outcome(
                call_id=message["tool_call_id"],
                name=function["name"],
                arguments=_object(function.get("arguments") or "{}"),
                ok=status.get("ok") is True,
                error=str(status.get("error", "")),
                record_id=str(status.get("record_id", "")),
                value=fences[0][1] if fences else None,
            )
        )
    return found


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
