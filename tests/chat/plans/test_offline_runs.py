"""The offline model answers templates too: no key is needed to try a plan."""

from typing import Any

import pytest

from agents.llm import factory as models
from chat.plans.templates import templates
from tests.support.accounts import Account
from tests.support.client import ApiClient


@pytest.fixture(autouse=True)
def _offline(settings: Any) -> None:
    models.preload()
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = "offline/adiuva"
    settings.LLM_FALLBACK_MODEL = ""


def run(api: ApiClient, account: Account, template_id: str, **body: Any) -> Any:
    answer = api.post(f"plans/templates/{template_id}/run", json=body, token=account.access_token)
    assert answer.status == 200, answer
    assert answer.json["usage"]["input_tokens"] > 0
    return answer.json["result"]


def test_the_bullets_of_a_project_become_tasks(api: ApiClient, free: Account) -> None:
    text = """The bathroom shall be new by spring.
- order the tiles by 2026-12-01, high priority
- [x] choose the colour
- [ ] call the plumber
1. paint the ceiling
* order the tiles
"""

    records = run(api, free, "tpl_task_extract_from_project", variables={"project_text": text})

    assert records == [
        {"title": "Order the tiles", "priority": "high", "due_date": "2026-12-01"},
        {"title": "Call the plumber"},
        {"title": "Paint the ceiling"},
    ]


def test_a_project_of_the_context_becomes_tasks_that_are_new(api: ApiClient, free: Account) -> None:
    project = {"id": "p-1", "name": "Bathroom", "description": "- order tiles\n- call the plumber"}
    notes = [{"id": "n-1", "project_id": "p-1", "content": "- rent a mixer"}, {"id": "n-2", "content": "- fly kites"}]
    context = {"projects": [project], "notes": notes, "recent_tasks": [{"id": "t-1", "title": "Call the plumber"}]}

    records = run(api, free, "tpl_task_extract_from_project", variables={"max_tasks": 5}, context=context)

    assert records == [
        {"title": "Order tiles", "project_id": "p-1"},
        {"title": "Rent a mixer", "project_id": "p-1"},
    ]


def test_prose_becomes_what_must_be_done(api: ApiClient, free: Account) -> None:
    text = "We need to book a hall. Somebody should write the invitations; the weather is fine."

    records = run(api, free, "tpl_task_extract_from_project", variables={"project_text": text})

    assert [task["title"] for task in records] == ["Book a hall", "Write the invitations"]


def test_nothing_to_do_is_no_tasks(api: ApiClient, free: Account) -> None:
    variables = {"project_text": "All is well."}

    assert run(api, free, "tpl_task_extract_from_project", variables=variables) == []


def test_a_week_becomes_a_note(api: ApiClient, free: Account) -> None:
    context = {
        "recent_tasks": [
            {"id": "t-1", "title": "Order the tiles", "status": "done", "due_date": "2026-11-17"},
            {"id": "t-2", "title": "Call the plumber", "status": "todo", "due_date": "2026-11-20"},
            {"id": "t-3", "title": "Paint", "status": "todo", "due_date": "2026-11-25"},
            {"id": "t-4", "title": "Far away", "status": "todo", "due_date": "2027-11-25"},
        ],
        "notes": [{"id": "n-1", "title": "Colours"}],
    }

    (note,) = run(api, free, "tpl_note_weekly_summary", variables={"week_of": "2026-11-18"}, context=context)

    assert note == {
        "title": "Week of 2026-11-16 to 2026-11-22",
        "content": "## Done\n- Order the tiles\n\n## Still open\n- Call the plumber\n\n## Next week\n- Paint\n\n"
        "## Notes\n- Colours",
    }


def test_an_empty_week_is_said(api: ApiClient, free: Account) -> None:
    (note,) = run(api, free, "tpl_note_weekly_summary", variables={})

    assert note["content"] == "Nothing was recorded for this week."


def test_a_request_is_carried_out(api: ApiClient, free: Account) -> None:
    result = run(api, free, "tpl_task_agent_default", variables={"message": "Create a task to buy milk"})

    assert [action["data"] for action in result["actions"]] == [{"title": "Buy milk"}]
    assert "Buy milk" in result["response"]


@pytest.mark.parametrize("plan_id", ["create_tasks_from_project", "generate_weekly_note"])
def test_a_built_in_plan_can_be_carried_out_from_the_context(api: ApiClient, free: Account, plan_id: str) -> None:
    plan = api.get(f"plans/playbook/{plan_id}", token=free.access_token).json
    step = plan["steps"][0]
    context = {"projects": [{"id": "p-1", "name": "Bathroom", "description": "- order tiles"}]}

    records = run(api, free, step["template_id"], variables=step["variables"], context=context)

    assert records
    assert templates.get(step["template_id"]).extracts is not None
