"""What the offline model answers to the Batch Builder's prompt. It is Wednesday, 18 November 2026, 10:00 in Rome."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from agents.batches.builder import answers, prompt
from agents.batches.spec.batch_spec import BatchSpec
from agents.offline_model.provider import next_reply
from agents.run_context import RunContext

ROME = "Europe/Rome"
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=ZoneInfo(ROME))
WEBSITE = "0b7cd3f4-0000-4000-8000-00000000000a"
GARDEN = "0b7cd3f4-0000-4000-8000-00000000000b"
PROJECTS = [{"id": WEBSITE, "name": "Website", "status": "active"}, {"id": GARDEN, "name": "Garden"}]
OVERDUE = [("due_date", "older_than_days", 0), ("status", "ne", "done")]


def build(text: str, spec: Mapping[str, Any] | None = None, *, projects: list[Any] = PROJECTS) -> dict[str, Any]:
    """The answer; ``spec`` is the batch to change. What it holds as a spec is a valid one."""
    run = RunContext.of({"user_profile": {"timezone": ROME}, "projects": projects}, now=NOW)
    before = None if spec is None else BatchSpec.model_validate({"version": 1, **spec})
    answer = next_reply(prompt.messages(text, run, before), {}).text
    answers.parse(answer, now=NOW, timezone=ROME, names={})
    read: dict[str, Any] = json.loads(answer)
    assert read.keys() == {"buildable", "reason", "spec", "explanation", "questions", "warnings"}
    if read["spec"] is not None:
        BatchSpec.model_validate({"version": 1, **read["spec"]})
    return read


def built(text: str, spec: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The spec of an answer that asks nothing."""
    answer = build(text, spec)
    assert answer["questions"] == []
    assert answer["buildable"]
    found: dict[str, Any] = answer["spec"]
    return found


def where(spec: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    return [(one["field"], one["op"], one["value"]) for one in spec["selection"]["where"]]
