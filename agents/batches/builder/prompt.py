"""What the model is asked: its instructions, the vocabulary, the shape of the answer, the day, the user's data."""

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from agents import prompting, prompts
from agents.actions import Table
from agents.batches.spec.batch_spec import BatchSpec
from agents.batches.spec.vocabulary import FIELDS, TABLES, TOOLS, Field, FieldKind
from agents.llm import messages as message
from agents.llm.messages import Message
from agents.run_context import RunContext
from agents.tools.records import CONTEXT_KEYS

PROMPT = "batch_builder"
MAX_CONTEXT_CHARACTERS = 60_000
_MAX_VALUE_CHARACTERS = 200
_MAX_REPEATED_CHARACTERS = 20_000
# What a project or a record is told apart by; what is in them the builder need not know.
_SHOWN: tuple[str, ...] = ("id", "name", "title", "status", "project_id", "task_id", "due_date")
_NOT_POSSIBLE = "That batch is not possible: {problem}. Send the whole JSON object once more, corrected."
_NO_USE = frozenset({"title", "default", "discriminator"})
_NOT_EVERYWHERE = _NO_USE | {
    *("minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minimum", "maximum", "description"),
}
# The sentences to the model that are in no prompt file.
MODEL_SENTENCES = (_NOT_POSSIBLE,)


def messages(request: str, run: RunContext, spec: BatchSpec | None) -> list[Message]:
    """``spec`` is the batch to change; None makes a new one. ``run.timezone`` is the user's."""
    instructions = [
        prompts.load(PROMPT),
        _vocabulary(),
        f"# Schema of the answer\n{_schema_text()}",
        prompting.now(run),
        prompting.fence("context", shown_context(run.data), MAX_CONTEXT_CHARACTERS * 2),
    ]
    if spec is not None:
        instructions.append(prompting.fence("spec", spec.as_dict(), MAX_CONTEXT_CHARACTERS * 2))
    return [message.system("\n\n".join(instructions)), *prompting.history(run), message.user(request)]


def repair_messages(asked: list[Message], answer: str, problem: str) -> list[Message]:
    """``asked`` again, with the ``problem`` of the ``answer`` to it."""
    repeated = [message.assistant(answer[:_MAX_REPEATED_CHARACTERS])] if answer.strip() else []
    return [*asked, *repeated, message.user(_NOT_POSSIBLE.format(problem=problem))]


@cache
def answer_schema() -> dict[str, Any]:
    """JSON schema with a title, as ``LanguageModel.complete`` takes it: made once, so not to be changed.

    Of JSON Schema it has what every provider takes: lengths, patterns and bounds are refused by some, and stand in the
    prompt.
    """
    bare: dict[str, Any] = _without(_whole_schema(), _NOT_EVERYWHERE)
    return {"title": "BatchAnswer", **bare}


def _whole_schema() -> dict[str, Any]:
    spec = copy.deepcopy(BatchSpec.model_json_schema())
    definitions = spec.pop("$defs")
    del spec["properties"]["version"]  # there is one, so nobody need write it
    spec["required"].remove("version")
    texts = {"type": "array", "items": {"type": "string"}}
    properties = {
        "buildable": {"type": "boolean"},
        "reason": {"type": "string"},
        "spec": {"anyOf": [{"$ref": "#/$defs/BatchSpec"}, {"type": "null"}]},
        "explanation": {"type": "string"},
        "questions": texts,
        "warnings": texts,
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "$defs": {**definitions, "BatchSpec": spec},
    }


def _without(node: Any, words: frozenset[str], *, are_names: bool = False) -> Any:
    """A schema without the keywords ``words``, a ``const`` as an enum of one, and a ``oneOf`` as ``anyOf``.

    ``are_names``: the keys of ``node`` are names of fields and of models.
    """
    if isinstance(node, list):
        return [_without(item, words) for item in node]
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {}
    for name, value in node.items():
        if are_names:
            found[name] = _without(value, words)
        elif name == "const":
            found["enum"] = [value]
        elif name not in words:
            kept = _without(value, words, are_names=name in {"properties", "$defs"})
            found["anyOf" if name == "oneOf" else name] = kept
    return found


@cache
def _schema_text() -> str:
    """For the prompt: not every model takes a schema as a parameter, and none all of it."""
    return json.dumps(_without(_whole_schema(), _NO_USE), separators=(",", ":"))


@cache
def _vocabulary() -> str:
    tools = [f"- {tool.name}: {tool.description}" for tool in TOOLS.values()]
    tables = [f"- {table}: {'; '.join(_field_texts(table))}" for table in TABLES]
    return "\n".join(["# Tools", *tools, "", "# Tables, their fields, and the ops of each", *tables])


def _field_texts(table: Table) -> Iterable[str]:
    alike: dict[Field, list[str]] = {}
    for name, field in FIELDS[table].items():
        alike.setdefault(field, []).append(name)
    for field, names in alike.items():
        yield f"{', '.join(names)} ({_takes(field)}: {' '.join(field.ops)})"


def _takes(field: Field) -> str:
    match field.kind:
        case FieldKind.CHOICE:
            return " / ".join(field.choices)
        case FieldKind.DAY:
            return "YYYY-MM-DD"
        case FieldKind.ID:
            return f"id in {field.table}"
        case FieldKind.FLAG:
            return "true / false"
        case FieldKind.TEXT:
            return "text"


def shown_context(data: Mapping[str, Any]) -> dict[str, Any]:
    """What of a ChatRequest's ``context`` helps to build: the user's profile, and what records are called.

    Projects come first, and what does not fit ``MAX_CONTEXT_CHARACTERS`` is left out.
    """
    left = MAX_CONTEXT_CHARACTERS
    shown: dict[str, Any] = {}
    profile = data.get("user_profile")
    if profile and len(prompting.compact_json(profile)) <= left:
        shown["user_profile"] = profile
        left -= len(prompting.compact_json(profile))
    order: tuple[Table, ...] = ("projects", "checkpoints", "tasks", "notes", "task_comments")
    for table in order:
        rows = data.get(CONTEXT_KEYS[table])
        if not isinstance(rows, Sequence) or isinstance(rows, str):
            continue
        fitting = []
        for row in rows:
            short = _shorten(row)
            left -= len(prompting.compact_json(short)) + 1
            if left < 0:
                break
            if short:
                fitting.append(short)
        if fitting:
            shown[CONTEXT_KEYS[table]] = fitting
    return shown


def _shorten(row: Any) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        return {}
    return {
        name: value[:_MAX_VALUE_CHARACTERS] if isinstance(value, str) else value
        for name in _SHOWN
        if isinstance(value := row.get(name), str | int)
    }
