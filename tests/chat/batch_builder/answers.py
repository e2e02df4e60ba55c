"""Answers of a scripted model to the Batch Builder, and the requests that ask for them."""

import json
from typing import Any

from tests.fakes.llm_server import LoopbackLLM, Reply, text
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

ROME = "Europe/Rome"
SPEC: dict[str, Any] = {
    "name": "Prioritise open tasks",
    "trigger": {
        "kind": "schedule",
        "rrule": "FREQ=WEEKLY;BYDAY=MO",
        "anchor": "2100-01-04T09:00:00",
        "timezone": ROME,
        "catch_up": "latest",
    },
    "selection": {"table": "tasks", "where": [{"field": "status", "op": "ne", "value": "done"}], "limit": 50},
    "steps": [
        {"id": "prioritise", "type": "map", "instruction": "Give the task a priority.", "tools": ["update_task"]},
    ],
    "limits": {"max_items": 50, "max_tokens": 200_000, "max_minutes": 30},
    "approval": "destructive",
}
WHOLE = {"version": 1, **SPEC}
MESSAGE = "Prioritise my open tasks every Monday at nine"
# In whatever language.
EXPLANATION = "Prioritise: 09:00 (Europe/Rome)."


def said(spec: Any = SPEC, **fields: Any) -> str:
    """The JSON of an answer with ``spec``."""
    answer = {
        "buildable": True,
        "reason": "",
        "spec": spec,
        "explanation": EXPLANATION,
        "questions": [],
        "warnings": [],
    }
    return json.dumps({**answer, **fields})


def answer(spec: Any = SPEC, *, usage: tuple[int, int] = (7, 9), **fields: Any) -> Reply:
    return text(said(spec, **fields), usage=usage)


def with_(spec: dict[str, Any] = SPEC, **parts: Any) -> dict[str, Any]:
    """``spec`` with other ``parts``; one that is a dict is merged, but for a trigger of another kind."""
    merged = dict(spec)
    for name, part in parts.items():
        is_other_kind = isinstance(part, dict) and part.get("kind", "schedule") != "schedule"
        merged[name] = {**spec[name], **part} if isinstance(part, dict) and not is_other_kind else part
    return merged


def step(**parts: Any) -> list[dict[str, Any]]:
    return [{**SPEC["steps"][0], **parts}]


def build(api: ApiClient, account: Account, message: str = MESSAGE, **body: Any) -> Answer:
    return api.post("batches/build", json={"message": message, "timezone": ROME, **body}, token=account.access_token)


def prompt_of(llm: LoopbackLLM, number: int = 0) -> str:
    """The system message of a request."""
    return str(llm.requests[number]["messages"][0]["content"])
