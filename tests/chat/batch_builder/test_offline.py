"""The Batch Builder with the offline model: no key is needed to try it."""

from typing import Any

import pytest

from agents.llm import factory as models
from chat.sanitizer import protected_texts
from tests.chat.batch_builder.answers import build
from tests.support.accounts import Account
from tests.support.client import ApiClient


@pytest.fixture(autouse=True)
def _offline(settings: Any) -> None:
    models.preload()
    protected_texts.preload()
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = "offline/adiuva"
    settings.LLM_FALLBACK_MODEL = ""


def test_a_sentence_becomes_a_batch(api: ApiClient, pro: Account) -> None:
    built = build(api, pro, "Every Monday at 8 set the priority of my open tasks to high")

    assert built.status == 200
    spec = built.json["spec"]
    assert (spec["trigger"]["rrule"], spec["trigger"]["anchor"][10:]) == ("FREQ=WEEKLY;BYDAY=MO", "T08:00:00")
    assert spec["trigger"]["timezone"] == "Europe/Rome"
    assert spec["selection"]["where"] == [{"field": "status", "op": "ne", "value": "done"}]
    assert [(step["type"], step["tools"]) for step in spec["steps"]] == [("map", ["update_task"])]
    assert built.json["explanation"]
    assert len(built.json["next_runs"]) == 3
    assert built.json["usage"]["input_tokens"] > 0


def test_a_deletion_is_warned_of(api: ApiClient, pro: Account) -> None:
    built = build(api, pro, "Every day at 6pm delete all done tasks").json

    assert built["spec"]["steps"][0]["tools"] == ["delete_task"]
    assert built["spec"]["approval"] == "destructive"
    assert "This batch can delete tasks. What is deleted cannot be brought back." in built["warnings"]


@pytest.mark.thorough
def test_a_change_changes_what_was_said(api: ApiClient, pro: Account) -> None:
    old = build(api, pro, "Every Monday at 8 set the priority of my open tasks to high").json["spec"]

    new = build(api, pro, "Make it Fridays at 9:30", spec=old).json["spec"]

    assert new["trigger"]["rrule"] == "FREQ=WEEKLY;BYDAY=FR"
    assert new["trigger"]["anchor"].endswith("T09:30:00")
    assert {**new, "trigger": None} == {**old, "trigger": None}


def test_what_is_no_batch_is_refused(api: ApiClient, pro: Account) -> None:
    refused = build(api, pro, "Send an email to my boss every Monday")

    assert (refused.status, refused.code) == (422, "not_buildable")
    assert "email" in refused.json["reason"]
