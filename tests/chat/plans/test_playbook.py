"""``GET /plans/playbook`` and one plan of it."""

import asyncio
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chat.plans.playbooks import make_plan
from chat.plans.templates import templates
from chat.turns import ChatTurn
from tests.support.accounts import Account
from tests.support.client import ApiClient

BUILT_IN = ["create_tasks_from_project", "generate_weekly_note"]


def plan_for(message: str, account: Account, *agents: str) -> dict[str, Any]:
    turn = ChatTurn(message=message)
    return asyncio.run(make_plan(turn, agents or ("task_agent",), user_id=account.user.id)).as_dict()


def test_everybody_has_the_built_in_plans(api: ApiClient, free: Account) -> None:
    answer = api.get("plans/playbook", token=free.access_token)

    assert answer.status == 200
    assert set(answer.json) == {"items"}
    assert [plan["plan_id"] for plan in answer.json["items"]] == BUILT_IN


def test_every_template_is_listed_with_its_variables_and_its_tier(api: ApiClient, free: Account) -> None:
    answer = api.get("plans/templates", token=free.access_token)

    assert answer.status == 200
    listed = {item["template_id"]: item for item in answer.json["items"]}
    assert {name: (list(item["variables"]["properties"]), item["required_tier"]) for name, item in listed.items()} == {
        "tpl_task_agent_default": (["message"], "free"),
        "tpl_checkpoint_agent_default": (["message"], "pro"),
        "tpl_project_agent_default": (["message"], "free"),
        "tpl_note_agent_default": (["message"], "free"),
        "tpl_task_extract_from_project": (["project_text", "project_id", "max_tasks"], "free"),
        "tpl_note_weekly_summary": (["week_of", "focus"], "free"),
    }
    for item in listed.values():
        assert set(item) == {"template_id", "variables", "required_tier"}
        assert item["variables"]["additionalProperties"] is False
        Draft202012Validator.check_schema(item["variables"])
    assert listed["tpl_task_extract_from_project"]["variables"]["properties"]["max_tasks"]["maximum"] == 100


@pytest.mark.parametrize(
    ("plan_id", "template_id", "table"),
    [
        ("create_tasks_from_project", "tpl_task_extract_from_project", "tasks"),
        ("generate_weekly_note", "tpl_note_weekly_summary", "notes"),
    ],
)
def test_a_built_in_plan_extracts_and_then_creates(
    api: ApiClient, free: Account, plan_id: str, template_id: str, table: str
) -> None:
    plan = api.get(f"plans/playbook/{plan_id}", token=free.access_token).json

    assert set(plan) == {"plan_id", "name", "steps"}
    llm, data = plan["steps"]
    assert llm == {"id": llm["id"], "type": "llm", "template_id": template_id, "variables": {}}
    assert data == {
        "id": data["id"],
        "type": "data",
        "action": "create_record",
        "table": table,
        "data_from_step": llm["id"],
    }


def test_own_plans_come_after_the_built_in_ones_newest_first(api: ApiClient, free: Account) -> None:
    older, newer = plan_for("Buy milk", free), plan_for("Buy bread", free)

    items = api.get("plans/playbook", token=free.access_token).json["items"]

    assert items[2:] == [newer, older]
    assert api.get(f"plans/playbook/{older['plan_id']}", token=free.access_token).json == older


def test_another_users_plan_is_not_there(api: ApiClient, free: Account, pro: Account) -> None:
    plan = plan_for("Plan the surprise party", free)

    assert api.get(f"plans/playbook/{plan['plan_id']}", token=pro.access_token).code == "not_found"
    assert len(api.get("plans/playbook", token=pro.access_token).json["items"]) == 2


@pytest.mark.parametrize("plan_id", ["nothing", "%00", "x" * 5000, "create_tasks_from_project%20"])
def test_an_unknown_plan_is_404(api: ApiClient, free: Account, plan_id: str) -> None:
    assert api.get(f"plans/playbook/{plan_id}", token=free.access_token).code == "not_found"


@pytest.mark.parametrize("path", ["plans/playbook", "plans/playbook/generate_weekly_note"])
def test_it_takes_a_token(api: ApiClient, db: None, path: str) -> None:
    assert api.get(path).code == "not_authenticated"


def test_reading_counts_towards_the_rate_limit(api: ApiClient, free: Account) -> None:
    answers = [api.get("plans/playbook", token=free.access_token) for _ in range(21)]

    assert [answer.status for answer in answers] == [200] * 20 + [429]


def test_no_prompt_is_in_the_playbook_or_the_schema(api: ApiClient, free: Account) -> None:
    shown = api.get("plans/playbook", token=free.access_token).content + api.get("/openapi.json").content

    for template in templates.list_templates():
        for line in template.prompt.splitlines():
            assert line.encode() not in shown or len(line) < 24
