"""Decides what the offline model says next: tool calls first, then a sentence about what came of them."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from agents.messages import Message
from agents.offline import matching, routing, small_talk, templates, wording
from agents.offline.intents import Intent, is_group, is_pronoun
from agents.offline.situation import Outcome, Row, Situation
from agents.offline.understanding import understand
from agents.replies import Reply, ToolCall

# Ids of calls tell which wish they serve, so that each later round reads the state off the conversation.
_PREFIX = "offline"
_LOOKUP = "lookup"
_MAX_CALLS = 40


@dataclass(slots=True)
class Step:
    """One wish on its way. ``candidates`` are the records it may mean, where there is not exactly one."""

    intent: Intent
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    records: list[Row] = field(default_factory=list)
    candidates: list[Row] = field(default_factory=list)
    needs_tasks: bool = False
    needs_comments_of: str | None = None
    outcomes: list[Outcome] = field(default_factory=list)


def think(messages: Sequence[Message], optional_params: Mapping[str, Any]) -> Reply:
    """The next reply to ``messages``; ``optional_params`` are those of a chat completion (tools, response_format)."""
    situation = Situation.read(messages, optional_params)
    drafted = templates.answer(situation, optional_params.get("response_format"))
    if drafted is not None:
        return Reply(drafted)
    routed = routing.answer(situation, optional_params.get("response_format"))
    if routed is not None:
        return Reply(routed)
    talk = small_talk.answer(situation.request)
    if talk is not None:
        return Reply(talk)
    intents = understand(situation.request, situation.today, situation.projects)
    steps = [_step(number, intent, situation) for number, intent in enumerate(intents)]
    calls = _calls(steps, situation)
    return Reply("", tuple(calls)) if calls else Reply(wording.report(steps, situation))


def _step(number: int, intent: Intent, situation: Situation) -> Step:
    step = Step(intent)
    step.outcomes = [o for o in situation.outcomes if _serves(o.call_id, number)]
    if step.outcomes:
        step.records = [_record(outcome, situation) for outcome in step.outcomes]
        return step
    if intent.tool in ("list_tasks", "list_tasks_due_today") or (
        "title" in intent.fields and intent.tool == "create_task"
    ):
        step.calls = [(intent.tool, intent.fields)]
    elif intent.tool == "create_task":
        return step
    elif intent.tool == "delete_task_comment":
        _plan_comment(step, situation)
    elif intent.tool:
        _plan_tasks(step, situation)
    return step


def _plan_tasks(step: Step, situation: Situation) -> None:
    intent = step.intent
    found = _tasks_meant(intent.target, situation)
    if is_group(intent.target) or len(found) == 1:
        step.records = found
    else:
        step.candidates = found
    step.needs_tasks = not found
    step.calls = [
        (intent.tool, {"task_id": str(row["id"]), **_fields_for(row, intent, situation.today)})
        for row in step.records[:_MAX_CALLS]
    ]


def _tasks_meant(target: str, situation: Situation) -> list[Row]:
    tasks = situation.tasks
    if is_group(target):
        return _group(target, tasks)
    if not is_pronoun(target):
        return matching.find(target, tasks)
    if len(tasks) == 1:
        return tasks
    for text in situation.earlier:
        spoken = matching.normal(text)
        named = [row for row in tasks if (title := matching.normal(str(row.get("title", "")))) and title in spoken]
        if named:
            return named
    return []


def _group(target: str, tasks: list[Row]) -> list[Row]:
    words = set(target.lower().split())
    if words & {"done", "completed", "complete", "finished"}:
        return [row for row in tasks if row.get("status") == "done"]
    if words & {"open", "unfinished", "pending", "remaining"}:
        return [row for row in tasks if row.get("status") != "done"]
    return tasks


def _fields_for(row: Row, intent: Intent, today: date) -> dict[str, Any]:
    if intent.shift_days is None:
        return intent.fields
    try:
        start = date.fromisoformat(str(row.get("due_date", ""))[:10])
    except ValueError:
        start = today
    return {**intent.fields, "due_date": (start + timedelta(days=intent.shift_days)).isoformat()}


def _plan_comment(step: Step, situation: Situation) -> None:
    comments = situation.comments
    if step.intent.target:
        tasks = _tasks_meant(step.intent.target, situation)
        step.needs_tasks = not tasks
        if len(tasks) != 1:
            step.candidates = tasks
            return
        task_id = str(tasks[0]["id"])
        comments = [row for row in comments if str(row.get("task_id")) == task_id]
        if not comments:
            step.needs_comments_of = task_id
            return
    found = matching.find(step.intent.comment, comments, "content") if step.intent.comment else comments[-1:]
    if len(found) == 1:
        step.records = found
        step.calls = [("delete_task_comment", {"comment_id": str(found[0]["id"])})]
    else:
        step.candidates = found


def _calls(steps: Sequence[Step], situation: Situation) -> list[ToolCall]:
    """The calls to make now. Each wish is served once; records that are missing are looked up once a turn."""
    calls = [
        _call(f"{number}", name, arguments)
        for number, step in enumerate(steps)
        if not step.outcomes
        for name, arguments in step.calls
        if name in situation.tools
    ]
    looked_up = {outcome.name for outcome in situation.outcomes if f"-{_LOOKUP}-" in outcome.call_id}
    if any(step.needs_tasks for step in steps) and "list_tasks" in situation.tools - looked_up:
        calls.append(_call(_LOOKUP, "list_tasks", {"limit": 200}))
    if "list_task_comments" in situation.tools - looked_up:
        wanted = dict.fromkeys(step.needs_comments_of for step in steps if step.needs_comments_of)
        calls += [_call(_LOOKUP, "list_task_comments", {"task_id": task_id}) for task_id in wanted]
    return calls[:_MAX_CALLS]


def _call(purpose: str, name: str, arguments: dict[str, Any]) -> ToolCall:
    return ToolCall(f"{_PREFIX}-{purpose}-{uuid.uuid4().hex[:12]}", name, json.dumps(arguments))


def _serves(call_id: str, number: int) -> bool:
    return call_id.startswith(f"{_PREFIX}-{number}-")


def _record(outcome: Outcome, situation: Situation) -> Row:
    """The record a finished call was about, as far as it is known."""
    task_id = str(outcome.arguments.get("task_id", ""))
    return next((row for row in situation.tasks if str(row.get("id")) == task_id), {"id": task_id})
