"""How a turn becomes messages: instructions, the user's day, their data in a fence, the conversation, the request."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from agents import prompts
from agents.llm import messages as message
from agents.llm.messages import Message
from agents.run_context import RunContext

# About 50,000 tokens: what is left fits the smallest context window (128k) together with history and tool results.
MAX_DATA_CHARACTERS = 200_000
MAX_HISTORY_CHARACTERS = 100_000
MAX_RESULT_CHARACTERS = 60_000
# What carries the request comes first: later sections are cut when the data is too large.
SECTIONS = (
    "user_profile",
    "recent_tasks",
    "task_comments",
    "projects",
    "checkpoints",
    "notes",
    "relevant_documents",
)
PREVIOUS_RESULTS = "previous_results"
_DAYS_AHEAD = 8
# A value can hold no tag: it cannot close its own fence.
_TAG_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def messages(
    prompt: str,
    query: str,
    context: RunContext,
    documents: Sequence[Mapping[str, Any]] = (),
    *,
    previous_results: Sequence[Mapping[str, Any]] | None = None,
) -> list[Message]:
    """The messages a turn starts with; ``prompt`` names a file of ``agents/prompts``.

    ``previous_results`` is what the agents before this one did, null where it works alone.
    """
    instructions = [prompts.load(prompt), prompts.load("common"), now(context), data(context, documents)]
    if previous_results is not None:
        instructions += [prompts.load("pipeline"), fence(PREVIOUS_RESULTS, list(previous_results))]
    return [message.system("\n\n".join(instructions)), *history(context), message.user(query)]


def now(context: RunContext) -> str:
    """The user's day. The coming days are spelled out because models miscount weekdays."""
    moment = context.now.astimezone(context.timezone).replace(second=0, microsecond=0)
    return _describe_minute(moment, str(context.timezone))


@lru_cache(maxsize=64)
def _describe_minute(moment: datetime, zone: str) -> str:
    ahead = [moment + timedelta(days=days) for days in range(1, _DAYS_AHEAD)]
    return "\n".join(
        [
            "# Now",
            f"Today is {moment:%A}, {moment:%Y-%m-%d}.",
            f"It is {moment:%H:%M} in the user's timezone, {zone}.",
            f"The next days are {', '.join(f'{day:%A} {day:%Y-%m-%d}' for day in ahead)}.",
        ]
    )


def data(context: RunContext, documents: Sequence[Mapping[str, Any]] = ()) -> str:
    """The client's context, each section in a fence of its own and all of them within ``MAX_DATA_CHARACTERS``."""
    sections: list[tuple[str, Any]] = [(name, context.data.get(name)) for name in SECTIONS]
    sections.append(("found_documents", list(documents)))
    left = MAX_DATA_CHARACTERS
    parts = ["# Data from the user's device"]
    for name, value in sections:
        if not value or left <= 0:
            continue
        text = fence(name, value, left)
        left -= len(text)
        parts.append(text)
    if len(parts) == 1:
        parts.append("There is none in this request.")
    return "\n".join(parts)


def fence(source: str, value: Any, limit: int = MAX_RESULT_CHARACTERS) -> str:
    """``value`` as JSON between ``<data>`` tags that nothing inside can close.

    A list is cut after the last item that fits ``limit`` characters, anything else that is too long is left out; the
    tag says so.
    """
    if isinstance(value, list):
        shown = list(_take_fitting(value, limit))
        text = f"[{','.join(shown)}]"
        note = f' shown="{len(shown)}" of="{len(value)}"' if len(shown) < len(value) else ""
    else:
        text, note = compact_json(value), ""
        if len(text) > limit:
            text, note = "null", ' shown="0" reason="too large"'
    return f'<data source="{source}"{note}>\n{text}\n</data>'


def history(context: RunContext) -> list[Message]:
    """The ``conversation_history``, of one that is too long the end; malformed entries are left out."""
    entries = context.data.get("conversation_history")
    given = [past for entry in (entries if isinstance(entries, list) else []) if (past := _message_of(entry))]
    return given if _count_characters(given) <= MAX_HISTORY_CHARACTERS else _trim(given)


def _trim(given: list[Message]) -> list[Message]:
    """The latest of them that fit ``MAX_HISTORY_CHARACTERS``, from a message of the user's on."""
    from langchain_core.messages import convert_to_openai_messages, trim_messages

    kept = trim_messages(
        given,
        max_tokens=MAX_HISTORY_CHARACTERS,
        token_counter=lambda messages: sum(len(each.text) for each in messages),
        strategy="last",
        start_on="human",
    )
    return [dict(each) for each in convert_to_openai_messages(kept)]


def _count_characters(messages: Iterable[Message]) -> int:
    return sum(len(each["content"]) for each in messages)


def _message_of(entry: Any) -> Message | None:
    if not isinstance(entry, Mapping):
        return None
    content = entry.get("content")
    if not isinstance(content, str) or not content.strip():
        return None
    if entry.get("role") == "user":
        return message.user(content)
    return message.assistant(content) if entry.get("role") == "assistant" else None


def _take_fitting(items: Iterable[Any], limit: int) -> Iterable[str]:
    for item in items:
        text = compact_json(item)
        limit -= len(text) + 1
        if limit < 0:
            return
        yield text


def compact_json(value: Any) -> str:
    """JSON that holds no tag; a value JSON cannot write is written as its text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).translate(_TAG_ESCAPES)
